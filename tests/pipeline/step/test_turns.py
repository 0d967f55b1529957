"""A step turns its band once, and each candidate once: the stages between find growth to the right."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import exquisite.mode
from exquisite.contract import Mode
from exquisite.pipeline.history.rederive import stored_answers, stored_inputs
from exquisite.pipeline.session import Session
from exquisite.pipeline.step.derived import derive
from exquisite.pipeline.step.inputs import StepInputs
from tests.support.faulty_files import QuickFiles
from tests.support.tiny import InstantGenerator, grow, make_session

CANDIDATES = 3
TILE, BAND, STRIP = (32, 32), (16, 32), (8, 32)
TURNED = [Mode.X_RTL, Mode.Y_TTB, Mode.Y_BTT]


@pytest.fixture
def turns(monkeypatch: pytest.MonkeyPatch) -> Counter[tuple[int, int]]:
    """How often `to_canonical` and `from_canonical` turned a picture of each canonical size."""
    counts: Counter[tuple[int, int]] = Counter()
    transpose = Image.Image.transpose

    def counted(image: Image.Image, method: Image.Transpose) -> Image.Image:
        result = transpose(image, method)
        if sys._getframe(1).f_globals is vars(exquisite.mode):
            counts[min(result.size, result.size[::-1])] += 1
        return result

    monkeypatch.setattr(Image.Image, "transpose", counted)
    return counts


def inputs_of(session: Session, mode: str, **options: Any) -> StepInputs:
    number = grow(session, mode, InstantGenerator(drift_px=1), candidates=CANDIDATES, **options).step_index
    inputs, _ = stored_inputs(session.store, number, session.store.steps.record(number)["options"])
    return inputs


@pytest.mark.parametrize("mode", TURNED)
@pytest.mark.parametrize("calibrate", [True, False])
def test_band_and_candidates_are_turned_once_and_the_strip_once_back(
    tmp_path: Path, turns: Counter[tuple[int, int]], mode: str, calibrate: bool
) -> None:
    session = make_session(tmp_path / "s", files=QuickFiles())
    inputs, raws = inputs_of(session, mode, calibrate=calibrate), stored_answers(session.store, 1)
    turns.clear()
    derive(inputs, raws)
    assert turns == {BAND: 1, TILE: CANDIDATES, STRIP: 1}


def test_nothing_is_turned_in_growth_to_the_right(tmp_path: Path, turns: Counter[tuple[int, int]]) -> None:
    grow(make_session(tmp_path / "s", files=QuickFiles()), "x_ltr", candidates=CANDIDATES, artifacts="full")
    assert not turns


@pytest.mark.parametrize("mode", TURNED)
def test_each_tile_written_with_all_files_is_turned_back_once(
    tmp_path: Path, turns: Counter[tuple[int, int]], mode: str
) -> None:
    """The enforced tile of each candidate, what is glued, for its overlay, and the two pictures of the request."""
    session = make_session(tmp_path / "s", files=QuickFiles())
    inputs, raws = inputs_of(session, mode, artifacts="full"), stored_answers(session.store, 1)
    turns.clear()
    derive(inputs, raws)
    enforced, glued, reference, mask = CANDIDATES, 1, 1, 1
    assert turns[TILE] == CANDIDATES + enforced + glued + reference + mask
