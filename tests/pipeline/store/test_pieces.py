"""Pieces: where strips lie on a canvas that grows in both directions of an axis."""

from __future__ import annotations

from dataclasses import asdict

import pytest

from exquisite import Mode, TileContract
from exquisite.contract import Box
from exquisite.pipeline.store.pieces import Piece, box_of, extend_tips, place_strip

SMALL = TileContract(tile_px=64, band_px=32, overlap_px=16, advance_px=8)
SEED = Piece("seed", (0, 0), (64, 64))


@pytest.mark.parametrize(
    ("mode", "strip", "grown"),
    [
        (Mode.X_LTR, Box(64, 0, 72, 64), Box(-8, 0, 72, 64)),
        (Mode.X_RTL, Box(-16, 0, -8, 64), Box(-16, 0, 64, 64)),
    ],
)
def test_strips_lie_at_signed_coordinates_that_growth_never_renumbers(mode: Mode, strip: Box, grown: Box) -> None:
    assert place_strip(Box(-8, 0, 64, 64), mode, SMALL) == (strip, grown)


@pytest.mark.parametrize(
    ("mode", "strip"), [(Mode.Y_TTB, Box(0, 64, 64, 72)), (Mode.Y_BTT, Box(0, -8, 64, 0))]
)
def test_strips_of_the_y_modes_lie_below_and_above(mode: Mode, strip: Box) -> None:
    assert place_strip(Box(0, 0, 64, 64), mode, SMALL)[0] == strip


def test_a_record_comes_back_as_the_piece_and_box_it_was() -> None:
    assert Piece.from_record({"sha256": "seed", "origin": [0, 0], "size": [64, 64]}) == SEED
    assert box_of({"origin": [-8, 0], "size": [72, 64]}) == Box(-8, 0, 64, 64) == Piece("s", (-8, 0), (72, 64)).box


def test_a_tip_holds_as_few_strips_as_cover_the_band_however_long_the_canvas() -> None:
    tips = {"low": [asdict(SEED)], "high": [asdict(SEED)]}
    for number in range(100):
        new = asdict(Piece(str(number), (64 + 8 * number, 0), (8, 64)))
        tips = extend_tips(tips, new, Mode.X_LTR, SMALL)
    assert [strip["sha256"] for strip in tips["high"]] == ["99", "98", "97", "96"]
    assert tips["low"] == [asdict(SEED)]


def test_a_young_canvas_keeps_the_seed_in_its_tip() -> None:
    tips = {"low": [asdict(SEED)], "high": [asdict(SEED)]}
    new = asdict(Piece("new", (-8, 0), (8, 64)))
    assert [strip["sha256"] for strip in extend_tips(tips, new, Mode.X_RTL, SMALL)["low"]] == ["new", "seed"]
