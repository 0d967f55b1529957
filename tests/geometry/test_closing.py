"""The tile that closes a loop: corrections at both ends, and a cross-fade across the middle."""

from __future__ import annotations

import pytest
from PIL import Image, ImageChops

from exquisite.contract import CLASSIC, LONG, TALL, WIDE, Mode, TileContract, from_canonical
from exquisite.errors import UsageError
from exquisite.geometry.closing import across_middle, blended, closing_reference, far_share, scaffold_from_far_end
from exquisite.geometry.reference_tile import SCAFFOLD_FILLS, build_reference_tile_and_mask
from tests.support.pictures import draw

CLOSING = TileContract(96, 32, 16, 24, across_px=48).closing
FRONTIER, BEGINNING = draw("ink", (32, 48), 1), draw("clouds", (32, 48), 2)


def test_the_growth_of_a_closing_step_is_all_that_lies_between_two_bands() -> None:
    assert (CLOSING.advance_px, CLOSING.margin_px) == (32, 32)
    assert (LONG.closing.advance_px, LONG.closing.across_px) == (1024, 1024)


@pytest.mark.parametrize("contract", [CLASSIC, WIDE, TALL, TileContract(94, 32, 16, 24)])
def test_a_contract_without_room_for_two_bands_is_refused_with_advice(contract: TileContract) -> None:
    with pytest.raises(UsageError, match=r"no room to close a loop.*--contract long"):
        _ = contract.closing


def test_the_correction_of_the_far_end_fades_in_across_the_middle() -> None:
    assert [far_share(x, CLOSING) for x in (0, 32, 48, 64, 95)] == [0, 0, 0.5, 1, 1]
    row = across_middle(CLOSING).crop((0, 7, 96, 8)).tobytes()
    assert (set(row[:32]), set(row[64:])) == ({0}, {255})
    assert [row[x] for x in (32, 47, 48, 63)] == [4, 124, 131, 251]


@pytest.mark.parametrize("mode", Mode)
def test_two_pictures_meet_in_the_middle_in_every_mode(mode: Mode) -> None:
    size = (CLOSING.tile_px, CLOSING.across_px)
    near, far = Image.new("RGB", size, (200, 0, 0)), Image.new("RGB", size, (0, 0, 100))
    tile = blended(from_canonical(near, mode), from_canonical(far, mode), mode, CLOSING)
    right = blended(near, far, Mode.X_LTR, CLOSING)
    assert tile.tobytes() == from_canonical(right, mode).tobytes()
    assert [right.getpixel((x, 0)) for x in (31, 64)] == [(200, 0, 0), (0, 0, 100)]


@pytest.mark.invariant("MASK-POLARITY")
@pytest.mark.invariant("NO-CUE-COMPOSITED")
@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("fill", SCAFFOLD_FILLS)
def test_the_model_sees_both_bands_and_the_mask_keeps_both(mode: Mode, fill: str) -> None:
    bands = (from_canonical(FRONTIER, mode), from_canonical(BEGINNING, mode))
    ends = zip(bands, (mode, mode.opposite), strict=True)
    near, far = (build_reference_tile_and_mask(band, way, CLOSING, scaffold_fill=fill) for band, way in ends)
    tile = closing_reference(near, far, mode, CLOSING)
    boxes = [CLOSING.tile_frame(way).conditioning_half for way in (mode, mode.opposite)]
    middle = CLOSING.tile_frame(mode).growth_in_tile
    for box, band in zip(boxes, bands, strict=True):
        assert tile.image.crop(box).tobytes() == band.tobytes()
        assert tile.mask.crop(box).getcolors() == [(32 * 48, (0, 0, 0, 255))]
    assert tile.mask.crop(middle).getcolors() == [(32 * 48, (255, 255, 255, 0))]


def test_a_scaffold_meets_both_bands() -> None:
    near = build_reference_tile_and_mask(FRONTIER, "x_ltr", CLOSING, scaffold_fill="edge")
    far = build_reference_tile_and_mask(BEGINNING, "x_rtl", CLOSING, scaffold_fill="edge")
    image = closing_reference(near, far, "x_ltr", CLOSING).image
    for seam, inner in ((31, 32), (64, 63)):
        old, new = (image.crop((x, 0, x + 1, 48)) for x in (seam, inner))
        assert max(high for _, high in ImageChops.difference(old, new).getextrema()) <= 5  # type: ignore[misc]


@pytest.mark.parametrize("mode", Mode)
def test_a_sketch_fills_the_middle_as_it_is(mode: Mode) -> None:
    sketch = from_canonical(draw("facade", (CLOSING.tile_px - CLOSING.band_px, CLOSING.across_px), 4), mode)
    frontier, beginning = (from_canonical(band, mode) for band in (FRONTIER, BEGINNING))
    other = scaffold_from_far_end(sketch, mode, CLOSING)
    near = build_reference_tile_and_mask(frontier, mode, CLOSING, scaffold=sketch)
    far = build_reference_tile_and_mask(beginning, mode.opposite, CLOSING, scaffold=other)
    image = closing_reference(near, far, mode, CLOSING).image
    middle = CLOSING.tile_frame(mode).growth_in_tile
    assert image.crop(middle).tobytes() == near.image.crop(middle).tobytes()
