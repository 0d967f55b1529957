"""Vetoes on straight edges: a colour cast that begins at the seam, and bars and lines that only the new half has.

At every cut between two columns the rows vote on whether the picture rises or falls there:

    m(x) = mean over the rows of clamp(v(x) - v(x - 1), -_VOTE, _VOTE) / _VOTE          -1 .. 1, each channel
    e(x) = |m(x) - (m(x - _APART) + m(x + _APART)) / 2|                                the largest of the channels

Votes of texture, grain and strokes cancel out, and slopes give equal votes at neighbouring cuts. At a cast that begins
at the seam, and at an edge parallel to it, all rows vote alike at one cut.

A line of one colour has no texture along its length, whatever it is drawn over. With a(x) the mean change along column
x, in levels:

    f(x) = |a(x) - a(x - 1)| / (a(x) + a(x - 1) + 1)                                 0 .. 1

Between neighbouring columns of a picture f is small; at the edge of a line or a bar it is near 1. Rows are compared in
the same way with the rows of the band at the same height. A true picture may begin one or two straight edges anywhere,
so only several at once count. A single bar across the seam is detected by its rows: they have one colour from the seam
to the end of the strip, which differs from the last colour of the band.

All thresholds are relative to the band: a facade has straight edges, and its true continuation may have them, too.
"""

from __future__ import annotations

from heapq import nlargest
from itertools import pairwise

from PIL import Image, ImageChops

from ..pixels import LEVELS, as_float, combined, flattened, moved

__all__ = ["straight_edge_vetoes"]

_VOTE = 4
"""Change in levels at which a row's vote counts fully."""

_APART = 3
"""Distance of the cuts on each side that give the local slope: beyond the width of a soft edge of 2 px."""

_LEAST_PX = 64
"""Smallest length of a straight edge: a shorter one may be straight by chance."""

_PARTS = 4
"""Number of parts of the seam that are tested separately, for a cast that does not span all of it."""

_CAST, _CAST_RATIO = 0.55, 1.7
"""At the seam: e above this, and above this many times what the band has, is a cast. True pictures: up to .30."""

_PART, _PART_RATIO = 0.85, 2.0
"""The same in one part of the seam. True pictures: up to .42."""

_EDGE, _EDGE_RATIO = 0.8, 1.5
"""The same for an edge parallel to the seam, wherever it lies. True pictures without such edges before: up to .69."""

_BAR, _BAR_RATIO = 0.4, 1.7
"""f of a line or bar parallel to the seam. True pictures without such bars before: up to .31."""

_LINES, _LINE, _LINE_RATIO = 6, 0.45, 2.0
"""The sixth largest f across the seam, in excess of the band's at the same height. True pictures without such lines
before: up to .35. Grey lines every 64 px in strips 416 px high and higher: .47 and above."""

_FLAT, _OTHER, _MOST, _ROWS = 2, 24, 0.8, 48
"""A bar across the seam: rows of one colour within _FLAT levels behind the seam, of which more than a share of _MOST
differ by more than _OTHER levels from the last column before it; at least 1 / _ROWS of all rows. True
pictures: 1 cut in 1,720."""

