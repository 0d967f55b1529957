"""Which strips of a canvas lie where, read from the frontier inwards and only as far as somebody asks."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

from ..contract import Box
from ..pipeline.store import SEED, Store
from ..pipeline.store.pieces import Piece, box_of

__all__ = ["CanvasStrip", "StripIndex"]


@dataclass(frozen=True)
class CanvasStrip:
    """A strip of a canvas, its step, the step before it, and the canvas up to it, in signed coordinates."""

    step: int
    parent: int | None
    mode: str | None
    piece: Piece
    canvas: Box

    @property
    def seam(self) -> int | None:
        """Coordinate along the axis where this strip meets what was there before; None for the seed picture."""
        if self.mode is None:
            return None
        box, axis = self.piece.box, 0 if self.mode[0] == "x" else 1
        return box[axis] if box[axis] > self.canvas[axis] else box[axis + 2]


class StripIndex:
    """The strips of the canvases of one session, each record read once; safe for threads."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[int, CanvasStrip] = {}
        self._lock = threading.Lock()

    def knows(self, step: int) -> bool:
        """Whether the record of step `step` was read already."""
        return step in self._known

    def strip(self, step: int) -> CanvasStrip:
        """What step `step` added to its canvas."""
        known = self._known.get(step)
        if known is None:
            record = self._store.step(step)
            known = CanvasStrip(
                step, record["parent"], record.get("mode"), Piece.from_record(record["strip"]), box_of(record["canvas"])
            )
            with self._lock:
                self._known[step] = known
        return known

    def within(self, head: int, box: Box, deadline: float | None = None) -> tuple[list[CanvasStrip], bool]:
        """(the strips of the canvas of step `head` that overlap `box`, newest first; whether those are all).

        What a step added lies outside the canvas before it, so that the search ends where that canvas no longer
        overlaps `box`. It also ends at `deadline`, in seconds of `time.monotonic`.
        """
        found = []
        at: int | None = head
        while at is not None:
            strip = self.strip(at)
            if not _overlap(strip.canvas, box):
                break
            if _overlap(strip.piece.box, box):
                found.append(strip)
            if deadline is not None and time.monotonic() > deadline:
                return found, False
            at = None if at == SEED else strip.parent
        return found, True


def _overlap(one: Box, other: Box) -> bool:
    return one.left < other.right and other.left < one.right and one.top < other.bottom and other.top < one.bottom
