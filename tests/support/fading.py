"""A simulated model that draws every new half a little flatter and softer than its own redraw of the band."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from PIL import Image, ImageFilter

from exquisite.api.generator import CallLog, RawCandidate, TileRequest
from exquisite.contract import to_canonical
from exquisite.geometry.measures.style import style_of
from exquisite.pixels import as_float, combined

from .generators import png, true_tile

__all__ = ["Fading", "restyled"]


@dataclass
class Fading:
    """Continues `picture` in the style of the band that it is shown, times `contrast` and `sharpness`.

    The band itself is redrawn without any fault, so that calibration has nothing to see.
    """

    picture: Image.Image
    origin: tuple[int, int]
    contrast: float = 0.993
    sharpness: float = 0.99

    def generate(self, request: TileRequest, calls: CallLog) -> Iterator[RawCandidate]:
        """The same tile for each candidate."""
        frame = request.contract.tile_frame(request.mode)
        tile = true_tile(self.picture, self.origin, request)
        true_band = style_of(to_canonical(tile.crop(frame.conditioning_half), request.mode))
        style = style_of(to_canonical(request.band, request.mode))
        new = restyled(
            tile.crop(frame.generated_half),
            self.contrast * style.contrast / true_band.contrast,
            self.sharpness * style.sharpness / true_band.sharpness,
        )
        tile.paste(new, frame.generated_half)
        tile.paste(request.band, frame.conditioning_half)
        for _ in range(request.candidates):
            yield RawCandidate(png(tile), {"generator": "fading"})


def restyled(image: Image.Image, contrast: float, sharpness: float) -> Image.Image:
    """An RGB `image` with contrast and sharpness times these factors; the amount of blur is found by bisection."""
    before = style_of(image)
    soft = image.filter(ImageFilter.GaussianBlur(1))
    low, high = -1.0, 1.0
    for _ in range(12):
        middle = (low + high) / 2
        too_sharp = style_of(_mixed(image, soft, middle)).sharpness > sharpness * before.sharpness
        low, high = (middle, high) if too_sharp else (low, middle)
    mixed = _mixed(image, soft, (low + high) / 2)
    style = style_of(mixed)
    gain = contrast * before.contrast / style.contrast
    return _each(mixed, mixed, lambda v: style.lightness + (v["i"] - style.lightness) * gain)


def _mixed(image: Image.Image, soft: Image.Image, amount: float) -> Image.Image:
    return _each(image, soft, lambda v: v["i"] + amount * (v["s"] - v["i"]))


def _each(image: Image.Image, other: Image.Image, formula: Callable[[Mapping[str, Any]], Any]) -> Image.Image:
    """`formula` of each channel, rounded randomly, so that changes of less than half a level survive on average."""
    noise = random.Random("fading").randbytes(image.width * image.height)
    chance = as_float(Image.frombytes("L", image.size, noise)).point(lambda value: value * (1 / 256))
    channels = []
    for one, two in zip(image.split(), other.split(), strict=True):
        exact = combined(formula, i=as_float(one), s=as_float(two))
        channels.append(combined(lambda v: v["e"] + v["c"], e=exact, c=chance).convert("L"))
    return Image.merge("RGB", channels)
