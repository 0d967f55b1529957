"""Slow variation of tone: the redraw is too light in one place and too dark in another, which no curve corrects.

It is measured in the columns of the band next to the seam, and undone in the first new columns, where it would show as
a step. Farther from the seam the measurement does not hold.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from operator import mul

from PIL import Image

from ...pixels import add, as_float, combined, difference, multiply

__all__ = ["COLUMNS", "REACH_PX", "ROWS", "with_even_tone"]

COLUMNS, ROWS = 16, 32
"""Columns and rows over which a difference in tone is averaged.

Simulated redraws of drawn gradients have an error of tone of 2.33 levels behind the seam. Means of 32 columns leave .91
levels of it, of 16 columns .75, and of 8 columns .68 (`make bench-constants`). Fewer columns gain little, and displaced
strokes count more in them.
"""

REACH_PX = 128
"""Distance from the seam at which the correction ends; its weight is (1 - distance / REACH_PX)².

A longer reach carries chance differences at the seam farther into the new half.
"""

_MOST_LEVELS = 20.0  # a larger difference of a pixel is another stroke, not another tone


def with_even_tone(tile: Image.Image, band: Image.Image) -> Image.Image:
    """Undo the slow variation of tone in the generated half of a calibrated canonical RGB `tile` beside its `band`.

    The correction is the share of the differences in the last columns before the seam that the columns before these
    predict (`_predicted_share`). The tile itself is returned if it is too small, or if that share is 0.
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
    """The pixels of all `pictures`, mode F, in one list."""
    return [value for picture in pictures for value in picture.get_flattened_data()]  # type: ignore[misc]


def _predicted_share(far: Sequence[float], near: Sequence[float]) -> float:
    """The share of the differences `far` from the seam that remains `near` it, COLUMNS px on; 0 to 1.

    It is the slope of the regression of `near` on `far`: 1 for slow variation, and 0 for chance differences, mostly of
    displaced strokes.
    """
    squares = math.fsum(map(mul, far, far))
    return max(0.0, min(1.0, math.fsum(map(mul, far, near)) / squares)) if squares else 0.0


def _corrected(channel: Image.Image, differences: Image.Image, share: float) -> Image.Image:
    """One channel (mode L) of the generated half, with a `share` of the differences, which falls with the distance."""
    ramp = Image.new("F", (channel.width, 1))
    ramp.putdata([share * (1 - (x + 0.5) / REACH_PX) ** 2 for x in range(channel.width)])
    along = differences.resize((1, channel.height), Image.Resampling.BICUBIC)
    weights, wide = (one.resize(channel.size, Image.Resampling.NEAREST) for one in (ramp, along))
    correction = multiply(wide, weights)
    return add(add(as_float(channel), correction), 0.5).convert("L")
