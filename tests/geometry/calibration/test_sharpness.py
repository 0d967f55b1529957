"""The kernel restores the energy that detail has in the band, also where levels clip, and beside a mask."""

from __future__ import annotations

import math
import random

import pytest
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from exquisite.geometry.calibration.octaves import FINE, blurs, detail, energy, moments, product
from exquisite.geometry.calibration.sharpness import Kernel, fit_kernel, sharpened
from exquisite.pixels import as_float, difference, laplacian_energy, mean, multiply, square
from tests.support import pictures
from tests.support.reading import rgb_pixels

SIZE = (160, 160)
LARGE = (256, 256)
EVERYTHING = Image.new("L", LARGE, 255)


def strokes(seed: int) -> Image.Image:
    """Black strokes of one pixel on white paper."""
    draw, paper = random.Random(seed), Image.new("L", SIZE, 255)
    pen = ImageDraw.Draw(paper)
    for _ in range(400):
        x, y = draw.randrange(SIZE[0]), draw.randrange(SIZE[1])
        pen.line((x, y, x + draw.randint(-12, 12), y + draw.randint(-12, 12)), fill=0)
    return paper


def steep_grain(seed: int) -> Image.Image:
    """Grain of one level on a light and steep gradient."""
    draw, (width, height) = random.Random(seed), SIZE
    levels = bytes(min(255, 120 + x * 3 // 4 + draw.randint(-1, 1)) for _ in range(height) for x in range(width))
    return Image.frombytes("L", (width, height), levels)


def even_grain(seed: int) -> Image.Image:
    """Grain of up to 4 levels on grey."""
    draw = random.Random(seed)
    return Image.frombytes("L", SIZE, bytes(128 + draw.randint(-4, 4) for _ in range(SIZE[0] * SIZE[1])))


def fine_energy(picture: Image.Image, mask: Image.Image) -> float:
    """Mean energy of the fine octave over the mask (mode F, 0 or 1), without moments."""
    sharp, soft = blurs(as_float(picture), 1)
    return mean(multiply(square(difference(sharp, soft)), mask).crop((4, 4, SIZE[0] - 4, SIZE[1] - 4)))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_means_of_a_picture_do_not_disturb_the_moments_of_its_detail_over_a_mask(seed: int) -> None:
    """They predict the energy after sharpening."""
    picture, mask, kernel = steep_grain(seed), Image.new("F", SIZE), Kernel(1.0, -1.0)
    for place in range(32, 128, 32):
        mask.paste(1.0, (place, place, place + 16, place + 16))
    copies = blurs(detail(as_float(picture)), 4)
    predicted = energy(product(product(FINE, FINE), kernel.squared), moments(copies, copies, mask))
    assert predicted * SIZE[0] * SIZE[1] == pytest.approx(
        fine_energy(sharpened(picture, kernel), mask) * (SIZE[0] - 8) * (SIZE[1] - 8), rel=0.15
    )


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_strokes_on_white_paper_get_the_energy_of_the_band_although_levels_clip(seed: int) -> None:
    """A redraw with its strokes displaced by 2 px, and softer."""
    band = strokes(seed)
    redraw = band.transform(SIZE, Image.Transform.AFFINE, (1, 0, 2, 0, 1, 0)).filter(ImageFilter.GaussianBlur(0.6))
    redraw.paste(255, (SIZE[0] - 2, 0, *SIZE))
    kernel = fit_kernel(redraw, band, Image.new("L", SIZE, 255))
    whole = Image.new("F", SIZE, 1.0)
    restored = fine_energy(sharpened(redraw, kernel), whole) / fine_energy(band, whole)
    assert fine_energy(redraw, whole) < 0.6 * fine_energy(band, whole)
    assert restored == pytest.approx(1, abs=0.1)


def test_a_blurred_picture_is_brought_closer_to_the_truth() -> None:
    band = pictures.draw("ink", LARGE, 5).convert("L")
    soft = band.filter(ImageFilter.GaussianBlur(0.8))
    kernel = fit_kernel(soft, band, EVERYTHING)
    assert kernel.gain > 2
    assert _rms(sharpened(soft, kernel), band) < 0.55 * _rms(soft, band)


def test_faint_strokes_are_not_sharpened_at_the_cost_of_grain_beside_them() -> None:
    """Half of the picture is soft strokes, half grain, as strong in the redraw as in the band: that may not show.

    The kernel that the strokes alone ask for would raise the energy of the grain by two thirds.
    """
    band, redraw = even_grain(1), even_grain(2)
    sharp = strokes(1).crop((0, 0, 80, SIZE[1])).point([115 + level // 10 for level in range(256)])
    band.paste(sharp, (0, 0))
    redraw.paste(sharp.filter(ImageFilter.GaussianBlur(0.8)), (0, 0))
    kernel = fit_kernel(redraw, band, Image.new("L", SIZE, 255))
    beside = Image.new("F", SIZE)
    beside.paste(1.0, (88, 0, *SIZE))
    assert kernel != Kernel()
    assert fine_energy(sharpened(redraw, kernel), beside) < 1.15 * fine_energy(redraw, beside)


def test_a_kernel_on_the_edge_of_its_bounds_is_the_best_one_there() -> None:
    """With both coefficients clamped separately, .395 of the error is left."""
    band = pictures.draw("pencil", LARGE, 5).convert("L")
    soft = band.filter(ImageFilter.GaussianBlur(0.85))
    kernel = fit_kernel(soft, band, EVERYTHING)
    assert kernel.fine == pytest.approx(3)
    assert _rms(sharpened(soft, kernel), band) < 0.37 * _rms(soft, band)


@pytest.mark.parametrize("kind", ["ink", "foliage", "clouds"])
@pytest.mark.parametrize("levels", [4, 12])
def test_noise_is_not_smoothed_away(kind: str, levels: int) -> None:
    """What the model drew anew looks like noise; smoothing it away would leave a haze behind the seam."""
    band = pictures.draw(kind, LARGE, 5).convert("L")
    noise = Image.effect_noise(LARGE, levels).point([max(0, v - 64) for v in range(256)])
    redraw = ImageChops.add(band.filter(ImageFilter.GaussianBlur(0.7)), noise, 1, -64)
    kernel = fit_kernel(redraw, band, EVERYTHING)
    energy, expected = (laplacian_energy(image) for image in (sharpened(redraw, kernel), band))
    assert energy > 0.8 * expected  # what the coherent part explains
    assert energy < 1.25 * max(expected, laplacian_energy(noise))


@pytest.mark.parametrize("kind", ["foliage", "painterly", "pencil"])
def test_detail_drawn_anew_gets_back_the_energy_that_resampling_took(kind: str) -> None:
    """One half of the redraw is the band, resampled by half a pixel, and one shows other detail of equal energy."""
    raw = pictures.draw(kind, LARGE, 3).convert("L")
    band = raw.copy()
    other = (LARGE[0] // 2, 0, *LARGE)
    band.paste(raw.transpose(Image.Transpose.ROTATE_180).crop(other), other)
    resampled = Image.blend(raw, ImageChops.offset(raw, 1, 0), 0.5)

    def loss(kernel: Kernel) -> float:
        inner = (4, 4, LARGE[0] - 4, LARGE[1] - 4)
        left, whole = (laplacian_energy(image.crop(inner)) for image in (sharpened(resampled, kernel), raw))
        return 1 - left / whole

    assert 0 < loss(fit_kernel(resampled, band, EVERYTHING, raw)) < 0.6 * loss(Kernel())
    assert loss(fit_kernel(resampled, band, EVERYTHING)) > 0.6 * loss(Kernel())


def test_an_equal_picture_needs_no_kernel() -> None:
    band = pictures.draw("ink", LARGE, 5).convert("L")
    kernel = fit_kernel(band, band, EVERYTHING)
    assert (kernel.fine, kernel.coarse) == pytest.approx((0, 0), abs=1e-6)
    assert kernel.gain == pytest.approx(1)


def test_a_kernel_keeps_flat_pictures_and_reaches_the_edge() -> None:
    kernel = Kernel(0.7, -0.2)
    assert sharpened(pictures.constant((16, 16), (9, 99, 199)), kernel).getcolors() == [(256, (9, 99, 199))]
    ink = pictures.draw("ink", (64, 64), 1)
    assert sharpened(ink, kernel).crop((0, 0, 64, 1)).tobytes() != ink.crop((0, 0, 64, 1)).tobytes()


def test_the_kernel_is_symmetric_and_reaches_two_pixels() -> None:
    spot = Image.new("L", (9, 9), 100)
    spot.putpixel((4, 4), 200)
    image = sharpened(spot, Kernel(0.9, 0.3))
    assert ImageChops.difference(image, spot).getbbox() == (2, 2, 7, 7)
    for way in Image.Transpose:
        assert image.transpose(way).tobytes() == image.tobytes()


def test_a_picture_is_filtered_alike_wherever_its_strips_begin() -> None:
    ink = pictures.draw("ink", (64, 300), 1)
    kernel = Kernel(0.9, 0.3)
    lower = sharpened(ink.crop((0, 100, 64, 300)), kernel)
    rim = 2
    assert lower.crop((0, rim, 64, 200)).tobytes() == sharpened(ink, kernel).crop((0, 100 + rim, 64, 300)).tobytes()


def _rms(a: Image.Image, b: Image.Image) -> float:
    pairs = rgb_pixels(Image.merge("RGB", (a, b, a)))
    return math.sqrt(sum((x - y) ** 2 for x, y, _ in pairs) / len(pairs))
