"""The whole canvas as one PNG, however long it is, a few megabytes of it in memory at a time.

A canvas that grows downwards or upwards is written strip after strip. One that grows sideways has rows that
cross all strips: their filtered rows go to a scratch file beside the target first, a section of the canvas at
a time, and are read back row by row across the sections.

PNG specification: W3C, Portable Network Graphics (third edition), chapters 5, 9, 10 and 11. Every row has the
filter Up (chapter 9.2: the difference to the row above, modulo 2^8), which Pillow computes for many rows at once.
"""

from __future__ import annotations

import contextlib
import os
import struct
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import IO, TypeVar

from PIL import Image, ImageChops

from ...errors import StorageError, UsageError
from ...files import Files, storage_error
from ..store import Store
from ..store.pieces import Piece

__all__ = ["export_png"]

SECTION_BYTES = 1 << 23
"""Raw pixels that are worked on at a time."""

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_UP = b"\x02"
_SAMPLES = 3  # RGB
_SIDE_MAX = 2**31 - 1  # chapter 11.2.1
_CHUNK_BYTES = 1 << 20
_SAMPLE_BYTES = 1 << 16  # of each chunk, by which the strategy for it is chosen
_LEVEL = 1  # of zlib; higher ones take several times as long and save a few per cent
_STRATEGIES = (zlib.Z_DEFAULT_STRATEGY, zlib.Z_RLE)
_WORKERS = min(4, os.cpu_count() or 1)  # with more of them the thread that filters the rows is what is waited for
_ZLIB_HEADER = b"\x78\x01"  # RFC 1950: deflate, 32 KiB window, fastest
_LAST_BLOCK = b"\x03\x00"  # RFC 1951: an empty final block

Progress = Callable[[str, float], None]
"""Is told (what happens, the fraction that is done, 0 to 1)."""


def export_png(store: Store, number: int, path: Path, progress: Progress | None = None) -> Path:
    """Write the canvas of step `number` to `path` as one RGB PNG, and return `path`.

    The target appears whole or not at all; drafts beside it are removed whatever happens.

    Raises:
        UsageError: `path` is no .png.
        StorageError: too little space, or the disk refused.
        SessionDamagedError: a strip cannot be read.
    """
    if path.suffix.lower() != ".png":
        raise UsageError(f"cannot export to {path}: the canvas is written as PNG, so use a name that ends in .png")
    if path.is_dir():
        raise UsageError(f"cannot export to {path}: it is a folder; add a file name that ends in .png")
    if not path.parent.is_dir():
        raise UsageError(f"cannot export to {path}: the folder {path.parent} does not exist; make it first")
    return _Export(store, number, path, progress or (lambda _message, _fraction: None)).run()


