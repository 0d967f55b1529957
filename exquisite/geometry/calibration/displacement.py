"""A displacement field on a grid, and the resampling of a picture by it.

Coordinates are continuous, in pixels of the canonical tile: pixel i covers [i, i + 1), its centre lies at i + 0.5. The
output at a point p shows the source at p + d(p).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from PIL import Image

from ...pixels import crop_mirrored

__all__ = ["Field", "Placement", "resample"]

_SUPPORT = 3  # of LANCZOS, in pixels
_ALIKE_PX = 1e-6  # far below a displacement that changes a resampled level


@dataclass(frozen=True)
class Placement:
    """Shift and zoom: the redraw shows the point p of the band at p + shift + (scale - 1) * (p - centre).

    Attributes:
        shift: (x, y) in pixels, at the centre.
        scale: (x, y) factors; above 1 the redraw is larger than the band.
        centre: (x, y), the middle of the seam in the tile, in pixels.
    """

    shift: tuple[float, float]
    scale: tuple[float, float]
    centre: tuple[float, float]

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Displacement (x, y) in pixels at the point (x, y)."""
        return (
            self.shift[0] + (self.scale[0] - 1) * (x - self.centre[0]),
            self.shift[1] + (self.scale[1] - 1) * (y - self.centre[1]),
        )

    @property
    def twice(self) -> Placement:
        """The same placement in pictures of twice the size."""
        (dx, dy), (x, y) = self.shift, self.centre
        return Placement((2 * dx, 2 * dy), self.scale, (2 * x, 2 * y))


