"""The pixels that an export writes: the canvas or a part of it, optionally scaled, as blocks along the growing axis.

Blocks are canonical: the canvas grows to the right, and each block has its full breadth. A block needs only a few
strips, so that memory does not depend on the length of the canvas.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cached_property

from PIL import Image

from ...contract import Box, Mode, from_canonical, to_canonical
from ...errors import UsageError
from ..store import Store
from ..store.pieces import Piece, is_closed
from .ahead import ahead

__all__ = ["CanvasView", "PixelRun", "exported_size"]

_SUPPORT = 3  # support of LANCZOS in output pixels on either side (Pillow, Concepts: filters)
_BLOCK_PX = 400  # length of a scaled block; two strips of the usual contracts


def exported_size(part: tuple[int, int, int, int], scale: float) -> tuple[int, int]:
    """(width, height) in pixels of the half-open box `part` times `scale`, each at least 1."""
    left, top, right, bottom = part
    return max(1, round((right - left) * scale)), max(1, round((bottom - top) * scale))


class PixelRun:
    """A buffer of pixels along x: added at the right, dropped at the left; `breadth` is the height in pixels."""

    def __init__(self, breadth: int) -> None:
        self.breadth = breadth
        self.stop = 0
        self._parts: list[tuple[int, Image.Image]] = []

    def append(self, part: Image.Image) -> None:
        """Add pixels at the right."""
        self._parts.append((self.stop, part))
        self.stop += part.width

    def crop(self, left: int, right: int) -> Image.Image:
        """The pixels from x = left to right (half-open), which must be in the buffer."""
        out = Image.new("RGB", (right - left, self.breadth))
        for start, part in self._parts:
            if start < right and start + part.width > left:
                out.paste(part, (start - left, 0))
        return out

    def drop(self, before: int) -> None:
        """Drop parts that lie left of x = before."""
        self._parts = [(start, part) for start, part in self._parts if start + part.width > before]


class CanvasView:
    """The pixels of the canvas of step `number` that an export writes.

    Args:
        store: the session.
        number: the last step of the canvas.
        crop: the box to export, in pixels from the top left corner of the rolled canvas; None for all of it.
        scale: factor of both sides; any value but 1 resamples with LANCZOS.
        roll: pixels by which a closed loop is shifted to the right or downwards, with wrap-around.

    Raises:
        UsageError: `crop` is empty or exceeds the canvas, `scale` leaves no pixel, or `roll` is used without a loop.
    """

    def __init__(self, store: Store, number: int, crop: Box | None = None, scale: float = 1.0, roll: int = 0) -> None:
        canvas = store.canvas_box(number)
        self._store = store
        self._pieces = sorted((piece for _, piece in store.pieces(number)), key=lambda piece: piece.origin)
        across = any(piece.size[0] != canvas.size[0] for piece in self._pieces)
        self.mode = Mode.X_LTR if across else Mode.Y_TTB
        whole = Box(0, 0, *canvas.size)
        part = crop or whole
        if not (0 <= part.left < part.right <= whole.right and 0 <= part.top < part.bottom <= whole.bottom):
            raise UsageError(
                f"the crop {','.join(map(str, part))} is not inside a canvas of {whole.right}x{whole.bottom}: "
                f"give LEFT,TOP,RIGHT,BOTTOM in pixels from its top left corner"
            )
        if not (scale > 0 and math.isfinite(scale)):
            raise UsageError(f"scale must be a factor above 0, not {scale!r}")
        if roll and not is_closed(store.steps.record(number)):
            raise UsageError("only a closed loop can be rolled: `step --close` makes one")
        self._size = part.size
        self._parts = tuple(
            Box(one.left + canvas.left, one.top + canvas.top, one.right + canvas.left, one.bottom + canvas.top)
            for one in _unrolled(part, whole, roll, self.mode)
        )
        self.size = exported_size(part, scale)
        """(width, height) of the exported picture in pixels."""

    @property
    def length(self) -> int:
        """Pixels along the growing axis."""
        return self._along(self.size)

    @property
    def breadth(self) -> int:
        """Pixels across the growing axis."""
        return self._across(self.size)

    @cached_property
    def likely_bytes(self) -> int:
        """An estimate of the size of a PNG of this view in bytes, from the sizes of the strips' files."""
        files = {piece.sha256: self._store.strip_path(piece.sha256) for piece in self._pieces}
        sizes = {digest: path.stat().st_size for digest, path in files.items() if path.is_file()}
        stored = sum(sizes.get(piece.sha256, 0) for piece in self._pieces)
        pixels = sum(piece.size[0] * piece.size[1] for piece in self._pieces)
        return round(1.5 * stored * self.size[0] * self.size[1] / pixels)

    def own(self, block: Image.Image) -> Image.Image:
        """Convert a canonical picture to the canvas's own orientation."""
        return from_canonical(block, self.mode)

    def blocks(self) -> Iterator[Image.Image]:
        """The view as RGB pictures, first to last along the axis, canonical, each `breadth` high."""
        return self._own_size() if self.size == self._size else self._scaled()

    def _own_size(self) -> Iterator[Image.Image]:
        visible = (
            (piece, part)
            for part in self._parts
            for piece in self._pieces
            if self._along(piece.box[:2]) < self._along(part[2:]) and self._along(piece.box[2:]) > self._along(part[:2])
        )
        return ahead(self._read, visible)

    def _read(self, pair: tuple[Piece, Box]) -> Image.Image:
        """The part of a strip that lies in a part of the view."""
        piece, part = pair
        box = piece.box
        left, top = max(box.left, part.left), max(box.top, part.top)
        right, bottom = min(box.right, part.right), min(box.bottom, part.bottom)
        strip = self._store.read_strip(piece)
        if (left, top, right, bottom) != box:
            strip = strip.crop((left - box.left, top - box.top, right - box.left, bottom - box.top))
        return to_canonical(strip, self.mode)

    def _scaled(self) -> Iterator[Image.Image]:
        """Scaled blocks, equal to those of the whole view resized at once: each includes the filter's support."""
        length, breadth = self._along(self._size), self._across(self._size)
        step = length / self.length
        reach = math.ceil(_SUPPORT * max(1.0, step)) + 1
        pixels = PixelRun(breadth)
        source = self._own_size()
        for start in range(0, self.length, _BLOCK_PX):
            stop = min(start + _BLOCK_PX, self.length)
            left, right = max(0, math.floor(start * step) - reach), min(length, math.ceil(stop * step) + reach)
            while pixels.stop < right:
                pixels.append(next(source))
            pixels.drop(left)
            window = pixels.crop(left, right)
            box = (start * step - left, 0.0, min(stop * step - left, float(window.width)), float(breadth))
            yield window.resize((stop - start, self.breadth), Image.Resampling.LANCZOS, box=box)

    def _along(self, pair: tuple[int, ...]) -> int:
        return pair[0] if self.mode is Mode.X_LTR else pair[1]

    def _across(self, pair: tuple[int, ...]) -> int:
        return pair[1] if self.mode is Mode.X_LTR else pair[0]


def _unrolled(part: Box, whole: Box, roll: int, mode: Mode) -> Iterator[Box]:
    """The boxes of the unrolled canvas that show a part of the rolled one: one, or two beside the junction.

    Args:
        part: the box in pixels from the top left corner of the rolled canvas.
        whole: the box of the canvas from its own corner.
        roll: pixels by which the canvas is rolled along the axis of `mode`.
    """
    axis = 0 if mode is Mode.X_LTR else 1
    length, size = whole[axis + 2], part.size[axis]
    start = (part[axis] - roll) % length
    for first, last in ((start, min(start + size, length)), (0, start + size - length)):
        if last > first:
            edges = list(part)
            edges[axis], edges[axis + 2] = first, last
            yield Box(*edges)
