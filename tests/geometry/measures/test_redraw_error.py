"""The redraw error weights columns resampled like the first new ones."""

import math

import pytest
from PIL import Image, ImageFilter

from exquisite.geometry.measures.redraw_error import (
    BEND_FALL,
    DETAIL_POWER,
    FALL,
    MOST_DETAIL,
    lost_detail,
    redraw_error,
)
from tests.support import pictures

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
    """Farther from the seam by FALL of the band, a column counts a factor e less."""
    near, far = SIZE[0] - 1, SIZE[0] - 1 - round(FALL * SIZE[0])
    errors = [redraw_error(striped(range(x, x + 1), 4), GREY, 0, lambda _: 3.25) for x in (far, near)]
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
    assert redraw_error(redraw, GREY, 0, shift) > 3
    assert redraw_error(redraw, GREY, 60, shift) == pytest.approx(0, abs=0.01)


def test_under_a_bend_only_columns_beside_the_seam_count() -> None:
    """Farther from the seam by BEND_FALL of the band, a column counts a factor e less, whatever its displacement."""
    near, far = SIZE[0] - 1, SIZE[0] - 1 - round(BEND_FALL * SIZE[0])
    errors = [redraw_error(striped(range(x, x + 1), 4), GREY, 0, None) for x in (far, near)]
    assert errors[1] == pytest.approx(math.e * errors[0])
    assert redraw_error(striped(range(200), 4), GREY, 0, None) == pytest.approx(16)
    assert redraw_error(striped(range(100), 50), GREY, 0, None) == pytest.approx(0, abs=0.2)


def test_new_columns_as_detailed_as_the_redraw_have_lost_nothing() -> None:
    ripples = Image.new("L", (240, 1))
    ripples.putdata([128 + round(100 * math.sin(x)) for x in range(240)])
    picture = ripples.resize((240, 8)).convert("RGB")
    assert lost_detail(picture.crop((0, 0, 200, 8)), picture.crop((200, 0, 240, 8))) == pytest.approx(1, rel=0.02)


def test_a_flat_picture_has_no_detail_to_lose() -> None:
    assert lost_detail(GREY, GREY.crop((0, 0, 32, 8))) == 1


@pytest.mark.parametrize("width", [1, 2])
def test_too_few_columns_leave_the_error_unchanged(width: int) -> None:
    busy = pictures.noise((40, 8), 3)
    assert lost_detail(GREY, busy.crop((0, 0, width, 8))) == 1
    assert lost_detail(busy.crop((0, 0, width, 8)), GREY) == 1


def test_softer_new_columns_raise_the_error_and_crisper_ones_lower_it() -> None:
    crisp = pictures.noise((232, 128), 3)
    soft = crisp.filter(ImageFilter.GaussianBlur(1))
    for redraw, new, factor in ((crisp, soft, MOST_DETAIL), (soft, crisp, 1 / MOST_DETAIL)):
        ratio = lost_detail(redraw.crop((0, 0, 200, 128)), new.crop((200, 0, 232, 128)))
        assert ratio == pytest.approx(factor**DETAIL_POWER)


def test_detail_is_compared_with_the_nearest_columns_of_the_redraw() -> None:
    busy, plain = pictures.draw("foliage", (100, 64), 3), Image.new("RGB", (100, 64), (90, 90, 90))
    new = busy.crop((0, 0, 32, 64))
    near, far = (Image.new("RGB", (200, 64)) for _ in range(2))
    for picture, left, right in ((near, plain, busy), (far, busy, plain)):
        picture.paste(left, (0, 0))
        picture.paste(right, (100, 0))
    assert lost_detail(near, new) > lost_detail(far, new)
