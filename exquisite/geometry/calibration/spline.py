"""A smooth displacement: one cubic B-spline surface for each axis, fitted to block equations with a bending penalty.

P-splines (Eilers and Marx, Statistical Science 11(2), 1996) are uniform cubic B-splines with a penalty on the second
differences of their coefficients. Shift, zoom, shear and rotation have no second differences and no penalty.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from .linear import solve_banded

__all__ = ["Spline", "Sums", "basis", "fit_spline"]

_TIE = 1 / 100**2
"""Weight of the squared displacement: it prevents a bend where the picture has no texture."""


@dataclass(frozen=True)
class Spline:
    """Displacements (x, y) in pixels over [0, width] by [0, height]; `nodes[row][column]` are coefficients.

    A cell is cell_px = (width, height) of one polynomial piece; there are three more coefficients an axis than cells.
    """

    cell_px: tuple[float, float]
    nodes: tuple[tuple[tuple[float, float], ...], ...]

    @classmethod
    def flat(cls, size: tuple[int, int], cell_px: int) -> Spline:
        """The zero displacement over `size` (width, height), with cells of about `cell_px`."""
        cells = [max(1, round(length / cell_px)) for length in size]
        row = ((0.0, 0.0),) * (cells[0] + 3)
        return cls((size[0] / cells[0], size[1] / cells[1]), (row,) * (cells[1] + 3))

    def flattened(self) -> Spline:
        """The zero displacement over the same cells."""
        return Spline(self.cell_px, (((0.0, 0.0),) * len(self.nodes[0]),) * len(self.nodes))

    def along(self, axes: tuple[bool, bool]) -> Spline:
        """The displacement along those of the axes x and y for which `axes` is true."""
        if all(axes):
            return self
        x, y = axes
        return Spline(self.cell_px, tuple(tuple((x * dx, y * dy) for dx, dy in row) for row in self.nodes))

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Displacement (x, y) in pixels at the point (x, y)."""
        return self.over((x,), (y,))[0][0]

    def over(self, xs: Sequence[float], ys: Sequence[float]) -> list[list[tuple[float, float]]]:
        """Displacements at every point of a grid, row by row."""
        columns, rows = len(self.nodes[0]), len(self.nodes)
        along = [basis(x, self.cell_px[0], columns) for x in xs]
        lines = [[_weighted(ws, row[i : i + 4]) for i, ws in along] for row in self.nodes]
        out = []
        for j, ws in (basis(y, self.cell_px[1], rows) for y in ys):
            out.append([_weighted(ws, four) for four in zip(*lines[j : j + 4], strict=True)])
        return out

    def refined(self) -> Spline:
        """The same displacement on cells of half the size: subdivision with the masks (4, 4) / 8 and (1, 6, 1) / 8."""
        lines = [_subdivided(row) for row in self.nodes]
        columns = [_subdivided(column) for column in zip(*lines, strict=True)]
        return Spline((self.cell_px[0] / 2, self.cell_px[1] / 2), tuple(zip(*columns, strict=True)))


