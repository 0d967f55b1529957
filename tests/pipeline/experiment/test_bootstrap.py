"""The bootstrap interval of a mean."""

from __future__ import annotations

import random

import pytest

from exquisite.errors import UsageError
from exquisite.pipeline.experiment.bootstrap import FEW, bootstrap_mean


def test_the_interval_of_equal_values_is_that_value() -> None:
    interval = bootstrap_mean([0.3] * FEW)
    assert (interval.mean, interval.low, interval.high, interval.n) == pytest.approx((0.3, 0.3, 0.3, FEW))
    assert interval.is_clear


def test_nothing_is_clear_from_few_values() -> None:
    interval = bootstrap_mean([0.3] * (FEW - 1))
    assert interval.low == pytest.approx(0.3)
    assert not interval.is_clear


def test_one_value_has_no_interval() -> None:
    interval = bootstrap_mean([2.0])
    assert (interval.mean, interval.low, interval.high, interval.n, interval.is_clear) == (2.0, None, None, 1, False)


def test_the_interval_of_two_values_reaches_both() -> None:
    """A quarter of all resamples holds one value twice, and another quarter the other one."""
    interval = bootstrap_mean([-1.0, 3.0])
    assert (interval.mean, interval.low, interval.high) == (1.0, -1.0, 3.0)
    assert not interval.is_clear


def test_the_same_values_give_the_same_interval() -> None:
    rng = random.Random(3)
    values = [rng.gauss(0, 1) for _ in range(9)]
    assert bootstrap_mean(values) == bootstrap_mean(values)
    assert bootstrap_mean(values) != bootstrap_mean(values, seed=1)


def test_a_wider_level_holds_a_narrower_one() -> None:
    rng = random.Random(5)
    values = [rng.gauss(0, 1) for _ in range(12)]
    wide, narrow = bootstrap_mean(values, level=0.99), bootstrap_mean(values, level=0.8)
    assert wide.low < narrow.low < narrow.high < wide.high  # type: ignore[operator]


def test_the_interval_has_the_theoretical_width() -> None:
    """For many values the percentile interval is the mean ± 1.96 standard errors."""
    rng = random.Random(7)
    values = [rng.gauss(10, 2) for _ in range(200)]
    interval = bootstrap_mean(values)
    spread = (sum((value - interval.mean) ** 2 for value in values) / 200) ** 0.5 / 200**0.5
    assert (interval.mean - interval.low, interval.high - interval.mean) == pytest.approx(  # type: ignore[operator]
        (1.96 * spread,) * 2, rel=0.1
    )


def test_an_interval_covers_the_truth_about_as_often_as_its_level() -> None:
    rng = random.Random(11)
    covered = 0
    for trial in range(100):
        interval = bootstrap_mean([rng.gauss(0, 1) for _ in range(20)], resamples=200, seed=trial)
        covered += interval.low <= 0 <= interval.high  # type: ignore[operator]
    assert covered >= 85


@pytest.mark.parametrize(("values", "resamples"), [([], 2_000), ([1.0, 2.0], 10)])
def test_invalid_values_and_counts_are_refused(values: list[float], resamples: int) -> None:
    with pytest.raises(UsageError):
        bootstrap_mean(values, resamples=resamples)


@pytest.mark.parametrize(("resamples", "level", "rank"), [(39, 0.95, 1), (199, 0.95, 5), (99, 0.8, 10), (999, 0.9, 50)])
def test_the_ends_are_the_kth_smallest_and_the_kth_largest_mean(resamples: int, level: float, rank: int) -> None:
    """k = floor((B + 1) (1 - level) / 2), by the same draws."""
    values = [0.5, 1.75, -2.0, 4.0, 0.125]
    draw = random.Random(4)
    means = sorted(sum(draw.choices(values, k=5)) / 5 for _ in range(resamples))
    interval = bootstrap_mean(values, resamples=resamples, level=level, seed=4)
    assert (interval.low, interval.high) == pytest.approx((means[rank - 1], means[-rank]))
