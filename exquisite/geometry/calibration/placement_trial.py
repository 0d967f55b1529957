"""Whether a placement that was measured on the band may move the whole tile.

The trial is made at half the size: the attainable residual is measured on an eighth of a block, and a trial at full
size takes four times as long.
"""

from __future__ import annotations

import math
from functools import cached_property

from PIL import Image

from ...contract import TileContract
from .colour_registration import half_size, pulled_back, registered
from .displacement import resample
from .extension import extended
from .holdout import CLEAR_FALL, NO_RESIDUAL, HoldoutResidual
from .registration import Registration

__all__ = ["CLEAR_PLACE", "PlacementTrial"]

CLEAR_PLACE = 0.7
"""Largest share of the residual after a clear placement; wrong placements left .78 and more."""

_OBVIOUS = 0.5  # the same after an obvious one, which is not tried on the far half: that takes a quarter of the time
_CONTRADICTS = 1.05  # right placements left 1.02 where the far half shows nothing, wrong ones 1.11 and more
_BEND_HOLDS = 0.9  # of 16 simulated bends that left more, 13 made the new half worse, by .4 to 3 dB; of 50 others 2
_NOISE = 0.05  # levels: in flat pictures with noise, a right bend lowers a residual of one level by less
_BESIDE_PARTS = 4  # of the band: the columns next to the seam
_LEAST_NEAR_FALL = 0.15  # of the fall of the whole residual: .07 beside other content, .24 and more beside the same
_BEND_SHARE, _BEND_FALL = 0.07, 0.035  # of the residual of shift and zoom, and of that before: bends that explained
# less took 4 to 6 dB from the new half of a portrait and of redraws by an autoencoder
_BEND_BESIDE = 0.35  # of the fall by the bend in the whole band; with .23 and less, bends took up to 4 dB
_LEAST_FAR_PX = 24  # of the far half at half the size: a narrower one is too small to be registered alone


class PlacementTrial:
    """The trial of one raw tile and its band, both RGB and of full size, with their registration `whole`."""

    def __init__(self, raw: Image.Image, band: Image.Image, whole: Registration) -> None:
        self._raw, self._band = half_size(raw), half_size(band)
        self._holdout = HoldoutResidual(self._band, whole.block_px // 2, whole.weights)
        seam = self._band.width
        self._far = seam // 2
        self._whole = whole
        self._columns = seam - seam // _BESIDE_PARTS, self._far
        self._before = self._residuals(self._raw.crop((0, 0, *self._band.size)))

    def share(self, bend: bool) -> float:
        """The share of the attainable residual that remains after shift and zoom, and after the `bend` with it."""
        after, *_ = self._after(bend)
        before, *_ = self._before
        return after / before

    def objection(self, bend: bool) -> str:
        """Why shift and zoom, with or without the `bend`, may not move the tile; "" if they may."""
        share = self.share(bend)
        after, beside_after, _ = self._after(bend)
        _, beside_before, _ = self._before
        # 1. They must explain something.
        if share > CLEAR_FALL:
            return f"moved, the band has {share:.0%} of the residual"
        # 2. Also next to the seam, unless there is less to explain than elsewhere.
        beside_share = beside_after / (beside_before + NO_RESIDUAL)
        if beside_after > after and 1 - beside_share < _LEAST_NEAR_FALL * (1 - share):
            return "what moved the band is not seen next to the seam"
        # 3. A bend must explain clearly more than shift and zoom.
        if bend and (reason := self._objection_to_bend(after, beside_after)):
            return reason
        # 4. The displacement of the far half of the band must hold in the near half.
        most = _most_predicted(self._whole.has_bend, share)
        if most < math.inf and self._far >= _LEAST_FAR_PX and not self._predicts(bend, most):
            return "what the far half of the band shows does not hold near the seam"
        return ""

    def _objection_to_bend(self, after: float, beside_after: float) -> str:
        """Why shift and zoom alone are better than a bend that leaves `after`, and `beside_after` next to the seam."""
        before, *_ = self._before
        straight, beside_straight, _ = self._straight
        fall = straight - after
        if fall < max(_BEND_SHARE * straight, _BEND_FALL * before):
            return "it explains hardly more than shift and zoom"
        if 1 - beside_after / (beside_straight + NO_RESIDUAL) < _BEND_BESIDE * fall / straight:
            return "what bent the band is not seen next to the seam"  # it continues from there into the generated half
        return ""

    def _after(self, bend: bool) -> tuple[float, float, float]:
        """The residuals after shift and zoom, and after the `bend` with it."""
        return self._with_bend if bend else self._straight

    @cached_property
    def _with_bend(self) -> tuple[float, float, float]:
        return self._residuals(self._moved(self._whole))

    @cached_property
    def _straight(self) -> tuple[float, float, float]:
        return self._residuals(self._moved(self._whole.straightened()))

    def _moved(self, registration: Registration) -> Image.Image:
        """The conditioning half, moved by a registration of the pictures at full size."""
        return pulled_back(self._raw, registration, self._band.size, 2)

    def _predicts(self, bend: bool, most: float) -> bool:
        """Whether the displacement of the far half leaves at most the share `most` of the residual of the near half.

        A field continues into the generated half, where nothing can be measured. That of the far half continues into
        the near half in the same way, where it can. Strokes drawn anew, each in another direction, have a mean
        displacement that is not 0, and any smooth field follows them a little. That lowers the residual everywhere it
        was fitted, and raises it where it was not.
        """
        seam, across = self._band.size
        contract = TileContract(seam, self._far, min(self._far, seam - self._far), seam - self._far, across)
        registration = self._far_registration if bend else self._far_registration.straightened()
        *_, after = self._residuals(resample(self._raw, extended(registration, contract), (0, 0, seam, across), 1))
        *_, before = self._before
        return after <= most * before + _NOISE

    @cached_property
    def _far_registration(self) -> Registration:
        """The far half registered alone, once for bend and place; its bend is measured only to judge one."""
        return registered(self._raw, self._band.crop((0, 0, self._far, self._band.height)), self._whole.has_bend)

    def _residuals(self, half: Image.Image) -> tuple[float, float, float]:
        """The attainable residual of the conditioning half, of the columns next to the seam, and of the near half."""
        whole, beside, near = self._holdout.attainable_but_tone(half, *self._columns)
        return whole + NO_RESIDUAL, beside, near


def _most_predicted(bend: bool, share: float) -> float:
    """The largest share of the residual of the near half that the displacement of the far half may leave there.

    Where shift and zoom do not explain the band, its parts may have moved independently. A bend then fits the band
    best, and is wrong beyond it. Without a `bend`, a placement must lower the residual. A clear one may raise it a
    little, and an obvious one is not tried: `share` is what it leaves of the residual of the whole band.
    """
    if bend:
        return _BEND_HOLDS
    if share > CLEAR_PLACE:
        return CLEAR_FALL
    return _CONTRADICTS if share > _OBVIOUS else math.inf
