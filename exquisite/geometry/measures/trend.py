"""Fits the trend of a measure over many steps, and tests whether it is a drift or chance.

The trend is a least-squares line through the logarithms of the measure relative to the seed picture. It is a drift
when its slope is significant (Student's t) and the change over all steps exceeds the spread within the seed picture.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import pstdev

from PIL import Image

from ...contract import Mode, to_canonical
from .style import style_of

__all__ = ["LEAST_DRIFT", "MOST_PIECES", "TRENDS", "Trend", "drifting", "spread_of", "trends_of"]

TRENDS = ("lightness", "contrast", "sharpness", "colour", "line_density")
"""The measures that have a trend, as named in `style.Style`."""

_FEWEST_STEPS = 5
"""Smallest number of steps with a clear trend: with fewer, Student's t has under 3 degrees of freedom."""

_CLEAR_T = 4.0
"""Slope over its standard error: by chance once in 300 series of 9 steps (Student's t, 7 degrees of freedom)."""

LEAST_DRIFT = 0.03
"""Smallest relative change over all steps that deserves a warning."""

_BEYOND_SPREAD = 2.0
"""Smallest change that deserves a warning, in standard deviations over pieces of the seed picture."""

MOST_PIECES = 8
"""Largest number of pieces of the seed picture that `spread_of` measures."""


@dataclass(frozen=True)
class Trend:
    """The trend of one measure over the steps on one side of the canvas.

    Attributes:
        name: one of TRENDS.
        steps: number of steps in the fit.
        change: relative change of the fitted line over these steps: -0.09 is 9 % less.
        clear: whether the slope is significant and the change deserves a warning.
    """

    name: str
    steps: int
    change: float
    clear: bool

    def __str__(self) -> str:
        """The name and the change, such as "contrast -9 %"."""
        return f"{self.name.replace('_', ' ')} {self.change * 100:+.0f} %"


def spread_of(picture: Image.Image, mode: Mode | str, piece_px: int) -> dict[str, float]:
    """For each of TRENDS the standard deviation of its logarithm over pieces of an RGB `picture`.

    Equal pieces divide the axis of `mode`: as many as can be `piece_px` pixels long, but 2 to MOST_PIECES. A measure
    that is 0 in a piece has no logarithm; its spread is 1, more than a factor of 2.
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
    """The trend of each of TRENDS.

    Args:
        drifts: drift of each step from the seed picture (`Signature.drift_from`), oldest first.
        spread: `spread_of` the seed picture.
    """
    return [_trend(name, [max(-0.99, drift[name]) for drift in drifts], spread[name]) for name in TRENDS if drifts]


def drifting(trends: Sequence[Trend]) -> str:
    """Describe the clear trends, such as "contrast -9 %, sharpness -12 %"; "" when there is none."""
    return ", ".join(str(trend) for trend in trends if trend.clear)


def _trend(name: str, drifts: Sequence[float], seed_spread: float) -> Trend:
    """Fit the trend of one measure.

        slope = sum((i - i0) y) / sum((i - i0)²),  i = 1 … n,  i0 = their mean,  y = log(1 + drift)
        standard error = sqrt(sum of squared residuals / (n - 2) / sum((i - i0)²))
    """
    count = len(drifts)
    values = [math.log1p(drift) for drift in drifts]
    middle, level = (count + 1) / 2, sum(values) / count
    positions = [i - middle for i in range(1, count + 1)]
    spread = sum(position * position for position in positions)
    if count < 3:
        return Trend(name, count, math.expm1(level), False)
    slope = sum(position * value for position, value in zip(positions, values, strict=True)) / spread
    residual = sum((value - level - slope * position) ** 2 for position, value in zip(positions, values, strict=True))
    error = math.sqrt(residual / (count - 2) / spread)
    change = math.expm1(slope * count)
    enough = max(LEAST_DRIFT, _BEYOND_SPREAD * seed_spread)
    clear = count >= _FEWEST_STEPS and abs(slope * count) >= enough and abs(slope) >= _CLEAR_T * error
    return Trend(name, count, round(change, 6), clear)
