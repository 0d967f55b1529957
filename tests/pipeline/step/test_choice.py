"""The choice among candidates: by the metric, of those that pass the gate."""

from dataclasses import replace
from typing import Any

import pytest

from exquisite.api.generator import RawCandidate
from exquisite.contract import Mode, TileContract, from_canonical
from exquisite.geometry.overlap_score import METRICS, Gate, TileScore, interior_gate
from exquisite.pipeline.step import Candidate, ExaminedSeam, StepInputs, StepOptions, examine_all
from exquisite.pipeline.step.choice import AUTO_WIDTHS, Choice, _shortfall, choose, feather_width, ranked
from exquisite.pipeline.step.inputs import CanonicalInputs
from exquisite.pipeline.store.artifacts import encode_png
from tests.support.pictures import draw

CONTRACT = TileContract(64, 32, 16, 16)
BAND = draw("ink", (32, 64), 3)
THRESHOLD = interior_gate(BAND, Mode.X_LTR, CONTRACT).threshold
GOOD, BAD = THRESHOLD + 1, THRESHOLD - 1


def candidate(index: int, primary: float, seam: float, *vetoes: str) -> Candidate:
    metrics = {**dict.fromkeys(METRICS, 0.0), "primary": primary, "seam": seam}
    score = TileScore(primary, metrics, vetoes)
    return Candidate(index, RawCandidate(b"", {}), seams=(ExaminedSeam(score=score),), score=score)


def choice_among(*examined: Candidate, **options: Any) -> Choice:
    return choose(examined, StepInputs(Mode.X_LTR, CONTRACT, BAND, "", StepOptions(**options)).canonical)


def test_the_best_by_the_metric_is_glued() -> None:
    choice = choice_among(candidate(0, -9, GOOD), candidate(1, -5, GOOD))
    assert (choice.chosen, choice.best) == (1, 1)
    assert "candidate 1 has the best primary, -5.000, 4.000 above candidate 0" in choice.reason


def test_a_candidate_that_passes_the_gate_wins_over_a_better_one_that_does_not() -> None:
    choice = choice_among(candidate(0, -5, BAD), candidate(1, -9, GOOD), candidate(2, -12, GOOD))
    assert (choice.chosen, choice.best) == (1, 1)
    assert choice.best_by["primary"] == 0
    assert "candidate 0 does not" in choice.reason


def test_nothing_is_glued_when_none_passes() -> None:
    choice = choice_among(candidate(0, -9, BAD), candidate(1, -5, BAD))
    assert (choice.chosen, choice.best) == (None, 1)
    assert "the gate refused" in choice.reason


def test_a_vetoed_candidate_never_passes() -> None:
    choice = choice_among(candidate(0, -5, GOOD, "mirror"), candidate(1, -90, GOOD))
    assert choice.chosen == 1
    assert choice_among(candidate(0, -5, GOOD, "mirror")).chosen is None


@pytest.mark.parametrize("metric", ["primary", "seam", "sobel_corr"])
@pytest.mark.parametrize("gate", [None, 2.75])
def test_a_vetoed_candidate_never_wins_against_another_gate_or_not(metric: str, gate: float | None) -> None:
    """Every local metric is fooled by a copied band, so it has the best value in all of them."""
    vetoed, other = candidate(0, 9.0, GOOD + 9, "copy"), candidate(1, -90.0, GOOD)
    vetoed.score.metrics["sobel_corr"] = 1.0  # type: ignore[index, union-attr]
    choice = choice_among(vetoed, other, metric=metric, gate=gate)
    assert (choice.chosen, choice.best, set(choice.best_by.values())) == (1, 1, {1})
    assert [one.index for one in ranked([vetoed, other], metric)] == [1, 0]


def test_without_a_gate_the_best_is_glued_whatever_its_score() -> None:
    choice = choice_among(candidate(0, -5, BAD), candidate(1, -9, GOOD), gate=None)
    assert choice.chosen == 0
    assert choice.gates == ()


def test_where_every_candidate_is_vetoed_nothing_is_glued_gate_or_not() -> None:
    vetoed = candidate(0, 9.0, GOOD, "copy", "cast"), candidate(1, 5.0, GOOD, "flat")
    assert choice_among(*vetoed).chosen is None
    choice = choice_among(*vetoed, gate=None)
    assert (choice.chosen, choice.best, choice.would_pass) == (None, 0, None)
    assert "candidate 0 (copy, cast), candidate 1 (flat)" in choice.reason
    assert "`accept`" in choice.reason
    assert not any(choice.passes(one) for one in vetoed)


