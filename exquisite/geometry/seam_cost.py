"""What a seam costs: how far the picture there departs from what the picture is like elsewhere.

A curve (`seam_curves`) says at every column x of a picture something about the cut between the columns x - 1 and x. A
seam is one value of that curve; the columns on both sides of it, which no seam touches, say what is usual. So texture
does not count as a seam, and an ink drawing needs no other threshold than a sky. Each component is one side of a curve:

    beyond      max(0, sign * (curve(seam) - mean))              mean over the interior columns
    noticeable  spread² + floor²                                 spread² the variance of the interior columns
    cost        sum over the components of weight * beyond² / (beyond² + noticeable)

The term of one component is bounded by its weight (Geman and McClure, "Statistical methods for tomographic image
reconstruction", 1987): what nobody can notice costs nearly nothing, and one wild component cannot drown the others. The
sides that are left out say nothing: a seam that is smoother than its surroundings shows less, not more, and calibrated
redraws are a little softer in their finest detail.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

from PIL import Image

from .seam_curves import TONE_COLUMNS, WINDOW, redraw_curves, seam_curves

__all__ = [
    "COMPONENTS",
    "REACH_PX",
    "TYPICAL_COST",
    "Component",
    "Departure",
    "component_costs",
    "costs_at_seam",
    "departures",
    "departures_at_seam",
    "expected_cost",
    "interior_costs",
    "interior_departures",
    "redraw_departures",
    "total_cost",
]

REACH_PX = 128
"""Columns on each side of a cut that are looked at, in pixels."""

TYPICAL_COST = 3.0
"""What a seam without fault is expected to cost before the band is seen. It sets the scale of the weights."""

_NOTHING: Mapping[str, float] = MappingProxyType({})


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
        values, span = curves[self.curve or self.name], self._span(reach)
        first, last = max(0, cut - reach) + span, min(len(values), cut + reach) - span
        interior = [*values[first : cut - span + 1], *values[cut + span : last + 1]]
        if not interior:
            return Departure(0.0, 0.0)
        mean = 0.0 if self.centred else math.fsum(interior) / len(interior)
        variance = math.fsum((value - mean) ** 2 for value in interior) / len(interior)
        return Departure(max(0.0, self.sign * (values[cut] - mean)), math.sqrt(variance))

    def mean_departure(
        self, curves: Mapping[str, Sequence[float]], usual: Mapping[str, Sequence[float]], reach: int
    ) -> float:
        """By how much `curves` lie beyond the `usual` ones on the side that counts: the mean of all cuts that have
        room on both sides, 0 or more."""
        values, others = (each[self.curve or self.name] for each in (curves, usual))
        span = self._span(reach)
        cuts = range(span, len(values) - span + 1)
        return max(0.0, self.sign * sum(values[cut] - others[cut] for cut in cuts) / len(cuts)) if cuts else 0.0

    def _span(self, reach: int) -> int:
        """`span`, less where a contract has narrow strips."""
        return min(self.span, max(1, reach // 4) + 2)


COMPONENTS: tuple[Component, ...] = (
    Component("step", 3.79, 0.02, 11),
    Component("colour_step", 5.55, 0.316, 11),
    Component("tone", 6.15, 0.31, 4 * TONE_COLUMNS + 2),
    Component("turn", 7.38, 0.269, 11),
    Component("slant", 9.62, 0.205, 11),
    Component("straightness", 6.08, 0.0624, 11),
    Component("grain", 6.89, 0.052, WINDOW, centred=True),
    Component("colour_detail", 4.85, 0.19, WINDOW, sign=-1, centred=True),
    Component("dark_lines", 5.05, 0.111, WINDOW, sign=-1, centred=True),
)
"""Every component of the seam's cost.

The floor of "step" is its departure where a step is a twelfth larger than those beside it: half of its weight counts
there. A smaller floor refuses more calibrated redraws whose seam nobody can see, and catches hardly more damages.
"""


def departures(curves: Mapping[str, Sequence[float]], cut: int, reach: int) -> dict[str, Departure]:
    """The departure of every component at the cut before column `cut`, from the columns within `reach`."""
    return {component.name: component.departure(curves, cut, reach) for component in COMPONENTS}


def component_costs(departed: Mapping[str, Departure]) -> dict[str, float]:
    """The unweighted cost of every component, 0 to 1."""
    return {component.name: departed[component.name].cost(component.floor) for component in COMPONENTS}


def departures_at_seam(
    past: Image.Image, future: Image.Image, expected: Mapping[str, float] = _NOTHING
) -> dict[str, Departure]:
    """The departure of every component where two RGB strips of one height meet, growth to the right.

    At most REACH_PX columns of either are looked at, as many of both; what is `expected` of a component does not count.
    """
    reach = min(REACH_PX, past.width, future.width)
    joined = Image.new("RGB", (2 * reach, future.height))
    joined.paste(past.crop((past.width - reach, 0, past.width, past.height)), (0, 0))
    joined.paste(future.crop((0, 0, reach, future.height)), (reach, 0))
    departed = departures(seam_curves(joined, reach), reach, reach)
    return {
        name: Departure(max(0.0, beyond - expected.get(name, 0.0)), spread)
        for name, (beyond, spread) in departed.items()
    }


def costs_at_seam(
    past: Image.Image, future: Image.Image, expected: Mapping[str, float] = _NOTHING
) -> dict[str, float]:
    """The unweighted cost of every component where two strips meet, as `departures_at_seam`."""
    return component_costs(departures_at_seam(past, future, expected))


def redraw_departures(band: Image.Image, redraw: Image.Image, reach: int) -> dict[str, float]:
    """How far each component but "tone" departs where an RGB band meets its own redraw, of the same size: the mean of
    all cuts.

    A model draws fine detail anew, in the band and behind the seam alike: departures of this size are no other fault.

    Args:
        band: growth to the right.
        redraw: the same columns as redrawn.
        reach: columns on each side of a cut that count, as at the seam.
    """
    cuts, usual = redraw_curves(band, redraw, reach)
    return {one.name: one.mean_departure(cuts, usual, reach) for one in COMPONENTS if (one.curve or one.name) in cuts}


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
