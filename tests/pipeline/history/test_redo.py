"""redo: makes a step again on a branch, glues later ones again if they pass, and pays nothing twice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageFilter

from exquisite import Mode, Session, TileContract
from exquisite.errors import UsageError
from exquisite.pipeline.history.commit import conclude
from exquisite.pipeline.history.rederive import rederive
from tests.support.generators import Paid, Truth, moved_rows
from tests.support.pictures import draw
from tests.support.tiny import PayingGenerator, grow, make_session, pixels_of

SMALL = TileContract(64, 32, 16, 16)
ORIGIN = (128, 128)
PICTURE = draw("clouds", (320, 320), 3).filter(ImageFilter.GaussianBlur(1))


def canvas_of(*modes: str, root: Path) -> Session:
    """A session that grew along the known picture."""
    session = Session.create(root, PICTURE.crop((*ORIGIN, ORIGIN[0] + 64, ORIGIN[1] + 64)), SMALL)
    for mode in modes:
        assert session.step(mode, Truth(PICTURE, ORIGIN), candidates=2, gate=None).status == "committed"
    return session


def damage(tile: Image.Image, _number: int) -> Image.Image:
    """A tile whose new half does not continue the canvas."""
    return moved_rows(tile)


def test_an_equal_tile_restores_every_later_step(tmp_path: Path) -> None:
    session = canvas_of("x_ltr", "x_rtl", "x_ltr", "x_ltr", root=tmp_path / "s")
    redo = session.redo(1, Truth(PICTURE, ORIGIN), gate=None)
    assert redo.branch == "redo-1"
    assert redo.result is not None
    assert [one.step for one in redo.offered] == [2, 3, 4]
    assert [one.made for one in redo.offered] == [6, 7, 8]
    assert pixels_of(session.root, "redo-1") == pixels_of(session.root)
    assert session.head == 4
    assert session.verify().ok


def test_another_tile_loses_the_steps_behind_it_and_keeps_those_at_the_other_end(tmp_path: Path) -> None:
    session = canvas_of("x_ltr", "x_rtl", "x_ltr", "x_rtl", "x_ltr", root=tmp_path / "s")
    before = pixels_of(session.root)
    redo = session.redo(1, Truth(PICTURE, ORIGIN, damage), gate=None)
    fates = {one.step: one.made for one in redo.offered}
    assert (fates[3], fates[5]) == (None, None)
    assert fates[2] is not None
    assert fates[4] is not None
    reasons = {one.step: one.reason for one in redo.offered}
    assert "the gate refused" in reasons[3]
    assert reasons[5] == "it continues step 3, which is no longer on the branch"
    ours = session.on_branch("redo-1")
    assert ours.canvas_size == (64 + 3 * 16, 64)
    left, right = Image.new("RGB", (96, 64)), pixels_of(session.root, "redo-1")
    left.frombytes(Image.frombytes("RGB", right[0], right[1]).crop((0, 0, 96, 64)).tobytes())
    assert left.tobytes() == Image.frombytes("RGB", before[0], before[1]).crop((0, 0, 96, 64)).tobytes()
    assert pixels_of(session.root) == before
    assert session.verify().ok


def test_prompt_and_options_default_to_those_of_the_step(tmp_path: Path) -> None:
    session = Session.create(tmp_path / "s", PICTURE.crop((*ORIGIN, ORIGIN[0] + 64, ORIGIN[1] + 64)), SMALL)
    session.step("x_ltr", Truth(PICTURE, ORIGIN), prompt="rain", candidates=2, gate=None, feather_px=4)
    same = session.redo(1, Truth(PICTURE, ORIGIN))
    other = session.redo(1, Truth(PICTURE, ORIGIN), branch="dry", prompt="sun", candidates=1)
    records = [next(session.on_branch(one.branch).log()) for one in (same, other)]
    assert [record["words"] for record in records] == ["rain", "sun"]
    assert [record["candidates"] for record in records] == [2, 1]
    assert [record["options"]["feather_px"] for record in records] == [4, 4]


def test_a_refusal_by_the_gate_leaves_the_branch_at_its_beginning(tmp_path: Path) -> None:
    session = canvas_of("x_ltr", "x_ltr", root=tmp_path / "s")
    redo = session.redo(1, Truth(PICTURE, ORIGIN, damage), gate=2.75)
    assert redo.result is not None
    assert (redo.result.status, redo.offered) == ("rejected", ())
    assert session.on_branch("redo-1").head == 0
    again = session.redo(1, Truth(PICTURE, ORIGIN), gate=None)
    assert [one.made is not None for one in again.offered] == [True]


def test_a_second_run_makes_and_pays_nothing_again(tmp_path: Path) -> None:
    session = canvas_of("x_ltr", "x_rtl", root=tmp_path / "s")
    paid = Paid(PICTURE, ORIGIN)
    first = session.redo(1, paid, candidates=1, gate=None)
    spent = session.status().money.spent
    second = session.redo(1, paid, candidates=1, gate=None)
    assert second.result is None
    assert second.offered == first.offered
    assert session.status().money.spent == spent
    assert session.on_branch("redo-1").head == session.status().last_step


@pytest.mark.invariant("NEVER-TWICE")
def test_a_run_interrupted_between_two_offers_resumes_with_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = canvas_of("x_ltr", "x_rtl", "x_rtl", root=tmp_path / "s")
    till: list[tuple[int, int]] = []
    calls: list[int] = []

    def breaks(*arguments: Any) -> object:
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return conclude(*arguments)

    monkeypatch.setattr("exquisite.pipeline.history.redo.conclude", breaks)
    with pytest.raises(KeyboardInterrupt):
        session.redo(1, PayingGenerator(till), candidates=1, gate=None, calibrate=False)
    monkeypatch.undo()
    result = session.redo(1, PayingGenerator(till), candidates=1, gate=None, calibrate=False)
    assert len(till) == 1
    assert [one.made is not None for one in result.offered] == [True, True]
    assert session.verify().ok


def test_a_step_glued_again_can_be_rederived_from_its_answers(tmp_path: Path) -> None:
    session = canvas_of("x_ltr", "x_rtl", root=tmp_path / "s")
    (offer,) = session.redo(1, Truth(PICTURE, ORIGIN, damage), gate=None).offered
    assert offer.made is not None
    record = session.store.steps.record(offer.made)
    assert record["kind"] == "rechosen"
    assert record["accepted"]["step"] == 2
    strip = (session.root / "strips" / f"{record['strip']['sha256']}.png").read_bytes()
    assert rederive(session.store, offer.made).strip == strip


def test_a_step_that_is_not_on_the_canvas_is_refused(tmp_path: Path) -> None:
    session = make_session(tmp_path / "s", ["x_ltr", "x_ltr"])
    session.undo()
    for step in (0, 2, 7):
        with pytest.raises(UsageError, match=f"step {step} is not on the canvas"):
            session.redo(step, Truth(PICTURE, ORIGIN))
    assert session.status().branches == ()


def test_a_branch_that_begins_elsewhere_is_refused(tmp_path: Path) -> None:
    session = make_session(tmp_path / "s", ["x_ltr", "x_ltr", "x_ltr"])
    session.branch("mine", at=1)
    with pytest.raises(UsageError, match="the branch 'mine' does not begin at step 2: choose another name"):
        session.redo(3, Truth(PICTURE, ORIGIN), branch="mine")


def test_a_branch_made_again_keeps_its_axis(tmp_path: Path) -> None:
    session = make_session(tmp_path / "s", ["x_ltr"])
    session.redo(1, PayingGenerator([]), candidates=1, gate=None, calibrate=False)
    assert session.on_branch("redo-1").axis == "x"
    grow(session.on_branch("redo-1"), Mode.X_RTL)
