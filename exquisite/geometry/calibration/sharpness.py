"""Softness: the small symmetric kernel that takes the redraw back to the band's sharpness, fitted with known truth.

    [f e d e f]
    [e c b c e]
    [d b a b d]      a = 1 - 4 (b + c + d + f) - 8 e: a flat picture stays as it is
    [e c b c e]
    [f e d e f]

Least squares (a Wiener filter, 1949) is nearest to the band, and too soft: to noise and to detail that the model
invented it answers by smoothing, a little more at every step. With the band itself as the instrument (the method of
instrumental variables, Wright 1928) such errors do not count, and the kernel is too sharp. Between the two lies the one
that gives the redraw the band's energy of the Laplacian.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageFilter

from ...pixels import as_float, combined, crop_mirrored, difference, laplacian, mean, moved
from .spline import solve

__all__ = ["REACH_PX", "Kernel", "fit_kernel", "sharpened"]

REACH_PX = 2
"""How far the kernel reaches from its centre, in pixels."""

_CLASSES = (
    ((0, 1), (1, 0), (0, -1), (-1, 0)),
    ((1, 1), (1, -1), (-1, 1), (-1, -1)),
    ((0, 2), (2, 0), (0, -2), (-2, 0)),
    ((1, 2), (2, 1), (-1, 2), (2, -1), (1, -2), (-2, 1), (-1, -2), (-2, -1)),
    ((2, 2), (2, -2), (-2, 2), (-2, -2)),
)
_RIDGE = 1e-4


@dataclass(frozen=True)
class Kernel:
    """Weights b, c, d, e, f of the 5 by 5 kernel above; all 0 is the identity."""

    weights: tuple[float, float, float, float, float] = (0.0, 0.0, 0.0, 0.0, 0.0)

    @property
    def gain(self) -> float:
        """What the kernel does to the finest checkerboard, as a factor: above 1 it sharpens."""
        return 1 + sum(
            weight * sum(-2.0 for x, y in places if (x + y) % 2)
            for weight, places in zip(self.weights, _CLASSES, strict=True)
        )

    def matrix(self) -> list[float]:
        """The 25 weights, row by row."""
        at = {place: weight for weight, places in zip(self.weights, _CLASSES, strict=True) for place in places}
        at[0, 0] = 1 - sum(at.values())
        span = range(-REACH_PX, REACH_PX + 1)
        return [at[x, y] for y in span for x in span]


def fit_kernel(redraw: Image.Image, band: Image.Image, counted: Image.Image) -> Kernel:
    """The kernel that takes `redraw` to the sharpness of `band`: mode L, one size, registered, tone alike.

    `counted` is a picture of mode L, 255 where a pixel counts, else 0.
    """
    inner = (REACH_PX, REACH_PX, redraw.width - REACH_PX, redraw.height - REACH_PX)
    source, truth, mask = as_float(redraw), as_float(band), as_float(counted.crop(inner))
    start, goal = source.crop(inner), truth.crop(inner)
    changes = _changes(source, inner)
    shown = [_masked(change, mask) for change in changes]
    wanted = _masked(difference(goal, start), mask)
    nearest, sharpest = (
        _solved(instruments, shown, wanted)
        for instruments in (shown, [_masked(change, mask) for change in _changes(truth, inner)])
    )
    within = (1, 1, mask.width - 1, mask.height - 1)
    near_edges, sharp_edges, edges = (
        _masked(laplacian(image).crop(within), mask.crop(within))
        for image in (_changed(start, changes, nearest), _changed(start, changes, sharpest), goal)
    )
    share = _share_of_equal_energy(near_edges, sharp_edges, edges)
    b, c, d, e, f = (near + share * (sharp - near) for near, sharp in zip(nearest, sharpest, strict=True))
    return Kernel((b, c, d, e, f))


def _changes(source: Image.Image, inner: tuple[int, int, int, int]) -> list[Image.Image]:
    """What one unit of each weight adds to a picture of mode F, within `inner`."""
    centre = source.crop(inner)
    out = []
    for places in _CLASSES:
        total = combined(lambda a: a["c"] * -float(len(places)), c=centre)  # noqa: B023 (used at once)
        for x, y in places:
            total = combined(lambda a: a["t"] + a["n"], t=total, n=moved(source, x, y).crop(inner))
        out.append(total)
    return out


def _solved(
    instruments: Sequence[Image.Image], shown: Sequence[Image.Image], wanted: Image.Image
) -> tuple[float, ...]:
    """The weights w under which wanted - sum(w shown) is orthogonal to every instrument."""
    matrix = [[_product(a, b) for b in shown] for a in instruments]
    right = [_product(a, wanted) for a in instruments]
    for i in range(len(shown)):
        matrix[i][i] = matrix[i][i] * (1 + _RIDGE) + 1e-6
    return tuple(solve(matrix, right))


def _changed(start: Image.Image, changes: Sequence[Image.Image], weights: Sequence[float]) -> Image.Image:
    out = start
    for change, weight in zip(changes, weights, strict=True):
        out = combined(lambda a: a["o"] + a["c"] * weight, o=out, c=change)  # noqa: B023 (used at once)
    return out


def _share_of_equal_energy(near: Image.Image, sharp: Image.Image, truth: Image.Image) -> float:
    """The share m, 0 to 1, at which |(1 - m) near + m sharp|² comes to |truth|²."""
    near_energy, sharp_energy, energy = (_product(image, image) for image in (near, sharp, truth))
    if near_energy >= energy or sharp_energy <= energy:
        return 0.0 if near_energy >= energy else 1.0
    between = _product(near, sharp)
    curvature, slope = near_energy - 2 * between + sharp_energy, between - near_energy
    root = math.sqrt(max(0.0, slope * slope + curvature * (energy - near_energy)))
    rise = slope + root  # above 0 but for rounding, where the two hardly differ
    return min(1.0, (energy - near_energy) / rise) if rise > 0 else 0.0


def _masked(image: Image.Image, mask: Image.Image) -> Image.Image:
    return combined(lambda a: a["i"] * a["m"], i=image, m=mask)


def sharpened(image: Image.Image, kernel: Kernel) -> Image.Image:
    """`image` through `kernel`, mirrored at its edges."""
    width, height = image.size
    size = 2 * REACH_PX + 1
    padded = crop_mirrored(image, (-REACH_PX, -REACH_PX, width + REACH_PX, height + REACH_PX))
    out = padded.filter(ImageFilter.Kernel((size, size), kernel.matrix(), scale=1))
    return out.crop((REACH_PX, REACH_PX, width + REACH_PX, height + REACH_PX))  # the filter leaves its rim as it is


def _product(a: Image.Image, b: Image.Image) -> float:
    """Sum of a * b, per pixel."""
    return mean(_masked(a, b))
