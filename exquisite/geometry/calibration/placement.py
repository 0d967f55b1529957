"""Estimates shift and zoom of a redraw: the maximum a posteriori estimate with a Gaussian prior.

The parameters are four lengths in pixels: the shift at the middle of the seam along both axes, and for each axis the
displacement by the zoom at half the height of the tile from there. Each Gauss-Newton step solves

    (A + s P) step = b - s P at        A, b: the weighted normal equations of all blocks, per pixel
                                       s: variance of the error, over the number of independent pixels of a block
                                       P: 1 over the variance of the drift of typical models

Finally, the axes of A with a standard deviation above _KNOWN_PX are set to no displacement: an even sky does not
determine a shift along its bands, so none is corrected.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from operator import mul

from PIL import Image

from ...pixels import crop_mirrored, mean, multiply, square
from .blocks import Level, summed_blocks
from .displacement import Placement
from .linear import principal_axes, solve

__all__ = ["MAX_SHIFT_PX", "MAX_ZOOM", "PlacementFit", "identified", "refined", "searched"]

MAX_SHIFT_PX = 64
"""Largest shift that the search covers, in pixels, in both directions of each axis."""

MAX_ZOOM = 0.10
"""Largest change of size that is corrected, as a share, for each axis."""

_USUAL = 1 / 32  # standard deviation of the prior, of half the tile's height: 16 px, and a zoom of 3 %
_ALIKE_PX = 9.0  # neighbouring errors are correlated over about 3 by 3 pixels
_ROUNDING = 0.25  # levels^2: two roundings to whole levels, and a margin
_KNOWN_PX = 1.0  # largest standard deviation of a known placement
_NOISE_GRADIENT = 3 / 8  # of the error: three times what white noise leaves in a gradient of the mean
_CONTOURS = 0.1  # levels^2: spurious gradient energy from the contours of a slow gradient in whole levels
_MOST_NOISE = 4.0  # levels^2, of the difference: a standard deviation of 1.4 in either picture
_STARTS = 4  # number of candidates: wrong places may fit by chance about as well as the right one
_STILL_PX = 0.05  # pixels of a level: after a shorter step the next one is negligible (Gauss-Newton)


@dataclass(frozen=True)
class PlacementFit:
    """A placement with its statistics: `error` is the mean squared error before the last step, `information` the
    inverse covariance of the four lengths."""

    placement: Placement
    weights: tuple[float, ...]
    error: float
    information: Sequence[Sequence[float]]


def searched(level: Level, centre: tuple[float, float], farthest: int) -> list[Placement]:
    """The best local optima of the shift on the coarsest level, and the zero shift."""
    # 1. The variance of the middle of the band that offset and gain do not explain, at every shift within reach.
    band, redraw = level.band, level.redraw
    reach = min(farthest // level.scale, min(band.size) // 4)
    inner = band.crop((reach, reach, band.width - reach, band.height - reach))
    variance = mean(square(inner)) - mean(inner) ** 2
    errors = {}
    for y in range(-reach, reach + 1):
        for x in range(-reach, reach + 1):
            moved = redraw.crop((reach + x, reach + y, band.width - reach + x, band.height - reach + y))
            errors[x, y] = variance - _explained(inner, moved)
    # 2. The shifts that leave less than all eight neighbours.
    around = [(x, y) for y in (-1, 0, 1) for x in (-1, 0, 1)]
    minima = [(x, y) for x, y in errors if all(errors[x, y] <= errors.get((x + i, y + j), math.inf) for i, j in around)]
    # 3. Several of the best, because the best on this level may be wrong, and no shift, which is the most common.
    chosen = {(0, 0), *sorted(minima, key=lambda at: errors[at])[:_STARTS]}
    return [Placement((float(x * level.scale), float(y * level.scale)), (1.0, 1.0), centre) for x, y in sorted(chosen)]


def _explained(band: Image.Image, redraw: Image.Image) -> float:
    """The variance of `band` that an offset on `redraw` and a gain above 0 explain."""
    x = mean(redraw)
    variance = mean(square(redraw)) - x * x
    covariance = mean(multiply(redraw, band)) - x * mean(band)
    return max(0.0, covariance) ** 2 / (max(0.0, variance) + 1e-6)


def refined(level: Level, placement: Placement, rounds: int) -> PlacementFit:
    """`placement` after at most `rounds` steps on one level, fewer where a step hardly moves it."""
    fit = _step(level, placement)
    for _ in range(rounds - 1):
        before, after = (_lengths(one, level.unit) for one in (placement, fit.placement))
        if all(abs(a - b) < _STILL_PX * level.scale for a, b in zip(before, after, strict=True)):
            break
        placement = fit.placement
        fit = _step(level, placement)
    return fit


def _step(level: Level, placement: Placement) -> PlacementFit:
    """One Gauss-Newton step."""
    blocks = summed_blocks(level, _placed_redraw(level, placement), placement)
    # 1. The normal equations. A block's displacement is (shift x + u zoom x, shift y + v zoom y): each length has its
    #    axis and its factor.
    unit = level.unit
    ones = [1.0] * len(blocks.weights)
    us = [(x - placement.centre[0]) / unit for x in blocks.xs]
    vs = [(y - placement.centre[1]) / unit for y in blocks.ys]
    lengths = ((0, ones), (0, us), (1, ones), (1, vs))
    xx, xy, yy, xe, ye = blocks.weighted_sums()
    products = ((xx, xy), (xy, yy))
    matrix = [[0.0] * len(lengths) for _ in lengths]
    for i, (axis, a) in enumerate(lengths):
        for k, (other, b) in enumerate(lengths[: i + 1]):
            matrix[i][k] = matrix[k][i] = _dot(products[axis][other], a, b)
    right = [_dot((xe, ye)[i], a) for i, a in lengths]
    # 2. The prior, in the units of the equations.
    total_weight = sum(blocks.weights) + 1e-9
    variance = _dot(blocks.weights, blocks.errors) / total_weight + _ROUNDING * level.scale**2
    noise = variance * _ALIKE_PX / level.block_px**2
    tie = noise / (_USUAL * unit) ** 2
    at = _lengths(placement, unit)
    tied = [[value + tie * (i == k) for k, value in enumerate(row)] for i, row in enumerate(matrix)]
    step = solve(tied, [b - tie * length for b, length in zip(right, at, strict=True)])
    # 3. The information of the data alone, without the spurious part from noise.
    lower_quartile = sorted(blocks.errors)[len(blocks.errors) // 4] / level.scale**2
    noise_gradient = max(_CONTOURS, min(_MOST_NOISE, lower_quartile) * _NOISE_GRADIENT)
    limits = [weight * noise_gradient for weight in blocks.weights]
    for k, (axis, factors) in enumerate(lengths):
        matrix[k][k] -= _dot(list(map(min, products[axis][axis], limits)), factors, factors)
    information = [[value / noise for value in row] for row in matrix]
    moved = _from_lengths([length + change for length, change in zip(at, step, strict=True)], placement, unit)
    error = sum(blocks.errors) / len(blocks.errors)
    return PlacementFit(moved, tuple(blocks.fidelities), error, information)


def _dot(values: Sequence[float], *factors: Sequence[float]) -> float:
    """The sum of the products of values and factors."""
    for each in factors:
        values = list(map(mul, values, each))
    return sum(values)


def identified(fit: PlacementFit, unit: float) -> tuple[Placement, tuple[bool, bool]]:
    """The placement along the axes that the picture determines, and whether it determines x and y.

    The smaller eigenvalues of the normal equations decide. Along an undetermined axis nothing is moved.
    """
    at = _lengths(fit.placement, unit)
    axes = [axis for value, axis in principal_axes(fit.information) if value >= _KNOWN_PX**-2]
    if len(axes) == len(at):
        return fit.placement, (True, True)
    lengths = [0.0] * len(at)
    for axis in axes:
        along = math.fsum(a * b for a, b in zip(axis, at, strict=True))
        lengths = [length + along * a for length, a in zip(lengths, axis, strict=True)]
    identifiable = [sum(axis[k] ** 2 for axis in axes) > 0.5 for k in (0, 2)]
    return _from_lengths(lengths, fit.placement, unit), (identifiable[0], identifiable[1])


def _lengths(placement: Placement, unit: float) -> list[float]:
    """The four parameters: shift x, zoom x, shift y, zoom y, in pixels."""
    (x, y), (wide, high) = placement.shift, placement.scale
    return [x, (wide - 1) * unit, y, (high - 1) * unit]


def _from_lengths(lengths: Sequence[float], like: Placement, unit: float) -> Placement:
    """The placement with these parameters about the centre of `like`, within the capture range."""
    x, wide, y, high = lengths
    scale = [1 + min(MAX_ZOOM, max(-MAX_ZOOM, length / unit)) for length in (wide, high)]
    return Placement((x, y), (scale[0], scale[1]), like.centre)


def _placed_redraw(level: Level, placement: Placement) -> Image.Image:
    """The redraw of one level pulled back onto the band by shift and zoom."""
    (width, height), scale = level.band.size, level.scale
    left, top = (v / scale for v in placement.at(0, 0))
    right, bottom = (v / scale for v in placement.at(width * scale, height * scale))
    edges = (left, top, right + width, bottom + height)
    region = (math.floor(left) - 3, math.floor(top) - 3, math.ceil(edges[2]) + 3, math.ceil(edges[3]) + 3)
    source = crop_mirrored(level.redraw, region)
    window = (edges[0] - region[0], edges[1] - region[1], edges[2] - region[0], edges[3] - region[1])
    return source.resize((width, height), Image.Resampling.BICUBIC, box=window)
