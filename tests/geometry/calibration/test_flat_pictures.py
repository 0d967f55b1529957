"""Flat pictures: few colours, few edges, and areas that show nothing but noise."""

import math
from itertools import pairwise

import pytest
from PIL import Image, ImageDraw, ImageStat

from exquisite.api.mock.drift import Drift, redraw
from exquisite.contract import TileContract
from exquisite.geometry.calibration import Calibration, calibrate_tile
from exquisite.geometry.calibration.registration import locate, register
from exquisite.geometry.calibration.tone import equal_histograms, low_order_curve

CONTRACT = TileContract(512, 256, 128, 128)
BORDER = 32
SIDE = CONTRACT.tile_px + 2 * BORDER
BOX = (BORDER, BORDER, BORDER + CONTRACT.tile_px, BORDER + CONTRACT.tile_px)
BAND = (BORDER, BORDER, BORDER + CONTRACT.band_px, BORDER + CONTRACT.tile_px)
NOISY = Drift(shift=(-6.5, 4.25), gamma=1.1, blur=0.6, noise=0.6)
SKY = ((42, 168, 123), (90, 171, 145), (175, 51, 90))
DUNES = ((180, 205, 230), (240, 200, 150), (215, 160, 100), (160, 105, 70))


def bands(colours: tuple[tuple[int, int, int], ...], waves: float, height: float) -> Image.Image:
    """Colours one below the other, with wavy edges of `waves` periods and a height in pixels; smooth at full size."""
    large = Image.new("RGB", (2 * SIDE, 2 * SIDE), colours[0])
    draw = ImageDraw.Draw(large)
    for k, colour in enumerate(colours[1:], 1):
        middle = large.height * k / len(colours)
        edge = [
            (x, middle + 2 * height * math.sin(math.tau * waves * x / large.width + k))
            for x in range(0, large.width + 8, 8)
        ]
        draw.polygon([*edge, large.size, (0, large.height)], fill=colour)
    return large.resize((SIDE, SIDE), Image.Resampling.BOX)


def calibrate(picture: Image.Image, drift: Drift) -> Calibration:
    return calibrate_tile(redraw(picture, BOX, drift), picture.crop(BAND), "x_ltr", CONTRACT)


def test_noise_does_not_mark_the_empty_blocks_of_a_flat_picture_as_recomposed() -> None:
    picture = bands(SKY, 0, 0).convert("L")
    luminance = redraw(picture.convert("RGB"), BOX, Drift(noise=0.6)).convert("L")
    tile, band = (image.convert("F") for image in (luminance, picture.crop(BAND)))
    registration = register(tile, band, locate(tile, band).placement)
    columns = band.width // registration.block_px
    weights = [weight for at, weight in enumerate(registration.weights) if at % columns]  # the first may begin outside
    assert min(weights) > 0.9


def test_a_shift_across_the_edges_alone_is_a_correction_of_place() -> None:
    """Level edges determine no displacement along them, neither place nor bend."""
    picture = bands(SKY, 0, 0)
    calibration = calibrate(picture, Drift(shift=(0.0, 4.0)))
    assert "place" in calibration.stages
    assert calibration.shift == pytest.approx((0, 4), abs=0.1)
    assert "not identifiable along x" in calibration.reason


def test_every_colour_of_a_noisy_sky_is_restored_to_its_level() -> None:
    picture = bands(SKY, 0, 0)
    new = calibrate(picture, NOISY).tile.crop((256, 0, 384, 512))
    for k, colour in enumerate(SKY):
        top = round(SIDE * k / len(SKY)) + 24
        means = ImageStat.Stat(new.crop((0, top, 128, top + 80))).mean
        assert means == pytest.approx(colour, abs=0.5)


@pytest.mark.parametrize("waves", [0.7, 1.0, 1.3])
def test_noise_beside_the_edges_of_dunes_is_no_bend(waves: float) -> None:
    calibration = calibrate(bands(DUNES, waves, 28), NOISY)
    assert "bend" not in calibration.stages
    assert calibration.shift == pytest.approx(NOISY.shift, abs=0.15)


def test_a_true_bend_of_dunes_is_corrected() -> None:
    picture = bands(DUNES, 1.3, 28)
    calibration = calibrate(picture, Drift(warp_px=3, noise=0.6, seed=2))
    assert "bend" in calibration.stages
    assert calibration.residual_after < 0.6 * calibration.residual_before


def test_levels_between_the_colours_of_a_poster_are_not_matched() -> None:
    """Sharpening draws dark rims along the edges: a few pixels of levels that the band does not have."""
    band = Image.new("L", (256, 256), 33)
    band.paste(130, (0, 0, 256, 100))
    tile = band.copy()
    for k, level in enumerate((26, 28, 36, 38, 40, 42, 44, 46)):
        tile.paste(level, (100, 100 + k, 100 + 48, 101 + k))
    (curve,) = equal_histograms(tile, band, Image.new("L", band.size, 255))
    assert curve[33] == pytest.approx(33, abs=0.2)
    assert curve[62] == pytest.approx(62, abs=2)


@pytest.mark.parametrize("gamma", [0.8, 1.25])
def test_a_gamma_is_continued_to_levels_that_the_band_does_not_have(gamma: float) -> None:
    undone = [255 * (level / 255) ** (1 / gamma) for level in range(256)]
    weights = [10.0 if 90 <= level < 220 else 0.0 for level in range(256)]
    curve = low_order_curve(weights, undone)
    for level in (32, 64, 240):
        assert curve[level] == pytest.approx(undone[level], abs=1)


def test_the_strongest_gamma_stays_a_rising_curve() -> None:
    weights = [10.0 if level < 60 else 0.0 for level in range(256)]
    curve = low_order_curve(weights, [min(255.0, 40.0 + 3 * level) for level in range(256)])
    assert all(low <= high for low, high in pairwise(curve))


def test_two_edges_determine_shift_and_zoom_even_if_one_is_drawn_near_the_rim() -> None:
    """The outer edge of a coarse block begins above the redraw, and yet the block holds one of only two edges."""
    picture = Image.new("RGB", (SIDE, SIDE), (183, 100, 165))
    picture.paste((172, 21, 79), (0, BORDER + 47, SIDE, SIDE))
    picture.paste((229, 147, 124), (0, BORDER + 337, SIDE, SIDE))
    drift = Drift(shift=(4.5, -11), zoom=(1.02, 1.02), blur=0.3, noise=0.2)
    calibration = calibrate(picture, drift)
    for row in (47, 337):
        landed = row + calibration.shift[1] + (calibration.scale[1] - 1) * (row - 256)
        assert landed == pytest.approx(drift.landing(256, BORDER + row, BOX)[1], abs=0.5)
