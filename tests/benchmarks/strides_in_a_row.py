"""The same length grown with each contract, each step on the result of the one before: remaining drift and seams."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from PIL import Image, ImageChops, ImageStat

from exquisite.api.mock.drift import Drift, redraw
from exquisite.contract import LONG, TileContract
from exquisite.geometry.calibration import calibrate_tile
from exquisite.geometry.enforcement import enforce_conditioning_half
from exquisite.geometry.measures.seam_residual import seam_residual
from exquisite.pixels import laplacian_energy

__all__ = ["LENGTH_PX", "Row", "drift_at_seam", "in_a_row"]

LENGTH_PX = 2 * LONG.advance_px
"""What is grown: as much as two steps of `LONG` add. Other contracts take the steps that fit."""

_EDGE_PX = 32  # columns and rows that are held against the truth, and rows at both outer edges that are not
_END_PX = LONG.overlap_px  # columns at the end whose contrast and sharpness are compared


@dataclass(frozen=True)
class Row:
    """What one contract makes of one picture.

    Attributes:
        steps: steps that were made.
        residual: mean over the seams of the residual over that of the truth.
        first: mean PSNR of the first new columns of each step, in dB.
        contrast, sharpness: of the last columns, over those of the truth.
    """

    steps: int
    residual: float
    first: float
    contrast: float
    sharpness: float


def drift_at_seam(seed: int, contract: TileContract) -> Drift:
    """A drift whose displacement at the seam is that of a classic tile: its zoom is about the middle of the tile."""
    drift = Drift.random(seed)
    from_middle = contract.band_px - contract.tile_px / 2
    return replace(drift, shift=(drift.shift[0] + from_middle * (1 - drift.zoom[0]), drift.shift[1]))


def in_a_row(picture: Image.Image, left: int, border_px: int, contract: TileContract) -> Row:
    """Grow from the band that ends at column `left` of a known `picture`, one candidate a step.

    Args:
        picture: RGB, `border_px` wider at each edge than what any tile shows.
        left: column of the first seam.
    """
    rows = (border_px, border_px + contract.across_px)
    canvas = picture.crop((left - contract.band_px, rows[0], left, rows[1]))
    steps = LENGTH_PX // contract.advance_px
    residuals, firsts = [], []
    for step in range(steps):
        start = left - contract.band_px + step * contract.advance_px
        box = (start, rows[0], start + contract.tile_px, rows[1])
        band = canvas.crop((canvas.width - contract.band_px, 0, *canvas.size))
        scene = picture.copy()
        scene.paste(band, box[:2])
        raw = redraw(scene, box, drift_at_seam(step + 1, contract))
        tile = enforce_conditioning_half(
            calibrate_tile(raw, band, "x_ltr", contract).tile, band, "x_ltr", contract
        )
        truth, growth = picture.crop(box), contract.tile_frame("x_ltr").growth_in_tile
        new, true = tile.crop(growth), truth.crop(growth)
        natural = seam_residual(truth.crop((0, 0, *band.size)), true, "x_ltr")
        residuals.append(seam_residual(band, new, "x_ltr") / natural)
        firsts.append(_psnr(new, true))
        canvas = _beside(canvas, new)
    end = (canvas.width - _END_PX, 0, *canvas.size)
    last = canvas.crop(end)
    stop = left - contract.band_px + canvas.width
    true = picture.crop((stop - _END_PX, rows[0], stop, rows[1]))
    return Row(
        steps,
        _mean(residuals),
        _mean(firsts),
        _deviation(last) / _deviation(true),
        laplacian_energy(last) / laplacian_energy(true),
    )


def _beside(left: Image.Image, right: Image.Image) -> Image.Image:
    out = Image.new("RGB", (left.width + right.width, left.height))
    out.paste(left, (0, 0))
    out.paste(right, (left.width, 0))
    return out


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def _deviation(image: Image.Image) -> float:
    """Standard deviation within the channels, in levels."""
    return math.sqrt(math.fsum(ImageStat.Stat(image).var) / 3)


def _psnr(new: Image.Image, truth: Image.Image) -> float:
    """In dB, of the first columns."""
    box = (0, _EDGE_PX, _EDGE_PX, truth.height - _EDGE_PX)
    rms = ImageStat.Stat(ImageChops.difference(new.crop(box), truth.crop(box))).rms
    return 10 * math.log10(255 * 255 / max(1e-3, math.fsum(value * value for value in rms) / 3))
