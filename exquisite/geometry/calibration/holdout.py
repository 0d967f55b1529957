"""The residual between a redrawn conditioning half and the band, on blocks held out of all fits."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property

from PIL import Image

from ...pixels import squared_distance
from .tone import fit_tone, with_tone

__all__ = ["CLEAR_FALL", "NO_RESIDUAL", "HoldoutResidual"]

CLEAR_FALL = 0.98
"""Place and tone are corrected if that reduces the attainable residual to this factor or below; tone also if it
reduces the residual of block means (`HoldoutResidual.tonal`). A very small change of sharpness must reduce the residual
to this factor."""

NO_RESIDUAL = 1e-9
"""Added to residuals in quotients, in levels: those of two pictures that agree are 0."""

_HELD_OUT = 5  # one block in five, in every row and column: see `HoldoutResidual`
_LEAST_WEIGHT = 0.2  # of a block whose relative error is 2.5 times the median (`blocks._weights`)
_SLOW_TONE = 16.0  # levels^2: tone varies by up to 4 levels from place to place
_AGREES, _CLEARLY = 3.0, 2.0  # levels: the residual of a block left alone, and a rise of it
_LEAST_ACTIVITY = 1.0  # levels
_COARSE_PARTS = 8  # of a block's edge
_EXPLAINED = 0.5  # of the variance of a block; see `kept_share`
_MOVED_STROKES = 0.03  # of the variance of finer detail: its effect on the mean of half a block when displaced by 2 px


class HoldoutResidual:
    """The blocks of one band: those for the fits, and the residual on the held-out ones.

    Every fifth block is held out. The fits use those of the others that the model kept according to the registration.

    Attributes:
        valid_mask: mode L, the band's size, 255 where a pixel counts in the fits, else 0.
        faithful_mask: the same of all blocks that the model kept, held-out ones too: a fit of two numbers hardly
            follows chance, and needs all the detail that there is.
    """

    def __init__(self, band: Image.Image, block_px: int, weights: Sequence[float]) -> None:
        self._band = band
        self._block_px = block_px
        self._columns, self._rows = (length // block_px for length in band.size)
        self._held_out = [
            (k % self._columns + 2 * (k // self._columns)) % _HELD_OUT == 0 for k in range(self._columns * self._rows)
        ]
        alike = [weight > _LEAST_WEIGHT for weight in weights]
        self.faithful_mask = self._mask(alike)
        self.valid_mask = self._mask([a and not b for a, b in zip(alike, self._held_out, strict=True)])
        self._coarse_px = max(1, block_px // _COARSE_PARTS)
        self._coarse_band = self._coarse(band)

    @cached_property
    def activity(self) -> float:
        """The band's deviation from its local means in levels, measured like `residual`; at least 1."""
        return max(_LEAST_ACTIVITY, self.residual(self._smooth))

    @cached_property
    def _smooth(self) -> Image.Image:
        """The band's local means."""
        return self._band.reduce(self._block_px).resize(self._band.size, Image.Resampling.BILINEAR)

    @cached_property
    def _limits(self) -> dict[int, list[float]]:
        """The limits of `_most_unexplained`, by the size of the cells in pixels."""
        sizes = (self._coarse_px, 2 * self._coarse_px, 4 * self._coarse_px)
        return {cell_px: self._most_unexplained(cell_px) for cell_px in sizes if self._block_px % cell_px == 0}

    def residual(self, half: Image.Image) -> float:
        """Mean over the held-out blocks of the RMS difference of `half` and the band, RGB, in levels."""
        residuals = self._residuals(half, self._band)
        return sum(residuals) / len(residuals)

    def attainable(self, half: Image.Image, from_px: int | None = None) -> float:
        """The residual of both pictures reduced to an eighth of a block, without the fine detail.

        Models replace fine detail by other detail. No correction can lower the residual of that detail, but a right
        correction lowers the attainable one. With `from_px`, all blocks from this column on count instead of the
        held-out ones, because the correction is fitted to the columns before it.
        """
        return self._coarse_residual(self._coarse(half), from_px)

    def tonal(self, half: Image.Image) -> float:
        """The residual of the means of whole blocks: the difference in tone, independent of strokes."""
        residuals = self._residuals(self._coarse(half, self._block_px), self._coarse(self._band, self._block_px))
        return sum(residuals) / len(residuals)

    def share_of_harm(self, before: Image.Image, after: Image.Image) -> float:
        """Share of the held-out blocks that agree with the band in `before`, and clearly less in `after`.

        An edit may change the tone of a part alone. Curves between both tones lower the residual as a whole, and harm
        the parts that the edit left alone.
        """
        old, new = (self._residuals(self._coarse(half), self._coarse_band) for half in (before, after))
        return sum(a <= _AGREES and b > a + _CLEARLY for a, b in zip(old, new, strict=True)) / len(old)

    def attainable_but_tone(self, half: Image.Image, *from_px: int) -> list[float]:
        """`attainable` through tone curves fitted to `half`, to judge placement alone.

        The first value is that of the held-out blocks, and each other one that of all blocks from a column on.
        """
        coarse = self._coarse(half)
        curves = fit_tone(coarse, self._coarse_band, self._coarse(self.valid_mask).point([0] * 255 + [255]))
        toned = with_tone(coarse, curves)
        return [self._coarse_residual(toned, column) for column in (None, *from_px)]

    def before(self, column: int) -> Image.Image:
        """`valid_mask` without the columns from `column` on."""
        mask = Image.new("L", self.valid_mask.size)
        mask.paste(self.valid_mask.crop((0, 0, column, mask.height)))
        return mask

    def _coarse_residual(self, coarse: Image.Image, from_px: int | None) -> float:
        """Mean over the held-out blocks, or over all from a column on, of the residual of a `coarse` half."""
        if from_px is None:
            residuals = self._residuals(coarse, self._coarse_band)
        else:
            first = min(self._columns - 1, -(-from_px // self._block_px))
            blocks = self._block_residuals(coarse, self._coarse_band)
            residuals = [value for k, value in enumerate(blocks) if k % self._columns >= first]
        return sum(residuals) / len(residuals)

    def kept_share(self, half: Image.Image) -> float:
        """Share of the held-out blocks whose coarse content `half` explains: less than half of its variance remains.

        Cells of one, two and four times the size are tried, because displaced fine lines are not other content.
        """
        explained = [False] * sum(self._held_out)
        for cell_px, most in self._limits.items():
            residuals = self._residuals(self._coarse(half, cell_px), self._coarse(self._band, cell_px))
            explained = [
                before or residual**2 < limit
                for before, residual, limit in zip(explained, residuals, most, strict=True)
            ]
        return sum(explained) / len(explained)

    def _most_unexplained(self, cell_px: int) -> list[float]:
        """The squared residual, in cells of `cell_px`, below which each held-out block counts as explained.

        It is half of the band's variance around its local means. The largest cells show a fine hatching only by
        chance, when strokes displaced by 2 px enter or leave a cell at its rim.
        """
        coarse = self._coarse(self._band, cell_px)
        limits = [
            _EXPLAINED * activity**2 + _SLOW_TONE
            for activity in self._residuals(self._coarse(self._smooth, cell_px), coarse)
        ]
        if cell_px < self._block_px // 2:
            return limits
        whole = (coarse.width * cell_px, coarse.height * cell_px)
        finer = self._residuals(self._band.crop((0, 0, *whole)), coarse.resize(whole, Image.Resampling.NEAREST))
        return [limit + _MOVED_STROKES * detail**2 for limit, detail in zip(limits, finer, strict=True)]

    def _coarse(self, half: Image.Image, cell_px: int = 0) -> Image.Image:
        """The whole blocks of `half`, reduced to cells of `cell_px`; by default to an eighth of a block."""
        whole = half.crop((0, 0, self._columns * self._block_px, self._rows * self._block_px))
        return whole.reduce(cell_px or self._coarse_px)

    def _residuals(self, half: Image.Image, band: Image.Image) -> list[float]:
        """Root mean square difference of each held-out block."""
        blocks = self._block_residuals(half, band)
        return [value for value, is_held_out in zip(blocks, self._held_out, strict=True) if is_held_out]

    def _block_residuals(self, half: Image.Image, band: Image.Image) -> list[float]:
        """Root mean square difference of each block, row by row."""
        edge = half.width // self._columns
        whole = squared_distance(half, band).crop((0, 0, self._columns * edge, self._rows * edge))
        means = whole.reduce(edge).get_flattened_data()
        return [math.sqrt(mean / 3) for mean in means]  # type: ignore[operator]

    def _mask(self, blocks: Sequence[bool]) -> Image.Image:
        """Mode L, the band's size: 255 in the marked `blocks`, given row by row, else 0."""
        values = Image.frombytes("L", (self._columns, self._rows), bytes(255 * block for block in blocks))
        size = (self._columns * self._block_px, self._rows * self._block_px)
        mask = Image.new("L", self._band.size)
        mask.paste(values.resize(size, Image.Resampling.NEAREST))
        return mask
