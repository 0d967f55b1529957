"""The three ways to bring a picture to the contract's size; the resulting size is checked before decoding."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

from PIL import Image

from ...contract import Mode, TileContract
from ...errors import PictureError, UsageError

__all__ = ["AXES", "FITS", "PAPER", "Fit", "Fitter"]

Fit = Literal["scale", "crop", "pad"]
"""How a picture reaches the contract's size across: scale all of it, crop its middle, or pad it with white."""

FITS: tuple[str, ...] = get_args(Fit)
"""The values of `Fit`."""

AXES = ("x", "y")
"""The axes along which a canvas can grow."""

PAPER = "white"
"""Colour behind transparent pixels and beside a padded picture."""

_MAX_PIXELS = 100_000_000  # largest new canvas: 400 MB in memory, and 97,656 px along at 1,024 px across

Size = tuple[int, int]


@dataclass(frozen=True)
class Fitter:
    """Brings pictures to the contract's size across in one of the ways of FITS.

    Args:
        contract: the sizes.
        axis: "x" for a canvas that will grow to the left or right, "y" for up or down.
        fit: one of FITS.

    Raises:
        UsageError: the axis or fit is unknown.
    """

    contract: TileContract
    axis: str
    fit: Fit | str

    def __post_init__(self) -> None:
        if self.axis not in AXES:
            raise UsageError(f"unknown axis {self.axis!r}: use one of {', '.join(AXES)}")
        if self.fit not in FITS:
            raise UsageError(f"unknown fit {self.fit!r}: use one of {', '.join(FITS)}")

    def size_for(self, size: Size) -> Size:
        """(width, height) in pixels of the canvas made from an upright picture of `size`.

        Raises:
            PictureError: the picture is too small to crop, too short to grow, or too large for a canvas.
        """
        width, height = self._oriented(_SIZES[self.fit](self, self._oriented(size)))
        if self.fit == "crop" and self._oriented(size)[1] < self.contract.across_px:
            raise PictureError(
                f"a picture of {size[0]}x{size[1]} is too small to crop to {self.contract.across_px} px "
                f"across: use --fit scale or --fit pad"
            )
        if self._oriented((width, height))[0] < self.contract.band_px:
            side, other = ("width", "y") if self.axis == "x" else ("height", "x")
            raise PictureError(
                f"the picture becomes {width}x{height}: its {side} must be at least {self.contract.band_px} px "
                f"to grow along {self.axis}; use --fit pad, or --axis {other}"
            )
        if width * height > _MAX_PIXELS:
            raise PictureError(
                f"a picture of {size[0]}x{size[1]} becomes {width}x{height}, more than {_MAX_PIXELS:,} pixels: "
                f"cut it first, or use another --fit or --axis"
            )
        return width, height

    def apply(self, image: Image.Image, changes: list[str]) -> Image.Image:
        """`image`, RGB and upright, at the size of `size_for`; adds each change to `changes`.

        Raises:
            PictureError: as for `size_for`.
        """
        size = self.size_for(image.size)
        if size == image.size:
            return image
        old, new = f"{image.width}x{image.height}", f"{size[0]}x{size[1]}"
        if self.fit == "scale":
            changes.append(f"scaled from {old} to {new}")
            return image.resize(size, Image.Resampling.LANCZOS)
        if self.fit == "crop":
            left, top = _centred(image.size, size)
            changes.append(f"cropped from {old} to {new} at {left},{top}")
            return image.crop((left, top, left + size[0], top + size[1]))
        return self._on_paper(image, size, changes)

    def _on_paper(self, image: Image.Image, size: Size, changes: list[str]) -> Image.Image:
        """`image`, scaled down if it is too large across, centred on white paper of `size`."""
        if self._oriented(image.size)[1] > self.contract.across_px:
            smaller = self._oriented(_scaled(self, self._oriented(image.size)))
            changes.append(f"scaled from {image.width}x{image.height} to {smaller[0]}x{smaller[1]}")
            image = image.resize(smaller, Image.Resampling.LANCZOS)
        if image.size == size:
            return image
        origin = _centred(size, image.size)
        changes.append(f"set on white paper of {size[0]}x{size[1]} at {origin[0]},{origin[1]}")
        paper = Image.new("RGB", size, PAPER)
        paper.paste(image, origin)
        return paper

    @property
    def _mode(self) -> Mode:
        return Mode.X_LTR if self.axis == "x" else Mode.Y_TTB

    def _oriented(self, size: Size) -> Size:
        """Convert (along, across) to (width, height), or back."""
        return self.contract.oriented(size, self._mode)


def _scaled(fitter: Fitter, size: Size) -> Size:
    """(along, across) of the whole picture, scaled to the contract's size across."""
    along, across = size
    return max(1, round(along * fitter.contract.across_px / across)), fitter.contract.across_px


def _cropped(fitter: Fitter, size: Size) -> Size:
    return size[0], fitter.contract.across_px


def _padded(fitter: Fitter, size: Size) -> Size:
    along = size[0] if size[1] <= fitter.contract.across_px else _scaled(fitter, size)[0]
    return max(along, fitter.contract.band_px), fitter.contract.across_px


_SIZES: dict[str, Callable[[Fitter, Size], Size]] = {"scale": _scaled, "crop": _cropped, "pad": _padded}


def _centred(outer: Size, inner: Size) -> tuple[int, int]:
    """(x, y) at which `inner` is centred in `outer`."""
    return (outer[0] - inner[0]) // 2, (outer[1] - inner[1]) // 2
