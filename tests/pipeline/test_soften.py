"""Pending zones in a session: the next step cuts inside them, and no committed pixel changes."""

from __future__ import annotations

import json
import re
import zipfile
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageChops

from exquisite import Mode, Session, glue
from exquisite.cli import main
from exquisite.contract import Box, from_canonical, to_canonical
from exquisite.errors import SessionDamagedError, UsageError
from exquisite.pipeline.store.pieces import Piece
from exquisite.pipeline.store.records import Record, seal, unseal
from tests.support.children import ROOT
from tests.support.faulty_files import QuickFiles
from tests.support.generators import Truth
from tests.support.pictures import draw
from tests.support.soft_sessions import (
    ORIGIN,
    PICTURE,
    SEED,
    SMALL,
    SOFT,
    canvas_at,
    committed_at,
    grow,
    lower,
    lower_by,
    session_at,
)
from tests.support.tiny import tree


def picture_at(path: Path) -> Image.Image:
    """A picture of a step."""
    with Image.open(path) as image:
        return image.copy()


class TestCanvas:
    @pytest.mark.invariant("GROWTH-EXACT")
    @pytest.mark.parametrize("mode", Mode)
    def test_committed_and_pending_pixels_together_grow_by_the_advance(self, tmp_path: Path, mode: Mode) -> None:
        session = session_at(tmp_path / "s")
        for number, soften_px in enumerate((SOFT, 3, 0, SOFT), start=1):
            grow(session, mode, soften_px=soften_px)
            assert SMALL.oriented(session.canvas_size, mode) == (64 + 16 * number, 64)
            size = committed_at(session).size
            assert SMALL.oriented(size, mode) == (64 + 16 * number - soften_px, 64)
            assert session.status().pending_px[mode.side] == soften_px

    @pytest.mark.invariant("OLD-PIXELS")
    @pytest.mark.parametrize("modes", [("x_ltr", "x_rtl", "x_rtl", "x_ltr"), ("y_btt", "y_ttb", "y_btt", "y_ttb")])
    def test_no_later_step_changes_a_committed_pixel(self, tmp_path: Path, modes: tuple[str, ...]) -> None:
        session = session_at(tmp_path / "s")
        before: list[tuple[Box, bytes]] = []
        for number, mode in enumerate(modes):
            grow(session, mode, feather_px=4 * (number % 2))
            for box, pixels in before:
                assert canvas_at(session, box).tobytes() == pixels
            before.append((committed_at(session), canvas_at(session, committed_at(session)).tobytes()))
        assert session.verify().ok

    @pytest.mark.invariant("PENDING-ONLY")
    @pytest.mark.parametrize("feather_px", [0, 5])
    def test_the_next_step_changes_the_pending_zone_alone(self, tmp_path: Path, feather_px: int) -> None:
        session = session_at(tmp_path / "s")
        grow(session, "x_ltr")
        before = canvas_at(session)
        grow(session, "x_ltr", lower_by(4), feather_px=feather_px)
        box = ImageChops.difference(before, canvas_at(session).crop((0, 0, *before.size))).getbbox()
        assert box is not None
        assert before.width - SOFT <= box[0] < box[2] <= before.width

    @pytest.mark.invariant("GLUE-AGREES")
    def test_committed_and_pending_pixels_are_those_that_glue_returns(self, tmp_path: Path) -> None:
        session = session_at(tmp_path / "s")
        grow(session, "x_rtl")
        before = canvas_at(session)
        folder = grow(session, "x_rtl", artifacts="full").step_dir
        frame = SMALL.frame("x_rtl", before.size)
        tile = Image.new("RGB", (64, 64))
        tile.paste(picture_at(folder / "seam_before_feather.png"), frame.patch)
        assert glue(before, tile, "x_rtl", SMALL).tobytes() == canvas_at(session).tobytes()

    @pytest.mark.invariant("MODES-EQUAL")
    @pytest.mark.parametrize("mode", [Mode.X_RTL, Mode.Y_TTB, Mode.Y_BTT])
    def test_every_mode_is_growth_to_the_right_turned(self, tmp_path: Path, mode: Mode) -> None:
        right = session_at(tmp_path / "right")
        turned = session_at(tmp_path / "turned", from_canonical(SEED, mode))
        for _ in range(2):
            grow(right, "x_ltr", _Turned(Mode.X_LTR))
            grow(turned, mode, _Turned(mode))
        assert to_canonical(canvas_at(turned), mode).tobytes() == canvas_at(right).tobytes()

    def test_the_band_shows_pending_pixels(self, tmp_path: Path) -> None:
        session = session_at(tmp_path / "s")
        grow(session, "x_ltr")
        whole = canvas_at(session)
        assert session.frontier("x_ltr").tobytes() == whole.crop((48, 0, 80, 64)).tobytes()

    @pytest.mark.parametrize("soften_seed", [False, True])
    def test_an_export_shows_pending_pixels(self, tmp_path: Path, soften_seed: bool) -> None:
        session = session_at(tmp_path / "s")
        for mode in ("x_ltr", "x_rtl", "x_ltr"):
            grow(session, mode, soften_seed=soften_seed)
        session.export(tmp_path / "out.png")
        with Image.open(tmp_path / "out.png") as exported:
            assert exported.convert("RGB").tobytes() == canvas_at(session).tobytes()


