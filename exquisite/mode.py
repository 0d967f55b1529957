"""The four directions of growth, and the turn that makes each of them growth to the right."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from PIL import Image

from .errors import CanvasError, UsageError

__all__ = ["Box", "Mode", "from_canonical", "require_rgb", "to_canonical"]


class Box(NamedTuple):
    """A half-open rectangle in pixels, in Pillow's order."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        return (self.right - self.left, self.bottom - self.top)

    @property
    def origin(self) -> tuple[int, int]:
        """(x, y) of the top left pixel."""
        return (self.left, self.top)


class Mode(StrEnum):
    """The direction in which a step extends the canvas."""

    X_LTR = "x_ltr"
    X_RTL = "x_rtl"
    Y_TTB = "y_ttb"
    Y_BTT = "y_btt"

    @classmethod
    def _missing_(cls, value: object) -> Mode:
        names = ", ".join(mode.value for mode in cls)
        raise UsageError(f"unknown mode {value!r}: use one of {names}")

    @property
    def axis(self) -> str:
        """"x" or "y", the axis along which the canvas grows."""
        return self.value[0]

    @property
    def side(self) -> str:
        """"high" where the canvas grows to larger coordinates (right, down), else "low"."""
        return "high" if self in (Mode.X_LTR, Mode.Y_TTB) else "low"

    @property
    def direction(self) -> str:
        """The side of the canvas that grows, in plain words: right, left, bottom or top."""
        return _DIRECTION[self]

    @property
    def opposite(self) -> Mode:
        """Growth at the other end of the same axis; its canonical orientation is this one's, mirrored left to right."""
        return next(mode for mode in Mode if mode.axis == self.axis and mode is not self)


_DIRECTION = {Mode.X_LTR: "right", Mode.X_RTL: "left", Mode.Y_TTB: "bottom", Mode.Y_BTT: "top"}

# Each transpose takes the growing side to the right; the second undoes it.
_TRANSPOSE: dict[Mode, tuple[Image.Transpose, Image.Transpose] | None] = {
    Mode.X_LTR: None,
    Mode.X_RTL: (Image.Transpose.FLIP_LEFT_RIGHT, Image.Transpose.FLIP_LEFT_RIGHT),
    Mode.Y_TTB: (Image.Transpose.TRANSPOSE, Image.Transpose.TRANSPOSE),
    Mode.Y_BTT: (Image.Transpose.ROTATE_270, Image.Transpose.ROTATE_90),
}


def to_canonical(image: Image.Image, mode: Mode | str) -> Image.Image:
    """Return `image` turned so that growth in `mode` is growth to the right; lossless, any Pillow mode."""
    turn = _TRANSPOSE[Mode(mode)]
    return image if turn is None else image.transpose(turn[0])


def from_canonical(image: Image.Image, mode: Mode | str) -> Image.Image:
    """Undo `to_canonical`, pixel for pixel."""
    turn = _TRANSPOSE[Mode(mode)]
    return image if turn is None else image.transpose(turn[1])


def require_rgb(image: Image.Image, what: str) -> Image.Image:
    """Return `image` when its mode is RGB.

    Raises:
        PictureError: any other mode; no conversion is guessed.
    """
    if image.mode != "RGB":
        raise CanvasError(
            f"{what} has mode {image.mode}, not RGB: convert it first "
            f"(`init` applies orientation and profile, flattens alpha on white, and records it)"
        )
    return image
