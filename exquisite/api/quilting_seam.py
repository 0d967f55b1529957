"""The last fit of new columns to the known ones: what still differs at the seam is carried on and faded out.

At the seam the known picture shows one column and the patches behind it were cut from places that show another,
their context. The smooth part of the difference goes on far, where it is smooth at all; the rest goes on for a
few columns, smoothed along the seam, wider with distance.
"""

from __future__ import annotations

from PIL import Image, ImageChops, ImageFilter

from ..pixels import LEVELS

__all__ = ["fit_at_seam"]

_SMOOTH = 6.0
"""Mean rest of the difference, in levels, at which half of its smooth part is carried far."""
_NONE = (128, 128, 128)


def fit_at_seam(laid: Image.Image, context: Image.Image) -> None:
    """Fit the columns of RGB `laid` behind the known ones, in place.

    Args:
        laid: known columns, as many as `context` has, then new ones, at least four times as many.
        context: what the new columns' patches show in place of the known ones, RGB.
    """
    margin, height = context.size
    last = (margin - 1, 0, margin, height)
    step = ImageChops.subtract(laid.crop(last), context.crop(last), 1, 128)
    low = step.filter(ImageFilter.GaussianBlur((0, margin)))
    rest = ImageChops.difference(step, low).convert("L").filter(ImageFilter.GaussianBlur((0, 2 * margin)))
    share = rest.point([round((LEVELS - 1) / (1 + (value / _SMOOTH) ** 2)) for value in range(LEVELS)])
    low = Image.composite(low, Image.new("RGB", step.size, _NONE), share)
    high = ImageChops.subtract(step, low, 1, 128)
    near, far = 2 * margin, 4 * margin
    for x in range(far):
        box = (margin + x, 0, margin + x + 1, height)
        column = ImageChops.add(laid.crop(box), _faded(low, 1 - (x + 0.5) / far), 1, -128)
        if x < near:
            smooth = high.filter(ImageFilter.GaussianBlur((0, (x + 1) / 2)))
            column = ImageChops.add(column, _faded(smooth, 1 - (x + 0.5) / near), 1, -128)
        laid.paste(column, box)


def _faded(step: Image.Image, share: float) -> Image.Image:
    """`share` of a difference around 128."""
    return step.point([round(128 + share * (value - 128)) for value in range(LEVELS)] * 3)
