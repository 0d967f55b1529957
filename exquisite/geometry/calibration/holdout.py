"""How far a redrawn conditioning half agrees with the band, judged on blocks that no fit has seen."""

from __future__ import annotations

import math
from collections.abc import Sequence

from PIL import Image

from ...pixels import squared_distance

__all__ = ["Agreement"]

_HELD_OUT = 5  # every fifth block, in a knight's-move pattern, so that no row or column is left out
_LEAST_WEIGHT = 0.2  # robust weight of the registration below which a block counts as redrawn with other content
_LEAST_ACTIVITY = 1.0  # levels; one level is the rounding of 8 bits, so that flat blocks stay comparable


class Agreement:
    """The blocks of one band: which the fits may use, and the residual on the others.

    Every fifth block is held out. Of the rest count those that the registration found to be kept by the model.

    Attributes:
        counted: mode L, the band's size, 255 where a pixel counts in the fits, else 0.
        activity: how far the band strays from its own smooth course, in levels, as `residual` counts; at least 1.
    """

    def __init__(self, band: Image.Image, block_px: int, weights: Sequence[float]) -> None:
        self._band = band
        self._block_px = block_px
        self._columns, self._rows = (length // block_px for length in band.size)
        self._held_out = [
            (k % self._columns + 2 * (k // self._columns)) % _HELD_OUT == 0 for k in range(self._columns * self._rows)
        ]
        self.counted = self._mask(weights)
        smooth = band.reduce(block_px).resize(band.size, Image.Resampling.BILINEAR)
        self._activities = [max(_LEAST_ACTIVITY, value) for value in self._residuals(smooth)]
        self.activity = sum(self._activities) / len(self._activities)

    def residual(self, half: Image.Image) -> float:
        """Mean over the held-out blocks of the RMS difference of `half` and the band, RGB, in levels of 0 to 255."""
        return self.judged(half)[0]

    def judged(self, half: Image.Image) -> tuple[float, float]:
        """(residual, share of held-out blocks where `half` is nearer to the band than the band's own smooth course)."""
        residuals = self._residuals(half)
        nearer = sum(residual < activity for residual, activity in zip(residuals, self._activities, strict=True))
        return sum(residuals) / len(residuals), nearer / len(residuals)

    def _residuals(self, half: Image.Image) -> list[float]:
        whole = squared_distance(half, self._band).crop(
            (0, 0, self._columns * self._block_px, self._rows * self._block_px)
        )
        means = whole.reduce(self._block_px).get_flattened_data()
        return [math.sqrt(mean / 3) for mean, held in zip(means, self._held_out, strict=True) if held]  # type: ignore[operator]

    def _mask(self, weights: Sequence[float]) -> Image.Image:
        values = bytes(
            255 if weight > _LEAST_WEIGHT and not held else 0
            for weight, held in zip(weights, self._held_out, strict=True)
        )
        blocks = Image.frombytes("L", (self._columns, self._rows), values)
        size = (self._columns * self._block_px, self._rows * self._block_px)
        mask = Image.new("L", self._band.size)
        mask.paste(blocks.resize(size, Image.Resampling.NEAREST))
        return mask
