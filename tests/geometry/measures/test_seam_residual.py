"""The seam residual: 1 without a seam, more with one."""

from __future__ import annotations

import pytest
from PIL import Image

from exquisite import Mode
from exquisite.contract import from_canonical
from exquisite.errors import CanvasError
from exquisite.geometry.measures.seam_residual import redraw_residual, seam_residual
from tests.support.pictures import constant, draw, noise, ramp

KINDS = ["ink", "clouds", "foliage", "hatching"]


def halves(picture: Image.Image, at: int) -> tuple[Image.Image, Image.Image]:
    return picture.crop((0, 0, at, picture.height)), picture.crop((at, 0, picture.width, picture.height))


def test_flat_pictures_have_no_seam() -> None:
    assert seam_residual(constant((32, 8)), constant((16, 8)), "x_ltr") == 1.0


def test_a_step_between_flat_pictures_is_measured_exactly() -> None:
    """Both bends at the seam are the step, every other one is 0: (40 + 1/4) / (0 + 1/4)."""
    residual = seam_residual(constant((32, 8), (80,) * 3), constant((32, 8), (120,) * 3), "x_ltr")
    assert residual == pytest.approx(40.25 / 0.25)


def test_a_ramp_that_goes_on_has_no_seam() -> None:
    whole = ramp((256, 8))
    assert seam_residual(*halves(whole, 128), "x_ltr") == pytest.approx(1.0)


def test_noise_has_no_seam_with_other_noise() -> None:
    assert seam_residual(noise((32, 256), 1), noise((32, 256), 2), "x_ltr") == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize("kind", KINDS)
def test_a_picture_that_goes_on_has_less_of_a_seam_than_one_that_lost_columns(kind: str) -> None:
    picture = draw(kind, (192, 256), 2)
    old, new = halves(picture, 96)
    true, shifted = (seam_residual(old, new.crop((at, 0, 90, 256)), "x_ltr") for at in (0, 6))
    assert 0.7 < true < 1.3
    assert shifted > true


@pytest.mark.invariant("MODES-EQUAL")
@pytest.mark.parametrize("mode", list(Mode))
def test_a_turned_seam_is_the_same_seam(mode: Mode) -> None:
    old, new = halves(draw("ink", (64, 64), 4), 40)
    assert seam_residual(from_canonical(old, mode), from_canonical(new, mode), mode) == seam_residual(
        old, new, "x_ltr"
    )


@pytest.mark.parametrize(("old", "new"), [((2, 8), (8, 8)), ((8, 8), (2, 8)), ((8, 8), (8, 9))])
def test_pieces_that_cannot_meet_are_refused(old: tuple[int, int], new: tuple[int, int]) -> None:
    with pytest.raises(CanvasError, match="do not meet at a seam"):
        seam_residual(constant(old), constant(new), "x_ltr")


def test_the_bends_on_both_sides_of_the_seam_count_and_no_other() -> None:
    """A flat picture that becomes a slope of 8 levels bends at its last column alone: (8 / 2 + 1/4) / (0 + 1/4)."""
    flat = constant((16, 8), (0,) * 3)
    row = bytes(8 * (x + 1) for x in range(16))
    slope = Image.frombytes("L", (16, 1), row).resize((16, 8)).convert("RGB")
    back = slope.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    assert seam_residual(flat, slope, "x_ltr") == pytest.approx(4.25 / 0.25)
    assert seam_residual(back, flat, "x_ltr") == pytest.approx(4.25 / 0.25)


class TestRedrawResidual:
    @pytest.mark.parametrize("kind", KINDS)
    def test_is_1_for_an_exact_redraw(self, kind: str) -> None:
        band = draw(kind, (96, 128), 2)
        assert redraw_residual(band, band) == pytest.approx(1.0, abs=0.02)

    def test_a_lighter_redraw_of_a_flat_band_is_measured_exactly(self) -> None:
        """Both bends at each cut are the step, every other one is 0: (40 + 1/4) / (0 + 1/4)."""
        assert redraw_residual(constant((32, 8), (80,) * 3), constant((32, 8), (120,) * 3)) == pytest.approx(161)

    @pytest.mark.parametrize("kind", KINDS)
    def test_rises_with_the_offset_of_the_redraw(self, kind: str) -> None:
        picture = draw(kind, (160, 256), 2)
        band, slightly, far = (picture.crop((16, 16 + dy, 144, 230 + dy)) for dy in (0, 2, 8))
        assert 1.1 < redraw_residual(band, slightly) < redraw_residual(band, far)

    def test_three_columns_are_too_few_for_a_residual(self) -> None:
        assert redraw_residual(noise((3, 8), 1), noise((3, 8), 2)) == 1.0
