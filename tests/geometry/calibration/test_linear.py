"""The axes of symmetric matrices, and the solutions of small systems."""

from __future__ import annotations

import math
import random

import pytest

from exquisite.geometry.calibration.linear import principal_axes, solve, solve_banded, solve_pentadiagonal


def symmetric(n: int, seed: int) -> list[list[float]]:
    draw = random.Random(seed)
    values = [[draw.uniform(-5, 5) for _ in range(n)] for _ in range(n)]
    return [[values[min(i, k)][max(i, k)] for k in range(n)] for i in range(n)]


@pytest.mark.parametrize("seed", range(4))
def test_an_axis_is_only_scaled_by_its_matrix(seed: int) -> None:
    """A v = λ v, to within rounding, for each of four orthogonal axes of length 1."""
    matrix = symmetric(4, seed)
    axes = principal_axes(matrix)
    for value, axis in axes:
        image = [math.fsum(a * v for a, v in zip(row, axis, strict=True)) for row in matrix]
        assert image == pytest.approx([value * v for v in axis], abs=1e-9)
    for i, (_, one) in enumerate(axes):
        for k, (_, other) in enumerate(axes):
            assert math.fsum(a * b for a, b in zip(one, other, strict=True)) == pytest.approx(float(i == k), abs=1e-12)


def test_the_axes_of_equal_rows_are_the_diagonals() -> None:
    """[[2, 1], [1, 2]] stretches the diagonal to three times its length, and keeps the other one."""
    (first, _), (second, _) = sorted(principal_axes([[2, 1], [1, 2]]))
    assert (first, second) == pytest.approx((1, 3))


def test_a_system_whose_first_pivot_is_zero_is_solved() -> None:
    assert solve([[0, 2, 1], [1, 0, 0], [0, 1, 0]], [7, 3, 2]) == pytest.approx([3, 2, 3])


def test_solvers_agree_with_each_other() -> None:
    draw = random.Random(4)
    n, reach = 12, 4
    band = [[draw.uniform(-1, 1) if gap else 9.0 for gap in range(reach)] for _ in range(n)]
    full = [[0.0] * n for _ in range(n)]
    for k in range(n):
        for gap in range(min(reach, n - k)):
            full[k][k + gap] = full[k + gap][k] = band[k][gap]
    right = [draw.uniform(-5, 5) for _ in range(n)]
    exact = solve(full, right)
    assert solve_banded([row[:] for row in band], right[:]) == pytest.approx(exact)
    for row, value in zip(full, right, strict=True):
        assert sum(a * b for a, b in zip(row, exact, strict=True)) == pytest.approx(value)


def test_two_diagonals_on_either_side_are_solved_like_any_band() -> None:
    draw = random.Random(7)
    n = 9
    rows = [(5.0, draw.uniform(-1, 1), draw.uniform(-1, 1)) for _ in range(n)]
    right = [draw.uniform(-5, 5) for _ in range(n)]
    diagonal, first, second = (list(column) for column in zip(*rows, strict=True))
    first[-1] = second[-2] = second[-1] = 0.0
    exact = solve_banded(rows, right)
    assert solve_pentadiagonal(diagonal, first, second, right) == pytest.approx(exact)


def test_a_singular_system_is_an_error() -> None:
    with pytest.raises(ZeroDivisionError):
        solve([[1.0, 2.0], [2.0, 4.0]], [1.0, 2.0])