class _Turned(Truth):
    """The same picture, turned so that growth in `mode` shows what growth to the right shows."""

    def __init__(self, mode: Mode) -> None:
        turn = {Mode.X_LTR: PICTURE}.get(mode, from_canonical(PICTURE, mode))
        super().__init__(turn, ORIGIN, lambda tile, n: from_canonical(lower(to_canonical(tile, mode), n), mode))


class TestHistory:
    def test_undo_brings_the_pending_zone_back_byte_for_byte(self, tmp_path: Path) -> None:
        session = session_at(tmp_path / "s")
        grow(session, "x_ltr")
        grow(session, "x_rtl")
        states = [canvas_at(session).tobytes()]
        record = session.store.steps.record(session.head)
        grow(session, "x_ltr")
        states.append(canvas_at(session).tobytes())
        grow(session, "x_rtl", soften_px=0)
        session.undo()
        assert canvas_at(session).tobytes() == states[1]
        session.undo()
        assert canvas_at(session).tobytes() == states[0]
        assert session.store.steps.record(session.head) == record
        assert session.verify().ok

    def test_two_branches_cut_the_same_zone_in_their_own_ways(self, tmp_path: Path) -> None:
        session = session_at(tmp_path / "s")
        grow(session, "x_ltr")
        session.branch("other")
        other = Session.open(session.root, branch="other", files=QuickFiles())
        grow(session, "x_ltr", lower_by(2))
        grow(other, "x_ltr", lower_by(5))
        assert canvas_at(session).crop((0, 0, 72, 64)).tobytes() == canvas_at(other).crop((0, 0, 72, 64)).tobytes()
        zones = [canvas_at(each).crop((72, 0, 80, 64)).tobytes() for each in (session, other)]
        assert zones[0] != zones[1]
        assert session.verify().ok

    def test_another_candidate_has_its_own_cut_and_may_have_another_width(self, tmp_path: Path) -> None:
        session = session_at(tmp_path / "s")
        grow(session, "x_ltr")
        winner = grow(session, "x_ltr", candidates=2).chosen
        assert winner is not None
        first, other = canvas_at(session), 1 - winner
        assert (session.accept(other).chosen, session.canvas_size) == (other, first.size)
        assert canvas_at(session).crop((72, 0, 80, 64)).tobytes() != first.crop((72, 0, 80, 64)).tobytes()
        session.accept(other, soften_px=2)
        assert session.status().pending_px == {"low": 0, "high": 2}
        with pytest.raises(UsageError, match="soften_px must be 0 to 15"):
            session.accept(other, soften_px=16)
        assert session.verify().ok

    def test_answers_are_scored_again_along_the_cut(self, tmp_path: Path) -> None:
        session = session_at(tmp_path / "s")
        grow(session, "x_ltr")
        score = grow(session, "x_ltr", lower_by(3)).scores[0]
        again = session.rescore().examined[0]
        assert score is not None
        assert again.score == score
        assert again.cut is not None
        assert score.metrics["cut_mismatch"] == -again.cut.mismatch
        assert score.metrics["cut_breaks"] == -again.cut.breaks
        assert score.metrics["cut_mismatch"] < 0

    def test_each_step_cuts_as_wide_as_the_step_before_left_it(self, tmp_path: Path) -> None:
        session = session_at(tmp_path / "s")
        grow(session, "x_ltr", soften_px=5)
        grow(session, "x_ltr", soften_px=0)
        cut = session.rescore().examined[0].cut
        assert cut is not None
        assert cut.zone_px == 5
        grow(session, "x_ltr", soften_px=3)
        assert session.rescore().examined[0].cut is None


