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

    step          small differences across the cut, in excess of the neighbouring columns
    turn          change across the cut of the gradient along it, the same, the worst blocks weighing most
    coherence     difference across the cut with one sign in a whole block, the same: a step in tone
    slant         do edges lean up or down, against the columns before and behind
    straightness  the step straight across the cut, against the steps two rows up and down
    cast          mean difference of each channel over the whole seam
    sharpness     ratio of fine to middle Laplacian, 32 columns behind the cut against 32 before
    coarseness    coarse Laplacian, the same windows
    dark_lines, light_lines   details thinner than 3 pixels (what closing and opening take away), the same windows
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from PIL import Image, ImageChops

from ..pixels import (
    as_float,
    block_means,
    column_means,
    combined,
    crop_mirrored,
    difference,
    laplacian,
    moved,
    spread_3x3,
)

__all__ = [
    "BLOCKS",
    "COMPONENTS",
    "NEIGHBOURS",
    "REACH_PX",
    "ROWS_OFF",
    "SMALL_STEP",
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

SMALL_STEP = 4.0
"""Differences of the three channels together count up to here."""

WINDOW = 32
"""Columns on each side of the cut whose texture is compared."""

ROWS_OFF = 2
"""Rows by which slant and straightness look up and down."""

_PAD = 8
"""Mirrored pixels around the picture, so that every filter has what it reads, and none what wraps around."""

_LEAST_STEP = 0.3
"""Levels that are added to the steps at and beside a cut, so that the excess of a flat place is a half; squared levels
for "coherence"."""


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
        floor: how far the curve may depart before that is noticeable, in the curve's unit; fitted with the weights.
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
    Component("step", 2.85, 0.0056, 11),
    Component("turn", 4.35, 0.0336, 11),
    Component("coherence", 2.67, 0.117, 11),
    Component("slant", 3.4, 0.205, 11),
    Component("straightness", 2.31, 0.0078, 11),
    Component("cast", 2.04, 5.76, 11),
    Component("sharpness", 3.75, 0.000725, WINDOW, centred=True),
    Component("coarseness", 3.37, 0.015, WINDOW, centred=True),
    Component("smoothness", 3.52, 0.24, WINDOW, sign=-1, curve="coarseness", centred=True),
    Component("dark_lines", 4.3, 0.442, WINDOW, sign=-1, centred=True),
    Component("light_lines", 1.33, 0.0364, WINDOW, sign=-1, centred=True),
)
"""Every component of the seam's cost."""


