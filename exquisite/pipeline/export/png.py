"""Exports the canvas as one PNG of any length, with a few megabytes of it in memory at a time.

A canvas that grows downwards or upwards is written strip by strip. In one that grows sideways each row crosses all
strips: the filtered rows first go to a scratch file beside the target, section by section, and are then read back row
by row across the sections.

PNG specification: W3C, Portable Network Graphics (third edition), chapters 5, 9, 10 and 11. Every row has the
filter Up (chapter 9.2: the difference to the row above, modulo 2^8), which Pillow computes for many rows at once.
"""

from __future__ import annotations

import contextlib
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from PIL import Image, ImageChops

from ...contract import Mode
from ...errors import StorageError, UsageError
from ...files import Files, storage_error
from .ahead import ahead
from .view import CanvasView

__all__ = ["SECTION_BYTES", "Progress", "export_png", "megabytes"]

SECTION_BYTES = 1 << 23
"""Bytes of raw pixels in memory at a time."""

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_UP = b"\x02"
_SAMPLES = 3  # RGB
_SIDE_MAX = 2**31 - 1  # chapter 11.2.1
_INCH_M = 0.0254
_CHUNK_BYTES = 1 << 20
_SAMPLE_BYTES = 1 << 16  # bytes of each chunk that are compressed on trial to choose its strategy
_LEVEL = 1  # of zlib; higher levels take several times as long and save a few per cent
_STRATEGIES = (zlib.Z_DEFAULT_STRATEGY, zlib.Z_RLE)
_ZLIB_HEADER = b"\x78\x01"  # RFC 1950: deflate, 32 KiB window, fastest
_LAST_BLOCK = b"\x03\x00"  # RFC 1951: an empty final block

Progress = Callable[[str, float], None]
"""A progress callback: gets the phase and the finished share, 0 to 1."""


def export_png(
    view: CanvasView, path: Path, files: Files, dpi: float | None = None, progress: Progress | None = None
) -> Path:
    """Write `view` to `path` as one RGB PNG, and return `path`.

    The target is replaced atomically; drafts beside it are removed in any case.

    Args:
        view: the pixels to write.
        path: the target; its folder must exist.
        files: the file system.
        dpi: print resolution in pixels an inch, written as the chunk pHYs; None to omit it.
        progress: progress callback.

    Raises:
        UsageError: the canvas is larger than any PNG can be, or `dpi` is invalid.
        StorageError: there is too little space, or the disk fails.
        SessionDamagedError: a strip cannot be read.
    """
    return _Export(view, path, files, dpi, progress or (lambda _message, _fraction: None)).run()


