"""Grain: the fine random detail of flat areas, which models often smooth away.

No correction restores it: grain is random, so that redraw and band share none of it. Its loss is visible as a pane, and
is therefore measured and reported.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from PIL import Image

from ...pixels import as_float, combined, square
from .octaves import blurs

__all__ = ["LEAST_GRAIN", "remaining_grain"]

LEAST_GRAIN = 0.5
"""Share of the band's grain, as energy, below which grain counts as lost."""

_PLACE_PX = 16  # edge of a place: 256 pixels give its energy to a tenth
_LEAST_ENERGY = 0.5  # levels^2: grain with a standard deviation below .7 levels is invisible
_WHOLE = 0.9  # share of its pixels that must count


def remaining_grain(redraw: Image.Image, band: Image.Image, valid_mask: Image.Image) -> float:
    """The energy of the fine octave of `redraw` over that of `band`, in the flatter half of the places, 0 or more.

    It is 1 for a band without grain. All pictures are of mode L and of one size; `valid_mask` is 255 where a pixel
    counts, else 0.
    """
    shares = as_float(valid_mask).reduce(_PLACE_PX).get_flattened_data()
    fine, coarse = _energies(band)
    own, _ = _energies(redraw)
    # 1. Flat areas have little of the coarse octave: an edge, unlike grain, is in both octaves.
    places = sorted(
        (edge, there, here)
        for share, edge, there, here in zip(shares, coarse, fine, own, strict=True)
        if share > _WHOLE * 255  # type: ignore[operator]
    )
    flattest = places[: (len(places) + 1) // 2]
    # 2. One ratio of the sums, because a ratio of each place would be noise.
    before = math.fsum(there for _, there, _ in flattest)
    if before <= _LEAST_ENERGY * len(flattest):
        return 1.0
    return math.fsum(here for _, _, here in flattest) / before


def _energies(picture: Image.Image) -> tuple[Sequence[float], Sequence[float]]:
    """Mean energy of the fine and of the coarse octave of each place, row by row, in levels squared."""
    sharp, soft, softer = blurs(as_float(picture), 2)
    octaves = (combined(lambda v: v["a"] - v["b"], a=a, b=b) for a, b in ((sharp, soft), (soft, softer)))
    fine, coarse = (square(octave).reduce(_PLACE_PX).get_flattened_data() for octave in octaves)
    return fine, coarse  # type: ignore[return-value]
