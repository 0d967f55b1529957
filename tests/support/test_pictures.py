"""The drawn pictures: always the same, exactly the size asked for, and none of them flat."""

from functools import cache
from itertools import combinations

import pytest
from PIL import Image, ImageChops

from . import pictures

SMALL = (96, 64)


@cache
def small(kind: str, seed: int = 0) -> Image.Image:
    return pictures.draw(kind, SMALL, seed)


def spread(picture: Image.Image) -> int:
    """The distance between the darkest and the lightest grey."""
    counts = picture.convert("L").histogram()
    levels = [level for level, count in enumerate(counts) if count]
    return levels[-1] - levels[0]


def test_there_are_at_least_twelve_kinds_and_ink_comes_first() -> None:
    assert len(set(pictures.KINDS)) == len(pictures.KINDS) >= 12
    assert pictures.KINDS[0] == "ink"


@pytest.mark.parametrize("kind", pictures.KINDS)
def test_every_kind_is_deterministic_and_has_its_own_function(kind: str) -> None:
    again = getattr(pictures, kind)(SMALL, 0)
    assert again.tobytes() == small(kind).tobytes()


@pytest.mark.parametrize("kind", pictures.KINDS)
@pytest.mark.parametrize("size", [(33, 57), (1, 1)])
def test_every_kind_has_the_requested_size_and_is_rgb(kind: str, size: tuple[int, int]) -> None:
    picture = pictures.draw(kind, size)
    assert (picture.size, picture.mode) == (size, "RGB")


@pytest.mark.parametrize("kind", pictures.KINDS)
def test_no_kind_is_flat_at_any_of_its_four_sides(kind: str) -> None:
    width, height = SMALL
    strips = (
        (0, 0, 8, height),
        (width - 8, 0, width, height),
        (0, 0, width, 8),
        (0, height - 8, width, height),
    )
    for strip in strips:
        assert spread(small(kind).crop(strip)) > 8


@pytest.mark.parametrize("kind", pictures.KINDS)
def test_another_seed_is_another_picture(kind: str) -> None:
    assert ImageChops.difference(small(kind), small(kind, 1)).getbbox() is not None


def test_every_two_kinds_differ() -> None:
    for first, second in combinations(pictures.KINDS, 2):
        assert small(first).tobytes() != small(second).tobytes()


def test_constant_is_one_colour() -> None:
    assert pictures.constant(SMALL, (1, 2, 3)).getcolors() == [(SMALL[0] * SMALL[1], (1, 2, 3))]


def test_ramp_rises_evenly_along_its_axis() -> None:
    across, down = pictures.ramp((256, 3)), pictures.ramp((3, 256), "y")
    assert [across.getpixel((place, 2)) for place in range(256)] == [(value,) * 3 for value in range(256)]
    assert across.transpose(Image.Transpose.TRANSPOSE).tobytes() == down.tobytes()


def test_step_is_black_before_and_white_from_its_place_on() -> None:
    edge = pictures.step((10, 4), 6)
    assert (edge.getpixel((5, 3)), edge.getpixel((6, 0))) == ((0, 0, 0), (255, 255, 255))
    edge = pictures.step((4, 10), 6, "y")
    assert (edge.getpixel((3, 5)), edge.getpixel((0, 6))) == ((0, 0, 0), (255, 255, 255))


def test_checker_alternates_every_cell_and_starts_black() -> None:
    board = pictures.checker((20, 11), 4)
    assert board.size == (20, 11)
    assert [board.getpixel((x, 0)) for x in (0, 3, 4, 8)] == [(0,) * 3, (0,) * 3, (255,) * 3, (0,) * 3]
    assert board.getpixel((0, 4)) == (255,) * 3


def test_noise_is_seeded_and_gets_smoother_with_larger_cells() -> None:
    rough, smooth = pictures.noise(SMALL, 3), pictures.noise(SMALL, 3, cell=16)
    assert rough.size == smooth.size == SMALL
    assert rough.tobytes() == pictures.noise(SMALL, 3).tobytes() != pictures.noise(SMALL, 4).tobytes()

    def roughness(picture: Image.Image) -> int:
        grey = picture.convert("L")
        steps = ImageChops.difference(grey, ImageChops.offset(grey, 1, 0))
        return sum(value * count for value, count in enumerate(steps.histogram()))

    assert roughness(smooth) * 3 < roughness(rough)
