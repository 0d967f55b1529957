"""Continuing a picture by quilting: no visible seam, the same texture, and no copy."""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from typing import Any

import pytest
from PIL import Image, ImageChops, ImageStat

from exquisite.api.mock import quilting
from exquisite.api.mock.quilting import continue_by_quilting
from exquisite.api.mock.quilting_seam import fit_at_seam
from exquisite.api.mock.quilting_search import PatchSearch, Place, Position, Shape
from exquisite.errors import CanvasError
from exquisite.geometry.overlap_score import DEFAULT_GATE
from exquisite.geometry.seam_cost import costs_at_seam, expected_cost, interior_costs, total_cost
from tests.support import pictures
from tests.support.reading import extrema

KINDS = ("ink", "foliage", "clouds", "facade")


def context_picture(kind: str) -> Image.Image:
    return pictures.draw(kind, (128, 256), 3)


@cache
def continuation(kind: str) -> Image.Image:
    """64 columns behind `context_picture(kind)`."""
    return continue_by_quilting(context_picture(kind), 64)


def step(left: Image.Image, right: Image.Image) -> float:
    """Mean difference between the last column of `left` and the first of `right`, in levels."""
    last = left.crop((left.width - 1, 0, left.width, left.height))
    return sum(ImageStat.Stat(ImageChops.difference(last, right.crop((0, 0, 1, right.height)))).mean) / 3


def usual_step(image: Image.Image) -> float:
    inner = ImageChops.difference(
        image.crop((1, 0, image.width, image.height)), image.crop((0, 0, image.width - 1, image.height))
    )
    return sum(ImageStat.Stat(inner).mean) / 3


