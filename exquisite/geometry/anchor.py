"""The anchor: measures the drift of style from the seed picture, and corrects at most a share of it in the new half.

Calibration corrects the drift that the redrawn band shows. A model may also draw the NEW half slightly flatter or
softer than its own redraw of the band. This is invisible at one seam, and adds up to another style after thirty. Only
the style of the seed picture is known to be right.

    1. Measure the deviation of lightness, contrast and sharpness from the seed: the mean over the new strip and as
       many strips before it as the variation of the content requires.
    2. Weight the deviation d by d² / (d² + s²), where s is the deviation expected by chance.
    3. Correct the new half by `share` of the weighted deviation. The correction is 0 at the seam and fades in over
       RAMP_PX.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache

from PIL import Image, ImageFilter

from ..contract import Mode, TileContract, from_canonical, to_canonical
from ..pixels import LEVELS, as_float, combined
from .measures.signature import Signature, signature_of
from .measures.style import style_of
from .tile_mode import require_tile

__all__ = ["MOST_STRIPS", "RAMP_PX", "Anchor", "Correction", "anchored_tile"]

RAMP_PX = 64
"""Width in pixels beyond the seam over which the correction fades in; at most a quarter of the growth."""

MOST_STRIPS = 8
"""Largest number of strips in the mean."""

_STEADY = 0.015  # expected deviation of the mean by chance, above which more strips are averaged
_LEAST_DRIFT = -0.9  # a larger loss means other content, not a drift
_TRIAL = 0.25  # amount of the unsharp mask for measuring its effect on a strip
_MOST_AMOUNT = 1.0  # of the unsharp mask: beyond it, edges get halos
_SOFT_SIGMA = 1.0  # sigma of the unsharp mask in pixels: detail finer than about two pixels


@dataclass(frozen=True)
class Correction:
    """Factors on lightness, contrast and sharpness of a new half; 1 changes nothing."""

    lightness: float = 1.0
    contrast: float = 1.0
    sharpness: float = 1.0

    def as_dict(self) -> dict[str, float]:
        """The factors by name, to six digits after the point."""
        return {name: round(value, 6) for name, value in asdict(self).items()}


@dataclass(frozen=True)
class Anchor:
    """The reference style of a step.

    Attributes:
        share: largest share of a deviation that one step corrects, 0 to 1.
        seed: signature of the seed picture.
        spread: variation of each measure between parts of the seed picture (`trend.spread_of`).
        recent: `Signature.drift_from` the seed picture of the strips before this step in its mode, newest first.
    """

    share: float
    seed: Signature
    spread: Mapping[str, float]
    recent: Sequence[Mapping[str, float]] = ()

    def correction(self, strip: Signature) -> Correction:
        """The correction for a new half whose growth has the signature `strip`."""
        drifts = (strip.drift_from(self.seed), *self.recent[: MOST_STRIPS - 1])
        return Correction(**{name: self._factor(name, drifts) for name in Correction.__dataclass_fields__})

    def _factor(self, name: str, drifts: Sequence[Mapping[str, float]]) -> float:
        """The factor on one measure, by steps 1 to 3 of the module; deviations are logarithms."""
        chance = self.spread[name]
        needed = max(1, math.ceil((chance / _STEADY) ** 2))
        deviations = [math.log1p(max(_LEAST_DRIFT, drift[name])) for drift in drifts[:needed]]
        deviation = sum(deviations) / len(deviations)
        expected = chance * chance / len(deviations)
        trusted = deviation * deviation / (deviation * deviation + expected) if deviation else 0.0
        return math.exp(-self.share * trusted * deviation)


def anchored_tile(
    tile: Image.Image, mode: Mode | str, contract: TileContract, anchor: Anchor, closes: bool = False
) -> tuple[Image.Image, Correction]:
    """Correct the new half of an RGB `tile` (own orientation) towards the anchor; returns the tile and the correction.

    The conditioning half and the first new column do not change. When the tile `closes` a loop, the correction fades
    out again before the band at its far end.

    Raises:
        CanvasError: the tile is not RGB or of the wrong size.
    """
    canonical = to_canonical(require_tile(tile, mode, contract), mode)
    seam, height = contract.band_px, contract.across_px
    growth = canonical.crop((seam, 0, seam + contract.advance_px, height))
    correction = anchor.correction(signature_of(growth))
    if correction == Correction():
        return tile, correction
    half = canonical.crop((seam, 0, contract.tile_px, height))
    corrected = _toned(_as_sharp(half, growth, correction.sharpness), growth, correction)
    out = canonical.copy()
    ramp_px = max(1, min(RAMP_PX, contract.advance_px // 4))
    out.paste(corrected, (seam, 0), _ramp(half.size, ramp_px, contract.advance_px if closes else None))
    return from_canonical(out, mode), correction


def _toned(half: Image.Image, growth: Image.Image, correction: Correction) -> Image.Image:
    """Apply one curve to all channels of `half`; black and white do not change unless contrast grows.

    Lightness is a power of the level, v -> v^p, that moves the mean m to m * lightness. Contrast is a factor on v - m,
    without the contrast that sharpening adds; a factor below 1 fades towards 1 at both ends.
    """
    white = LEVELS - 1
    before, after = style_of(growth), style_of(half.crop((0, 0, *growth.size)))
    gain = correction.contrast * before.contrast / after.contrast if after.contrast > 0 else 1.0
    middle = min(white - 1.0, max(1.0, before.lightness)) / white
    power = math.log(min(0.99, middle * correction.lightness)) / math.log(middle)  # at 1 all would be white
    curve = []
    for level in range(LEVELS):
        value = (level / white) ** power
        away = value - middle
        end = 1 - middle if away > 0 else middle
        share = 1.0 if gain > 1 else 1 - (away / end) ** 2
        curve.append(max(0, min(white, round(white * (value + away * (gain - 1) * share)))))
    return half.point(curve * 3)


def _as_sharp(half: Image.Image, growth: Image.Image, factor: float) -> Image.Image:
    """Apply the unsharp mask that changes the sharpness of the growth in `half` by `factor`.

    The effect of a trial amount is measured; for small amounts the effect is proportional to the amount.
    """
    trial = _TRIAL if factor > 1 else -_TRIAL
    before = style_of(growth).sharpness
    effect = style_of(_unsharp(growth, trial)).sharpness / before - 1 if before > 0 else 0.0
    if effect * trial <= 0:
        return half
    return _unsharp(half, max(-_MOST_AMOUNT, min(_MOST_AMOUNT, trial * (factor - 1) / effect)))


def _unsharp(image: Image.Image, amount: float) -> Image.Image:
    """v + amount * (v - blurred v) for each channel, with stochastic rounding.

    A small amount changes most pixels by less than half a level, which rounding to the nearest level would remove.
    """
    soft = image.filter(ImageFilter.GaussianBlur(_SOFT_SIGMA))
    chance = _chance(image.size)
    channels = []
    for band, blurred in zip(map(as_float, image.split()), map(as_float, soft.split()), strict=True):
        sharpened = combined(lambda v: v["i"] + amount * (v["i"] - v["s"]) + v["c"], i=band, s=blurred, c=chance)
        channels.append(sharpened.convert("L"))
    return Image.merge("RGB", channels)


@lru_cache(maxsize=2)
def _chance(size: tuple[int, int]) -> Image.Image:
    """Uniform noise from 0 to 1, exclusive, mode F, always the same."""
    noise = Image.frombytes("L", size, random.Random("rounding").randbytes(size[0] * size[1]))
    return noise.convert("F").point(lambda value: value * (1 / LEVELS) + 0.5 / LEVELS)


def _ramp(size: tuple[int, int], ramp_px: int, end: int | None = None) -> Image.Image:
    """0 at the first column, 255 from `ramp_px` on, along a raised cosine, and 0 again before column `end`; mode L."""
    width, height = size
    reached = [min(1.0, x / ramp_px, 1.0 if end is None else max(0.0, (end - 1 - x) / ramp_px)) for x in range(width)]
    weights = [round(255 * (0.5 - 0.5 * math.cos(math.pi * share))) for share in reached]
    return Image.frombytes("L", (width, 1), bytes(weights)).resize((width, height))
