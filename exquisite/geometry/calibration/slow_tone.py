"""Slow variation of tone: what no curve corrects, because the same level is off by another amount in another place.

It is measured in the columns of the band next to the seam and undone in the first new columns, where it would show as a
step; farther away nothing tells of it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from operator import mul

from PIL import Image

from ...pixels import add, as_float, combined, difference, multiply

__all__ = ["COLUMNS", "REACH_PX", "ROWS", "with_even_tone"]

COLUMNS, ROWS = 16, 32
"""Columns next to the seam, and rows, over which a difference in tone is averaged. Of the tone of drawn gradients, 32
columns leave 1.8 levels at the seam, 16 leave 1.3 and 8 leave 1.1, but take strokes that moved for tone more often."""

REACH_PX = 128
"""Distance from the seam at which the correction ends; it falls by (1 - distance / REACH_PX)². With a longer one, what
differs at the seam by chance goes farther into the new half."""

_MOST_LEVELS = 20.0  # a larger difference of a pixel is another stroke, not another tone


def with_even_tone(tile: Image.Image, band: Image.Image) -> Image.Image:
    """Undo the slow variation of tone in the generated half of a calibrated canonical RGB `tile` beside its `band`.

    The share of the differences next to the seam that the columns before predict (`_predicted_share`) is undone. The
    tile itself is returned if it is too small, or if they predict nothing.
    """
    seam, height = band.width, band.height
    if seam < 2 * COLUMNS or height < 2 * ROWS:
        return tile
    first_columns = tile.crop((seam, 0, min(seam + REACH_PX, tile.width), height))
    half = tile.crop((0, 0, *band.size))
    pairs = list(zip(band.split(), half.split(), strict=True))
    far, near = ([_differences(*pair, seam - distance) for pair in pairs] for distance in (2 * COLUMNS, COLUMNS))
    share = _predicted_share(_values(far), _values(near))
    if share == 0:
        return tile
    corrected = [
        _corrected(new, differences, share) for new, differences in zip(first_columns.split(), near, strict=True)
    ]
    out = tile.copy()
    out.paste(Image.merge("RGB", corrected), (seam, 0))
    return out


def _differences(band: Image.Image, redraw: Image.Image, left: int) -> Image.Image:
    """Band less redraw (mode L), means of COLUMNS by ROWS pixels from the column `left` on; mode F, 1 px wide."""
    box = (left, 0, left + COLUMNS, band.height)
    values = difference(as_float(band.crop(box)), as_float(redraw.crop(box)))
    limited = combined(lambda v: 0.5 * (abs(v["d"] + _MOST_LEVELS) - abs(v["d"] - _MOST_LEVELS)), d=values)
    return limited.reduce((COLUMNS, ROWS))


def _values(pictures: Iterable[Image.Image]) -> list[float]:
    """The pixels of some pictures of mode F."""
    return [value for picture in pictures for value in picture.get_flattened_data()]  # type: ignore[misc]


def _predicted_share(far: Sequence[float], near: Sequence[float]) -> float:
    """The share of a difference that remains COLUMNS nearer to the seam, 0 to 1.

    It is the slope of the regression of `near` on `far`: 1 where the tone varies slowly, 0 where the differences are
    chance, mostly strokes that moved.
    """
    squares = math.fsum(map(mul, far, far))
    return max(0.0, min(1.0, math.fsum(map(mul, far, near)) / squares)) if squares else 0.0


def _corrected(channel: Image.Image, differences: Image.Image, share: float) -> Image.Image:
    """One channel (mode L) of the generated half, with a `share` of the differences, which falls with the distance."""
    ramp = Image.new("F", (channel.width, 1))
    ramp.putdata([share * (1 - (x + 0.5) / REACH_PX) ** 2 for x in range(channel.width)])
    along = differences.resize((1, channel.height), Image.Resampling.BICUBIC)
    correction = multiply(*(one.resize(channel.size, Image.Resampling.NEAREST) for one in (along, ramp)))
    return add(add(as_float(channel), correction), 0.5).convert("L")
