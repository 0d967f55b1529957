"""The strict decoder of answers: a PNG of exactly the contract's size, RGB or opaque RGBA, and nothing else.

Pillow sees only what was verified before: the chunks are walked here, every CRC and the inflated size are
checked, and the picture is opened from its critical chunks alone. So compressed text, profiles, provenance
and whatever else a file may carry cannot reach a decoder, and nothing has to be limited globally.

PNG specification: W3C, Portable Network Graphics (third edition), chapters 5, 8 and 11.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator

from PIL import Image

from ..contract import CLASSIC, Mode, TileContract
from ..errors import AnswerError

__all__ = ["PNG_SIGNATURE", "decode_tile", "png_bytes_max"]

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
"""The first eight bytes of every PNG (chapter 5.2)."""

MAX_CHUNKS = 1 << 16
"""More chunks than any encoder writes for one tile."""

_KNOWN_CRITICAL = {b"IHDR", b"PLTE", b"IDAT", b"IEND"}
_COLOUR = {0: "grey", 2: "RGB", 3: "palette", 4: "grey with alpha", 6: "RGBA"}  # chapter 11.2.1
_SAMPLES = {2: 3, 6: 4}  # samples a pixel of the two colour types that are accepted
# Adam7 (chapter 8.1): first column, first row, column step, row step of each pass.
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
_PIECE = 1 << 16  # bytes inflated at a time


def png_bytes_max(contract: TileContract = CLASSIC) -> int:
    """The largest PNG accepted for one tile, in bytes: twice its raw RGBA pixels, and 1 MiB for other chunks."""
    return 2 * 4 * contract.tile_area + (1 << 20)


def decode_tile(data: bytes, contract: TileContract = CLASSIC, mode: Mode | str = Mode.X_LTR) -> Image.Image:
    """The tile in `data` for growth in `mode`: RGB; alpha is dropped where every pixel is opaque.

    Accepted is a PNG of the contract's `tile_size(mode)` with 8 bits a sample, RGB or opaque RGBA, interlaced or not.
    Bytes after its end are ignored; colour profiles and all other ancillary chunks are, too.

    Raises:
        AnswerError: anything else, saying what was found. No other exception leaves this function.
    """
    if len(data) > (limit := png_bytes_max(contract)):
        raise AnswerError(f"the picture has {len(data)} bytes; more than {limit} is refused before decoding")
    if not data.startswith(PNG_SIGNATURE):
        raise AnswerError(f"the picture is no PNG: {_what(data)}; the request must ask for output_format=png")
    try:
        return _opaque(_open(_verified(data, contract.tile_size(mode))))
    except AnswerError:
        raise
    except Exception as error:  # a decoder may raise anything; the caller gets one kind
        raise AnswerError(f"the PNG cannot be decoded: {error or type(error).__name__}") from error


def _verified(data: bytes, size: tuple[int, int]) -> bytes:
    """A PNG of the critical chunks of `data` (and tRNS), after every check that needs no pixels."""
    kept: list[bytes | memoryview] = [PNG_SIGNATURE]
    idat: list[memoryview] = []
    inflated_size = 0
    previous = b""
    for kind, content, whole in _chunks(data):
        if not previous:
            inflated_size = _check_header(kind, content, size)
        elif kind == b"IHDR":
            raise AnswerError("the PNG has a second IHDR chunk")
        elif kind == b"acTL":
            raise AnswerError("the PNG is an animation; a tile is one picture")
        elif kind == b"IDAT":
            if idat and previous != b"IDAT":
                raise AnswerError("the PNG has other chunks between its IDAT chunks")
            idat.append(content)
        elif kind[0:1].isupper() and kind not in _KNOWN_CRITICAL:
            raise AnswerError(f"the PNG needs a chunk that no decoder here knows: {kind!r}")
        if kind in (b"IHDR", b"tRNS", b"IDAT", b"IEND"):
            kept.append(whole)
        previous = kind
    _check_inflated(idat, inflated_size)
    return b"".join(kept)


def _chunks(data: bytes) -> Iterator[tuple[bytes, memoryview, memoryview]]:
    """(type, content, whole chunk) of each chunk up to IEND, CRC checked."""
    view = memoryview(data)
    position = len(PNG_SIGNATURE)
    for _ in range(MAX_CHUNKS):
        if position + 8 > len(view):
            raise AnswerError(f"the PNG ends at byte {len(view)}, before its IEND chunk: it was cut short")
        length, kind = struct.unpack_from(">I4s", view, position)
        end = position + 8 + length + 4
        if not kind.isalpha():
            raise AnswerError(f"the PNG has no chunk at byte {position}")
        if end > len(view):
            raise AnswerError(f"the PNG ends at byte {len(view)}, inside its {kind.decode()} chunk: it was cut short")
        (crc,) = struct.unpack_from(">I", view, end - 4)
        if zlib.crc32(view[position + 4 : end - 4]) != crc:
            raise AnswerError(f"the PNG is damaged: wrong CRC in its {kind.decode()} chunk at byte {position}")
        yield kind, view[position + 8 : end - 4], view[position:end]
        if kind == b"IEND":
            return
        position = end
    raise AnswerError(f"the PNG has more than {MAX_CHUNKS} chunks")


def _check_header(kind: bytes, content: memoryview, size: tuple[int, int]) -> int:
    """Check IHDR against a tile's `size` (width, height); return how many bytes its IDAT chunks must inflate to."""
    if kind != b"IHDR" or len(content) != 13:
        raise AnswerError("the PNG does not begin with an IHDR chunk of 13 bytes")
    *found, depth, colour, compression, filtering, interlace = struct.unpack(">IIBBBBB", content)
    width, height = size
    if tuple(found) != size:
        raise AnswerError(
            f"the picture is {found[0]}x{found[1]}, the contract says {width}x{height}; "
            f"nothing is scaled, because that would change line widths: use a model that keeps the size"
        )
    if depth != 8 or colour not in _SAMPLES:
        name = _COLOUR.get(colour, f"colour type {colour}")
        raise AnswerError(f"the picture is {name} with {depth} bits a sample; only RGB or opaque RGBA with 8 is taken")
    if compression or filtering or interlace > 1:
        raise AnswerError(f"the PNG uses an unknown method: {compression=}, {filtering=}, {interlace=}")
    samples = _SAMPLES[colour]
    if not interlace:
        return height * (1 + width * samples)
    inflated = 0
    for column, row, column_step, row_step in _ADAM7:
        columns = len(range(column, width, column_step))
        rows = len(range(row, height, row_step))
        inflated += rows * (1 + columns * samples) if columns else 0
    return inflated


