"""How far the redrawn band is from the band, as it bears on the first new columns.

What resampling takes from a picture depends on the phase, the fraction of a pixel by which a column was moved:
nothing at 0, most at a half. Under a zoom of 1 % the phase goes round once in a hundred columns, so that a redraw that
is far off on the whole may be exact where the seam is. The band's columns of the same phase as the first new ones tell
what these have lost, the nearer the better.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from PIL import Image

from ...pixels import as_float, column_means, second_difference, square, squared_distance

__all__ = ["DETAIL_POWER", "FALL", "MOST_DETAIL", "NEW_PX", "PHASE_SPREAD", "lost_detail", "redraw_error"]

PHASE_SPREAD = 0.04
"""Standard deviation of the weights over the phase, in pixels."""

FALL = 0.5
"""The weights fall with the distance from the seam, by e over this share of the band."""

NEW_PX = 32
"""New columns whose phases count."""

DETAIL_POWER = 0.7
"""The error is taken to rise with this power of the detail that is missing, measured as energy."""

MOST_DETAIL = 2.0
"""More than twice or less than half of the energy counts as twice and half: content may change at the seam."""

_EVERY = 4  # of the new columns
_LEAST_ENERGY = 0.01  # in levels²


def redraw_error(redraw: Image.Image, band: Image.Image, left: int, displacement: Callable[[float], float]) -> float:
    """Weighted mean over the columns of the mean squared difference, RGB, in levels²; 0 or more.

    Args:
        redraw: the calibrated redraw of the band's columns from `left` on, RGB, growth to the right; rows alike cut.
        band: the same columns of the band, RGB.
        left: the first column, counted from the band's first, in pixels.
        displacement: how far along the growing axis a column of the band (and beyond) was moved, in pixels.
    """
    errors = [total / len(band.getbands()) for total in column_means(squared_distance(redraw, band))]
    seam = left + band.width
    wanted = [_phase(displacement(seam + x + 0.5)) for x in range(0, NEW_PX, _EVERY)]
    weights = []
    for x in range(left, seam):
        phase = _phase(displacement(x + 0.5))
        alike = math.fsum(math.exp(-(((phase - new) / PHASE_SPREAD) ** 2) / 2) for new in wanted)
        weights.append(alike * math.exp((x - seam) / (FALL * seam)))
    return _weighted_mean(errors, weights)


def lost_detail(redraw: Image.Image, new: Image.Image) -> float:
    """Factor on the error of a redraw for what the first new columns lack in detail beside it; below 1 where they have
    more of it, 1 where either is less than 3 columns wide.

    Args:
        redraw: the calibrated redraw of the band up to the seam, RGB, growth to the right.
        new: the first new columns behind the seam, RGB.
    """
    if min(redraw.width, new.width) < 3:
        return 1.0
    before, behind = _detail(redraw), _detail(new)
    near = _weighted_mean(before, [math.exp((x - len(before)) / (FALL * len(before))) for x in range(len(before))])
    ratio = (near + _LEAST_ENERGY) / (math.fsum(behind) / len(behind) + _LEAST_ENERGY)
    return float(min(MOST_DETAIL, max(1 / MOST_DETAIL, ratio)) ** DETAIL_POWER)


def _detail(picture: Image.Image) -> list[float]:
    """Mean over the rows of (left - 2 centre + right)² of the luminance, for every column that has two neighbours."""
    return column_means(square(second_difference(as_float(picture.convert("L")))))


def _weighted_mean(values: Sequence[float], weights: Sequence[float]) -> float:
    return math.fsum(w * v for w, v in zip(weights, values, strict=True)) / math.fsum(weights)


def _phase(displacement: float) -> float:
    """Distance from a whole pixel, 0 to 0.5."""
    return abs(displacement - round(displacement))
