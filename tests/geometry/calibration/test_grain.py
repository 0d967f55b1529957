"""The loss of grain in a redraw is measured and reported."""

import pytest
from PIL import Image, ImageChops, ImageFilter

from exquisite.contract import TileContract
from exquisite.geometry.calibration import calibrate_tile
from exquisite.geometry.calibration.grain import LEAST_GRAIN, remaining_grain
from tests.support import pictures

SIZE = (128, 256)
EVERYTHING = Image.new("L", SIZE, 255)


def grainy(deviation: float, size: tuple[int, int] = SIZE) -> Image.Image:
    """Grey 128 with white noise."""
    return Image.effect_noise(size, deviation)


@pytest.mark.parametrize("share", [0.3, 0.7, 1.0])
def test_grain_is_counted_as_energy(share: float) -> None:
    band = grainy(12)
    weaker = Image.blend(Image.new("L", SIZE, 128), band, share)
    assert remaining_grain(weaker, band, EVERYTHING) == pytest.approx(share**2, rel=0.05)


def test_a_picture_without_grain_has_lost_none() -> None:
    flat = Image.new("L", SIZE, 90)
    assert remaining_grain(flat, flat, EVERYTHING) == 1
    assert remaining_grain(grainy(3), flat, EVERYTHING) == 1


def test_soft_edges_are_no_lost_grain() -> None:
    """Half of the places are flat: an edge that was softened elsewhere does not count."""
    band = ImageChops.lighter(grainy(8), Image.new("L", SIZE, 0))
    band.paste(pictures.draw("ink", (128, 96), 2).convert("L"), (0, 0))
    soft = band.copy()
    soft.paste(band.crop((0, 0, 128, 96)).filter(ImageFilter.GaussianBlur(2)), (0, 0))
    assert remaining_grain(soft, band, EVERYTHING) == pytest.approx(1, abs=0.05)


def test_a_place_counts_only_when_nearly_all_of_it_counts() -> None:
    """Of every place of 16 by 16 px, one half was drawn anew and does not count."""
    band = grainy(12)
    redraw, counted = band.copy(), EVERYTHING.copy()
    for left in range(0, SIZE[0], 16):
        redraw.paste(128, (left, 0, left + 8, 128))
        counted.paste(0, (left, 0, left + 8, 128))
    assert remaining_grain(redraw, band, counted) == pytest.approx(1, abs=0.03)


def test_pixels_that_do_not_count_are_left_out() -> None:
    band = grainy(12)
    redraw = band.copy()
    redraw.paste(128, (0, 128, *SIZE))
    upper = EVERYTHING.copy()
    upper.paste(0, (0, 128, *SIZE))
    assert remaining_grain(redraw, band, upper) == pytest.approx(1, abs=0.01)
    assert remaining_grain(redraw, band, EVERYTHING) < 0.7


@pytest.mark.parametrize("size", [(4, 4), (16, 40), (33, 17)])
def test_grain_is_defined_for_any_size(size: tuple[int, int]) -> None:
    noise = grainy(9, size)
    assert remaining_grain(noise, noise, Image.new("L", size, 255)) == pytest.approx(1)


def test_a_calibration_says_that_grain_was_lost() -> None:
    contract = TileContract(256, 128, 64, 64)
    smooth = pictures.draw("clouds", (256, 256), 3)
    noise = grainy(6, (256, 256))
    band = ImageChops.add(smooth, Image.merge("RGB", (noise,) * 3), 1, -128).crop((0, 0, *SIZE))
    calibration = calibrate_tile(smooth, band, "x_ltr", contract)
    assert calibration.grain < LEAST_GRAIN
    assert "grain lost" in calibration.reason
    assert calibration.as_dict()["grain"] == round(calibration.grain, 6)
