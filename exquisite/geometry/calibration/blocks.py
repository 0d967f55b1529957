"""The image pyramid of band and redraw, and the normal equations of the displacement in each square block.

The equations are those of Lucas and Kanade (IJCAI 1981, eq. 9; coarse to fine as in Bouguet 2001), summed over square
blocks. The sums of a block serve the placement, the robust weights (recomposed blocks do not count) and the local
displacement.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from operator import mul

from PIL import Image

from ...pixels import add, difference, moved, multiply
from .displacement import Placement

__all__ = ["BLOCK_PX", "Blocks", "Level", "block_edge", "halved", "pyramid", "summed_blocks"]

BLOCK_PX = 32
"""Edge of a block on bands of full size, in pixels."""

_LEAST_LEVEL_PX = 16  # shorter edge of a band: a search needs room on both sides
_LEAST_BLOCKS = 8  # along either edge of a band
_LEAST_GRADIENT = 0.15  # levels^2: the contours of a slow gradient in whole levels have up to .1, at chance places
_ROUGH_PX = 2  # pixels beyond the tile allowed for each pixel of reduction: on coarse levels the placement is still
# rough, and an edge near the rim may be one of only two
_NOISE = 1.0  # levels^2 of the difference: no more than noise with a standard deviation of .7 in either picture
_ENERGY_FLOOR = 0.05  # of the mean gradient energy: the tiny error of a flat block does not prove that it was kept

_Averaged = tuple[Image.Image, Sequence[float]]  # a picture and its mean over each block


@dataclass(frozen=True)
class Level:
    """One level of the pyramid: band and redraw, both mode F, reduced by the factor `scale`."""

    scale: int
    band: Image.Image
    redraw: Image.Image
    block_px: int  # in pixels of this level

    @property
    def unit(self) -> float:
        """Half the height of the band in full-size pixels: the distance at which a zoom is converted to pixels."""
        return self.band.height * self.scale / 2


@dataclass(frozen=True)
class Blocks:
    """The blocks of one level, one value each, row by row.

    Attributes:
        xs: centre along x, in full-size pixels.
        ys: centre along y.
        sums: the five sums per pixel (`spline.Sums`), each as one list.
        errors: squared error.
        fidelities: how well the model kept the block, 0 to 1.
        weights: weight in the normal equations, 0 for a block without texture.
    """

    xs: Sequence[float]
    ys: Sequence[float]
    sums: Sequence[Sequence[float]]
    errors: Sequence[float]
    fidelities: Sequence[float]
    weights: Sequence[float]

    def weighted_sums(self, factor: float = 1.0) -> list[list[float]]:
        """The five sums times the weight of each block and `factor`."""
        weights = [factor * weight for weight in self.weights]
        return [list(map(mul, weights, values)) for values in self.sums]


def block_edge(size: tuple[int, int]) -> int:
    """Edge in pixels of the blocks of a band of `size`: BLOCK_PX, less on small bands, but at least 4 if possible."""
    block = BLOCK_PX
    while block > 4 and min(size) // block < _LEAST_BLOCKS:
        block //= 2
    return min(block, *size)


def pyramid(band: Image.Image, redraw: Image.Image, coarsest: int) -> list[Level]:
    """Levels of both pictures (mode F), coarsest first, reduced by at most `coarsest`, as far as their size allows."""
    block = block_edge(band.size)
    scale = coarsest
    while scale > 1 and (min(band.size) // scale < _LEAST_LEVEL_PX or block // scale < 2):
        scale //= 2
    levels = [Level(1, band, redraw, block)]
    while levels[0].scale < scale:
        last = levels[0]
        levels.insert(0, Level(2 * last.scale, halved(last.band), halved(last.redraw), last.block_px // 2))
    return levels


def halved(image: Image.Image) -> Image.Image:
    """Reduce to half the size, with a blur that removes fine hatching instead of aliasing it to a moire."""
    return image.resize((max(1, image.width // 2), max(1, image.height // 2)), Image.Resampling.BICUBIC)


def summed_blocks(level: Level, redraw: Image.Image, placement: Placement, captured_px: float = 0.0) -> Blocks:
    """The blocks of one level, from its `redraw` pulled back onto the band about `placement`.

    The mean of each block is subtracted from gradients and errors, because an offset in tone is no displacement. An
    error that a displacement by `captured_px` explains does not mark a block as recomposed.
    """
    band, edge = level.band, level.block_px
    columns, rows = band.width // edge, band.height // edge
    # 1. Four times the gradients of the mean of both pictures (symmetric: neither picture's noise counts twice), and
    #    the difference of both.
    both = add(band, redraw)
    along = difference(moved(both, 1), moved(both, -1))
    across = difference(moved(both, 0, 1), moved(both, 0, -1))
    # 2. Means of all products over each block, less the product of the means. An error over a gradient is a length in
    #    pixels of the level; made `scale` times larger, it is one in full-size pixels.
    whole = (0, 0, columns * edge, rows * edge)

    def averaged(picture: Image.Image) -> Sequence[float]:
        return picture.reduce(edge, whole).get_flattened_data()  # type: ignore[return-value]

    def covariances(a: _Averaged, b: _Averaged, factor: float) -> list[float]:
        (first, means), (second, others) = a, b
        products = averaged(multiply(first, second))
        return [factor * (product - x * y) for product, x, y in zip(products, means, others, strict=True)]

    pictures = map(_without_rim, (along, across, difference(band, redraw)))
    gx, gy, e = ((picture, averaged(picture)) for picture in pictures)
    gradients, mixed = 1 / 16, level.scale / 4
    xx, xy, yy = (covariances(*pair, gradients) for pair in ((gx, gx), (gx, gy), (gy, gy)))
    xe, ye = (covariances(gradient, e, mixed) for gradient in (gx, gy))
    errors = [max(0.0, error) for error in covariances(e, e, level.scale**2)]
    # 3. Weights: recomposed blocks count little, blocks with a source beyond the tile not at all.
    step = edge * level.scale
    energies = [x + y for x, y in zip(xx, yy, strict=True)]
    weights, shares = _weights(energies, errors, captured_px)
    tile = (level.redraw.width * level.scale, level.redraw.height * level.scale)
    inside = _inside(placement, step, (columns, rows), tile, _ROUGH_PX * (level.scale - 1))
    textured = [within and energy > _LEAST_GRADIENT for within, energy in zip(inside, energies, strict=True)]
    return Blocks(
        [(k + 0.5) * step for k in range(columns)] * rows,
        [(k + 0.5) * step for k in range(rows) for _ in range(columns)],
        (xx, xy, yy, xe, ye),
        errors,
        list(map(mul, shares, inside)),
        list(map(mul, weights, textured)),
    )


def _inside(
    placement: Placement, step: int, count: tuple[int, int], tile: tuple[int, int], slack: int
) -> list[bool]:
    """Whether the source of each block of edge `step` lies inside the tile, or at most `slack` pixels beyond it; row by
    row."""
    reach = step / 2 - slack
    lines = []
    for axis in (0, 1):
        centres = [(k + 0.5) * step for k in range(count[axis])]
        sources = [at + placement.at(at, at)[axis] for at in centres]
        lines.append([reach <= source <= tile[axis] - reach for source in sources])
    return [x and y for y in lines[1] for x in lines[0]]


def _weights(
    activity: Sequence[float], errors: Sequence[float], captured_px: float
) -> tuple[list[float], list[float]]:
    """Geman and McClure's weight of each block, by its squared error relative to its gradient energy, and the share of
    it that the model kept, by the same function of the error beyond noise.

    The typical error is weighted by gradient energy, not by the number of blocks: most blocks of a flat picture with
    one edge are empty, and compared with their errors that of the edge would always look recomposed. Compared with a
    sharp edge, on the other hand, noise alone would make every empty block look recomposed.
    """
    floor = _ENERGY_FLOOR * sum(activity) / len(activity) + 1e-6
    ratios = [error / (energy + floor) for error, energy in zip(errors, activity, strict=True)]
    beyond = [max(0.0, error - _NOISE) / (energy + floor) for error, energy in zip(errors, activity, strict=True)]
    typical = max(1e-9, captured_px**2, 2 * _weighted_median(ratios, activity))
    weights, shares = ([(typical / (typical + ratio)) ** 2 for ratio in each] for each in (ratios, beyond))
    return weights, shares


def _weighted_median(values: Sequence[float], weights: Sequence[float]) -> float:
    """The value below which half of the weight lies."""
    half, total = sum(weights) / 2, 0.0
    for value, weight in sorted(zip(values, weights, strict=True)):
        total += weight
        if total >= half:
            return value
    return 0.0


def _without_rim(picture: Image.Image) -> Image.Image:
    """`picture` (mode F) with 0 in its outermost pixels, where no difference is known; changed in place."""
    width, height = picture.size
    for box in ((0, 0, width, 1), (0, height - 1, width, height), (0, 0, 1, height), (width - 1, 0, width, height)):
        picture.paste(0, box)
    return picture
