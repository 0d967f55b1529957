"""Small linear systems in double precision: general, banded, pentadiagonal, and the axes of a symmetric matrix."""

from __future__ import annotations

import math
from collections.abc import Sequence
from operator import mul

__all__ = ["principal_axes", "solve", "solve_banded", "solve_pentadiagonal"]

_SWEEPS = 12  # Jacobi's method converges quadratically: six sweeps are enough for any 4 by 4 matrix
_NO_COUPLING = 1e-12  # of the diagonal: a rotation would change no digit that counts


def solve_banded(matrix: Sequence[Sequence[float]], right: Sequence[float]) -> list[float]:
    """The solution of a symmetric positive definite banded system, by Cholesky's factors in double precision.

    `matrix[k]` holds the entries (k, k), (k, k + 1), ... of row k, all rows of one length.

    1. A = L L^T, row by row. Every entry of L is one dot product of two rows, which the standard library sums faster
       than Python can subtract row from row. L y = right is solved along with it.
    2. L^T x = y, from the last row back.
    """
    n, reach = len(right), len(matrix[0])
    lower: list[list[float]] = []  # row k of L, from its first entry within the band to the one before the diagonal
    inverse: list[float] = []  # 1 over the diagonal of L
    out: list[float] = []
    for k in range(n):
        first = max(0, k - reach + 1)
        row: list[float] = []
        for j in range(first, k):
            above = lower[j]
            shared = sum(map(mul, row, above[first - j + len(above) :]))
            row.append((matrix[j][k - j] - shared) * inverse[j])
        inverse.append(1 / math.sqrt(matrix[k][0] - sum(map(mul, row, row))))
        out.append((right[k] - sum(map(mul, row, out[first:]))) * inverse[k])
        lower.append(row)
    for k in reversed(range(n)):
        out[k] *= inverse[k]
        first = k - len(lower[k])
        out[first:k] = [value - out[k] * entry for value, entry in zip(out[first:k], lower[k], strict=True)]
    return out


def solve_pentadiagonal(
    diagonal: Sequence[float], first: Sequence[float], second: Sequence[float], right: Sequence[float]
) -> list[float]:
    """The solution of a symmetric positive definite system with two diagonals on either side of the main one.

    `diagonal[k]`, `first[k]` and `second[k]` are the entries (k, k), (k, k + 1) and (k, k + 2); all arguments have one
    length, and entries outside of the matrix are 0. This takes a sixth of the time of `solve_banded`.

    1. A = L D L^T, where L has ones on its diagonal, row by row; L y = right is solved along with it.
    2. L^T x = D^-1 y, from the last row back.
    """
    rows = []  # of D^-1 y, and of the two columns of L below the diagonal
    pivot = pivot_before = y = y_before = 0.0  # of the last row, and of the one before it
    near = far = next_far = 0.0  # L at (k, k - 1), at (k, k - 2) and at (k + 1, k - 1)
    for a, b, c, value in zip(diagonal, first, second, right, strict=True):
        beside = b - next_far * near * pivot
        pivot, pivot_before = a - near * near * pivot - far * far * pivot_before, pivot
        y, y_before = value - near * y - far * y_before, y
        near, far, next_far = beside / pivot, next_far, c / pivot
        rows.append((y / pivot, near, next_far))
    out = [0.0, 0.0]
    for value, near, far in reversed(rows):
        out.append(value - near * out[-1] - far * out[-2])
    return out[:1:-1]


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
                # 1. The rotation in the plane of axes p and q that makes entry (p, q) zero, by the smaller angle.
                ratio = (a[q][q] - a[p][p]) / (2 * a[p][q])
                tangent = math.copysign(1, ratio) / (abs(ratio) + math.hypot(1, ratio))
                cosine = 1 / math.hypot(1, tangent)
                sine = tangent * cosine
                # 2. Rotate the rows of the matrix and of the axes, then the columns of the matrix.
                for rows in (a, axes):
                    low, high = rows[p], rows[q]
                    rows[p] = [cosine * x - sine * y for x, y in zip(low, high, strict=True)]
                    rows[q] = [sine * x + cosine * y for x, y in zip(low, high, strict=True)]
                for row in a:
                    row[p], row[q] = cosine * row[p] - sine * row[q], sine * row[p] + cosine * row[q]
    return [(a[k][k], tuple(axes[k])) for k in range(n)]