def seam_curves(picture: Image.Image, reach: int = REACH_PX) -> dict[str, list[float]]:
    """Every curve, one value a column, for an RGB `picture` that grows to the right.

    `reach` shrinks the windows where a contract has narrow strips.
    """
    # 1. Luminance and the differences across each cut, with a mirrored rim, so that every filter has neighbours.
    around = crop_mirrored(picture, (-_PAD, -_PAD, picture.width + _PAD, picture.height + _PAD))
    luminance = around.convert("L")
    level = as_float(luminance)
    differences = [difference(channel, moved(channel, -1)) for channel in map(as_float, around.split())]
    neighbours, window = max(1, min(NEIGHBOURS, reach // 4)), max(1, min(WINDOW, reach // 4))

    def inner(field: Image.Image) -> Image.Image:
        return field.crop((_PAD, _PAD, _PAD + picture.width, _PAD + picture.height))

    def profile(field: Image.Image) -> Image.Image:
        return block_means(inner(field), BLOCKS)

    # 2. Steps across the cut: small ones of any sign, changes of the gradient along it, and rows against their
    #    neighbours up and down.
    step = profile(_at_most(_sum_of_absolutes(differences), SMALL_STEP))
    along = difference(moved(level, 0, 1), moved(level, 0, -1))
    turn = _excess(profile(_apart(along, moved(along, -1))), neighbours, 1.0)
    straight, up, down = (profile(_apart(moved(level, 0, rows), moved(level, -1))) for rows in (0, -ROWS_OFF, ROWS_OFF))
    # 3. Detail on both sides: three octaves of edges, and lines thinner than 3 px by closing and opening.
    halves = _means_of_four(level, 1)
    fine, middle = profile(_edges(level, 1)), profile(_edges(halves, 2))
    coarse = profile(_edges(_means_of_four(halves, 2), 4))
    closing = spread_3x3(spread_3x3(luminance, ImageChops.lighter), ImageChops.darker)
    opening = spread_3x3(spread_3x3(luminance, ImageChops.darker), ImageChops.lighter)
    dark = profile(as_float(ImageChops.subtract(closing, luminance)))
    light = profile(as_float(ImageChops.subtract(luminance, opening)))
    # 4. The curves of blocks of rows, then their means over all blocks; turn by its fourth power, so that the worst
    #    blocks weigh most.
    curves = {
        "step": _excess(step, neighbours, _LEAST_STEP),
        "turn": combined(lambda a: a["e"] * a["e"] * a["e"] * a["e"], e=turn),
        "coherence": _excess(_squared_jumps([profile(first) for first in differences]), neighbours, _LEAST_STEP),
        "slant": _change_of_slant(up, down),
        "straightness": combined(
            lambda a: (a["s"] + 0.5) / (a["s"] + 0.5 * (a["u"] + a["d"]) + 1.0), s=straight, u=up, d=down
        ),
        "sharpness": _ratio_contrast(fine, middle, window),
        "coarseness": _contrast(coarse, window),
        "dark_lines": _contrast(dark, window),
        "light_lines": _contrast(light, window),
    }
    casts = zip(*(column_means(inner(first)) for first in differences), strict=True)
    return {"cast": [math.hypot(*cast) for cast in casts], **{name: column_means(v) for name, v in curves.items()}}


def departures(curves: Mapping[str, Sequence[float]], cut: int, reach: int) -> dict[str, Departure]:
    """The departure of every component at the cut before column `cut`, from the columns within `reach`."""
    return {component.name: component.departure(curves, cut, reach) for component in COMPONENTS}


def component_costs(departed: Mapping[str, Departure]) -> dict[str, float]:
    """The unweighted cost of every component, 0 to 1."""
    return {component.name: departed[component.name].cost(component.floor) for component in COMPONENTS}


def departures_at_seam(past: Image.Image, future: Image.Image) -> dict[str, Departure]:
    """The departure of every component where two RGB strips of one height meet, growth to the right.

    At most REACH_PX columns of either are looked at, and as many of `past` as of `future`.
    """
    reach = min(REACH_PX, past.width, future.width)
    joined = Image.new("RGB", (2 * reach, future.height))
    joined.paste(past.crop((past.width - reach, 0, past.width, past.height)), (0, 0))
    joined.paste(future.crop((0, 0, reach, future.height)), (reach, 0))
    return departures(seam_curves(joined, reach), reach, reach)


def costs_at_seam(past: Image.Image, future: Image.Image) -> dict[str, float]:
    """The unweighted cost of every component where two strips meet, as `departures_at_seam`."""
    return component_costs(departures_at_seam(past, future))


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
    return combined(lambda a: 0.5 * (a["v"] + limit - abs(a["v"] - limit)), v=field)


def _sum_of_absolutes(fields: Sequence[Image.Image]) -> Image.Image:
    """|r| + |g| + |b|."""
    red, green, blue = fields
    return combined(lambda a: abs(a["r"]) + abs(a["g"]) + abs(a["b"]), r=red, g=green, b=blue)


def _window_sums(profile: Image.Image, columns: int) -> Image.Image:
    """The sum over x .. x + columns - 1, by halves."""
    if columns == 1:
        return profile
    half = _window_sums(profile, columns // 2)
    both = combined(lambda a: a["v"] + a["w"], v=half, w=moved(half, columns // 2))
    if columns % 2 == 0:
        return both
    return combined(lambda a: a["v"] + a["w"], v=both, w=moved(profile, columns - 1))


def _excess(profile: Image.Image, neighbours: int, least: float) -> Image.Image:
    """(q + least) / (q + r + 2 least): q at the cut, r the mean of `neighbours` columns on each side, from 2 away."""
    sums = _window_sums(profile, neighbours)
    return combined(
        lambda a: (a["q"] + least) / (a["q"] + (a["v"] + a["w"]) / (2.0 * neighbours) + 2.0 * least),
        q=profile,
        v=moved(sums, 2),
        w=moved(sums, -1 - neighbours),
    )


def _squared_jumps(means: Sequence[Image.Image]) -> Image.Image:
    """Sum over the channels of (m(x) - (m(x - 1) + m(x + 1)) / 2)², m the mean difference in each block."""
    jumps = [
        combined(lambda a: a["m"] - 0.5 * (a["l"] + a["r"]), m=mean, l=moved(mean, -1), r=moved(mean, 1))
        for mean in means
    ]
    red, green, blue = jumps
    return combined(lambda a: a["r"] * a["r"] + a["g"] * a["g"] + a["b"] * a["b"], r=red, g=green, b=blue)


def _change_of_slant(up: Image.Image, down: Image.Image) -> Image.Image:
    """|s(x) - (s(x - 1) + s(x + 1)) / 2| of the slant s = (down - up) / (down + up + 1)."""
    slant = combined(lambda a: (a["d"] - a["u"]) / (a["d"] + a["u"] + 1.0), d=down, u=up)
    return combined(lambda a: abs(a["m"] - 0.5 * (a["l"] + a["r"])), m=slant, l=moved(slant, -1), r=moved(slant, 1))


def _contrast(energy: Image.Image, columns: int) -> Image.Image:
    """(R - L) / (R + L + columns), R and L the sums of `columns` columns behind and before the cut."""
    right = _window_sums(energy, columns)
    return combined(lambda a: (a["r"] - a["l"]) / (a["r"] + a["l"] + float(columns)), r=right, l=moved(right, -columns))


def _ratio_contrast(upper: Image.Image, lower: Image.Image, columns: int) -> Image.Image:
    """(p - q) / (p + q), p and q the ratios upper / lower behind and before the cut, each sum raised by `columns`."""
    above, below = _window_sums(upper, columns), _window_sums(lower, columns)
    ratio = combined(lambda a: (a["u"] + float(columns)) / (a["v"] + float(columns)), u=above, v=below)
    return combined(lambda a: (a["r"] - a["l"]) / (a["r"] + a["l"]), r=ratio, l=moved(ratio, -columns))


def _edges(level: Image.Image, apart: int) -> Image.Image:
    """|Laplacian| over neighbours `apart` pixels away."""
    return combined(lambda a: abs(a["v"]), v=laplacian(level, apart))


def _means_of_four(level: Image.Image, apart: int) -> Image.Image:
    """The mean of each pixel with those `apart` pixels to its right, below, and below right."""
    return combined(
        lambda a: (a["v"] + a["w"] + a["x"] + a["y"]) * 0.25,
        v=level,
        w=moved(level, apart),
        x=moved(level, 0, apart),
        y=moved(level, apart, apart),
    )
