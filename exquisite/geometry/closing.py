"""The tile that closes a loop: the canvas's frontier, a generated middle, and the canvas's beginning.

    0           band_px                    tile_px - band_px       tile_px
    |  frontier    |    generated middle          |    beginning     |
                   ^ seam                         ^ seam

Seen from either end it is an ordinary tile: a conditioning half, then pixels to generate; the far end is growth in the
opposite mode. What each end tells holds at that end, and fades into what the other one tells across the middle.
"""

from __future__ import annotations

from PIL import Image, ImageChops

from ..contract import Mode, TileContract, from_canonical, to_canonical
from .reference_tile import ReferenceTile

__all__ = ["across_middle", "blended", "closing_reference", "far_share", "scaffold_from_far_end"]


def far_share(x: float, contract: TileContract) -> float:
    """How much the far end counts at the canonical column `x` of a closing tile: 0 at the near seam, 1 at the far."""
    return min(1.0, max(0.0, (x - contract.band_px) / contract.advance_px))


def across_middle(contract: TileContract) -> Image.Image:
    """255 times `far_share` at the middle of each column; mode L, a canonical tile's size."""
    row = bytes(round(255 * far_share(x + 0.5, contract)) for x in range(contract.tile_px))
    return Image.frombytes("L", (contract.tile_px, 1), row).resize((contract.tile_px, contract.across_px))


def blended(near: Image.Image, far: Image.Image, mode: Mode | str, contract: TileContract) -> Image.Image:
    """`near` at the frontier, `far` at the beginning, and a cross-fade across the middle; RGB, own orientation.

    Args:
        contract: the contract of the closing step (`TileContract.closing`).
    """
    return Image.composite(far, near, from_canonical(across_middle(contract), mode))


def scaffold_from_far_end(scaffold: Image.Image, mode: Mode | str, contract: TileContract) -> Image.Image:
    """A scaffold of the generated half (RGB, own orientation) as the far end of the tile has it: the same middle.

    What the near end has behind the middle lies in the band of the far one.
    """
    near = to_canonical(scaffold, mode)
    far = Image.new("RGB", near.size)
    far.paste(near, (contract.band_px, 0))
    return from_canonical(far, mode)


def closing_reference(
    near: ReferenceTile, far: ReferenceTile, mode: Mode | str, contract: TileContract
) -> ReferenceTile:
    """The reference of a closing step, from those of growth from either end; its mask keeps what one of them keeps."""
    keep = ImageChops.lighter(near.mask.getchannel("A"), far.mask.getchannel("A"))
    mask = ImageChops.invert(keep).convert("RGB")
    mask.putalpha(keep)
    return ReferenceTile(blended(near.image, far.image, mode, contract), mask)
