"""A canvas that is closed to a loop: its ends meet, and no committed pixel changes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image, ImageChops

from exquisite import MockTileGenerator, Mode, OpenAITileGeneratorClient, Session
from exquisite.api.cassette import use_cassette
from exquisite.api.generator import CallLog
from exquisite.cli import main
from exquisite.contract import CLASSIC
from exquisite.errors import CanvasError, ServerError, UsageError
from exquisite.pipeline.store.records import Record
from tests.support.emulator import EMULATOR_KEY, MemoryTransport, emulator
from tests.support.generators import Paid
from tests.support.loops import (
    CONTRACT,
    MIDDLE,
    OTHER,
    PERIOD,
    SEED_PX,
    SOFT,
    canvas_at,
    canvas_image,
    displace,
    endless,
    grow,
    origin_of,
    truth,
)
from tests.support.tiny import pixels_of

every_mode = pytest.mark.parametrize("mode", Mode)


def read(path: Path) -> Record:
    record: Record = json.loads(path.read_bytes())
    return record


class TestCanvas:
    @every_mode
    @pytest.mark.invariant("LOOP-CLOSED")
    @pytest.mark.invariant("GROWTH-EXACT")
    def test_the_middle_of_the_tile_is_added_and_the_ends_meet(self, tmp_path: Path, mode: Mode) -> None:
        session = canvas_at(tmp_path / "s", mode)
        before = canvas_image(session)
        assert grow(session, mode, close=True).status == "committed"
        after, along = canvas_image(session), before.size[0 if mode.axis == "x" else 1]
        assert CONTRACT.oriented(after.size, mode) == (along + MIDDLE, CONTRACT.across_px)
        left, top = (at + start for at, start in zip(session.canvas_origin, origin_of(mode), strict=True))
        assert after.tobytes() == endless(mode).crop((left, top, left + after.width, top + after.height)).tobytes()
        assert session.status().closed
        assert session.verify().ok

    @every_mode
    @pytest.mark.invariant("LOOP-CLOSED")
    @pytest.mark.invariant("OLD-PIXELS")
    @pytest.mark.parametrize(("soft_px", "feather_px"), [(0, 0), (0, 5), (SOFT, 0), (SOFT, 5)])
    def test_every_other_pixel_is_unchanged(self, tmp_path: Path, mode: Mode, soft_px: int, feather_px: int) -> None:
        """Rolled so that the junction lies inside, the canvas differs from before in pending zones and middle alone."""
        session = canvas_at(tmp_path / "s", mode, soften_px=soft_px)
        before, origin = canvas_image(session), session.canvas_origin
        grow(session, mode, displace, close=True, feather_px=feather_px)
        after = canvas_image(session)
        size = CONTRACT.oriented((PERIOD, CONTRACT.across_px), mode)
        assert after.size == size
        old, new = Image.new("RGB", size), Image.new("RGB", size)
        shift = [was - now for was, now in zip(origin, session.canvas_origin, strict=True)]
        new.paste(ImageChops.offset(after, -shift[0], -shift[1]))
        old.paste(before)
        along = before.size[0 if mode.axis == "x" else 1]
        end = CONTRACT.oriented((along - soft_px, CONTRACT.across_px), mode)
        start = CONTRACT.oriented((soft_px, 0), mode)
        box = (*start, *end)
        assert new.crop(box).tobytes() == old.crop(box).tobytes()
        assert session.status().pending_px == {"low": 0, "high": 0}
        zone = (0, 0, *CONTRACT.oriented((soft_px, CONTRACT.across_px), mode))
        assert (new.crop(zone).tobytes() == old.crop(zone).tobytes()) == (soft_px == 0)
        assert session.verify().ok

    @pytest.mark.invariant("LOOP-CLOSED")
    @pytest.mark.parametrize("mode", [Mode.X_LTR, Mode.Y_BTT])
    def test_a_seed_picture_can_be_closed_at_once(self, tmp_path: Path, mode: Mode) -> None:
        session = canvas_at(tmp_path / "s", mode, (mode,))
        session.undo()
        grow(session, mode, close=True)
        assert CONTRACT.oriented(session.canvas_size, mode)[0] == SEED_PX + MIDDLE
        assert session.verify().ok

    def test_undo_opens_the_loop_and_a_branch_goes_on_beside_it(self, tmp_path: Path) -> None:
        session = canvas_at(tmp_path / "s", soften_px=SOFT)
        before, pending = canvas_image(session), session.status().pending_px
        grow(session, Mode.X_LTR, displace, close=True)
        for mode in (Mode.X_LTR, Mode.X_RTL):
            with pytest.raises(CanvasError, match=r"a loop since step 3: `undo` opens it again, or `branch --at 2`"):
                grow(session, mode)
            with pytest.raises(CanvasError, match="a loop since step 3"):
                session.frontier(mode)
        session.branch("open", at=2)
        grow(session.on_branch("open"), Mode.X_LTR)
        session.undo()
        assert (canvas_image(session).tobytes(), session.status().pending_px) == (before.tobytes(), pending)
        assert not session.status().closed
        grow(session, Mode.X_RTL)
        assert session.verify().ok


class TestChoice:
    def test_both_seams_are_gated_and_recorded_and_the_worse_one_counts(self, tmp_path: Path) -> None:
        def torn(tile: Image.Image, number: int) -> Image.Image:
            """Candidate 0 does not meet the beginning, candidate 1 not the frontier; candidate 2 is true."""
            tile = tile.copy()
            if number < 2:
                tile.paste(OTHER, (48 if number == 0 else 32, 0))
            return tile

        session = canvas_at(tmp_path / "s")
        result = grow(session, Mode.X_LTR, torn, close=True, candidates=3, gate=2)
        score = read(result.step_dir / "score.json")
        assert (result.status, result.chosen) == ("committed", 2)
        seams = [[seam["metrics"]["seam"] for seam in one["seams"]] for one in score["candidates"]]
        gates = [score[name]["threshold"] for name in ("gate", "far_gate")]
        assert [[value >= gate for value, gate in zip(scores, gates, strict=True)] for scores in seams] == [
            [True, False],
            [False, True],
            [True, True],
        ]
        assert [one["metrics"]["seam"] for one in score["candidates"]] == [min(scores) for scores in seams]
        assert {"feather", "far_feather"} <= score.keys()
        assert (result.step_dir / "far_seam_after_feather.png").is_file()

    def test_a_candidate_that_misses_the_beginning_is_refused_and_can_be_accepted(self, tmp_path: Path) -> None:
        def apart(tile: Image.Image, _number: int) -> Image.Image:
            tile.paste(OTHER, (48, 0))
            return tile

        session = canvas_at(tmp_path / "s")
        result = grow(session, Mode.X_LTR, apart, close=True, gate=2.75)
        assert (result.status, "the gate refused" in result.message) == ("rejected", True)
        assert not session.status().closed
        session.accept(0)
        assert session.status().closed
        assert session.verify().ok

    def test_a_later_choice_cannot_change_the_request(self, tmp_path: Path) -> None:
        session = canvas_at(tmp_path / "s")
        with pytest.raises(UsageError, match="fixes whether it closes a loop"):
            session.accept(0, close=True)
        grow(session, Mode.X_LTR, close=True)
        with pytest.raises(UsageError, match="fixes whether it closes a loop"):
            session.rescore(close=False)

    def test_drift_is_undone_at_both_seams(self, tmp_path: Path) -> None:
        def brighter(tile: Image.Image, _number: int) -> Image.Image:
            return tile.point(lambda level: min(255, level + 12))

        session = canvas_at(tmp_path / "s")
        score = read(grow(session, Mode.X_LTR, brighter, close=True, calibrate=True).step_dir / "score.json")
        for seam in score["candidates"][0]["seams"]:
            assert seam["calibration"]["stages"] == ["tone"]
            assert seam["calibration"]["residual_after"] < 0.2 * seam["calibration"]["residual_before"]


class TestRecovery:
    @pytest.mark.invariant("NEVER-TWICE")
    def test_an_interrupted_closing_goes_on_and_pays_once(self, tmp_path: Path) -> None:
        session = canvas_at(tmp_path / "s")

        def fail(number: int, calls: CallLog, call: int) -> None:
            if number == 2:
                calls.not_sent(call, "no network")
                raise ServerError("no network")

        paid = Paid(endless(Mode.X_LTR), origin_of(Mode.X_LTR), fail=fail)
        with pytest.raises(ServerError):
            session.step("x_ltr", paid, close=True, candidates=2, gate=None)
        assert session.verify().ok
        session.step("x_ltr", paid, close=True, candidates=2, gate=None)
        assert session.status().closed
        assert session.status().money.spent == 2
        assert session.verify().ok

    def test_strip_and_record_are_made_again_from_the_answers(self, tmp_path: Path) -> None:
        session = canvas_at(tmp_path / "s", soften_px=SOFT)
        folder = grow(session, Mode.X_LTR, displace, close=True).step_dir
        before = canvas_image(session)
        strip = session.root / "strips" / f"{session.store.steps.record(3)['strip']['sha256']}.png"
        for path in (strip, folder / "far_cut_overlay.png", folder / "step.json"):
            data = path.read_bytes()
            path.unlink()
            assert session.verify(repair=True).ok
            assert path.read_bytes() == data
        assert canvas_image(session).tobytes() == before.tobytes()

    def test_redo_of_an_earlier_step_closes_the_loop_again(self, tmp_path: Path) -> None:
        session = canvas_at(tmp_path / "s")
        grow(session, Mode.X_LTR, close=True)
        redo = session.redo(1, truth(Mode.X_LTR), gate=None)
        assert [one.made is not None for one in redo.offered] == [True, True]
        assert pixels_of(session.root, "redo-1") == pixels_of(session.root)
        assert session.on_branch("redo-1").status().closed


class TestRefusals:
    def test_a_contract_without_room_is_refused_before_the_request(self, tmp_path: Path) -> None:
        session = Session.create(tmp_path / "s", Image.new("RGB", (1024, 1024)), CLASSIC)
        generator = truth(Mode.X_LTR)
        with pytest.raises(UsageError, match="no room to close a loop"):
            session.step("x_ltr", generator, close=True)
        assert generator.requests == []
        assert session.status().last_step == 0

    def test_a_closing_step_leaves_nothing_pending(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match="leaves nothing pending: omit soften_px"):
            grow(canvas_at(tmp_path / "s"), Mode.X_LTR, close=True, soften_px=SOFT)


def test_a_server_is_asked_once_for_both_bands_and_a_recording_answers_the_same(tmp_path: Path) -> None:
    mode, recorded = Mode.Y_TTB, []
    for name, record_mode in (("asked", "once"), ("replayed", "none")):
        session, endpoint = canvas_at(tmp_path / name, mode), emulator(any_size=True)
        with use_cassette(tmp_path / "tape.json", record_mode, inner=MemoryTransport(endpoint)) as transport:
            client = OpenAITileGeneratorClient(
                EMULATOR_KEY, base_url="http://127.0.0.1:8123/v1", transport=transport, environ={}
            )
            session.step(mode, client, candidates=2, gate=None, close=True)
        assert session.status().closed
        recorded.append(pixels_of(session.root))
    assert recorded[0] == recorded[1]


@pytest.mark.parametrize("mode", [Mode.X_RTL, Mode.Y_TTB])
def test_the_simulated_model_redraws_both_bands_and_follows_a_periodic_picture(
    tmp_path: Path, mode: Mode
) -> None:
    session = canvas_at(tmp_path / "s", mode)
    exact = MockTileGenerator(0, endless(mode), origin_of(mode), drift=None)
    session.step(mode, exact, candidates=1, gate=None, close=True)
    left, top = (at + start for at, start in zip(session.canvas_origin, origin_of(mode), strict=True))
    width, height = session.canvas_size
    assert canvas_image(session).tobytes() == endless(mode).crop((left, top, left + width, top + height)).tobytes()
    session.undo()
    drifting = session.step(mode, MockTileGenerator(0, drift=1.0), candidates=1, gate=None, close=True)
    score = read(drifting.step_dir / "score.json")["candidates"][0]
    assert all(seam["calibration"]["residual_before"] > 0 for seam in score["seams"])


def test_the_command_line_closes_a_canvas(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = str(canvas_at(tmp_path / "s").root)
    assert main(["step", root, "x_ltr", "--close", "--steps", "2"]) == 2
    assert main(["step", root, "x_ltr", "--close", "--dry-run"]) == 0
    dry = capsys.readouterr()
    assert "Keep the left 32 and the right 32 of 96 pixels exactly as they are; fill only the 32 pixels" in dry.out
    assert main(["step", root, "x_ltr", "--close", "--candidates", "1", "--gate", "none"]) == 0
    assert main(["status", root]) == 0
    assert "closed: its ends meet" in capsys.readouterr().out
    assert main(["step", root, "x_ltr"]) == 1
    assert "is a loop since step 3" in capsys.readouterr().err
