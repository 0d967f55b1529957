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
_FLATTER, _DOUBT = 0.1, 0.3  # of the unexplained share: the mean loss of slope and its standard deviation. Errors of
# the band alone flatten nothing, errors of both alike by half of it; with .25 and .5 no slight tone of strokes is found
_STIFFNESS = 1e3  # the second difference of a tone curve differs from that of the low-order one by about .03 a level
_TIE = 0.006  # 1 / 20^4 of the stiffness: a known level influences about 20 levels around it
_LEAST_SLOPE, _MOST_SLOPE = 0.4, 2.5  # gamma .85 to 1.18 and a contrast of .92: .5 to 2.1 over the levels 2 to 253
_LEAST_GAMMA, _MOST_GAMMA = 0.1, 47.0  # levels, of the third factor: a gamma of .999, and the largest one, of .5
_SLOPE_LEVELS = 8  # levels over which slopes are measured: noise of the redraw flattens a curve over a few levels
_MAX_TRIES = 8  # of a curve: each tie is eight times as strong as the one before
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
    """The weighted sums of one channel: for each level of the redraw the number of its pixels, and the sum of the band
    over them; and the sum of the squared differences of both."""

    counts: list[float]
    totals: list[float]
    squares: float


class _Dilution(NamedTuple):
    """Regression dilution (Fuller, Measurement Error Models, 1987, 1.1): errors in the levels of the redraw, such as
    those of displaced stars in a dark sky, flatten the means of the band about their centre.

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
        """The sums of each channel.

        Those of the band are exact: they follow from the histograms of its bits.
        """
        bands = len(self.band.getbands())
        mask = Image.merge(self.band.mode, [self.mask] * bands)
        counting = ImageChops.darker(self.band, mask)
        totals = [0] * (bands * LEVELS)
        for table in _BIT_TABLES:
            # Without the bit the minimum is 0. A histogram with an irregular mask takes twice as long.
            counts = ImageChops.darker(self.redraw, counting.point(table * bands)).histogram()
            totals = [2 * total + count for total, count in zip(totals, counts, strict=True)]
        numbers, levels = self.redraw.histogram(self.mask), counting.histogram()
        differences = ImageChops.difference(self.redraw, self.band).histogram(self.mask)
        out = []
        for first in range(0, len(totals), LEVELS):
            of = slice(first, first + LEVELS)
            own = totals[of]
            own[0] = sum(map(mul, levels[of], range(LEVELS))) - sum(own[1:])  # all, less those at other levels
            weighted, sums = ([self.weight * value for value in values] for values in (numbers[of], own))
            out.append(_Sums(weighted, sums, self.weight * sum(map(mul, differences[of], _SQUARES))))
        return out


def _curve(samples: Sequence[_Sums]) -> tuple[float, ...]:
    """The curve of one channel, from the sums of all its samples."""
    counts = [sum(values) for values in zip(*(sample.counts for sample in samples), strict=True)]
    sums = [sum(values) for values in zip(*(sample.totals for sample in samples), strict=True)]
    squares = sum(sample.squares for sample in samples)
    means = [total / count if count else 0.0 for total, count in zip(sums, counts, strict=True)]
    # 1. The variance of the band around the means is the mean square minus theirs (law of total variance).
    total = sum(counts) + 1e-9
    moved = sum(count * (mean - level) ** 2 for level, (count, mean) in enumerate(zip(counts, means, strict=True)))
    variance = max(_LEAST_VARIANCE, (squares - moved) / total)
    # 2. Its share of the whole variance tells how far errors in the redraw may have flattened the means.
    of_means = sum(map(mul, counts, map(mul, means, means))) / total - (sum(sums) / total) ** 2
    dilution = _Dilution(sum(map(mul, counts, range(LEVELS))) / total, variance / (variance + max(0.0, of_means)))
    return _probable_curve([count / (_ALIKE_PX * variance) for count in counts], means, dilution)


def _probable_curve(
    weights: Sequence[float], means: Sequence[float], dilution: _Dilution = _NO_DILUTION
) -> tuple[float, ...]:
    """The most probable curve f through `means`, each known with 1 / variance = its weight.

        sum of weight (f - mean)^2 + stiffness sum of (f - t)''^2 + tie sum of (f - t)^2  is least

    1. Fit the low-order curve t (offset, gain and gamma, with priors around no change). f returns to t at levels that
       the band lacks.
    2. While the curve falls or is too steep, increase the tie of f to t, and that of t to no change.
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

    It does not contain the loss of slope by `dilution`, which would continue to levels that the band lacks.
    """
    prior_strength = 1.0
    for _ in range(_MAX_TRIES):
        curve = _fit_low_order_curve(weights, levels, prior_strength, dilution)
        if _slopes_within_limits(curve):
            return curve
        prior_strength *= 4
    return tuple(float(level) for level in range(LEVELS))


def _slopes_within_limits(curve: Sequence[float]) -> bool:
    """Whether the curve rises everywhere, and is nowhere too steep."""
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
    # 1. With the effect of a small gamma; 2. with that of the gamma found, which is bent more.
    basis = _BASIS
    _, _, bend, *_ = _regression((*basis, *slope), weights, changes, priors)
    basis = (*basis[:2], _effect_of_gamma(bend))
    offset, gain, bend, *_ = _regression((*basis, *slope), weights, changes, priors)
    return tuple(level + offset + gain * b + bend * c for level, (_, b, c) in enumerate(zip(*basis, strict=True)))


def _regression(
    basis: Sequence[Sequence[float]],
    weights: Sequence[float],
    changes: Sequence[float],
    priors: Sequence[tuple[float, float]],
) -> list[float]:
    """The factors of `basis` that give `changes`, by weighted least squares; `priors` has the mean and the standard
    deviation of each."""
    weighted = [list(map(mul, weights, column)) for column in basis]
    matrix = [[sum(map(mul, left, right)) for right in basis] for left in weighted]
    right = [sum(map(mul, left, changes)) for left in weighted]
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
