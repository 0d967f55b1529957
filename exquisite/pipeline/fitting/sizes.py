"""The size of a canvas: what a picture becomes, checked before any pixel is made, and the three ways there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

from PIL import Image

from ...contract import Mode, TileContract
from ...errors import PictureError, UsageError

__all__ = ["AXES", "FITS", "PAPER", "Fit", "Fitter"]

Fit = Literal["scale", "crop", "pad"]
"""How a picture comes to the contract's size across: all of it scaled, its middle cut out, or paper added."""

FITS: tuple[str, ...] = get_args(Fit)
"""The values of `Fit`."""

AXES = ("x", "y")
"""Along which a canvas can grow."""

PAPER = "white"
"""What lies behind a picture and beside it."""

_MOST_PIXELS = 100_000_000  # of a new canvas: 400 MB in memory, and 97,656 px along at 1,024 px across

Size = tuple[int, int]


@dataclass(frozen=True)
class Fitter:
    """One way to bring pictures to the contract's size across.

    Args:
        contract: the sizes.
        axis: "x" for a canvas that will grow to the left or right, "y" for up or down.
        fit: one of FITS.

    Raises:
        UsageError: unknown axis or fit.
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
        """(width, height) in pixels that an upright picture of `size` comes to.

        Raises:
            PictureError: too small to be cropped, too narrow to grow, or too large to be a canvas.
        """
        width, height = self._oriented(_SIZES[self.fit](self, self._oriented(size)))
        if self.fit == "crop" and self._oriented(size)[1] < self.contract.across_px:
            raise PictureError(
                f"a picture of {size[0]}x{size[1]} is too small to be cropped to {self.contract.across_px} px "
                f"across: use --fit scale or --fit pad"
            )
        if self._oriented((width, height))[0] < self.contract.band_px:
            side, other = ("width", "y") if self.axis == "x" else ("height", "x")
            raise PictureError(
                f"the picture becomes {width}x{height}: its {side} must be at least {self.contract.band_px} px "
                f"to grow along {self.axis}; use --fit pad, or --axis {other}"
            )
        if width * height > _MOST_PIXELS:
            raise PictureError(
                f"a picture of {size[0]}x{size[1]} becomes {width}x{height}, more than {_MOST_PIXELS:,} pixels: "
                f"cut it first, or use another --fit or --axis"
            )
        return width, height

    def apply(self, image: Image.Image, changes: list[str]) -> Image.Image:
        """`image`, RGB and upright, at the size of `size_for`; `changes` hears what was done.

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
        """`image`, scaled down where it is too large across, in the middle of white paper of `size`."""
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
        """(along, across) the axis -> (width, height), and back."""
        return self.contract.oriented(size, self._mode)


def _scaled(fitter: Fitter, size: Size) -> Size:
    """(along, across) of all of a picture, scaled to the size across."""
    along, across = size
    return max(1, round(along * fitter.contract.across_px / across)), fitter.contract.across_px


def _cropped(fitter: Fitter, size: Size) -> Size:
    return size[0], fitter.contract.across_px


def _padded(fitter: Fitter, size: Size) -> Size:
    along = size[0] if size[1] <= fitter.contract.across_px else _scaled(fitter, size)[0]
    return max(along, fitter.contract.band_px), fitter.contract.across_px


_SIZES: dict[str, Callable[[Fitter, Size], Size]] = {"scale": _scaled, "crop": _cropped, "pad": _padded}


def _centred(outer: Size, inner: Size) -> tuple[int, int]:
    """(x, y) of `inner` in the middle of `outer`."""
    return (outer[0] - inner[0]) // 2, (outer[1] - inner[1]) // 2
