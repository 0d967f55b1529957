"""The error of the redraw is that of the columns that were resampled as the new ones were."""

import math

import pytest
from PIL import Image

from exquisite.geometry.redraw_error import redraw_error

SIZE = (200, 8)
GREY = Image.new("RGB", SIZE, (100, 100, 100))


def striped(error_at: range, levels: int) -> Image.Image:
    """GREY, off by `levels` in some columns."""
    redraw = GREY.copy()
    redraw.paste((100 + levels,) * 3, (error_at.start, 0, error_at.stop, SIZE[1]))
    return redraw


def test_an_equal_redraw_has_no_error() -> None:
    assert redraw_error(GREY, GREY, 0, lambda _: 0.25) == 0


def test_the_nearer_column_counts_more() -> None:
    """Half the band away from the seam a column counts a factor e less."""
    errors = [redraw_error(striped(range(x, x + 1), 4), GREY, 0, lambda _: 3.25) for x in (99, 199)]
    assert errors[1] == pytest.approx(math.e * errors[0])
    assert redraw_error(striped(range(200), 4), GREY, 0, lambda _: 3.25) == pytest.approx(16)


def test_a_channel_counts_a_third() -> None:
    redraw = Image.new("RGB", SIZE, (103, 100, 100))
    assert redraw_error(redraw, GREY, 0, lambda _: 0) == pytest.approx(9 / 3)


def test_columns_of_another_phase_do_not_count() -> None:
    """A shift that is whole near the seam, and half a pixel farther back."""

    def shift(x: float) -> float:
        return 0.5 if x < 100 else 2.0

    assert redraw_error(striped(range(0, 100), 50), GREY, 0, shift) == pytest.approx(0, abs=0.1)
    assert redraw_error(striped(range(100, 200), 4), GREY, 0, shift) == pytest.approx(16, rel=0.01)


def test_a_quarter_before_and_behind_a_pixel_are_one_phase() -> None:
    def shift(x: float) -> float:
        return -0.25 if x < 100 else 1.25

    behind, near = (redraw_error(striped(range(x, x + 1), 4), GREY, 0, shift) for x in (99, 100))
    assert near == pytest.approx(behind, rel=0.02)


def test_columns_are_counted_from_the_first_of_the_band() -> None:
    """Cut off on the left by 60, the redraw ends at column 260, behind which the phase is another."""

    def shift(x: float) -> float:
        return 0.5 if x > 220 else 0.0

    redraw = striped(range(0, 50), 10)
    assert redraw_error(redraw, GREY, 0, shift) > 5
    assert redraw_error(redraw, GREY, 60, shift) == pytest.approx(0, abs=0.01)
