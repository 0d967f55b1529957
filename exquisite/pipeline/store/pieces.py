"""Pieces: the strips that a canvas is made of, and where they lie.

Coordinates are signed, in pixels from the top left of the seed picture, so that growing to the left or
upwards renumbers nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ...contract import Box, Mode, TileContract
from .records import Record

__all__ = ["Piece", "box_of", "extend_tips", "place_strip"]


@dataclass(frozen=True)
class Piece:
    """One strip of the canvas: the hash of its file, and where it lies, (x, y) and (width, height) in pixels."""

    sha256: str
    origin: tuple[int, int]
    size: tuple[int, int]

    @classmethod
    def from_record(cls, record: Record) -> Piece:
        """The piece in a step record's `strip` or `tips`."""
        return cls(str(record["sha256"]), _pair(record["origin"]), _pair(record["size"]))

    @property
    def box(self) -> Box:
        """Where the piece lies, in signed canvas coordinates."""
        return _box(self.origin, self.size)


def box_of(record: Record) -> Box:
    """The box of a record's `canvas`, in signed canvas coordinates."""
    return _box(_pair(record["origin"]), _pair(record["size"]))


def place_strip(canvas: Box, mode: Mode, contract: TileContract) -> tuple[Box, Box]:
    """(the growth strip of a step in `mode` on `canvas`, the grown canvas), in signed canvas coordinates."""
    frame = contract.frame(mode, canvas.size)
    left, top = canvas.left - frame.canvas_origin[0], canvas.top - frame.canvas_origin[1]
    strip = _box((frame.growth.left + left, frame.growth.top + top), frame.growth.size)
    return strip, _box((left, top), frame.grown_size)


def extend_tips(tips: Record, new: Record, mode: Mode, contract: TileContract) -> Record:
    """The `tips` of a step that adds the strip `new`: at each end the fewest strips that cover the band.

    A tip is a list, outermost strip first, so that its length never depends on the length of the canvas.
    """
    grown, other = mode.side, "low" if mode.side == "high" else "high"
    return {grown: _trim([new, *tips[grown]], mode, contract), other: tips[other]}


def _trim(strips: list[Record], mode: Mode, contract: TileContract) -> list[Record]:
    covered = 0
    for count, strip in enumerate(strips, start=1):
        covered += contract.oriented(_pair(strip["size"]), mode)[0]
        if covered >= contract.band_px:
            return strips[:count]
    return strips


def _box(origin: tuple[int, int], size: tuple[int, int]) -> Box:
    return Box(*origin, origin[0] + size[0], origin[1] + size[1])


def _pair(value: Any) -> tuple[int, int]:
    first, second = value
    return int(first), int(second)