class _Export:
    """One export: the pieces in their order, the drafts, and the way between them."""

    def __init__(self, store: Store, number: int, path: Path, progress: Progress) -> None:
        canvas = store.canvas_box(number)
        self._store = store
        self._files: Files = store.files
        self._path = path
        self._draft = path.with_name(f".{path.name}.part")
        self._scratch = path.with_name(f".{path.name}.rows")
        self._progress = progress
        self._size = canvas.size
        self._pieces = sorted((piece for _, piece in store.pieces(number)), key=lambda piece: piece.origin)
        self._across = any(piece.size[0] != canvas.size[0] for piece in self._pieces)  # rows cross the strips
        if max(self._size) > _SIDE_MAX:
            raise UsageError(f"a canvas of {self._size[0]}x{self._size[1]} is larger than any PNG can be")

    def run(self) -> Path:
        self._require_space()
        with contextlib.ExitStack() as leaving:
            leaving.callback(self._files.lock(self._draft).release)
            leaving.callback(self._remove, self._draft)
            leaving.callback(self._remove, self._scratch)
            self._write_png(self._blocks_across() if self._across else self._blocks_down())
            self._files.unlink(self._scratch)  # before the target is there: a scratch file that stays is no success
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
        """Refuse before anything is written: the strips' own files tell how large the PNG will be, about."""
        files = {piece.sha256: self._store.strip_path(piece.sha256) for piece in self._pieces}
        sizes = {digest: path.stat().st_size for digest, path in files.items() if path.is_file()}
        png = min(self._raw_bytes, 3 * sum(sizes.get(piece.sha256, 0) for piece in self._pieces) // 2)
        needed = png + (self._raw_bytes if self._across else 0)
        free = self._files.free_space(self._path.parent)
        if free < needed:
            scratch = " (most of it for a scratch file beside the target)" if self._across else ""
            raise StorageError(
                f"cannot export to {self._path}: about {_megabytes(needed)} are needed{scratch}, {_megabytes(free)} "
                f"are free: free some space, or choose a target on another disk"
            )

    # Filtered rows, top to bottom, a block at a time

    def _blocks_down(self) -> Iterator[bytes]:
        """A strip after the other: the canvas grows downwards or upwards."""
        last_row: Image.Image | None = None
        for count, strip in enumerate(_ahead(self._store.read_strip, self._pieces)):
            for top in range(0, strip.height, self._block_rows):
                block = strip.crop((0, top, strip.width, min(top + self._block_rows, strip.height)))
                pixels = _filter_up(block, last_row).tobytes()
                last_row = block.crop((0, block.height - 1, block.width, block.height))
                stride = block.width * _SAMPLES
                yield b"".join(_UP + pixels[at : at + stride] for at in range(0, len(pixels), stride))
            self._progress("writing", (count + 1) / len(self._pieces))

    def _blocks_across(self) -> Iterator[bytes]:
        """Rows that cross all strips, through the scratch file."""
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
        """Fill the scratch file with one section after the other; returns (offset, stride) of each, in bytes."""
        self._progress(f"scratch file {self._scratch} of {_megabytes(self._raw_bytes)}, removed at the end", 0.0)
        sections, offset, done = [], 0, 0
        strips = _ahead(self._store.read_strip, self._pieces)
        handle = self._files.open(self._scratch)
        try:
            for pieces in self._sections():
                width = sum(piece.size[0] for piece in pieces)
                section = Image.new("RGB", (width, self._size[1]))
                for piece in pieces:
                    section.paste(next(strips), (piece.origin[0] - pieces[0].origin[0], 0))
                pixels = _filter_up(section, None).tobytes()
                self._files.write(handle, pixels)
                sections.append((offset, width * _SAMPLES))
                offset += len(pixels)
                done += len(pieces)
                self._progress("reading strips", 0.5 * done / len(self._pieces))
        finally:
            self._files.close(handle)
        return sections

    def _sections(self) -> Iterator[list[Piece]]:
        """The pieces in runs of about SECTION_BYTES."""
        run: list[Piece] = []
        held = 0
        for piece in self._pieces:
            size = piece.size[0] * self._size[1] * _SAMPLES
            if run and held + size > SECTION_BYTES:
                yield run
                run, held = [], 0
            run.append(piece)
            held += size
        yield run

    @property
    def _block_rows(self) -> int:
        return max(1, SECTION_BYTES // (self._size[0] * _SAMPLES))

    # The file

    def _write_png(self, blocks: Iterator[bytes]) -> None:
        handle = self._files.open(self._draft)
        try:
            header = struct.pack(">IIBBBBB", *self._size, 8, 2, 0, 0, 0)  # chapter 11.2.1: 8 bits, RGB, not interlaced
            self._files.write(handle, _SIGNATURE + _chunk(b"IHDR", header))
            for data in _deflated(blocks):
                self._files.write(handle, _chunk(b"IDAT", data))
            self._files.write(handle, _chunk(b"IEND", b""))
            self._files.sync(handle)
        finally:
            self._files.close(handle)


_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def _ahead(work: Callable[[_Item], _Result], items: Iterable[_Item]) -> Iterator[_Result]:
    """`work` of each item, in order, done by threads that are a few items ahead of whoever takes the results."""
    waiting: deque[Future[_Result]] = deque()
    with ThreadPoolExecutor(_WORKERS) as pool:
        for item in items:
            waiting.append(pool.submit(work, item))
            if len(waiting) > 2 * _WORKERS:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _deflated(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """`blocks` as one zlib stream (RFC 1950), in pieces, each compressed for itself."""
    checksum = zlib.adler32(b"")

    def chunks() -> Iterator[bytes]:
        nonlocal checksum
        for block in blocks:
            checksum = zlib.adler32(block, checksum)
            yield from (block[at : at + _CHUNK_BYTES] for at in range(0, len(block), _CHUNK_BYTES))

    yield _ZLIB_HEADER
    yield from _ahead(_deflate, chunks())
    yield _LAST_BLOCK + struct.pack(">I", checksum)


def _deflate(data: bytes) -> bytes:
    """`data` as deflate blocks (RFC 1951) that end on a byte and refer to nothing before them.

    Film grain and noise come out smaller, in less time, when only runs of one byte are looked for; a sample
    from the middle tells.
    """
    middle = len(data) // 2
    sample = data[middle : middle + _SAMPLE_BYTES]
    return _blocks(data, min(_STRATEGIES, key=lambda strategy: len(_blocks(sample, strategy))))


def _blocks(data: bytes, strategy: int) -> bytes:
    deflate = zlib.compressobj(_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS, zlib.DEF_MEM_LEVEL, strategy)
    return deflate.compress(data) + deflate.flush(zlib.Z_FULL_FLUSH)


def _filter_up(block: Image.Image, above: Image.Image | None) -> Image.Image:
    """`block` minus itself moved down by one row, modulo 2^8; `above` is the row over it, None for zeros."""
    shifted = Image.new("RGB", block.size)
    shifted.paste(block.crop((0, 0, block.width, block.height - 1)), (0, 1))
    if above is not None:
        shifted.paste(above, (0, 0))
    return ImageChops.subtract_modulo(block, shifted)


def _joined(scratch: IO[bytes], sections: list[tuple[int, int]], top: int, rows: int) -> bytes:
    """Rows [top, top + rows) of all sections, each row after its filter byte."""
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


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.0f} MB"
