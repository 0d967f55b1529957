"""What a seam costs: how far the picture there departs from what the picture is like elsewhere.

A CURVE says at every column x of a picture something about the cut between the columns x - 1 and x. A seam is one value
of that curve; the columns on both sides of it, which no seam touches, say what is usual. So texture does not count as a
seam, and an ink drawing needs no other threshold than a sky. Every component is one side of a curve:

    beyond      max(0, sign * (curve(seam) - mean))              mean over the interior columns
    noticeable  spread² + floor²                                 spread² the variance of the interior columns
    cost        sum over the components of weight * beyond² / (beyond² + noticeable)

The term of one component is bounded by its weight (Geman and McClure, "Statistical methods for tomographic image
reconstruction", 1987): what nobody can notice costs nearly nothing, and one wild component cannot drown the others. The
sides that are left out say nothing: a seam that is smoother than its surroundings shows less, not more, and calibrated
redraws are a little softer in their finest detail. The curves, all of blocks of rows along the seam, then averaged, so
that one strong edge is one block (v is luminance, d the difference across the cut):

    step           differences across the cut, in excess of the neighbouring columns
    colour_step    the same of red and blue less luminance, which vary less than luminance itself
    tone           mean of 8 columns behind the cut less that of 8 before, squared, the same: a step in tone
    turn           change across the cut of the gradient along it, the same, the worst blocks weighing most
    slant          do edges lean up or down, against the columns before and behind
    straightness   the step straight across the cut, against the steps two rows up and down
    grain          the noise mask N, 32 columns behind the cut against 32 before, squared: faint noise counts little
    colour_detail  the same of red and blue less luminance
    dark_lines     dark details thinner than 3 pixels (what closing takes away), the same windows

            [ 1 -2  1]
    N   =   [-2  4 -2]     no answer to straight edges along either axis (Immerkaer, "Fast noise variance estimation",
            [ 1 -2  1]     Computer Vision and Image Understanding 64(2), 1996)
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
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
    mean,
    moved,
    spread_3x3,
    square,
)

__all__ = [
    "BLOCKS",
    "COMPONENTS",
    "MOST_COLOUR_STEP",
    "MOST_STEP",
    "NEIGHBOURS",
    "REACH_PX",
    "ROWS_OFF",
    "TONE_COLUMNS",
    "TYPICAL_COST",
    "WINDOW",
    "Component",
    "Departure",
    "component_costs",
    "costs_at_seam",
    "departures",
    "departures_at_seam",
    "expected_cost",
    "interior_costs",
    "interior_departures",
    "redraw_step",
    "seam_curves",
    "total_cost",
]

REACH_PX = 128
"""Columns on each side of a cut that are looked at, in pixels."""

BLOCKS = 32
"""Blocks of rows along the seam."""

TYPICAL_COST = 3.0
"""What a seam without fault is expected to cost before the band is seen. It sets the scale of the weights."""

NEIGHBOURS = 8
"""Columns on each side that an excess is measured against."""

MOST_STEP = 32.0
"""Differences of the three channels together count up to here: beyond it they are edges of the picture."""

MOST_COLOUR_STEP = 16.0
"""The same for the two differences in colour."""

TONE_COLUMNS = 8
"""Columns on each side of the cut whose mean tone is compared."""

WINDOW = 32
"""Columns on each side of the cut whose texture is compared."""

ROWS_OFF = 2
"""Rows by which slant and straightness look up and down."""

_PAD = 8
"""Mirrored pixels around the picture, so that every filter has what it reads, and none what wraps around."""

_LEAST_STEP = 0.3
"""Levels that are added to the steps at and beside a cut, so that the excess of a flat place is a half; squared levels
for "tone"."""

_VISIBLE_GRAIN = 57.0
"""Mean of |N|, summed over the channels, under noise with a standard deviation of 4 levels, the weakest that a person
sees: 3 * 4 * 6 * sqrt(2 / pi), where 6 is the root of the summed squares of N."""


class Departure(NamedTuple):
    """How far a curve at a cut lies beyond its interior columns, on the side that counts (0 on the other), and their
    standard deviation."""

    beyond: float
    spread: float

    def cost(self, floor: float) -> float:
        """beyond² / (beyond² + spread² + floor²), 0 to 1."""
        square = self.beyond**2
        return square / (square + self.spread**2 + floor**2)


@dataclass(frozen=True)
class Component:
    """One side of a curve and what it counts for.

    Attributes:
        name: as in the scores.
        weight: as `make fit-seams` fits it.
        floor: how far the curve may depart before that is noticeable, in the curve's unit.
        span: columns on each side of the cut that the curve reads: closer columns are not interior.
        sign: 1 where a rise of the curve counts, -1 where a fall does.
        curve: name of the curve; by default that of the component.
        centred: the curve is symmetric around 0, so that its mean is 0 by definition.
    """

    name: str
    weight: float
    floor: float
    span: int
    sign: int = 1
    curve: str = ""
    centred: bool = False

    def departure(self, curves: Mapping[str, Sequence[float]], cut: int, reach: int) -> Departure:
        """The departure of this component at a cut; (0, 0) where there are no interior columns."""
        values = curves[self.curve or self.name]
        span = min(self.span, max(1, reach // 4) + 2)
        first, last = max(0, cut - reach) + span, min(len(values), cut + reach) - span
        interior = [*values[first : cut - span + 1], *values[cut + span : last + 1]]
        if not interior:
            return Departure(0.0, 0.0)
        mean = 0.0 if self.centred else math.fsum(interior) / len(interior)
        variance = math.fsum((value - mean) ** 2 for value in interior) / len(interior)
        return Departure(max(0.0, self.sign * (values[cut] - mean)), math.sqrt(variance))


COMPONENTS: tuple[Component, ...] = (
    Component("step", 3.79, 0.012, 11),
    Component("colour_step", 6.69, 0.316, 11),
    Component("tone", 5.3, 0.31, 4 * TONE_COLUMNS + 2),
    Component("turn", 7.86, 0.269, 11),
    Component("slant", 10.09, 0.205, 11),
    Component("straightness", 7.56, 0.0624, 11),
    Component("grain", 7.11, 0.052, WINDOW, centred=True),
    Component("colour_detail", 5.4, 0.19, WINDOW, sign=-1, centred=True),
    Component("dark_lines", 3.31, 0.111, WINDOW, sign=-1, centred=True),
)
"""Every component of the seam's cost."""


