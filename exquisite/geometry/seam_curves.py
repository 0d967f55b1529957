"""The curves of a seam: measures of a picture at every cut between two of its columns.

A curve has one value for each column x, that of the cut between the columns x - 1 and x. The pixels before the cut may
come from one picture and those behind it from another; then the curve measures each cut as if the second picture
continued there. The measures are taken in blocks of rows along the seam and averaged over the blocks, so that one
strong edge counts in one block alone:

    step           differences across the cut, in excess of those at the neighbouring cuts
    colour_step    the same of red and blue less luminance, which vary less than luminance itself
    tone           squared difference of the means of 8 columns behind and before the cut, in excess of the neighbours'
    turn           change across the cut of the gradient along it, in excess of the neighbours'; the worst blocks weigh
                   most
    slant          change of the slant of edges, up or down, from both neighbouring cuts
    straightness   the step straight across the cut, relative to the steps two rows up and down
    grain          contrast of the squared noise (mask N) of 32 columns behind the cut and 32 before; faint noise counts
                   little
    colour_detail  contrast of the noise of red and blue less luminance, in the same columns
    dark_lines     contrast of the dark details thinner than 3 pixels, which closing removes, in the same columns

            [ 1 -2  1]
    N   =   [-2  4 -2]     no answer to straight edges along either axis (Immerkaer, "Fast noise variance estimation",
            [ 1 -2  1]     Computer Vision and Image Understanding 64(2), 1996)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial, reduce
from typing import NamedTuple

from PIL import Image, ImageChops

from ..pixels import (
    absolute,
    add,
    as_float,
    block_means,
    column_means,
    combined,
    crop_mirrored,
    difference,
    moved,
    spread_3x3,
    square,
)

__all__ = [
    "BLOCKS",
    "MOST_COLOUR_STEP",
    "MOST_STEP",
    "NEIGHBOURS",
    "ROWS_OFF",
    "TONE_COLUMNS",
    "WINDOW",
    "redraw_curves",
    "seam_curves",
]

BLOCKS = 32
"""Blocks of rows along the seam."""

NEIGHBOURS = 8
"""Columns on each side that an excess is measured against."""

MOST_STEP = 32.0
"""Largest step that counts, in levels, summed over the channels: a larger one is an edge of the picture."""

MOST_COLOUR_STEP = 16.0
"""The same for a step in colour, summed over red and blue less luminance."""

TONE_COLUMNS = 8
"""Columns on each side of the cut whose mean tone is compared."""

WINDOW = 32
"""Columns on each side of the cut whose texture is compared."""

ROWS_OFF = 2
"""Distance in rows of the steps up and down that slant and straightness compare."""

_PAD = 8
"""Width of the mirrored rim around the picture: no filter reads beyond it."""

_LEAST_STEP = 0.3
"""Levels that are added to the steps at and beside a cut, so that the excess of a flat place is a half; squared levels
for "tone"."""

_VISIBLE_GRAIN = 57.0
"""Mean of |N|, summed over the channels, under noise with a standard deviation of 4 levels, the weakest that a person
sees: 3 * 4 * 6 * sqrt(2 / pi), where 6 is the root of the summed squares of N."""


class _Sizes(NamedTuple):
    """Columns on each side of a cut: NEIGHBOURS, WINDOW and TONE_COLUMNS, less where strips are narrow."""

    neighbours: int
    window: int
    tone: int

    @classmethod
    def within(cls, reach: int) -> _Sizes:
        """The sizes where so many columns on each side count."""
        near, far = max(1, reach // 16), max(1, reach // 4)
        return cls(min(NEIGHBOURS, far), min(WINDOW, far), min(TONE_COLUMNS, near))


@dataclass(frozen=True, eq=False)
class _Fields:
    """The inputs of the curves from one picture: fields with a rim of _PAD pixels, and profiles, which have none.

    Attributes:
        channels: red, green and blue.
        level: luminance.
        grain: profile of |N|, summed over the channels.
        colour_detail: the same of red and blue less luminance.
        dark: profile of dark details.
    """

    channels: list[Image.Image]
    level: Image.Image
    grain: Image.Image
    colour_detail: Image.Image
    dark: Image.Image


@dataclass(frozen=True, eq=False)
class _Across:
    """Profiles of the differences across every cut, between the pixels x - 1 of one picture and x of another."""

    step: Image.Image
    colour_step: Image.Image
    turn: Image.Image
    straight: Image.Image
    up: Image.Image
    down: Image.Image

    @cached_property
    def slant(self) -> Image.Image:
        """(down - up) / (down + up + 1)."""
        return combined(lambda a: (a["d"] - a["u"]) / (a["d"] + a["u"] + 1.0), d=self.down, u=self.up)


class _Cuts(NamedTuple):
    """The profiles of the cuts of one picture, of the cuts from it to another, and of the cuts of the other."""

    left: _Across
    at: _Across
    right: _Across


def seam_curves(picture: Image.Image, reach: int) -> dict[str, list[float]]:
    """Every curve, one value a column, of an RGB `picture` that grows to the right.

    `reach` is how many columns on each side of a cut count; it shrinks the windows where a contract has narrow strips.
    """
    sizes = _Sizes.within(reach)
    fields = _fields(picture)
    within = _across(fields, fields)
    jumps = _squared_jumps([_profile(channel) for channel in fields.channels], sizes.tone)
    tone = _excess(jumps, jumps, jumps, 2 * sizes.tone, _LEAST_STEP)
    return {"tone": column_means(tone), **_curves(fields, fields, _Cuts(within, within, within), sizes)}


def redraw_curves(band: Image.Image, redraw: Image.Image, reach: int) -> tuple[dict[str, list[float]], ...]:
    """The curves of the cuts from an RGB band to its own redraw, of the same size, and those of the band alone.

    They lack "tone", which would have to read columns of both pictures on either side of the cut. Calibration makes the
    tone of both pictures equal.
    """
    sizes = _Sizes.within(reach)
    old, new = _fields(band), _fields(redraw)
    within = _across(old, old)
    cuts = _Cuts(within, _across(old, new), _across(new, new))
    return _curves(old, new, cuts, sizes), _curves(old, old, _Cuts(within, within, within), sizes)


def _curves(old: _Fields, new: _Fields, cuts: _Cuts, sizes: _Sizes) -> dict[str, list[float]]:
    """The curves without "tone", each the mean over all blocks of rows; that of turn is the mean of fourth powers, so
    that the worst blocks weigh most."""
    left, at, right = cuts
    excess = partial(_excess, neighbours=sizes.neighbours, least=_LEAST_STEP)
    turn = _excess(left.turn, at.turn, right.turn, sizes.neighbours, 1.0)
    curves = {
        "step": excess(left.step, at.step, right.step),
        "colour_step": excess(left.colour_step, at.colour_step, right.colour_step),
        "turn": combined(lambda a: a["e"] * a["e"] * a["e"] * a["e"], e=turn),
        "slant": _change_of_slant(left.slant, at.slant, right.slant),
        "straightness": combined(
            lambda a: (a["s"] + 0.5) / (a["s"] + 0.5 * (a["u"] + a["d"]) + 1.0), s=at.straight, u=at.up, d=at.down
        ),
        "grain": _contrast_of_squares(old.grain, new.grain, sizes.window, _VISIBLE_GRAIN),
        "colour_detail": _contrast(old.colour_detail, new.colour_detail, sizes.window),
        "dark_lines": _contrast(old.dark, new.dark, sizes.window),
    }
    return {name: column_means(curve) for name, curve in curves.items()}


def _fields(picture: Image.Image) -> _Fields:
    """Fields and profiles of an RGB picture, with a mirrored rim, so that every filter has neighbours."""
    around = crop_mirrored(picture, (-_PAD, -_PAD, picture.width + _PAD, picture.height + _PAD))
    luminance = around.convert("L")
    level, channels = as_float(luminance), [as_float(channel) for channel in around.split()]
    noises = [_noise(channel) for channel in channels]
    closing = spread_3x3(spread_3x3(luminance, ImageChops.lighter), ImageChops.darker)
    return _Fields(
        channels,
        level,
        _profile(_activity(noises)),
        _profile(_activity(_colours(noises, _noise(level)))),
        _profile(as_float(ImageChops.subtract(closing, luminance))),
    )


def _across(old: _Fields, new: _Fields) -> _Across:
    """The profiles from `old` to `new`: absolute steps in light and in colour, changes of the gradient along the cut,
    and differences of each row from the same row and from the rows up and down."""
    colours = [_colours(side.channels, side.level) for side in (old, new)]
    along = [difference(moved(side.level, 0, 1), moved(side.level, 0, -1)) for side in (old, new)]
    straight, up, down = (
        _profile(_apart(moved(new.level, 0, rows), moved(old.level, -1))) for rows in (0, -ROWS_OFF, ROWS_OFF)
    )
    return _Across(
        _profile(_at_most(_activity(_steps(old.channels, new.channels)), MOST_STEP)),
        _profile(_at_most(_activity(_steps(*colours)), MOST_COLOUR_STEP)),
        _profile(_apart(along[1], moved(along[0], -1))),
        straight,
        up,
        down,
    )


def _profile(field: Image.Image) -> Image.Image:
    """Means of a field over blocks of rows, without its rim."""
    return block_means(field.crop((_PAD, _PAD, field.width - _PAD, field.height - _PAD)), BLOCKS)


def _apart(field: Image.Image, other: Image.Image) -> Image.Image:
    """|field - other|."""
    return combined(lambda a: abs(a["v"] - a["w"]), v=field, w=other)


def _at_most(field: Image.Image, limit: float) -> Image.Image:
    """min(field, limit)."""
    return combined(lambda a: a["min"](a["v"], limit), v=field)


def _activity(fields: Iterable[Image.Image]) -> Image.Image:
    """The sum of the absolute values of some fields."""
    return reduce(add, map(absolute, fields))


def _colours(channels: Sequence[Image.Image], luminance: Image.Image) -> list[Image.Image]:
    """Red and blue less luminance, of the three channels."""
    return [difference(channel, luminance) for channel in (channels[0], channels[2])]


def _steps(before: Iterable[Image.Image], behind: Iterable[Image.Image]) -> list[Image.Image]:
    """v(x) - v(x - 1) of each channel, v(x - 1) of `before` and v(x) of `behind`."""
    return [difference(new, moved(old, -1)) for old, new in zip(before, behind, strict=True)]


def _noise(field: Image.Image) -> Image.Image:
    """The field through the mask N: the second difference along of the second difference across."""
    for dx, dy in ((1, 0), (0, 1)):
        field = combined(
            lambda a: a["before"] + a["behind"] - a["at"] * 2.0,
            before=moved(field, -dx, -dy),
            at=field,
            behind=moved(field, dx, dy),
        )
    return field


def _window_sums(profile: Image.Image, columns: int) -> Image.Image:
    """The sum over x .. x + columns - 1, by halves."""
    if columns == 1:
        return profile
    half = _window_sums(profile, columns // 2)
    both = add(half, moved(half, columns // 2))
    return both if columns % 2 == 0 else add(both, moved(profile, columns - 1))


def _excess(left: Image.Image, cuts: Image.Image, right: Image.Image, neighbours: int, least: float) -> Image.Image:
    """(q + least) / (q + r + 2 least): q at the cut, r the mean of `neighbours` columns on both sides, 2 away."""
    before = _window_sums(left, neighbours)
    behind = before if right is left else _window_sums(right, neighbours)
    return combined(
        lambda a: (a["q"] + least) / (a["q"] + (a["v"] + a["w"]) / (2.0 * neighbours) + 2.0 * least),
        q=cuts,
        v=moved(behind, 2),
        w=moved(before, -1 - neighbours),
    )


def _squared_jumps(levels: Sequence[Image.Image], columns: int) -> Image.Image:
    """Sum over the channels of (m(x) - (m(x - columns) + m(x + columns)) / 2)², m the mean of `columns` columns from x
    on less that of as many before."""
    sums = [_window_sums(level, columns) for level in levels]
    rises = [difference(behind, moved(behind, -columns)) for behind in sums]
    jumps = [
        combined(
            lambda a: (a["m"] - 0.5 * (a["l"] + a["r"])) / float(columns),
            m=rise,
            l=moved(rise, -columns),
            r=moved(rise, columns),
        )
        for rise in rises
    ]
    return reduce(add, map(square, jumps))


def _change_of_slant(left: Image.Image, cuts: Image.Image, right: Image.Image) -> Image.Image:
    """|s(x) - (s(x - 1) + s(x + 1)) / 2| of the slants at the cuts and on both sides."""
    return combined(
        lambda a: abs(a["m"] - 0.5 * (a["l"] + a["r"])), m=cuts, l=moved(left, -1), r=moved(right, 1)
    )


def _contrast(before: Image.Image, behind: Image.Image, columns: int) -> Image.Image:
    """(R - L) / (R + L + columns), R and L the sums of `columns` columns behind and before the cut."""
    left, right = _both_sums(before, behind, columns)
    return combined(lambda a: (a["r"] - a["l"]) / (a["r"] + a["l"] + float(columns)), r=right, l=left)


def _contrast_of_squares(before: Image.Image, behind: Image.Image, columns: int, least: float) -> Image.Image:
    """(R² - L²) / 2 (R² + L² + least²), R and L the means of `columns` columns behind and before the cut.

    Where both are large and nearly equal it is (R - L) / (R + L), as `_contrast`; far below `least` it is 0.
    """
    left, right = map(square, _both_sums(before, behind, columns))
    noticeable = (least * columns) ** 2
    return combined(lambda a: 0.5 * (a["r"] - a["l"]) / (a["r"] + a["l"] + noticeable), r=right, l=left)


def _both_sums(before: Image.Image, behind: Image.Image, columns: int) -> tuple[Image.Image, Image.Image]:
    """The sums of `columns` columns of profiles, before and behind the cut."""
    right = _window_sums(behind, columns)
    left = right if before is behind else _window_sums(before, columns)
    return moved(left, -columns), right
