"""The chunks of a PNG, walked and checked without decoding a pixel.

PNG specification: W3C, Portable Network Graphics (third edition), chapters 5 (chunks), 8 (interlacing),
10 (compression) and 11 (what each chunk says).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from .errors import PictureError

__all__ = ["PNG_SIGNATURE", "Chunk", "Header", "check_pixel_stream", "walk_chunks"]

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
"""The first eight bytes of every PNG (chapter 5.2)."""

_MAX_CHUNKS = 1 << 16  # more than any encoder writes
_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # of a pixel, by colour type (chapter 11.2.1)
_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
# Adam7 (chapter 8.1): first column, first row, column step, row step of each pass.
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
_ONE_PASS = ((0, 0, 1, 1),)
_PIECE = 1 << 16  # bytes inflated at a time


@dataclass(frozen=True)
class Chunk:
    """One chunk of a PNG.

    Attributes:
        kind: its type, four letters.
        content: what it holds.
        whole: length, type, content and CRC, as they stand in the file.
        position: of its first byte in the file.
    """

    kind: bytes
    content: memoryview
    whole: memoryview
    position: int

    @property
    def is_critical(self) -> bool:
        """Whether a decoder that does not know it must stop (chapter 5.4)."""
        return self.kind[:1].isupper()

    @property
    def is_intact(self) -> bool:
        """Whether its CRC is that of its type and content."""
        return zlib.crc32(self.whole[4:-4]) == int.from_bytes(self.whole[-4:], "big")


@dataclass(frozen=True)
class Header:
    """What IHDR says: width and height in pixels, bits a sample, colour type, and the three methods."""

    width: int
    height: int
    bit_depth: int
    colour_type: int
    compression_method: int
    filter_method: int
    interlace_method: int

    @classmethod
    def from_chunk(cls, chunk: Chunk) -> Header:
        """The header in the first chunk of a file.

        Raises:
            PictureError: it is no IHDR chunk of 13 bytes.
        """
        if chunk.kind != b"IHDR" or len(chunk.content) != 13:
            raise PictureError("the PNG is damaged: it does not begin with an IHDR chunk of 13 bytes")
        return cls(*struct.unpack(">IIBBBBB", chunk.content))

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        return (self.width, self.height)

    @property
    def is_defined(self) -> bool:
        """Whether the specification knows this colour type, depth and methods."""
        methods = (self.compression_method, self.filter_method, self.interlace_method)
        return self.bit_depth in _DEPTHS.get(self.colour_type, ()) and methods in ((0, 0, 0), (0, 0, 1))

    @property
    def stream_bytes(self) -> int:
        """Bytes that the IDAT chunks must inflate to: in each pass every row, with its filter type before it."""
        bits = self.bit_depth * _SAMPLES[self.colour_type]
        size = 0
        for column, row, column_step, row_step in _ADAM7 if self.interlace_method else _ONE_PASS:
            columns = len(range(column, self.width, column_step))
            rows = len(range(row, self.height, row_step))
            size += rows * (1 + (columns * bits + 7) // 8) if columns else 0
        return size


def walk_chunks(data: bytes) -> Iterator[Chunk]:
    """Every chunk of the PNG in `data` up to IEND, in order; bytes after that are no part of it.

    Raises:
        PictureError: no chunk where one must be, a cut end, or too many chunks.
    """
    view = memoryview(data)
    position = len(PNG_SIGNATURE)
    for _ in range(_MAX_CHUNKS):
        if position + 8 > len(view):
            raise PictureError(f"the PNG is damaged: it was cut short at byte {len(view)}, before its IEND chunk")
        length, kind = struct.unpack_from(">I4s", view, position)
        end = position + 8 + length + 4
        if not kind.isalpha():
            raise PictureError(f"the PNG is damaged: it has no chunk at byte {position}")
        if end > len(view):
            name = kind.decode()
            raise PictureError(f"the PNG is damaged: it was cut short at byte {len(view)}, inside its {name} chunk")
        yield Chunk(kind, view[position + 8 : end - 4], view[position:end], position)
        if kind == b"IEND":
            return
        position = end
    raise PictureError(f"the PNG is damaged: it has more than {_MAX_CHUNKS} chunks")


def check_pixel_stream(parts: Iterable[memoryview], expected: int, most: int | None = None) -> None:
    """Inflate the contents of the IDAT chunks piece by piece, keeping nothing, and check length and Adler-32.

    Args:
        parts: the contents, in order.
        expected: bytes that they must inflate to at least.
        most: bytes that they may inflate to; by default no more than expected.

    Raises:
        PictureError: another length, or no checksum (chapter 10.1: a zlib stream ends with its Adler-32).
        zlib.error: the stream is damaged.
    """
    most = expected if most is None else most
    too_long = f"the PNG is damaged: it inflates to more than the {expected} bytes that it needs"
    inflate = zlib.decompressobj()
    size = 0
    for part in parts:
        for start in range(0, len(part), _PIECE):
            pending: bytes | memoryview = part[start : start + _PIECE]
            while pending and not inflate.eof:
                size += len(inflate.decompress(pending, _PIECE))
                pending = inflate.unconsumed_tail
                if size > most:
                    raise PictureError(too_long)
    size += len(inflate.flush())  # at most one match is still held back, because all input was consumed
    if size < expected:
        raise PictureError(f"the PNG is damaged: it inflates to {size} of {expected} bytes of pixels")
    if size > most:
        raise PictureError(too_long)
    if not inflate.eof:
        raise PictureError("the PNG is damaged: it lacks the checksum (Adler-32) of its pixels")
