"""Sharpness: the small kernel that gives each octave of the redraw the energy that it has in the band.

The kernel is a polynomial in the binomial blur B of `octaves`:

    K = 1 + fine (1 - B) + coarse (B - B B)

so that it reaches two pixels, does not change flat pictures, and has the gain 1 + fine at the Nyquist frequency.

Real models replace fine detail by other detail of about the same energy. Least squares (Wiener, Extrapolation,
Interpolation, and Smoothing of Stationary Time Series, 1949) would then smooth, and instrumental variables with the
band as the instrument (Wright, The Tariff on Animal and Vegetable Oils, 1928, appendix B) would amplify without bound.
Therefore two kernels are fitted and mixed by the coherence of redraw and band:

- for coherent detail, the kernel between least squares and instrumental variables that gives the fine octave the energy
  that it has in the band;
- for incoherent detail, the kernel that moves the energy of each octave towards the band's by its coherent share, which
  includes detail displaced by a few pixels. The move starts at the energy before place and tone, because resampling
  softens and tone curves scale. When all detail is recomposed, the kernel restores that energy and nothing else.

Neither kernel gives an octave more energy than it has in the band.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageFilter

from ...pixels import as_float, combined, crop_mirrored
from .linear import solve
from .octaves import (
    COARSE,
    FINE,
    LEAST_ENERGY,
    Polynomial,
    blurs,
    coherence,
    detail,
    displaced_share,
    energy,
    moments,
    product,
)

__all__ = ["LEAST_PX", "REACH_PX", "Kernel", "fit_kernel", "sharpened"]

REACH_PX = 2
"""Radius of the kernel in pixels."""

LEAST_PX = 32
"""Smallest width and height of pictures from which a kernel is fitted."""

_OCTAVES = (FINE, COARSE)
_SHARPNESS = product(FINE, product(FINE, FINE))  # energy of (1 - B)^(3/2): between an octave and a Laplacian
_LIMITED = (product(FINE, FINE), _SHARPNESS)  # energies that may not exceed the band's
_BLURS = 4  # of the redraw: an octave of degree 2 through a kernel of degree 2, squared, is of degree 8
_RIDGE = 1e-4  # of the diagonal: an octave without energy leaves its coefficient at 0
_TRIALS = 100  # steps of the coarse coefficient from its lower bound to its upper one, .03 each
_HALVINGS = 20  # of an interval of shares, which is then known to 1e-6
_BOUNDS = (-0.5, 3.0), (-2.0, 1.0)  # of the fine and of the coarse coefficient. A lower bound of -1 for the coarse one
# costs foliage .5 dB; with an upper bound of 3, a redraw of stars gets 1.3 times the explained energy
_PLACE_PX = 16  # edge of a place, as in `grain`
_STRIP_PX = 128  # rows filtered at once: they fit into a processor's cache, which halves the time
_BINOMIAL = (
    1, 2, 1,
    2, 4, 2,
    1, 2, 1,
)  # fmt: skip
_FINENESS = 1 << 12  # parts of a level: finer ones change no level
_WHOLE = 0.9  # share of a place's pixels that must count
_MORE_NOISE = 0.15  # levels^2 of the fine octave that are invisible in a flat area: half of the rounding noise
_NOISE_FOR_DETAIL = 0.3  # of the energy that is restored elsewhere; with .05 the sharpness faded step by step
_HOLDS = 0.8  # of the coherence of incoherent detail counts, because the new half has less. With 1, one more of 101
# parts of real redraws gets over 1.2 times the explained energy; with .7, foliage under noise becomes too soft
_MUCH_OF, _MOST_STRONGER = 0.98, 1.5  # of the intended amplitude; times the kernel
_OTHER, _DISPLACED = 0.45, 0.65  # displaced share of other detail (real redraws: up to .49) and of displaced detail.
# With .5, three more of 46 redraws of the profile "fine" keep less than .85 of their energy; parts of real redraws
# (`make bench-constants`) gain nothing. With .45 and .6, a real redraw of other detail gets 1.21 times that energy
_INCOHERENT, _COHERENT = 0.7, 0.86  # coherence up to which one kernel, and from which the other one is used alone. With
# .6 and .85, a real redraw of coherence .78 gets 1.24 times the explained energy: the new half keeps less of the detail
# than the band does. Most smooth redraws have .86 and more.


@dataclass(frozen=True)
class Kernel:
    """K = 1 + fine (1 - B) + coarse (B - B B); all 0 is the identity."""

    fine: float = 0.0
    coarse: float = 0.0

    @property
    def gain(self) -> float:
        """The factor on the finest checkerboard: above 1 the kernel sharpens."""
        return 1 + self.fine

    @property
    def change(self) -> float:
        """The largest change of an octave's amplitude, as a share."""
        return max(abs(self.fine), abs(self.coarse))

    @property
    def polynomial(self) -> Polynomial:
        """Coefficients of 1, B and B^2."""
        return (1 + self.fine, self.coarse - self.fine, -self.coarse)

    @property
    def squared(self) -> Polynomial:
        """Coefficients of the effect on energies."""
        return product(self.polynomial, self.polynomial)

    def mixed(self, other: Kernel, share: float) -> Kernel:
        """This kernel with a `share`, 0 to 1, of the other."""
        return Kernel(self.fine + share * (other.fine - self.fine), self.coarse + share * (other.coarse - self.coarse))


