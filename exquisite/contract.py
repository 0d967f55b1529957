"""The contract: the sizes of tile, band, overlap and advance, and every box that follows from them.

A tile is tile_px long along the growing axis and across_px wide across it.

Every stage is written once, for growth to the right, the canonical orientation. `to_canonical` and `from_canonical`
convert the other three modes by a lossless transpose. `Frame` gives every box and origin in the picture's own
orientation, for stages that draw in it.

Canonical tile (x to the right), classic numbers:

    0            256           512           768          1024
    |  conditioning half (band) |      generated half      |
    |             |--- overlap -|-- advance --|            |
    |             |<--------- patch -------->|             |
                                ^ seam (canvas coordinate w0)
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, replace

from .errors import CanvasError, ContractError, UsageError
from .mode import Box, Mode, from_canonical, require_rgb, to_canonical

__all__ = [
    "CLASSIC",
    "LONG",
    "MAX_RIM_SHARE",
    "PRESETS",
    "TALL",
    "WIDE",
    "Box",
    "Frame",
    "Mode",
    "TileContract",
    "from_canonical",
    "require_rgb",
    "to_canonical",
]

MAX_RIM_SHARE = 0.11
"""The widest rim without source pixels that calibration may leave at the outer edge of a tile, as a share of its
shorter edge. A model that reframes the whole picture, by 64 px and 8 % of 1024 px, leaves 10.3 % (profile
"gpt-image-2" of `drift`); real redraws with an invisible seam leave up to 5 % (`make bench-real`)."""

_SIZES_PATTERN = re.compile(
    r"(?P<tile_px>\d+)(x(?P<across_px>\d+))?/(?P<band_px>\d+)/(?P<overlap_px>\d+)/(?P<advance_px>\d+)", re.ASCII
)


@dataclass(frozen=True)
class TileContract:
    """The sizes of a step, in pixels.

    Attributes:
        tile_px: length of the tile that the model returns, along the growing axis.
        band_px: length of the band, the end of the canvas that the model sees as the tile's conditioning half.
        overlap_px: length of canvas before the seam that the patch covers; also the width of both scoring strips.
        advance_px: length that one step adds to the canvas.
        across_px: width of tile and canvas, across the growing axis; default (None): tile_px, a square tile.

    Raises:
        ContractError: the sizes break a rule; the message names each.
    """

    tile_px: int
    band_px: int
    overlap_px: int
    advance_px: int
    across_px: int = None  # type: ignore[assignment]  # never None once it is made: see __post_init__

    def __post_init__(self) -> None:
        values = vars(self).copy()
        if self.across_px is None:
            object.__setattr__(self, "across_px", self.tile_px)
            del values["across_px"]
        violations = [
            f"{name}={value!r} must be a whole number of pixels above 0"
            for name, value in values.items()
            if not isinstance(value, int) or isinstance(value, bool) or value <= 0
        ]
        if not violations:
            room = self.tile_px - self.band_px
            rules = {
                f"band_px={self.band_px} must be below tile_px={self.tile_px}": room > 0,
                f"overlap_px={self.overlap_px} must be at most band_px={self.band_px}": self.overlap_px <= self.band_px,
                f"overlap_px={self.overlap_px} must be at most tile_px - band_px={room}": self.overlap_px <= room,
                f"advance_px={self.advance_px} must be at most tile_px - band_px={room}": self.advance_px <= room,
            }
            violations = [rule for rule, holds in rules.items() if not holds]
        if violations:
            raise ContractError("invalid contract: " + "; ".join(violations))

    @property
    def tile_area(self) -> int:
        """Number of pixels of a tile."""
        return self.tile_px * self.across_px

    @property
    def margin_px(self) -> int:
        """Length of the generated half beyond the patch; calibration may leave it without source pixels."""
        return self.tile_px - self.band_px - self.advance_px

    @property
    def max_rim_px(self) -> int:
        """The widest rim without source pixels that calibration may leave, in pixels; at least 1."""
        return max(1, int(MAX_RIM_SHARE * min(self.tile_px, self.across_px)))

    @property
    def closing(self) -> TileContract:
        """The contract of a step that closes a loop: its growth fills the gap between two bands in one tile.

        Raises:
            UsageError: the tile has no room for two bands and the scoring strips of two seams.
        """
        room = self.tile_px - 2 * self.band_px
        if room < 2 * self.overlap_px:
            least = 2 * (self.band_px + self.overlap_px)
            raise UsageError(
                f"a tile of {self.tile_px} px has no room to close a loop: two bands of {self.band_px} px and two "
                f"scoring strips of {self.overlap_px} px need {least}; make a session with `--contract long`"
            )
        return replace(self, advance_px=room)

    def tile_size(self, mode: Mode | str) -> tuple[int, int]:
        """(width, height) of a tile, in the picture's own orientation."""
        return self.oriented((self.tile_px, self.across_px), mode)

    @property
    def max_soften_px(self) -> int:
        """Largest width of a pending zone: at most the overlap and half of the band, and less than the advance."""
        return min(self.overlap_px, self.band_px // 2, self.advance_px - 1)

    def require_soften(self, soften_px: int) -> None:
        """Check that a step can leave its last `soften_px` pending.

        Raises:
            UsageError: it cannot; the message names the largest width.
        """
        if not 0 <= soften_px <= self.max_soften_px:
            raise UsageError(f"soften_px must be 0 to {self.max_soften_px} with these sizes, not {soften_px}")

    def band_size(self, mode: Mode | str) -> tuple[int, int]:
        """(width, height) of the band, in the picture's own orientation."""
        return self.oriented((self.band_px, self.across_px), mode)

    def strip_size(self, mode: Mode | str) -> tuple[int, int]:
        """(width, height) of one growth strip, in the picture's own orientation."""
        return self.oriented((self.advance_px, self.across_px), mode)

    def oriented(self, size: tuple[int, int], mode: Mode | str) -> tuple[int, int]:
        """Convert (along, across) to (width, height), or back: the function is its own inverse."""
        return size if Mode(mode).axis == "x" else (size[1], size[0])

    def require_canvas(self, size: tuple[int, int], mode: Mode | str) -> None:
        """Check that a canvas of `size` (width, height) can grow in `mode`.

        Raises:
            CanvasError: it cannot; the message names the required size.
        """
        mode = Mode(mode)
        along, across = self.oriented(size, mode)
        name, other = ("height", "width") if mode.axis == "x" else ("width", "height")
        if across != self.across_px:
            raise CanvasError(
                f"a canvas of {size[0]}x{size[1]} cannot grow in {mode}: its {name} must be "
                f"{self.across_px} px, not {across}; `init` scales a picture to it"
            )
        if along < self.band_px:
            raise CanvasError(
                f"a canvas of {size[0]}x{size[1]} is too small to grow in {mode}: its {other} must be "
                f"at least {self.band_px} px, not {along}; `init --fit pad` enlarges a picture"
            )

    def frame(self, mode: Mode | str, canvas_size: tuple[int, int]) -> Frame:
        """The boxes and origins of a step on a canvas of `canvas_size` (width, height).

        Raises:
            CanvasError: the canvas cannot grow in `mode`.
        """
        mode = Mode(mode)
        self.require_canvas(canvas_size, mode)
        return Frame(self, mode, canvas_size)

    def tile_frame(self, mode: Mode | str) -> Frame:
        """The frame for boxes in the tile, which do not depend on the canvas; it assumes a canvas of a tile's size."""
        return self.frame(mode, self.tile_size(mode))

    def as_dict(self) -> dict[str, int]:
        """The sizes by name, for records; a square tile omits across_px, which earlier records do not have."""
        sizes = asdict(self)
        if self.across_px == self.tile_px:
            del sizes["across_px"]
        return sizes

    def __str__(self) -> str:
        """TILE/BAND/OVERLAP/ADVANCE in pixels, or TILExACROSS/BAND/OVERLAP/ADVANCE for a rectangular tile."""
        tile = f"{self.tile_px}" if self.across_px == self.tile_px else f"{self.tile_px}x{self.across_px}"
        return f"{tile}/{self.band_px}/{self.overlap_px}/{self.advance_px}"

    @classmethod
    def parse(cls, text: str) -> TileContract:
        """Parse a preset's name, or sizes in the format of `str`.

        Raises:
            ContractError: `text` is neither, or its sizes break a rule.
        """
        if text in PRESETS:
            return PRESETS[text]
        if sizes := _SIZES_PATTERN.fullmatch(text):
            return cls(**{name: int(size) for name, size in sizes.groupdict().items() if size is not None})
        raise ContractError(
            f"unknown contract {text!r}: use {', '.join(PRESETS)}, or TILE/BAND/OVERLAP/ADVANCE in pixels such as "
            f"2048/1024/512/512, with TILExACROSS for a tile that is no square, such as 3072x1024/1024/256/1984"
        )


@dataclass(frozen=True)
class Frame:
    """Boxes and origins of one step, in pixels, half-open, in the picture's own orientation.

    "In the tile" means tile coordinates, "in the canvas" coordinates of the canvas before the step, and "in the grown
    canvas" coordinates of the canvas after it. `TileContract.frame` makes it.
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
        """The box of the band, in the tile."""
        return self._tile(0, self.contract.band_px)

    @property
    def generated_half(self) -> Box:
        """The box of the pixels that the model adds, in the tile."""
        return self._tile(self.contract.band_px, self.contract.tile_px)

    @property
    def patch(self) -> Box:
        """Overlap and advance together, in the tile: the box that `glue` pastes."""
        c = self.contract
        return self._tile(c.band_px - c.overlap_px, c.band_px + c.advance_px)

    @property
    def tile_strip(self) -> Box:
        """The scoring strip behind the seam, in the tile."""
        return self._tile(self.contract.band_px, self.contract.band_px + self.contract.overlap_px)

    @property
    def growth_in_tile(self) -> Box:
        """The new pixels, in the tile: the box that a session commits."""
        return self._tile(self.contract.band_px, self.contract.band_px + self.contract.advance_px)

    @property
    def band(self) -> Box:
        """The box of the band at the frontier, in the canvas."""
        return self._canvas(-self.contract.band_px, 0)

    @property
    def canvas_strip(self) -> Box:
        """The scoring strip before the seam, in the canvas."""
        return self._canvas(-self.contract.overlap_px, 0)

    @property
    def seam(self) -> int:
        """Coordinate along the axis between old and new pixels, in the grown canvas."""
        along, _ = self.contract.oriented(self.canvas_size, self.mode)
        return along if self.mode.side == "high" else self.contract.advance_px

    @property
    def seam_in_tile(self) -> int:
        """Coordinate along the axis between the two halves, in the tile."""
        band = self.contract.band_px
        return band if self.mode.side == "high" else self.contract.tile_px - band

    @property
    def patch_in_canvas(self) -> Box:
        """The box of the patch, in the grown canvas; its `.origin` is the paste origin."""
        return self._growth_box(-self.contract.overlap_px, self.contract.advance_px)

    @property
    def paste_origin(self) -> tuple[int, int]:
        """(x, y) of the patch's top left corner, in the grown canvas."""
        return self.patch_in_canvas.origin

    @property
    def growth(self) -> Box:
        """The new pixels, in the grown canvas."""
        return self._growth_box(0, self.contract.advance_px)

    @property
    def canvas_origin(self) -> tuple[int, int]:
        """(x, y) of the old canvas's top left corner, in the grown canvas."""
        along, _ = self.contract.oriented(self.canvas_size, self.mode)
        return self._growth_box(-along, 0).origin

    def zone_in_tile(self, zone_px: int) -> Box:
        """The last `zone_px` before the seam, in the tile: pending since the previous step, committed by this one."""
        return self._tile(self.contract.band_px - zone_px, self.contract.band_px)

    def strip_in_tile(self, zone_px: int, soften_px: int, far_zone_px: int = 0) -> Box:
        """The box that a step commits, in the tile: the pending zone before the seam and the growth without its end.

        A step that closes a loop also commits the pending zone behind the growth, of `far_zone_px`.
        """
        c = self.contract
        return self._tile(c.band_px - zone_px, c.band_px + c.advance_px - soften_px + far_zone_px)

    def pending_in_tile(self, soften_px: int) -> Box:
        """The last `soften_px` of the growth, in the tile: the box that a step leaves pending."""
        end = self.contract.band_px + self.contract.advance_px
        return self._tile(end - soften_px, end)

    def in_canvas(self, box: Box) -> Box:
        """Convert a box in the tile to the grown canvas."""
        x, y = (at - start for at, start in zip(self.paste_origin, self.patch.origin, strict=True))
        return Box(box.left + x, box.top + y, box.right + x, box.bottom + y)

    def beside_seam(self, px: int) -> Box:
        """`px` on either side of the seam, in the tile."""
        return self._tile(self.contract.band_px - px, self.contract.band_px + px)

    def feather_zone(self, feather_px: int) -> Box:
        """The first `feather_px` new pixels behind the seam, in the tile."""
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

    def _growth_box(self, start: int, stop: int) -> Box:
        """Canonical columns relative to the seam, in the canvas after the step."""
        sign = 1 if self.mode.side == "high" else -1
        ends = sorted((self.seam + sign * start, self.seam + sign * stop))
        return self._box(*ends)

    def _box(self, start: int, stop: int) -> Box:
        left, top = self.contract.oriented((start, 0), self.mode)
        right, bottom = self.contract.oriented((stop, self.contract.across_px), self.mode)
        return Box(left, top, right, bottom)


CLASSIC = TileContract(tile_px=1024, band_px=512, overlap_px=256, advance_px=256)
"""The default: a square tile, half of it new, of which half is committed."""

WIDE = TileContract(tile_px=1024, band_px=512, overlap_px=256, advance_px=448)
"""The same tile with more of its new half committed; the outer 64 px are the margin that calibration may use up."""

LONG = TileContract(tile_px=3072, band_px=1024, overlap_px=256, advance_px=1984, across_px=1024)
"""A tile three times as long as it is high: 1984 new pixels a step."""

TALL = TileContract(tile_px=2048, band_px=1024, overlap_px=256, advance_px=960)
"""A square tile with twice the sides: for canvases 2048 px across."""

PRESETS = {"classic": CLASSIC, "wide": WIDE, "long": LONG, "tall": TALL}
"""The named contracts of the command line."""
