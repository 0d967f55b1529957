"""How visible a seam is, as one number: the bend of the picture across it, relative to the bend on both sides.

At every row a straight line through the last two old pixels predicts the first new one, and the other way round:

    [1 -2 1] centred at the last old pixel, and at the first new one

Both errors together, over the same errors a few columns away, are 1 where there is no seam: texture bends as much
everywhere. (Gradient prediction, Pomeranz, Shemesh and Ben-Shahar, CVPR 2011, section 3, made relative.)
"""

from __future__ import annotations

import math

from PIL import Image

from ...contract import Mode, require_rgb, to_canonical
from ...errors import CanvasError
from ...pixels import absolute, as_float, column_means, second_difference

__all__ = ["REACH_PX", "seam_residual"]

REACH_PX = 16
"""Columns on each side of the seam that say how much this picture bends anyway, in pixels."""

_LEAST = 0.25
"""Bend in levels that counts as none, so that flat pictures have no seam."""


def seam_residual(past: Image.Image, future: Image.Image, mode: Mode | str) -> float:
    """Bend across the seam over the usual bend: about 1 without a seam, larger with one; finite, above 0.

    Args:
        past: RGB, ends at the seam, own orientation; a band or a strip, at least 3 px along the growing axis.
        future: RGB, begins at the seam; as wide across the axis as `past`.
        mode: direction of growth.

    Raises:
        CanvasError: not RGB, too narrow, or of different sizes across the axis.
    """
    old = to_canonical(require_rgb(past, "what lies before the seam"), mode)
    new = to_canonical(require_rgb(future, "what lies behind the seam"), mode)
    if old.height != new.height or min(old.width, new.width) < 3:
        raise CanvasError(
            f"pieces of {old.width} and {new.width} px that are {old.height} and {new.height} px across do not "
            f"meet at a seam: both must be at least 3 px along, and equal across"
        )
    before, behind = min(REACH_PX, old.width), min(REACH_PX, new.width)
    joined = Image.new("RGB", (before + behind, old.height))
    joined.paste(old.crop((old.width - before, 0, old.width, old.height)), (0, 0))
    joined.paste(new.crop((0, 0, behind, new.height)), (before, 0))
    bends = _bends(joined)  # the first is centred at column 1
    at_seam = bends[before - 2 : before]
    usual = [*bends[: before - 2], *bends[before:]]
    return (_mean(at_seam) + _LEAST) / (_mean(usual) + _LEAST)


def _bends(picture: Image.Image) -> list[float]:
    """Mean of |left - 2 centre + right| over rows and channels, for every column that has two neighbours."""
    profiles = [
        column_means(absolute(second_difference(as_float(channel))))
        for channel in picture.split()
    ]
    return [math.fsum(values) / len(values) for values in zip(*profiles, strict=True)]


def _mean(values: list[float]) -> float:
    return math.fsum(values) / len(values) if values else 0.0
