"""Fits the new columns to the source picture: removes the step that is left at the seam.

The context of a patch is what its source shows beside it. At the seam the context differs from the source picture's
last column; adding this difference, the step, to the new columns makes them continuous and keeps their slopes. (The
conditional simulation of geostatistics does the same: Journel, "Geostatistics for Conditional Simulation of Ore
Bodies", 1974.) The step has three parts:

- The smooth part extends far, because tone changes slowly.
- The detail extends along the lines that cross the seam. It blurs with distance and fades at the edges of the new
  columns, so that flat strokes stay flat.
- The noise does not extend, because neighbouring columns do not share it.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from operator import add

from PIL import Image, ImageChops, ImageFilter

from ...pixels import LEVELS, as_float, combined, crop_mirrored

__all__ = ["fit_at_seam"]

_SMOOTH_RESIDUAL = 6.0
"""Mean detail of the step, in levels, at which half of the smooth part extends; a step with more detail has no
reliable smooth part."""
_NOISE_RESIDUAL = 3.5
"""Mean detail of the step, in levels, at which half of it counts as noise: larger detail is structure."""
_NOISE_RATIO = 1.7
"""Mean detail over the mean difference of neighbouring columns at which half of it counts as noise."""
_REACH = 2
"""Number of new columns that the fit changes, in widths of the context: two give the step room to fade."""
_ZERO = (128, 128, 128)
"""A difference of 0 in 8 bits: differences are stored with this offset."""
_BLUR_PER_COLUMN = 0.35
"""Standard deviation of the blur along the seam, in pixels for each column of distance: the slope of a line is
known to about a third of a pixel a column (one row in `_RUN_PX` columns)."""
_MAX_RISE = 8
"""Rows that a line may rise or fall over `_RUN_PX` columns: slopes of up to 2."""
_RUN_PX = 4
"""Distance in columns over which slopes are measured; a longer one needs more context."""
_SLOPE_CHANGE_COST = 20
"""Cost in levels of a rise that differs by one from that of the row above: it keeps the slopes smooth."""
_SLOPE_COST = 2
"""Cost in levels of each row of rise: without evidence a line runs straight on."""


def fit_at_seam(output: Image.Image, context: Image.Image) -> None:
    """Remove the step at the seam from the new columns of `output`, in place.

    Args:
        output: RGB; the last columns of the source picture, then new columns.
        context: RGB; what the new columns' patches show in place of those source columns, at least 3 px wide.
    """
    margin, height = context.size
    last = (margin - 1, 0, margin, height)
    beyond = (margin, 0, min(margin * (1 + _REACH), output.width), height)
    source = output.crop((0, 0, margin, height))
    step = ImageChops.subtract(source.crop(last), context.crop(last), 1, 128)
    # 1. Split the step into its low and its high frequencies.
    low = step.filter(ImageFilter.GaussianBlur((0, margin)))
    # 2. Keep the low part where the detail around it is small, and remove noise from the high part.
    residual = ImageChops.difference(step, low).convert("L").filter(ImageFilter.GaussianBlur((0, 2 * margin)))
    smooth = residual.point([round((LEVELS - 1) / (1 + (value / _SMOOTH_RESIDUAL) ** 2)) for value in range(LEVELS)])
    zero = Image.new("RGB", step.size, _ZERO)
    low = Image.composite(low, zero, smooth)
    high = Image.composite(zero, ImageChops.subtract(step, low, 1, 128), _noise(source, residual))
    # 3. Add the low part straight on, and the high part along the lines.
    new = output.crop(beyond)
    new = _extend_step(new, low, _straight_fade(new.size))
    output.paste(_extend_step(new, high, _fade_at_edges(new), _line_slopes(source)), beyond)


def _noise(source: Image.Image, residual: Image.Image) -> Image.Image:
    """The share of noise (mode L, one column) in the step, from its mean detail `residual`.

    Noise is small in levels, and no larger than the difference of neighbouring source columns; the shares multiply.
    """
    margin, height = source.size
    steps = ImageChops.difference(source.crop((1, 0, margin, height)), source.crop((0, 0, margin - 1, height)))
    blur = ImageFilter.GaussianBlur((0, 2 * margin))
    neighbour = steps.convert("L").resize((1, height), Image.Resampling.BOX).filter(blur)
    relative = combined(
        lambda a: (LEVELS - 1) / (1.0 + (a["residual"] / (a["neighbour"] * _NOISE_RATIO + 0.01)) ** 4),
        residual=as_float(residual),
        neighbour=as_float(neighbour),
    )
    absolute = residual.point([round((LEVELS - 1) / (1 + (value / _NOISE_RESIDUAL) ** 4)) for value in range(LEVELS)])
    return ImageChops.multiply(absolute, relative.convert("L"))


def _extend_step(
    new: Image.Image, step: Image.Image, weight: Image.Image, slopes: Sequence[float] | None = None
) -> Image.Image:
    """Add the column `step` (a difference with offset 128) to every column of `new`, times `weight` (mode L).

    With `slopes`, one for each row, the step follows the lines and blurs with distance.
    """
    field = step.resize(new.size)
    if slopes is not None:
        for x in range(1, new.width):
            field.paste(step.filter(ImageFilter.GaussianBlur((0, _BLUR_PER_COLUMN * x))), (x, 0))
        field = _shear_rows(field, slopes)
    return ImageChops.add(new, Image.composite(field, Image.new("RGB", new.size, _ZERO), weight), 1, -128)


def _straight_fade(size: tuple[int, int]) -> Image.Image:
    """A weight (mode L) that falls linearly from the first column to the last."""
    row = bytes(round((LEVELS - 1) * (1 - (x + 0.5) / size[0])) for x in range(size[0]))
    return Image.frombytes("L", (size[0], 1), row).resize(size)


def _fade_at_edges(picture: Image.Image) -> Image.Image:
    """A weight (mode L) that falls from left to right at the edges of `picture`, row by row.

    Each column costs 1 and each level of change 10: flat runs fade slowly, and edges hide the rest of the fade.
    """
    grey = picture.convert("L")
    width, height = grey.size
    changes = ImageChops.difference(grey, ImageChops.offset(grey, 1, 0)).tobytes()
    rows = []
    for start in range(0, width * height, width):
        sums = list(accumulate(changes[start + 1 : start + width], lambda at, change: at + 10 * change + 1, initial=1))
        scale = (LEVELS - 1) / (sums[-1] + 1)
        rows.append(bytes([LEVELS - 1 - round(scale * at) for at in sums]))
    return Image.frombytes("L", (width, height), b"".join(rows))


def _line_slopes(source: Image.Image) -> list[float]:
    """The slope, in rows a column, of the line that crosses the right edge of `source` in each row.

    The slopes minimize the difference between the last two columns and the shifted columns `_RUN_PX` before them, plus
    the costs of rise and of change. Dynamic programming over the rows finds the minimum.
    """
    # 1. Compute the difference for each rise, row by row.
    width, height = source.size
    run = min(_RUN_PX, width - 2)
    old, end = source.crop((width - 2 - run, 0, width - run, height)), source.crop((width - 2, 0, width, height))
    rises = range(-_MAX_RISE, _MAX_RISE + 1)
    differences = []
    for rise in rises:
        shifted = crop_mirrored(old, (0, rise, 2, height + rise))
        column = ImageChops.difference(end, shifted).convert("L").resize((1, height), Image.Resampling.BOX)
        differences.append(column.filter(ImageFilter.GaussianBlur((0, 1))).tobytes())
    # 2. Accumulate costs from top to bottom. A rise may change by at most one from row to row.
    slope_costs = [_SLOPE_COST * abs(rise) for rise in rises]
    costs: list[list[float]] = [[0.0] * len(rises)]
    for row in zip(*differences, strict=True):
        above = costs[-1]
        changed = [cost + _SLOPE_CHANGE_COST for cost in above]
        least = map(min, above, (changed[0], *changed), (*changed[1:], changed[-1]))
        costs.append(list(map(add, map(add, row, slope_costs), least)))
    # 3. Trace the cheapest path back from the bottom; row 0 of the costs is the start, not a row of the picture.
    at = min(range(len(rises)), key=costs[-1].__getitem__)
    path = []
    for cost in reversed(costs[1:]):
        near = range(max(0, at - 1), min(len(rises), at + 2))
        at = min(near, key=lambda i: cost[i] + (_SLOPE_CHANGE_COST if i != at else 0))
        path.append(rises[at] / run)
    return path[::-1]


def _shear_rows(field: Image.Image, slopes: Sequence[float]) -> Image.Image:
    """`field` sheared row by row: pixel (x, y) comes from row y + slopes[y] * (x + 1), rounded.

    One paste for each distinct offset, through a mask, replaces a loop over pixels.
    """
    width, height = field.size

    def levels(slope: float) -> bytes:
        return bytes(128 + max(-128, min(127, round(slope * (x + 1)))) for x in range(width))

    rows = {slope: levels(slope) for slope in set(slopes)}
    offsets = Image.frombytes("L", (width, height), b"".join(map(rows.__getitem__, slopes)))
    out = field.copy()
    for offset, count in enumerate(offsets.histogram(), start=-128):
        if count and offset:
            mask = offsets.point([(LEVELS - 1) * (level - 128 == offset) for level in range(LEVELS)])
            out.paste(crop_mirrored(field, (0, offset, width, height + offset)), (0, 0), mask)
    return out
