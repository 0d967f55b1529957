"""The feather absorbs the step at the seam in the new pixels, and changes nothing else."""

import math

import pytest
from PIL import Image, ImageChops

from exquisite.contract import Mode, TileContract, from_canonical, to_canonical
from exquisite.errors import CanvasError, UsageError
from exquisite.geometry.enforcement import enforce_conditioning_half
from exquisite.geometry.feather import feather_tile
from tests.support import pictures
from tests.support.reading import rgb_at

CONTRACT = TileContract(128, 64, 32, 32)
BAND, GREY = (64, 128), (100, 100, 100)


def flat(colour: tuple[int, int, int], size: tuple[int, int] = (128, 128)) -> Image.Image:
    return Image.new("RGB", size, colour)


def feathered(redraw: Image.Image, band: Image.Image, feather_px: int) -> Image.Image:
    enforced = enforce_conditioning_half(redraw, band, "x_ltr", CONTRACT)
    return feather_tile(enforced, redraw, band, "x_ltr", feather_px, CONTRACT)


def test_no_feather_returns_the_tile_itself() -> None:
    tile = flat(GREY)
    assert feather_tile(tile, tile, flat(GREY, BAND), "x_ltr", 0, CONTRACT) is tile


def test_a_seam_without_a_step_changes_nothing() -> None:
    picture = pictures.draw("ink", (128, 128), 1)
    band = picture.crop((0, 0, 64, 128))
    assert feathered(picture, band, 32).tobytes() == picture.tobytes()


def test_a_step_of_ten_levels_becomes_a_slope() -> None:
    out = feathered(flat((90, 90, 110)), flat(GREY, BAND), 32)
    row = [rgb_at(out, x, 64) for x in range(128)]
    assert row[:64] == [GREY] * 64
    assert row[64][0] in (99, 100)
    assert row[64][2] in (100, 101)
    assert row[96:] == [(90, 90, 110)] * 32
    levels = [pixel[0] for pixel in row[64:]]
    assert levels == sorted(levels, reverse=True)


def test_the_slope_is_half_a_cosine_over_its_whole_width() -> None:
    """Of a step of 10 levels, (1 + cos(pi d / w)) / 2 is left at the distance d from the seam."""
    out = feathered(flat((90, 90, 90)), flat(GREY, BAND), 32)
    for x in range(32):
        left = 10 * (0.5 + 0.5 * math.cos(math.pi * (x + 0.5) / 32))
        assert abs(rgb_at(out, 64 + x, 64)[0] - (90 + left)) <= 1


def test_the_slope_is_as_much_above_its_middle_as_below_it() -> None:
    """Weights are those of the middles of the pixels, so two columns as far from either end make 1 together."""
    out = feathered(flat((60, 60, 60)), flat((124, 124, 124), BAND), 4)
    left = [rgb_at(out, 64 + x, 64)[0] - 60 for x in range(4)]
    assert left[0] + left[3] == pytest.approx(left[1] + left[2], abs=1)
    assert left[0] < left[1] + left[2]


@pytest.mark.invariant("OLD-PIXELS")
def test_old_pixels_and_those_beyond_the_zone_stay_byte_for_byte() -> None:
    redraw, band = pictures.draw("foliage", (128, 128), 2), pictures.draw("ink", BAND, 3)
    enforced = enforce_conditioning_half(redraw, band, "x_ltr", CONTRACT)
    before = enforced.tobytes()
    out = feather_tile(enforced, redraw, band, "x_ltr", 16, CONTRACT)
    assert out.crop((0, 0, 64, 128)).tobytes() == band.tobytes()
    assert out.crop((80, 0, 128, 128)).tobytes() == redraw.crop((80, 0, 128, 128)).tobytes()
    assert out.crop((64, 0, 80, 128)).tobytes() != redraw.crop((64, 0, 80, 128)).tobytes()
    assert enforced.tobytes() == before


def test_a_single_odd_row_makes_no_streak() -> None:
    band = flat(GREY, BAND)
    band.paste((200, 200, 200), (0, 64, 64, 65))
    out = feathered(flat(GREY), band, 32)
    near, far = rgb_at(out, 64, 64), rgb_at(out, 76, 64)
    assert 106 < near[0] <= 116  # a step of 100 levels is a line elsewhere, and counts as one of 16
    assert far[0] < 103


@pytest.mark.parametrize("mode", list(Mode))
def test_every_mode_gives_the_same_pixels(mode: Mode) -> None:
    redraw, band = pictures.draw("foliage", (128, 128), 2), pictures.draw("ink", BAND, 3)
    enforced = enforce_conditioning_half(redraw, band, "x_ltr", CONTRACT)
    canonical = feather_tile(enforced, redraw, band, "x_ltr", 24, CONTRACT)
    turned = feather_tile(
        from_canonical(enforced, mode), from_canonical(redraw, mode), from_canonical(band, mode), mode, 24, CONTRACT
    )
    assert to_canonical(turned, mode).tobytes() == canonical.tobytes()


@pytest.mark.parametrize("feather_px", [1, 2, 64])
def test_any_width_up_to_the_generated_half(feather_px: int) -> None:
    out = feathered(flat((90, 90, 90)), flat(GREY, BAND), feather_px)
    changed = ImageChops.difference(out.crop((64, 0, 128, 128)), flat((90, 90, 90), (64, 128))).getbbox()
    assert changed is not None
    assert changed[2] <= feather_px


@pytest.mark.parametrize("feather_px", [-1, 65])
def test_other_widths_are_refused(feather_px: int) -> None:
    with pytest.raises(UsageError, match="feather_px"):
        feathered(flat(GREY), flat(GREY, BAND), feather_px)


def test_wrong_pictures_are_refused() -> None:
    with pytest.raises(CanvasError):
        feather_tile(flat(GREY), flat(GREY, (64, 64)), flat(GREY, BAND), "x_ltr", 8, CONTRACT)
    with pytest.raises(CanvasError):
        feather_tile(flat(GREY), flat(GREY), flat(GREY, (128, 64)), "x_ltr", 8, CONTRACT)