def _check_inflated(idat: list[memoryview], expected: int) -> None:
    """Inflate the IDAT stream piece by piece, keeping nothing: exactly `expected` bytes, whole and checksummed."""
    inflate = zlib.decompressobj()
    size = 0
    for part in idat:
        for start in range(0, len(part), _PIECE):
            pending: bytes | memoryview = part[start : start + _PIECE]
            while pending and not inflate.eof:
                size += len(inflate.decompress(pending, _PIECE))
                pending = inflate.unconsumed_tail
                if size > expected:
                    raise AnswerError(f"the PNG inflates to more than the {expected} bytes that its size needs")
    size += len(inflate.flush())  # at most one match is still held back, because all input was consumed
    if size != expected or not inflate.eof:
        raise AnswerError(f"the PNG inflates to {size} of {expected} bytes of pixels, or lacks its checksum")


def _open(png: bytes) -> Image.Image:
    with Image.open(io.BytesIO(png), formats=("PNG",)) as image:
        image.load()
        return image.convert("RGBA") if "transparency" in image.info else image.copy()


def _opaque(image: Image.Image) -> Image.Image:
    if image.mode == "RGBA":
        low, high = image.getchannel("A").getextrema()
        if high == 0:
            raise AnswerError("the picture is transparent everywhere")
        if low != 255:
            raise AnswerError("the picture has transparent pixels; the request must ask for background=opaque")
    tile = image.convert("RGB")
    tile.info.clear()
    return tile


def _what(data: bytes) -> str:
    """What `data` begins with, in words."""
    start = bytes(data[:12])
    if not start:
        return "it is empty"
    for signature, name in ((b"\xff\xd8\xff", "JPEG"), (b"GIF8", "GIF"), (b"RIFF", "WebP"), (b"<", "HTML or SVG")):
        if start.startswith(signature):
            return f"it looks like {name}"
    return f"it begins with {start!r}"