def test_an_unreadable_candidate_is_named() -> None:
    unreadable = Candidate(0, RawCandidate(b"", {}), error="no PNG")
    assert choice_among(unreadable).reason == "no candidate could be read: candidate 0: no PNG"
    assert choice_among(unreadable, candidate(1, -9, GOOD)).chosen == 1


@pytest.mark.parametrize("metric", ["seam", "sobel_corr"])
def test_the_option_metric_sets_the_metric_that_decides(metric: str) -> None:
    scores = [candidate(0, -5, GOOD), candidate(1, -9, GOOD + 0.5)]
    scores[1].score.metrics["sobel_corr"] = 0.9  # type: ignore[index, union-attr]
    assert choice_among(*scores, metric=metric).chosen == 1


class TestAutoFeather:
    """On tiles that are the truth but for a tone that the band does not have, so that a feather mends them."""

    CONTRACT = TileContract(256, 128, 64, 64)
    TRUTH = draw("clouds", (256, 256), 9)

    def examined(self, levels: int, mode: str, **options: Any) -> tuple[Candidate, CanonicalInputs]:
        truth = from_canonical(self.TRUTH, mode)
        band = truth.crop(self.CONTRACT.tile_frame(mode).conditioning_half)
        raw = RawCandidate(encode_png(truth.point(lambda level: level + levels)), {})
        inputs = StepInputs(Mode(mode), self.CONTRACT, band, "", StepOptions(calibrate=False, **options)).canonical
        (one,) = examine_all([raw], inputs)
        return one, inputs

    def choice_of(self, levels: int, mode: str = "x_ltr", **options: Any) -> tuple[Choice, CanonicalInputs]:
        one, inputs = self.examined(levels, mode, **options)
        return choose([one], inputs), inputs

    def test_is_none_for_a_candidate_that_passes_without(self) -> None:
        choice, inputs = self.choice_of(0, feather_px="auto")
        assert (choice.chosen, choice.feathers[0].feather_px) == (0, 0)
        assert feather_width(0, inputs, choice) == 0

    @pytest.mark.parametrize("mode", Mode)
    def test_is_the_narrowest_with_which_the_gate_passes(self, mode: str) -> None:
        choice, inputs = self.choice_of(6, mode, feather_px="auto")
        assert choice.chosen == 0
        width = feather_width(0, inputs, choice)
        assert width in AUTO_WIDTHS[1:]
        assert f"the gate asks for a feather of {width} px" in choice.reason
        feather = choice.feathers[0]
        assert feather.before < choice.gates[0].threshold <= feather.after

    def test_a_refusal_without_it_names_the_feather_that_would_pass(self) -> None:
        choice, _ = self.choice_of(6)
        assert choice.chosen is None
        assert choice.would_pass is not None
        candidate, width = choice.would_pass
        assert candidate == 0
        assert width in AUTO_WIDTHS[1:]
        assert f"with feather_px {width} candidate 0 passes" in choice.reason

    @pytest.mark.parametrize("veto", ["cast", "bar", "line", "mirror", "copy"])
    def test_corrects_a_cast_and_no_other_veto(self, veto: str) -> None:
        """A feather can bring a candidate with a cast past the gate, and no other vetoed one."""
        one, inputs = self.examined(6, "x_ltr", feather_px="auto")
        assert one.score is not None
        choice = choose([replace(one, score=replace(one.score, vetoes=(veto,)))], inputs)
        assert list(choice.feathers) == ([0] if veto == "cast" else [])
        assert choice.chosen == (0 if veto == "cast" else None)


def test_the_shortfall_is_that_of_the_seam_that_lacks_most() -> None:
    """The two seams of a closing step, each with its own gate: what counts is how far below it a seam is."""
    near, far = candidate(0, -20, -20.0).score, candidate(0, -8, -8.0).score
    one = replace(candidate(0, -5, GOOD), seams=(ExaminedSeam(score=near), ExaminedSeam(score=far)))
    gates = Gate(-15.0, (), 1.0), Gate(-1.0, (), 1.0)
    assert _shortfall(one, gates) == "scores -8.000 at the seam; this canvas asks for -1.000"
