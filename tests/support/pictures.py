"""Pictures drawn by code: every kind at any size, the same for the same kind, size and seed.

The kinds look like what people extend: ink drawings, paintings, photographs of regular and of irregular
things. None has a middle or a border, so a piece of one can be continued in any direction. The plain makers
at the end (`constant`, `ramp`, `step`, `checker`, `noise`) have values that a test can work out by hand.
"""

import random
from functools import lru_cache
from typing import Literal

from PIL import Image

from .pictures_built import bricks, cobbles, facade, mosaic, roof
from .pictures_fields import Colour, Maker, Size
from .pictures_lines import diagonals, engraving, hatching, ink, pencil, writing
from .pictures_tones import clouds, foliage, gradients, night, painterly, ripples

Axis = Literal["x", "y"]

_MAKERS: dict[str, Maker] = {
    "ink": ink,
    "hatching": hatching,
    "engraving": engraving,
    "facade": facade,
    "foliage": foliage,
    "clouds": clouds,
    "gradients": gradients,
    "painterly": painterly,
    "diagonals": diagonals,
    "writing": writing,
    "bricks": bricks,
    "ripples": ripples,
    "pencil": pencil,
    "night": night,
    "cobbles": cobbles,
    "mosaic": mosaic,
    "roof": roof,
}

KINDS: tuple[str, ...] = tuple(_MAKERS)

__all__ = [
    "KINDS",
    "Axis",
    "bricks",
    "checker",
    "clouds",
    "cobbles",
    "constant",
    "diagonals",
    "draw",
    "engraving",
    "facade",
    "foliage",
    "gradients",
    "hatching",
    "ink",
    "mosaic",
    "night",
    "noise",
    "painterly",
    "pencil",
    "ramp",
    "ripples",
    "roof",
    "step",
    "writing",
]


def draw(kind: str, size: Size, seed: int = 0) -> Image.Image:
    """The picture of that kind, in mode RGB. The same seed at another size is another picture."""
    return _picture(kind, size, seed).copy()


@lru_cache(maxsize=64)
def _picture(kind: str, size: Size, seed: int) -> Image.Image:
    """The cached picture that `draw` copies: several tests use the same one."""
    return _MAKERS[kind](size, seed)


def constant(size: Size, colour: Colour = (128, 128, 128)) -> Image.Image:
    """One colour everywhere."""
    return Image.new("RGB", size, colour)


def ramp(size: Size, axis: Axis = "x") -> Image.Image:
    """Grey that rises evenly along `axis` from 0 at the first pixel to 255 at the last."""
    length = size[0] if axis == "x" else size[1]
    last = max(1, length - 1)
    return _along(size, axis, bytes(round(255 * place / last) for place in range(length)))


def step(size: Size, at: int, axis: Axis = "x") -> Image.Image:
    """Black before the coordinate `at` along `axis`, white from there on."""
    length = size[0] if axis == "x" else size[1]
    return _along(size, axis, bytes(0 if place < at else 255 for place in range(length)))


def checker(size: Size, cell: int = 8) -> Image.Image:
    """Squares of `cell` pixels, black and white by turns; the first is black."""
    columns, rows = -(-size[0] // cell), -(-size[1] // cell)
    squares = bytes(255 * ((row + column) % 2) for row in range(rows) for column in range(columns))
    board = Image.frombytes("L", (columns, rows), squares)
    board = board.resize((columns * cell, rows * cell), Image.Resampling.NEAREST)
    return board.crop((0, 0, *size)).convert("RGB")


def noise(size: Size, seed: int = 0, cell: int = 1) -> Image.Image:
    """Even random RGB values: white noise, or smoothed to one random value every `cell` pixels."""
    rng = random.Random(seed)
    columns, rows = -(-size[0] // cell) + (cell > 1), -(-size[1] // cell) + (cell > 1)
    values = Image.frombytes("RGB", (columns, rows), rng.randbytes(3 * columns * rows))
    if cell == 1:
        return values
    return values.resize(size, Image.Resampling.BICUBIC, box=(0, 0, size[0] / cell, size[1] / cell))


def _along(size: Size, axis: Axis, values: bytes) -> Image.Image:
    shape = (len(values), 1) if axis == "x" else (1, len(values))
    return Image.frombytes("L", shape, values).resize(size, Image.Resampling.NEAREST).convert("RGB")
