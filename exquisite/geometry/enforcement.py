"""Replaces the redrawn conditioning half of a tile by the original band."""

from __future__ import annotations

from PIL import Image

from ..contract import CLASSIC, Mode, TileContract, require_rgb
from ..errors import CanvasError
from .tile_mode import require_tile

__all__ = ["enforce_conditioning_half", "require_band"]


def enforce_conditioning_half(
    tile: Image.Image, band: Image.Image, mode: Mode | str, contract: TileContract = CLASSIC
) -> Image.Image:
    """Copy an RGB `tile` and replace its conditioning half by `band`, byte for byte; the rest stays unchanged.

    Raises:
        CanvasError: either picture is not RGB or of the wrong size.
    """
    require_tile(tile, mode, contract)
    require_band(band, mode, contract)
    enforced = tile.copy()
    enforced.paste(band, contract.tile_frame(mode).conditioning_half)
    return enforced


def require_band(band: Image.Image, mode: Mode | str, contract: TileContract) -> Image.Image:
    """Return `band` when it is RGB and band_px by across_px in the orientation of `mode`.

    Raises:
        CanvasError: otherwise.
    """
    width, height = contract.band_size(mode)
    if require_rgb(band, "the band").size != (width, height):
        raise CanvasError(
            f"the band is {band.width}x{band.height}, growth in {Mode(mode)} needs {width}x{height}: "
            f"cut it with extract_conditioning_band"
        )
    return band
