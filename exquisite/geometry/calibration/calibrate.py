"""Calibration: measures the model's drift on the redrawn conditioning half, and corrects it in the whole tile.

The model redraws the band, whose true content is known. The difference shows its shift, its change of tone and its
softness, and the generated half has the same drift. The stages are, in this order: place (shift, zoom), bend (smooth
local displacement), tone of each channel, and sharpness. Each stage is applied or dropped separately, by its residual
on held-out blocks of the conditioning half and by its effect on the generated half. Then tone has a second pass, and
slow variation of tone is undone beside the seam. The tile is resampled once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

from PIL import Image, ImageChops

from ...contract import CLASSIC, Mode, TileContract, from_canonical, to_canonical
from ..enforcement import require_band
from ..measures.redraw_error import NEW_PX, lost_detail, redraw_error
from ..measures.seam_residual import redraw_residual
from ..seam_cost import REACH_PX, redraw_departures
from ..tile_mode import require_tile
from .colour_registration import registered
from .displacement import Field, resample
from .extension import extended, rim_px, unmoved, valid_box
from .grain import LEAST_GRAIN, remaining_grain
from .guard import harm_of_detail, harm_of_levels
from .holdout import CLEAR_FALL, NO_RESIDUAL, HoldoutResidual
from .photometric import PhotometricCorrection
from .placement_trial import CLEAR_PLACE, PlacementTrial
from .record import Calibration
from .registration import Registration
from .sharpness import LEAST_PX, Kernel, fit_kernel, sharpened
from .slow_tone import with_even_tone
from .tone import ENOUGH_PIXELS, ToneCurves, equal_histograms, fit_tone, with_tone
from .tone_trial import CLEAR_TONE, ToneTrial

__all__ = [
    "FIDELITY_FLOOR",
    "FILTER_MAY_COST",
    "LEAST_KEPT",
    "STAGES",
    "Calibration",
    "Drift",
    "calibrate_tile",
    "measure_drift",
    "measured_contract",
]

STAGES = ("place", "bend", "tone", "sharpness")
"""Names of the stages, in the order in which they are applied."""

FIDELITY_FLOOR = -0.05
"""A redrawn conditioning half with less fidelity is unexplained. Redraws of the band have .09 and above, -.02 where the
model drew strokes of its own all over it; unrelated pictures of the simulated model have -.07 and below."""

LEAST_KEPT = 0.15
"""A redraw that keeps less than this share of the band is recomposed, and no stage is applied. Unrelated pictures keep
.11 at most (231 pairs of 22 pictures: `make bench-constants` with DIR)."""

FILTER_MAY_COST = 1.08
"""Sharpness is dropped if it raises the attainable residual by more than this factor and .29 levels (_LEAST_FALL), and
the residual, too."""

_DOUBTFUL = 0.5  # share of the band: a redraw that keeps less is recomposed, unless its placement is clear; of real
# redraws, recomposed ones kept .35 at most, and others .56 and more (`make bench-constants` with DIR)
_MOST_MEASURED = 1 << 20  # pixels of the band next to the seam: those of `LONG`; more cost time
_SLIGHT_CHANGE, _SLIGHT_FALL = 3.0, 0.998  # levels; largest share of the residual, nearly all of it displaced strokes
_MOST_HARM = 0.05  # share of the blocks; right curves: at most .01, curves between two tones: .13 and more
_LEAST_FALL = 0.29  # levels: the standard deviation of rounding to whole levels, which sharpening amplifies
_KERNEL_SHARES = (1.0, 0.6, 0.3)  # of the fitted change of sharpness: each trial costs a tenth of the time of a tile
_LEAST_CHANGE = 0.06  # of the amplitude of an octave: a smaller change is within the noise
_LEAST_SHIFT_PX = 0.03  # a smaller shift is not worth the loss by resampling
_JOINED_PX = 128  # columns of the band next to the seam: enough for a mean, and near enough to show what is at the seam
_SHOWN_LEVELS = (32, 128, 224)  # a dark, a middle and a light one: three numbers that a person can read


def calibrate_tile(
    raw_tile: Image.Image, band: Image.Image, mode: Mode | str, contract: TileContract = CLASSIC
) -> Calibration:
    """Correct the drift of an RGB `raw_tile`, measured between its conditioning half and `band`, RGB; own orientation.

    A stage that cannot be measured is not applied; `reason` says why.

    Raises:
        CanvasError: either picture is not RGB or of the wrong size.
    """
    require_tile(raw_tile, mode, contract)
    require_band(band, mode, contract)
    raw, truth = to_canonical(raw_tile, mode), to_canonical(band, mode)
    drift = measure_drift(raw, truth, contract)
    drift, tile = drift.evened(drift.calibration.tile, truth)
    result = drift.rated(tile, truth, contract)
    return replace(result, tile=from_canonical(tile, mode) if result.applied else raw_tile)


@dataclass(frozen=True, eq=False)
class Drift:
    """The drift measured on one known half of a canonical tile, before the result is rated.

    Attributes:
        calibration: the tile corrected by all stages, with the measurements.
        field: the geometry of the correction, in pixels of the tile of `measured_contract`.
        photometric: tone and sharpness of the correction, applied after its geometry.
    """

    calibration: Calibration
    field: Field
    photometric: PhotometricCorrection = PhotometricCorrection()  # noqa: RUF009 (frozen)

    def evened(self, tile: Image.Image, band: Image.Image) -> tuple[Drift, Image.Image]:
        """A corrected canonical `tile` with even tone beside the seam, and the drift with a remark on that.

        Both are returned as they are where no stage was applied or nothing is undone.
        """
        even = with_even_tone(tile, band) if self.calibration.applied else tile
        if even is tile:
            return self, tile
        reason = f"{self.calibration.reason}; slow variation of tone undone beside the seam"
        return replace(self, calibration=replace(self.calibration, reason=reason)), even

    def rated(self, tile: Image.Image, band: Image.Image, contract: TileContract) -> Calibration:
        """The calibration with a corrected canonical `tile`, its rim, and its measurements against `band`."""
        inner = measured_contract(contract)
        outer = contract.band_px - inner.band_px
        valid = valid_box(self.field, inner)
        measured, truth = (picture.crop((outer, 0, *picture.size)) for picture in (tile, band))
        near = (max(valid[0], valid[2] - _JOINED_PX), *valid[1:])
        joined = truth.crop(near), measured.crop(near)
        return replace(
            self.calibration,
            tile=tile,
            rim_px=rim_px(self.field, inner),
            redraw_error=_redraw_error(measured, truth, self.field, valid),
            redraw_residual=redraw_residual(*joined),
            redraw_departures=redraw_departures(*joined, min(REACH_PX, contract.overlap_px)),
            sound=(valid[0] + outer, valid[1], valid[2] + outer, valid[3]),
        )


def measured_contract(contract: TileContract) -> TileContract:
    """The contract of the tile without the columns of the band too far from the seam to measure (_MOST_MEASURED)."""
    depth = max(contract.overlap_px, min(contract.band_px, _MOST_MEASURED // contract.across_px))
    return replace(contract, tile_px=contract.tile_px - contract.band_px + depth, band_px=depth)


def measure_drift(raw: Image.Image, band: Image.Image, contract: TileContract) -> Drift:
    """Measure the drift of a canonical RGB tile on its conditioning half, and correct the tile by it.

    Columns of the band beyond the measured ones do not change: enforcement replaces them.
    """
    inner = measured_contract(contract)
    outer = contract.band_px - inner.band_px
    near, truth = (picture.crop((outer, 0, *picture.size)) for picture in (raw, band))
    if ImageChops.difference(near.crop((0, 0, *truth.size)), truth).getbbox() is None:
        reason = "no drift: the redrawn conditioning half equals the band"
        return Drift(Calibration(raw, False, reason), unmoved(inner))
    drift = _Correction(near, truth, inner).result()
    if not outer:
        return drift
    whole = raw.copy()
    whole.paste(drift.calibration.tile, (outer, 0))
    return replace(drift, calibration=replace(drift.calibration, tile=whole))


def _redraw_error(tile: Image.Image, band: Image.Image, field: Field, valid: tuple[int, int, int, int]) -> float:
    """The estimated error of the first new columns of a calibrated canonical tile, from its redrawn band."""
    left, top, seam, bottom = valid
    redraw, new = tile.crop(valid), tile.crop((seam, top, min(seam + NEW_PX, tile.width), bottom))
    displacement = (lambda x: field.at(x, tile.height / 2)[0]) if field.separable else None
    error = redraw_error(redraw, band.crop(valid), left, displacement)
    return error * lost_detail(redraw, new)


class _Correction:
    """The stages of one canonical tile, each tried on the result of the ones before."""

    def __init__(self, raw: Image.Image, band: Image.Image, contract: TileContract) -> None:
        self._raw, self._band, self._contract = raw, band, contract
        self._half = (0, 0, *band.size)
        self._registration = registered(raw, band)
        self._holdout = HoldoutResidual(band, self._registration.block_px, self._registration.weights)
        self._field = unmoved(contract)
        self._tile = raw
        self._stages: list[str] = []
        self._remarks: list[str] = []
        self._tone: ToneCurves = ()
        self._photometric = PhotometricCorrection()
        self._kept_share = 1.0
        self._share_after_place = 1.0
        self._grain = 1.0

    def result(self) -> Drift:
        """Run the stages in order."""
        before = self._holdout.residual(self._raw.crop(self._half))
        self._place()
        self._adjust_tone()
        kept_share = self._kept_share
        if kept_share < LEAST_KEPT or (kept_share < _DOUBTFUL and self._share_after_place > CLEAR_PLACE):
            self._stages, self._tile, self._field = [], self._raw, unmoved(self._contract)
            self._photometric = PhotometricCorrection()
            reason = f"recomposed: only {kept_share:.0%} of the conditioning half is the band redrawn"
        else:
            self._adjust_sharpness()
            self._match_levels()
            self._measure_grain()
            reason = "; ".join([", ".join(self._stages) or "nothing to undo", *self._remarks])
        after = self._holdout.residual(self._tile.crop(self._half)) if self._stages else before
        seam, across = self._contract.band_px, self._contract.across_px
        rows = range(0, across + 1, self._registration.block_px)
        local = [at for (at,) in self._registration.local.over((seam,), rows)]
        calibration = Calibration(
            self._tile,
            bool(self._stages),
            reason,
            stages=tuple(self._stages),
            fidelity=1 - after / self._holdout.activity,
            residual_before=before,
            residual_after=after,
            shift=self._registration.at(seam, across / 2),
            scale=self._registration.placement.scale,
            local_px=(max(abs(x) for x, _ in local), max(abs(y) for _, y in local)),
            tone=tuple(tuple(curve[level] for level in _SHOWN_LEVELS) for curve in self._tone),
            softness=self._photometric.kernel.gain,
            grain=self._grain,
            kept=kept_share,
        )
        return Drift(calibration, self._field, self._photometric)

    def _place(self) -> None:
        """Place and bend: resample the tile, unless that does not improve the held-out blocks.

        Differences in tone would disturb this comparison: both halves are compared through curves fitted to each.
        """
        for axis, identifiable in zip("xy", self._registration.identifiable_axes, strict=True):
            if not identifiable:
                self._remarks.append(f"not identifiable along {axis}: left as it is")
        for registration in self._placements():
            if objection := self._move(registration):
                self._remarks.append(objection)
                continue
            if max(self._field.largest) > 0:
                self._stages += ["place", "bend"] if registration.has_bend else ["place"]
            break

    def _placements(self) -> list[Registration]:
        """The registration, and without its bend, in the order in which they are tried."""
        whole = self._registration
        return [whole, whole.straightened()] if whole.has_bend else [whole]

    def _move(self, registration: Registration) -> str:
        """Move the tile by `registration`, or return why that is refused; "" after a move, or if it is too small."""
        field = extended(registration, self._contract)
        if max(field.largest) < _LEAST_SHIFT_PX:
            return ""
        bend = registration.has_bend
        if objection := self._trial.objection(bend):
            return f"{'bend' if bend else 'place'} left as it is: {objection}"
        self._tile, self._field = resample(self._raw, field, (0, 0, *self._raw.size)), field
        self._share_after_place = self._trial.share(bend)
        return ""

    @cached_property
    def _trial(self) -> PlacementTrial:
        return PlacementTrial(self._raw, self._band, self._registration)

    def _adjust_tone(self) -> None:
        """Fit the tone curves; apply them if they lower the residual of held-out blocks and spare the new half."""
        self._tone = fit_tone(self._tile.crop(self._half), self._band, self._holdout.valid_mask)
        trial = ToneTrial(self._tile, self._tone, self._holdout)
        self._kept_share = self._holdout.kept_share(trial.halves[1])
        before, after = trial.attainable
        change = max(abs(value - level) for curve in self._tone for level, value in enumerate(curve))
        slight = change <= _SLIGHT_CHANGE and after <= _SLIGHT_FALL * before
        if not (slight or trial.is_clear(_LEAST_FALL)):
            self._remarks.append(f"tone left as it is: the curves leave {_share(after, before)} of the residual")
        elif self._holdout.share_of_harm(*trial.halves) > _MOST_HARM:
            self._remarks.append("tone left as it is: the curves would change parts of the band that are right")
        elif harm := harm_of_levels(self._tile, self._tone, self._band):
            self._remarks.append(f"tone left as it is: the curves {harm}")
        elif after > CLEAR_TONE * before and not self._holds_near_the_seam(fit_tone):
            self._remarks.append("tone left as it is: curves of the far half of the band do not hold near the seam")
        else:
            self._tile, self._photometric = trial.tile, PhotometricCorrection(self._tone)
            self._stages.append("tone")

    def _adjust_sharpness(self) -> None:
        """Sharpness: a kernel fitted to the detail next to the seam, bounded by the detail of the band.

        The whole change is tried first, then less of it: a part of the right change is better than none.
        """
        pictures = (self._tile, self._band, self._holdout.faithful_mask, self._raw)
        whole = fit_kernel(*map(self._near_the_seam, pictures))
        half = self._tile.crop(self._half)
        objections = []
        for share in _KERNEL_SHARES:
            kernel = Kernel().mixed(whole, share)
            if kernel.change < _LEAST_CHANGE and self._fall(sharpened(half, kernel)) > CLEAR_FALL:
                break
            corrected = sharpened(self._tile, kernel)
            if objection := self._objection_to_detail(corrected):
                objections.append(objection)
                continue
            self._tile, self._photometric = corrected, replace(self._photometric, kernel=kernel)
            self._stages.append("sharpness")
            break
        if objections and "sharpness" not in self._stages:
            self._remarks.append(f"sharpness left as it is: {objections[0]}")

    def _objection_to_detail(self, corrected: Image.Image) -> str:
        """Why `corrected` may not replace the tile; empty when it may."""
        before, after = (self._holdout.attainable(tile.crop(self._half)) for tile in (self._tile, corrected))
        if after > FILTER_MAY_COST * before + _LEAST_FALL and self._fall(corrected) > 1:
            return f"it would leave {_share(after, before)} of the residual"
        harm = harm_of_detail(self._tile, corrected, self._band)
        return harm and f"the kernel {harm}"

    def _match_levels(self) -> None:
        """The second pass of tone: matches the band's distribution of levels.

        Remaining softness pulls dark and light levels towards grey, and sharpening darkens white paper beside ink; see
        `equal_histograms`. No curve should match the levels of other strokes: the residual must fall clearly.
        """
        if not {"tone", "sharpness"} & set(self._stages):
            return
        curves = equal_histograms(self._tile.crop(self._half), self._band, self._holdout.valid_mask)
        trial = ToneTrial(self._tile, curves, self._holdout)
        if (
            trial.is_clear()
            and self._holds_near_the_seam(equal_histograms)
            and not harm_of_levels(self._tile, curves, self._band)
        ):
            self._tile, self._photometric = trial.tile, replace(self._photometric, levels=curves)

    def _holds_near_the_seam(self, fit: Callable[[Image.Image, Image.Image, Image.Image], ToneCurves]) -> bool:
        """Whether tone curves fitted to the far half of the band do not raise the residual of its near half.

        A far half with too few pixels to determine a curve decides nothing.
        """
        half = self._tile.crop(self._half)
        far = self._band.width // 2
        if far * half.height < ENOUGH_PIXELS:
            return True
        curves = fit(half, self._band, self._holdout.before(far))
        before, after = (self._holdout.attainable(one, far) for one in (half, with_tone(half, curves)))
        return after <= before

    def _measure_grain(self) -> None:
        """Measure the remaining grain, and add a reason if the redraw lost the band's grain."""
        self._grain = remaining_grain(*map(self._near_the_seam, (self._tile, self._band, self._holdout.valid_mask)))
        if self._grain < LEAST_GRAIN:
            self._remarks.append(f"grain lost: flat areas have {self._grain:.0%} of the band's finest detail")

    def _near_the_seam(self, picture: Image.Image) -> Image.Image:
        """The columns of `picture` (a tile, the band or a mask of it) in the near half of the band, mode L."""
        seam = self._band.width
        return picture.crop((max(0, min(seam // 2, seam - 2 * LEAST_PX)), 0, *self._band.size)).convert("L")

    def _fall(self, tile: Image.Image) -> float:
        """The residual of `tile` over that of the current tile."""
        after, before = (self._holdout.residual(one.crop(self._half)) for one in (tile, self._tile))
        return (after + NO_RESIDUAL) / (before + NO_RESIDUAL)


def _share(after: float, before: float) -> str:
    return f"{after / (before + NO_RESIDUAL):.0%}"
