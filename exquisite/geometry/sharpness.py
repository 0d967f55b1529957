"""Softness: the small symmetric kernel that takes the redraw back to the band's sharpness, by least squares.

A Wiener filter with known truth (Wiener 1949; here fitted directly, as in Widrow's normal equations):

    [f e d e f]
    [e c b c e]
    [d b a b d]      a = 1 - 4 (b + c + d + f) - 8 e: a flat picture stays as it is
    [e c b c e]
    [f e d e f]
"""

from __future__ import annotations

from dataclasses import dataclass

from PIL import Image, ImageFilter

from ..pixels import as_float, combined, crop_mirrored, moved
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
    """The kernel that takes `redraw` closest to `band`: mode L, one size, registered, tone alike.

    `counted` is a picture of mode L, 255 where a pixel counts, else 0.
    """
    inner = (REACH_PX, REACH_PX, redraw.width - REACH_PX, redraw.height - REACH_PX)
    source, mask = as_float(redraw), as_float(counted.crop(inner))
    centre = source.crop(inner)
    shown = []
    for places in _CLASSES:
        total = combined(lambda a: a["c"] * -float(len(places)), c=centre)  # noqa: B023 (used at once)
        for x, y in places:
            total = combined(lambda a: a["t"] + a["n"], t=total, n=moved(source, x, y).crop(inner))
        shown.append(combined(lambda a: a["t"] * a["m"], t=total, m=mask))
    wanted = combined(lambda a: (a["b"] - a["c"]) * a["m"], b=as_float(band).crop(inner), c=centre, m=mask)
    matrix = [[_product(a, b) for b in shown] for a in shown]
    right = [_product(a, wanted) for a in shown]
    for i in range(len(shown)):
        matrix[i][i] = matrix[i][i] * (1 + _RIDGE) + 1e-6
    b, c, d, e, f = solve(matrix, right)
    return Kernel((b, c, d, e, f))


def sharpened(image: Image.Image, kernel: Kernel) -> Image.Image:
    """`image` through `kernel`, mirrored at its edges."""
    width, height = image.size
    size = 2 * REACH_PX + 1
    padded = crop_mirrored(image, (-REACH_PX, -REACH_PX, width + REACH_PX, height + REACH_PX))
    out = padded.filter(ImageFilter.Kernel((size, size), kernel.matrix(), scale=1))
    return out.crop((REACH_PX, REACH_PX, width + REACH_PX, height + REACH_PX))  # the filter leaves its rim as it is


def _product(a: Image.Image, b: Image.Image) -> float:
    """Sum of a * b, per pixel."""
    product = combined(lambda v: v["a"] * v["b"], a=a, b=b)
    return float(product.reduce(product.size).getpixel((0, 0)))  # type: ignore[arg-type]
