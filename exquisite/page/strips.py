"""Which strips of a canvas lie where, read from the frontier inwards and only as far as somebody asks."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, replace

from ..contract import Box, Mode
from ..pipeline.store import SEED, Store
from ..pipeline.store.pieces import Piece, box_of, pending_at

__all__ = ["CanvasStrip", "StripIndex"]


@dataclass(frozen=True)
class CanvasStrip:
    """A strip of a canvas, its step, the step before it, and the canvas up to it, in signed coordinates.

    `pending` is what that canvas has pending at its ends.
    """

    step: int
    parent: int | None
    mode: str | None
    piece: Piece
    canvas: Box
    pending: tuple[Piece, ...] = ()

    @property
    def seam(self) -> int | None:
        """Coordinate along the axis where this strip meets what was there before; None for the seed picture."""
        if self.mode is None:
            return None
        box, mode = self.piece.box, Mode(self.mode)
        axis = 0 if mode.axis == "x" else 1
        return box[axis] if mode.side == "high" else box[axis + 2]


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
            pending = (pending_at(record, side) for side in ("low", "high"))
            known = CanvasStrip(
                step,
                record["parent"],
                record.get("mode"),
                Piece.from_record(record["strip"]),
                box_of(record["canvas"]),
                tuple(piece for piece in pending if piece is not None),
            )
            with self._lock:
                self._known[step] = known
        return known

    def within(self, head: int, box: Box, deadline: float | None = None) -> tuple[list[CanvasStrip], bool]:
        """(the strips of the canvas of step `head` that overlap `box`, newest first; whether those are all).

        Where two overlap, the newer one is seen. What older steps added lies inside the canvas up to them, so that the
        search ends where that no longer overlaps `box`; it also ends at `deadline`, in seconds of `time.monotonic`.
        """
        top = self.strip(head)
        found = [replace(top, piece=piece) for piece in top.pending if _overlap(piece.box, box)]
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
