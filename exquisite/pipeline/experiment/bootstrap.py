"""How sure a mean is that was taken over few values: the percentile bootstrap.

Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapter 13: draw as many values as there are, with
replacement, take their mean, many times; the interval lies between the outer percentiles of those means.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from ...errors import UsageError

__all__ = ["FEW", "LEVEL", "RESAMPLES", "Interval", "bootstrap_mean"]

RESAMPLES = 2_000
"""Means that are drawn for one interval."""

LEVEL = 0.95
"""Share of those means that the interval holds."""


FEW = 6
"""Fewer values lie all on one side of 0 by chance more often than one time in twenty (sign test: 2 · 0.5⁵ = .06)."""


@dataclass(frozen=True)
class Interval:
    """A mean, and where it lies: `low` and `high` are None for fewer than two values, which say nothing of it."""

    mean: float
    low: float | None
    high: float | None
    n: int

    @property
    def is_clear(self) -> bool:
        """Whether the whole interval lies on one side of 0, and rests on at least FEW values."""
        if self.low is None or self.high is None or self.n < FEW:
            return False
        return self.low > 0 or self.high < 0


def bootstrap_mean(
    values: Sequence[float], *, resamples: int = RESAMPLES, level: float = LEVEL, seed: int = 0
) -> Interval:
    """The mean of `values` with its percentile interval; the same for the same arguments.

    With B resamples and k = floor((B + 1) (1 - level) / 2) the ends are the k-th smallest and the k-th largest mean.

    Raises:
        UsageError: no values, or too few resamples for the level.
    """
    if not values:
        raise UsageError("there is no mean of no values: run at least one repetition")
    rank = int((resamples + 1) * (1 - level) / 2 + 1e-9)
    if not 1 <= rank <= resamples // 2:
        raise UsageError(f"{resamples} resamples are too few for an interval of {level:.0%}")
    if len(values) < 2:
        return Interval(values[0], None, None, 1)
    draw = random.Random(seed)
    means = sorted(fmean(draw.choices(values, k=len(values))) for _ in range(resamples))
    return Interval(fmean(values), means[rank - 1], means[-rank], len(values))
