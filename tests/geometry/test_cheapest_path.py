"""The cheapest path is the one that trying all of them finds."""

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
    for rows, places in ((2, 1), (3, 2), (4, 3), (5, 4), (5, 6)):
        costs = [[chance.randrange(30) for _ in range(places)] for _ in range(rows)]
        between = [[chance.randrange(8) for _ in range(places - 1)] for _ in range(rows)]
        possible = [
            path
            for path in product(range(places), repeat=rows)
            if all(abs(here - there) <= 2 for here, there in pairwise(path))
        ]
        found = cheapest_path(costs, between)
        assert tuple(found) in possible
        assert cost_of(tuple(found), costs, between) == min(cost_of(path, costs, between) for path in possible)


def test_of_equal_paths_the_straightest_and_last_is_taken() -> None:
    nothing = [[0] * 5 for _ in range(6)]
    assert cheapest_path(nothing, [[1] * 4] * 6) == [4] * 6
    assert cheapest_path([[9, 0, 9, 0, 9]] * 6, [[1] * 4] * 6) == [3] * 6


def test_a_diagonal_of_two_places_a_row_is_followed() -> None:
    costs = [[0 if place == 2 * row else 50 for place in range(11)] for row in range(6)]
    assert cheapest_path(costs, [[1] * 10] * 6) == [0, 2, 4, 6, 8, 10]
