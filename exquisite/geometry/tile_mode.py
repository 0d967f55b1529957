"""Crops the band from a canvas, splits a tile into its halves, and glues a tile to a canvas."""

from __future__ import annotations

from PIL import Image

from ..contract import CLASSIC, Mode, TileContract, require_rgb
from ..errors import CanvasError

__all__ = ["extract_conditioning_band", "glue", "require_tile", "split_tile"]


def extract_conditioning_band(canvas: Image.Image, mode: Mode | str, contract: TileContract = CLASSIC) -> Image.Image:
    """Crop the last `band_px` of an RGB `canvas` at its frontier in `mode`, own orientation.

    Raises:
        CanvasError: the canvas is not RGB, or cannot grow in `mode`.
    """
    frame = contract.frame(mode, require_rgb(canvas, "the canvas").size)
    return canvas.crop(frame.band)


def split_tile(
    tile: Image.Image, mode: Mode | str, contract: TileContract = CLASSIC
) -> tuple[Image.Image, Image.Image]:
    """(conditioning half, generated half) of an RGB `tile`, own orientation.

    Raises:
        CanvasError: the tile is not RGB, or of the wrong size.
    """
    require_tile(tile, mode, contract)
    frame = contract.tile_frame(mode)
    return tile.crop(frame.conditioning_half), tile.crop(frame.generated_half)


def glue(canvas: Image.Image, tile: Image.Image, mode: Mode | str, contract: TileContract = CLASSIC) -> Image.Image:
    """Paste the patch of an enforced RGB `tile` over the frontier of an RGB `canvas`; return the grown canvas.

    The canvas grows by exactly advance_px along the axis. The patch also replaces the overlap; an enforced tile
    (`enforce_conditioning_half`) contains the canvas's own pixels there, so that they do not change.

    Raises:
        CanvasError: either picture is not RGB or of the wrong size.
    """
    require_tile(tile, mode, contract)
    frame = contract.frame(mode, require_rgb(canvas, "the canvas").size)
    extended = Image.new("RGB", frame.grown_size)
    extended.paste(canvas, frame.canvas_origin)
    extended.paste(tile.crop(frame.patch), frame.paste_origin)
    return extended


def require_tile(tile: Image.Image, mode: Mode | str, contract: TileContract) -> Image.Image:
    """Return `tile` when it is RGB and tile_px by across_px in the orientation of `mode`.

    Raises:
        CanvasError: otherwise.
    """
    width, height = contract.tile_size(mode)
    if require_rgb(tile, "the tile").size != (width, height):
        raise CanvasError(
            f"the tile is {tile.width}x{tile.height}, the contract says {width}x{height} in {Mode(mode)}: "
            f"ask the model for that size, or pass the contract that the tile was made for"
        )
    return tile
