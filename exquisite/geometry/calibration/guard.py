"""Guards the generated half against harmful corrections, even those that improve the conditioning half.

The band gives the truth of the conditioning half only. The generated half may have other levels and other detail; a
correction that fits the band may still clip, distort levels or amplify detail there. Each rule compares the change of
the generated half by one stage with the change of the conditioning half by the same stage.
"""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image

from ...pixels import LEVELS, as_float, difference, mean, moved, multiply, square
from .octaves import blurs
from .tone import ToneCurves

__all__ = ["harm_of_detail", "harm_of_levels"]

_MOST_CLIPPED = 0.02  # additional share of clipped samples in a half
_MOST_GUESSED = 0.02  # share of the samples with a level that the band hardly has
_PRESENT_SHARE = 1e-4  # of the band's pixels: fewer, 13 in the band of a tile of 512 px, tell nothing of their level
_BEYOND = 8  # levels: twice the variation of tone from place to place
_MOST_GROWTH = 1.25  # growth of an octave's energy relative to that in the conditioning half
_MOST_SURPLUS = 1.15  # of an octave's energy in the conditioning half over that in the band; see `harm_of_detail`
_MOST_HALFTONE = 1.5  # of the share of the finest checkerboard in the fine octave
_LEAST_ENERGY = 0.5  # levels^2: weaker detail, within two roundings, is invisible
_RIM_PX = 2  # where blurs and differences reach beyond the picture
_NEAR_PX = 4 * 32  # new columns that are compared with as many of the conditioning half


def harm_of_levels(tile: Image.Image, curves: ToneCurves, band: Image.Image) -> str:
    """Why tone curves harm the generated half of a canonical RGB `tile`; "" if they do not. `band` is RGB."""
    seam = band.width
    half, new = tile.crop((0, 0, seam, tile.height)), tile.crop((seam, 0, *tile.size))
    for *pair, curve, truth in zip(half.split(), new.split(), curves, band.split(), strict=True):
        (own, counts), reference = (channel.histogram() for channel in pair), truth.histogram()
        total, end = sum(counts), LEVELS - 1
        # 1. More clipping than the generated half or the band already has.
        for limit, clipped in (
            (0, [level for level, value in enumerate(curve) if value <= 0]),
            (end, [level for level, value in enumerate(curve) if value >= end]),
        ):
            loss = sum(counts[level] for level in _without_evidence(clipped, own, reference[limit]))
            if loss > max(counts[limit], reference[limit] * total / sum(reference)) + _MOST_CLIPPED * total:
                return "would clip the generated half"
        # 2. A larger change of levels that the band lacks than of any level that it has.
        common = [count > _PRESENT_SHARE * sum(reference) for count in reference]
        changes = [abs(value - level) for level, value in enumerate(curve)]
        most = max(change for change, is_common in zip(changes, common, strict=True) if is_common) + _BEYOND
        guessed = [
            n for n, change, is_common in zip(counts, changes, common, strict=True) if not is_common and change > most
        ]
        if sum(guessed) > _MOST_GUESSED * total:
            return "would change levels that the band does not have"
    return ""


def _without_evidence(clipped: Sequence[int], own: Sequence[int], at_limit: int) -> list[int]:
    """Those of the `clipped` levels that the band does not show at the limit.

    White paper is off-white in the redraw. If the curve clips no more of the conditioning half, with the histogram
    `own`, than the band has `at_limit`, the levels that both halves have are right there, however many the generated
    half has of them.
    """
    total = sum(own)
    if sum(own[level] for level in clipped) > at_limit + _MOST_CLIPPED * total:
        return list(clipped)
    return [level for level in clipped if own[level] <= _PRESENT_SHARE * total]


def harm_of_detail(before: Image.Image, after: Image.Image, band: Image.Image) -> str:
    """Why a change of sharpness harms the generated half of a canonical RGB tile; "" if it does not.

    The kernel is fitted where redraw and band agree. It also amplifies detail that the model invented elsewhere in the
    conditioning half, which shows its effect on invented detail in the generated half.
    """
    seam = band.width
    near = min(_NEAR_PX, seam, before.width - seam)
    old, new = (seam - near, 0, seam, before.height), (seam, 0, seam + near, before.height)
    reference, own = (_energies(before.crop(box)) for box in (old, new))
    known_after, own_after = (_energies(after.crop(box)) for box in (old, new))
    truth = _energies(band.crop((seam - near, 0, seam, band.height)))
    for k in range(2):
        if known_after[k] > _MOST_SURPLUS * max(reference[k], truth[k]) + _LEAST_ENERGY:
            return "would give the conditioning half more detail than the band has"
        usual = max(1.0, (known_after[k] + _LEAST_ENERGY) / (reference[k] + _LEAST_ENERGY))
        if own_after[k] + _LEAST_ENERGY > _MOST_GROWTH * usual * (own[k] + _LEAST_ENERGY):
            return "would amplify the detail of the generated half"
    before_share, share, usual = (
        (energies[2] + _LEAST_ENERGY) / (energies[0] + 4 * _LEAST_ENERGY) for energies in (own, own_after, truth)
    )
    return "would draw a halftone over the generated half" if share > _MOST_HALFTONE * max(before_share, usual) else ""


def _energies(image: Image.Image) -> Sequence[float]:
    """Energies per pixel of the fine octave, of the coarse one, and of the finest checkerboard (both second
    differences, one after the other)."""
    grey = as_float(image.convert("L"))
    sharp, soft, softer = blurs(grey, 2)
    checked = grey
    for dx, dy in ((1, 0), (0, 1), (-1, 0), (0, -1)):
        checked = difference(checked, moved(checked, dx, dy))
    octaves = difference(sharp, soft), difference(soft, softer), multiply(checked, 1 / 16)
    inner = (_RIM_PX, _RIM_PX, grey.width - _RIM_PX, grey.height - _RIM_PX) if min(grey.size) > 2 * _RIM_PX else None
    return [mean(square(octave.crop(inner))) for octave in octaves]