class _Export:
    """One PNG export: writes the rows of the view to a draft and publishes it."""

    def __init__(self, view: CanvasView, path: Path, files: Files, dpi: float | None, progress: Progress) -> None:
        self._view = view
        self._files = files
        self._path = path
        self._draft = path.with_name(f".{path.name}.part")
        self._scratch = path.with_name(f".{path.name}.rows")
        self._per_metre = None if dpi is None else round(dpi / _INCH_M)
        self._progress = progress
        self._size = view.size
        self._across = view.mode is Mode.X_LTR  # rows cross the strips
        if max(self._size) > _SIDE_MAX:
            raise UsageError(f"a canvas of {self._size[0]}x{self._size[1]} is larger than any PNG can be: use a .dzi")
        if self._per_metre is not None and not 1 <= self._per_metre <= _SIDE_MAX:
            raise UsageError(f"dpi must be a number of pixels an inch, such as 300, not {dpi!r}")

    def run(self) -> Path:
        self._require_space()
        with contextlib.ExitStack() as leaving:
            leaving.callback(self._files.lock(self._draft).release)
            leaving.callback(self._remove, self._draft)
            leaving.callback(self._remove, self._scratch)
            self._write_png(self._blocks_across() if self._across else self._blocks_down())
            self._files.unlink(self._scratch)  # before publishing: an export that cannot remove its scratch file fails
            self._files.replace(self._draft, self._path)
            self._files.sync_folder(self._path.parent)
        self._progress(f"wrote {self._path}", 1.0)
        return self._path

    def _remove(self, draft: Path) -> None:
        with contextlib.suppress(StorageError):
            self._files.unlink(draft)

    @property
    def _raw_bytes(self) -> int:
        return self._size[0] * self._size[1] * _SAMPLES

    def _require_space(self) -> None:
        """Refuse before anything is written; the strips' files give an estimate of the PNG's size."""
        png = min(self._raw_bytes, self._view.likely_bytes)
        needed = png + (self._raw_bytes if self._across else 0)
        free = self._files.free_space(self._path.parent)
        if free < needed:
            scratch = " (most of it for a scratch file beside the target)" if self._across else ""
            raise StorageError(
                f"cannot export to {self._path}: about {megabytes(needed)} are needed{scratch}, {megabytes(free)} "
                f"are free: free some space, or choose a target on another disk"
            )

    # Filtered rows, top to bottom, in blocks

    def _blocks_down(self) -> Iterator[bytes]:
        """Blocks of a canvas that grows downwards or upwards: strip by strip."""
        last_row: Image.Image | None = None
        rows = 0
        for strip in map(self._view.own, self._view.blocks()):
            for top in range(0, strip.height, self._block_rows):
                block = strip.crop((0, top, strip.width, min(top + self._block_rows, strip.height)))
                pixels = _filter_up(block, last_row).tobytes()
                last_row = block.crop((0, block.height - 1, block.width, block.height))
                stride = block.width * _SAMPLES
                yield b"".join(_UP + pixels[at : at + stride] for at in range(0, len(pixels), stride))
            rows += strip.height
            self._progress("writing", rows / self._size[1])

    def _blocks_across(self) -> Iterator[bytes]:
        """Blocks of a canvas that grows sideways: rows across all strips, through the scratch file."""
        sections = self._write_scratch()
        try:
            with self._scratch.open("rb", buffering=0) as scratch:
                for top in range(0, self._size[1], self._block_rows):
                    rows = min(self._block_rows, self._size[1] - top)
                    yield _joined(scratch, sections, top, rows)
                    self._progress("writing", 0.5 + 0.5 * (top + rows) / self._size[1])
        except OSError as error:
            raise storage_error(error, "read", self._scratch) from error

    def _write_scratch(self) -> list[tuple[int, int]]:
        """Write the sections to the scratch file; returns the offset and the stride of each in bytes."""
        self._progress(f"scratch file {self._scratch} of {megabytes(self._raw_bytes)}, removed at the end", 0.0)
        sections, offset, rows = [], 0, 0
        handle = self._files.open(self._scratch)
        try:
            for section in self._sections():
                pixels = _filter_up(section, None).tobytes()
                self._files.write(handle, pixels)
                sections.append((offset, section.width * _SAMPLES))
                offset += len(pixels)
                rows += section.width
                self._progress("reading strips", 0.5 * rows / self._size[0])
        finally:
            self._files.close(handle)
        return sections

    def _sections(self) -> Iterator[Image.Image]:
        """The blocks of the view joined to runs of about SECTION_BYTES."""
        run: list[Image.Image] = []
        for block in self._view.blocks():
            run_width = sum(each.width for each in run) + block.width
            if run and run_width * self._size[1] * _SAMPLES > SECTION_BYTES:
                yield _side_by_side(run)
                run = []
            run.append(block)
        yield _side_by_side(run)

    @property
    def _block_rows(self) -> int:
        return max(1, SECTION_BYTES // (self._size[0] * _SAMPLES))

    # The file

    def _write_png(self, blocks: Iterator[bytes]) -> None:
        handle = self._files.open(self._draft)
        try:
            header = struct.pack(">IIBBBBB", *self._size, 8, 2, 0, 0, 0)  # chapter 11.2.1: 8 bits, RGB, not interlaced
            self._files.write(handle, _SIGNATURE + _chunk(b"IHDR", header))
            if self._per_metre is not None:
                density = struct.pack(">IIB", self._per_metre, self._per_metre, 1)  # chapter 11.3.4.3; unit 1: metre
                self._files.write(handle, _chunk(b"pHYs", density))
            for data in _deflated(blocks):
                self._files.write(handle, _chunk(b"IDAT", data))
            self._files.write(handle, _chunk(b"IEND", b""))
            self._files.sync(handle)
        finally:
            self._files.close(handle)


def _side_by_side(blocks: list[Image.Image]) -> Image.Image:
    """Join blocks of equal height from left to right."""
    if len(blocks) == 1:
        return blocks[0]
    joined = Image.new("RGB", (sum(block.width for block in blocks), blocks[0].height))
    left = 0
    for block in blocks:
        joined.paste(block, (left, 0))
        left += block.width
    return joined


def _deflated(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """`blocks` as one zlib stream (RFC 1950), in independently compressed pieces."""
    checksum = zlib.adler32(b"")

    def chunks() -> Iterator[bytes]:
        nonlocal checksum
        for block in blocks:
            checksum = zlib.adler32(block, checksum)
            yield from (block[at : at + _CHUNK_BYTES] for at in range(0, len(block), _CHUNK_BYTES))

    yield _ZLIB_HEADER
    yield from ahead(_deflate, chunks())
    yield _LAST_BLOCK + struct.pack(">I", checksum)


def _deflate(data: bytes) -> bytes:
    """`data` as deflate blocks (RFC 1951) that end on a byte boundary and refer to nothing before them.

    Film grain and noise compress better and faster with run-length encoding only; a sample from the middle decides.
    """
    middle = len(data) // 2
    sample = data[middle : middle + _SAMPLE_BYTES]
    return _blocks(data, min(_STRATEGIES, key=lambda strategy: len(_blocks(sample, strategy))))


def _blocks(data: bytes, strategy: int) -> bytes:
    deflate = zlib.compressobj(_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS, zlib.DEF_MEM_LEVEL, strategy)
    return deflate.compress(data) + deflate.flush(zlib.Z_FULL_FLUSH)


def _filter_up(block: Image.Image, above: Image.Image | None) -> Image.Image:
    """The filter Up: `block` minus itself shifted down by one row, modulo 2^8; `above` is the previous row or None."""
    shifted = Image.new("RGB", block.size)
    shifted.paste(block.crop((0, 0, block.width, block.height - 1)), (0, 1))
    if above is not None:
        shifted.paste(above, (0, 0))
    return ImageChops.subtract_modulo(block, shifted)


def _joined(scratch: IO[bytes], sections: list[tuple[int, int]], top: int, rows: int) -> bytes:
    """Rows [top, top + rows) across all sections, each after its filter byte."""
    parts = []
    for offset, stride in sections:
        scratch.seek(offset + top * stride)
        parts.append(_read_exactly(scratch, rows * stride))
    if rows == 1:
        return _UP + b"".join(parts)
    pairs = list(zip(parts, [stride for _, stride in sections], strict=True))
    lines = ([_UP, *(part[row * stride : (row + 1) * stride] for part, stride in pairs)] for row in range(rows))
    return b"".join(piece for line in lines for piece in line)


def _read_exactly(handle: IO[bytes], size: int) -> bytes:
    data = handle.read(size)
    while len(data) < size:
        more = handle.read(size - len(data))
        if not more:
            raise OSError("the scratch file ends early")
        data += more
    return data


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(data, zlib.crc32(kind)))


def megabytes(size: int) -> str:
    """Format a number of bytes for a message."""
    return f"{size / 1e6:,.0f} MB"
