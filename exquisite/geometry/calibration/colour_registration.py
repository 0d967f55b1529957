"""Registers a raw tile to its band in colour: placement and tone each need the other, so they take turns."""

from __future__ import annotations

from PIL import Image

from ...pixels import as_float
from .blocks import halved
from .displacement import resample
from .grey import registration_grey
from .holdout import HoldoutResidual
from .placement import MAX_SHIFT_PX
from .registration import LEAST_BAND_PX, Registration, locate, register, unmeasured
from .tone import ENOUGH_PIXELS, fit_tone, low_order_curve, matched_histograms, through, with_tone

__all__ = ["LOCAL_FALL", "half_size", "pulled_back", "registered"]

LOCAL_FALL = 0.95
"""A bend is corrected if that reduces the attainable residual of shift and zoom alone to this factor or below, and by
.15 levels."""

_LEAST_LOCAL_FALL = 0.15  # levels: half the rounding to whole levels; bends that fit noise in flat pictures lower .1
_PROMISING_FALL = 0.965  # after the first step towards a bend; the others lowered it by .02 more, mostly
_SEEN_BEYOND_PX = 2 * MAX_SHIFT_PX  # distance beyond the seam that is searched for the band
_ENOUGH_ROUGHLY = ENOUGH_PIXELS // 2  # for curves that serve registration alone


def registered(raw: Image.Image, band: Image.Image, bends: bool = True) -> Registration:
    """Register the redraw in one grey picture (`registration_grey`) with the tone of the band.

    Without `bends` only shift and zoom are measured, which takes half the time.

    The first pass works at half the size, with a low-order curve from the histograms, which cannot distinguish flat
    areas of similar size. At the resulting placement exact curves are fitted, and the full size is registered through
    them.
    """
    if min(band.size) < LEAST_BAND_PX:
        return unmeasured(band.size)
    raw = raw.crop((0, 0, min(raw.width, band.width + _SEEN_BEYOND_PX), raw.height))
    weights = registration_grey(band)
    # 1. Placement at half the size.
    grey, grey_band = (halved(image.convert("L", weights)) for image in (raw, band))
    reference = grey.crop((0, 0, *grey_band.size))
    shares = [count / reference.width / reference.height for count in reference.histogram()]
    curve = low_order_curve(shares, matched_histograms(reference, grey_band))
    rough = locate(through(grey, curve), as_float(grey_band), MAX_SHIFT_PX // 2)
    # 2. Tone curves at that placement.
    small, small_band = (half_size(image) for image in (raw, band))
    tone = fit_tone(pulled_back(small, rough, small_band.size, 1), small_band, enough=_ENOUGH_ROUGHLY)
    # 3. Place and bend at full size; the bend only if it improves the residual of the small pictures.
    toned, reference = (as_float(image.convert("L", weights)) for image in (with_tone(raw, tone), band))
    trial = _BendTrial(small, small_band, rough)
    result = register(toned, reference, rough.placement.twice, trial.promises if bends else None)
    return result if not result.has_bend or trial.helps(result) else result.straightened()


class _BendTrial:
    """Whether bends improve the residual of the pictures at half the size, found at a `rough` placement."""

    def __init__(self, redraw: Image.Image, band: Image.Image, rough: Registration) -> None:
        self._redraw, self._band = redraw, band
        self._holdout = HoldoutResidual(band, rough.block_px, rough.weights)
        self._straight: float | None = None

    def promises(self, registration: Registration) -> bool:
        """Whether the first step towards a bend lowers the residual enough to continue."""
        return self._residual(registration) <= _PROMISING_FALL * self._before(registration)

    def helps(self, registration: Registration) -> bool:
        """Whether a bend lowers the residual enough to correct it."""
        before = self._before(registration)
        return self._residual(registration) < min(LOCAL_FALL * before, before - _LEAST_LOCAL_FALL)

    def _before(self, registration: Registration) -> float:
        """The residual of shift and zoom alone, which bends of one trial have in common."""
        if self._straight is None:
            self._straight = self._residual(registration.straightened())
        return self._straight

    def _residual(self, registration: Registration) -> float:
        half = pulled_back(self._redraw, registration, self._band.size, 2)
        return self._holdout.attainable_but_tone(half)[0]


def half_size(image: Image.Image) -> Image.Image:
    """Means of 2 by 2 pixels, without an odd last row or column."""
    return image.reduce(2).crop((0, 0, image.width // 2, image.height // 2))


def pulled_back(redraw: Image.Image, registration: Registration, size: tuple[int, int], scale: int) -> Image.Image:
    """The registered conditioning half, of `size` (width, height), of a `redraw` that is reduced by `scale`."""
    step = 2 * registration.block_px // scale  # residuals hardly change with a finer mesh
    xs, ys = (tuple(float(at) for at in (*range(0, length, step), length)) for length in size)
    return resample(redraw, registration.field(xs, ys, scale), (0, 0, *size), 1)
