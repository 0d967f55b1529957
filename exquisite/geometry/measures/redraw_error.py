"""Estimates the error of the first new columns from the error of the redrawn band.

The loss of detail by resampling depends on the phase, the distance of a column's displacement from a whole pixel: it
is zero at phase 0 and largest at 0.5. Under a zoom of 1 % the phase repeats every hundred columns, so that a redraw
with a large mean error may be exact at the seam. Columns of the band with the phase of the first new columns predict
the error of these; columns near the seam count more. Under a bend the phase changes along each column and means
nothing, and what the bend leaves changes from place to place: there only the columns beside the seam count.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from PIL import Image

from ...pixels import as_float, column_means, second_difference, square, squared_distance

__all__ = ["BEND_FALL", "DETAIL_POWER", "FALL", "MOST_DETAIL", "NEW_PX", "PHASE_SPREAD", "lost_detail", "redraw_error"]

PHASE_SPREAD = 0.04
"""Standard deviation of the weights over the phase, in pixels: a twelfth of its range of half a pixel."""

FALL = 0.3
"""Distance from the seam, as a share of the band, over which the weights fall by a factor of e."""

BEND_FALL = 0.05
"""The same under a bend, 26 px of a band of 512 px: about as many columns as the first new ones (NEW_PX)."""

NEW_PX = 32
"""Number of new columns whose phases count: those that a viewer compares with the band."""

DETAIL_POWER = 0.5
"""Exponent of the ratio of energies: 0.5 makes it a ratio of amplitudes."""

MOST_DETAIL = 2.0
"""Largest ratio of energies, and the inverse of the smallest: beyond it, different content explains the ratio."""

_EVERY = 4  # new columns between two samples; the phase changes slowly
_LEAST_ENERGY = 0.01  # in levels²; keeps the ratio of two flat pictures at 1


def redraw_error(
    redraw: Image.Image, band: Image.Image, left: int, displacement: Callable[[float], float] | None
) -> float:
    """Weighted mean over the columns of the mean squared difference, RGB, in levels²; 0 or more.

    Args:
        redraw: the calibrated redraw of the band's columns from `left` on, RGB, growth to the right.
        band: the same columns of the band, RGB.
        left: the first column, counted from the band's first, in pixels.
        displacement: maps x, in pixels from the band's first column, to the displacement along the growing axis in
            pixels; also defined beyond the band. None for a bend, whose displacement changes along the columns.
    """
    errors = [total / len(band.getbands()) for total in column_means(squared_distance(redraw, band))]
    seam = left + band.width
    if displacement is None:
        return _weighted_mean(errors, [math.exp((x - seam) / (BEND_FALL * seam)) for x in range(left, seam)])
    new_phases = [_phase(displacement(seam + x + 0.5)) for x in range(0, NEW_PX, _EVERY)]
    weights = []
    for x in range(left, seam):
        phase = _phase(displacement(x + 0.5))
        similarity = math.fsum(math.exp(-(((phase - new) / PHASE_SPREAD) ** 2) / 2) for new in new_phases)
        weights.append(similarity * math.exp((x - seam) / (FALL * seam)))
    return _weighted_mean(errors, weights)


def lost_detail(redraw: Image.Image, new: Image.Image) -> float:
    """Factor on the redraw error for the detail that the first new columns lack; below 1 where they have more detail.

    The factor is 1 when either picture is less than 3 columns wide.

    Args:
        redraw: the calibrated redraw of the band up to the seam, RGB, growth to the right.
        new: the first new columns after the seam, RGB, growth to the right.
    """
    if min(redraw.width, new.width) < 3:
        return 1.0
    before, after = _detail(redraw), _detail(new)
    near = _weighted_mean(before, [math.exp((x - len(before)) / (FALL * len(before))) for x in range(len(before))])
    ratio = (near + _LEAST_ENERGY) / (math.fsum(after) / len(after) + _LEAST_ENERGY)
    return float(min(MOST_DETAIL, max(1 / MOST_DETAIL, ratio)) ** DETAIL_POWER)


def _detail(picture: Image.Image) -> list[float]:
    """Mean over the rows of (left - 2 centre + right)² of the luminance, for every column that has two neighbours."""
    return column_means(square(second_difference(as_float(picture.convert("L")))))


def _weighted_mean(values: Sequence[float], weights: Sequence[float]) -> float:
    return math.fsum(w * v for w, v in zip(weights, values, strict=True)) / math.fsum(weights)


def _phase(displacement: float) -> float:
    """Distance from a whole pixel, 0 to 0.5."""
    return abs(displacement - round(displacement))
