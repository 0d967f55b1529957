"""An encoder and a decoder of PNG in plain Python, as a reference independent of Pillow.

W3C, Portable Network Graphics (third edition), chapters 7 (packing), 8 (interlacing), 9 (filters) and 11 (chunks).
Slow and plain: for pictures of a few hundred pixels.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

__all__ = ["CHANNELS", "Samples", "chunk", "decode", "encode"]

CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""Samples a pixel, by colour type."""

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))

Pixel = tuple[int, ...]


@dataclass
class Samples:
    """A picture as its file holds it.

    Attributes:
        size: (width, height).
        depth, colour_type: as in IHDR.
        rows: rows of pixels, each a tuple of samples.
        chunks: content of the ancillary chunks and of PLTE, by type.
    """

    size: tuple[int, int]
    depth: int
    colour_type: int
    rows: Sequence[Sequence[Pixel]]
    chunks: dict[bytes, bytes] = field(default_factory=dict)


def chunk(kind: bytes, content: bytes) -> bytes:
    """One chunk with its CRC."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def encode(picture: Samples, *, interlaced: bool = False, filters: Sequence[int] = (0, 1, 2, 3, 4)) -> bytes:
    """The picture as PNG; the rows take the `filters` in turn."""
    stream = bytearray()
    for columns, rows in _passes(picture.size, interlaced):
        above = b""
        for number, y in enumerate(rows):
            packed = _packed([picture.rows[y][x] for x in columns], picture.depth)
            kind = filters[number % len(filters)]
            stream += bytes((kind,)) + _filtered(kind, packed, above or bytes(len(packed)), _distance(picture))
            above = packed
    header = struct.pack(">IIBBBBB", *picture.size, picture.depth, picture.colour_type, 0, 0, interlaced)
    before = [name for name in picture.chunks if name != b"tRNS"]  # tRNS must follow PLTE
    chunks = [chunk(name, picture.chunks[name]) for name in (*before, *(picture.chunks.keys() & {b"tRNS"}))]
    data = chunk(b"IDAT", zlib.compress(bytes(stream)))
    return b"".join((_SIGNATURE, chunk(b"IHDR", header), *chunks, data, chunk(b"IEND", b"")))


def decode(data: bytes) -> Samples:
    """The samples of a PNG without damage."""
    position, stream, chunks, header = len(_SIGNATURE), b"", dict[bytes, bytes](), b""
    while position < len(data):
        (length,) = struct.unpack_from(">I", data, position)
        kind, content = data[position + 4 : position + 8], data[position + 8 : position + 8 + length]
        if kind == b"IHDR":
            header = content
        elif kind == b"IDAT":
            stream += content
        elif kind != b"IEND":
            chunks.setdefault(kind, content)
        position += 12 + length
    width, height, depth, colour_type, _, _, interlaced = struct.unpack(">IIBBBBB", header)
    places: list[list[Pixel]] = [[()] * width for _ in range(height)]
    picture = Samples((width, height), depth, colour_type, places, chunks)
    raw, at = zlib.decompress(stream), 0
    for columns, rows in _passes(picture.size, bool(interlaced)):
        count = (len(columns) * CHANNELS[colour_type] * depth + 7) // 8
        above = bytes(count)
        for y in rows:
            above = _unfiltered(raw[at], raw[at + 1 : at + 1 + count], above, _distance(picture))
            at += 1 + count
            for x, pixel in zip(columns, _unpack(above, len(columns), picture), strict=True):
                places[y][x] = pixel
    return picture


def _passes(size: tuple[int, int], interlaced: bool) -> Iterator[tuple[range, range]]:
    """(columns, rows) of each pass that has pixels."""
    for left, top, across, down in _PASSES if interlaced else ((0, 0, 1, 1),):
        columns, rows = range(left, size[0], across), range(top, size[1], down)
        if columns and rows:
            yield columns, rows


def _distance(picture: Samples) -> int:
    """The distance in bytes to the byte that the PNG specification names `a`."""
    return max(1, CHANNELS[picture.colour_type] * picture.depth // 8)


def _packed(pixels: Sequence[Pixel], depth: int) -> bytes:
    samples = [sample for pixel in pixels for sample in pixel]
    if depth == 16:
        return struct.pack(f">{len(samples)}H", *samples)
    bits = "".join(f"{sample:0{depth}b}" for sample in samples)
    bits += "0" * (-len(bits) % 8)
    return bytes(int(bits[at : at + 8], 2) for at in range(0, len(bits), 8))


def _unpack(row: bytes, count: int, picture: Samples) -> list[Pixel]:
    channels, depth = CHANNELS[picture.colour_type], picture.depth
    bits = "".join(f"{byte:08b}" for byte in row)
    samples = [int(bits[at : at + depth], 2) for at in range(0, count * channels * depth, depth)]
    return [tuple(samples[at : at + channels]) for at in range(0, len(samples), channels)]


def _predicted(kind: int, left: int, up: int, corner: int) -> int:
    """The prediction that filter `kind` subtracts."""
    if kind == 4:
        guess = left + up - corner
        return min((left, up, corner), key=lambda value: abs(guess - value))  # ties: left before up before corner
    return (0, left, up, (left + up) // 2)[kind]


def _filtered(kind: int, row: bytes, above: bytes, distance: int) -> bytes:
    left, corner = bytes(distance) + row, bytes(distance) + above
    return bytes((row[i] - _predicted(kind, left[i], above[i], corner[i])) % 256 for i in range(len(row)))


def _unfiltered(kind: int, coded: bytes, above: bytes, distance: int) -> bytes:
    row, corner = bytearray(distance), bytes(distance) + above
    for i, value in enumerate(coded):
        row.append((value + _predicted(kind, row[i], above[i], corner[i])) % 256)
    return bytes(row[distance:])
