"""The trend of a measure over many steps: how far it has come from the seed picture, and whether that is chance.

A straight line is fitted by least squares to the logarithms of the measure over that of the seed picture, step by step.
Its slope is a drift where it is clear of its own standard error (Student's t), and where the change over all steps is
more than pieces of the seed picture differ from each other anyway.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import pstdev

from PIL import Image

from ...contract import Mode, to_canonical
from .style import style_of

__all__ = ["MOST_PIECES", "TRENDS", "Trend", "drifting", "spread_of", "trends_of"]

TRENDS = ("lightness", "contrast", "sharpness", "colour", "line_density")
"""The measures whose trend is followed."""

FEWEST_STEPS = 5
"""Fewer steps tell no trend."""

CLEAR_T = 4.0
"""Slope over its standard error: by chance once in 300 series of 9 steps (Student's t, 7 degrees of freedom)."""

LEAST_DRIFT = 0.03
"""A change of less than 3 % over all steps is nothing to warn of."""

BEYOND_SPREAD = 2.0
"""... nor is one of less than so many times the spread of the seed picture's own pieces."""

MOST_PIECES = 8
"""Into at most so many pieces the seed picture is cut."""


@dataclass(frozen=True)
class Trend:
    """The course of one measure over the steps on one side of the canvas.

    Attributes:
        name: one of TRENDS.
        steps: number of steps looked at.
        change: what the fitted line has come to over these steps, relative: -0.09 is 9 % less.
        clear: whether the slope is no chance, and the change worth a warning.
    """

    name: str
    steps: int
    change: float
    clear: bool

    def __str__(self) -> str:
        """Such as "contrast -9 %"."""
        return f"{self.name.replace('_', ' ')} {self.change * 100:+.0f} %"


def spread_of(picture: Image.Image, mode: Mode | str, piece_px: int) -> dict[str, float]:
    """For each of TRENDS how far pieces of an RGB `picture` differ: the standard deviation of the logarithms.

    The pieces are cut along the axis of `mode`, at most `piece_px` pixels wide; a measure that is 0 in one of them has
    the spread 1, more than can be a drift.
    """
    canonical = to_canonical(picture, mode)
    count = max(2, min(MOST_PIECES, canonical.width // piece_px))
    width = canonical.width // count
    styles = [style_of(canonical.crop((i * width, 0, (i + 1) * width, canonical.height))) for i in range(count)]
    columns = {name: [getattr(style, name) for style in styles] for name in TRENDS}
    return {
        name: pstdev([math.log(value) for value in values]) if min(values) > 0 else 1.0
        for name, values in columns.items()
    }


def trends_of(drifts: Sequence[Mapping[str, float]], spread: Mapping[str, float]) -> list[Trend]:
    """The trend of each of TRENDS over the `drifts` since the seed picture, oldest first.

    Args:
        drifts: `Signature.drift_from` the seed picture, one a step.
        spread: of the seed picture (`spread_of`).
    """
    return [_trend(name, [max(-0.99, drift[name]) for drift in drifts], spread[name]) for name in TRENDS if drifts]


def drifting(trends: Sequence[Trend]) -> str:
    """The clear trends in words, such as "contrast -9 %, sharpness -12 %"; "" when there is none."""
    return ", ".join(str(trend) for trend in trends if trend.clear)


def _trend(name: str, drifts: Sequence[float], natural: float) -> Trend:
    """Steps are numbered from 1, about their own mean i0: slope = sum((i - i0) y) / sum((i - i0)²)."""
    count = len(drifts)
    values = [math.log1p(drift) for drift in drifts]
    middle, level = (count + 1) / 2, sum(values) / count
    places = [i - middle for i in range(1, count + 1)]
    spread = sum(place * place for place in places)
    if count < 3:
        return Trend(name, count, math.expm1(level), False)
    slope = sum(place * value for place, value in zip(places, values, strict=True)) / spread
    rest = sum((value - level - slope * place) ** 2 for place, value in zip(places, values, strict=True))
    error = math.sqrt(rest / (count - 2) / spread)
    change = math.expm1(slope * count)
    enough = max(LEAST_DRIFT, BEYOND_SPREAD * natural)
    clear = count >= FEWEST_STEPS and abs(slope * count) >= enough and abs(slope) >= CLEAR_T * error
    return Trend(name, count, round(change, 6), clear)
