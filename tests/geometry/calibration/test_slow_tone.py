"""Slow variation of tone is undone beside the seam, and nothing else is."""

from __future__ import annotations

from PIL import Image, ImageChops

from exquisite.geometry.calibration.slow_tone import COLUMNS, REACH_PX, ROWS, with_even_tone
from tests.support.pictures import constant, noise

SEAM, END, HEIGHT = 4 * COLUMNS, 4 * COLUMNS + 2 * REACH_PX, 4 * ROWS
BAND = constant((SEAM, HEIGHT), (100, 100, 100))


def tile_of(*levels: int) -> Image.Image:
    """Rows of equal height, each in one level."""
    tile = Image.new("RGB", (END, HEIGHT))
    edge = HEIGHT // len(levels)
    for k, level in enumerate(levels):
        tile.paste((level,) * 3, (0, k * edge, END, (k + 1) * edge))
    return tile


def differing(tile: Image.Image, left: int, *levels: int) -> None:
    """In COLUMNS columns of `tile` from `left` on, set each run of ROWS rows to its one of `levels` above BAND."""
    for k, level in enumerate(levels):
        tile.paste((100 + level,) * 3, (left, k * ROWS, left + COLUMNS, (k + 1) * ROWS))


def test_a_lasting_difference_is_undone_at_the_seam_and_a_quarter_of_it_halfway_to_the_reach() -> None:
    even = with_even_tone(tile_of(110), BAND)
    levels = [even.getpixel((SEAM + x, HEIGHT // 2)) for x in (0, REACH_PX // 2, REACH_PX)]
    assert levels == [(100, 100, 100), (108, 108, 108), (110, 110, 110)]


def test_each_place_has_its_own_difference() -> None:
    even = with_even_tone(tile_of(92, 108), BAND)
    assert even.getpixel((SEAM, 0)) == (100, 100, 100)
    assert even.getpixel((SEAM, HEIGHT - 1)) == (100, 100, 100)


def test_a_difference_that_halves_towards_the_seam_is_half_undone() -> None:
    tile = tile_of(110)
    differing(tile, SEAM - 2 * COLUMNS, *(20,) * 4)
    assert with_even_tone(tile, BAND).getpixel((SEAM, HEIGHT // 2)) == (105, 105, 105)


def test_differences_by_chance_are_left_alone() -> None:
    tile = tile_of(100)
    differing(tile, SEAM - 2 * COLUMNS, 10, -10, 10, -10)
    differing(tile, SEAM - COLUMNS, 10, 10, -10, -10)
    assert with_even_tone(tile, BAND) is tile


def test_the_conditioning_half_does_not_change() -> None:
    tile = tile_of(110)
    assert with_even_tone(tile, BAND).crop((0, 0, SEAM, HEIGHT)).tobytes() == tile.crop((0, 0, SEAM, HEIGHT)).tobytes()


def test_a_difference_that_changes_sign_towards_the_seam_is_left_alone() -> None:
    tile = tile_of(110)
    tile.paste((90,) * 3, (SEAM - COLUMNS, 0, END, HEIGHT))
    assert with_even_tone(tile, BAND) is tile


def test_other_strokes_change_the_tone_by_a_level_at_most() -> None:
    """A stroke of 155 levels in one of 16 columns counts as 20: a mean of little more than a level."""
    tile = tile_of(100)
    for x in (SEAM - COLUMNS, SEAM - 2 * COLUMNS):
        tile.paste((255,) * 3, (x, 0, x + 1, HEIGHT))
    even = with_even_tone(tile, BAND)
    assert max(high for _, high in ImageChops.difference(even, tile).getextrema()) <= 1  # type: ignore[misc]


def test_pictures_too_small_to_measure_are_left_alone() -> None:
    tile = noise((4 * COLUMNS, ROWS), 1)
    assert with_even_tone(tile, tile.crop((0, 0, 2 * COLUMNS, ROWS))) is tile