def fit_kernel(
    redraw: Image.Image, band: Image.Image, valid_mask: Image.Image, raw: Image.Image | None = None
) -> Kernel:
    """The kernel that gives `redraw` the sharpness of `band`: mode L, one size, registered, equal in tone.

    `valid_mask` is a picture of mode L, 255 where a pixel counts, else 0. `raw` is the redraw before place and tone, of
    the same mode and size; by default `redraw`.
    """
    if min(redraw.size) < LEAST_PX:
        return Kernel()
    # 1. Moments of redraw, raw redraw and band at each degree of blur, and of redraw and band together, where no blur
    #    reaches the rim.
    (mask,) = _inner([as_float(valid_mask.point([0] * 255 + [1]))])
    copies = _inner(blurs(detail(as_float(redraw)), _BLURS))
    truth = _inner(blurs(detail(as_float(band)), _BLURS // 2))
    of_redraw, of_band = moments(copies, copies, mask), moments(truth, truth, mask)
    common = moments(truth, copies, mask)
    untouched = _inner(blurs(detail(as_float(raw or redraw)), _BLURS // 2))
    of_raw = moments(untouched, untouched, mask)
    # 2. How far redraw and band show the same detail, and so which of two kernels can be trusted, and how far.
    alike = [coherence(octave, of_redraw, of_band, common) for octave in _OCTAVES]
    coherent = min(1.0, max(0.0, (alike[0] - _INCOHERENT) / (_COHERENT - _INCOHERENT)))
    # 3. The kernel of incoherent detail, which looks at energies alone, mixed with that of coherent detail.
    kernel, explained = Kernel(), coherent
    if coherent < 1:
        displaced = (displaced_share(copies[0], truth[0], mask) - _OTHER) / (_DISPLACED - _OTHER)
        displaced = min(1.0, max(0.0, displaced))
        shares = [_HOLDS * share + (1 - _HOLDS * share) * displaced for share in alike]
        kernel, explained = _of_equal_energy(of_redraw, of_band, of_raw, shares), max(coherent, shares[0])
    if coherent > 0:
        kernel = kernel.mixed(_nearest_of_equal_energy(of_redraw, of_band, common), coherent)
    # 4. As much of it as leaves the noise of flat areas unseen.
    kernel = Kernel().mixed(kernel, _share_without_noise(kernel, copies, truth, mask, explained))
    # 5. And more, where clipping takes some of the energy.
    return _despite_clipping(kernel, redraw, of_redraw, mask)


def _despite_clipping(kernel: Kernel, redraw: Image.Image, of_redraw: Sequence[float], mask: Image.Image) -> Kernel:
    """A multiple of `kernel` that restores the energy of the fine octave that clipping to 0 and 255 takes.

    Black lines on white paper cannot overshoot. The amplitude is taken to grow in proportion to the kernel.
    """
    squared = product(FINE, FINE)
    clipped = _inner(blurs(detail(as_float(sharpened(redraw, kernel))), 1))
    energies = (
        energy(squared, of_redraw),
        energy(squared, moments(clipped, clipped, mask)),
        energy(product(squared, kernel.squared), of_redraw),
    )
    before, after, intended = (math.sqrt(max(0.0, value)) for value in energies)
    if not before < after < _MUCH_OF * intended:
        return kernel
    stronger = Kernel().mixed(kernel, min(_MOST_STRONGER, (intended - before) / (after - before)))
    return _bounded(stronger.fine, stronger.coarse)


def _inner(copies: Sequence[Image.Image]) -> list[Image.Image]:
    """The pictures where no blur of `_BLURS` reaches their rim."""
    return [copy.crop((_BLURS, _BLURS, copy.width - _BLURS, copy.height - _BLURS)) for copy in copies]


def _share_without_noise(
    kernel: Kernel, redraw: Sequence[Image.Image], band: Sequence[Image.Image], mask: Image.Image, explained: float
) -> float:
    """The share of the change, 0 to 1, that gives the flattest quarter of the places hardly more of the fine octave
    than band and redraw have there: sharpening an edge also amplifies the noise beside it.

    `explained`, 0 to 1, is the share of the change that restores detail of both pictures, in place or displaced, for
    which some noise is allowed.
    """
    # 1. The fine octave of the redraw, of what the kernel adds to it, and of the band; their products in each place.
    change = product(FINE, (kernel.fine, kernel.coarse - kernel.fine, -kernel.coarse))
    fine, more, truth = (_filtered(p, blurs) for p, blurs in ((FINE, redraw), (change, redraw), (FINE, band)))
    pairs = ((truth, truth), (fine, fine), (fine, more), (more, more))
    sums = [combined(lambda v: v["a"] * v["b"] * v["m"], a=a, b=b, m=mask).reduce(_PLACE_PX) for a, b in pairs]
    shares = mask.reduce(_PLACE_PX).get_flattened_data()
    places = [
        values
        for share, *values in zip(shares, *(one.get_flattened_data() for one in sums), strict=True)
        if share > _WHOLE
    ]
    if not places:
        return 1.0
    # 2. Places are sorted by the band's own energy: the first quarter is flat.
    flattest = sorted(places, key=lambda place: max(place[:2]))[: max(1, len(places) // 4)]
    missing = math.fsum(place[0] - place[1] for place in places) / len(places)
    reference, own, both, gained = (math.fsum(values) / len(flattest) for values in zip(*flattest, strict=True))
    # 3. The share s at which the energy reaches its limit: own + 2 both s + gained s^2 = limit, solved for s >= 0.
    room = max(reference, own) + max(_MORE_NOISE, _NOISE_FOR_DETAIL * explained * missing) - own
    if 2 * both + gained <= room:
        return 1.0
    root = math.sqrt(both * both + gained * room)
    return room / (both + root)


def _filtered(polynomial: Polynomial, of: Sequence[Image.Image]) -> Image.Image:
    """Apply the polynomial to the picture with the blurred copies `of`."""
    out = combined(lambda v: v["b"] * polynomial[0], b=of[0])
    for factor, blur in zip(polynomial[1:], of[1:], strict=False):
        out = combined(lambda v: v["o"] + v["b"] * factor, o=out, b=blur)  # noqa: B023 (used at once)
    return out


def _nearest_of_equal_energy(redraw: Sequence[float], band: Sequence[float], common: Sequence[float]) -> Kernel:
    """The kernel on the way from least squares to instrumental variables at which one of the _LIMITED energies first
    equals the band's."""
    nearest = _solved(redraw, [energy(octave, common) - energy(octave, redraw) for octave in _OCTAVES])
    sharpest = _solved(common, [energy(octave, band) - energy(octave, common) for octave in _OCTAVES])

    def has_room(kernel: Kernel) -> bool:
        return all(energy(product(of, kernel.squared), redraw) < energy(of, band) for of in _LIMITED)

    low, high = 0.0, 1.0
    if not has_room(nearest):
        return nearest
    for _ in range(_HALVINGS):
        share = (low + high) / 2
        if has_room(nearest.mixed(sharpest, share)):
            low = share
        else:
            high = share
    return nearest.mixed(sharpest, low)


def _solved(instruments: Sequence[float], targets: Sequence[float]) -> Kernel:
    """The coefficients k within their bounds at which k M k - 2 k targets is least, M being the energies.

    If the minimum lies beyond the bounds, it is the best point on their edges: there one coefficient has its bound, and
    the equation of the other one holds. Clamping both coefficients would give another kernel, often a soft one.
    """
    matrix = [[energy(product(a, b), instruments) for b in _OCTAVES] for a in _OCTAVES]
    for i in range(2):
        matrix[i][i] = matrix[i][i] * (1 + _RIDGE) + 1e-6
    fine, coarse = solve(matrix, targets)
    if _bounded(fine, coarse) == Kernel(fine, coarse):
        return Kernel(fine, coarse)
    edges = []
    for fine in _BOUNDS[0]:
        edges.append(_bounded(fine, (targets[1] - matrix[1][0] * fine) / matrix[1][1]))
    for coarse in _BOUNDS[1]:
        edges.append(_bounded((targets[0] - matrix[0][1] * coarse) / matrix[0][0], coarse))

    def error(kernel: Kernel) -> float:
        x, y = kernel.fine, kernel.coarse
        (xx, xy), (yx, yy) = matrix
        return xx * x * x + (xy + yx) * x * y + yy * y * y - 2 * (targets[0] * x + targets[1] * y)

    return min(edges, key=error)


def _of_equal_energy(
    redraw: Sequence[float], band: Sequence[float], raw: Sequence[float], shares: Sequence[float]
) -> Kernel:
    """The kernel that moves the energy of each octave from that of `raw` towards the band's by its share, 0 to 1.

    It never moves the energy of the redraw away from the band's.

    Where both octaves cannot be met within the bounds, the fine one is, and the coarse one as nearly as possible.
    """
    # 1. The energy that each octave shall have, as a factor.
    targets = []
    for octave, share in zip(_OCTAVES, shares, strict=True):
        squared = product(octave, octave)
        mine, other, before = (max(0.0, energy(squared, of)) + LEAST_ENERGY for of in (redraw, band, raw))
        explained = before + share * (other - before)
        targets.append(min(max(explained, min(mine, other)), max(mine, other)) / mine)
    # 2. For each coarse coefficient the fine one follows; the coarse octave chooses among these pairs.
    forms = [_quadratic_form(octave, redraw) for octave in _OCTAVES]
    low, high = _BOUNDS[1]
    pairs = [
        _bounded(_fine_for(coarse, forms[0], targets[0]), coarse)
        for coarse in (low + (high - low) * k / _TRIALS for k in range(_TRIALS + 1))
    ]
    return min(pairs, key=lambda kernel: abs(math.log(max(1e-9, _factor(kernel, forms[1])) / targets[1])))


def _quadratic_form(octave: Polynomial, redraw: Sequence[float]) -> list[list[float]]:
    """The matrix of the factor on the energy of `octave` of the redraw, in the coefficients (1, fine, coarse)."""
    own = product(octave, octave)
    parts = ((1.0,), *_OCTAVES)
    whole = max(0.0, energy(own, redraw)) + 1e-9
    return [[energy(product(own, product(a, b)), redraw) / whole for b in parts] for a in parts]


def _factor(kernel: Kernel, form: Sequence[Sequence[float]]) -> float:
    """The factor of the kernel on the energy of the octave with this quadratic form."""
    coefficients = (1.0, kernel.fine, kernel.coarse)
    return math.fsum(x * y * form[i][k] for i, x in enumerate(coefficients) for k, y in enumerate(coefficients))


def _fine_for(coarse: float, form: Sequence[Sequence[float]], target: float) -> float:
    """The larger fine coefficient at which the octave has the `target` energy; where none has it, the nearest."""
    squared = form[1][1] + _RIDGE
    half = form[0][1] + coarse * form[1][2]
    rest = form[0][0] + 2 * coarse * form[0][2] + coarse * coarse * form[2][2] - target
    return (math.sqrt(max(0.0, half * half - squared * rest)) - half) / squared


def _bounded(fine: float, coarse: float) -> Kernel:
    """The kernel with these coefficients, clamped to their bounds."""
    return Kernel(*(min(high, max(low, value)) for value, (low, high) in zip((fine, coarse), _BOUNDS, strict=True)))


def sharpened(image: Image.Image, kernel: Kernel) -> Image.Image:
    """Apply `kernel` to `image`, which is mirrored at its edges."""
    width, height = image.size
    padded = crop_mirrored(image, (-REACH_PX, -REACH_PX, width + REACH_PX, height + REACH_PX))
    out = Image.new(image.mode, image.size)
    for top in range(0, height, _STRIP_PX):
        rows = min(_STRIP_PX, height - top)
        strip = padded.crop((0, top, padded.width, top + rows + 2 * REACH_PX))
        inner = (REACH_PX, REACH_PX, REACH_PX + width, REACH_PX + rows)
        channels = [_sharpened(channel, kernel).crop(inner) for channel in strip.split()]
        out.paste(Image.merge(image.mode, channels), (0, top))
    return out


def _sharpened(channel: Image.Image, kernel: Kernel) -> Image.Image:
    """Apply `kernel` to one channel (mode L); invalid within REACH_PX of its rim.

    Both blurs are integers, _FINENESS to a level: a filter of integers takes half the time of sums in mode F.
    """
    once = channel.convert("I").filter(ImageFilter.Kernel((3, 3), _BINOMIAL, scale=sum(_BINOMIAL) / _FINENESS))
    twice = once.filter(ImageFilter.Kernel((3, 3), _BINOMIAL))
    own, first, second = kernel.polynomial
    out = combined(
        lambda v: v["channel"] * own + v["once"] * (first / _FINENESS) + v["twice"] * (second / _FINENESS) + 0.5,
        channel=as_float(channel),
        once=as_float(once),
        twice=as_float(twice),
    )
    return out.convert("L")  # the conversion clips, and rounds down
