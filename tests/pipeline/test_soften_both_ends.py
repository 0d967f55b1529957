"""A pending zone at each end of the canvas: what is done at one end leaves the other, and all that is committed."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from exquisite import Session, StepOptions
from exquisite.contract import Box, Mode
from exquisite.pipeline.experiment import Experiment
from exquisite.pipeline.experiment.plan import Arm
from exquisite.pipeline.history.rederive import rederive
from exquisite.pipeline.store.pieces import Piece, pending_at
from tests.support.soft_sessions import SEED, SOFT, canvas_at, committed_at, grow, lower_by, session_at
from tests.support.tiny import tree

MODES = {"x": ("x_ltr", "x_rtl", "x_ltr", "x_rtl", "x_ltr"), "y": ("y_btt", "y_ttb", "y_btt", "y_ttb", "y_btt")}
EASY_GATE = 50.0
"""A gate that a redraw passes that is a row too low."""

both_axes = pytest.mark.parametrize("axis", MODES)


def session_of(root: Path, axis: str, steps: int = 5) -> Session:
    """A session that grew at both ends: the first two tiles exact, the later redraws a row too low."""
    session = session_at(root)
    for number, mode in enumerate(MODES[axis][:steps]):
        grow(session, mode, lower_by(number // 2), gate=EASY_GATE)
    return session


def zones(session: Session) -> dict[str, bytes]:
    """The pixels of the pending zone at each end."""
    record = session.store.steps.record(session.head)
    pieces = {side: pending_at(record, side) for side in ("low", "high")}
    return {side: session.store.read_strip(piece).tobytes() for side, piece in pieces.items() if piece is not None}


def cut_px(session: Session, step: int) -> int:
    """The width of the zone that a step cut; 0 for a straight seam."""
    (cut,) = (one.cut for one in rederive(session.store, step).examined)
    return 0 if cut is None else cut.zone_px


def widths(session: Session) -> tuple[int, int]:
    """What is pending at both ends."""
    pending_px = session.status().pending_px
    return pending_px["low"], pending_px["high"]


def require_committed_pixels_stay(session: Session) -> None:
    """Compare what each step of the canvas had committed with the step after it."""
    numbers = [int(record["step"]) for record in session.log()][::-1]
    for before, after in pairwise(numbers):
        box = committed_at(session, before)
        assert canvas_at(session, box, after).tobytes() == canvas_at(session, box, before).tobytes(), after
    assert session.verify().ok


@both_axes
class TestOtherEnd:
    @pytest.mark.invariant("OLD-PIXELS")
    def test_a_step_leaves_the_zone_of_the_other_end_as_it_is(self, tmp_path: Path, axis: str) -> None:
        session = session_of(tmp_path / "s", axis, steps=2)
        for mode in MODES[axis][2:]:
            before = zones(session)
            grow(session, mode, lower_by(2))
            other = Mode(mode).opposite.side
            assert zones(session)[other] == before[other]
            assert zones(session)[Mode(mode).side] != before[Mode(mode).side]
        require_committed_pixels_stay(session)

    def test_undo_brings_back_the_zones_of_both_ends(self, tmp_path: Path, axis: str) -> None:
        session = session_at(tmp_path / "s")
        states = []
        for number, mode in enumerate(MODES[axis]):
            states.append((canvas_at(session).tobytes(), zones(session)))
            grow(session, mode, lower_by(number), soften_px=SOFT - number)
        for state in reversed(states):
            session.undo()
            assert (canvas_at(session).tobytes(), zones(session)) == state

    @pytest.mark.invariant("OLD-PIXELS")
    def test_branches_grow_at_different_ends_of_one_canvas(self, tmp_path: Path, axis: str) -> None:
        session = session_of(tmp_path / "s", axis, steps=2)
        before = zones(session)
        session.branch("other")
        other = session.on_branch("other")
        first, second = MODES[axis][:2]
        grow(session, first, lower_by(1))
        grow(other, second, lower_by(2), soften_px=3)
        assert zones(session)[Mode(second).side] == before[Mode(second).side]
        assert zones(other)[Mode(first).side] == before[Mode(first).side]
        assert sorted(widths(other)) == [3, SOFT]
        for each in (session, other):
            require_committed_pixels_stay(each)

    def test_another_candidate_leaves_the_other_zone_and_may_leave_none(self, tmp_path: Path, axis: str) -> None:
        session = session_of(tmp_path / "s", axis, steps=2)
        mode = Mode(MODES[axis][2])
        winner = grow(session, mode, candidates=2).chosen
        assert winner is not None
        before, other = zones(session), mode.opposite.side
        session.accept(1 - winner)
        assert zones(session)[other] == before[other]
        assert zones(session)[mode.side] != before[mode.side]
        session.accept(1 - winner, soften_px=0)
        assert zones(session) == {other: before[other]}
        require_committed_pixels_stay(session)

    def test_rescoring_cuts_the_zone_that_the_step_cut(self, tmp_path: Path, axis: str) -> None:
        session = session_of(tmp_path / "s", axis, steps=2)
        grow(session, MODES[axis][2], soften_px=2)
        score = grow(session, MODES[axis][3], candidates=2).scores[1]
        before = tree(session.root)
        again, narrow = session.rescore().examined[1], session.rescore(soften_px=1).examined[1]
        assert again.cut is not None
        assert again.cut.zone_px == SOFT
        assert again.score == score == narrow.score
        assert tree(session.root) == before

    def test_arms_of_an_experiment_begin_with_both_zones(self, tmp_path: Path, axis: str) -> None:
        session = session_of(tmp_path / "s", axis, steps=2)
        before, pixels = zones(session), canvas_at(session).tobytes()
        mode = Mode(MODES[axis][0])
        soft = StepOptions(candidates=1, calibrate=False, gate=None, artifacts="none", soften_px=4)
        arms = [Arm("hard", StepOptions.from_values({**soft.as_dict(), "soften_px": 0})), Arm("soft", soft)]
        experiment = Experiment.begin(session.root, "ends", mode, arms, repeat=1, steps=2)
        list(experiment.run(lambda _arm, _repetition: lower_by(1)))
        assert (zones(session), canvas_at(session).tobytes()) == (before, pixels)
        for arm in arms:
            branch = session.on_branch(f"exp-ends-{arm.name}")
            assert zones(branch)[mode.opposite.side] == before[mode.opposite.side]
            assert branch.status().pending_px[mode.side] == arm.options.soften_px
            require_committed_pixels_stay(branch)


@both_axes
class TestRedo:
    def test_the_same_tile_again_brings_back_every_zone(self, tmp_path: Path, axis: str) -> None:
        session = session_of(tmp_path / "s", axis)
        redo = session.redo(1, lower_by(0))
        branch = session.on_branch(redo.branch)
        assert [one.made for one in redo.offered] == [7, 8, 9, 10]
        assert canvas_at(branch).tobytes() == canvas_at(session).tobytes()
        assert zones(branch) == zones(session)

    @pytest.mark.invariant("OLD-PIXELS")
    def test_later_steps_cut_the_zones_of_the_branch_and_the_canvas_keeps_its_own(
        self, tmp_path: Path, axis: str
    ) -> None:
        session = session_of(tmp_path / "s", axis)
        before, pixels = tree(session.root), canvas_at(session).tobytes()
        redo = session.redo(1, lower_by(3), soften_px=5)
        assert [one.made for one in redo.offered] == [7, 8, 9, 10]
        branch = session.on_branch(redo.branch)
        assert [cut_px(branch, step) for step in (6, 7, 8, 9, 10)] == [0, 0, 5, SOFT, SOFT]
        assert [cut_px(session, step) for step in (1, 2, 3, 4, 5)] == [0, 0, SOFT, SOFT, SOFT]
        other = Mode(MODES[axis][1]).side
        assert zones(branch)[other] == zones(session)[other]
        assert widths(branch) == widths(session) == (SOFT, SOFT)
        step_3 = Piece.from_record(session.store.steps.record(3)["strip"]).box
        assert canvas_at(branch, step_3).tobytes() != canvas_at(session, step_3).tobytes()
        require_committed_pixels_stay(branch)
        after = tree(session.root)
        assert all(after[name] == data for name, data in before.items() if name.startswith(("steps/", "strips/")))
        assert canvas_at(session).tobytes() == pixels

    def test_a_step_that_leaves_nothing_pending_is_followed_by_a_straight_seam(self, tmp_path: Path, axis: str) -> None:
        session = session_of(tmp_path / "s", axis, steps=3)
        redo = session.redo(1, lower_by(0), soften_px=0)
        assert [one.made for one in redo.offered] == [5, 6]
        branch = session.on_branch(redo.branch)
        assert [cut_px(branch, step) for step in (4, 5, 6)] == [0, 0, 0]
        assert widths(branch) == (SOFT, SOFT)
        require_committed_pixels_stay(branch)

    @pytest.mark.invariant("PENDING-ONLY")
    def test_redo_of_a_first_step_cuts_the_seed_picture_itself(self, tmp_path: Path, axis: str) -> None:
        session = session_at(tmp_path / "s")
        for mode in MODES[axis][:3]:
            grow(session, mode, lower_by(1), gate=EASY_GATE, soften_seed=True)
        redo = session.redo(1, lower_by(2))
        assert [one.made for one in redo.offered] == [5, 6]
        branch = session.on_branch(redo.branch)
        assert [cut_px(branch, step) for step in (4, 5, 6)] == [SOFT, SOFT, SOFT]
        first = Piece.from_record(branch.store.steps.record(4)["strip"]).box
        cut = Box(*(max(a, 0) for a in first[:2]), *(min(b, 64) for b in first[2:]))
        assert sorted(cut.size) == [SOFT, 64]
        pictures = [canvas_at(each, cut).tobytes() for each in (session, branch)] + [SEED.crop(cut).tobytes()]
        assert len(set(pictures)) == 3
        middle = Box(*(SOFT, 0, 64 - SOFT, 64) if axis == "x" else (0, SOFT, 64, 64 - SOFT))
        assert canvas_at(branch, middle).tobytes() == SEED.crop(middle).tobytes()
        assert session.verify().ok
