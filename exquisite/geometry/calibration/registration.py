"""How far the redrawn band lies from the band: shift and zoom, then a smooth local displacement.

Lucas and Kanade's normal equations (IJCAI 1981, eq. 9; coarse to fine as in Bouguet 2001), summed over square
blocks. One set of sums a block serves the placement, the robust weights (blocks that the model re-invented do
not count) and the local displacement.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median

from PIL import Image

from ...pixels import combined, crop_mirrored, mean
from .displacement import Field, Placement, resample
from .spline import Spline, Sums, fit_spline, solve

__all__ = ["MAX_SHIFT_PX", "Registration", "halved", "locate", "register"]

MAX_SHIFT_PX = 32
"""The farthest that the coarse search looks, in pixels, either way of each axis."""

_BLOCK_PX = 32
_CELL_PX = 8 * _BLOCK_PX
_COARSEST = 8
_LOCAL_COARSEST = 4  # level at which the local displacement is begun
_LEAST_LEVEL_PX = 16
_PLACEMENT_ROUNDS = {8: 4, 4: 2, 2: 2, 1: 2}
_LOCAL_ROUNDS = {2: 2, 1: 1}
_STARTS = 4
_ZOOM_SPREAD = 0.03
_STIFFNESS = 0.3
_CHANCE_PX = 180.0  # what chance promises, in pixels a coefficient: mostly below 170; a warp of half a pixel: above 250


@dataclass(frozen=True)
class Registration:
    """Where the band is found in the redraw.

    Attributes:
        placement: shift and zoom of the whole conditioning half.
        local: what remains beyond it, over the conditioning half.
        block_px: edge of the blocks on which the displacement was measured, in pixels.
        weights: how much each block counted, 0 to 1, row by row.
    """

    placement: Placement
    local: Spline
    block_px: int
    weights: tuple[float, ...]

    @property
    def bent(self) -> bool:
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


@dataclass(frozen=True)
class _Level:
    """Band and redraw, both mode F, `scale` times smaller than they are."""

    scale: int
    band: Image.Image
    redraw: Image.Image
    block_px: int  # in pixels of this level


def locate(redraw: Image.Image, band: Image.Image, farthest: int = MAX_SHIFT_PX) -> Registration:
    """Find `band` in `redraw` by shift and zoom alone, `farthest` pixels away at most; pictures as for `register`."""
    levels = _pyramid(band, redraw, _COARSEST)
    finest = levels[-1]
    if len(levels) > 1:
        levels[0] = replace(levels[0], block_px=2 * levels[0].block_px)
    starts = _searched(levels[0], (float(band.width), band.height / 2), farthest)
    rounds = _PLACEMENT_ROUNDS[_COARSEST]
    settled = [_settled(levels[0], _unbent(start, finest), rounds) for start in starts]
    found, _ = min(settled, key=lambda one: _implausibility(one[0], one[1], farthest))
    for level in levels[1:]:
        found, _ = _settled(level, found, _PLACEMENT_ROUNDS[level.scale])
    return found


def register(redraw: Image.Image, band: Image.Image, start: Placement) -> Registration:
    """Find `band` (mode F, canonical) in `redraw` (mode F, the whole canonical tile, tone near the band's).

    `start` tells shift and zoom to about a pixel (`locate`): they are refined, and a local displacement comes to them.
    """
    levels = _pyramid(band, redraw, _LOCAL_COARSEST)
    placed = _unbent(start, levels[-1])
    for level in levels[-2:]:
        placed, _ = _settled(level, placed, _PLACEMENT_ROUNDS[level.scale])
    return _bent_where_it_may_help(levels, placed)


def _unbent(placement: Placement, finest: _Level) -> Registration:
    """Shift and zoom alone, as a registration of the `finest` level's pictures."""
    flat = Spline.flat(finest.band.size, _cell_px(finest.band.size))
    return Registration(placement, flat, finest.block_px, ())


def _settled(level: _Level, found: Registration, rounds: int) -> tuple[Registration, float]:
    """Where some steps on one level lead, and the squared error before the last of them."""
    error = 0.0
    for _ in range(rounds):
        found, error = _placed(level, found)
    return found, error


def _implausibility(found: Registration, error: float, farthest: int) -> float:
    """The error, raised for a far place, which must fit clearly better."""
    far = math.hypot(*found.placement.shift) / farthest
    stretched = sum(abs(scale - 1) for scale in found.placement.scale) / _ZOOM_SPREAD
    return (error + 1e-3) * (1 + 0.2 * far + 0.1 * stretched)


def _bent_where_it_may_help(levels: Sequence[_Level], placed: Registration) -> Registration:
    """`placed` with a local displacement, if its first step promises a fall that chance does not bring."""
    found, fall = _bent(levels[0], placed)
    coefficients = 2 * len(placed.local.nodes) * len(placed.local.nodes[0])
    if fall < _CHANCE_PX * coefficients / (levels[-1].band.width * levels[-1].band.height):
        return placed
    found, _ = _bent(levels[0], found)
    found = replace(found, local=found.local.refined())
    for level in levels:
        for _ in range(_LOCAL_ROUNDS.get(level.scale, 0)):
            found, _ = _bent(level, found)
    return found


def _cell_px(size: tuple[int, int]) -> int:
    """Half of the shorter edge, at most eight blocks: the local displacement of a tile is a matter of its size."""
    return min(_CELL_PX, max(2 * _BLOCK_PX, min(size) // 2))


def _block_px(size: tuple[int, int]) -> int:
    """32 px on bands of full size, less on small ones: never fewer than eight blocks along either edge."""
    block = _BLOCK_PX
    while block > 4 and min(size) // block < 8:
        block //= 2
    return block


def _pyramid(band: Image.Image, redraw: Image.Image, coarsest: int) -> list[_Level]:
    """Levels of both pictures, coarsest first."""
    block = _block_px(band.size)
    scale = coarsest
    while scale > 1 and (min(band.size) // scale < _LEAST_LEVEL_PX or block // scale < 2):
        scale //= 2
    levels = [_Level(1, band, redraw, block)]
    while levels[0].scale < scale:
        last = levels[0]
        levels.insert(0, _Level(2 * last.scale, halved(last.band), halved(last.redraw), last.block_px // 2))
    return levels


def halved(image: Image.Image) -> Image.Image:
    """Half the size; fine hatching must vanish, not turn into a moire that moves its own way."""
    return image.resize((image.width // 2, image.height // 2), Image.Resampling.BICUBIC)


def _searched(level: _Level, centre: tuple[float, float], farthest: int) -> list[Placement]:
    """Shifts at which the coarsest level fits better than at all neighbours: the best few, and none at all."""
    band, redraw = level.band, level.redraw
    reach = min(farthest // level.scale, min(band.size) // 4)
    inner = band.crop((reach, reach, band.width - reach, band.height - reach))
    errors = {}
    for y in range(-reach, reach + 1):
        for x in range(-reach, reach + 1):
            moved = redraw.crop((reach + x, reach + y, band.width - reach + x, band.height - reach + y))
            errors[x, y] = _mean_square(inner, moved)
    around = [(x, y) for y in (-1, 0, 1) for x in (-1, 0, 1)]
    minima = [(x, y) for x, y in errors if all(errors[x, y] <= errors.get((x + i, y + j), math.inf) for i, j in around)]
    chosen = {(0, 0), *sorted(minima, key=lambda at: errors[at])[:_STARTS]}
    return [Placement((float(x * level.scale), float(y * level.scale)), (1.0, 1.0), centre) for x, y in sorted(chosen)]


def _mean_square(a: Image.Image, b: Image.Image) -> float:
    squared = combined(lambda v: (v["a"] - v["b"]) * (v["a"] - v["b"]), a=a, b=b)
    return mean(squared)


@dataclass(frozen=True)
class _Block:
    """One block's centre (x, y) in full-size pixels, its sums, its squared error, its weight."""

    x: float
    y: float
    sums: Sums
    error: float
    weight: float


def _blocks(level: _Level, found: Registration, bent: bool) -> list[_Block]:
    band, edge = level.band, level.block_px
    width, height = band.size
    moved = _bent_redraw(level, found) if bent else _placed_redraw(level, found.placement)
    middle = combined(lambda a: (a["a"] + a["b"]) * 0.5, a=band, b=moved)
    gx = _difference(middle.crop((2, 1, width, height - 1)), middle.crop((0, 1, width - 2, height - 1)), 0.5)
    gy = _difference(middle.crop((1, 2, width - 1, height)), middle.crop((1, 0, width - 1, height - 2)), 0.5)
    inner = (1, 1, width - 1, height - 1)
    e = _difference(band.crop(inner), moved.crop(inner), level.scale)  # in full-size pixels once divided by a gradient
    columns, rows = width // edge, height // edge

    def summed(*factors: Image.Image) -> Sequence[float]:
        product = Image.new("F", (columns * edge, rows * edge))
        product.paste(
            combined(lambda p: p["a"] * p["b"], a=factors[0], b=factors[1]) if factors[1:] else factors[0], (1, 1)
        )
        return product.reduce(edge).get_flattened_data()  # type: ignore[return-value]

    means = zip(summed(gx), summed(gy), summed(e), strict=True)
    squares = zip(*(summed(a, b) for a, b in ((gx, gx), (gx, gy), (gy, gy), (gx, e), (gy, e), (e, e))), strict=True)
    values = [
        (xx - x * x, xy - x * y, yy - y * y, xe - x * m, ye - y * m, ee - m * m)
        for (x, y, m), (xx, xy, yy, xe, ye, ee) in zip(means, squares, strict=True)
    ]
    step = edge * level.scale
    weights = _weights([v[0] + v[2] for v in values], [v[5] for v in values])
    tile = (level.redraw.width * level.scale, level.redraw.height * level.scale)
    inside = _inside(found.placement, step, (columns, rows), tile)
    return [
        _Block((k % columns + 0.5) * step, (k // columns + 0.5) * step, value[:5], value[5], weight * seen)
        for k, (value, weight, seen) in enumerate(zip(values, weights, inside, strict=True))
    ]


def _inside(placement: Placement, step: int, count: tuple[int, int], tile: tuple[int, int]) -> list[bool]:
    """Whether the source of each block of edge `step` lies inside the tile, row by row."""
    lines = []
    for axis in (0, 1):
        centres = [(k + 0.5) * step for k in range(count[axis])]
        sources = [at + placement.at(at, at)[axis] for at in centres]
        lines.append([step / 2 <= source <= tile[axis] - step / 2 for source in sources])
    return [x and y for y in lines[1] for x in lines[0]]


def _weights(activity: Sequence[float], errors: Sequence[float]) -> list[float]:
    """Geman and McClure's weight of each block, by its squared error relative to its gradient energy."""
    floor = 0.05 * sum(activity) / len(activity) + 1e-6
    ratios = [error / (energy + floor) for error, energy in zip(errors, activity, strict=True)]
    typical = max(1e-9, 2 * median(ratios))
    return [(typical / (typical + ratio)) ** 2 for ratio in ratios]


def _difference(a: Image.Image, b: Image.Image, factor: float) -> Image.Image:
    return combined(lambda p: (p["a"] - p["b"]) * factor, a=a, b=b)


def _placed_redraw(level: _Level, placement: Placement) -> Image.Image:
    """The redraw pulled back onto the band by shift and zoom alone."""
    (width, height), scale = level.band.size, level.scale
    left, top = (v / scale for v in placement.at(0, 0))
    right, bottom = (v / scale for v in placement.at(width * scale, height * scale))
    edges = (left, top, right + width, bottom + height)
    region = (math.floor(left) - 3, math.floor(top) - 3, math.ceil(edges[2]) + 3, math.ceil(edges[3]) + 3)
    source = crop_mirrored(level.redraw, region)
    window = (edges[0] - region[0], edges[1] - region[1], edges[2] - region[0], edges[3] - region[1])
    return source.resize((width, height), Image.Resampling.BICUBIC, box=window)


def _bent_redraw(level: _Level, found: Registration) -> Image.Image:
    """The redraw pulled back onto the band by the whole registration."""
    width, height = level.band.size
    xs, ys = (tuple(float(x) for x in range(0, length + 1, level.block_px)) for length in (width, height))
    return resample(level.redraw, found.field(xs, ys, level.scale), (0, 0, width, height), 1)


def _placed(level: _Level, found: Registration) -> tuple[Registration, float]:
    """One Gauss-Newton step on shift and zoom, and the mean squared error before it."""
    placement = found.placement
    blocks = _blocks(level, found, bent=False)
    unit = placement.centre[1]
    a00 = a01 = a02 = a03 = a11 = a12 = a13 = a22 = a23 = a33 = b0 = b1 = b2 = b3 = 0.0
    for block in blocks:
        u, v = (block.x - placement.centre[0]) / unit, (block.y - placement.centre[1]) / unit
        xx, xy, yy, xe, ye = _scaled(block.sums, block.weight)
        a00, a01, a02, a03 = a00 + xx, a01 + xx * u, a02 + xy, a03 + xy * v
        a11, a12, a13 = a11 + xx * u * u, a12 + xy * u, a13 + xy * u * v
        a22, a23, a33 = a22 + yy, a23 + yy * v, a33 + yy * v * v
        b0, b1, b2, b3 = b0 + xe, b1 + xe * u, b2 + ye, b3 + ye * v
    matrix = [[a00, a01, a02, a03], [a01, a11, a12, a13], [a02, a12, a22, a23], [a03, a13, a23, a33]]
    trace = sum(matrix[i][i] for i in range(4))
    for i in range(4):
        matrix[i][i] += 1e-4 * trace + 1e-9  # a direction without any gradient stays where it is
    shift_x, zoom_x, shift_y, zoom_y = solve(matrix, [b0, b1, b2, b3])
    placed = Placement(
        (placement.shift[0] + shift_x, placement.shift[1] + shift_y),
        (placement.scale[0] + zoom_x / unit, placement.scale[1] + zoom_y / unit),
        placement.centre,
    )
    error = sum(block.error for block in blocks) / len(blocks)
    return Registration(placed, found.local, found.block_px, tuple(block.weight for block in blocks)), error


def _bent(level: _Level, found: Registration) -> tuple[Registration, float]:
    """One step on the local displacement, and the share of the squared error that it should take away."""
    blocks = _blocks(level, found, bent=True)
    counted = sum(block.weight for block in blocks) + 1e-9
    error = sum(block.weight * block.error for block in blocks)
    variance = error / (counted * level.block_px**2) + 1e-6
    columns = level.band.width // level.block_px
    weighted = [(b.x, b.y, _scaled(b.sums, b.weight / variance)) for b in blocks]
    local = fit_spline(found.local, _joined(weighted, columns), _STIFFNESS)
    xs, ys = [b.x for b in blocks[:columns]], [b.y for b in blocks[::columns]]
    old, new = (spline.over(xs, ys) for spline in (found.local, local))
    fall = 0.0
    for k, (_, _, (xx, xy, yy, xe, ye)) in enumerate(weighted):
        (x0, y0), (x1, y1) = old[k // columns][k % columns], new[k // columns][k % columns]
        x, y = x1 - x0, y1 - y0
        fall += 2 * (x * xe + y * ye) - (x * x * xx + 2 * x * y * xy + y * y * yy)
    weights = tuple(block.weight for block in blocks)
    return Registration(found.placement, local, found.block_px, weights), fall * variance / (error + 1e-9)


def _scaled(sums: Sums, factor: float) -> Sums:
    xx, xy, yy, xe, ye = sums
    return factor * xx, factor * xy, factor * yy, factor * xe, factor * ye


def _joined(blocks: Sequence[tuple[float, float, Sums]], columns: int) -> list[tuple[float, float, Sums]]:
    """Sums over two by two blocks (an odd last column or row stays out): a quarter of the work in the fit."""
    joined = []
    for top in range(0, len(blocks) - columns - 1, 2 * columns):
        for k in range(top, top + columns - 1, 2):
            four = [blocks[at] for at in (k, k + 1, k + columns, k + columns + 1)]
            x, y = sum(block[0] for block in four) / 4, sum(block[1] for block in four) / 4
            xx, xy, yy, xe, ye = (math.fsum(block[2][i] for block in four) for i in range(5))
            joined.append((x, y, (xx, xy, yy, xe, ye)))
    return joined
