"""The tile that closes a loop: the canvas's frontier, a generated middle, and the canvas's beginning.

    0           band_px                    tile_px - band_px       tile_px
    |  frontier    |    generated middle          |    beginning     |
                   ^ seam                         ^ seam

From either end it is an ordinary tile: a conditioning half, then pixels to generate; the far end grows in the opposite
mode. The correction measured at each end holds there, and fades into that of the other end across the middle.
"""

from __future__ import annotations

from PIL import Image, ImageChops

from ..contract import Mode, TileContract, from_canonical, to_canonical
from .reference_tile import ReferenceTile

__all__ = ["across_middle", "blended", "closing_reference", "far_share", "scaffold_from_far_end"]


def far_share(x: float, contract: TileContract) -> float:
    """The weight of the far end at the canonical column `x` of a closing tile: 0 at the near seam, 1 at the far one."""
    return min(1.0, max(0.0, (x - contract.band_px) / contract.advance_px))


def across_middle(contract: TileContract) -> Image.Image:
    """A mask with 255 times `far_share` at the middle of each column; mode L, the size of a canonical tile."""
    row = bytes(round(255 * far_share(x + 0.5, contract)) for x in range(contract.tile_px))
    return Image.frombytes("L", (contract.tile_px, 1), row).resize((contract.tile_px, contract.across_px))


def blended(near: Image.Image, far: Image.Image, mode: Mode | str, contract: TileContract) -> Image.Image:
    """`near` at the frontier, `far` at the beginning, and a cross-fade across the middle; RGB, own orientation.

    Args:
        contract: the contract of the closing step (`TileContract.closing`).
    """
    return Image.composite(far, near, from_canonical(across_middle(contract), mode))


def scaffold_from_far_end(scaffold: Image.Image, mode: Mode | str, contract: TileContract) -> Image.Image:
    """The scaffold for growth from the far end that shows the same middle as `scaffold` (RGB, own orientation).

    The part of `scaffold` beyond the middle lies in the band of the far end.
    """
    near = to_canonical(scaffold, mode)
    far = Image.new("RGB", near.size)
    far.paste(near, (contract.band_px, 0))
    return from_canonical(far, mode)


def closing_reference(
    near: ReferenceTile, far: ReferenceTile, mode: Mode | str, contract: TileContract
) -> ReferenceTile:
    """The reference tile of a closing step, merged from those of both ends; its mask keeps what either one keeps."""
    keep = ImageChops.lighter(near.mask.getchannel("A"), far.mask.getchannel("A"))
    mask = ImageChops.invert(keep).convert("RGB")
    mask.putalpha(keep)
    return ReferenceTile(blended(near.image, far.image, mode, contract), mask)
