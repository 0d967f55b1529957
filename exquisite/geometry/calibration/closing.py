"""Calibration of a tile that closes a loop: the drift is measured at both ends and interpolated across the middle.

Displacement, tone curves and kernels are interpolated. The tile is resampled once. The result of a curve or a kernel is
linear in its values; therefore a cross-fade of the two corrected tiles, which show the same content at the same place,
equals the tile corrected by the interpolated curves and kernels. Each of the two has its slow variation of tone undone
beside its own seam.
"""

from __future__ import annotations

from dataclasses import replace

from PIL import Image

from ...contract import Mode, TileContract, from_canonical, to_canonical
from ..closing import blended, far_share
from ..enforcement import require_band
from ..tile_mode import require_tile
from .calibrate import Calibration, measure_drift, measured_contract
from .displacement import Field, resample

__all__ = ["calibrate_closing_tile"]


def calibrate_closing_tile(
    raw_tile: Image.Image, bands: tuple[Image.Image, Image.Image], mode: Mode | str, contract: TileContract
) -> tuple[Calibration, Calibration]:
    """Correct the drift of an RGB `raw_tile`, measured on its two known halves; own orientation.

    Args:
        raw_tile: the tile as the model drew it.
        bands: the band at the frontier, and that at the beginning of the canvas.
        mode: direction of growth.
        contract: the contract of the closing step (`TileContract.closing`).

    Returns:
        The calibration of each half, the frontier's first; both have the same tile. The second one measures lengths in
        the opposite mode of growth.

    Raises:
        CanvasError: a picture is not RGB or of the wrong size.
    """
    mode = Mode(mode)
    require_tile(raw_tile, mode, contract)
    near_band, far_band = (
        to_canonical(require_band(band, way, contract), way)
        for band, way in zip(bands, (mode, mode.opposite), strict=True)
    )
    raw = to_canonical(raw_tile, mode)
    near = measure_drift(raw, near_band, contract)
    far = measure_drift(to_canonical(raw_tile, mode.opposite), far_band, contract)
    if not near.calibration.applied and not far.calibration.applied:
        tile, applied = raw, False
    else:
        outer = contract.tile_px - measured_contract(contract).tile_px
        fields = near.field.shifted(outer), far.field.shifted(outer).mirrored(contract.tile_px)
        placed = _placed(raw, *fields, contract)
        near, at_near = near.evened(near.photometric.applied_to(placed), near_band)
        far, at_far = far.evened(_mirrored(far.photometric.applied_to(placed)), far_band)
        tile, applied = blended(at_near, _mirrored(at_far), Mode.X_LTR, contract), True
    own = from_canonical(tile, mode) if applied else raw_tile
    rated = (
        near.rated(tile, near_band, contract),
        far.rated(_mirrored(tile), far_band, contract),
    )
    first, second = (replace(one, tile=own, applied=applied) for one in rated)
    return first, second


def _mirrored(tile: Image.Image) -> Image.Image:
    return tile.transpose(Image.Transpose.FLIP_LEFT_RIGHT)


def _placed(raw: Image.Image, near: Field, far: Field, contract: TileContract) -> Image.Image:
    """Resample a canonical tile by a field that is `near` at the near end and `far` at the far one."""
    xs, ys = (tuple(sorted({*getattr(near, axis), *getattr(far, axis)})) for axis in ("xs", "ys"))

    def between(x: float, y: float) -> tuple[float, float]:
        share = far_share(x, contract)
        (x0, y0), (x1, y1) = near.at(x, y), far.at(x, y)
        return x0 + share * (x1 - x0), y0 + share * (y1 - y0)

    field = Field.sampled(xs, ys, between)
    return raw if field.largest == (0.0, 0.0) else resample(raw, field, (0, 0, *raw.size))
