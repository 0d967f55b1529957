"""The values of the spline's bending penalty."""

from __future__ import annotations

import random

import pytest

from exquisite.geometry.calibration.spline import _TIE, _add_bending


def test_bending_is_the_sum_of_squared_second_differences_and_twice_the_mixed_one() -> None:
    """c' M c of the matrix against the definition, for any coefficients c."""
    columns, rows, chance = 5, 4, random.Random(2)
    count = columns * rows
    matrix = [[0.0] * (2 * (3 * columns + 3) + 2) for _ in range(2 * count)]
    _add_bending(matrix, columns, rows, 1.0)
    field = [[chance.uniform(-1, 1) for _ in range(columns)] for _ in range(rows)]
    values = [value for row in field for value in row]
    energy = sum(
        matrix[2 * a][2 * (b - a)] * values[a] * values[b] * (1 if a == b else 2)
        for a in range(count)
        for b in range(a, min(count, a + 3 * columns + 4))
    )
    along = sum((row[i - 1] - 2 * row[i] + row[i + 1]) ** 2 for row in field for i in range(1, columns - 1))
    turned = list(zip(*field, strict=True))
    down = sum((row[i - 1] - 2 * row[i] + row[i + 1]) ** 2 for row in turned for i in range(1, rows - 1))
    mixed = sum(
        (field[j][i] - field[j][i + 1] - field[j + 1][i] + field[j + 1][i + 1]) ** 2
        for j in range(rows - 1)
        for i in range(columns - 1)
    )
    tie = _TIE * sum(value**2 for value in values)
    assert energy == pytest.approx(along + down + 2 * mixed + tie, rel=1e-6)
