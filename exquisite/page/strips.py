"""Which strips of a canvas lie where, read from the frontier inwards and only as far as somebody asks."""

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

_MOST_HEADS = 4  # whose canvases are remembered: a few branches, and one that was undone


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


class _Chain:
    """The strips of one canvas as far as they were read, from both ends inwards; along the axis, in pixels.

    Canvases nest: what older steps made lies inside what newer ones made. So the strips at the high end follow each
    other downwards, those at the low end upwards, and what was not read yet lies between the two.
    """

    def __init__(self, head: CanvasStrip, axis: int) -> None:
        self.axis = axis
        self.next: int | None = head.step
        self.highs: list[CanvasStrip] = []
        self.lows: list[CanvasStrip] = []
        self.unread = (head.canvas[axis], head.canvas[axis + 2])

    def add(self, strip: CanvasStrip, inner: CanvasStrip | None) -> None:
        """Put the next older strip in its place; `inner` is the one before it, None for the seed picture."""
        at_low = strip.mode is not None and Mode(strip.mode).side == "low"
        (self.lows if at_low else self.highs).append(strip)
        self.next = strip.parent
        self.unread = (0, 0) if inner is None else (inner.canvas[self.axis], inner.canvas[self.axis + 2])

    def between(self, low: int, high: int) -> list[CanvasStrip]:
        """The strips that were read and overlap [low, high)."""
        axis = self.axis
        first = bisect_left(self.highs, 1 - high, key=lambda strip: -strip.piece.box[axis])
        strips = list(takewhile(lambda strip: strip.piece.box[axis + 2] > low, islice(self.highs, first, None)))
        first = bisect_left(self.lows, low + 1, key=lambda strip: strip.piece.box[axis + 2])
        strips += takewhile(lambda strip: strip.piece.box[axis] < high, islice(self.lows, first, None))
        return strips


class StripIndex:
    """The strips of the canvases of one session, each record read once; safe for threads."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._by_step: dict[int, CanvasStrip] = {}
        self._chains: OrderedDict[int, _Chain] = OrderedDict()
        self._lock = threading.RLock()

    def knows(self, step: int) -> bool:
        """Whether the record of step `step` was read already."""
        return step in self._by_step

    def strip(self, step: int) -> CanvasStrip:
        """What step `step` added to its canvas."""
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
        """(the strips of the canvas of step `head` that overlap `box`, newest first; whether those are all).

        Where two overlap, the newer one is seen. Records are read from the ends inwards until all that can overlap
        `box` is known, or until `deadline`, in seconds of `time.monotonic`.
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
        """Read on until nothing unread overlaps [low, high); whether that was reached before `deadline`."""
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
            while len(self._chains) > _MOST_HEADS:
                self._chains.popitem(last=False)
        self._chains.move_to_end(head.step)
        return chain


def _overlap(one: Box, other: Box) -> bool:
    return one.left < other.right and other.left < one.right and one.top < other.bottom and other.top < one.bottom
