"""Fits any picture to a seed picture: upright, opaque sRGB, of the contract's size.

Each change is recorded as a sentence. A picture that already fits keeps every pixel.
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
        record: JSON types: size and mode of the source, axis, fit, and changes (a list of sentences).
    """

    image: Image.Image
    record: dict[str, Any] = field(default_factory=dict)

    @property
    def changes(self) -> list[str]:
        """One sentence for each change to the picture; empty when it fitted unchanged."""
        return list(self.record["changes"])


def fit_file(
    path: Path | str, contract: TileContract = CLASSIC, axis: str = "x", fit: Fit | str = "scale"
) -> FittedPicture:
    """Open and fit the picture in a file; arguments and errors as for `open_picture` and `fit_picture`.

    The resulting size is checked before the picture is decoded.
    """
    image = open_picture(path, Fitter(contract, axis, fit).size_for)
    try:
        return fit_picture(image, contract, axis, fit)
    except PictureError as error:
        raise PictureError(f"{path}: {error}") from error


def rgb_file(path: Path | str) -> Image.Image:
    """The picture in a file at its own size: upright, RGB in sRGB, flattened on white.

    Raises:
        PictureError: as for `open_picture`, or the range of the mode's values is unknown.
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

    The steps are, in this order: apply the EXIF orientation, reduce 16 bits to 8, convert ICC profile or CMYK to sRGB,
    flatten alpha on white, and bring the picture to across_px across the axis:

    - "scale": scale all of it to that size;
    - "crop": cut out the middle without resampling;
    - "pad": scale it down if it is larger, then centre it on white paper; also along the axis if it is shorter than
      band_px.

    Args:
        image: a picture from `open_picture`, or any other.
        contract: the sizes to fit.
        axis: "x" for a picture that will grow to the left or right, "y" for up or down.
        fit: one of FITS.

    Raises:
        UsageError: the axis or fit is unknown.
        PictureError: the range of the mode's values is unknown, every pixel is transparent, or `fit` cannot reach
            the contract's size.
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
    """An upright picture of any mode as RGB in sRGB; adds a sentence to `changes` for each change."""
    return opaque(srgb(with_8_bits(image, changes), changes), changes)
