"""The kernel restores the energy that detail has in the band, also where levels clip, and beside a mask."""

from __future__ import annotations

import random

import pytest
from PIL import Image, ImageDraw, ImageFilter

from exquisite.geometry.calibration.octaves import FINE, blurs, detail, energy, moments, product
from exquisite.geometry.calibration.sharpness import Kernel, fit_kernel, sharpened
from exquisite.pixels import as_float, difference, mean, multiply, square

SIZE = (160, 160)


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
