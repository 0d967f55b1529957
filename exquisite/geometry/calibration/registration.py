"""Registers the redraw to the band: shift and zoom (`placement`), then a smooth local displacement."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from operator import mul

from PIL import Image

from .blocks import BLOCK_PX, Level, block_edge, pyramid, summed_blocks
from .displacement import Field, Placement, resample
from .placement import MAX_SHIFT_PX, PlacementFit, identified, refined, searched
from .spline import Spline, Sums, fit_spline

__all__ = ["LEAST_BAND_PX", "Registration", "locate", "register", "unmeasured"]

LEAST_BAND_PX = 16
"""Smallest width and height of a band whose displacement can be measured."""

_CAPTURED = 0.5  # pixels of a level: an error that such a bend explains does not mark a block as recomposed
_CELL_PX = 8 * BLOCK_PX  # of the local displacement, on bands of full size; see `_cell_px`
_COARSEST = 8  # level of the search: MAX_SHIFT_PX is 8 px there
_LOCAL_COARSEST = 4  # first level of the local displacement
_PLACEMENT_ROUNDS = {8: 4, 4: 2, 2: 2, 1: 2}  # largest number by level: the coarsest begins with the largest error
_LOCAL_ROUNDS = {2: 2, 1: 1}  # largest number by level; one step on the coarsest decides whether to continue
_ZOOM_SPREAD = 0.03  # a usual zoom, as `placement._USUAL` has it
_STIFFNESS = 0.3  # 1 over the variance of a second difference of the coefficients, (1.8 px)^2
_SMALL_FALL = 0.06  # of the squared error; the first step predicted .03 to .04 where the whole bend came to nothing
_SETTLED_FALL = 0.12  # of the squared error: after a smaller fall the next step on a level mostly predicted .03 at most
_CHANCE_PX = 180.0  # predicted fall, as a share, times the pixels for each coefficient: mostly below 170 by chance,
# above 250 by a warp of half a pixel


@dataclass(frozen=True)
class Registration:
    """The displacement of the redraw against the band.

    Attributes:
        placement: shift and zoom of the whole conditioning half.
        local: the remaining local displacement over the conditioning half.
        block_px: edge of the measured blocks in pixels.
        weights: weight of each block, 0 to 1, row by row.
        identifiable_axes: whether the picture determines the shift along x, and along y; an undetermined one is 0.
    """

    placement: Placement
    local: Spline
    block_px: int
    weights: tuple[float, ...]
    identifiable_axes: tuple[bool, bool] = (True, True)

    @property
    def has_bend(self) -> bool:
        """Whether there is a local displacement."""
        return any(node != (0.0, 0.0) for row in self.local.nodes for node in row)

    def straightened(self) -> Registration:
        """Shift and zoom alone."""
        return replace(self, local=self.local.flattened())

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Displacement (x, y) in pixels at a point of the conditioning half."""
        (px, py), (lx, ly) = self.placement.at(x, y), self.local.at(x, y)
        return px + lx, py + ly

    def field(self, xs: Sequence[float], ys: Sequence[float], scale: int = 1) -> Field:
        """The displacement at the nodes of a grid, both in pixels of a level `scale` times smaller."""
        local = self.local.over([x * scale for x in xs], [y * scale for y in ys])
        nodes = []
        for y, row in zip(ys, local, strict=True):
            placed = (self.placement.at(x * scale, y * scale) for x in xs)
            nodes.append(
                tuple(((px + lx) / scale, (py + ly) / scale) for (px, py), (lx, ly) in zip(placed, row, strict=True))
            )
        return Field(tuple(xs), tuple(ys), tuple(nodes))


