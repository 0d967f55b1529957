"""The cheapest path equals the one found by exhaustive search."""

import random
from itertools import pairwise, product

from exquisite.geometry.cheapest_path import cheapest_path


def cost_of(path: tuple[int, ...], costs: list[list[int]], between: list[list[int]]) -> int:
    """The definition, term by term."""
    total = sum(row[at] for row, at in zip(costs, path, strict=True))
    for edges, (here, there) in zip(between, pairwise(path), strict=False):
        total += sum(edges[min(here, there) : max(here, there)])
    return total


def test_no_path_is_cheaper() -> None:
    chance = random.Random(3)
    for rows, places in ((1, 4), (2, 1), (3, 2), (4, 3), (5, 4), (5, 6)):
        costs = [[chance.randrange(30) for _ in range(places)] for _ in range(rows)]
        between = [[chance.randrange(8) for _ in range(places - 1)] for _ in range(rows)]
        path = tuple(cheapest_path(costs, between))
        possible = product(range(places), repeat=rows)
        assert cost_of(path, costs, between) == min(cost_of(each, costs, between) for each in possible)


def test_among_equal_paths_the_straightest_and_last_wins() -> None:
    nothing = [[0] * 5 for _ in range(6)]
    assert cheapest_path(nothing, [[1] * 4] * 6) == [4] * 6
    assert cheapest_path([[9, 0, 9, 0, 9]] * 6, [[1] * 4] * 6) == [3] * 6


def test_the_path_moves_aside_where_that_costs_less_than_its_crossings() -> None:
    costs = [[0 if place == 10 * (row % 2) else 50 for place in range(11)] for row in range(6)]
    assert cheapest_path(costs, [[1] * 10] * 6) == [0, 10, 0, 10, 0, 10]
    assert cheapest_path(costs, [[9] * 10] * 6) == [10] * 6
