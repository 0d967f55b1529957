"""The last fit of new columns to the known ones: what still differs at the seam is carried on.

At the seam the known picture shows one column and the patches behind it were cut from places that show another,
their context. Patches with this difference added have the same slopes, and no step (as in the conditional
simulation of geostatistics: Journel, "Geostatistics for Conditional Simulation of Ore Bodies", 1974). Of it

- the smooth part goes on far, where it is smooth at all;
- the rest goes on for some columns along the lines that arrive at the seam, smoothed with distance, and fades where
  the patches change anyway: flat strokes stay flat;
- noise stays behind, since neighbouring columns do not share it.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from operator import add

from PIL import Image, ImageChops, ImageFilter

from ...pixels import LEVELS, as_float, combined, crop_mirrored

__all__ = ["fit_at_seam"]

_SMOOTH = 6.0
"""Mean rest of the difference, in levels, at which half of its smooth part is carried far."""
_NOISE = 3.5
"""Mean rest of the difference, in levels, at which half of it is noise ..."""
_NOISE_SHARE = 1.7
"""... where it is also no more than this factor of the mean difference of neighbouring columns."""
_FAR = 2
"""Reach of what is carried, in widths of the context."""
_NONE = (128, 128, 128)
"""A difference of 0."""
_BLUR = 0.35
"""Standard deviation of the smoothing along the seam, in pixels for each column away from it."""
_STEEPEST = 8
"""Rows by which a line may rise or fall over `_RUN` columns."""
_RUN = 4
_BEND_COST = 20
"""What it costs, in levels, that a line leans one row more or less than the one above it ..."""
_LEAN_COST = 2
"""... and that it leans by one row at all."""


def fit_at_seam(laid: Image.Image, context: Image.Image) -> None:
    """Fit the columns of RGB `laid` behind the known ones, in place.

    Args:
        laid: known columns, as many as `context` has, at least 3, then new ones.
        context: what the new columns' patches show in place of the known ones, RGB.
    """
    margin, height = context.size
    last = (margin - 1, 0, margin, height)
    behind = (margin, 0, min(margin * (1 + _FAR), laid.width), height)
    known = laid.crop((0, 0, margin, height))
    step = ImageChops.subtract(known.crop(last), context.crop(last), 1, 128)
    low = step.filter(ImageFilter.GaussianBlur((0, margin)))
    rest = ImageChops.difference(step, low).convert("L").filter(ImageFilter.GaussianBlur((0, 2 * margin)))
    smooth = rest.point([round((LEVELS - 1) / (1 + (value / _SMOOTH) ** 2)) for value in range(LEVELS)])
    none = Image.new("RGB", step.size, _NONE)
    low = Image.composite(low, none, smooth)
    high = Image.composite(none, ImageChops.subtract(step, low, 1, 128), _noise(known, rest))
    new = laid.crop(behind)
    new = _carried(new, low, _straight_fade(new.size))
    laid.paste(_carried(new, high, _fade_at_edges(new), _lean(known)), behind)


def _noise(known: Image.Image, rest: Image.Image) -> Image.Image:
    """The share of noise (L, one column) in a difference whose mean `rest` is known: little, and no more than usual."""
    margin, height = known.size
    steps = ImageChops.difference(known.crop((1, 0, margin, height)), known.crop((0, 0, margin - 1, height)))
    blur = ImageFilter.GaussianBlur((0, 2 * margin))
    usual = steps.convert("L").resize((1, height), Image.Resampling.BOX).filter(blur)
    relative = combined(
        lambda a: (LEVELS - 1) / (1.0 + (a["rest"] / (a["usual"] * _NOISE_SHARE + 0.01)) ** 4),
        rest=as_float(rest),
        usual=as_float(usual),
    )
    little = rest.point([round((LEVELS - 1) / (1 + (value / _NOISE) ** 4)) for value in range(LEVELS)])
    return ImageChops.multiply(little, relative.convert("L"))


def _carried(
    new: Image.Image, step: Image.Image, weight: Image.Image, lean: Sequence[float] | None = None
) -> Image.Image:
    """`new` with the one column `step`, a difference around 128, added in every column, times `weight` (L).

    With the `lean` of every row it goes on along the lines, and smoothed.
    """
    field = step.resize(new.size)
    if lean is not None:
        for x in range(1, new.width):
            field.paste(step.filter(ImageFilter.GaussianBlur((0, _BLUR * x))), (x, 0))
        field = _leaning(field, lean)
    return ImageChops.add(new, Image.composite(field, Image.new("RGB", new.size, _NONE), weight), 1, -128)


def _straight_fade(size: tuple[int, int]) -> Image.Image:
    """A weight that falls evenly from the first column to the last."""
    row = bytes(round((LEVELS - 1) * (1 - (x + 0.5) / size[0])) for x in range(size[0]))
    return Image.frombytes("L", (size[0], 1), row).resize(size)


def _fade_at_edges(picture: Image.Image) -> Image.Image:
    """A weight that falls from the first column to the last, in each row in proportion to the changes of `picture`."""
    grey = picture.convert("L")
    width, height = grey.size
    changes = ImageChops.difference(grey, ImageChops.offset(grey, 1, 0)).tobytes()
    rows = []
    for start in range(0, width * height, width):
        sums = list(accumulate(changes[start + 1 : start + width], lambda at, change: at + 10 * change + 1, initial=1))
        scale = (LEVELS - 1) / (sums[-1] + 1)
        rows.append(bytes([LEVELS - 1 - round(scale * at) for at in sums]))
    return Image.frombytes("L", (width, height), b"".join(rows))


def _lean(known: Image.Image) -> list[float]:
    """By how many rows a column the lines that cross the last columns of `known` rise, row by row.

    The path through (row, lean) along which the last columns agree best with those `_RUN` columns before, by dynamic
    programming over the rows.
    """
    width, height = known.size
    run = min(_RUN, width - 2)
    old, end = known.crop((width - 2 - run, 0, width - run, height)), known.crop((width - 2, 0, width, height))
    leans = range(-_STEEPEST, _STEEPEST + 1)
    differences = []
    for lean in leans:
        moved = crop_mirrored(old, (0, lean, 2, height + lean))
        column = ImageChops.difference(end, moved).convert("L").resize((1, height), Image.Resampling.BOX)
        differences.append(column.filter(ImageFilter.GaussianBlur((0, 1))).tobytes())
    charge = [_LEAN_COST * abs(lean) for lean in leans]
    costs: list[list[float]] = [[0.0] * len(leans)]
    for row in zip(*differences, strict=True):
        above = costs[-1]
        bent = [cost + _BEND_COST for cost in above]
        least = map(min, above, (bent[0], *bent), (*bent[1:], bent[-1]))
        costs.append(list(map(add, map(add, row, charge), least)))
    at = min(range(len(leans)), key=costs[-1].__getitem__)
    path = []
    for cost in reversed(costs[1:]):
        near = range(max(0, at - 1), min(len(leans), at + 2))
        at = min(near, key=lambda i: cost[i] + (_BEND_COST if i != at else 0))
        path.append(leans[at] / run)
    return path[::-1]


def _leaning(field: Image.Image, lean: Sequence[float]) -> Image.Image:
    """`field` with the pixel (x, y) taken from the row y + lean[y] * (x + 1), to the nearest."""
    width, height = field.size

    def levels(slope: float) -> bytes:
        return bytes(128 + max(-128, min(127, round(slope * (x + 1)))) for x in range(width))

    rows = {slope: levels(slope) for slope in set(lean)}
    offsets = Image.frombytes("L", (width, height), b"".join(map(rows.__getitem__, lean)))
    out = field.copy()
    for offset, count in enumerate(offsets.histogram(), start=-128):
        if count and offset:
            mask = offsets.point([(LEVELS - 1) * (level - 128 == offset) for level in range(LEVELS)])
            out.paste(crop_mirrored(field, (0, offset, width, height + offset)), (0, 0), mask)
    return out