def unmeasured(size: tuple[int, int]) -> Registration:
    """The registration without displacement, for a band of `size` (width, height) that is too small to measure."""
    block = block_edge(size)
    count = max(1, size[0] // block) * max(1, size[1] // block)
    placement = Placement((0.0, 0.0), (1.0, 1.0), (float(size[0]), size[1] / 2))
    return Registration(placement, Spline.flat(size, _cell_px(size)), block, (1.0,) * count, (False, False))


def locate(redraw: Image.Image, band: Image.Image, farthest: int = MAX_SHIFT_PX) -> Registration:
    """Find `band` in `redraw` by shift and zoom alone, `farthest` pixels away at most; pictures as for `register`."""
    levels = pyramid(band, redraw, _COARSEST)
    finest = levels[-1]
    if len(levels) > 1:
        levels[0] = replace(levels[0], block_px=2 * levels[0].block_px)
    starts = searched(levels[0], (float(band.width), band.height / 2), farthest)
    settled = [refined(levels[0], start, _PLACEMENT_ROUNDS[_COARSEST]) for start in starts]
    fit = min(settled, key=lambda one: _implausibility(one, farthest))
    for level in levels[1:]:
        fit = refined(level, fit.placement, _PLACEMENT_ROUNDS[level.scale])
    return Registration(fit.placement, _flat(finest), finest.block_px, fit.weights)


def register(
    redraw: Image.Image,
    band: Image.Image,
    start: Placement,
    promises: Callable[[Registration], bool] | None = lambda _: True,
) -> Registration:
    """Find `band` (mode F, canonical) in `redraw` (mode F, the whole canonical tile, tone near the band's).

    `start` gives shift and zoom to about a pixel (`locate`). They are refined, and a local displacement is added. If
    its first step predicts a small fall of the error, the other steps, a third of the time of a registration, follow
    only if the registration after the first step `promises` more. With None no local displacement is added.
    """
    levels = pyramid(band, redraw, _LOCAL_COARSEST)
    placement = start
    for level in levels[-2:]:
        fit = refined(level, placement, _PLACEMENT_ROUNDS[level.scale])
        placement = fit.placement
    placed = _unbent(fit, levels[-1])
    return _bent_where_it_may_help(levels, placed, promises) if promises else placed


def _unbent(fit: PlacementFit, finest: Level) -> Registration:
    """The determined shift and zoom, as a registration of the pictures of the `finest` level."""
    placement, identifiable = identified(fit, finest.unit)
    return Registration(placement, _flat(finest), finest.block_px, fit.weights, identifiable)


def _flat(level: Level) -> Spline:
    return Spline.flat(level.band.size, _cell_px(level.band.size))


def _implausibility(fit: PlacementFit, farthest: int) -> float:
    """The error with a penalty for a large displacement: a fifth at the end of the range, and a tenth for each usual
    zoom."""
    far = math.hypot(*fit.placement.shift) / farthest
    stretched = sum(abs(scale - 1) for scale in fit.placement.scale) / _ZOOM_SPREAD
    return (fit.error + 1e-3) * (1 + 0.2 * far + 0.1 * stretched)


def _bent_where_it_may_help(
    levels: Sequence[Level], placed: Registration, promises: Callable[[Registration], bool]
) -> Registration:
    """`placed` with a local displacement, if its first step predicts a larger fall of the error than chance does, and,
    where that is small, `promises` a better registration."""
    registration, fall = _with_bend(levels[0], placed)
    coefficients = 2 * len(placed.local.nodes) * len(placed.local.nodes[0])
    by_chance = _CHANCE_PX * coefficients / (levels[-1].band.width * levels[-1].band.height)
    if fall < by_chance or (fall < _SMALL_FALL and not promises(registration)):
        return placed
    registration = replace(registration, local=registration.local.refined())
    for level in levels:
        for _ in range(_LOCAL_ROUNDS.get(level.scale, 0)):
            registration, fall = _with_bend(level, registration)
            if fall < _SETTLED_FALL:
                break
    return registration


def _cell_px(size: tuple[int, int]) -> int:
    """Half of the shorter edge, at most eight blocks: the scale of local displacements depends on the tile's size."""
    return min(_CELL_PX, max(2 * BLOCK_PX, min(size) // 2))


def _bent_redraw(level: Level, registration: Registration) -> Image.Image:
    """The redraw pulled back onto the band by the whole registration."""
    width, height = level.band.size
    xs, ys = (tuple(float(x) for x in (*range(0, length, level.block_px), length)) for length in (width, height))
    return resample(level.redraw, registration.field(xs, ys, level.scale), (0, 0, width, height), 1)


def _with_bend(level: Level, registration: Registration) -> tuple[Registration, float]:
    """One step on the local displacement, and the share of the squared error that it should remove."""
    blocks = summed_blocks(level, _bent_redraw(level, registration), registration.placement, _CAPTURED * level.scale)
    error = sum(map(mul, blocks.weights, blocks.errors))
    variance = error / ((sum(blocks.weights) + 1e-9) * level.block_px**2) + 1e-6
    columns = level.band.width // level.block_px
    sums = list(zip(*blocks.weighted_sums(1 / variance), strict=True))
    joined = _joined(list(zip(blocks.xs, blocks.ys, sums, strict=True)), columns)
    local = fit_spline(registration.local, joined, _STIFFNESS).along(registration.identifiable_axes)
    xs, ys = blocks.xs[:columns], blocks.ys[::columns]
    old, new = (itertools.chain(*spline.over(xs, ys)) for spline in (registration.local, local))
    fall = 0.0
    for (xx, xy, yy, xe, ye), (x0, y0), (x1, y1) in zip(sums, old, new, strict=True):
        x, y = x1 - x0, y1 - y0
        fall += 2 * (x * xe + y * ye) - (x * x * xx + 2 * x * y * xy + y * y * yy)
    return replace(registration, local=local, weights=tuple(blocks.fidelities)), fall * variance / (error + 1e-9)


def _joined(blocks: Sequence[tuple[float, float, Sums]], columns: int) -> list[tuple[float, float, Sums]]:
    """Sums over two by two blocks, without an odd last column or row: a quarter of the work in the fit."""
    joined = []
    for top in range(0, len(blocks) - columns - 1, 2 * columns):
        for k in range(top, top + columns - 1, 2):
            four = [blocks[at] for at in (k, k + 1, k + columns, k + columns + 1)]
            x, y = sum(block[0] for block in four) / 4, sum(block[1] for block in four) / 4
            xx, xy, yy, xe, ye = (math.fsum(block[2][i] for block in four) for i in range(5))
            joined.append((x, y, (xx, xy, yy, xe, ye)))
    return joined
