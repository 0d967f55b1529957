"""Tone: per channel, the curve from the redraw's levels to the band's, fitted where both show the same.

For every level of the redraw the mean of the band is taken over the pixels that count, exactly, from masked
histograms; a Whittaker smoother (Eilers, Analytical Chemistry 75(14), 2003) draws the curve through those means
and across levels that do not occur. Calm places decide: beside an edge a redraw that is softer, or a hair off, shows
levels in between, whose mean would draw every curve towards grey, a little more at every step.
"""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image, ImageChops

from ...pixels import LEVELS, as_float, combined, spread_3x3
from .spline import solve_banded

__all__ = ["ENOUGH_PIXELS", "ToneCurves", "equal_histograms", "fit_tone", "matched_histograms", "through", "with_tone"]

ToneCurves = tuple[tuple[float, ...], ...]
"""For each channel, and each level of the redraw, the level of the band, 0 to 255."""

ENOUGH_PIXELS = 1 << 16
"""So many pixels fit a curve to a tenth of a level; more cost time."""

_STIFFNESS = 30.0
_STRAIGHT = 1e-3
_CALM_LEVELS = 24  # range of 3x3 pixels up to which a place is calm, in the redraw and in the band
_BUSY_WEIGHT = 1 / 64  # of all other pixels: they decide where nothing is calm


def fit_tone(
    redraw: Image.Image, band: Image.Image, counted: Image.Image | None = None, enough: int = ENOUGH_PIXELS
) -> ToneCurves:
    """Curves that take `redraw` to `band`: pictures of one size, registered, same channels.

    Args:
        redraw: RGB or L.
        band: the same mode and size.
        counted: mode L, 255 where a pixel counts, else 0; by default all do.
        enough: pixels that are enough; of more than twice as many only every second row and column is looked at.
    """
    counted = Image.new("L", band.size, LEVELS - 1) if counted is None else counted
    calm = ImageChops.multiply(counted, ImageChops.multiply(_calm(redraw), _calm(band)))
    while redraw.width * redraw.height > 2 * enough:
        size = (redraw.width // 2, redraw.height // 2)
        redraw, band, counted, calm = (
            image.resize(size, Image.Resampling.NEAREST) for image in (redraw, band, counted, calm)
        )
    weighed = ((calm, 1.0), (counted, _BUSY_WEIGHT))
    return tuple(_curve(a, b, weighed) for a, b in zip(redraw.split(), band.split(), strict=True))


def with_tone(image: Image.Image, curves: ToneCurves) -> Image.Image:
    """`image` through its curves, rounded to whole levels."""
    return image.point([min(LEVELS - 1, max(0, round(value))) for curve in curves for value in curve])


def through(grey: Image.Image, curve: Sequence[float]) -> Image.Image:
    """`grey` (mode L) through one curve, not rounded, mode F: whole levels and fractions travel separately."""
    whole = [min(LEVELS - 1, max(0, int(value))) for value in curve]
    part = [min(LEVELS - 1, max(0, int((value - base) * LEVELS))) for value, base in zip(curve, whole, strict=True)]
    pair = {"whole": as_float(grey.point(whole)), "part": as_float(grey.point(part))}
    return combined(lambda a: a["whole"] + a["part"] * (1.0 / LEVELS), **pair)


def matched_histograms(
    redraw: Image.Image, band: Image.Image, counted: Image.Image | None = None
) -> tuple[float, ...]:
    """The rising curve that gives `redraw` (mode L) the histogram of `band` (mode L): tone without registration.

    Where `counted` (mode L) is given, only pixels at which it is not 0 count; the pictures are of its size then.
    """
    levels, total = [], 0.0
    counts = redraw.histogram(counted)
    wanted, at = _cumulated(band.histogram(counted)), 0
    scale = wanted[-1] / max(1, sum(counts))
    for count in counts:
        middle = (total + count / 2) * scale
        total += count
        while at < LEVELS - 1 and wanted[at] <= middle:
            at += 1
        below = wanted[at - 1] if at else 0.0
        width = wanted[at] - below
        levels.append(min(255.0, max(0.0, at - 0.5 + (middle - below) / width)) if width else float(at))
    return tuple(levels)


def equal_histograms(redraw: Image.Image, band: Image.Image, counted: Image.Image) -> ToneCurves:
    """Curves that give each channel of a calibrated `redraw` the distribution of levels that the `band` has, smoothly.

    Whatever a fit leaves of softness draws the darkest and the lightest levels a little towards grey, which nobody
    sees in one step, and everybody after eight. Arguments as `fit_tone`.
    """
    curves = []
    for a, b in zip(redraw.split(), band.split(), strict=True):
        counts = a.histogram(counted)
        levels = matched_histograms(a, b, counted)
        curves.append(_smooth_curve(counts, [count * level for count, level in zip(counts, levels, strict=True)]))
    return tuple(curves)


def _cumulated(counts: Sequence[int]) -> list[float]:
    out, total = [], 0.0
    for count in counts:
        total += count
        out.append(total)
    return out


def _calm(image: Image.Image) -> Image.Image:
    """Mode L: 255 where the luminance of the 3x3 pixels around spans at most _CALM_LEVELS, else 0."""
    grey = image.convert("L")
    spread = ImageChops.subtract(spread_3x3(grey, ImageChops.lighter), spread_3x3(grey, ImageChops.darker))
    return spread.point([255 if levels <= _CALM_LEVELS else 0 for levels in range(LEVELS)])


def _curve(redraw: Image.Image, band: Image.Image, weighed: Sequence[tuple[Image.Image, float]]) -> tuple[float, ...]:
    """One channel's curve, from masks and what their pixels count."""
    counts, sums = [0.0] * LEVELS, [0.0] * LEVELS
    for mask, weight in weighed:
        for level, count in enumerate(redraw.histogram(mask)):
            counts[level] += weight * count
        for bit in range(8):  # a mean of 8-bit values, level by level, from the histograms of their bits
            of_bit = ImageChops.multiply(mask, band.point([255 * (level >> bit & 1) for level in range(LEVELS)]))
            for level, count in enumerate(redraw.histogram(of_bit)):
                sums[level] += weight * (count << bit)
    return _smooth_curve(counts, sums)


def _smooth_curve(counts: Sequence[float], sums: Sequence[float]) -> tuple[float, ...]:
    """The curve f of least  sum of count (f - mean)^2 + stiffness * sum of f''^2;  with a trace of a tie to f' = 1."""
    matrix = [[0.0, 0.0, 0.0] for _ in range(LEVELS)]
    right = [0.0] * LEVELS
    total = max(_BUSY_WEIGHT, sum(counts))
    for level, (count, value) in enumerate(zip(counts, sums, strict=True)):
        weight = LEVELS / total
        matrix[level][0] += count * weight + 1e-9
        right[level] += value * weight + 1e-9 * level
    stiffness = _STIFFNESS / LEVELS
    for level in range(LEVELS - 2):
        for i, a in enumerate((1.0, -2.0, 1.0)):
            for j, b in enumerate((1.0, -2.0, 1.0)[i:]):
                matrix[level + i][j] += stiffness * a * b
    for level in range(LEVELS - 1):
        matrix[level][0] += _STRAIGHT
        matrix[level + 1][0] += _STRAIGHT
        matrix[level][1] -= _STRAIGHT
        right[level] -= _STRAIGHT
        right[level + 1] += _STRAIGHT
    return tuple(solve_banded(matrix, right))
