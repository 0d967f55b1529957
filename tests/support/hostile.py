"""Hostile answers and pictures, generated in code, and mutators of valid ones."""

from __future__ import annotations

import base64
import io
import json
import random
import struct
import zlib
from collections.abc import Iterator
from functools import cache

from PIL import Image

from exquisite.contract import TileContract

from .tiny import png, seed_picture

__all__ = ["good_png", "harmless_pictures", "hostile_answers", "hostile_pictures", "mutated"]

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_BOMB = 1 << 25  # bytes that a bomb inflates to


def good_png(contract: TileContract) -> bytes:
    """A valid tile."""
    return png(seed_picture(contract.tile_px, contract.tile_px))


def chunk(kind: bytes, data: bytes, crc: int | None = None) -> bytes:
    """One PNG chunk; `crc` in place of the right one."""
    right = zlib.crc32(kind + data)
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", right if crc is None else crc)


def header(size: tuple[int, int], depth: int = 8, colour: int = 2, *methods: int) -> bytes:
    """An IHDR chunk; `methods`: compression, filter, interlace."""
    return chunk(b"IHDR", struct.pack(">IIBBBBB", *size, depth, colour, *(methods or (0, 0, 0))))


def chunks(data: bytes) -> list[bytes]:
    """The chunks of a good PNG."""
    parts, at = [], len(_SIGNATURE)
    while at < len(data):
        (length,) = struct.unpack_from(">I", data, at)
        parts.append(data[at : at + 12 + length])
        at += 12 + length
    return parts


