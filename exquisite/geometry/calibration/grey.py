"""The grey picture for the registration of a coloured one: luminance, or another mix that shows more edges.

The luminance does not show an edge between two colours of equal luminance. In flat pictures this may be the only edge
that determines the displacement along an axis.
"""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image

from ...pixels import add, as_float, difference, square

__all__ = ["LUMINANCE", "Weights", "registration_grey"]

Weights = tuple[float, float, float, float]
"""Weights of red, green and blue, and an offset."""

LUMINANCE: Weights = (0.299, 0.587, 0.114, 0.0)
"""ITU-R BT.601, as Pillow converts RGB to L."""

_OTHERS: tuple[Weights, ...] = (
    (1.0, 0.0, 0.0, 0.0),
    (0.0, 1.0, 0.0, 0.0),
    (0.0, 0.0, 1.0, 0.0),
    (0.5, -0.5, 0.0, 127.5),
    (0.5, 0.0, -0.5, 127.5),
    (0.0, 0.5, -0.5, 127.5),
)  # each channel alone, and half of the difference of two channels around mid-grey
_SIZE_PX = 128  # of the longer edge, at which edges are counted: of a band of full size 8 by 8 pixels each
_PLACE_PX = 4  # edge of a place in that size: a block of full size
_LEAST_ENERGY = 4.0  # levels^2 per pixel: an edge of 4 levels through a place; noise and slow gradients have less
_SEEN = 0.1  # of the energy of the picture that shows a place best
_ENOUGH = 0.9  # of the places that any of the pictures shows


def registration_grey(band: Image.Image) -> Weights:
    """The weights of the luminance, unless it hides a tenth of the places with edges in an RGB `band`; then those of
    the grey picture that shows most of these places."""
    factor = max(1, max(band.size) // _SIZE_PX)
    small = band.reduce(factor)
    if min(small.size) < 2 * _PLACE_PX:
        return LUMINANCE
    energies = [_edges(small.convert("L", weights)) for weights in (LUMINANCE, *_OTHERS)]
    strongest = [max(place) for place in zip(*energies, strict=True)]
    with_edges = [k for k, energy in enumerate(strongest) if energy > _LEAST_ENERGY]
    visible = [sum(of[k] > _SEEN * strongest[k] for k in with_edges) for of in energies]
    if visible[0] >= _ENOUGH * len(with_edges):
        return LUMINANCE
    return _OTHERS[max(range(len(_OTHERS)), key=lambda k: visible[k + 1])]


def _edges(grey: Image.Image) -> Sequence[float]:
    """Mean squared gradient of each place, row by row."""
    picture = as_float(grey)
    width, height = (length - 1 for length in picture.size)
    here = picture.crop((0, 0, width, height))
    right, below = picture.crop((1, 0, width + 1, height)), picture.crop((0, 1, width, height + 1))
    energy = add(square(difference(right, here)), square(difference(below, here)))
    return energy.reduce(_PLACE_PX).get_flattened_data()  # type: ignore[return-value]
