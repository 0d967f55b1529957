"""Builds the model's input: a reference tile with the band and a scaffold, and the mask of the area to generate.

These pixels never reach the canvas: enforcement replaces the conditioning half of an answer by the band, and the
generated half comes from the model.
"""

from __future__ import annotations

from typing import NamedTuple

from PIL import Image, ImageChops, ImageDraw, ImageFilter

from ..contract import CLASSIC, Mode, TileContract, from_canonical, require_rgb, to_canonical
from ..errors import CanvasError, UsageError
from ..pixels import crop_mirrored
from .enforcement import require_band

__all__ = ["SCAFFOLD_FILLS", "ReferenceTile", "build_reference_tile_and_mask"]

SCAFFOLD_FILLS = ("grey", "edge", "mirror")
"""Neutral grey; the last column of the band, repeated; the band mirrored at the seam, with a blur that grows with
distance."""

_GREY = (128, 128, 128)  # the middle of 8 bits, neither light nor dark
_MIRROR_BLURS = 5  # each doubles sigma: from 1/256 of the scaffold's width to 1/16
_CUE_MARKS = 3  # one chevron for each third of the edge


class ReferenceTile(NamedTuple):
    """The two pictures that the model receives, both of a tile's size, in the picture's own orientation.

    Attributes:
        image: RGB; the band in the conditioning half, the scaffold in the generated half.
        mask: RGBA; (0, 0, 0, 255) keeps a pixel and (255, 255, 255, 0) edits it, so that servers that read luminance
            and servers that read alpha agree. In the ramp of a soft mask the luminance is 255 - alpha.
    """

    image: Image.Image
    mask: Image.Image


def build_reference_tile_and_mask(  # noqa: PLR0913 (a stable public signature; independent settings, by keyword only)
    band: Image.Image,
    mode: Mode | str,
    contract: TileContract = CLASSIC,
    *,
    scaffold_fill: str = "grey",
    continuation_cue: bool = False,
    soft_px: int = 0,
    scaffold: Image.Image | None = None,
) -> ReferenceTile:
    """Build the reference tile and its mask to extend an RGB `band` (own orientation) in `mode`.

    Args:
        scaffold_fill: content of the generated half, one of SCAFFOLD_FILLS.
        continuation_cue: draw small chevrons that point across the seam, inside the conditioning half only.
        soft_px: width of the ramp from keep to edit before the seam, in pixels; 0 for a hard edge, at most band_px.
        scaffold: RGB content of the generated half, own orientation, in place of a fill.

    Raises:
        CanvasError: the band or the scaffold is not RGB or not of the contract's size.
        UsageError: unknown scaffold fill, or a ramp wider than the band.
    """
    require_band(band, mode, contract)
    if scaffold_fill not in SCAFFOLD_FILLS:
        raise UsageError(f"unknown scaffold fill {scaffold_fill!r}: use one of {', '.join(SCAFFOLD_FILLS)}")
    if not 0 <= soft_px <= contract.band_px:
        raise UsageError(f"soft_px={soft_px!r} must be 0 to {contract.band_px}, the width of the band")
    canonical = to_canonical(band, mode)
    room = contract.tile_px - contract.band_px
    image = Image.new("RGB", (contract.tile_px, contract.across_px))
    if scaffold is not None:
        fill = to_canonical(require_rgb(scaffold, "the scaffold"), mode)
        if fill.size != (room, contract.across_px):
            raise CanvasError(f"the scaffold is {fill.width}x{fill.height}, not {room}x{contract.across_px}")
    else:
        fill = _scaffold(canonical, room, scaffold_fill)
    image.paste(fill, (contract.band_px, 0))
    image.paste(_with_cue(canonical) if continuation_cue else canonical, (0, 0))
    return ReferenceTile(from_canonical(image, mode), from_canonical(_mask(contract, soft_px), mode))


def _mask(contract: TileContract, soft_px: int) -> Image.Image:
    keep = Image.new("L", (contract.tile_px, contract.across_px), 0)
    keep.paste(255, (0, 0, contract.band_px - soft_px, contract.across_px))
    if soft_px:
        ramp = bytes(255 * (2 * (soft_px - x) - 1) // (2 * soft_px) for x in range(soft_px))
        row = Image.frombytes("L", (soft_px, 1), ramp)
        keep.paste(row.resize((soft_px, contract.across_px)), (contract.band_px - soft_px, 0))
    mask = ImageChops.invert(keep).convert("RGB")
    mask.putalpha(keep)
    return mask


def _scaffold(band: Image.Image, room: int, fill: str) -> Image.Image:
    """The canonical scaffold for the generated half, `room` pixels wide."""
    if fill == "edge":
        return band.crop((band.width - 1, 0, band.width, band.height)).resize((room, band.height))
    if fill == "mirror":
        return _mirrored(band, room)
    return Image.new("RGB", (room, band.height), _GREY)


def _mirrored(band: Image.Image, room: int) -> Image.Image:
    """The band, mirrored at the seam and blurred with distance.

    At each of _MIRROR_BLURS equal distances a copy with twice the sigma of the one before fades in, because Pillow has
    no blur that varies within a picture.
    """
    out = crop_mirrored(band, (band.width, 0, band.width + room, band.height))
    sharp, step = out, room / (_MIRROR_BLURS + 1)
    for number in range(1, _MIRROR_BLURS + 1):
        sigma = room / 16 * 2.0 ** (number - _MIRROR_BLURS)
        fade = [max(0, min(255, round(255 * ((x + 0.5) / step - number + 1)))) for x in range(room)]
        mask = Image.frombytes("L", (room, 1), bytes(fade)).resize(out.size)
        out = Image.composite(sharp.filter(ImageFilter.GaussianBlur(sigma)), out, mask)
    return out


def _with_cue(band: Image.Image) -> Image.Image:
    """The band with chevrons that point across the seam: white with a black outline, visible on any picture."""
    marked = band.copy()
    draw = ImageDraw.Draw(marked)
    size = max(2, band.width // 32)
    for number in range(_CUE_MARKS):
        middle = band.height * (2 * number + 1) // (2 * _CUE_MARKS)
        tip = band.width - 1 - size // 2
        chevron = [(tip - size, middle - size), (tip, middle), (tip - size, middle + size)]
        draw.line(chevron, fill=(0, 0, 0), width=max(3, size // 3), joint="curve")
        draw.line(chevron, fill=(255, 255, 255), width=max(1, size // 6), joint="curve")
    return marked
