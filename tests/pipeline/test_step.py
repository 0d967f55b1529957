"""The choice among examined candidates: by the metric, of those that pass the gate."""

from typing import Any

import pytest

from exquisite.api.generator import RawCandidate
from exquisite.contract import Mode, TileContract
from exquisite.geometry.overlap_score import METRICS, TileScore, interior_gate
from exquisite.pipeline.step import Choice, Examined, StepInputs, StepOptions, choose
from tests.support.pictures import draw

CONTRACT = TileContract(64, 32, 16, 16)
BAND = draw("ink", (32, 64), 3)
THRESHOLD = interior_gate(BAND, Mode.X_LTR, CONTRACT).threshold
GOOD, BAD = THRESHOLD + 1, THRESHOLD - 1


def candidate(index: int, primary: float, seam: float, *vetoes: str) -> Examined:
    metrics = {**dict.fromkeys(METRICS, 0.0), "primary": primary, "seam": seam}
    return Examined(index, RawCandidate(b"", {}), score=TileScore(primary, metrics, vetoes))


def chosen(*examined: Examined, **options: Any) -> Choice:
    return choose(examined, StepInputs(Mode.X_LTR, CONTRACT, BAND, "", StepOptions(**options)))


def test_the_best_by_the_metric_is_glued() -> None:
    found = chosen(candidate(0, -9, GOOD), candidate(1, -5, GOOD))
    assert (found.chosen, found.best) == (1, 1)
    assert "candidate 1 has the best primary, -5.000, 4.000 above candidate 0" in found.reason


def test_a_candidate_below_the_gate_does_not_stand_in_the_way_of_one_above_it() -> None:
    found = chosen(candidate(0, -5, BAD), candidate(1, -9, GOOD), candidate(2, -12, GOOD))
    assert (found.chosen, found.best) == (1, 1)
    assert found.best_by["primary"] == 0
    assert "candidate 0 does not" in found.reason


def test_nothing_is_glued_when_none_passes() -> None:
    found = chosen(candidate(0, -9, BAD), candidate(1, -5, BAD))
    assert (found.chosen, found.best) == (None, 1)
    assert "the gate refused" in found.reason


def test_a_vetoed_candidate_never_passes() -> None:
    found = chosen(candidate(0, -5, GOOD, "mirror"), candidate(1, -90, GOOD))
    assert found.chosen == 1
    assert chosen(candidate(0, -5, GOOD, "mirror")).chosen is None


def test_without_a_gate_the_best_is_glued_whatever_its_score() -> None:
    found = chosen(candidate(0, -5, BAD), candidate(1, -9, GOOD), gate=None)
    assert found.chosen == 0
    assert found.gate is None


def test_what_cannot_be_read_is_named() -> None:
    unread = Examined(0, RawCandidate(b"", {}), error="no PNG")
    assert chosen(unread).reason == "no candidate could be read: candidate 0: no PNG"
    assert chosen(unread, candidate(1, -9, GOOD)).chosen == 1


@pytest.mark.parametrize("metric", ["seam", "sobel_corr"])
def test_another_metric_decides_when_asked_for(metric: str) -> None:
    scores = [candidate(0, -5, GOOD), candidate(1, -9, GOOD + 0.5)]
    scores[1].score.metrics["sobel_corr"] = 0.9  # type: ignore[index, union-attr]
    assert chosen(*scores, metric=metric).chosen == 1
