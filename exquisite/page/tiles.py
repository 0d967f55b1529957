"""The canvas as tiles at power-of-two levels, made on demand from its strips, fast enough to pan and zoom.

Level 0 has the canvas's pixels; each further level halves the resolution. Tile (x, y) of level n begins at the signed
canvas coordinates (x, y) * TILE_PX * 2^n, so that growth to the left renumbers no tile. A tile is made within
_BUDGET_S. Strips that are not decoded by then stay blank, and the tile is marked incomplete; a background thread
decodes them, the latest request first.
"""

from __future__ import annotations

import contextlib
import io
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass

from PIL import Image

from ..contract import CLASSIC, Box
from ..errors import ExquisiteError
from ..pipeline.store import Store
from ..pipeline.store.pieces import Piece
from .cache import LruCache
from .strips import StripIndex

__all__ = ["LEVELS", "TILE_PX", "Tile", "TileMaker"]

TILE_PX = CLASSIC.tile_px // 2
"""Edge of a tile in pixels."""

LEVELS = 24
"""Number of levels; at the highest, one tile covers 2^32 px."""

_BUDGET_S = 0.015  # decoding one more strip and encoding the tile follow: about 50 ms in all
_QUALITY = 92
_BLANK = (128, 128, 128)
_DECODED_BYTES = 12_000_000
_REDUCED_BYTES = 32_000_000
_TILE_BYTES = 16_000_000
_OBJECT_BYTES = 500  # memory of a small Pillow image beside its pixels
_SMALL_LEVEL = 5  # every decoded strip is cached at this level: 768 bytes for a strip of the classic contract
_MAX_WAITING = 4096  # requests that the background thread queues


@dataclass(frozen=True)
class Tile:
    """A JPEG of TILE_PX by TILE_PX pixels, and whether it shows every strip."""

    data: bytes
    complete: bool


@dataclass(frozen=True)
class _Request:
    piece: Piece
    level: int


@dataclass(frozen=True)
class _Unread:
    head: int
    box: Box


class TileMaker:
    """Makes the tiles of one session, with memory and time independent of the canvas's length."""

    def __init__(self, store: Store, index: StripIndex) -> None:
        self._store = store
        self._index = index
        self._decoded: LruCache[Image.Image] = LruCache(_DECODED_BYTES)
        self._reduced: LruCache[Image.Image] = LruCache(_REDUCED_BYTES)
        self._tiles: LruCache[Tile] = LruCache(_TILE_BYTES)
        self._waiting: OrderedDict[_Request | _Unread, None] = OrderedDict()
        self._changed = threading.Condition()
        self._closed = False
        self._worker: threading.Thread | None = None

    def tile(self, head: int, level: int, x: int, y: int) -> Tile:
        """Tile (x, y) of `level` of the canvas of step `head`.

        Raises:
            SessionDamagedError: a strip cannot be read.
        """
        deadline = time.monotonic() + _BUDGET_S
        edge = TILE_PX << level
        box = Box(x * edge, y * edge, (x + 1) * edge, (y + 1) * edge)
        strips, complete = self._index.within(head, box, deadline)
        key = (level, x, y, complete, tuple((strip.piece.sha256, strip.piece.origin) for strip in strips))
        tile = self._tiles.get(key)
        if tile is not None:
            return tile
        if not complete:
            self._ask(_Unread(head, box))
        image = Image.new("RGB", (TILE_PX, TILE_PX), _BLANK)
        for strip in reversed(strips):  # newer strips cover older ones
            request = _Request(strip.piece, level)
            part = self._part(request) or (self._make(request) if time.monotonic() < deadline else None)
            if part is None:
                self._ask(request)
                complete = False
            else:
                left, top, _, _ = _reduced_box(strip.piece.box, level)
                image.paste(part, (left - x * TILE_PX, top - y * TILE_PX))
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=_QUALITY, subsampling=0)
        tile = Tile(buffer.getvalue(), complete)
        if complete:
            self._tiles.put(key, tile, len(tile.data) + _OBJECT_BYTES)
        return tile

    def close(self) -> None:
        """End the background thread."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        if self._worker is not None:
            self._worker.join()

    # Strips at a level

    def _part(self, request: _Request) -> Image.Image | None:
        """The strip at a level from the cache, if need be reduced from its small copy; None when neither is cached."""
        if request.level == 0:
            return self._decoded.get(request.piece.sha256)
        part = self._reduced.get(request)
        if part is None and request.level > _SMALL_LEVEL:
            small = self._reduced.get(_Request(request.piece, _SMALL_LEVEL))
            part = None if small is None else self._reduce(small, request)
        return part

    def _make(self, request: _Request) -> Image.Image:
        """Decode the strip, and cache it at the requested level and at the small one."""
        strip = self._decoded.get(request.piece.sha256)
        if strip is None:
            strip = self._store.read_strip(request.piece)
            if request.level < 2:
                self._decoded.put(request.piece.sha256, strip, 4 * strip.width * strip.height)
        if request.level == 0:
            return strip
        if request.level < _SMALL_LEVEL:
            self._reduce(strip, _Request(request.piece, _SMALL_LEVEL))
        return self._reduce(strip, request)

    def _reduce(self, strip: Image.Image, request: _Request) -> Image.Image:
        part = strip.resize(_reduced_box(request.piece.box, request.level).size, Image.Resampling.BOX)
        self._reduced.put(request, part, 4 * part.width * part.height + _OBJECT_BYTES)
        return part

    # The background thread

    def _ask(self, request: _Request | _Unread) -> None:
        with self._changed:
            self._waiting[request] = None
            self._waiting.move_to_end(request)
            while len(self._waiting) > _MAX_WAITING:
                self._waiting.popitem(last=False)
            if self._worker is None:
                self._worker = threading.Thread(target=self._work, daemon=True)
                self._worker.start()
            self._changed.notify()

    def _work(self) -> None:
        while True:
            with self._changed:
                while not self._waiting and not self._closed:
                    self._changed.wait()
                if self._closed:
                    return
                request, _ = self._waiting.popitem()
            with contextlib.suppress(ExquisiteError):  # the next request for the tile raises it
                if isinstance(request, _Unread):
                    self._read(request)
                else:
                    self._make(request)

    def _read(self, request: _Unread) -> None:
        """Read the records of the strips in a box in short portions, so that other threads get the lock."""
        complete = False
        while not complete and not self._closed:
            _, complete = self._index.within(request.head, request.box, time.monotonic() + _BUDGET_S)


def _reduced_box(box: Box, level: int) -> Box:
    """The box of a strip at a level. Edges are rounded, so that neighbours meet; width and height are at least 1."""
    edges = [round(edge / (1 << level)) for edge in box]
    return Box(edges[0], edges[1], max(edges[2], edges[0] + 1), max(edges[3], edges[1] + 1))
