"""Small linear systems in double precision: general, banded, and the axes of a symmetric matrix."""

from __future__ import annotations

import math
from collections.abc import Sequence

__all__ = ["principal_axes", "solve", "solve_banded"]

_SWEEPS = 12  # Jacobi's method converges quadratically: six sweeps are enough for any 4 by 4 matrix
_NO_COUPLING = 1e-12


def solve_banded(matrix: list[list[float]], right: list[float]) -> list[float]:
    """The solution of a symmetric positive definite banded system, by elimination in double precision.

    `matrix[k]` holds the entries (k, k), (k, k + 1), ... of row k, all rows of one length. Both arguments are consumed.
    """
    n, reach = len(right), len(matrix[0])
    for k in range(n):
        row = matrix[k]
        pivot = row[0]
        for gap in range(1, min(reach, n - k)):
            if value := row[gap]:
                factor = value / pivot
                target = matrix[k + gap]
                target[: reach - gap] = [a - factor * b for a, b in zip(target, row[gap:], strict=False)]
                right[k + gap] -= factor * right[k]
    out = [0.0] * n
    for k in reversed(range(n)):
        row = matrix[k]
        out[k] = (right[k] - sum(a * b for a, b in zip(row[1:], out[k + 1 : k + reach], strict=False))) / row[0]
    return out


def solve(matrix: Sequence[Sequence[float]], right: Sequence[float]) -> list[float]:
    """The solution of a small linear system, by elimination with pivoting, in double precision.

    Raises:
        ZeroDivisionError: the system is singular.
    """
    n = len(right)
    rows = [[*row, value] for row, value in zip(matrix, right, strict=True)]
    for i in range(n):
        pivot = max(range(i, n), key=lambda k: abs(rows[k][i]))
        rows[i], rows[pivot] = rows[pivot], rows[i]
        for k in range(i + 1, n):
            if factor := rows[k][i] / rows[i][i]:
                rows[k] = [a - factor * b for a, b in zip(rows[k], rows[i], strict=True)]
    out = [0.0] * n
    for i in reversed(range(n)):
        out[i] = (rows[i][n] - sum(rows[i][k] * out[k] for k in range(i + 1, n))) / rows[i][i]
    return out


def principal_axes(matrix: Sequence[Sequence[float]]) -> list[tuple[float, tuple[float, ...]]]:
    """(eigenvalue, unit eigenvector) of a small symmetric matrix, by Jacobi's rotations (Golub and Van Loan, 8.5)."""
    n = len(matrix)
    a = [list(row) for row in matrix]
    axes = [[float(i == k) for i in range(n)] for k in range(n)]
    for _ in range(_SWEEPS):
        for p in range(n):
            for q in range(p + 1, n):
                if abs(a[p][q]) <= _NO_COUPLING * (abs(a[p][p]) + abs(a[q][q])):
                    continue
                ratio = (a[q][q] - a[p][p]) / (2 * a[p][q])
                tangent = math.copysign(1, ratio) / (abs(ratio) + math.hypot(1, ratio))
                cosine = 1 / math.hypot(1, tangent)
                sine = tangent * cosine
                for rows in (a, axes):
                    low, high = rows[p], rows[q]
                    rows[p] = [cosine * x - sine * y for x, y in zip(low, high, strict=True)]
                    rows[q] = [sine * x + cosine * y for x, y in zip(low, high, strict=True)]
                for row in a:
                    row[p], row[q] = cosine * row[p] - sine * row[q], sine * row[p] + cosine * row[q]
    return [(a[k][k], tuple(axes[k])) for k in range(n)]