def hostile_pictures(contract: TileContract) -> dict[str, bytes]:
    """Fault -> a file that is no tile of `contract`: a damaged PNG, or other content under that name."""
    px = contract.tile_px
    good = good_png(contract)
    first, *middle, last = chunks(good)
    rows = b"".join(b"\0" + bytes(3 * px) for _ in range(px))
    idat = chunk(b"IDAT", zlib.compress(rows))
    zeros = zlib.compress(bytes(_BOMB), 9)
    pictures = {
        "nothing": b"",
        "signature only": _SIGNATURE,
        "half a signature": _SIGNATURE[:4],
        "wrong signature": b"\x88" + good[1:],
        "text mode transfer": good.replace(b"\r\n", b"\n"),
        "no header": _SIGNATURE + b"".join(middle) + last,
        "header twice": _SIGNATURE + first + first + b"".join(middle) + last,
        "header too short": _SIGNATURE + chunk(b"IHDR", b"\0" * 12) + idat + last,
        "header too long": _SIGNATURE + chunk(b"IHDR", first[8:-4] + b"\0") + idat + last,
        "header last": _SIGNATURE + idat + first + last,
        "no pixels": _SIGNATURE + first + last,
        "empty pixels": _SIGNATURE + first + chunk(b"IDAT", b"") + last,
        "no end": _SIGNATURE + first + idat,
        "end first": _SIGNATURE + last + first + idat,
        "zero width": _SIGNATURE + header((0, px)) + idat + last,
        "zero height": _SIGNATURE + header((px, 0)) + idat + last,
        "negative width": _SIGNATURE + header((2**31 + px, px)) + idat + last,
        "four billion square": _SIGNATURE + header((2**32 - 1, 2**32 - 1)) + idat + last,
        "a pixel wider": png(seed_picture(px + 1, px)),
        "a pixel lower": png(seed_picture(px, px - 1)),
        "twice as large": png(seed_picture(2 * px, 2 * px)),
        "one pixel": png(seed_picture(1, 1)),
        "size in the header only": _SIGNATURE + header((px, px)) + chunks(png(seed_picture(px, px // 2)))[1] + last,
        "bomb in the pixels": _SIGNATURE + first + chunk(b"IDAT", zeros) + last,
        "bomb over many chunks": _SIGNATURE + first + _split(zeros) + last,
        "bomb after good pixels": _SIGNATURE + first + chunk(b"IDAT", zlib.compress(rows + bytes(_BOMB), 9)) + last,
        "pixels too few": _SIGNATURE + first + chunk(b"IDAT", zlib.compress(rows[:-1])) + last,
        "pixels too many": _SIGNATURE + first + chunk(b"IDAT", zlib.compress(rows + b"\0")) + last,
        "pixels without checksum": _SIGNATURE + first + chunk(b"IDAT", zlib.compress(rows)[:-4]) + last,
        "pixels with wrong checksum": _SIGNATURE + first + chunk(b"IDAT", zlib.compress(rows)[:-1] + b"!") + last,
        "pixels not compressed": _SIGNATURE + first + chunk(b"IDAT", rows) + last,
        "pixels raw deflate": _SIGNATURE + first + chunk(b"IDAT", zlib.compress(rows)[2:-4]) + last,
        "pixels interrupted": _SIGNATURE + first + _split(zlib.compress(rows), chunk(b"tEXt", b"a\0b")) + last,
        "filter that is none": _SIGNATURE + first + chunk(b"IDAT", zlib.compress(b"\x09" + rows[1:])) + last,
        "unknown critical chunk": _SIGNATURE + first + chunk(b"ABCD", b"") + idat + last,
        "chunk name of control characters": _SIGNATURE + first + chunk(b"\0\1\2\3", b"") + idat + last,
        "chunk of four billion": _SIGNATURE + first + b"\xff\xff\xff\xffIDAT" + idat + last,
        "seventy thousand chunks": _SIGNATURE + first + chunk(b"tEXt", b"") * 70_000 + idat + last,
        "unknown compression": _SIGNATURE + header((px, px), 8, 2, 1, 0, 0) + idat + last,
        "unknown interlace": _SIGNATURE + header((px, px), 8, 2, 0, 0, 2) + idat + last,
        "interlaced in name only": _SIGNATURE
        + header((px, px), 8, 2, 0, 0, 1)
        + chunk(b"IDAT", zlib.compress(b""))
        + last,
        "sixteen bits": _SIGNATURE
        + header((px, px), 16)
        + chunk(b"IDAT", zlib.compress(bytes(px * (1 + 6 * px))))
        + last,
        "one bit": png(Image.new("1", (px, px))),
        "grey": png(Image.new("L", (px, px), 90)),
        "grey with alpha": png(Image.new("LA", (px, px), (90, 255))),
        "sixteen bit grey": png(Image.new("I;16", (px, px), 900)),
        "palette": png(seed_picture(px, px).quantize(16)),
        "palette with transparency": _palette_with_transparency(px),
        "colour that is transparent": _one_transparent_colour(px),
        "all transparent": png(Image.new("RGBA", (px, px), (9, 9, 9, 0))),
        "half transparent": png(Image.new("RGBA", (px, px), (9, 9, 9, 128))),
        "one transparent pixel": _one_clear_pixel(px),
        "animation": _animation(px),
        "jpeg of another size": _as(px + 1, "JPEG", "RGB"),
        "jpeg cut short": _as(px, "JPEG", "RGB")[:-40],
        "jpeg of inks": _as(px, "JPEG", "CMYK"),
        "gif": _as(px, "GIF", "P"),
        "webp": b"RIFF\0\0\0\0WEBPVP8 " + bytes(60),
        "bmp": _as(px, "BMP", "RGB"),
        "tiff": _as(px, "TIFF", "RGB"),
        "icon": _as(px, "ICO", "RGBA"),
        "svg": b"<svg xmlns='http://www.w3.org/2000/svg' width='32' height='32'/>",
        "html": b"<!doctype html><title>502 Bad Gateway</title>",
        "postscript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9999999 9999999\n",
        "noise": random.Random(1).randbytes(5_000),
        "longer than any tile": good + bytes(3 * 8 * px * px + (2 << 20)),
    }
    for number, end in enumerate(_boundaries(good)):
        for shift in (-1, 0, 1):
            if 0 < end + shift < len(good):
                pictures[f"cut {shift:+d} at the end of chunk {number}"] = good[: end + shift]
    for number, part in enumerate(chunks(good)):
        wrong = chunk(part[4:8], part[8:-4], crc=zlib.crc32(part) ^ 1)
        pictures[f"wrong CRC in chunk {number}"] = good.replace(part, wrong)
    return pictures


@cache
def harmless_pictures(contract: TileContract) -> dict[str, bytes]:
    """Unusual valid PNGs with the pixels of the good tile."""
    good = good_png(contract)
    first, *middle, last = chunks(good)
    text = zlib.compress(bytes(_BOMB), 9)
    head, tail = _SIGNATURE + first, b"".join(middle) + last
    return {
        "rubbish after the end": good + b"rubbish" * 100,
        "bomb in a text chunk": head + chunk(b"zTXt", b"Comment\0\0" + text) + tail,
        "bomb in an international text chunk": head + chunk(b"iTXt", b"Comment\0\1\0\0\0" + text) + tail,
        "bomb in a profile": head + chunk(b"iCCP", b"icc\0\0" + text) + tail,
        "profile that is none": head + chunk(b"iCCP", b"icc\0\0" + zlib.compress(b"no profile")) + tail,
        "gamma of zero": head + chunk(b"gAMA", bytes(4)) + tail,
        "exif that turns": head + chunk(b"eXIf", _turning_exif()) + tail,
        "time that never was": head + chunk(b"tIME", b"\xff" * 7) + tail,
        "physical size of nothing": head + chunk(b"pHYs", bytes(9)) + tail,
        "opaque alpha": png(seed_picture(contract.tile_px, contract.tile_px).convert("RGBA")),
    }


def hostile_answers(contract: TileContract) -> dict[str, bytes]:
    """Fault -> the body of an answer with status 200 that holds no tile."""
    text = base64.b64encode(good_png(contract)).decode()
    whole = json.dumps({"created": 1, "data": [{"b64_json": text}]}).encode()
    shapes: dict[str, object] = {
        "null": None, "a number": 3, "a text": "data", "a list": [{"b64_json": text}], "true": True, "empty": {},
        "data null": {"data": None}, "data a text": {"data": text}, "data a number": {"data": 1e308},
        "data an object": {"data": {"b64_json": text}}, "data empty": {"data": []}, "entry null": {"data": [None]},
        "entry a text": {"data": [text]}, "entry a list": {"data": [[text]]},
        "picture null": {"data": [{"b64_json": None}]},
        "picture a number": {"data": [{"b64_json": 7}]}, "picture a list": {"data": [{"b64_json": [text]}]},
        "picture empty": {"data": [{"b64_json": ""}]}, "picture in another case": {"data": [{"B64_JSON": text}]},
        "broken base64": {"data": [{"b64_json": text[:-7] + "*"}]},
        "base64 of text": {"data": [{"b64_json": "aGVsbG8="}]},
        "address of a file": {"data": [{"url": "file:///etc/passwd"}]}, "address a number": {"data": [{"url": 9}]},
        "address that is data of text": {"data": [{"url": "data:text/html,hello"}]},
        "error in a 200": {"error": {"message": "no", "type": "server_error"}}, "error a text": {"error": "no"},
        "usage a text": {"data": [], "usage": "many"}, "usage negative": {"data": [], "usage": {"input_tokens": -1}},
        "usage beyond all": {"data": [], "usage": {"total_tokens": 10**30}},
        "a hundred thousand entries": {"data": [{}] * 100_000},
    }  # fmt: skip
    raw = {
        "nothing": b"",
        "spaces": b" \r\n\t" * 50,
        "html": b"<!DOCTYPE html><html><body><h1>504 Gateway Time-out</h1></body></html>",
        "cut in the middle": whole[: len(whole) // 2],
        "cut before the end": whole[:-1],
        "two answers": whole + whole,
        "UTF-16": whole.decode().encode("utf-16"),
        "not UTF-8": whole.replace(b"created", b"cr\xff\xfeted"),
        "nested without end": b'{"data":' * 50_000,
        "lists without end": b"[" * 200_000,
        "a number without end": b'{"data": ' + b"9" * 100_000 + b"}",
        "NaN": b'{"data": NaN}',
        "server-sent events": b"event: image\ndata: {}\n\n",
        "gzip": b"\x1f\x8b\x08\0" + bytes(40),
        "ten times too long": b'{"data": [{"b64_json": "' + b"A" * (10 * len(whole)) + b'"}]}',
        "noise": random.Random(2).randbytes(4_000),
        "zeros": bytes(4_000),
    }
    return raw | {f"JSON: {name}": json.dumps(value).encode() for name, value in shapes.items()}


def mutated(data: bytes, chance: random.Random) -> bytes:
    """`data` after one to four random edits: bits, bytes, runs, cuts, copies, numbers at their limits."""
    edited = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(edited) + 1)
        match chance.randrange(7):
            case 0 if at < len(edited):
                edited[at] ^= 1 << chance.randrange(8)
            case 1 if at < len(edited):
                edited[at] = chance.randrange(256)
            case 2:
                del edited[at : at + chance.randint(1, 30)]
            case 3:
                edited[at:at] = chance.randbytes(chance.randint(1, 30))
            case 4:
                start = chance.randrange(len(edited) + 1)
                edited[at:at] = edited[start : start + chance.randint(1, 200)]
            case 5:
                edited[at : at + 4] = chance.choice(
                    (b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\0\0\0\1")
                )
            case _:
                del edited[at:]
        if not edited:
            edited += b"\0"
    return bytes(edited)


def _boundaries(data: bytes) -> Iterator[int]:
    at = len(_SIGNATURE)
    yield at
    for part in chunks(data):
        at += len(part)
        yield at


def _split(data: bytes, between: bytes = b"") -> bytes:
    step = max(1, len(data) // 9)
    return between.join(chunk(b"IDAT", data[at : at + step]) for at in range(0, len(data), step))


def _file_bytes(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def _as(px: int, kind: str, mode: str) -> bytes:
    return _file_bytes(seed_picture(px, px).convert(mode), kind)


def _palette_with_transparency(px: int) -> bytes:
    return _file_bytes(seed_picture(px, px).quantize(16), transparency=0)


def _one_clear_pixel(px: int) -> bytes:
    image = seed_picture(px, px).convert("RGBA")
    image.putpixel((px // 2, px // 2), (0, 0, 0, 254))
    return png(image)


def _one_transparent_colour(px: int) -> bytes:
    image = seed_picture(px, px)
    image.putpixel((px // 2, px // 2), (0, 0, 0))
    return _file_bytes(image, transparency=(0, 0, 0))


def _animation(px: int) -> bytes:
    frame = seed_picture(px, px)
    return _file_bytes(frame, save_all=True, append_images=[frame.point(lambda value: 255 - value)])


def _turning_exif() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif.tobytes().removeprefix(b"Exif\0\0")
