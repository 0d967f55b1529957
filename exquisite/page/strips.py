"""An index of the strips of a canvas by their position, read lazily from the frontier inwards."""

from __future__ import annotations

import threading
import time
from bisect import bisect_left
from collections import OrderedDict
from dataclasses import dataclass, replace
from itertools import islice, takewhile

from ..contract import Box, Mode
from ..pipeline.store import Store
from ..pipeline.store.pieces import Piece, box_of, pending_at

__all__ = ["CanvasStrip", "StripIndex"]

_MAX_HEADS = 4  # heads whose strips stay in memory: a few branches, and one before an undo


@dataclass(frozen=True)
class CanvasStrip:
    """A strip with its step, the parent step, and the box of the canvas after that step, in signed coordinates.

    `pending` holds the pending pieces at the ends of that canvas.
    """

    step: int
    parent: int | None
    mode: str | None
    piece: Piece
    canvas: Box
    pending: tuple[Piece, ...] = ()

    @property
    def seam(self) -> int | None:
        """Coordinate along the axis where this strip meets the older canvas; None for the seed picture."""
        if self.mode is None:
            return None
        box, mode = self.piece.box, Mode(self.mode)
        axis = 0 if mode.axis == "x" else 1
        return box[axis] if mode.side == "high" else box[axis + 2]


class _Chain:
    """The strips of one canvas that have been read so far, from both ends inwards.

    The canvas of an older step lies inside that of a newer one. Strips at the high end are therefore read in descending
    order of coordinates, strips at the low end in ascending order, and the unread part lies between the two.
    """

    def __init__(self, head: CanvasStrip, axis: int) -> None:
        self.axis = axis
        self.next: int | None = head.step
        self.highs: list[CanvasStrip] = []
        self.lows: list[CanvasStrip] = []
        self.unread = (head.canvas[axis], head.canvas[axis + 2])

    def add(self, strip: CanvasStrip, inner: CanvasStrip | None) -> None:
        """Add the next older strip; `inner` is its parent's strip, None for the seed picture."""
        at_low = strip.mode is not None and Mode(strip.mode).side == "low"
        (self.lows if at_low else self.highs).append(strip)
        self.next = strip.parent
        self.unread = (0, 0) if inner is None else (inner.canvas[self.axis], inner.canvas[self.axis + 2])

    def between(self, low: int, high: int) -> list[CanvasStrip]:
        """The strips read so far that overlap [low, high)."""
        axis = self.axis
        first = bisect_left(self.highs, 1 - high, key=lambda strip: -strip.piece.box[axis])
        strips = list(takewhile(lambda strip: strip.piece.box[axis + 2] > low, islice(self.highs, first, None)))
        first = bisect_left(self.lows, low + 1, key=lambda strip: strip.piece.box[axis + 2])
        strips += takewhile(lambda strip: strip.piece.box[axis] < high, islice(self.lows, first, None))
        return strips


class StripIndex:
    """The strips of one session's canvases; reads each record once. Safe for threads."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._by_step: dict[int, CanvasStrip] = {}
        self._chains: OrderedDict[int, _Chain] = OrderedDict()
        self._lock = threading.RLock()

    def knows(self, step: int) -> bool:
        """Whether the record of step `step` is in memory."""
        return step in self._by_step

    def strip(self, step: int) -> CanvasStrip:
        """The strip that step `step` added to its canvas."""
        strip = self._by_step.get(step)
        if strip is None:
            record = self._store.steps.record(step)
            pending = (pending_at(record, side) for side in ("low", "high"))
            strip = CanvasStrip(
                step,
                record["parent"],
                record.get("mode"),
                Piece.from_record(record["strip"]),
                box_of(record["canvas"]),
                tuple(piece for piece in pending if piece is not None),
            )
            self._by_step[step] = strip
        return strip

    def within(self, head: int, box: Box, deadline: float | None = None) -> tuple[list[CanvasStrip], bool]:
        """The strips of the canvas of step `head` that overlap `box`, newest first, and whether the list is complete.

        Where two strips overlap, the newer one is visible. Records are read from the ends inwards until no unread strip
        can overlap `box`, or until `deadline` in seconds of `time.monotonic`.
        """
        top = self.strip(head)
        if not _overlap(top.canvas, box):
            return [], True
        axis = 1 if top.mode is not None and Mode(top.mode).axis == "y" else 0
        low, high = box[axis], box[axis + 2]
        with self._lock:
            chain = self._chain(top, axis)
            complete = self._read(chain, low, high, deadline)
            strips = chain.between(low, high)
        strips.sort(key=lambda strip: strip.step, reverse=True)
        pending = [replace(top, piece=piece) for piece in top.pending if _overlap(piece.box, box)]
        return [*pending, *(strip for strip in strips if _overlap(strip.piece.box, box))], complete

    def _read(self, chain: _Chain, low: int, high: int, deadline: float | None) -> bool:
        """Read strips until no unread one can overlap [low, high); False when `deadline` comes first."""
        while chain.next is not None and chain.unread[0] < high and low < chain.unread[1]:
            if deadline is not None and time.monotonic() > deadline:
                return False
            strip = self.strip(chain.next)
            chain.add(strip, None if strip.parent is None else self.strip(strip.parent))
        return True

    def _chain(self, head: CanvasStrip, axis: int) -> _Chain:
        chain = self._chains.get(head.step)
        if chain is None:
            chain = self._chains[head.step] = _Chain(head, axis)
            while len(self._chains) > _MAX_HEADS:
                self._chains.popitem(last=False)
        self._chains.move_to_end(head.step)
        return chain


def _overlap(one: Box, other: Box) -> bool:
    return one.left < other.right and other.left < one.right and one.top < other.bottom and other.top < one.bottom
