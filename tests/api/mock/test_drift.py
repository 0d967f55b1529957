"""The effects of a drift: mapping of points, change of tone, and no invented pixels at the rims."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from PIL import Image, ImageStat

from exquisite.api.mock.drift import Drift, redraw
from exquisite.contract import Box
from exquisite.errors import CanvasError
from exquisite.pixels import crop_mirrored

BOX = Box(30, 20, 94, 84)


def waves(x: float, y: float) -> float:
    """A smooth picture that is known at every point, not only at pixel centres."""
    return 128 + 60 * math.sin(x / 5.3 + y / 17) + 50 * math.cos(y / 6.1 - x / 23)


def picture(width: int = 130, height: int = 110) -> Image.Image:
    levels = bytes(round(waves(x + 0.5, y + 0.5)) for y in range(height) for x in range(width))
    return Image.merge("RGB", [Image.frombytes("L", (width, height), levels)] * 3)


def grey(level: int) -> Image.Image:
    return Image.new("RGB", (64, 64), (level, level, level))


def pixel(image: Image.Image) -> object:
    return image.getpixel((32, 32))


class TestGeometry:
    def test_without_drift_the_result_is_the_crop_itself(self) -> None:
        assert redraw(picture(), BOX, Drift()).tobytes() == picture().crop(BOX).tobytes()

    def test_a_positive_shift_moves_the_content_right_and_down(self) -> None:
        shifted = redraw(picture(), BOX, Drift(shift=(3, 2)))
        assert shifted.tobytes() == picture().crop((27, 18, 91, 82)).tobytes()

    def test_a_zoom_above_one_enlarges_about_the_centre_of_the_box(self) -> None:
        drift = Drift(zoom=(2, 4))
        assert drift.position(32, 32, BOX) == (62, 52)
        assert drift.position(0, 0, BOX) == (62 - 16, 52 - 8)

    @pytest.mark.parametrize(
        "drift",
        [
            Drift(shift=(2.25, -3.6)),
            Drift(zoom=(1.02, 0.98)),
            Drift(shift=(-1.5, 0.75), zoom=(0.99, 1.015), warp_px=3, seed=5),
        ],
        ids=["shift", "zoom", "all with a warp"],
    )
    def test_every_pixel_has_the_value_at_its_position(self, drift: Drift) -> None:
        pixels = redraw(picture(), BOX, drift).getchannel("R").tobytes()
        expected = (waves(*drift.position(x + 0.5, y + 0.5, BOX)) for y in range(64) for x in range(64))
        errors = [abs(one - other) for one, other in zip(pixels, expected, strict=True)]
        assert max(errors) < 5
        assert sum(errors) / len(errors) < 1

    @pytest.mark.parametrize("warp_px", [0, 3])
    def test_landing_is_the_inverse_of_position(self, warp_px: float) -> None:
        drift = Drift(shift=(2.25, -3.6), zoom=(1.02, 0.98), warp_px=warp_px, seed=5)
        for point in ((0.0, 0.0), (10.5, 60.25), (64.0, 31.0)):
            assert drift.landing(*drift.position(*point, BOX), BOX) == pytest.approx(point, abs=1e-6)

    def test_the_largest_displacement_of_a_warp_is_its_size(self) -> None:
        drift = Drift(warp_px=4, seed=2)
        displacements = [
            abs(position - at)
            for x in range(65)
            for y in range(65)
            for position, at in zip(drift.position(x, y, BOX), (30 + x, 20 + y), strict=True)
        ]
        assert max(displacements) == pytest.approx(4)

    def test_beyond_the_end_of_the_picture_it_mirrors(self) -> None:
        box = (-10, -6, 54, 58)
        assert redraw(picture(), box, Drift()).tobytes() == crop_mirrored(picture(), box).tobytes()
        white = Image.new("RGB", (64, 64), "white")
        for drift in (Drift(shift=(20, -9)), Drift(zoom=(0.7, 0.7)), Drift(warp_px=6)):
            assert redraw(white, (0, 0, 64, 64), drift).getextrema() == ((255, 255),) * 3


class TestTone:
    def test_gamma_acts_on_values_from_0_to_1(self) -> None:
        assert pixel(redraw(grey(64), (0, 0, 64, 64), Drift(gamma=0.5))) == (128, 128, 128)

    def test_contrast_turns_about_mid_grey(self) -> None:
        assert pixel(redraw(grey(255), (0, 0, 64, 64), Drift(contrast=0.8))) == (230, 230, 230)
        assert pixel(redraw(grey(51), (0, 0, 64, 64), Drift(contrast=0.8))) == (66, 66, 66)

    def test_a_cast_is_added_per_channel_and_clipped(self) -> None:
        assert pixel(redraw(grey(250), (0, 0, 64, 64), Drift(cast=(9, -3, 0)))) == (255, 247, 250)

    def test_blur_takes_contrast_and_sharpening_adds_it(self) -> None:
        soft, plain, sharp = (
            ImageStat.Stat(redraw(picture(), BOX, drift)).stddev[0]
            for drift in (Drift(blur=3), Drift(), Drift(sharpen=1.5))
        )
        assert soft < plain < sharp

    def test_noise_has_its_deviation_and_no_mean(self) -> None:
        noisy = ImageStat.Stat(redraw(grey(128), (0, 0, 64, 64), Drift(noise=5)))
        assert noisy.stddev == pytest.approx([5, 5, 5], abs=0.4)
        assert noisy.mean == pytest.approx([128, 128, 128], abs=0.4)


class TestSeeds:
    def test_the_same_seed_draws_the_same(self) -> None:
        drift = Drift.random("a", warp_px=3)
        assert drift == Drift.random("a", warp_px=3)
        assert redraw(picture(), BOX, drift).tobytes() == redraw(picture(), BOX, drift).tobytes()

    def test_another_seed_draws_another(self) -> None:
        drift = Drift(warp_px=3, noise=2, seed=1)
        assert Drift.random(1) != Drift.random(2)
        assert redraw(picture(), BOX, drift).tobytes() != redraw(picture(), BOX, replace(drift, seed=2)).tobytes()

    def test_random_drifts_stay_in_their_ranges_and_fill_them(self) -> None:
        drifts = [Drift.random(seed) for seed in range(200)]
        assert all(abs(edge) <= 8 for drift in drifts for edge in drift.shift)
        assert all(abs(zoom - 1) <= 0.02 + 1e-9 for drift in drifts for zoom in drift.zoom)
        assert all(0.85 <= drift.gamma <= 1.18 and 0 <= drift.blur <= 0.7 for drift in drifts)
        assert all(abs(level) <= 8 for drift in drifts for level in drift.cast)
        assert max(abs(drift.shift[0]) for drift in drifts) > 7
        assert max(abs(drift.zoom[0] - 1) for drift in drifts) > 0.017

    def test_a_strength_of_0_is_no_drift(self) -> None:
        drift = Drift.random(3, 0.0)
        assert replace(drift, seed=0) == Drift()


def test_a_larger_tile_has_larger_displacements_and_the_same_tone() -> None:
    drift = Drift(shift=(3, -4), zoom=(1.02, 0.98), warp_px=2, fine_px=1, fine_cell_px=8, gamma=1.1, blur=0.5)
    assert drift.scaled(2) == replace(drift, shift=(6, -8), warp_px=4, fine_px=2, fine_cell_px=16)


def test_only_rgb_is_redrawn() -> None:
    with pytest.raises(CanvasError, match="the picture to redraw has mode L"):
        redraw(Image.new("L", (64, 64)), BOX, Drift())
