"""Pieces: the strips of a canvas and their boxes.

Coordinates are signed, in pixels from the top left of the seed picture, so that growth to the left or upwards changes
no earlier coordinate.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from ...contract import Box, Mode, TileContract
from ...errors import CanvasError, UsageError
from .records import Record

__all__ = [
    "Piece",
    "StepBoxes",
    "Zones",
    "beyond",
    "box_of",
    "extend_tips",
    "grow_box",
    "grown_record",
    "is_closed",
    "pending_after",
    "pending_at",
    "pending_width",
    "require_open",
    "zone_width",
]


@dataclass(frozen=True)
class Piece:
    """One strip of the canvas: the hash of its file, its origin (x, y) and its size (width, height) in pixels.

    `within` crops the file's picture to this box; None shows all of it.
    """

    sha256: str
    origin: tuple[int, int]
    size: tuple[int, int]
    within: Box | None = None

    @classmethod
    def from_record(cls, record: Record) -> Piece:
        """Read the piece from an entry of a step record's `strip` or `tips`."""
        return cls(str(record["sha256"]), _pair(record["origin"]), _pair(record["size"]))

    @property
    def box(self) -> Box:
        """The box of the piece, in signed canvas coordinates."""
        return _box(self.origin, self.size)

    def as_record(self) -> Record:
        """The piece as an entry of a step record."""
        return {"sha256": self.sha256, "origin": self.origin, "size": self.size}

    def shown_in(self, box: Box) -> Piece:
        """Crop the piece to `box`, in signed canvas coordinates; both must overlap."""
        left, top = max(self.box.left, box.left), max(self.box.top, box.top)
        right, bottom = min(self.box.right, box.right), min(self.box.bottom, box.bottom)
        x, y = self.origin
        within = Box(left - x, top - y, right - x, bottom - y)
        return self if within.size == self.size else Piece(self.sha256, (left, top), within.size, within)


class StepBoxes(NamedTuple):
    """The boxes of a step, in signed canvas coordinates.

    Attributes:
        strip: the box that it commits.
        pending: the box that it leaves pending; empty without a pending zone.
        canvas: the canvas after the step, with both.
    """

    strip: Box
    pending: Box
    canvas: Box


def box_of(record: Record) -> Box:
    """Read the box of a record's `canvas`, in signed canvas coordinates."""
    return _box(_pair(record["origin"]), _pair(record["size"]))


class Zones(NamedTuple):
    """The pending zones of a step, by their width in pixels.

    Attributes:
        near: before the seam; the step commits it.
        left: at the far end of the growth; the step leaves it pending.
        far: behind the growth, at the beginning of the canvas; a step that closes a loop commits it.
    """

    near: int = 0
    left: int = 0
    far: int = 0


def grow_box(canvas: Box, mode: Mode, contract: TileContract, zones: Zones) -> StepBoxes:
    """The boxes of a step in `mode` on `canvas`.

    A step that closes a loop commits the pending zone at the beginning of the canvas as part of its strip: those pixels
    leave one end of the canvas and come at the other, so that strip and canvas are in one piece.
    """
    frame = contract.frame(mode, canvas.size)
    left, top = canvas.left - frame.canvas_origin[0], canvas.top - frame.canvas_origin[1]
    committed, pending = frame.strip_in_tile(*zones), frame.pending_in_tile(zones.left)
    turned = zones.far if mode.side == "high" else -zones.far
    turned_x, turned_y = contract.oriented((turned, 0), mode)
    whole = Box(turned_x, turned_y, turned_x + frame.grown_size[0], turned_y + frame.grown_size[1])
    boxes = (frame.in_canvas(committed), frame.in_canvas(pending), whole)
    return StepBoxes(*(_box((box.left + left, box.top + top), box.size) for box in boxes))


