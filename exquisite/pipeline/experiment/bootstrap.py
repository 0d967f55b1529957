"""The percentile bootstrap: a confidence interval for the mean of few values.

Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapter 13: resample the values with replacement many
times; the interval lies between the outer percentiles of the means of the resamples.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from ...errors import UsageError

__all__ = ["FEW", "LEVEL", "RESAMPLES", "Interval", "bootstrap_mean"]

RESAMPLES = 2_000
"""Number of resamples for one interval: about fifty means lie beyond each end of it."""

LEVEL = 0.95
"""Confidence level of the interval."""

FEW = 6
"""Smallest number of values for a clear result: five have one sign by chance with probability 2 · 0.5⁵ = 0.06."""


@dataclass(frozen=True)
class Interval:
    """A mean of `n` values with its confidence interval; `low` and `high` are None for fewer than two values."""

    mean: float
    low: float | None
    high: float | None
    n: int

    @property
    def is_clear(self) -> bool:
        """Whether the interval excludes 0 and comes from at least FEW values."""
        if self.low is None or self.high is None or self.n < FEW:
            return False
        return self.low > 0 or self.high < 0


def bootstrap_mean(
    values: Sequence[float], *, resamples: int = RESAMPLES, level: float = LEVEL, seed: int = 0
) -> Interval:
    """The mean of `values` with its percentile interval; equal arguments give equal results.

    With B resamples and k = floor((B + 1) (1 - level) / 2), the ends are the k-th smallest and the k-th largest mean.

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
