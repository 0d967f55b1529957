"""Tone: for each channel the curve from the redraw's levels to the band's, fitted where both show the same content.

For every level of the redraw the mean of the band is computed exactly over the valid pixels, from histograms. A
Whittaker smoother (Eilers, Analytical Chemistry 75(14), 2003) fits the curve through these means and across missing
levels. Flat areas have most of the weight: beside an edge, a softer or slightly displaced redraw has intermediate
levels, whose means would pull every curve towards grey, a little more at every step.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from operator import add, mul
from typing import NamedTuple

from PIL import Image, ImageChops

from ...pixels import LEVELS, as_float, combined, spread_3x3
from .linear import solve, solve_pentadiagonal

__all__ = [
    "ENOUGH_PIXELS",
    "ToneCurves",
    "equal_histograms",
    "fit_tone",
    "low_order_curve",
    "matched_histograms",
    "through",
    "with_tone",
]

ToneCurves = tuple[tuple[float, ...], ...]
"""For each channel, and each level of the redraw, the level of the band, 0 to 255."""

ENOUGH_PIXELS = 1 << 16
"""Number of pixels that determines a curve to a tenth of a level; more only cost time."""

_FLAT_LEVELS = 24  # largest range of 3x3 pixels in a flat area, in the redraw and in the band
_TEXTURED_WEIGHT = 1 / 64  # weight of all other pixels: they decide when there are no flat areas
_ENOUGH_TEXTURED = 1 << 14  # number of these other pixels that suffices; of more, a quarter is used
_ALIKE_PX = 32.0**2  # neighbouring errors of tone are correlated over about 32 by 32 pixels
_LEAST_VARIANCE = 1 / 6  # levels^2: two roundings to whole levels
_SURPLUS = 1e-3  # share of the pixels that redraw and band may have on different sides of an edge
_USUAL = (10.0, 8.0, 8.0)  # standard deviations of offset, gain and gamma, in levels; 13 levels and 9 % were seen
_FLATTER, _DOUBT = 0.1, 0.3  # mean and standard deviation of the loss of slope, as parts of the unexplained share.
# Errors of the band alone cause no loss, equal errors of both a half; .25 and .5 hide slight changes of tone in strokes
_STIFFNESS = 1e3  # the second difference of a tone curve differs from that of the low-order one by about .03 a level
_TIE = 0.006  # 1 / 20^4 of the stiffness: a known level influences about 20 levels around it
_LEAST_SLOPE, _MOST_SLOPE = 0.4, 2.5  # gamma .85 to 1.18 and a contrast of .92: .5 to 2.1 over the levels 2 to 253
_LEAST_GAMMA, _MOST_GAMMA = 0.1, 47.0  # levels, of the third factor: a gamma of .999, and the largest one, of .5
_SLOPE_LEVELS = 8  # levels over which slopes are measured: noise of the redraw flattens a curve over a few levels
_MAX_TRIES = 8  # of a curve, each with a stronger tie or prior than the one before
_SHARES = [level / (LEVELS - 1) for level in range(LEVELS)]
_BASIS = (
    [1.0] * LEVELS,
    [2 * v - 1 for v in _SHARES],
    [-math.e * v * math.log(v) if v else 0.0 for v in _SHARES],
)
"""Offset 1; gain -1 to 1 over the levels; and the effect of a small change of gamma, -v ln v, scaled to a top of 1."""
_BENDING = tuple(
    [_STIFFNESS * factor for factor in (*ends, *(middle,) * (LEVELS - len(ends) - len(others)), *others)]
    for ends, middle, others in (((1, 5), 6, (5, 1)), ((-2,), -4, (-2, 0)), ((), 1, (0, 0)))
)
"""Stiffness times D^T D, where D takes the second differences (1, -2, 1) of a curve: the diagonal, and the two next to
it, at whose ends lie zeros outside of the matrix."""
_SQUARES = [level * level for level in range(LEVELS)]
_BIT_TABLES = [[255 * (level >> bit & 1) for level in range(LEVELS)] for bit in reversed(range(8))]


def fit_tone(
    redraw: Image.Image, band: Image.Image, valid_mask: Image.Image | None = None, enough: int = ENOUGH_PIXELS
) -> ToneCurves:
    """Fit the curves that map `redraw` to `band`: pictures of one size, registered, same channels.

    Args:
        redraw: RGB or L.
        band: the same mode and size.
        valid_mask: mode L, 255 where a pixel counts, else 0; by default all do.
        enough: number of pixels that suffices; of more than twice as many only every second row and column is used.
    """
    valid_mask = Image.new("L", band.size, LEVELS - 1) if valid_mask is None else valid_mask
    flat_mask = ImageChops.multiply(valid_mask, ImageChops.multiply(_flat_mask(redraw), _flat_mask(band)))
    pictures, weight = [redraw, band, valid_mask, flat_mask], 1.0
    while pictures[0].width * pictures[0].height > 2 * enough:
        pictures, weight = _thinned(pictures), 4 * weight
    redraw, band, valid_mask, flat_mask = pictures
    flat = _Sample(redraw, band, flat_mask, weight).channels()
    if redraw.width * redraw.height > _ENOUGH_TEXTURED:
        redraw, band, valid_mask = _thinned((redraw, band, valid_mask))
        weight *= 4
    textured = _Sample(redraw, band, valid_mask, _TEXTURED_WEIGHT * weight).channels()
    return tuple(map(_curve, zip(flat, textured, strict=True)))


def _thinned(pictures: Sequence[Image.Image]) -> list[Image.Image]:
    """Every second row and column of each picture, all of one size."""
    size = (pictures[0].width // 2, pictures[0].height // 2)
    return [picture.resize(size, Image.Resampling.NEAREST) for picture in pictures]


def with_tone(image: Image.Image, curves: ToneCurves) -> Image.Image:
    """Apply `curves` to `image`, rounded to whole levels."""
    return image.point([min(LEVELS - 1, max(0, round(value))) for curve in curves for value in curve])


def through(grey: Image.Image, curve: Sequence[float]) -> Image.Image:
    """Apply one curve to `grey` (mode L) without rounding; mode F, from separate tables for levels and fractions."""
    whole = [min(LEVELS - 1, max(0, int(value))) for value in curve]
    part = [min(LEVELS - 1, max(0, int((value - base) * LEVELS))) for value, base in zip(curve, whole, strict=True)]
    pair = {"whole": as_float(grey.point(whole)), "part": as_float(grey.point(part))}
    return combined(lambda a: a["whole"] + a["part"] * (1.0 / LEVELS), **pair)


def matched_histograms(
    redraw: Image.Image, band: Image.Image, valid_mask: Image.Image | None = None
) -> tuple[float, ...]:
    """The monotonic curve that gives `redraw` (mode L) the histogram of `band` (mode L): tone without registration.

    With `valid_mask` (mode L), only pixels at which it is not 0 count, and all pictures have its size.
    """
    levels, total = [], 0.0
    counts = redraw.histogram(valid_mask)
    cumulated, at = _cumulated(band.histogram(valid_mask)), 0
    scale = cumulated[-1] / max(1, sum(counts))
    for count in counts:
        middle = (total + count / 2) * scale
        total += count
        while at < LEVELS - 1 and cumulated[at] <= middle:
            at += 1
        below = cumulated[at - 1] if at else 0.0
        width = cumulated[at] - below
        levels.append(min(255.0, max(0.0, at - 0.5 + (middle - below) / width)) if width else float(at))
    return tuple(levels)


def equal_histograms(redraw: Image.Image, band: Image.Image, valid_mask: Image.Image) -> ToneCurves:
    """Smooth curves that give each channel of a calibrated `redraw` the distribution of levels of the `band`.

    Remaining softness pulls the darkest and the lightest levels slightly towards grey, which is invisible in one step
    and visible after eight. The match of a rare level between the colours of a flat picture is uncertain: a few pixels
    more on one side of an edge change it by their number over that of the level. Arguments as for `fit_tone`.
    """
    curves = []
    for a, b in zip(redraw.split(), band.split(), strict=True):
        counts = a.histogram(valid_mask)
        surplus = _SURPLUS * sum(counts)
        variances = [_LEAST_VARIANCE + (surplus / max(1, count)) ** 2 for count in counts]
        weights = [count / (_ALIKE_PX * variance) for count, variance in zip(counts, variances, strict=True)]
        curves.append(_probable_curve(weights, matched_histograms(a, b, valid_mask)))
    return tuple(curves)


def _cumulated(counts: Sequence[int]) -> list[float]:
    out, total = [], 0.0
    for count in counts:
        total += count
        out.append(total)
    return out


def _flat_mask(image: Image.Image) -> Image.Image:
    """Mode L: 255 where the luminance of the 3x3 pixels around spans at most _FLAT_LEVELS, else 0."""
    grey = image.convert("L")
    spread = ImageChops.subtract(spread_3x3(grey, ImageChops.lighter), spread_3x3(grey, ImageChops.darker))
    return spread.point([255 if levels <= _FLAT_LEVELS else 0 for levels in range(LEVELS)])


class _Sums(NamedTuple):
    """Weighted sums of one channel.

    `counts` has the number of pixels at each level of the redraw, `totals` the sum of the band over these pixels, and
    `squares` is the sum of the squared differences of redraw and band.
    """

    counts: list[float]
    totals: list[float]
    squares: float


class _Dilution(NamedTuple):
    """Regression dilution (Fuller, Measurement Error Models, 1987, section 1.1).

    Errors in the levels of the redraw, such as displaced stars in a dark sky, lower the slope of the means of the band.
    `centre` is the mean level of the redraw, and `unexplained` the share of the band's variance around the means.
    """

    centre: float
    unexplained: float


_NO_DILUTION = _Dilution(0.0, 0.0)


@dataclass(frozen=True)
class _Sample:
    """Pixels of redraw and band (of one mode, RGB or L) where `mask` (mode L) is not 0, each of the same weight."""

    redraw: Image.Image
    band: Image.Image
    mask: Image.Image
    weight: float

    def channels(self) -> list[_Sums]:
        """The sums of each channel; all are exact, because they follow from histograms."""
        # 1. The sum of the band at each level of the redraw, from the bits of the band, highest first. Pixels without
        #    the bit, or not in the mask, go to level 0: a histogram with an irregular mask takes twice as long.
        count = len(self.band.getbands())
        valid_band = ImageChops.darker(self.band, Image.merge(self.band.mode, [self.mask] * count))
        totals = [0] * (count * LEVELS)
        for table in _BIT_TABLES:
            with_bit = ImageChops.darker(self.redraw, valid_band.point(table * count)).histogram()
            totals = [2 * total + pixels for total, pixels in zip(totals, with_bit, strict=True)]
        # 2. The other histograms, of all channels in a row.
        counts, levels = self.redraw.histogram(self.mask), valid_band.histogram()
        differences = ImageChops.difference(self.redraw, self.band).histogram(self.mask)
        # 3. Level 0 has what the others leave of the sum of the whole band.
        sums = []
        for first in range(0, len(totals), LEVELS):
            channel = slice(first, first + LEVELS)
            whole, (_, *others) = sum(map(mul, levels[channel], range(LEVELS))), totals[channel]
            weighted_counts = [self.weight * pixels for pixels in counts[channel]]
            weighted_totals = [self.weight * total for total in (whole - sum(others), *others)]
            squares = self.weight * sum(map(mul, differences[channel], _SQUARES))
            sums.append(_Sums(weighted_counts, weighted_totals, squares))
        return sums


def _curve(samples: Sequence[_Sums]) -> tuple[float, ...]:
    """The curve of one channel, from the sums of all its samples."""
    counts = [sum(values) for values in zip(*(sample.counts for sample in samples), strict=True)]
    sums = [sum(values) for values in zip(*(sample.totals for sample in samples), strict=True)]
    squares = sum(sample.squares for sample in samples)
    means = [total / count if count else 0.0 for total, count in zip(sums, counts, strict=True)]
    # 1. The variance of the band around the means: the mean squared difference of redraw and band, less that of redraw
    #    and means (law of total variance).
    total = sum(counts) + 1e-9
    moved = sum(count * (mean - level) ** 2 for level, (count, mean) in enumerate(zip(counts, means, strict=True)))
    variance = max(_LEAST_VARIANCE, (squares - moved) / total)
    # 2. Its share of the whole variance limits how far errors in the redraw may have lowered the slope of the means.
    of_means = sum(map(mul, counts, map(mul, means, means))) / total - (sum(sums) / total) ** 2
    dilution = _Dilution(sum(map(mul, counts, range(LEVELS))) / total, variance / (variance + max(0.0, of_means)))
    return _probable_curve([count / (_ALIKE_PX * variance) for count in counts], means, dilution)


def _probable_curve(
    weights: Sequence[float], means: Sequence[float], dilution: _Dilution = _NO_DILUTION
) -> tuple[float, ...]:
    """The most probable curve f through `means`, each known with 1 / variance = its weight.

        sum of weight (f - mean)^2 + stiffness sum of (f - t)''^2 + tie sum of (f - t)^2  is least

    1. Fit the low-order curve t (offset, gain and gamma, with priors around no change). f returns to t at levels that
       the redraw lacks.
    2. While f falls, or is too flat or too steep, increase its tie to t.
    """
    low_order = low_order_curve(weights, means, dilution)
    tie = _TIE
    for _ in range(_MAX_TRIES):
        curve = _smoothed_towards(low_order, weights, means, tie)
        if _slopes_within_limits(curve):
            return curve
        tie *= 8
    return low_order


def low_order_curve(
    weights: Sequence[float], levels: Sequence[float], dilution: _Dilution = _NO_DILUTION
) -> tuple[float, ...]:
    """The low-order curve (offset, gain, gamma) closest to `levels`, each known with 1 / variance = its weight.

    The loss of slope by `dilution` is fitted and left out, because it would continue to levels without pixels. While
    the curve falls, or is too flat or too steep, its priors become stronger.
    """
    prior_strength = 1.0
    for _ in range(_MAX_TRIES):
        curve = _fit_low_order_curve(weights, levels, prior_strength, dilution)
        if _slopes_within_limits(curve):
            return curve
        prior_strength *= 4
    return tuple(float(level) for level in range(LEVELS))


def _slopes_within_limits(curve: Sequence[float]) -> bool:
    """Whether the curve falls nowhere, and is nowhere too flat or too steep."""
    slopes = [(b - a) / _SLOPE_LEVELS for a, b in zip(curve, curve[_SLOPE_LEVELS:], strict=False)]
    return min(slopes) >= _LEAST_SLOPE and max(slopes) <= _MOST_SLOPE and all(a <= b for a, b in pairwise(curve))


def _fit_low_order_curve(
    weights: Sequence[float], levels: Sequence[float], prior_strength: float, dilution: _Dilution
) -> tuple[float, ...]:
    """The low-order curve, with the prior variances of offset, gain and gamma divided by `prior_strength`."""
    changes = [value - level for level, value in enumerate(levels)]
    priors = [(0.0, usual / math.sqrt(prior_strength)) for usual in _USUAL]
    slope: list[list[float]] = []  # the change by dilution, a fourth factor
    if dilution.unexplained:
        slope = [[level - dilution.centre for level in range(LEVELS)]]
        priors.append((-_FLATTER * dilution.unexplained, _DOUBT * dilution.unexplained))
    # 1. With the effect of a small gamma.
    _, _, top, *_ = _regression((*_BASIS, *slope), weights, changes, priors)
    # 2. With the effect of a gamma of that size, which is not proportional to that of a small one.
    basis = (*_BASIS[:2], _effect_of_gamma(top))
    offset, gain, top, *_ = _regression((*basis, *slope), weights, changes, priors)
    return tuple(level + offset + gain * b + top * c for level, (_, b, c) in enumerate(zip(*basis, strict=True)))


def _regression(
    basis: Sequence[Sequence[float]],
    weights: Sequence[float],
    changes: Sequence[float],
    priors: Sequence[tuple[float, float]],
) -> list[float]:
    """The factors of `basis` that give `changes`, by weighted least squares.

    `priors` has the mean and the standard deviation of each factor.
    """
    weighted = [list(map(mul, weights, column)) for column in basis]
    matrix = [[sum(map(mul, one, other)) for other in basis] for one in weighted]
    right = [sum(map(mul, one, changes)) for one in weighted]
    for i, (usual, deviation) in enumerate(priors):
        matrix[i][i] += deviation**-2
        right[i] += usual * deviation**-2
    return solve(matrix, right)


def _effect_of_gamma(top: float) -> list[float]:
    """The change of each level by a gamma, over `top`: its largest change to first order, in levels."""
    top = min(_MOST_GAMMA, max(-_MOST_GAMMA, top))
    if abs(top) < _LEAST_GAMMA:
        return _BASIS[2]
    end = LEVELS - 1
    gamma = 1 - math.e * top / end
    return [end * (share**gamma - share) / top for share in _SHARES]


def _smoothed_towards(
    low_order: Sequence[float], weights: Sequence[float], means: Sequence[float], tie: float
) -> tuple[float, ...]:
    """The curve of `_probable_curve` for one tie."""
    bending, first, second = _BENDING
    diagonal = [weight + tie + own for weight, own in zip(weights, bending, strict=True)]
    right = [weight * (value - usual) for weight, value, usual in zip(weights, means, low_order, strict=True)]
    return tuple(map(add, low_order, solve_pentadiagonal(diagonal, first, second, right)))