def grown_record(
    parent: Record, mode: Mode, contract: TileContract, zones: Zones, hashes: tuple[str, str | None]
) -> Record:
    """What the record of a step says of the canvas that it makes: strip, pending, canvas and tips.

    Args:
        parent: the record of the step that it continues.
        hashes: the hash of its strip, and of what it leaves pending; None for nothing.
    """
    boxes = grow_box(box_of(parent["canvas"]), mode, contract, zones)
    strip_sha256, pending_sha256 = hashes
    strip = Piece(strip_sha256, boxes.strip.origin, boxes.strip.size).as_record()
    left = None if pending_sha256 is None else Piece(pending_sha256, boxes.pending.origin, boxes.pending.size)
    pending = pending_after(parent, mode.side, left)
    if zones.far:
        del pending[mode.opposite.side]
    return {
        "strip": strip,
        **({"pending": pending} if pending else {}),
        "canvas": {"origin": boxes.canvas.origin, "size": boxes.canvas.size},
        "tips": extend_tips(parent["tips"], strip, mode, contract),
    }


def is_closed(record: Record) -> bool:
    """Whether the canvas of a step is a loop: the step, the last one of it, closed it."""
    return bool(record.get("options", {}).get("close"))


def require_open(record: Record) -> None:
    """Check that the canvas of a step can be continued.

    Raises:
        CanvasError: the step closed a loop.
    """
    if is_closed(record):
        raise CanvasError(
            f"the canvas is a loop since step {record['step']}: `undo` opens it again, or `branch --at "
            f"{record['parent']}` goes on beside it"
        )


def pending_at(record: Record, side: str) -> Piece | None:
    """The pending piece at the "low" or "high" end of a step's canvas; None when that end is committed."""
    entry = record.get("pending", {}).get(side)
    return None if entry is None else Piece.from_record(entry)


def pending_width(record: Record, side: str) -> int:
    """The width along the axis of the pending piece at an end, in pixels; 0 without one."""
    pending = pending_at(record, side)
    return 0 if pending is None else pending.size[0 if record["axis"] == "x" else 1]


def pending_after(record: Record, side: str, piece: Piece | None) -> Record:
    """The pending entries of a step that continues the one with this `record` and leaves `piece` pending at `side`."""
    others = {end: entry for end, entry in record.get("pending", {}).items() if end != side}
    return others if piece is None else {**others, side: piece.as_record()}


def zone_width(record: Record, mode: Mode, contract: TileContract, seed_px: int) -> int:
    """The width in pixels of the zone in which a step in `mode` may cut, when it continues the one with this `record`.

    Args:
        seed_px: width of that zone inside the seed picture, for the first step at an end.

    Raises:
        UsageError: the seed picture is too short for that.
    """
    if width := pending_width(record, mode.side):
        return width
    outermost = Piece.from_record(record["tips"][mode.side][0])
    if outermost.origin != (0, 0) or not seed_px:  # no strip has the origin of the seed picture
        return 0
    contract.require_soften(seed_px)
    along = contract.oriented(outermost.size, mode)[0]
    if along < contract.band_px + seed_px:
        raise UsageError(
            f"the seed picture is {along} px long: a cut inside its last {seed_px} px needs "
            f"{contract.band_px + seed_px}, so that the other end does not see them"
        )
    return seed_px


def extend_tips(tips: Record, new: Record, mode: Mode, contract: TileContract) -> Record:
    """The `tips` of a step that commits the strip `new`: at each end the fewest strips that cover the band.

    A tip is a list, outermost strip first. Its length does not depend on the length of the canvas, so that a step
    reads few files. A strip may overlap the end of the seed picture. Tips contain no pending pieces.
    """
    side, other = mode.side, mode.opposite.side
    return {side: _trim([new, *tips[side]], mode, contract), other: tips[other]}


def beyond(box: Box, strip: Box, mode: Mode) -> Box:
    """The part of `box` on the inner side of a strip that a step in `mode` committed."""
    left, top, right, bottom = box
    if mode.side == "high":
        return Box(left, top, strip.left, bottom) if mode.axis == "x" else Box(left, top, right, strip.top)
    return Box(strip.right, top, right, bottom) if mode.axis == "x" else Box(left, strip.bottom, right, bottom)


def _trim(strips: list[Record], mode: Mode, contract: TileContract) -> list[Record]:
    length_px = 0
    for count, strip in enumerate(strips, start=1):
        length_px += contract.oriented(_pair(strip["size"]), mode)[0]
        if length_px >= contract.band_px:
            return strips[:count]
    return strips


def _box(origin: tuple[int, int], size: tuple[int, int]) -> Box:
    return Box(*origin, origin[0] + size[0], origin[1] + size[1])


def _pair(value: Any) -> tuple[int, int]:
    first, second = value
    return int(first), int(second)
