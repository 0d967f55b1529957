"""The displaced share tells displaced detail from detail in place and from other detail."""

from __future__ import annotations

import random

import pytest
from PIL import Image

from exquisite.geometry.calibration.octaves import displaced_share
from exquisite.pixels import as_float

SIZE = (200, 200)


def noise(seed: int) -> Image.Image:
    """White noise, with a border of 8 px around SIZE."""
    width, height = SIZE[0] + 16, SIZE[1] + 16
    return Image.frombytes("L", (width, height), random.Random(seed).randbytes(width * height))


def share(a: Image.Image, b: Image.Image, shift: tuple[int, int] = (0, 0)) -> float:
    """The displaced share of `a` and of `b` moved by `shift`."""
    first, second = (
        as_float(image.crop((8 + x, 8 + y, 8 + x + SIZE[0], 8 + y + SIZE[1])))
        for image, (x, y) in ((a, (0, 0)), (b, shift))
    )
    return displaced_share(first, second, Image.new("F", SIZE, 1.0))


@pytest.mark.parametrize("shift", [(2, 0), (0, -2), (2, 2), (-4, 4)])
def test_displaced_detail_has_a_share_of_nearly_1(shift: tuple[int, int]) -> None:
    assert share(noise(1), noise(1), shift) > 0.9


def test_detail_in_place_has_no_displaced_share() -> None:
    assert share(noise(1), noise(1)) == pytest.approx(0, abs=0.01)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_unrelated_detail_has_hardly_any_displaced_share(seed: int) -> None:
    """The best of many displacements explains some of any noise, but no more than chance does."""
    assert share(noise(seed), noise(seed + 10)) < 0.25  # 1 without that correction


def test_another_gain_in_each_place_is_no_displacement() -> None:
    """One half of the picture has a quarter of the contrast: the detail is in place."""
    faint = noise(1).point([128 + round((v - 128) / 4) for v in range(256)])
    mixed = noise(1)
    mixed.paste(faint.crop((100, 0, *faint.size)), (100, 0))
    assert share(noise(1), mixed) < 0.05
