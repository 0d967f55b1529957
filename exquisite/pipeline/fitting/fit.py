"""Making any picture a seed picture: turned upright, in sRGB, opaque, of the contract's size.

Each change is stated in words and recorded, so that nothing happens to a picture unseen. A picture that fits
already passes through pixel for pixel.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image

from ...contract import CLASSIC, TileContract
from ...errors import PictureError
from .colour import opaque, srgb, with_8_bits
from .opening import open_picture, pillow_quiet
from .orientation import upright
from .sizes import Fit, Fitter

__all__ = ["FittedPicture", "fit_file", "fit_picture", "rgb_file"]


@dataclass(frozen=True, eq=False)
class FittedPicture:
    """A picture ready to be a canvas.

    Attributes:
        image: RGB, across_px across the axis and at least band_px along it.
        record: what was there and what was done, JSON types: size, mode, axis, fit, changes (a list of sentences).
    """

    image: Image.Image
    record: dict[str, Any] = field(default_factory=dict)

    @property
    def changes(self) -> list[str]:
        """What was done to the picture, one sentence each; empty when it fitted as it was."""
        return list(self.record["changes"])


def fit_file(
    path: Path | str, contract: TileContract = CLASSIC, axis: str = "x", fit: Fit | str = "scale"
) -> FittedPicture:
    """The picture in a file as a canvas; arguments and errors as for `open_picture` and `fit_picture`.

    What it becomes is checked before it is decoded.
    """
    image = open_picture(path, Fitter(contract, axis, fit).size_for)
    try:
        return fit_picture(image, contract, axis, fit)
    except PictureError as error:
        raise PictureError(f"{path}: {error}") from error


def rgb_file(path: Path | str) -> Image.Image:
    """The picture in a file at its own size: upright, RGB in sRGB, flattened on white.

    Raises:
        PictureError: as for `open_picture`, or a mode whose range of values is unknown.
    """
    image = open_picture(path)
    changes: list[str] = []
    try:
        with pillow_quiet():
            rgb = _rgb(upright(image, changes), changes)
    except PictureError as error:
        raise PictureError(f"{path}: {error}") from error
    rgb.info = {}
    return rgb


def fit_picture(
    image: Image.Image, contract: TileContract = CLASSIC, axis: str = "x", fit: Fit | str = "scale"
) -> FittedPicture:
    """Make `image` (any Pillow mode and size) a canvas that can grow along `axis`.

    In this order: EXIF orientation applied, 16 bits reduced to 8, the ICC profile or CMYK converted to sRGB,
    alpha flattened on white; then, so that the picture is across_px across the axis,

    - "scale": all of it scaled to that size;
    - "crop": its middle cut out, pixels untouched;
    - "pad": scaled down only if larger, then set in the middle of white paper; along the axis, too,
      where it is shorter than band_px.

    Args:
        image: as `open_picture` gives it.
        contract: the sizes to fit.
        axis: "x" for a picture that will grow to the left or right, "y" for up or down.
        fit: one of FITS.

    Raises:
        UsageError: unknown axis or fit.
        PictureError: a mode whose range of values is unknown, a picture that is transparent everywhere, or a size
            that `fit` cannot bring to the contract's.
    """
    fitter = Fitter(contract, axis, fit)
    changes: list[str] = list(image.info.get("changes", ()))
    record = {**image.info.get("source", {}), "size": list(image.size), "mode": image.mode, "axis": axis, "fit": fit}
    with pillow_quiet():
        turned = upright(image, changes)
        fitter.size_for(turned.size)
        fitted = fitter.apply(_rgb(turned, changes), changes)
    fitted = fitted if fitted is not image else image.copy()
    fitted.info = {}
    return FittedPicture(fitted, {**record, "changes": changes})


def _rgb(image: Image.Image, changes: list[str]) -> Image.Image:
    """An upright picture of any mode as RGB in sRGB; `changes` hears what was done."""
    return opaque(srgb(with_8_bits(image, changes), changes), changes)
