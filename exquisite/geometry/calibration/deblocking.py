"""Smooths the boundaries of the blocks of a JPEG, so that sharpening does not bring them out.

A JPEG codes each block of 8 x 8 pixels separately (ITU-T T.81, A.1.1). The quantization error differs from block to
block and shows as small steps along the grid. A step that is small relative to the quantizer counts as one of these; a
larger one belongs to the picture. (In the spirit of H.263, annex J.)

`python -m tests.benchmarks.lossy` measures it: of tiles of quality 75 that calibration sharpened, the steps on the grid
are 1.23 times those of the true picture, and 1.02 times with this.
"""

from __future__ import annotations

from PIL import Image, ImageChops, ImageFilter

from ...pixels import LEVELS

__all__ = ["BLOCK_PX", "deblocked"]

BLOCK_PX = 8
"""Edge of a block, in pixels."""

_LARGEST_STEP = 2  # second difference over quantizer: 1 leaves a grid at quality 90, 4 costs a decibel there
_MOST_LEVELS = 16  # that of quality 75; coarser files were not measured
_SMOOTHING = (
    0, 0, 0,
    1, 2, 1,
    0, 0, 0,
)  # fmt: skip


def deblocked(tile: Image.Image, quantizer: int) -> Image.Image:
    """`tile` with its block boundaries smoothed.

    Args:
        tile: RGB, as decoded, so that its top left pixel is that of a block.
        quantizer: step of the luminance's mean, the first entry of the JPEG's quantization table; 0 changes nothing.
    """
    limit = min(_MOST_LEVELS, _LARGEST_STEP * quantizer)
    for _ in range(2):
        tile = _with_smooth_columns(tile, limit).transpose(Image.Transpose.TRANSPOSE)
    return tile


def _with_smooth_columns(image: Image.Image, limit: int) -> Image.Image:
    """Smooth the two columns at each boundary where their second difference is at most `limit` levels."""
    width, height = image.size
    # 1. The columns that touch a boundary, except the outermost ones, which the filter does not change.
    touching = bytes(255 * (0 < x < width - 1 and x % BLOCK_PX in (0, BLOCK_PX - 1)) for x in range(width))
    columns = Image.frombytes("L", (width, 1), touching).resize((width, height), Image.Resampling.NEAREST)
    # 2. (1 2 1) / 4 changes a pixel by a quarter of its second difference.
    smooth = image.filter(ImageFilter.Kernel((3, 3), _SMOOTHING))
    red, green, blue = ImageChops.difference(image, smooth).split()
    change = ImageChops.lighter(ImageChops.lighter(red, green), blue)
    # 3. A larger one is an edge of the picture.
    small = change.point([255 * (4 * level <= limit) for level in range(LEVELS)])
    return Image.composite(smooth, image, ImageChops.multiply(columns, small))
