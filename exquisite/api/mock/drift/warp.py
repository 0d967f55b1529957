"""Displacements on a grid, and sampling of pictures through them."""

from __future__ import annotations

import math
import random
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from PIL import Image

__all__ = ["Displacements", "fine_displacements", "sampled", "slow_warp"]

_SLOW_CELLS = 32  # along each edge: three slow waves are smooth over far fewer
_SUPERSAMPLING = 3  # samples an edge of a pixel, so that bilinear sampling blurs by a third of a pixel
_RMS_OF_BILINEAR = 2 / 3  # between independent nodes of variance 1: along each axis the mean of t² + (1 - t)² is 2/3


@dataclass(frozen=True)
class Displacements:
    """Displacements (x, y) in pixels at the nodes of a grid, bilinear between them.

    Attributes:
        xs, ys: coordinates of the nodes, ascending, from 0 to the width and the height.
        nodes: one row of (x, y) for each of `ys`.
    """

    xs: tuple[int, ...]
    ys: tuple[int, ...]
    nodes: tuple[tuple[tuple[float, float], ...], ...]

    @property
    def largest(self) -> float:
        """The largest displacement along either axis, in pixels."""
        return max(abs(value) for row in self.nodes for node in row for value in node)

    def at(self, x: float, y: float) -> tuple[float, float]:
        """The displacement at a point, which may lie beyond the grid."""
        column, across = _cell(x, self.xs)
        row, down = _cell(y, self.ys)
        corners = [self.nodes[row + j][column + i] for j in (0, 1) for i in (0, 1)]
        weights = [(1 - across) * (1 - down), across * (1 - down), (1 - across) * down, across * down]
        return (
            sum(weight * node[0] for weight, node in zip(weights, corners, strict=True)),
            sum(weight * node[1] for weight, node in zip(weights, corners, strict=True)),
        )


@lru_cache(maxsize=8)
def slow_warp(seed: int | str, warp_px: float, size: tuple[int, int]) -> Displacements:
    """A smooth warp: three slow waves for each axis, scaled to a largest displacement of `warp_px`."""
    draw = random.Random(f"warp:{seed}")
    xs, ys = (_nodes(length, max(1, min(_SLOW_CELLS, length // 4))) for length in size)
    axes = []
    for _ in range(2):
        waves = [(draw.uniform(-2, 2), draw.uniform(-2, 2), draw.uniform(0, 1)) for _ in range(3)]
        heights = [
            [sum(math.sin(math.tau * (u * x / size[0] + v * y / size[1] + p)) for u, v, p in waves) for x in xs]
            for y in ys
        ]
        scale = warp_px / max(abs(height) for row in heights for height in row)
        axes.append([[height * scale for height in row] for row in heights])
    nodes = tuple(tuple(zip(row_x, row_y, strict=True)) for row_x, row_y in zip(*axes, strict=True))
    return Displacements(xs, ys, nodes)


@lru_cache(maxsize=8)
def fine_displacements(seed: int | str, rms_px: float, cell_px: float, size: tuple[int, int]) -> Displacements:
    """Independent Gaussian displacements every `cell_px`, of root mean square `rms_px` along each axis."""
    draw = random.Random(f"fine:{seed}")
    xs, ys = (_nodes(length, max(1, round(length / cell_px))) for length in size)
    sigma = rms_px / _RMS_OF_BILINEAR
    nodes = tuple(tuple((draw.gauss(0, sigma), draw.gauss(0, sigma)) for _ in xs) for _ in ys)
    return Displacements(xs, ys, nodes)


def sampled(
    source: Image.Image,
    grid: Displacements,
    place: Callable[[float, float], tuple[float, float]],
) -> Image.Image:
    """Sample `source`: the result covers `grid`, and its pixel at each node (x, y) is that of `source` at place(x, y).

    It is a mesh transform of a supersampled source: bilinear sampling there is sharp, and Pillow's bicubic mesh is off
    by .1 px.
    """
    fine = source.resize((source.width * _SUPERSAMPLING, source.height * _SUPERSAMPLING), Image.Resampling.LANCZOS)
    corners = [[tuple(_SUPERSAMPLING * v for v in place(x, y)) for x in grid.xs] for y in grid.ys]
    mesh = [
        ((left, top, right, bottom), (*above[i], *below[i], *below[i + 1], *above[i + 1]))
        for (top, above), (bottom, below) in pairwise(zip(grid.ys, corners, strict=True))
        for i, (left, right) in enumerate(pairwise(grid.xs))
    ]
    return fine.transform((grid.xs[-1], grid.ys[-1]), Image.Transform.MESH, mesh, Image.Resampling.BILINEAR)


def _nodes(length: int, cells: int) -> tuple[int, ...]:
    return tuple(round(length * i / cells) for i in range(cells + 1))


def _cell(at: float, nodes: tuple[int, ...]) -> tuple[int, float]:
    """The number of the cell with `at`, and the position within it (0 to 1, clamped at the ends of the grid)."""
    index = min(max(bisect_right(nodes, at) - 1, 0), len(nodes) - 2)
    return index, min(1.0, max(0.0, (at - nodes[index]) / (nodes[index + 1] - nodes[index])))