def _weighted(weights: Sequence[float], four: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """The weighted sum of four displacements."""
    (a, b, c, d), ((ax, ay), (bx, by), (cx, cy), (dx, dy)) = weights, four
    return a * ax + b * bx + c * cx + d * dx, a * ay + b * by + c * cy + d * dy


def _subdivided(line: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """The coefficients of one line on cells of half the size."""
    out = []
    for k, ((ax, ay), (bx, by)) in enumerate(pairwise(line)):
        out.append(((ax + bx) / 2, (ay + by) / 2))
        if k + 2 < len(line):
            cx, cy = line[k + 2]
            out.append(((ax + 6 * bx + cx) / 8, (ay + 6 * by + cy) / 8))
    return out


def basis(at: float, cell_px: float, count: int) -> tuple[int, tuple[float, float, float, float]]:
    """The number of the first of the four coefficients that act at `at`, and the weight of each.

    The outermost polynomial continues outside of the cells.
    """
    index = min(max(int(at // cell_px), 0), count - 4)
    t = at / cell_px - index
    s = 1 - t
    return index, (s**3 / 6, (3 * t**3 - 6 * t**2 + 4) / 6, (3 * s**3 - 6 * s**2 + 4) / 6, t**3 / 6)


Sums = tuple[float, float, float, float, float]
"""The weighted sums of one block: gx gx, gx gy, gy gy, gx e, gy e."""


def fit_spline(spline: Spline, blocks: Iterable[tuple[float, float, Sums]], stiffness: float) -> Spline:
    """The spline of least  sum over blocks (x, y, sums) of |g . (d - d0) - e|^2 + stiffness * bending,
    where d0 is the displacement of `spline`, about which e was measured."""
    # 1. Lay out the normal equations A c = b. Node (j, i) owns the unknowns 2 (j columns + i) for x and the next one
    #    for y. A is symmetric, so only entries from the diagonal on are stored, as one band of fixed length a row.
    #    Two splines interact when they lie at most 3 columns and 3 rows apart, which bounds the band.
    columns, rows = len(spline.nodes[0]), len(spline.nodes)
    n = columns * rows
    reach = 2 * (3 * columns + 3) + 2
    matrix = [[0.0] * reach for _ in range(2 * n)]  # row k holds the entries (k, k), (k, k + 1), ...
    right = [0.0] * (2 * n)
    # 2. Add the penalty, which also determines nodes that no block reaches.
    _add_bending(matrix, columns, rows, stiffness)
    # 3. Add each block at its centre. Sixteen nodes act there, each with weight a = wx wy.
    for x, y, (xx, xy, yy, xe, ye) in blocks:
        i, wx = basis(x, spline.cell_px[0], columns)
        j, wy = basis(y, spline.cell_px[1], rows)
        at_x = at_y = 0.0
        acting = []
        for q, b in enumerate(wy):
            for p, a in enumerate(wx):
                weight = a * b
                node = spline.nodes[j + q][i + p]
                at_x += weight * node[0]
                at_y += weight * node[1]
                acting.append((2 * ((j + q) * columns + i + p), weight))
        # e was measured relative to d0. The fit is for the whole displacement, so that bending counts as a whole:
        # the right side becomes sum g (e + g . d0).
        bx, by = xe + xx * at_x + xy * at_y, ye + xy * at_x + yy * at_y
        # Each pair of nodes (k, m), k <= m, receives a b (xx, xy; xy, yy), a block of 2 by 2 entries. On the diagonal
        # (gap 0) the lower xy lies before the band and is left out.
        for first, (k, a) in enumerate(acting):
            right[k] += a * bx
            right[k + 1] += a * by
            row, below = matrix[k], matrix[k + 1]
            axx, axy, ayy = a * xx, a * xy, a * yy
            for m, b in acting[first:]:
                gap = m - k
                row[gap] += axx * b
                row[gap + 1] += axy * b
                below[gap] += ayy * b
                if gap:
                    below[gap - 1] += axy * b
    # 4. Solve for both axes at once, because xy couples them.
    values = solve_banded(matrix, right)
    return Spline(
        spline.cell_px,
        tuple(
            tuple((values[2 * (j * columns + i)], values[2 * (j * columns + i) + 1]) for i in range(columns))
            for j in range(rows)
        ),
    )


def _add_bending(matrix: list[list[float]], columns: int, rows: int, stiffness: float) -> None:
    """Squared second differences along x, along y, and twice the mixed one; a tie to zero."""
    # The square of a term sum w c adds factor w_a w_b to each entry (a, b), for both axes alike.
    for factor, term in _bending_terms(columns, rows):
        for (a, wa), (b, wb) in itertools.product(term, term):
            if b >= a:
                for axis in (0, 1):
                    matrix[2 * a + axis][2 * (b - a)] += stiffness * factor * wa * wb
    # A small pull to zero (a ridge) keeps the matrix positive definite where neither blocks nor bending fix an
    # affine part.
    for row in matrix:
        row[0] += _TIE


def _bending_terms(columns: int, rows: int) -> Iterator[tuple[float, list[tuple[int, float]]]]:
    """(weight of its square, (knot, coefficient) of each summand) of every second difference of the grid."""
    second = ((-1, 1.0), (0, -2.0), (1, 1.0))
    for j, i in itertools.product(range(rows), range(columns)):
        k = j * columns + i
        if 0 < i < columns - 1:
            yield 1.0, [(k + n, w) for n, w in second]
        if 0 < j < rows - 1:
            yield 1.0, [(k + n * columns, w) for n, w in second]
        if i < columns - 1 and j < rows - 1:
            yield 2.0, [(k, 1.0), (k + 1, -1.0), (k + columns, -1.0), (k + columns + 1, 1.0)]
