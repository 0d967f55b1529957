"""Pieces: the positions of strips on a canvas that grows in both directions of an axis."""

from __future__ import annotations

import pytest

from exquisite import Mode, TileContract
from exquisite.contract import Box
from exquisite.errors import UsageError
from exquisite.pipeline.store.pieces import (
    Piece,
    Zones,
    beyond,
    box_of,
    extend_tips,
    grow_box,
    pending_after,
    pending_at,
    zone_width,
)
from exquisite.pipeline.store.records import Record

SMALL = TileContract(tile_px=64, band_px=32, overlap_px=16, advance_px=8)
SEED = Piece("seed", (0, 0), (64, 64))


@pytest.mark.parametrize(
    ("mode", "strip", "canvas"),
    [
        (Mode.X_LTR, Box(64, 0, 72, 64), Box(-8, 0, 72, 64)),
        (Mode.X_RTL, Box(-16, 0, -8, 64), Box(-16, 0, 64, 64)),
    ],
)
def test_strips_lie_at_signed_coordinates_that_growth_never_renumbers(mode: Mode, strip: Box, canvas: Box) -> None:
    boxes = grow_box(Box(-8, 0, 64, 64), mode, SMALL, Zones())
    assert (boxes.strip, boxes.canvas, boxes.pending.size[0]) == (strip, canvas, 0)


@pytest.mark.invariant("GROWTH-EXACT")
@pytest.mark.parametrize(
    ("mode", "strip", "pending"),
    [
        (Mode.X_LTR, Box(61, 0, 67, 64), Box(67, 0, 72, 64)),
        (Mode.X_RTL, Box(-11, 0, -5, 64), Box(-16, 0, -11, 64)),
    ],
)
def test_a_strip_takes_the_zone_before_it_and_leaves_one_behind(mode: Mode, strip: Box, pending: Box) -> None:
    """Committed and pending pixels together grow by the advance of 8 px."""
    boxes = grow_box(Box(-8, 0, 64, 64), mode, SMALL, Zones(3, 5))
    assert (boxes.strip, boxes.pending) == (strip, pending)
    assert boxes.canvas.size == (80, 64)


def test_pending_pixels_belong_to_one_end() -> None:
    one, other = Piece("one", (64, 0), (5, 64)), Piece("other", (-5, 0), (5, 64))
    record = {"pending": pending_after({}, "high", one)}
    assert (pending_at(record, "high"), pending_at(record, "low")) == (one, None)
    both = {"pending": pending_after(record, "low", other)}
    assert (pending_at(both, "high"), pending_at(both, "low")) == (one, other)
    assert pending_after(both, "high", None) == {"low": other.as_record()}
    assert pending_after(record, "high", None) == {}


def test_a_step_may_cut_inside_the_pending_zone_or_the_seed_picture() -> None:
    record: Record = {"tips": {"low": [SEED.as_record()], "high": [SEED.as_record()]}}
    assert [zone_width(record, Mode.X_LTR, SMALL, seed_px) for seed_px in (0, 5)] == [0, 5]
    with pytest.raises(UsageError, match="64 px long: a cut inside its last 7 px needs 71"):
        zone_width(record, Mode.X_LTR, TileContract(80, 64, 16, 8), 7)
    record |= {"axis": "x", "pending": {"high": Piece("p", (64, 0), (3, 64)).as_record()}}
    assert [zone_width(record, mode, SMALL, 5) for mode in (Mode.X_LTR, Mode.X_RTL)] == [3, 5]
    record["tips"]["low"] = [Piece("strip", (-8, 0), (8, 64)).as_record(), SEED.as_record()]
    assert zone_width(record, Mode.X_RTL, SMALL, 5) == 0


def test_a_strip_may_lie_over_the_end_of_the_seed_picture() -> None:
    assert beyond(SEED.box, Box(61, 0, 67, 64), Mode.X_LTR) == Box(0, 0, 61, 64)
    assert beyond(SEED.box, Box(-5, 0, 3, 64), Mode.X_RTL) == Box(3, 0, 64, 64)
    assert beyond(SEED.box, Box(0, 61, 64, 67), Mode.Y_TTB) == Box(0, 0, 64, 61)
    assert beyond(SEED.box, Box(0, -5, 64, 3), Mode.Y_BTT) == Box(0, 3, 64, 64)
    assert SEED.shown_in(SEED.box) is SEED
    part = SEED.shown_in(Box(3, 0, 61, 64))
    assert (part.origin, part.size, part.within) == ((3, 0), (58, 64), Box(3, 0, 61, 64))


@pytest.mark.parametrize(
    ("mode", "strip"), [(Mode.Y_TTB, Box(0, 64, 64, 72)), (Mode.Y_BTT, Box(0, -8, 64, 0))]
)
def test_strips_of_the_y_modes_lie_below_and_above(mode: Mode, strip: Box) -> None:
    assert grow_box(Box(0, 0, 64, 64), mode, SMALL, Zones()).strip == strip


def test_a_piece_and_a_box_are_restored_from_their_records() -> None:
    assert Piece.from_record({"sha256": "seed", "origin": [0, 0], "size": [64, 64]}) == SEED
    assert box_of({"origin": [-8, 0], "size": [72, 64]}) == Box(-8, 0, 64, 64) == Piece("s", (-8, 0), (72, 64)).box


def test_a_tip_holds_as_few_strips_as_cover_the_band_however_long_the_canvas() -> None:
    tips = {"low": [SEED.as_record()], "high": [SEED.as_record()]}
    for number in range(100):
        new = Piece(str(number), (64 + 8 * number, 0), (8, 64)).as_record()
        tips = extend_tips(tips, new, Mode.X_LTR, SMALL)
    assert [strip["sha256"] for strip in tips["high"]] == ["99", "98", "97", "96"]
    assert tips["low"] == [SEED.as_record()]


def test_a_young_canvas_keeps_the_seed_in_its_tip() -> None:
    tips = {"low": [SEED.as_record()], "high": [SEED.as_record()]}
    new = Piece("new", (-8, 0), (8, 64)).as_record()
    assert [strip["sha256"] for strip in extend_tips(tips, new, Mode.X_RTL, SMALL)["low"]] == ["new", "seed"]


def test_a_piece_is_shown_as_far_as_a_box_shows_it() -> None:
    """`within` is in the pixels of its own picture."""
    piece = Piece("a" * 64, (10, 20), (8, 6))
    assert piece.shown_in(Box(0, 0, 99, 99)) is piece
    part = piece.shown_in(Box(12, 23, 99, 99))
    assert (part.origin, part.size, part.within) == ((12, 23), (6, 3), Box(2, 3, 8, 6))
    part = piece.shown_in(Box(0, 0, 15, 24))
    assert (part.origin, part.size, part.within) == ((10, 20), (5, 4), Box(0, 0, 5, 4))
