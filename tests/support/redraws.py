"""Redraws of pictures under fixtures/ by a real autoencoder: pairs of its input and its output."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from PIL import Image

from exquisite.contract import Mode, TileContract

__all__ = ["REDRAWS", "Redraw"]

FIXTURES = Path(__file__).parents[2] / "fixtures"


@dataclass(frozen=True)
class Redraw:
    """A file of fixtures/redraws, with the fixture and the (x, y) that it was cut from, and the direction of growth."""

    name: str
    source: str
    at: tuple[int, int]
    mode: Mode

    @cached_property
    def output(self) -> Image.Image:
        """The output of the autoencoder, a square, RGB."""
        with Image.open(FIXTURES / "redraws" / f"{self.name}.webp") as image:
            return image.convert("RGB")

    @cached_property
    def original(self) -> Image.Image:
        """The input of the autoencoder, the same square, RGB."""
        size, (left, top) = self.output.width, self.at
        with Image.open(FIXTURES / self.source) as image:
            return image.convert("RGB").crop((left, top, left + size, top + size))

    @property
    def contract(self) -> TileContract:
        """Half of the square is the band, a quarter the overlap and a quarter the advance."""
        size = self.output.width
        return TileContract(size, size // 2, size // 4, size // 4)


REDRAWS = (
    Redraw("fruit", "pictures/fruit.jpg", (920, 320), Mode.Y_TTB),
    Redraw("infrared", "pictures/infrared-sky.jpg", (1600, 320), Mode.Y_TTB),
    Redraw("milky-way", "pictures/milky-way.jpg", (1600, 320), Mode.Y_TTB),
    Redraw("demo", "demo/picture.jpg", (1120, 1120), Mode.X_RTL),
    Redraw("moon", "pictures/moon.jpg", (1600, 320), Mode.Y_BTT),
    Redraw("blue-marble", "pictures/blue-marble.jpg", (1600, 320), Mode.Y_TTB),
)
"""The six that are there."""