class TestRefusedRedraw:
    def test_another_place_gets_the_straight_seam_and_the_record_says_why(self, tmp_path: Path) -> None:
        session = session_at(tmp_path / "s")
        grow(session, "x_ltr")
        before = canvas_at(session)
        elsewhere = Truth(draw("writing", (320, 320), 8), ORIGIN)
        grow(session, "x_ltr", elsewhere, calibrate=True, artifacts="full")
        folder = session.accept(0).step_dir
        assert canvas_at(session).crop((0, 0, *before.size)).tobytes() == before.tobytes()
        (candidate,) = json.loads((folder / "score.json").read_text("utf-8"))["candidates"]
        assert "straight seam, since the redraw is not the same place" in candidate["uncut"]
        assert "straight seam" in session.store.steps.record(session.head)["reason"]
        assert not (folder / "cut_overlay.png").exists()
        assert session.verify().ok


class TestSeedPicture:
    def test_it_is_committed_whole_by_default(self, tmp_path: Path) -> None:
        session = session_at(tmp_path / "s")
        for mode in ("x_ltr", "x_rtl"):
            grow(session, mode)
        assert canvas_at(session, Box(0, 0, 64, 64)).tobytes() == SEED.tobytes()

    @pytest.mark.invariant("PENDING-ONLY")
    @pytest.mark.parametrize("modes", [("x_ltr", "x_rtl", "x_ltr"), ("y_btt", "y_ttb", "y_ttb")])
    def test_first_steps_may_cut_inside_it_by_option(self, tmp_path: Path, modes: tuple[str, ...]) -> None:
        session = session_at(tmp_path / "s")
        strip = session.store.steps.record(0)["strip"]
        for mode in modes:
            grow(session, mode, soften_seed=True)
        now = to_canonical(canvas_at(session, Box(0, 0, 64, 64)), "x_ltr" if modes[0][0] == "x" else "y_ttb")
        seed = to_canonical(SEED, "x_ltr" if modes[0][0] == "x" else "y_ttb")
        assert now.crop((SOFT, 0, 64 - SOFT, 64)).tobytes() == seed.crop((SOFT, 0, 64 - SOFT, 64)).tobytes()
        for end in ((0, 0, SOFT, 64), (64 - SOFT, 0, 64, 64)):
            assert now.crop(end).tobytes() != seed.crop(end).tobytes()
        assert session.store.steps.record(1)["options"]["soften_seed"] is True
        assert session.store.read_strip(Piece.from_record(strip)).tobytes() == SEED.tobytes()
        assert session.verify().ok

    def test_a_short_one_is_refused_since_both_ends_would_see_the_same_pixels(self, tmp_path: Path) -> None:
        session = session_at(tmp_path / "s", SEED.crop((0, 0, 36, 64)))
        with pytest.raises(UsageError, match="the seed picture is 36 px long"):
            grow(session, "x_ltr", soften_seed=True)
        assert session.head == 0


class TestDamage:
    @pytest.mark.parametrize("which", ["strip", "pending"])
    def test_a_lost_piece_is_named_and_made_again(self, tmp_path: Path, which: str) -> None:
        session = session_at(tmp_path / "s")
        grow(session, "x_ltr")
        grow(session, "x_ltr")
        record = session.store.steps.record(session.head)
        digest = record["strip"]["sha256"] if which == "strip" else record["pending"]["high"]["sha256"]
        before = tree(session.root)
        (session.root / "strips" / f"{digest}.png").unlink()
        (finding,) = session.verify().findings
        assert digest in finding.path
        with pytest.raises(SessionDamagedError):
            session.frontier("x_ltr")
        assert session.verify(repair=True).ok
        assert tree(session.root) == before

    def test_a_record_that_names_another_piece_is_found(self, tmp_path: Path) -> None:
        session = session_at(tmp_path / "s")
        grow(session, "x_ltr")
        path = session.root / "steps" / "000001" / "step.json"
        changes: list[Record] = [{"pending": {}}, {"pending": {"high": None}}, {"options": {}}]
        for change in changes:
            data = path.read_bytes()
            path.write_bytes(seal({**unseal(data, path), **change}))
            assert not session.verify().ok
            path.write_bytes(data)
        assert session.verify().ok


