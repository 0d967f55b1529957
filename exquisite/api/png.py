"""The strict decoder of answers: a PNG of exactly the contract's size, RGB or opaque RGBA; see `lossy` for others.

The decoder first checks every chunk, every CRC and the size of the inflated pixel stream. Pillow then opens a PNG of
the critical chunks (and tRNS) alone. Compressed text, colour profiles and other ancillary chunks never reach a
decoder, so that no global limit has to change.

PNG specification: W3C, Portable Network Graphics (third edition), chapters 5, 8 and 11.
"""

from __future__ import annotations

import io

from PIL import Image

from ..contract import CLASSIC, Mode, TileContract
from ..errors import AnswerError, PictureError
from ..png_chunks import PNG_SIGNATURE, Chunk, Header, check_pixel_stream, walk_chunks
from .lossy import decode_lossy, other_format

__all__ = ["decode_tile", "png_bytes_max"]

_KNOWN_CRITICAL = {b"IHDR", b"PLTE", b"IDAT", b"IEND"}
_COLOUR = {0: "grey", 2: "RGB", 3: "palette", 4: "grey with alpha", 6: "RGBA"}  # chapter 11.2.1
_ACCEPTED_COLOURS = (2, 6)  # RGB and RGBA, as IHDR numbers them


def png_bytes_max(contract: TileContract = CLASSIC) -> int:
    """The largest PNG accepted for one tile, in bytes: twice its raw RGBA pixels (incompressible data
    with headers fits), and 1 MiB for ancillary chunks."""
    return 2 * 4 * contract.tile_area + (1 << 20)


def decode_tile(data: bytes, contract: TileContract = CLASSIC, mode: Mode | str = Mode.X_LTR) -> Image.Image:
    """Decode the tile in `data` for growth in `mode`; RGB, without the alpha of an opaque RGBA.

    Accepted is a PNG of the contract's `tile_size(mode)` with 8 bits a sample, RGB or opaque RGBA, interlaced or not.
    Bytes after its end, colour profiles and all other ancillary chunks are ignored. JPEG and WebP of that size are
    accepted as well; `lossy_format` detects those that lost detail.

    Raises:
        AnswerError: the data is anything else; the message describes it. No other exception leaves this function.
    """
    if len(data) > (limit := png_bytes_max(contract)):
        raise AnswerError(f"the picture has {len(data)} bytes; more than {limit} is refused before decoding")
    if other_format(data):
        return decode_lossy(data, contract.tile_size(mode))
    if not data.startswith(PNG_SIGNATURE):
        raise AnswerError(f"the picture is no PNG: {_what(data)}; the request must ask for output_format=png")
    try:
        return _opaque(_open(_verified(data, contract.tile_size(mode))))
    except AnswerError:
        raise
    except PictureError as error:
        raise AnswerError(str(error)) from error
    except Exception as error:  # a decoder may raise anything; the caller gets one kind
        raise AnswerError(f"the PNG cannot be decoded: {error or type(error).__name__}") from error


def _verified(data: bytes, size: tuple[int, int]) -> bytes:
    """Check `data` as far as possible without decoding; return a PNG of its critical chunks and tRNS."""
    parts: list[bytes | memoryview] = [PNG_SIGNATURE]
    idat: list[memoryview] = []
    header: Header | None = None
    previous = b""
    for chunk in walk_chunks(data):
        if not chunk.is_intact:
            name = chunk.kind.decode()
            raise AnswerError(f"the PNG is damaged: wrong CRC in its {name} chunk at byte {chunk.position}")
        if header is None:
            header = _tile_header(chunk, size)
        elif chunk.kind == b"IHDR":
            raise AnswerError("the PNG has a second IHDR chunk")
        elif chunk.kind == b"acTL":
            raise AnswerError("the PNG is an animation; a tile is one picture")
        elif chunk.kind == b"IDAT":
            if idat and previous != b"IDAT":
                raise AnswerError("the PNG has other chunks between its IDAT chunks")
            idat.append(chunk.content)
        elif chunk.is_critical and chunk.kind not in _KNOWN_CRITICAL:
            raise AnswerError(f"the PNG needs a chunk that no decoder here knows: {chunk.kind!r}")
        if chunk.kind in (b"IHDR", b"tRNS", b"IDAT", b"IEND"):
            parts.append(chunk.whole)
        previous = chunk.kind
    assert header is not None  # the walk raises when the first chunk is missing
    check_pixel_stream(idat, header.stream_bytes)
    return b"".join(parts)


def _tile_header(chunk: Chunk, size: tuple[int, int]) -> Header:
    """Parse IHDR and check it against a tile's `size` (width, height)."""
    header = Header.from_chunk(chunk)
    if header.size != size:
        raise AnswerError(
            f"the picture is {header.width}x{header.height}, the contract says {size[0]}x{size[1]}; "
            f"nothing is scaled, because that would change line widths: use a model that keeps the size"
        )
    depth, colour = header.bit_depth, header.colour_type
    if depth != 8 or colour not in _ACCEPTED_COLOURS:
        name = _COLOUR.get(colour, f"colour type {colour}")
        raise AnswerError(f"the picture is {name} with {depth} bits a sample; only RGB or opaque RGBA with 8 is taken")
    if not header.is_defined:
        raise AnswerError(
            f"the PNG uses an unknown method: compression {header.compression_method}, "
            f"filter {header.filter_method}, interlace {header.interlace_method}"
        )
    return header


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
    """Describe the format of `data` by its first bytes."""
    start = bytes(data[:12])
    if not start:
        return "it is empty"
    for signature, name in ((b"\xff\xd8\xff", "JPEG"), (b"GIF8", "GIF"), (b"RIFF", "WebP"), (b"<", "HTML or SVG")):
        if start.startswith(signature):
            return f"it looks like {name}"
    return f"it begins with {start!r}"
