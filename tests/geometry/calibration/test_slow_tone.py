"""Slow variation of tone is undone beside the seam, and nothing else is."""

from __future__ import annotations

from PIL import Image, ImageChops

from exquisite.geometry.calibration.slow_tone import REACH_PX, with_even_tone
from tests.support.pictures import constant, noise

SEAM, END, HEIGHT = 4 * REACH_PX, 6 * REACH_PX, 4 * REACH_PX
BAND = constant((SEAM, HEIGHT), (100, 100, 100))


def tile_of(*levels: int) -> Image.Image:
    """Rows of equal height, each in one level."""
    tile = Image.new("RGB", (END, HEIGHT))
    edge = HEIGHT // len(levels)
    for k, level in enumerate(levels):
        tile.paste((level,) * 3, (0, k * edge, END, (k + 1) * edge))
    return tile


def test_half_of_the_difference_is_undone_at_the_seam_and_e_times_less_at_its_reach() -> None:
    even = with_even_tone(tile_of(110), BAND)
    at_seam, at_reach = (even.getpixel((SEAM + x, HEIGHT // 2)) for x in (0, REACH_PX))
    assert (at_seam, at_reach) == ((105, 105, 105), (108, 108, 108))


def test_each_place_has_its_own_difference() -> None:
    even = with_even_tone(tile_of(92, 108), BAND)
    assert even.getpixel((SEAM, 0)) == (96, 96, 96)
    assert even.getpixel((SEAM, HEIGHT - 1)) == (104, 104, 104)


def test_the_conditioning_half_does_not_change() -> None:
    tile = tile_of(110)
    assert with_even_tone(tile, BAND).crop((0, 0, SEAM, HEIGHT)).tobytes() == tile.crop((0, 0, SEAM, HEIGHT)).tobytes()


def test_a_difference_that_changes_sign_towards_the_seam_is_left_alone() -> None:
    tile = tile_of(110)
    tile.paste((90,) * 3, (SEAM - REACH_PX, 0, END, HEIGHT))
    assert with_even_tone(tile, BAND) is tile


def test_other_strokes_count_little() -> None:
    """A stroke of 200 levels in one of 32 columns counts as 20: a third of a level at the seam."""
    tile = tile_of(100)
    for x in (SEAM - REACH_PX, SEAM - 2 * REACH_PX):
        tile.paste((255,) * 3, (x, 0, x + 1, HEIGHT))
    even = with_even_tone(tile, BAND)
    assert max(high for _, high in ImageChops.difference(even, tile).getextrema()) <= 1  # type: ignore[misc]


def test_pictures_too_small_to_measure_are_left_alone() -> None:
    tile = noise((REACH_PX, REACH_PX), 1)
    assert with_even_tone(tile, tile.crop((0, 0, REACH_PX // 2, REACH_PX))) is tile