class TestFiles:
    def test_a_full_step_shows_its_cut(self, tmp_path: Path) -> None:
        session = session_at(tmp_path / "s")
        grow(session, "y_ttb")
        folder = grow(session, "y_ttb", artifacts="full").step_dir
        size = (64, SOFT)
        for name in ("cut_old.png", "cut_new.png", "cut_overlay.png"):
            assert picture_at(folder / name).size == size
        overlay, bounds = (picture_at(folder / name) for name in ("cut_overlay.png", "bounds_overlay.png"))
        red = [overlay.getpixel((x, y)) == (230, 30, 60) for x in range(64) for y in range(SOFT)]
        assert sum(red) >= 64
        before, after = (picture_at(folder / f"seam_{when}_cut.png") for when in ("before", "after"))
        assert before.size == after.size == (64, 2 * SOFT)
        assert before.crop((0, 0, *size)).tobytes() == picture_at(folder / "cut_old.png").tobytes()
        assert before.crop((0, SOFT, 64, 2 * SOFT)).tobytes() == after.crop((0, SOFT, 64, 2 * SOFT)).tobytes()
        orange = [y for y in range(bounds.height) if bounds.getpixel((1, y)) == (250, 160, 20)]
        assert orange == [24, 31, 40, 47]  # in band and growth: the zone before the seam at 32, and the new one
        text = (folder / "score.json").read_text("utf-8")
        path = json.loads(text)["candidates"][0]["cut"]["path"]
        assert f'"path": "{path}",\n' in text
        cut = session.rescore().examined[0].cut
        assert cut is not None
        assert tuple(map(int, path.split())) == cut.path

    def test_a_soft_mask_ramps_over_the_pending_zone(self, tmp_path: Path) -> None:
        session = session_at(tmp_path / "s")
        hard = grow(session, "x_ltr", soft_mask=True, artifacts="full").step_dir
        soft = grow(session, "x_ltr", soft_mask=True, artifacts="full").step_dir
        rows = [picture_at(folder / "mask.png").crop((0, 7, 64, 8)) for folder in (hard, soft)]
        alphas, reds = ([list(row.getchannel(name).tobytes()) for row in rows] for name in ("A", "R"))
        assert alphas[0] == [255] * 32 + [0] * 32
        assert alphas[1] == [255] * 24 + [239, 207, 175, 143, 111, 79, 47, 15] + [0] * 32
        assert reds[1] == [255 - alpha for alpha in alphas[1]]
        assert json.loads((soft / "request.json").read_text("utf-8"))["soft_px"] == SOFT


class TestWithoutSoftening:
    @pytest.mark.invariant("SOFTEN-ZERO")
    def test_a_session_is_the_same_to_the_byte(self, tmp_path: Path) -> None:
        trees = []
        zero: dict[str, Any] = {"soften_px": 0, "soften_seed": False, "soft_mask": False}
        options: dict[str, Any]
        for name, options in (("plain", {}), ("zero", zero)):
            session = session_at(tmp_path / name)
            for mode in ("x_ltr", "x_rtl"):
                session.step(mode, Truth(PICTURE, ORIGIN, lower), gate=None, **options)
            trees.append(tree(session.root))
        assert trees[0] == trees[1]
        records = [data for name, data in trees[0].items() if name.endswith(".json")]
        assert len(records) > 10
        assert not any(re.search(rb'soften|soft_|"pending"|cut', data) for data in records)

    @pytest.mark.invariant("SOFTEN-ZERO")
    def test_its_records_have_the_keys_that_version_0_1_0_wrote(self, tmp_path: Path) -> None:
        session = session_at(tmp_path / "s")
        session.step("x_ltr", Truth(PICTURE, ORIGIN), gate=None)
        with zipfile.ZipFile(ROOT / "fixtures" / "sessions" / "0.1.0.zip") as archive:
            for name in ("step.json", "request.json"):
                old = json.loads(archive.read(f"simulated/steps/000001/{name}"))
                new = json.loads((session.root / "steps" / "000001" / name).read_bytes())
                assert [key for key in new if key != "style"] == list(old)
                assert list(new["options"]) == list(old["options"])


class TestCommandLine:
    def test_options_reach_the_step_and_the_status(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        SEED.save(tmp_path / "seed.png")
        root = str(tmp_path / "s")
        command = ["step", root, "x_ltr", "--canvas", str(tmp_path / "seed.png"), "--contract", "64/32/16/16"]
        soft = ["--soften", "8", "--soften-seed", "--soft-mask", "--gate", "none", "--candidates", "1"]
        assert main([*command, *soft]) == 0
        options = Session.open(root).store.steps.record(1)["options"]
        assert (options["soften_px"], options["soften_seed"], options["soft_mask"]) == (8, True, True)
        capsys.readouterr()
        assert main(["status", root]) == 0
        assert "8 px pending at the right" in capsys.readouterr().out

    @pytest.mark.parametrize(
        ("words", "reason"),
        [(["--soften", "16"], "soften_px must be 0 to 15"), (["--soften-seed"], "soften_seed needs soften_px")],
    )
    def test_invalid_options_are_refused(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], reason: str
    ) -> None:
        session_at(tmp_path / "s")
        assert main(["step", str(tmp_path / "s"), "x_ltr", *words]) == 2
        assert reason in capsys.readouterr().err
