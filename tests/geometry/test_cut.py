"""The cut runs where both pictures agree, fades over three columns on each side, and never leaves the pending zone."""

from itertools import pairwise

import pytest
from PIL import Image, ImageChops, ImageDraw

from exquisite.contract import Mode, TileContract, from_canonical, to_canonical
from exquisite.errors import CanvasError, UsageError
from exquisite.geometry.cut import RAMP_PX, Cut, _visible, find_cut, join_tile, straightened, with_straightened
from exquisite.geometry.enforcement import enforce_conditioning_half
from exquisite.pixels import flattened
from tests.support import pictures

CONTRACT = TileContract(128, 64, 48, 48)
BAND, TILE, ZONE = (64, 128), (128, 128), 32
START = CONTRACT.band_px - ZONE


def flat(level: int, size: tuple[int, int]) -> Image.Image:
    return Image.new("RGB", size, (level,) * 3)


def cut_of(redraw: Image.Image, band: Image.Image, zone_px: int = ZONE) -> Cut:
    return find_cut(redraw, band, "x_ltr", zone_px, CONTRACT)


def join(redraw: Image.Image, band: Image.Image, cut: Cut) -> Image.Image:
    return join_tile(redraw, band, "x_ltr", cut, CONTRACT)


def straight(at: int, zone_px: int = ZONE) -> Cut:
    return Cut((at,) * TILE[1], zone_px, 0, 0, 0, 0)


def apart() -> tuple[Image.Image, Image.Image]:
    """(band, redraw of it and what follows): a picture, and another one of the same kind."""
    return pictures.draw("ink", TILE, 3).crop((0, 0, *BAND)), pictures.draw("ink", TILE, 4)


def test_pictures_that_agree_are_not_changed() -> None:
    picture = pictures.draw("foliage", TILE, 1)
    band = picture.crop((0, 0, *BAND))
    cut = cut_of(picture, band)
    assert cut.path == (ZONE - RAMP_PX,) * 128
    assert (cut.mismatch, cut.breaks) == (0, 0)
    assert join(picture, band, cut).tobytes() == picture.tobytes()


