"""The contract: the one place that knows the sizes of tile, band, overlap and advance.

Every stage is written once, for growth to the right ("canonical"). `to_canonical` and `from_canonical`
turn the other three modes into it by a lossless transpose, and `Frame` gives every box and origin in the
picture's own orientation for the few stages that must draw in it.

Canonical tile (x to the right), classic numbers:

    0            256           512           768          1024
    |  conditioning half (band) |      generated half      |
    |             |--- overlap -|-- advance --|            |
    |             |<--------- patch -------->|             |
                                ^ seam (canvas coordinate w0)
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from PIL import Image

from .errors import CanvasError, ContractError, UsageError

__all__ = [
    "CLASSIC",
    "MAX_RIM_PX",
    "PRESETS",
    "WIDE",
    "Box",
    "Frame",
    "Mode",
    "TileContract",
    "from_canonical",
    "require_rgb",
    "to_canonical",
]

MAX_RIM_PX = 24
"""The widest rim without a source that calibration may leave at the outer edge of a tile, in pixels."""


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


@dataclass(frozen=True)
class TileContract:
    """The sizes that every stage of a step shares, in pixels.

    Attributes:
        tile_px: edge of the square tile that the model returns.
        band_px: the last pixels of the canvas that the model sees; the conditioning half of the tile.
        overlap_px: canvas pixels before the seam that the patch covers; also the width of both scoring strips.
        advance_px: pixels by which one step grows the canvas.

    Raises:
        ContractError: naming every rule that is broken.
    """

    tile_px: int
    band_px: int
    overlap_px: int
    advance_px: int

    def __post_init__(self) -> None:
        broken = [
            f"{name}={value!r} must be a whole number of pixels above 0"
            for name, value in vars(self).items()
            if not isinstance(value, int) or isinstance(value, bool) or value <= 0
        ]
        if not broken:
            room = self.tile_px - self.band_px
            rules = {
                f"band_px={self.band_px} must be below tile_px={self.tile_px}": room > 0,
                f"overlap_px={self.overlap_px} must be at most band_px={self.band_px}": self.overlap_px <= self.band_px,
                f"overlap_px={self.overlap_px} must be at most tile_px - band_px={room}": self.overlap_px <= room,
                f"advance_px={self.advance_px} must be at most tile_px - band_px={room}": self.advance_px <= room,
            }
            broken = [rule for rule, kept in rules.items() if not kept]
        if broken:
            raise ContractError("invalid contract: " + "; ".join(broken))

    @property
    def tile_size(self) -> tuple[int, int]:
        """(width, height) of a tile in pixels."""
        return (self.tile_px, self.tile_px)

    @property
    def margin_px(self) -> int:
        """Generated pixels beyond the patch: what calibration may leave without a source at no cost."""
        return self.tile_px - self.band_px - self.advance_px

    def band_size(self, mode: Mode | str) -> tuple[int, int]:
        """(width, height) of the band, in the picture's own orientation."""
        return self.oriented((self.band_px, self.tile_px), mode)

    def strip_size(self, mode: Mode | str) -> tuple[int, int]:
        """(width, height) of one growth strip, in the picture's own orientation."""
        return self.oriented((self.advance_px, self.tile_px), mode)

    def oriented(self, size: tuple[int, int], mode: Mode | str) -> tuple[int, int]:
        """(along, across) of the growing axis -> (width, height), and back: the map is its own inverse."""
        return size if Mode(mode).axis == "x" else (size[1], size[0])

    def require_canvas(self, size: tuple[int, int], mode: Mode | str) -> None:
        """Check that a canvas of `size` (width, height) can grow in `mode`.

        Raises:
            CanvasError: naming the size that it must have.
        """
        mode = Mode(mode)
        along, across = self.oriented(size, mode)
        name, other = ("height", "width") if mode.axis == "x" else ("width", "height")
        if across != self.tile_px:
            raise CanvasError(
                f"a canvas of {size[0]}x{size[1]} cannot grow in {mode}: its {name} must be "
                f"{self.tile_px} px, not {across}; `init` scales a picture to it"
            )
        if along < self.band_px:
            raise CanvasError(
                f"a canvas of {size[0]}x{size[1]} is too small to grow in {mode}: its {other} must be "
                f"at least {self.band_px} px, not {along}; `init --fit pad` enlarges a picture"
            )

    def frame(self, mode: Mode | str, canvas_size: tuple[int, int]) -> Frame:
        """Every box and origin of one step on a canvas of `canvas_size` (width, height).

        Raises:
            CanvasError: the canvas cannot grow in `mode`.
        """
        mode = Mode(mode)
        self.require_canvas(canvas_size, mode)
        return Frame(self, mode, canvas_size)


