"""Slow variation of tone: what no curve corrects, because the same level is off by another amount in another place.

It is measured in the columns of the band next to the seam and undone in the first new columns, where it would show as a
step; farther away nothing tells of it.
"""

from __future__ import annotations

import math

from PIL import Image

from ...pixels import add, as_float, combined, difference, multiply

__all__ = ["REACH_PX", "with_even_tone"]

REACH_PX = 32
"""Columns measured and rows averaged, both of the band, and the distance over which the correction falls by e."""

_SHARE = 0.5  # of the measured difference: the rest is chance, mostly strokes that moved
_MOST_LEVELS = 20.0  # a larger difference of a pixel is another stroke, not another tone
_CORRECTED_PX = 4 * REACH_PX  # new columns: beyond them even _MOST_LEVELS change by less than half a level


def with_even_tone(tile: Image.Image, band: Image.Image) -> Image.Image:
    """Undo the slow variation of tone in the generated half of a calibrated canonical RGB `tile` beside its `band`.

    The tile itself is returned if it is too small, or if the columns farther from the seam do not predict those next
    to it: then the difference is no slow one.
    """
    seam, height = band.width, band.height
    if seam < 2 * REACH_PX or height < 2 * REACH_PX:
        return tile
    first_columns = tile.crop((seam, 0, min(seam + _CORRECTED_PX, tile.width), height))
    half = tile.crop((0, 0, *band.size))
    channels = [
        (new, _differences(truth, redraw, seam - 2 * REACH_PX), _differences(truth, redraw, seam - REACH_PX))
        for new, truth, redraw in zip(first_columns.split(), band.split(), half.split(), strict=True)
    ]
    if _left(channels, _SHARE) >= _left(channels, 0.0):
        return tile
    out = tile.copy()
    out.paste(Image.merge("RGB", [_corrected(new, near, height) for new, _, near in channels]), (seam, 0))
    return out


def _differences(band: Image.Image, redraw: Image.Image, left: int) -> Image.Image:
    """Band less redraw (mode L), means of REACH_PX by REACH_PX pixels from the column `left` on; mode F, 1 px wide."""
    box = (left, 0, left + REACH_PX, band.height)
    values = difference(as_float(band.crop(box)), as_float(redraw.crop(box)))
    limited = combined(lambda v: 0.5 * (abs(v["d"] + _MOST_LEVELS) - abs(v["d"] - _MOST_LEVELS)), d=values)
    return limited.reduce(REACH_PX)


def _left(channels: list[tuple[Image.Image, Image.Image, Image.Image]], share: float) -> float:
    """The squared differences next to the seam, less a `share` of those farther away."""
    return math.fsum(
        (near - share * far) ** 2  # type: ignore[operator]
        for _, farther, nearest in channels
        for far, near in zip(farther.get_flattened_data(), nearest.get_flattened_data(), strict=True)
    )


def _corrected(channel: Image.Image, differences: Image.Image, height: int) -> Image.Image:
    """One channel (mode L) of the generated half, with its part of the differences, which falls with the distance."""
    ramp = Image.new("F", (channel.width, 1))
    ramp.putdata([_SHARE * math.exp(-(x + 0.5) / REACH_PX) for x in range(channel.width)])
    along = differences.resize((1, height), Image.Resampling.BICUBIC)
    correction = multiply(along.resize(channel.size), ramp.resize(channel.size))
    return add(add(as_float(channel), correction), 0.5).convert("L")
