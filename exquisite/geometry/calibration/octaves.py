"""Energies of the octaves of detail in a picture, and their coherence between two pictures.

Everything follows from the binomial blur B:

             [1 2 1]
    B = 1/16 [2 4 2]          fine octave  1 - B          coarse octave  B - B B
             [1 2 1]

The fine octave has structures smaller than about 4 pixels, the coarse one those between 4 and 8. Filtering a picture r
by a polynomial P in B gives the energy <r, P^2 r>, because B is symmetric. Every energy is therefore a sum of the
moments <r, B^n r>, which follow from a few blurred copies.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from PIL import Image

from ...pixels import add, combined, difference, mean, moved, multiply, square

__all__ = [
    "COARSE",
    "FINE",
    "LEAST_ENERGY",
    "Polynomial",
    "blurs",
    "coherence",
    "detail",
    "displaced_share",
    "energy",
    "moments",
    "product",
]

Polynomial = tuple[float, ...]
"""Coefficients of 1, B, B^2, ..."""

FINE: Polynomial = (1.0, -1.0)
"""1 - B: structures smaller than about 4 pixels."""

COARSE: Polynomial = (0.0, 1.0, -1.0)
"""B - B B: structures between about 4 and 8 pixels."""

LEAST_ENERGY = 0.05
"""Energy of an octave in levels^2 from rounding to whole levels alone: 1/12, less the part removed by the blur."""

_MEANS_PX = 16  # edge of the squares of local means: four times what the coarse octave reaches
_REACH = 2  # pixels at half the size: two standard deviations of the displacements of fine detail by models
_PLACE_PX = 8  # at half the size
_NO_ENERGY = 1e-5  # levels^2 of two pictures without detail, in a quotient
_CHANCE, _CLEAR = 0.08, 0.12  # share that the best displacement of unrelated noise explains, and half more


def blurs(picture: Image.Image, count: int) -> list[Image.Image]:
    """`picture` (mode F), then blurred by B once, twice, ... `count` times; wrong within as many pixels of its rim.

    B is the mean of 2 by 2 pixels to the lower right, and then that of 2 by 2 pixels to the upper left.
    """
    out = [picture]
    for _ in range(count):
        for dx, dy in ((1, 0), (0, 1), (-1, 0), (0, -1)):
            picture = add(picture, moved(picture, dx, dy))
        picture = multiply(picture, 1 / 16)
        out.append(picture)
    return out


def detail(picture: Image.Image) -> Image.Image:
    """`picture` (mode F) less its local means.

    The octaves are the same. Their energies are small differences of moments, which a hundred times larger means
    disturb: by rounding in mode F, and at the rim of a mask, where <a, B^n b> depends on which of both is blurred.
    """
    whole = (0.0, 0.0, picture.width / _MEANS_PX, picture.height / _MEANS_PX)
    means = picture.reduce(_MEANS_PX).resize(picture.size, Image.Resampling.BICUBIC, whole)
    return difference(picture, means)


def moments(a: Sequence[Image.Image], b: Sequence[Image.Image], mask: Image.Image) -> list[float]:
    """<a, B^n b> over `mask` (mode F, 0 or 1), per pixel, for n = 0, 1, ... as far as the blurs of both reach."""
    counting = [multiply(picture, mask) for picture in a]
    out = []
    for n in range(len(a) + len(b) - 1):
        i = min(n // 2, len(a) - 1)
        i, j = (i, n - i) if n - i < len(b) else (n - len(b) + 1, len(b) - 1)
        out.append(mean(multiply(counting[i], b[j])))
    return out


def product(a: Polynomial, b: Polynomial) -> Polynomial:
    """The filter that applies both polynomials."""
    out = [0.0] * (len(a) + len(b) - 1)
    for i, x in enumerate(a):
        for j, y in enumerate(b):
            out[i + j] += x * y
    return tuple(out)


def energy(squared: Polynomial, of: Sequence[float]) -> float:
    """<a, P b> for the polynomial P = `squared` and the moments `of` a and b."""
    return math.fsum(c * m for c, m in zip(squared, of, strict=False))


def coherence(octave: Polynomial, a: Sequence[float], b: Sequence[float], common: Sequence[float]) -> float:
    """The coherence of an octave in two pictures, 0 to 1, from their moments."""
    squared = product(octave, octave)
    mine, other = (max(0.0, energy(squared, of)) + LEAST_ENERGY for of in (a, b))
    return min(1.0, max(0.0, energy(squared, common)) ** 2 / (mine * other))  # rounding in mode F may exceed 1


def displaced_share(a: Image.Image, b: Image.Image, mask: Image.Image) -> float:
    """The share of the coherence of two pictures (mode F) that exists only after a displacement, 0 to 1.

    It is near 1 when one picture shows the detail of the other slightly displaced, and near 0 when the detail is in
    place or unrelated. Each place is compared over displacements up to 4 pixels, in the octave from 4 to 8 pixels.
    """
    size = (a.width // 2, a.height // 2)
    fine_a, fine_b = (_fine(image.reduce(2).crop((0, 0, *size))) for image in (a, b))
    mask = mask.reduce(2).crop((0, 0, *size))
    inner = (_REACH, _REACH, size[0] - _REACH, size[1] - _REACH)
    here = multiply(fine_b, mask).crop(inner)
    energies, squares = _places(square(here)), square(fine_a)
    # 1. The energy of `b` that `a` explains in each place, with a gain of its own: in place, and at its best.
    in_place = best = Image.new("F", energies.size)
    for dy in range(-_REACH, _REACH + 1):
        for dx in range(-_REACH, _REACH + 1):
            box = (inner[0] + dx, inner[1] + dy, inner[2] + dx, inner[3] + dy)
            common, mine = _places(multiply(fine_a.crop(box), here)), _places(squares.crop(box))
            match = combined(lambda v: v["max"](v["xy"], 0.0) ** 2 / (v["xx"] + LEAST_ENERGY), xy=common, xx=mine)
            best = combined(lambda v: v["max"](v["best"], v["match"]), best=best, match=match)
            if dx == dy == 0:
                in_place = match
    # 2. The best of so many displacements explains some of any picture: it tells something only if it explains more.
    anywhere = mean(best)
    evidence = (anywhere / (mean(energies) + _NO_ENERGY) - _CHANCE) / (_CLEAR - _CHANCE)
    return min(1.0, max(0.0, evidence)) * (1 - mean(in_place) / anywhere) if evidence > 0 else 0.0


def _fine(picture: Image.Image) -> Image.Image:
    sharp, soft = blurs(picture, 1)
    return difference(sharp, soft)


def _places(picture: Image.Image) -> Image.Image:
    """The mean of a picture (mode F) in each place, one pixel a place."""
    return picture.reduce(_PLACE_PX)
