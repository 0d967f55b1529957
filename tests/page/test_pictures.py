"""Candidates in place equal the results of the step's own functions; the loupe finds the worst rows."""

from __future__ import annotations

import io
import shutil
from pathlib import Path

import pytest
from PIL import Image

from exquisite.contract import Mode, TileContract
from exquisite.errors import UsageError
from exquisite.geometry.tile_mode import glue
from exquisite.page.pictures import TREATMENTS, Selection, StepPictures, worst_rows
from exquisite.pipeline.session import Session
from exquisite.pipeline.store.artifacts import decode_png
from tests.support.faulty_files import QuickFiles
from tests.support.tiny import TINY, grow, make_session, seed_picture


def test_enforced_is_the_canvas_that_the_step_made(session: Session) -> None:
    """The band and the strip that was committed, byte for byte."""
    pictures = StepPictures(session.root)
    for number in (1, 2):
        record = session.store.steps.record(number)
        mode = Mode(record["mode"])
        band = session.store.frontier(record["parent"], mode)
        folder = session.store.steps.folder(number) / "candidates" / str(record["chosen"])
        tile = decode_png((folder / "tile_out_enforced.png").read_bytes())
        selection = pictures.in_place(Selection(number, record["chosen"], "enforced"))
        assert selection.tobytes() == glue(band, tile, mode, TINY).tobytes()
        assert selection.size == pictures.frame(number).grown_size
        growth = selection.crop(pictures.frame(number).growth)
        (piece,) = (piece for at, piece in session.store.pieces(2) if at == number)
        assert growth.tobytes() == session.store.read_strip(piece).tobytes()


@pytest.mark.parametrize("treatment", TREATMENTS)
def test_a_picture_without_its_files_is_computed_again(session: Session, treatment: str) -> None:
    original = StepPictures(session.root).png(Selection(3, 1, treatment, 4))
    shutil.rmtree(session.store.steps.folder(3) / "candidates")
    again = StepPictures(session.root).png(Selection(3, 1, treatment, 4))
    with Image.open(io.BytesIO(original)) as one, Image.open(io.BytesIO(again)) as other:
        assert one.tobytes() == other.tobytes()


@pytest.mark.parametrize(
    "selection",
    [Selection(0, 0, "raw"), Selection(9, 0, "raw"), Selection(3, 5, "raw"), Selection(3, 0, "blurred")],
)
def test_a_missing_picture_is_a_usage_error(session: Session, selection: Selection) -> None:
    with pytest.raises(UsageError):
        StepPictures(session.root).in_place(selection)


def test_a_score_is_that_of_the_stage(session: Session) -> None:
    pictures = StepPictures(session.root)
    raw, enforced = (pictures.score(Selection(3, 1, name)) for name in ("raw", "enforced"))
    assert raw.metrics["seam"] == enforced.metrics["seam"]  # this model has no drift


@pytest.mark.parametrize("mode", list(Mode))
def test_the_worst_rows_are_where_the_break_is(mode: Mode) -> None:
    """A flat picture with a step at the seam, at two places along it, one of them larger."""
    contract = type(TINY)(tile_px=128, band_px=64, overlap_px=32, advance_px=32)
    frame = contract.frame(mode, contract.band_size(mode))
    picture = Image.new("RGB", frame.grown_size, (90, 90, 90))
    for start, level in ((24, 200), (96, 140)):
        left, top, right, bottom = frame.growth
        box = (left, start, right, start + 8) if mode.axis == "x" else (start, top, start + 8, bottom)
        picture.paste((level, level, level), box)
    worst, second, *_ = worst_rows(picture, frame, 5)
    assert 24 <= worst < 32
    assert 96 <= second < 104


def test_the_worst_rows_lie_within_the_picture(tmp_path: Path) -> None:
    session = make_session(tmp_path / "s", ("x_ltr",), files=QuickFiles(), artifacts="full")
    rows = StepPictures(session.root).loupe_rows(Selection(1, 0, "enforced"))
    assert rows
    assert all(0 <= row < TINY.tile_px for row in rows)


def test_the_cut_picture_has_the_committed_pixels_of_the_pending_zone(tmp_path: Path) -> None:
    """The strip of the step lies in the picture, pending zone and all."""
    session = make_session(tmp_path / "s", ("x_ltr", "x_ltr"), files=QuickFiles(), artifacts="full", soften_px=3)
    pictures = StepPictures(session.root)
    store = session.store
    strip = store.read_strip(next(piece for at, piece in store.pieces(2) if at == 2 and piece.size[0] > 3))
    cut = pictures.in_place(Selection(2, 0, "cut"))
    left = cut.width - TINY.advance_px - 3
    assert cut.crop((left, 0, left + strip.width, cut.height)).tobytes() == strip.tobytes()


def test_a_raw_rectangular_tile_of_growth_down_can_be_shown(tmp_path: Path) -> None:
    contract = TileContract(tile_px=48, band_px=16, overlap_px=8, advance_px=8, across_px=32)
    session = Session.create(tmp_path / "s", seed_picture(32, 48), contract, files=QuickFiles())
    grow(session, "y_ttb", artifacts="full")
    for folder_is_kept in (True, False):
        if not folder_is_kept:
            shutil.rmtree(session.store.steps.folder(1) / "candidates")
        picture = StepPictures(session.root).in_place(Selection(1, 0, "raw"))
        assert picture.size == (32, 24)