@dataclass(frozen=True)
class Field:
    """Displacements (x, y) in pixels at the nodes of a grid: `nodes[row][column]`, bilinear between them."""

    xs: tuple[float, ...]
    ys: tuple[float, ...]
    nodes: tuple[tuple[tuple[float, float], ...], ...]

    @classmethod
    def sampled(
        cls, xs: tuple[float, ...], ys: tuple[float, ...], at: Callable[[float, float], tuple[float, float]]
    ) -> Field:
        """The field with the value `at(x, y)` at every node."""
        return cls(xs, ys, tuple(tuple(at(x, y) for x in xs) for y in ys))

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Displacement (x, y) in pixels at the point (x, y); constant beyond the outer nodes."""
        column, across = _cell(x, self.xs)
        row, down = _cell(y, self.ys)
        (a, b), (c, d) = (self.nodes[row + j][column : column + 2] for j in (0, 1))
        weights = ((1 - across) * (1 - down), across * (1 - down), (1 - across) * down, across * down)
        return (
            sum(weight * node[0] for weight, node in zip(weights, (a, b, c, d), strict=True)),
            sum(weight * node[1] for weight, node in zip(weights, (a, b, c, d), strict=True)),
        )

    def shifted(self, by: float) -> Field:
        """The same displacements of a picture with `by` more columns at its left."""
        return Field(tuple(x + by for x in self.xs), self.ys, self.nodes)

    def mirrored(self, length: float) -> Field:
        """The same displacements of a picture that is mirrored left to right, `length` pixels long."""
        nodes = tuple(tuple((-dx, dy) for dx, dy in reversed(row)) for row in self.nodes)
        return Field(tuple(length - x for x in reversed(self.xs)), self.ys, nodes)

    @property
    def separable(self) -> bool:
        """Whether the x displacement is equal in every row, and the y displacement in every column."""
        top, left = self.nodes[0], [row[0] for row in self.nodes]
        return all(
            abs(dx - top[i][0]) < _ALIKE_PX and abs(dy - left[j][1]) < _ALIKE_PX
            for j, row in enumerate(self.nodes)
            for i, (dx, dy) in enumerate(row)
        )

    @property
    def largest(self) -> tuple[float, float]:
        """The largest |displacement| of each axis over all nodes, in pixels."""
        return tuple(max(abs(node[axis]) for row in self.nodes for node in row) for axis in (0, 1))  # type: ignore[return-value]


def _cell(at: float, nodes: tuple[float, ...]) -> tuple[int, float]:
    """The number of the cell with `at`, and the position within it, 0 to 1 (clamped at both ends)."""
    index = next((i for i, end in enumerate(nodes[1:-1]) if at < end), len(nodes) - 2)
    return index, min(1.0, max(0.0, (at - nodes[index]) / (nodes[index + 1] - nodes[index])))


def resample(image: Image.Image, field: Field, box: tuple[int, int, int, int], fineness: int = 2) -> Image.Image:
    """Resample `image` by `field` for the output pixels of `box`, whose edges are nodes; the size of `box`.

    The source is mirrored at its edges. Shift and zoom take one LANCZOS resampling for each axis. For a local
    displacement the source is enlarged `fineness` times by LANCZOS and sampled bilinearly: this is sharper than
    bilinear sampling of the source, and unlike the bicubic of `transform` it has no bias in position.
    """
    reach = math.ceil(max(field.largest)) + _SUPPORT + 1
    source = crop_mirrored(image, (box[0] - reach, box[1] - reach, box[2] + reach, box[3] + reach))
    origin = (box[0] - reach, box[1] - reach)
    if field.separable:
        return _stretched(source, origin, field, box)
    return _meshed(source, origin, field, box, fineness)


def _stretched(
    source: Image.Image, origin: tuple[int, int], field: Field, box: tuple[int, int, int, int]
) -> Image.Image:
    """`box` through a separable field, from a `source` whose first pixel lies at `origin`: a resize for each piece
    over which both axes are linear."""
    columns = _straight_runs(field.xs, [dx for dx, _ in field.nodes[0]], box[0], box[2])
    rows = _straight_runs(field.ys, [row[0][1] for row in field.nodes], box[1], box[3])
    out = Image.new(source.mode, (box[2] - box[0], box[3] - box[1]))
    for (top, bottom), (from_y, to_y) in rows:
        for (left, right), (from_x, to_x) in columns:
            window = (from_x - origin[0], from_y - origin[1], to_x - origin[0], to_y - origin[1])
            piece = source.resize((right - left, bottom - top), Image.Resampling.LANCZOS, box=window)
            out.paste(piece, (left - box[0], top - box[1]))
    return out


def _straight_runs(
    nodes: Sequence[float], displacements: Sequence[float], start: int, stop: int
) -> list[tuple[tuple[int, int], tuple[float, float]]]:
    """The longest runs of nodes over which the displacement is linear: (from, to), and the sources of both ends."""
    points = [(at, at + d) for at, d in zip(nodes, displacements, strict=True) if start <= at <= stop]
    runs = []
    first = 0
    for last in range(1, len(points)):
        if last + 1 < len(points):
            (a, fa), (b, fb), (c, fc) = points[first], points[last], points[last + 1]
            if math.isclose((fb - fa) * (c - a), (fc - fa) * (b - a), rel_tol=1e-9):
                continue
        runs.append(((round(points[first][0]), round(points[last][0])), (points[first][1], points[last][1])))
        first = last
    return runs


def _meshed(
    source: Image.Image, origin: tuple[int, int], field: Field, box: tuple[int, int, int, int], fineness: int
) -> Image.Image:
    """`box` through any field, from a `source` whose first pixel lies at `origin`."""
    if fineness > 1:
        source = source.resize((source.width * fineness, source.height * fineness), Image.Resampling.LANCZOS)
    columns = [i for i, x in enumerate(field.xs) if box[0] <= x <= box[2]]
    rows = [i for i, y in enumerate(field.ys) if box[1] <= y <= box[3]]

    def corner(column: int, row: int) -> tuple[float, float]:
        dx, dy = field.nodes[row][column]
        return (field.xs[column] + dx - origin[0]) * fineness, (field.ys[row] + dy - origin[1]) * fineness

    def place(column: int, row: int) -> tuple[int, int]:
        return round(field.xs[column]) - box[0], round(field.ys[row]) - box[1]

    mesh = [
        (
            (*place(i, j), *place(k, m)),
            (*corner(i, j), *corner(i, m), *corner(k, m), *corner(k, j)),
        )
        for j, m in pairwise(rows)
        for i, k in pairwise(columns)
    ]
    size = (box[2] - box[0], box[3] - box[1])
    return source.transform(size, Image.Transform.MESH, mesh, Image.Resampling.BILINEAR)
