"""The feather: fades out the remaining difference at the seam in the new pixels.

In every row the band and its calibrated redraw differ slightly: d = band - redraw, in the last columns before the seam.
The feather adds this difference to the generated half and fades it out. Repeating one column would make streaks;
therefore d is averaged along the seam, over a width that grows with the distance, like the harmonic continuation of d
into the half plane (Poisson's kernel at distance x has half-width x; Perez, Gangnet and Blake, SIGGRAPH 2003, call the
result a membrane). Old pixels do not change.
"""

from __future__ import annotations

import math

from PIL import Image, ImageChops

from ..contract import CLASSIC, Mode, TileContract, from_canonical, to_canonical
from ..errors import UsageError
from ..pixels import LEVELS
from .enforcement import require_band
from .tile_mode import require_tile

__all__ = ["feather_tile"]

_COLUMNS = 4  # columns before the seam over which the difference is averaged
_LARGEST_STEP = 16  # levels; a larger difference is a displaced line, which the feather would smear


def feather_tile(  # noqa: PLR0913 (a stable public signature)
    enforced: Image.Image,
    redraw: Image.Image,
    band: Image.Image,
    mode: Mode | str,
    feather_px: int,
    contract: TileContract = CLASSIC,
) -> Image.Image:
    """A copy of `enforced` whose first `feather_px` new columns absorb the step at the seam; RGB, own orientation.

    Args:
        enforced: the tile with the band put back.
        redraw: the calibrated tile, with the model's redraw of the band in its conditioning half.
        band: the band.
        feather_px: width of the zone beyond the seam, in pixels; 0 returns `enforced` itself.

    Raises:
        CanvasError: a picture is not RGB or of the wrong size.
        UsageError: `feather_px` is below 0 or beyond the generated half.
    """
    for tile in (enforced, redraw):
        require_tile(tile, mode, contract)
    require_band(band, mode, contract)
    room = contract.tile_px - contract.band_px
    if not 0 <= feather_px <= room:
        raise UsageError(f"feather_px={feather_px!r} must be 0 to {room}, the width of the generated half")
    if feather_px == 0:
        return enforced
    tile = to_canonical(enforced, mode).copy()
    rise, fall = _carried(to_canonical(redraw, mode), to_canonical(band, mode), feather_px)
    zone = tile.crop((contract.band_px, 0, contract.band_px + feather_px, contract.across_px))
    tile.paste(ImageChops.subtract(ImageChops.add(zone, rise), fall), (contract.band_px, 0))
    return from_canonical(tile, mode)


def _carried(redraw: Image.Image, band: Image.Image, feather_px: int) -> tuple[Image.Image, Image.Image]:
    """The positive and the negative part of the faded difference in each new column, to add and to subtract."""
    width, height = band.size
    near = (width - min(_COLUMNS, width), 0, width, height)
    old, new = band.crop(near), redraw.crop(near)
    channels = [
        [_column(ImageChops.subtract(a, b)) for a, b in zip(first.split(), second.split(), strict=True)]
        for first, second in ((old, new), (new, old))
    ]
    return (_spread(channels[0], feather_px), _spread(channels[1], feather_px))


def _column(difference: Image.Image) -> Image.Image:
    """Mean over the columns of the differences, each at most _LARGEST_STEP; mode F, one pixel wide."""
    limited = difference.point([min(level, _LARGEST_STEP) for level in range(LEVELS)])
    return limited.convert("F").reduce((difference.width, 1))


def _spread(columns: list[Image.Image], feather_px: int) -> Image.Image:
    """An RGB picture feather_px wide: with the distance, each column is smoothed more and weighted less."""
    height = columns[0].height
    out = [Image.new("F", (feather_px, height)) for _ in columns]
    for x in range(feather_px):
        distance = x + 0.5
        weight = 0.5 + 0.5 * math.cos(math.pi * distance / feather_px)
        for channel, column in zip(out, columns, strict=True):
            channel.paste(_smoothed(column, distance).point(lambda v: v * weight), (x, 0))  # noqa: B023 (used at once)
    return Image.merge("RGB", [_rounded(channel) for channel in out])


def _smoothed(column: Image.Image, radius: float) -> Image.Image:
    """`column` averaged along the seam over about `radius` pixels on either side."""
    rows = max(1, round(column.height / (1 + radius)))
    if rows >= column.height:
        return column
    return column.resize((1, rows), Image.Resampling.HAMMING).resize((1, column.height), Image.Resampling.BICUBIC)


def _rounded(channel: Image.Image) -> Image.Image:
    return channel.point(lambda v: v * 1 + 0.5).convert("L")
