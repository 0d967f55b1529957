"""A displacement field on a grid, and the one resampling by which a picture follows it.

Coordinates are continuous, in pixels of the canonical tile: pixel i covers [i, i + 1), its centre lies at
i + 0.5. A field says for every point p of the output where in the source it is found: at p + d(p).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

from PIL import Image

from ..pixels import crop_mirrored

__all__ = ["Field", "Placement", "kept_inside", "resample"]

_SUPPORT = 3  # of LANCZOS, in pixels


@dataclass(frozen=True)
class Placement:
    """Shift and zoom: the point p of the band is found in the redraw at p + shift + (scale - 1) * (p - centre).

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
        """Displacement (x, y) in pixels at the point (x, y); beyond the outer nodes their value holds."""
        column, across = _cell(x, self.xs)
        row, down = _cell(y, self.ys)
        (a, b), (c, d) = (self.nodes[row + j][column : column + 2] for j in (0, 1))
        weights = ((1 - across) * (1 - down), across * (1 - down), (1 - across) * down, across * down)
        return (
            sum(weight * node[0] for weight, node in zip(weights, (a, b, c, d), strict=True)),
            sum(weight * node[1] for weight, node in zip(weights, (a, b, c, d), strict=True)),
        )

    @property
    def largest(self) -> tuple[float, float]:
        """The largest |displacement| of each axis over all nodes, in pixels."""
        return tuple(max(abs(node[axis]) for row in self.nodes for node in row) for axis in (0, 1))  # type: ignore[return-value]


def _cell(at: float, nodes: tuple[float, ...]) -> tuple[int, float]:
    """Number of the cell that holds `at`, and how far into it, 0 to 1 (held at both ends)."""
    index = next((i for i, end in enumerate(nodes[1:-1]) if at < end), len(nodes) - 2)
    return index, min(1.0, max(0.0, (at - nodes[index]) / (nodes[index + 1] - nodes[index])))


def resample(image: Image.Image, field: Field, box: tuple[int, int, int, int], fineness: int = 2) -> Image.Image:
    """`image` seen through `field`, for the output pixels of `box`, whose edges are nodes; the size of `box`.

    The source is mirrored where it ends, enlarged `fineness` times by LANCZOS, and read there bilinearly: sharper
    than bilinear on the source, and unlike the bicubic of `transform` without a bias in position.
    """
    reach = math.ceil(max(field.largest)) + _SUPPORT + 1
    left, top, right, bottom = box[0] - reach, box[1] - reach, box[2] + reach, box[3] + reach
    source = crop_mirrored(image, (left, top, right, bottom))
    if fineness > 1:
        source = source.resize((source.width * fineness, source.height * fineness), Image.Resampling.LANCZOS)
    columns = [i for i, x in enumerate(field.xs) if box[0] <= x <= box[2]]
    rows = [i for i, y in enumerate(field.ys) if box[1] <= y <= box[3]]

    def corner(column: int, row: int) -> tuple[float, float]:
        dx, dy = field.nodes[row][column]
        return (field.xs[column] + dx - left) * fineness, (field.ys[row] + dy - top) * fineness

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


def kept_inside(field: Field) -> Field:
    """`field` with its displacement across the seam tapered to nothing at an outer row that lacks its source.

    The taper is at most twice as steep as the picture: it spans at least twice the missing pixels.
    """
    nodes = [list(row) for row in field.nodes]
    for rows, sign in ((range(len(nodes)), -1), (range(len(nodes) - 1, -1, -1), 1)):
        edge = rows[0]
        missing = max(sign * dy for _, dy in field.nodes[edge])
        if missing <= 0:
            continue
        for row in rows:
            share = abs(field.ys[row] - field.ys[edge]) / max(2 * missing, abs(field.ys[rows[1]] - field.ys[edge]))
            if share >= 1:
                break
            nodes[row] = [(dx, dy * share if sign * dy > 0 else dy) for dx, dy in nodes[row]]
    return Field(field.xs, field.ys, tuple(tuple(row) for row in nodes))
