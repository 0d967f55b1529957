"""Pillow arithmetic: exact on pictures whose values can be worked out by hand."""

import pytest
from PIL import Image

from exquisite.pixels import (
    absolute,
    add,
    as_float,
    block_means,
    column_means,
    combined,
    crop_mirrored,
    divide,
    flattened,
    moved,
    multiply,
    second_difference,
    sobel_magnitude,
    square,
    squared_distance,
    subtract,
)
from tests.support.pictures import constant, noise, ramp, step


def field(*rows: tuple[float, ...]) -> Image.Image:
    image = Image.new("F", (len(rows[0]), len(rows)))
    image.putdata([value for row in rows for value in row])
    return image


class TestMoved:
    def test_shifts_the_pixels(self) -> None:
        assert flattened(moved(field((1, 2, 3), (4, 5, 6)), 1, 1)) == (5, 6, 0, 0, 0, 0)

    def test_is_zero_outside_the_image(self) -> None:
        assert flattened(moved(field((1, 2)), -1)) == (0, 1)


class TestSecondDifference:
    def test_is_nothing_on_a_ramp_and_keeps_its_sign(self) -> None:
        assert flattened(second_difference(field((1, 3, 5, 7)))) == (0, 0)
        assert flattened(second_difference(field((0, 4, 0, 0), (1, 1, 1, 5)))) == (-8, 4, 0, 4)


class TestMeans:
    def test_of_columns_keep_fractions_that_eight_bits_would_lose(self) -> None:
        assert column_means(field((0, 10), (1, 11))) == [0.5, 10.5]

    def test_of_columns_keep_the_sign(self) -> None:
        assert column_means(field((-3, 3), (-4, 4))) == [-3.5, 3.5]

    def test_of_blocks_are_over_runs_of_rows(self) -> None:
        assert flattened(block_means(field((1,), (3,), (5,), (9,)), 2)) == (2, 7)

    def test_of_blocks_end_with_a_shorter_run(self) -> None:
        assert flattened(block_means(field((1,), (3,), (5,)), 2)) == (2, 5)

    def test_of_as_many_blocks_as_rows_change_nothing(self) -> None:
        image = field((1, 2), (3, 4))
        assert flattened(block_means(image, 5)) == flattened(image)


class TestArithmetic:
    first, second = field((6, -4)), field((3, 0.5))

    def test_works_pixel_by_pixel(self) -> None:
        assert flattened(add(self.first, self.second)) == (9, -3.5)
        assert flattened(subtract(self.first, self.second)) == (3, -4.5)
        assert flattened(multiply(self.first, self.second)) == (18, -2)
        assert flattened(divide(self.first, self.second)) == (2, -8)

    def test_takes_a_number_on_either_side(self) -> None:
        assert flattened(add(self.first, 1)) == (7, -3)
        assert flattened(subtract(1, self.first)) == (-5, 5)
        assert flattened(multiply(0.5, self.first)) == (3, -2)
        assert flattened(divide(12, self.first)) == (2, -3)

    def test_of_one_image(self) -> None:
        assert flattened(absolute(self.first)) == (6, 4)
        assert flattened(square(self.first)) == (36, 16)

    def test_sums_the_squares_of_all_bands(self) -> None:
        pixels = squared_distance(constant((2, 1), (10, 20, 30)), constant((2, 1), (12, 17, 30)))
        assert flattened(pixels) == (13, 13)


def test_combined_is_arithmetic_on_every_pixel() -> None:
    assert flattened(combined(lambda a: a["p"] * a["q"] - 1.0, p=field((2, 3)), q=field((4, 5)))) == (7, 14)


def test_as_float_keeps_the_values() -> None:
    image = noise((5, 4)).convert("L")
    assert flattened(as_float(image)) == flattened(image)


class TestSobelMagnitude:
    def test_of_a_constant_picture_is_zero(self) -> None:
        assert set(flattened(sobel_magnitude(constant((6, 5)).convert("L")))) == {0}

    def test_of_a_step_is_four_times_its_height_on_both_sides(self) -> None:
        magnitude = sobel_magnitude(step((6, 5), 3).convert("L"))
        assert flattened(magnitude) == (0, 0, 4 * 255, 4 * 255, 0, 0) * 5

    def test_of_a_ramp_is_eight_times_its_slope_inside_and_half_at_the_edge(self) -> None:
        levels = ramp((256, 3)).convert("L")
        assert flattened(sobel_magnitude(levels))[:256] == (4, *[8] * 254, 4)

    def test_is_turned_with_the_picture(self) -> None:
        image = noise((7, 5)).convert("L")
        for turn in (Image.Transpose.FLIP_LEFT_RIGHT, Image.Transpose.FLIP_TOP_BOTTOM, Image.Transpose.TRANSPOSE):
            turned = flattened(sobel_magnitude(image.transpose(turn)))
            assert turned == pytest.approx(flattened(sobel_magnitude(image).transpose(turn)))


@pytest.mark.parametrize(
    ("box", "row"),
    [
        ((-4, 0, 4, 1), "32100123"),
        ((3, 0, 9, 1), "332100"),
        ((-6, 0, -2, 1), "2332"),
        ((1, 0, 3, 1), "12"),
    ],
)
def test_an_image_continues_mirrored_beyond_its_edges(box: tuple[int, int, int, int], row: str) -> None:
    """3 2 1 0 | 0 1 2 3 | 3 2 1 0 | 0 ..."""
    image = Image.frombytes("L", (4, 1), bytes(range(4)))
    assert "".join(map(str, crop_mirrored(image, box).tobytes())) == row
    turned = image.transpose(Image.Transpose.ROTATE_270)
    box = (box[1], box[0], box[3], box[2])
    assert "".join(map(str, crop_mirrored(turned, box).tobytes())) == row
