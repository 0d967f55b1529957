"""Measures the visibility of a seam as one number: the second difference across it, relative to both sides.

In every row a straight line through the last two old pixels predicts the first new one, and vice versa:

    [1 -2 1] centred at the last old pixel, and at the first new one

The ratio of these errors to those a few columns away is about 1 without a seam, because texture has similar second
differences everywhere. (Gradient prediction, Pomeranz, Shemesh and Ben-Shahar, CVPR 2011, section 3, made relative.)
"""

from __future__ import annotations

import math

from PIL import Image

from ...contract import Mode, require_rgb, to_canonical
from ...errors import CanvasError
from ...pixels import absolute, as_float, column_means, combined, mean, moved, second_difference

__all__ = ["REACH_PX", "redraw_residual", "seam_residual"]

REACH_PX = 16
"""Columns on each side of the seam that give the second difference without a seam, in pixels: near enough to show
the same content, and enough for a mean."""

_LEAST = 0.25
"""Second difference in levels, added to both sides of the ratio, so that flat pictures have a ratio of 1."""


def seam_residual(past: Image.Image, future: Image.Image, mode: Mode | str) -> float:
    """Second difference across the seam over that on both sides: about 1 without a seam; finite, above 0.

    Args:
        past: band or strip that ends at the seam, RGB, own orientation, at least 3 px along the growing axis.
        future: band or strip that begins at the seam, RGB; as wide across the axis as `past`.
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
    before, after = min(REACH_PX, old.width), min(REACH_PX, new.width)
    joined = Image.new("RGB", (before + after, old.height))
    joined.paste(old.crop((old.width - before, 0, old.width, old.height)), (0, 0))
    joined.paste(new.crop((0, 0, after, new.height)), (before, 0))
    bends = _bends(joined)  # the first is centred at column 1
    at_seam = bends[before - 2 : before]
    elsewhere = [*bends[: before - 2], *bends[before:]]
    return (_mean(at_seam) + _LEAST) / (_mean(elsewhere) + _LEAST)


def redraw_residual(band: Image.Image, redraw: Image.Image) -> float:
    """The seam residual where a band meets its own redraw, over the cuts at all columns: about 1 without a seam.

    Args:
        band: RGB, growth to the right.
        redraw: the same columns as redrawn, RGB, same size.
    """
    at_cut = elsewhere = 0.0
    for old, new in zip(band.split(), redraw.split(), strict=True):
        before, behind = as_float(old), as_float(new)
        at_cut += _mean_bend(moved(before, -2), moved(before, -1), behind)
        at_cut += _mean_bend(moved(before, -1), behind, moved(behind, 1))
        elsewhere += sum(_mean_bend(moved(one, -1), one, moved(one, 1)) for one in (before, behind))
    bends = 2 * len(band.getbands())
    return (at_cut / bends + _LEAST) / (elsewhere / bends + _LEAST)


def _mean_bend(left: Image.Image, centre: Image.Image, right: Image.Image) -> float:
    """Mean of |left - 2 centre + right| over the columns that have two neighbours before and one behind; else 0."""
    if left.width < 4:
        return 0.0
    bend = combined(lambda a: abs(a["l"] - 2.0 * a["c"] + a["r"]), l=left, c=centre, r=right)
    return mean(bend.crop((2, 0, bend.width - 1, bend.height)))


def _bends(picture: Image.Image) -> list[float]:
    """Mean of |left - 2 centre + right| over rows and channels, for every column with two neighbours."""
    profiles = [
        column_means(absolute(second_difference(as_float(channel))))
        for channel in picture.split()
    ]
    return [math.fsum(values) / len(values) for values in zip(*profiles, strict=True)]


def _mean(values: list[float]) -> float:
    return math.fsum(values) / len(values) if values else 0.0