def seam_curves(picture: Image.Image, reach: int = REACH_PX) -> dict[str, list[float]]:
    """Every curve, one value a column, for an RGB `picture` that grows to the right.

    `reach` shrinks the windows where a contract has narrow strips.
    """
    # 1. Channels and luminance, with a mirrored rim, so that every filter has neighbours.
    around = crop_mirrored(picture, (-_PAD, -_PAD, picture.width + _PAD, picture.height + _PAD))
    luminance = around.convert("L")
    level = as_float(luminance)
    channels = [as_float(channel) for channel in around.split()]
    neighbours, window = max(1, min(NEIGHBOURS, reach // 4)), max(1, min(WINDOW, reach // 4))
    tone_columns = max(1, min(TONE_COLUMNS, reach // 16))

    def profile(field: Image.Image) -> Image.Image:
        return block_means(field.crop((_PAD, _PAD, _PAD + picture.width, _PAD + picture.height)), BLOCKS)

    # 2. Steps across the cut: those of any sign, in light and in colour, changes of the gradient along it, and rows
    #    against their neighbours up and down.
    step = profile(_at_most(_activity(_steps(channels)), MOST_STEP))
    colour_step = profile(_at_most(_activity(_steps(_colours(channels, level))), MOST_COLOUR_STEP))
    along = difference(moved(level, 0, 1), moved(level, 0, -1))
    turn = _excess(profile(_apart(along, moved(along, -1))), neighbours, 1.0)
    straight, up, down = (profile(_apart(moved(level, 0, rows), moved(level, -1))) for rows in (0, -ROWS_OFF, ROWS_OFF))
    # 3. Detail on both sides: noise in light and in colour, and dark lines thinner than 3 px by closing.
    noises = [_noise(channel) for channel in channels]
    grain, colour_detail = profile(_activity(noises)), profile(_activity(_colours(noises, _noise(level))))
    closing = spread_3x3(spread_3x3(luminance, ImageChops.lighter), ImageChops.darker)
    dark = profile(as_float(ImageChops.subtract(closing, luminance)))
    # 4. The curves of blocks of rows, then their means over all blocks; turn by its fourth power, so that the worst
    #    blocks weigh most.
    jumps = _squared_jumps([profile(channel) for channel in channels], tone_columns)
    curves = {
        "step": _excess(step, neighbours, _LEAST_STEP),
        "colour_step": _excess(colour_step, neighbours, _LEAST_STEP),
        "tone": _excess(jumps, 2 * tone_columns, _LEAST_STEP),
        "turn": combined(lambda a: a["e"] * a["e"] * a["e"] * a["e"], e=turn),
        "slant": _change_of_slant(up, down),
        "straightness": combined(
            lambda a: (a["s"] + 0.5) / (a["s"] + 0.5 * (a["u"] + a["d"]) + 1.0), s=straight, u=up, d=down
        ),
        "grain": _contrast_of_squares(grain, window, _VISIBLE_GRAIN),
        "colour_detail": _contrast(colour_detail, window),
        "dark_lines": _contrast(dark, window),
    }
    return {name: column_means(curve) for name, curve in curves.items()}


def departures(curves: Mapping[str, Sequence[float]], cut: int, reach: int) -> dict[str, Departure]:
    """The departure of every component at the cut before column `cut`, from the columns within `reach`."""
    return {component.name: component.departure(curves, cut, reach) for component in COMPONENTS}


def component_costs(departed: Mapping[str, Departure]) -> dict[str, float]:
    """The unweighted cost of every component, 0 to 1."""
    return {component.name: departed[component.name].cost(component.floor) for component in COMPONENTS}


def departures_at_seam(past: Image.Image, future: Image.Image, expected_step: float = 0.0) -> dict[str, Departure]:
    """The departure of every component where two RGB strips of one height meet, growth to the right.

    At most REACH_PX columns of either are looked at, as many of both; "step" counts beyond `expected_step`.
    """
    reach = min(REACH_PX, past.width, future.width)
    joined = Image.new("RGB", (2 * reach, future.height))
    joined.paste(past.crop((past.width - reach, 0, past.width, past.height)), (0, 0))
    joined.paste(future.crop((0, 0, reach, future.height)), (reach, 0))
    departed = departures(seam_curves(joined, reach), reach, reach)
    beyond, spread = departed["step"]
    return {**departed, "step": Departure(max(0.0, beyond - expected_step), spread)}


def costs_at_seam(past: Image.Image, future: Image.Image, expected_step: float = 0.0) -> dict[str, float]:
    """The unweighted cost of every component where two strips meet, as `departures_at_seam`."""
    return component_costs(departures_at_seam(past, future, expected_step))


def redraw_step(band: Image.Image, redraw: Image.Image) -> float:
    """How far "step" departs where an RGB band meets its own redraw, of the same size: the mean of all cuts, 0 or more.

    A model draws fine detail anew, in the band as behind the seam: steps of this size say nothing else of the seam.
    """
    neighbours = max(1, min(NEIGHBOURS, band.width // 4))
    first, last = neighbours + 2, band.width - neighbours - 1
    if first >= last:
        return 0.0
    before, behind = ([as_float(channel) for channel in picture.split()] for picture in (band, redraw))
    joined = [difference(new, moved(old, -1)) for old, new in zip(before, behind, strict=True)]
    activities = (_activity(steps) for steps in (joined, _steps(before), _steps(behind)))
    step, old, new = (block_means(_at_most(activity, MOST_STEP), BLOCKS) for activity in activities)
    at_cuts, in_band = _excess(step, neighbours, _LEAST_STEP, (old, new)), _excess(old, neighbours, _LEAST_STEP)
    return max(0.0, mean(difference(at_cuts, in_band).crop((first, 0, last, step.height))))


def total_cost(costs: Mapping[str, float]) -> float:
    """The weighted sum of the components' costs, 0 or more."""
    return math.fsum(component.weight * costs[component.name] for component in COMPONENTS)


def interior_departures(band: Image.Image, reach: int) -> list[dict[str, Departure]]:
    """The departures at cuts inside an RGB `band` that grows to the right, every quarter of `reach`."""
    curves = seam_curves(band, reach)
    cuts: Iterable[int] = range(reach, band.width - reach + 1, max(1, reach // 4)) or (band.width // 2,)
    return [departures(curves, cut, reach) for cut in cuts]


def interior_costs(band: Image.Image, reach: int) -> list[float]:
    """The total cost at the same cuts."""
    return [total_cost(component_costs(cut)) for cut in interior_departures(band, reach)]


def expected_cost(interior: Sequence[float]) -> float:
    """What a seam without fault costs in a picture with these `interior` costs, of which there is at least one.

    (mean + TYPICAL_COST) / 2: the few interior cuts of one band overlap, so their mean is drawn halfway to what bands
    have on average.
    """
    return (math.fsum(interior) / len(interior) + TYPICAL_COST) / 2


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


def _steps(channels: Iterable[Image.Image]) -> list[Image.Image]:
    """v(x) - v(x - 1) of each channel."""
    return [difference(channel, moved(channel, -1)) for channel in channels]


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


def _excess(
    profile: Image.Image, neighbours: int, least: float, sides: tuple[Image.Image, Image.Image] | None = None
) -> Image.Image:
    """(q + least) / (q + r + 2 least): q at the cut, r the mean of `neighbours` columns of both `sides`, 2 away."""
    before, behind = (_window_sums(side, neighbours) for side in sides or (profile, profile))
    return combined(
        lambda a: (a["q"] + least) / (a["q"] + (a["v"] + a["w"]) / (2.0 * neighbours) + 2.0 * least),
        q=profile,
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


def _change_of_slant(up: Image.Image, down: Image.Image) -> Image.Image:
    """|s(x) - (s(x - 1) + s(x + 1)) / 2| of the slant s = (down - up) / (down + up + 1)."""
    slant = combined(lambda a: (a["d"] - a["u"]) / (a["d"] + a["u"] + 1.0), d=down, u=up)
    return combined(lambda a: abs(a["m"] - 0.5 * (a["l"] + a["r"])), m=slant, l=moved(slant, -1), r=moved(slant, 1))


def _contrast(energy: Image.Image, columns: int) -> Image.Image:
    """(R - L) / (R + L + columns), R and L the sums of `columns` columns behind and before the cut."""
    right = _window_sums(energy, columns)
    return combined(lambda a: (a["r"] - a["l"]) / (a["r"] + a["l"] + float(columns)), r=right, l=moved(right, -columns))


def _contrast_of_squares(profile: Image.Image, columns: int, least: float) -> Image.Image:
    """(R² - L²) / 2 (R² + L² + least²), R and L the means of `columns` columns behind and before the cut.

    Where both are large and nearly equal it is (R - L) / (R + L), as `_contrast`; far below `least` it is 0.
    """
    right = square(_window_sums(profile, columns))
    noticeable = (least * columns) ** 2
    return combined(
        lambda a: 0.5 * (a["r"] - a["l"]) / (a["r"] + a["l"] + noticeable), r=right, l=moved(right, -columns)
    )