def test_the_path_stays_in_the_lane_in_which_both_agree() -> None:
    old = pictures.noise(TILE, 1)
    new = pictures.noise(TILE, 2)
    lane = Image.new("L", TILE)
    for y in range(128):
        middle = START + 8 + (y // 4 if y < 64 else (128 - y) // 4)  # a lane that bends to the right and back
        ImageDraw.Draw(lane).line((middle - 6, y, middle + 6, y), 255)
    new.paste(old, mask=lane)
    cut = cut_of(new, old.crop((0, 0, *BAND)))
    middles = [8 + (y // 4 if y < 64 else (128 - y) // 4) for y in range(128)]
    assert all(abs(at - middle) <= 6 for at, middle in zip(cut.path, middles, strict=True))
    assert cut.mismatch < 1 < 30 < cut.straight_mismatch
    assert cut.breaks == 0
    assert cut.straight_breaks > 0.25


def test_one_visible_break_outweighs_many_invisible_differences() -> None:
    """To the left all rows differ by three levels, to the right one row in sixteen by a hundred."""
    old = flat(100, BAND)
    new = flat(103, TILE)
    draw = ImageDraw.Draw(new)
    draw.rectangle((START + 16, 0, 127, 127), (100,) * 3)
    for y in range(8, 128, 16):
        draw.line((START + 16, y, 127, y), (200,) * 3)
    cut = cut_of(new, old)
    assert all(cut.path[y] < 16 for y in range(8, 128, 16))
    assert cut.breaks == 0 < cut.straight_breaks


def test_a_difference_of_eight_levels_counts_half() -> None:
    """e³ / (e² + 8²): 2 levels hardly count, and 64 count nearly whole."""
    levels = Image.new("F", (3, 1))
    levels.putdata([2.0, 8.0, 64.0])
    assert flattened(_visible(levels)) == pytest.approx((8 / 68, 4, 64**3 / (64**2 + 8**2)))


def test_a_line_drawn_two_pixels_off_is_not_cut_through_but_walked_around() -> None:
    """The old stroke ends in the zone, the new one begins there: straight through is a break, between them is none."""
    old = flat(255, BAND)
    ImageDraw.Draw(old).line((0, 40, START + 12, 40), (0, 0, 0), 3)
    new = flat(255, TILE)
    ImageDraw.Draw(new).line((0, 42, START + 12, 42), (0, 0, 0), 3)
    cut = cut_of(new, old)
    assert (cut.mismatch, cut.breaks) == (0, 0)
    assert min(cut.path) > 12 + RAMP_PX


@pytest.mark.parametrize("seed", [1, 3, 5])
def test_the_path_pays_for_every_edge_that_it_opens_between_two_rows(seed: int) -> None:
    """In noise no place is better for long: a path that moved aside for nothing would do so at every row."""
    old, new = pictures.noise(TILE, seed), pictures.noise(TILE, seed + 1)
    path = cut_of(new, old.crop((0, 0, *BAND))).path
    assert sum(abs(here - there) for here, there in pairwise(path)) < len(path)


def test_the_ramp_has_exact_weights() -> None:
    row = join(flat(255, TILE), flat(0, BAND), straight(16)).crop((START, 5, START + ZONE, 6)).convert("L")
    levels = [row.getpixel((x, 0)) for x in range(ZONE)]
    assert levels == [0] * 13 + [36, 73, 109, 146, 182, 219] + [255] * 13


@pytest.mark.parametrize(("zone_px", "ramp_px"), [(1, 0), (2, 0), (5, 1), (8, 2), (9, 3), (32, 3)])
def test_a_narrow_zone_has_a_narrow_ramp(zone_px: int, ramp_px: int) -> None:
    band, redraw = apart()
    cut = cut_of(redraw, band, zone_px)
    assert ramp_px <= min(cut.path) <= max(cut.path) <= zone_px - ramp_px


@pytest.mark.invariant("PENDING-ONLY")
@pytest.mark.parametrize("zone_px", [3, 4, 16, 32])
def test_nothing_outside_the_zone_changes(zone_px: int) -> None:
    band, redraw = apart()
    cut = cut_of(redraw, band, zone_px)
    enforced = enforce_conditioning_half(redraw, band, "x_ltr", CONTRACT)
    changed = ImageChops.difference(enforced, join(redraw, band, cut)).getbbox()
    assert changed is not None
    assert 64 - zone_px <= changed[0] < changed[2] <= 64


def test_inputs_are_not_changed() -> None:
    band, redraw = apart()
    before = band.tobytes(), redraw.tobytes()
    join(redraw, band, cut_of(redraw, band))
    assert (band.tobytes(), redraw.tobytes()) == before


@pytest.mark.invariant("MODES-EQUAL")
@pytest.mark.parametrize("mode", Mode)
def test_all_modes_cut_alike(mode: Mode) -> None:
    band, redraw = apart()
    cut = cut_of(redraw, band)
    turned_band, turned = from_canonical(band, mode), from_canonical(redraw, mode)
    again = find_cut(turned, turned_band, mode, ZONE, CONTRACT)
    assert again == cut
    out = join_tile(turned, turned_band, mode, again, CONTRACT)
    assert to_canonical(out, mode).tobytes() == join(redraw, band, cut).tobytes()
    straight_tile = straightened(turned, mode, again)
    assert to_canonical(straight_tile, mode).tobytes() == straightened(redraw, "x_ltr", cut).tobytes()


def test_a_straightened_tile_has_its_path_at_the_seam() -> None:
    band, redraw = apart()
    cut = cut_of(redraw, band)
    tile = join(redraw, band, cut)
    straight_tile = straightened(tile, "x_ltr", cut)
    for y, at in enumerate(cut.path):
        here = tile.crop((START + at - 20, y, START + at + 60, y + 1))
        assert straight_tile.crop((64 - 20, y, 64 + 60, y + 1)).tobytes() == here.tobytes()
    assert straightened(tile, "x_ltr", straight(ZONE)).tobytes() == tile.tobytes()


def test_a_change_to_a_straightened_tile_lies_along_the_path() -> None:
    band, redraw = apart()
    cut = cut_of(redraw, band)
    tile = join(redraw, band, cut)
    straight_tile = straightened(tile, "x_ltr", cut)
    assert with_straightened(tile, straight_tile, "x_ltr", cut).tobytes() == tile.tobytes()
    straight_tile.paste((255, 0, 0), (64, 0, 70, 128))
    out = with_straightened(tile, straight_tile, "x_ltr", cut)
    for y, at in enumerate(cut.path):
        row = [out.getpixel((START + at + x, y)) for x in (-1, 0, 5, 6)]
        assert row[1:3] == [(255, 0, 0)] * 2
        assert row[0] == tile.getpixel((START + at - 1, y))
        assert row[3] == tile.getpixel((START + at + 6, y))


def test_invalid_zones_and_pictures_are_refused() -> None:
    band, redraw = apart()
    for zone_px, reason in ((0, "no cut through a zone of 0 px"), (33, "0 to 32")):
        with pytest.raises(UsageError, match=reason):
            cut_of(redraw, band, zone_px)
    with pytest.raises(CanvasError, match="the band has mode L"):
        cut_of(redraw, band.convert("L"))
    with pytest.raises(CanvasError, match="the tile is 64x64"):
        cut_of(redraw.resize((64, 64)), band)
