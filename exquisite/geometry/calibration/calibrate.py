"""Calibration: the model's drift, measured on the redrawn conditioning half, and undone in the whole tile.

The model redraws the band that it was shown. Where it put it, how it changed its tone and how soft it drew it is
therefore known exactly, and the generated half drifts with it. In this order: registration (shift, zoom, smooth
local displacement), tone per channel, softness. The tile is resampled once.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

from PIL import Image, ImageChops

from ...contract import CLASSIC, Mode, TileContract, from_canonical, to_canonical
from ...pixels import as_float
from ..enforcement import require_band
from ..measures.redraw_error import NEW_PX, lost_detail, redraw_error
from ..tile_mode import require_tile
from .displacement import Field, kept_inside, resample, tapers
from .holdout import Agreement
from .registration import MAX_SHIFT_PX, Registration, halved, locate, register
from .sharpness import Kernel, fit_kernel, sharpened
from .tone import ENOUGH_PIXELS, ToneCurves, equal_histograms, fit_tone, matched_histograms, through, with_tone

__all__ = [
    "CLEAR_FALL",
    "FIDELITY_FLOOR",
    "FILTER_MAY_COST",
    "LEAST_KEPT",
    "LOCAL_FALL",
    "Calibration",
    "calibrate_tile",
]

CLEAR_FALL = 0.9
"""A calibration is applied where it takes the residual to this factor of what it was, or below."""

FIDELITY_FLOOR = 0.0
"""Below this the redrawn conditioning half counts as unexplained. True redraws: .44 and above; others: below 0."""

LEAST_KEPT = 0.25
"""A calibration is applied where the model kept at least this share of the band."""

FILTER_MAY_COST = 1.05
"""Softness is corrected unless that takes the residual above this factor of what it was: equal sharpness may cost."""

LOCAL_FALL = 0.95
"""A local displacement is undone where that takes the residual to this factor, or below, of shift and zoom alone."""

_LEAST_SHIFT_PX = 0.03  # below it a resampling costs more than it brings
_SEEN_BEYOND_PX = 4 * MAX_SHIFT_PX  # so far beyond the seam the band is looked for
_ENOUGH_ROUGHLY = ENOUGH_PIXELS // 2  # for curves that serve registration alone
_TREND_PX = 96  # how far into the generated half the local displacement follows its slope at the seam
_SHOWN_LEVELS = (32, 128, 224)


@dataclass(frozen=True)
class Calibration:
    """One tile, calibrated, with what was measured.

    Lengths are in pixels of the tile, along the growing axis first, then across it, growth being to the right.

    Attributes:
        tile: RGB, same size as the raw tile; the raw tile itself where nothing was applied.
        applied: whether `tile` differs from the raw tile.
        reason: in plain words, why it was applied or not.
        rim_px: width of the widest rim of the new pixels that has no source in the raw tile.
        fidelity: 1 - residual_after / activity of the band; 1 where the band is explained wholly, 0 where it is no
            better explained than by its own local means; may be negative.
        residual_before: difference of raw conditioning half and band: mean over held-out blocks of the RMS, in levels.
        residual_after: the same for `tile`.
        redraw_error: squared difference of the conditioning half of `tile` and the band, in levels², over `sound`, by
            the columns that were resampled as the first new ones were, and raised where these lack detail
            (`redraw_error.redraw_error`, `redraw_error.lost_detail`).
        sound: the part of the conditioning half that was drawn where it belongs: what had no source in the raw tile,
            and the rows that taper towards that, are left out. (left, top, right, bottom), growth to the right.
        shift: displacement of the redraw at the middle of the seam.
        scale: size of the redraw relative to the band, a factor.
        local_px: largest local displacement at the seam beyond shift and scale.
        tone: for each channel the band's level at the redraw's levels 32, 128 and 224.
        softness: factor that the correction gave to the finest detail; 1 where none was made.
        kept: share of the conditioning half that the calibrated redraw explains, 0 to 1; the rest was re-invented.
    """

    tile: Image.Image
    applied: bool
    reason: str
    rim_px: int = 0
    fidelity: float = 1.0
    residual_before: float = 0.0
    residual_after: float = 0.0
    redraw_error: float = 0.0
    sound: tuple[int, int, int, int] = (0, 0, 0, 0)
    shift: tuple[float, float] = (0.0, 0.0)
    scale: tuple[float, float] = (1.0, 1.0)
    local_px: tuple[float, float] = (0.0, 0.0)
    tone: tuple[tuple[float, ...], ...] = ()
    softness: float = 1.0
    kept: float = 1.0

    def as_dict(self) -> dict[str, object]:
        """Everything measured, in JSON types; without the picture."""
        values = {name: value for name, value in vars(self).items() if name != "tile"}
        return {name: _json(value) for name, value in values.items()}


def _json(value: object) -> object:
    if isinstance(value, tuple):
        return [_json(item) for item in value]
    return round(value, 6) if isinstance(value, float) else value


def calibrate_tile(
    raw_tile: Image.Image, band: Image.Image, mode: Mode | str, contract: TileContract = CLASSIC
) -> Calibration:
    """Undo in an RGB `raw_tile` the drift that its conditioning half shows against the RGB `band`, own orientation.

    Whatever cannot be measured leaves the tile as it is, with the reason.

    Raises:
        CanvasError: either picture is not RGB or of the wrong size.
    """
    require_tile(raw_tile, mode, contract)
    require_band(band, mode, contract)
    raw, truth = to_canonical(raw_tile, mode), to_canonical(band, mode)
    if ImageChops.difference(raw.crop((0, 0, *truth.size)), truth).getbbox() is None:
        reason = "no drift: the redrawn conditioning half equals the band"
        return Calibration(raw_tile, False, reason, sound=(0, 0, *truth.size))
    try:
        found, field = _undone(raw, truth, contract)
    except (ArithmeticError, ValueError) as error:
        reason = f"the drift could not be measured: {error}"
        found, field = Calibration(raw, False, reason, fidelity=FIDELITY_FLOOR), _unmoved(contract)
    sound = _sound(field, contract)
    return replace(
        found,
        tile=from_canonical(found.tile, mode) if found.applied else raw_tile,
        rim_px=_rim_px(field, contract),
        redraw_error=_redraw_error(found.tile, truth, field, sound),
        sound=sound,
    )


def _redraw_error(tile: Image.Image, band: Image.Image, field: Field, sound: tuple[int, int, int, int]) -> float:
    """What the redrawn band says of the error of the first new columns of a calibrated tile, canonical."""
    left, top, seam, bottom = sound
    redraw, new = tile.crop(sound), tile.crop((seam, top, min(seam + NEW_PX, tile.width), bottom))
    error = redraw_error(redraw, band.crop(sound), left, lambda x: field.at(x, tile.height / 2)[0])
    return error * lost_detail(redraw, new)


def _undone(raw: Image.Image, band: Image.Image, contract: TileContract) -> tuple[Calibration, Field]:
    """The calibration of a canonical tile, and the field by which its tile was resampled."""
    half = (0, 0, *band.size)
    registration = _registered(raw, band)
    agreement = Agreement(band, registration.block_px, registration.weights)
    before = agreement.residual(raw.crop(half))
    field = _field(registration, contract)
    if max(field.largest) < _LEAST_SHIFT_PX:
        field, tile = _unmoved(contract), raw
    else:
        tile = resample(raw, kept_inside(field), (0, 0, *raw.size))
    tone = fit_tone(tile.crop(half), band, agreement.counted)
    tile = with_tone(tile, tone)
    tile, kernel = _as_sharp_as_the_band(tile, band, agreement)
    tile = with_tone(tile, equal_histograms(tile.crop(half), band, agreement.counted))
    after, kept = agreement.judged(tile.crop(half))
    fell = f"the residual fell to {after / before:.0%}"
    if kept < LEAST_KEPT:
        applied, reason = False, f"only {kept:.0%} of the conditioning half is the band redrawn"
    elif after > CLEAR_FALL * before:
        applied, reason = False, f"{fell}, which is not clear enough"
    else:
        applied, reason = True, fell
    found = Calibration(
        tile if applied else raw,
        applied,
        reason,
        fidelity=1 - (after if applied else before) / agreement.activity,
        residual_before=before,
        residual_after=after if applied else before,
        kept=kept,
        **_measured(registration, tone, kernel, contract),
    )
    return found, field if applied else _unmoved(contract)


def _unmoved(contract: TileContract) -> Field:
    """The field that leaves everything where it is."""
    along, across = (0.0, float(contract.tile_px)), (0.0, float(contract.across_px))
    return Field.sampled(along, across, lambda _x, _y: (0.0, 0.0))


def _registered(raw: Image.Image, band: Image.Image) -> Registration:
    """Registration on the luminance, its tone near the band's.

    First at half the size and with the tone that the histograms tell; they cannot tell flat areas of like size apart.
    At the place that this gives, curves can be fitted that do, and the whole size is registered through them.
    """
    raw = raw.crop((0, 0, min(raw.width, band.width + _SEEN_BEYOND_PX), raw.height))
    small, small_band = halved(raw), halved(band)
    grey, grey_band = small.convert("L"), small_band.convert("L")
    curve = matched_histograms(grey.crop((0, 0, *grey_band.size)), grey_band)
    rough = locate(through(grey, curve), as_float(grey_band), MAX_SHIFT_PX // 2)
    tone = fit_tone(_pulled_back(small, rough, small_band.size, 1), small_band, enough=_ENOUGH_ROUGHLY)
    found = register(_grey(with_tone(raw, tone)), _grey(band), rough.placement.twice)
    if not found.bent:
        return found
    agreement = Agreement(small_band, rough.block_px, rough.weights)

    def residual(registration: Registration) -> float:
        half = _pulled_back(small, registration, small_band.size, 2)
        return agreement.residual(with_tone(half, fit_tone(half, small_band, enough=_ENOUGH_ROUGHLY)))

    straight = found.straightened()
    return found if residual(found) < LOCAL_FALL * residual(straight) else straight


def _grey(image: Image.Image) -> Image.Image:
    """Luminance, mode F."""
    return as_float(image.convert("L"))


def _pulled_back(redraw: Image.Image, registration: Registration, size: tuple[int, int], scale: int) -> Image.Image:
    """The conditioning half, of `size` (width, height), of a `redraw` that is `scale` times smaller than registered."""
    step = registration.block_px // scale
    xs, ys = (tuple(float(at) for at in (*range(0, length, step), length)) for length in size)
    return resample(redraw, registration.field(xs, ys, scale), (0, 0, *size), 1)


def _as_sharp_as_the_band(
    tile: Image.Image, band: Image.Image, agreement: Agreement
) -> tuple[Image.Image, Kernel]:
    """The tile with its softness corrected, unless the held-out blocks object, and the kernel that did it."""
    half = (0, 0, *band.size)
    near = (band.width // 2, 0, *band.size)
    kernel = fit_kernel(tile.crop(near).convert("L"), band.crop(near).convert("L"), agreement.counted.crop(near))
    corrected = sharpened(tile, kernel)
    if agreement.residual(corrected.crop(half)) > FILTER_MAY_COST * agreement.residual(tile.crop(half)):
        return tile, Kernel()
    return corrected, kernel


def _measured(registration: Registration, tone: ToneCurves, kernel: Kernel, contract: TileContract) -> dict[str, Any]:
    """The measured drift, by the names of `Calibration`."""
    seam, across = contract.band_px, contract.across_px
    local = [at for (at,) in registration.local.over((seam,), range(0, across + 1, registration.block_px))]
    return {
        "shift": registration.at(seam, across / 2),
        "scale": registration.placement.scale,
        "local_px": (max(abs(x) for x, _ in local), max(abs(y) for _, y in local)),
        "tone": tuple(tuple(curve[level] for level in _SHOWN_LEVELS) for curve in tone),
        "softness": kernel.gain,
    }


def _field(registration: Registration, contract: TileContract) -> Field:
    """The displacement over the whole tile.

    In the generated half shift and zoom go on. The local displacement at the seam goes on too, and follows its
    slope there for a while: by s * r * (1 - e^(-x / r)) at the distance x, with r = _TREND_PX.
    """
    step, seam = registration.block_px, contract.band_px
    along, across = contract.tile_px, contract.across_px
    known = [float(x) for x in (*range(0, seam, step), seam)]
    ahead = [float(x) for x in (*range(seam + step, along, step), along)]
    ys = [float(y) for y in (*range(0, across, step), across)]
    nodes = []
    trends = registration.local.over((seam - step / 2, seam), ys)
    for y, row, (inner, at_seam) in zip(ys, registration.field(known, ys).nodes, trends, strict=True):
        slope = [2 * (b - a) / step for a, b in zip(inner, at_seam, strict=True)]
        new = []
        for x in ahead:
            px, py = registration.placement.at(x, y)
            run = _TREND_PX * (1 - math.exp((seam - x) / _TREND_PX))
            new.append((px + at_seam[0] + slope[0] * run, py + at_seam[1] + slope[1] * run))
        nodes.append((*row, *new))
    return Field((*known, *ahead), tuple(ys), tuple(nodes))


def _sound(field: Field, contract: TileContract) -> tuple[int, int, int, int]:
    """The part of the conditioning half whose source `field` finds inside the raw tile, tapered rows left out."""
    up, down = tapers(field)
    behind = max(-(field.xs[0] + row[0][0]) for row in field.nodes)
    left = min(contract.band_px - 1, max(0, math.ceil(behind)))
    return left, math.ceil(up), contract.band_px, contract.across_px - math.ceil(down)


def _rim_px(field: Field, contract: TileContract) -> int:
    """How many of the outermost new pixels the field would take from beyond the raw tile: above, below or ahead."""
    seam, end = contract.band_px, contract.band_px + contract.advance_px
    columns = (seam, *(x for x in field.xs if seam < x < end), end)
    above = max(-field.at(x, 0)[1] for x in columns)
    below = max(field.at(x, contract.across_px)[1] for x in columns)
    ahead = max(end + field.at(end, y)[0] for y in field.ys) - contract.tile_px
    return max(0, math.ceil(max(above, below, ahead) - 0.05))
