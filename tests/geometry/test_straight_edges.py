"""Casts, bars and lines that only the new half has, on every picture of the fixtures and in every mode."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from PIL import Image, ImageChops, ImageDraw

from exquisite.contract import CLASSIC, WIDE, Mode, to_canonical
from exquisite.geometry.overlap_score import interior_gate, score_tile
from exquisite.geometry.straight_edges import straight_edge_vetoes
from tests.support.pictures import KINDS, draw

ROOT = Path(__file__).parents[2] / "fixtures"
PICTURES = (ROOT / "demo" / "picture.jpg", *sorted((ROOT / "pictures").glob("*.jpg")))
BAND, STRIP, TILE = CLASSIC.band_px, CLASSIC.overlap_px, CLASSIC.tile_px

Damage = Callable[[Image.Image], Image.Image]


def cast(*levels: int) -> Damage:
    """So many levels added to red, green and blue."""
    return lambda image: image.point([max(0, min(255, level + add)) for add in levels for level in range(256)])


def ruled(every: int, first: int, width: int, colour: tuple[int, int, int], *, across: bool) -> Damage:
    """Lines so wide, parallel to the seam or across it."""

    def rule(image: Image.Image) -> Image.Image:
        image = image.copy()
        for at in range(first, image.height if across else image.width, every):
            box = (0, at, image.width, at + width - 1) if across else (at, 0, at + width - 1, image.height)
            ImageDraw.Draw(image).rectangle(box, fill=colour)
        return image

    return rule


def beginning(image: Image.Image, left: int, top: int, bottom: int) -> Image.Image:
    """A rise in tone that begins at a column, between two rows."""
    image, box = image.copy(), (left, top, image.width, bottom)
    image.paste(cast(40, 40, 40)(image.crop(box)), box)
    return image


def vignette(image: Image.Image) -> Image.Image:
    """The corners and the ends darker by a half."""
    shade = Image.radial_gradient("L").point(lambda v: round(255 * (1 - 0.5 * min(1, v / 181) ** 2)))
    return ImageChops.multiply(image, Image.merge("RGB", [shade.resize(image.size)] * 3))


DAMAGES: dict[str, tuple[Damage, tuple[str, ...]]] = {
    "red and blue": (cast(50, 0, -50), ("cast",)),
    "green": (cast(0, -25, 0), ("cast",)),
    "brighter": (cast(20, 20, 20), ("cast",)),
    "brighter in one quarter": (lambda image: beginning(image, 0, TILE // 2, TILE * 3 // 4), ("cast",)),
    "brighter from the middle on": (lambda image: beginning(image, STRIP // 2, 0, TILE), ("bar",)),
    "a little darker": (cast(-12, -12, -12), ("cast",)),
    "grey lines": (ruled(64, 0, 1, (128, 128, 128), across=False), ("cast", "bar")),
    "grey lines, elsewhere": (ruled(64, 37, 1, (128, 128, 128), across=False), ("bar",)),
    "grey lines across": (ruled(64, 0, 1, (128, 128, 128), across=True), ("line",)),
    "a black bar": (ruled(9999, 100, 32, (0, 0, 0), across=False), ("bar",)),
    "a black bar at the seam": (ruled(9999, 0, 32, (0, 0, 0), across=False), ("cast", "bar")),
    "a vignette": (vignette, ("cast",)),
}
"""What only the new half has, and the vetoes on it."""


@cache
def part(path: Path) -> Image.Image:
    """A tile of a picture, RGB."""
    with Image.open(path) as picture:
        return picture.convert("RGB").crop((300, 0, 300 + TILE, TILE))


@cache
def scene(path: Path, mode: Mode) -> tuple[Image.Image, Image.Image]:
    """(band, new half) of a picture, canonical."""
    tile = to_canonical(part(path), mode)
    return tile.crop((0, 0, BAND, TILE)), tile.crop((BAND, 0, TILE, TILE))


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("path", PICTURES, ids=lambda path: path.stem)
class TestOnFixtures:
    def test_lets_the_truth_pass(self, path: Path, mode: Mode) -> None:
        band, new = scene(path, mode)
        assert straight_edge_vetoes(band, new.crop((0, 0, STRIP, TILE))) == ()

    def test_refuses_damage_of_the_new_half_alone(self, path: Path, mode: Mode) -> None:
        """Every damage on every picture, each in two of the four modes, has its own vetoes."""
        band, new = scene(path, mode)
        strip = new.crop((0, 0, STRIP, TILE))
        damages = dict(list(DAMAGES.items())[list(Mode).index(mode) % 2 :: 2])
        vetoes = {name: straight_edge_vetoes(band, damage(strip)) for name, (damage, _) in damages.items()}
        assert vetoes == {name: names for name, (_, names) in damages.items()}


@pytest.mark.parametrize("path", PICTURES, ids=lambda path: path.stem)
def test_refuses_a_bar_across(path: Path) -> None:
    for mode in Mode:
        band, new = scene(path, mode)
        barred = ruled(9999, 400, 32, (0, 0, 0), across=True)(new.crop((0, 0, STRIP, TILE)))
        assert straight_edge_vetoes(band, barred) == ("line",)


def poster(width: int) -> Image.Image:
    """Bands of three colours along the growing axis, cut by blocks that begin and end at different columns."""
    picture = Image.new("RGB", (width, TILE), (230, 220, 190))
    pen = ImageDraw.Draw(picture)
    pen.rectangle((0, 300, width, 640), fill=(40, 90, 140))
    for number in range(5):
        left = 70 + 150 * number
        pen.rectangle((left, 100 + 170 * number, left + 110, 220 + 170 * number), fill=(200, 60, 40))
    return picture


@pytest.mark.parametrize("colour", [(0, 0, 0), (255, 255, 255), (128, 128, 128)])
def test_refuses_a_bar_across_a_poster(colour: tuple[int, int, int]) -> None:
    picture = poster(BAND + STRIP)
    band, new = picture.crop((0, 0, BAND, TILE)), picture.crop((BAND, 0, *picture.size))
    assert straight_edge_vetoes(band, new) == ()
    barred = ruled(9999, 800, 32, colour, across=True)(new)
    assert straight_edge_vetoes(band, barred) == ("line",)


def test_a_bar_of_the_band_may_go_on() -> None:
    picture = ruled(9999, 800, 32, (0, 0, 0), across=True)(poster(BAND + STRIP))
    assert straight_edge_vetoes(picture.crop((0, 0, BAND, TILE)), picture.crop((BAND, 0, *picture.size))) == ()


@pytest.mark.parametrize("bars", [1, 2])
def test_a_true_picture_may_begin_a_few_straight_edges(bars: int) -> None:
    """Beams that begin a little behind the seam, which only ruled lines would do by the dozen."""
    picture = draw("painterly", (BAND + STRIP, TILE), 4)
    for number in range(bars):
        pen = ImageDraw.Draw(picture)
        pen.rectangle((BAND + 20, 200 + 300 * number, picture.width, 230 + 300 * number), fill=(90, 70, 60))
    new = picture.crop((BAND, 0, *picture.size))
    assert straight_edge_vetoes(picture.crop((0, 0, BAND, TILE)), new) == ()


@pytest.mark.parametrize("kind", KINDS)
def test_lets_drawn_pictures_go_on_as_they_are(kind: str) -> None:
    picture = draw(kind, (384, 512), 31)
    assert straight_edge_vetoes(picture.crop((0, 0, 256, 512)), picture.crop((256, 0, 384, 512))) == ()


def test_a_picture_of_lines_may_have_more_of_them() -> None:
    lines = ruled(64, 0, 3, (20, 20, 20), across=False)(draw("clouds", (BAND + STRIP, TILE), 3))
    assert straight_edge_vetoes(lines.crop((0, 0, BAND, TILE)), lines.crop((BAND, 0, BAND + STRIP, TILE))) == ()


def test_a_slope_in_tone_is_no_cast() -> None:
    slope = Image.linear_gradient("L").rotate(90).resize((BAND + STRIP, TILE)).convert("RGB")
    assert straight_edge_vetoes(slope.crop((0, 0, BAND, TILE)), slope.crop((BAND, 0, BAND + STRIP, TILE))) == ()


def test_the_gate_looks_at_all_that_a_step_adds() -> None:
    picture = draw("foliage", WIDE.tile_size("x_ltr"), 3)
    band = picture.crop((0, 0, WIDE.band_px, TILE))
    barred = ruled(9999, WIDE.band_px + 400, 16, (0, 0, 0), across=False)(picture)
    gate = interior_gate(band, "x_ltr", WIDE)
    assert gate.passes(score_tile(band, picture, "x_ltr", WIDE))
    assert score_tile(band, barred, "x_ltr", WIDE).vetoes == ("bar",)