@dataclass(frozen=True)
class Frame:
    """Boxes and origins of one step, in pixels, half-open, in the picture's own orientation.

    "In the tile" means coordinates of the square tile, "in the canvas" those of the canvas before the step,
    "in the grown canvas" those after it. Made by `TileContract.frame`.
    """

    contract: TileContract
    mode: Mode
    canvas_size: tuple[int, int]

    @property
    def grown_size(self) -> tuple[int, int]:
        """(width, height) of the canvas after the step."""
        along, across = self.contract.oriented(self.canvas_size, self.mode)
        return self.contract.oriented((along + self.contract.advance_px, across), self.mode)

    @property
    def conditioning_half(self) -> Box:
        """Where the band lies in the tile."""
        return self._tile(0, self.contract.band_px)

    @property
    def generated_half(self) -> Box:
        """What the model adds, in the tile."""
        return self._tile(self.contract.band_px, self.contract.tile_px)

    @property
    def patch(self) -> Box:
        """Overlap and advance, in the tile: what glue pastes."""
        c = self.contract
        return self._tile(c.band_px - c.overlap_px, c.band_px + c.advance_px)

    @property
    def tile_strip(self) -> Box:
        """The generated side of the scoring strips, in the tile."""
        return self._tile(self.contract.band_px, self.contract.band_px + self.contract.overlap_px)

    @property
    def growth_in_tile(self) -> Box:
        """The new pixels, in the tile: what a session commits."""
        return self._tile(self.contract.band_px, self.contract.band_px + self.contract.advance_px)

    @property
    def band(self) -> Box:
        """The last band_px at the frontier, in the canvas."""
        return self._canvas(-self.contract.band_px, 0)

    @property
    def canvas_strip(self) -> Box:
        """The old side of the scoring strips, in the canvas."""
        return self._canvas(-self.contract.overlap_px, 0)

    @property
    def seam(self) -> int:
        """Coordinate along the axis where new pixels begin (or end, growing to the low side), in the grown canvas."""
        along, _ = self.contract.oriented(self.canvas_size, self.mode)
        return along if self.mode.side == "high" else self.contract.advance_px

    @property
    def seam_in_tile(self) -> int:
        """Coordinate along the axis of the line between the two halves, in the tile."""
        band = self.contract.band_px
        return band if self.mode.side == "high" else self.contract.tile_px - band

    @property
    def patch_in_canvas(self) -> Box:
        """Where the patch lies, in the grown canvas; its `.origin` is the paste origin."""
        return self._grown(-self.contract.overlap_px, self.contract.advance_px)

    @property
    def paste_origin(self) -> tuple[int, int]:
        """(x, y) at which the patch is pasted, in the grown canvas."""
        return self.patch_in_canvas.origin

    @property
    def growth(self) -> Box:
        """The new pixels, in the grown canvas."""
        return self._grown(0, self.contract.advance_px)

    @property
    def canvas_origin(self) -> tuple[int, int]:
        """(x, y) at which the old canvas lies, in the grown canvas."""
        along, _ = self.contract.oriented(self.canvas_size, self.mode)
        return self._grown(-along, 0).origin

    def feather_zone(self, feather_px: int) -> Box:
        """The first `feather_px` new pixels beyond the seam, in the tile."""
        return self._tile(self.contract.band_px, self.contract.band_px + feather_px)

    def _tile(self, start: int, stop: int) -> Box:
        """Canonical columns [start, stop) of the tile."""
        if self.mode.side == "low":
            start, stop = self.contract.tile_px - stop, self.contract.tile_px - start
        return self._box(start, stop)

    def _canvas(self, start: int, stop: int) -> Box:
        """Canonical columns relative to the frontier, in the canvas before the step."""
        along, _ = self.contract.oriented(self.canvas_size, self.mode)
        start, stop = (along + start, along + stop) if self.mode.side == "high" else (-stop, -start)
        return self._box(start, stop)

    def _grown(self, start: int, stop: int) -> Box:
        """Canonical columns relative to the seam, in the canvas after the step."""
        sign = 1 if self.mode.side == "high" else -1
        ends = sorted((self.seam + sign * start, self.seam + sign * stop))
        return self._box(*ends)

    def _box(self, start: int, stop: int) -> Box:
        left, top = self.contract.oriented((start, 0), self.mode)
        right, bottom = self.contract.oriented((stop, self.contract.tile_px), self.mode)
        return Box(left, top, right, bottom)


CLASSIC = TileContract(tile_px=1024, band_px=512, overlap_px=256, advance_px=256)
WIDE = TileContract(tile_px=1024, band_px=512, overlap_px=256, advance_px=448)
PRESETS = {"classic": CLASSIC, "wide": WIDE}
"""The named contracts of the command line."""
