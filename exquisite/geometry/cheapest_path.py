"""The path of least cost from the first row of a table to the last, by dynamic programming, in plain Python.

    total(row, p) = cost(row, p) + min over q of total(row - 1, q) + way(q, p)

way(q, p) is what the crossings between the places q and p cost. With way(p) for way(0, p) the minimum is one of

    min over q <= p of (total(row - 1, q) - way(q)) + way(p)
    min over q >= p of (total(row - 1, q) + way(q)) - way(p)

and both are running minima. So a row takes a few passes of `map`, however far the path may move from row to row.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, chain
from operator import add, sub

__all__ = ["cheapest_path"]


def cheapest_path(costs: Sequence[Sequence[int]], crossing: Sequence[Sequence[int]]) -> list[int]:
    """The path of least cost through `costs`, one place for each row; it may move any number of places between rows.

    Args:
        costs: for each row what each place costs.
        crossing: for each row what it costs to go from place p to p + 1, or back, on the way to the next row. Where
            that is above 0, the straightest of equal paths is taken, and the last of equal straight ones.
    """
    totals, ways = [list(costs[0])], list[list[int]]()
    for one, row in zip(crossing, costs[1:], strict=False):
        last, way = totals[-1], list(accumulate(one, initial=0))
        from_before = map(add, accumulate(map(sub, last, way), min), way)
        from_behind = list(accumulate(map(add, reversed(last), reversed(way)), min))
        arrived = map(min, from_before, map(sub, reversed(from_behind), way))
        totals.append(list(map(add, arrived, row)))
        ways.append(way)
    at = max(range(len(totals[-1])), key=lambda place: (-totals[-1][place], place))
    path = [at]
    for number in range(len(ways), 0, -1):
        at = _start(at, totals[number][at] - costs[number][at], totals[number - 1], ways[number - 1])
        path.append(at)
    return path[::-1]


def _start(at: int, arrived: int, last: Sequence[int], way: Sequence[int]) -> int:
    """The nearest place in the row before from which the path reaches `at` at the cost `arrived`."""
    nearest_first = chain([at], chain.from_iterable((at - away, at + away) for away in range(1, len(last))))
    places = (place for place in nearest_first if 0 <= place < len(last))
    return next(place for place in places if last[place] + abs(way[place] - way[at]) == arrived)