_ACTIVE = 8  # factor on changes, so that their means in whole levels are exact enough; they count up to 255 / _ACTIVE
_ENLARGED = [min(LEVELS - 1, _ACTIVE * level) for level in range(LEVELS)] * 3
_FULL = (LEVELS - 1) // _VOTE * _VOTE
_VOTES = [min(level, _VOTE) * _FULL // _VOTE for level in range(LEVELS)] * 3


def straight_edge_vetoes(past: Image.Image, future: Image.Image) -> tuple[str, ...]:
    """"cast", "bar" and "line": a step in tone along the whole seam, straight edges parallel to it, and across it.

    Args:
        past: what the canvas shows before the seam, RGB, growth to the right.
        future: the new columns behind the seam, RGB, same height.
    """
    if past.height < _LEAST_PX:
        return ()
    joined = Image.new("RGB", (past.width + future.width, past.height))
    joined.paste(past, (0, 0))
    joined.paste(future, (past.width, 0))
    names = _cast_and_bar(joined, past.width)
    width = min(past.width // 2, future.width)
    if width >= _LEAST_PX:
        new = future.crop((0, 0, width, future.height))
        ends = (past.width - 2 * width, past.width - width, past.width)
        early, late = (past.crop((left, 0, right, past.height)) for left, right in pairwise(ends))
        lines = _begun(late, new) > max(_LINE, _LINE_RATIO * _begun(early, late))
        if lines or _longest_bar(past, future) >= max(2, past.height // _ROWS):
            names.append("line")
    return tuple(names)


def _longest_bar(past: Image.Image, future: Image.Image) -> int:
    """The largest number of rows of one colour after the seam that nearly all have another colour before it.

    A background behind the outline of a subject has more rows than those where the outline touches the seam.
    """
    colours = future.reduce((future.width, 1))
    spread = ImageChops.difference(future, colours.resize(future.size, Image.Resampling.NEAREST))
    step = ImageChops.difference(colours, past.crop((past.width - 1, 0, *past.size)))
    change = ImageChops.difference(colours, ImageChops.offset(colours, 0, 1))
    areas: list[list[bool]] = [[]]
    for other, varies, changes in zip(
        *(_largest_channel(image).tobytes() for image in (step, _row_means(spread), change)), strict=True
    ):
        if changes > _FLAT:
            areas.append([])
        areas[-1].append(other > _OTHER and varies < _ACTIVE * _FLAT)
    return max((len(rows) for rows in areas if sum(rows) > _MOST * len(rows)), default=0)


def _cast_and_bar(picture: Image.Image, seam: int) -> list[str]:
    """"cast" and "bar", of an RGB picture whose columns from `seam` on are new."""
    votes = _votes(picture)
    whole, parts = _edges([channel.reduce((1, channel.height)) for channel in votes]), _edges(votes)
    before, at, behind = (_APART + 1, seam - _APART), (seam, seam + 1), (seam + 1, picture.width - _APART)
    usual = _strongest(whole, before)
    names = []
    part, usual_part = _strongest(parts, at), _strongest(parts, before)
    if _strongest(whole, at) > max(_CAST, _CAST_RATIO * usual) or part > max(_PART, _PART_RATIO * usual_part):
        names.append("cast")
    falls = _falls(_changes_along_columns(picture))
    bar, usual_bar = _strongest(falls, (seam, picture.width)), _strongest(falls, (1, seam))
    if bar > max(_BAR, _BAR_RATIO * usual_bar) or _strongest(whole, behind) > max(_EDGE, _EDGE_RATIO * usual):
        names.append("bar")
    return names


def _votes(image: Image.Image) -> list[Image.Image]:
    """m of each channel of an RGB image at the cut before every column, mode F, a row for each of _PARTS runs of rows.

    Differences stay 8 bits wide, rises and falls apart, so that Pillow takes their means in one pass.
    """
    before = ImageChops.offset(image, 1, 0)
    rows = -(-image.height // _PARTS)
    rise, fall = (
        ImageChops.subtract(one, other).point(_VOTES).reduce((1, rows))
        for one, other in ((image, before), (before, image))
    )
    return [
        combined(lambda a: (a["r"] - a["f"]) / float(_FULL), r=as_float(up), f=as_float(down))
        for up, down in zip(rise.split(), fall.split(), strict=True)
    ]


def _edges(votes: list[Image.Image]) -> Image.Image:
    """e from the m of the three channels, mode F; wrong within _APART of the ends, where cuts are missing."""
    red, green, blue = (
        combined(
            lambda a: abs(a["m"] - 0.5 * (a["l"] + a["r"])), m=one, l=moved(one, -_APART), r=moved(one, _APART)
        )
        for one in votes
    )
    return combined(lambda a: a["max"](a["r"], a["max"](a["g"], a["b"])), r=red, g=green, b=blue)


def _changes_along_columns(image: Image.Image) -> Image.Image:
    """The mean change along each column of an RGB image, times _ACTIVE, one row."""
    change = ImageChops.difference(image, ImageChops.offset(image, 0, 1)).crop((0, 1, *image.size))
    return change.point(_ENLARGED).reduce((1, change.height))


def _changes_along_rows(image: Image.Image) -> Image.Image:
    """The mean change along each row of an RGB image, times _ACTIVE, transposed to one row."""
    change = ImageChops.difference(image, ImageChops.offset(image, 1, 0)).crop((1, 0, *image.size))
    return _row_means(change).transpose(Image.Transpose.TRANSPOSE)


def _falls(changes: Image.Image) -> Image.Image:
    """f at the cut before every column but the first, mode F, one row, from the `changes` along the columns."""
    red, green, blue = map(as_float, changes.split())
    activity = combined(lambda a: (a["r"] + a["g"] + a["b"]) / (3.0 * _ACTIVE), r=red, g=green, b=blue)
    return combined(lambda a: abs(a["v"] - a["w"]) / (a["v"] + a["w"] + 1.0), v=activity, w=moved(activity, -1))


def _begun(before: Image.Image, behind: Image.Image) -> float:
    """By how much f of the rows of a second RGB piece exceeds that of the first within _APART rows: the _LINES-th
    largest value. Both pieces have one size."""
    old, new = (_falls(_changes_along_rows(piece)) for piece in (before, behind))
    near = old
    for off in range(1, _APART + 1):
        left, right = moved(old, -off), moved(old, off)
        near = combined(lambda a: a["max"](a["n"], a["max"](a["l"], a["r"])), n=near, l=left, r=right)
    rises = combined(lambda a: a["f"] - a["n"], f=new, n=near).crop((1, 0, new.width, 1))
    return float(nlargest(_LINES, flattened(rises))[-1])  # type: ignore[arg-type]


def _row_means(image: Image.Image) -> Image.Image:
    """The mean of each row of an RGB image, times _ACTIVE, one column."""
    return image.point(_ENLARGED).reduce((image.width, 1))


def _largest_channel(image: Image.Image) -> Image.Image:
    """The maximum of the three channels, mode L."""
    red, green, blue = image.split()
    return ImageChops.lighter(red, ImageChops.lighter(green, blue))


def _strongest(values: Image.Image, columns: tuple[int, int]) -> float:
    """The largest value from the first of `columns` to before the last; 0 for an empty range."""
    first, last = columns
    if last <= first:
        return 0.0
    _, largest = values.crop((first, 0, last, values.height)).getextrema()
    return float(largest)  # type: ignore[arg-type]
