"""Style: each measure responds to its own kind of change, and to no other."""

from __future__ import annotations

import pytest
from PIL import Image, ImageEnhance, ImageFilter

from exquisite import Mode
from exquisite.contract import from_canonical
from exquisite.errors import CanvasError
from exquisite.geometry.measures.style import Style, style_drift, style_of
from tests.support.pictures import checker, constant, draw, noise, ramp, step

MODES = list(Mode)
SIZE = (96, 96)


@pytest.fixture(scope="module")
def picture() -> Image.Image:
    return draw("foliage", (128, 128), 1)


def stripes(period: int) -> Image.Image:
    """Black and white columns, `period` pixels for a pair."""
    row = bytes(255 * (x * 2 // period % 2) for x in range(SIZE[0]))
    return Image.frombytes("L", (SIZE[0], 1), row).resize(SIZE, Image.Resampling.NEAREST).convert("RGB")


def drift(new: Image.Image, band: Image.Image) -> Style:
    return style_drift(new, band, "x_ltr")


def test_a_picture_does_not_drift_from_itself(picture: Image.Image) -> None:
    assert set(drift(picture, picture).as_dict().values()) == {0.0}


def test_a_flat_picture_has_lightness_and_nothing_else() -> None:
    assert style_of(constant(SIZE, (90, 90, 90))) == Style(0.0, 0.0, 90.0, 0.0, 0.0)


def test_contrast_is_the_standard_deviation_of_the_luminance() -> None:
    board = style_of(checker((64, 64), 8))
    assert (board.lightness, board.contrast) == pytest.approx((127.5, 127.5))


def test_the_sharpness_of_a_step_edge_is_a_quarter() -> None:
    """|Laplacian| 1 and Sobel magnitude 4 on both columns of the edge, whatever its height."""
    edge = style_of(step((64, 64), 32))
    assert edge.sharpness == pytest.approx(0.25 * 64 / 62, rel=1e-6)  # the rim is left out of the Laplacian
    faint = style_of(step((64, 64), 32).point(lambda value: 100 + value // 8))
    assert faint.sharpness == pytest.approx(edge.sharpness, rel=1e-6)


def test_a_ramp_has_no_sharpness() -> None:
    assert style_of(ramp((256, 8))).sharpness == pytest.approx(0.0, abs=1e-3)


def test_pure_colours_have_the_colourfulness_of_the_formula() -> None:
    """Red alone: rg = 255, yb = 127.5, no spread."""
    assert style_of(constant(SIZE, (255, 0, 0))).colour == pytest.approx(0.3 * (255**2 + 127.5**2) ** 0.5)


@pytest.mark.parametrize(("coarse", "fine"), [(8, 4), (12, 6)])
def test_twice_as_many_lines_are_twice_as_dense(coarse: int, fine: int) -> None:
    assert drift(stripes(fine), stripes(coarse)).line_density == pytest.approx(1.0, abs=0.15)


def test_a_darker_copy_is_darker_and_as_sharp(picture: Image.Image) -> None:
    change = drift(picture.point(lambda value: value // 2), picture)
    assert (change.lightness, change.contrast) == pytest.approx((-0.5, -0.5), abs=0.01)
    assert (change.sharpness, change.line_density) == pytest.approx((0.0, 0.0), abs=0.05)


def test_a_blurred_copy_is_less_sharp_and_as_light(picture: Image.Image) -> None:
    change = drift(picture.filter(ImageFilter.GaussianBlur(1)), picture)
    assert change.sharpness < -0.4
    assert change.lightness == pytest.approx(0.0, abs=0.01)


def test_a_sharpened_copy_is_sharper(picture: Image.Image) -> None:
    soft = picture.filter(ImageFilter.GaussianBlur(1))
    assert drift(soft.filter(ImageFilter.UnsharpMask(1, 100, 0)), soft).sharpness > 0.1


def test_a_greyer_copy_is_less_colourful_and_nothing_else(picture: Image.Image) -> None:
    change = drift(ImageEnhance.Color(picture).enhance(0.5), picture)
    assert change.colour == pytest.approx(-0.5, abs=0.01)
    others = [value for name, value in change.as_dict().items() if name != "colour"]
    assert others == pytest.approx([0.0] * 4, abs=0.02)


def test_noise_is_no_line() -> None:
    """Noise of one level in a flat picture has edges everywhere, and no lines."""
    assert style_of(noise(SIZE).point(lambda value: 100 + value // 128)).line_density == 0.0


def test_a_drift_from_nothing_is_finite() -> None:
    change = drift(checker(SIZE, 4), constant(SIZE, (0, 0, 0)))
    assert all(0 <= value < 1e4 for value in change.as_dict().values())


@pytest.mark.invariant("MODES-EQUAL")
@pytest.mark.parametrize("mode", MODES)
def test_a_turned_picture_in_its_mode_has_the_same_style(picture: Image.Image, mode: Mode) -> None:
    band, new = picture.crop((0, 0, 64, 128)), picture.crop((64, 0, 96, 128))
    turned = style_drift(from_canonical(new, mode), from_canonical(band, mode), mode)
    assert turned == style_drift(new, band, "x_ltr")


@pytest.mark.parametrize("size", [(1, 1), (2, 40), (3, 3)])
def test_a_tiny_picture_has_a_style(size: tuple[int, int]) -> None:
    assert all(value >= 0 for value in style_of(ramp(size)).as_dict().values())


def test_only_rgb_has_a_style() -> None:
    with pytest.raises(CanvasError, match="has mode L, not RGB"):
        style_of(Image.new("L", SIZE))
