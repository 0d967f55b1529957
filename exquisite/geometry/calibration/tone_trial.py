"""Whether tone curves that were fitted to the band lower its residual clearly."""

from __future__ import annotations

from PIL import Image

from .holdout import CLEAR_FALL, HoldoutResidual
from .tone import ToneCurves, with_tone

__all__ = ["CLEAR_TONE", "ToneTrial"]

CLEAR_TONE = 0.9
"""Largest share of a residual after a clear correction of tone: of that of block means among other strokes, and of the
attainable one where the far half of the band need not predict the near half."""


class ToneTrial:
    """The trial of `curves` on a canonical RGB `tile`.

    Attributes:
        tile: the tile with the curves.
        halves: the conditioning half without and with the curves.
        attainable: the attainable residual of each half, in levels.
        tonal: the residual of the block means of each half, in levels.
    """

    def __init__(self, tile: Image.Image, curves: ToneCurves, holdout: HoldoutResidual) -> None:
        half = (0, 0, *holdout.valid_mask.size)
        self.tile = with_tone(tile, curves)
        self.halves = before, after = tile.crop(half), self.tile.crop(half)
        self.attainable = holdout.attainable(before), holdout.attainable(after)
        self.tonal = holdout.tonal(before), holdout.tonal(after)

    def is_clear(self, least_levels: float = 0.0) -> bool:
        """Whether the attainable residual falls to CLEAR_FALL.

        Where the model drew other strokes, it need only not rise, and the residual of block means must fall to
        CLEAR_TONE and by `least_levels` more.
        """
        before, after = self.attainable
        tonal_before, tonal_after = self.tonal
        tonal = tonal_after <= CLEAR_TONE * tonal_before - least_levels
        return after <= CLEAR_FALL * before or (after <= before and tonal)