class TestContinuation:
    @pytest.mark.parametrize("size", [(32, 64), (200, 64), (8, 16), (20, 70)])
    @pytest.mark.parametrize("room", [1, 32, 50])
    def test_it_has_the_requested_width_and_the_height_of_the_picture(self, size: tuple[int, int], room: int) -> None:
        assert continue_by_quilting(pictures.noise(size), room).size == (room, size[1])

    def test_a_flat_picture_stays_flat(self) -> None:
        flat = pictures.constant((32, 64), (9, 80, 200))
        assert continue_by_quilting(flat, 32).getcolors() == [(32 * 64, (9, 80, 200))]

    def test_a_ramp_along_the_seam_goes_straight_on(self) -> None:
        ramp = pictures.ramp((64, 128), "y")
        new = continue_by_quilting(ramp, 64)
        difference = ImageChops.difference(new, ramp)
        assert max(high for _, high in extrema(difference)) <= 3

    def test_a_ramp_towards_the_seam_goes_on_rising(self) -> None:
        ramp = pictures.ramp((256, 128), "x").crop((0, 0, 128, 128))
        new = continue_by_quilting(ramp, 64)
        means = [ImageStat.Stat(new.crop((x, 0, x + 8, 128))).mean[0] for x in range(0, 64, 8)]
        assert all(earlier < later for earlier, later in pairwise(means))
        assert means[-1] == pytest.approx(188, abs=16)

    @pytest.mark.parametrize("kind", KINDS)
    def test_the_seam_is_no_larger_step_than_any_other(self, kind: str) -> None:
        picture = context_picture(kind)
        assert step(picture, continuation(kind)) < 1.25 * usual_step(picture) + 1

    @pytest.mark.parametrize("kind", ["ink", "foliage", "facade"])
    def test_tone_and_contrast_are_those_of_the_picture(self, kind: str) -> None:
        picture = context_picture(kind)
        old, new = ImageStat.Stat(picture), ImageStat.Stat(continue_by_quilting(picture, 128))
        assert new.mean == pytest.approx(old.mean, abs=40)
        assert new.stddev == pytest.approx(old.stddev, rel=0.5)

    @pytest.mark.parametrize("kind", ["ink", "foliage"])
    def test_it_is_no_copy(self, kind: str) -> None:
        """No piece of the picture, mirrored or not, explains half of the contrast of the new columns."""
        picture = context_picture(kind).convert("L")
        new = continuation(kind).convert("L")
        contrast = ImageStat.Stat(new).var[0]
        for piece in (picture, picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)):
            for left in range(picture.width - 63):
                difference = ImageChops.subtract(piece.crop((left, 0, left + 64, 256)), new, 2, 128)
                assert 4 * ImageStat.Stat(difference).var[0] > contrast / 2

    @pytest.mark.parametrize("kind", KINDS)
    def test_the_seam_costs_no_more_than_the_gate_of_a_step_allows(self, kind: str) -> None:
        picture = context_picture(kind)
        cost = total_cost(costs_at_seam(picture, continuation(kind)))
        assert cost < DEFAULT_GATE * expected_cost(interior_costs(picture, 64))

    def test_the_search_ends_with_the_first_good_start(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Every start fits its columns to the seam, once."""
        fits = []
        monkeypatch.setattr(quilting, "fit_at_seam", lambda laid, context: fits.append(laid))
        continue_by_quilting(pictures.constant((32, 64)), 32)
        assert len(fits) == 1
        monkeypatch.setattr(quilting, "_GOOD_ENOUGH", -1.0)
        continue_by_quilting(pictures.noise((32, 64)), 32)
        assert len(fits) == 1 + len(quilting._NARROW_HEIGHTS)

    def test_the_seed_decides(self) -> None:
        picture = context_picture("ink")
        one, same, other = (continue_by_quilting(picture, 64, seed).tobytes() for seed in ("a", "a", "b"))
        assert one == same != other

    def test_only_rgb_is_continued(self) -> None:
        with pytest.raises(CanvasError, match="the picture to continue has mode L"):
            continue_by_quilting(Image.new("L", (32, 64)), 32)


class TestSearch:
    SHAPE = Shape(16, 16, 4, 4)

    @pytest.mark.parametrize("samples", [{1: 1}, {2: 8, 1: 1}])
    @pytest.mark.parametrize("colour", [True, False])
    @pytest.mark.parametrize("covered", [0, 4])
    def test_it_finds_the_origin_of_the_template(
        self, samples: dict[int, int], colour: bool, covered: int
    ) -> None:
        picture = pictures.noise((64, 48), seed=1, cell=3)
        search = PatchSearch(picture, self.SHAPE, samples, 48, colour=colour)
        laid = picture.crop((21, 9, 37, 25))
        assert search.choose(laid, Place(0, 0, covered), [], [], random.Random(0)) == (21, 9)

    def test_a_refused_place_is_not_chosen(self) -> None:
        picture = pictures.noise((64, 48), seed=1, cell=3)
        search = PatchSearch(picture, self.SHAPE, {1: 1}, 48)
        laid = picture.crop((21, 9, 37, 25))
        place = search.choose(laid, Place(0, 0, 4), [Position(21, 9)], [], random.Random(0))
        assert max(abs(place.x - 21), abs(place.y - 9)) > 2

    def test_patches_come_from_within_reach_of_their_row(self) -> None:
        picture = pictures.noise((64, 256), seed=2)
        search = PatchSearch(picture, self.SHAPE, {1: 4}, 10)
        place = search.choose(picture, Place(0, 100, 0), [], [], random.Random(0))
        assert abs(place.y - 100) <= 10

    def test_every_use_of_a_place_raises_its_cost(self) -> None:
        """A second copy of the piece differs a little: after ten uses of the first one it is cheaper."""
        picture = pictures.noise((64, 48), seed=3, cell=3)
        piece = picture.crop((2, 5, 18, 21))
        picture.paste(ImageChops.add(piece, pictures.constant((16, 16), (4, 4, 4))), (40, 20))
        search = PatchSearch(picture, self.SHAPE, {1: 1}, 48)
        laid = ImageChops.add(piece, pictures.constant((16, 16), (1, 1, 1)))
        places = [
            search.choose(laid, Place(0, 0, 4), [], [Position(2, 5)] * uses, random.Random(0)) for uses in (0, 10)
        ]
        assert places == [(2, 5), (40, 20)]


class TestSeam:
    def test_a_step_is_carried_on_and_fades(self) -> None:
        laid = pictures.constant((40, 64), (100, 100, 100))
        laid.paste((120, 120, 120), (0, 0, 4, 64))
        fit_at_seam(laid, pictures.constant((4, 64), (100, 100, 100)))
        row = [level for level, _, _ in (laid.getpixel((x, 32)) for x in range(40))]  # type: ignore[misc]
        assert row[:4] == [120] * 4
        assert row[4] in (117, 118, 119, 120)
        assert row[4:13] == sorted(row[4:13], reverse=True)
        assert row[12:] == [100] * 28

    def test_a_context_that_agrees_changes_nothing(self) -> None:
        laid = pictures.noise((40, 64), seed=5, cell=4)
        fitted = laid.copy()
        fit_at_seam(fitted, laid.crop((0, 0, 8, 64)))
        assert fitted.tobytes() == laid.tobytes()

    @pytest.mark.parametrize("rise", [-1, 1])
    def test_a_line_goes_on_as_it_leans(self, rise: int) -> None:
        """The known columns end in a slanted line that the patches behind them lack."""
        laid = pictures.constant((40, 64), (200, 200, 200))
        for x in range(8):
            laid.paste((0, 0, 0), (x, 30 + rise * x, x + 1, 36 + rise * x))
        fit_at_seam(laid, pictures.constant((8, 64), (200, 200, 200)))
        column = [sum(laid.getpixel((11, y))) for y in range(64)]  # type: ignore[arg-type]
        assert abs(min(range(64), key=column.__getitem__) - (32.5 + rise * 11)) <= 2.5


@pytest.mark.parametrize(
    ("prices", "best"), [([3.0], 0), ([3.1, 2.9], 1), ([9.0, 8.0, 4.0, 7.0], 2), ([4.0, 5.0, 6.0, 7.0], 0)]
)
def test_the_first_good_start_wins_or_else_the_cheapest(
    monkeypatch: pytest.MonkeyPatch, prices: list[float], best: int
) -> None:
    """A faultless seam costs 2 here: the first start of at most 3 ends the search, else the cheapest of all wins."""
    costs, narrow_start = iter(prices), quilting._narrow_start
    starts: list[Image.Image] = []

    def record(*arguments: Any) -> Image.Image:
        starts.append(narrow_start(*arguments))
        return starts[-1]

    monkeypatch.setattr(quilting, "expected_cost", lambda _: 2.0)
    monkeypatch.setattr(quilting, "total_cost", lambda _: next(costs))
    monkeypatch.setattr(quilting, "_narrow_start", record)
    out = continue_by_quilting(pictures.draw("ink", (64, 64), 3), 20, 5)
    assert len(starts) == len(prices)
    margin = 4  # columns of the known picture before them
    assert out.crop((0, 0, 1, 64)).tobytes() == starts[best].crop((margin, 0, margin + 1, 64)).tobytes()


def test_the_patches_of_the_starts_have_these_heights(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A large patch has an eighth of the height, 32 px here."""
    heights: list[int] = []
    narrow_start = quilting._narrow_start

    def record(*arguments: Any) -> Image.Image:
        heights.append(arguments[2].height)
        return narrow_start(*arguments)

    monkeypatch.setattr(quilting, "expected_cost", lambda _: 0.0)
    monkeypatch.setattr(quilting, "_narrow_start", record)
    continue_by_quilting(context_picture("ink"), 20, 5)
    assert heights == [16, 24, 12, 8]


def test_chance_draws_among_patches_within_three_per_cent_of_the_best(monkeypatch: pytest.MonkeyPatch) -> None:
    """The least difference is 100; 103 is as good, 104 is not."""
    errors = [(100.0, Position(0, 0)), (103.0, Position(1, 0)), (104.0, Position(2, 0))]
    monkeypatch.setattr(PatchSearch, "_cheapest", lambda *_: errors)
    choices: list[Sequence[Position]] = []

    class Noting(random.Random):
        def choice(self, among: Sequence[Any]) -> Any:  # type: ignore[override]
            choices.append(among)
            return among[0]

    image = pictures.draw("ink", (64, 64), 3)
    PatchSearch(image, Shape(8, 8, 2, 2), {1: 4}, 8).choose(image, Place(0, 0, 0), [], [], Noting())
    assert choices == [[Position(0, 0), Position(1, 0)]]
