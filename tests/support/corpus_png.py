"""PNGs of the corpus: depth × colour type × transparency × interlace × colour space × orientation, and damages."""

from __future__ import annotations

import itertools
import random
import struct
import zlib
from collections.abc import Iterator
from dataclasses import replace

from .colour_reference import ADOBE, P3, SRGB, Space, icc_profile, right_pixels
from .corpus_case import BOMB, ORIENTATIONS, SIZE, SWAPPED, Case, exif, upright
from .png_reference import CHANNELS, Samples, chunk, encode

__all__ = ["damaged_pngs", "whole_pngs"]

_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}  # bits a sample, by colour type


def _spaces() -> dict[str, dict[bytes, bytes]]:
    """Colour chunks by name."""

    def gama(value: int) -> bytes:
        return struct.pack(">I", value)

    def chrm(space: Space) -> bytes:
        red, green, blue, white = space.points
        return struct.pack(">8I", *(round(100_000 * value) for point in (white, red, green, blue) for value in point))

    def iccp(space: Space, gamma: float | None, name: str) -> bytes:
        return b"icc\0\0" + zlib.compress(icc_profile(space, gamma, name))

    linear = replace(SRGB, curve=lambda value: value)
    return {
        "plain": {},
        "sRGB": {b"sRGB": b"\0", b"gAMA": gama(45455)},
        "gAMA of sRGB": {b"gAMA": gama(45455)},
        "linear gAMA": {b"gAMA": gama(100_000)},
        "gAMA and cHRM of Adobe RGB": {b"gAMA": gama(56_250), b"cHRM": chrm(ADOBE)},
        "cICP of Display P3": {b"cICP": bytes((12, 13, 0, 1)), b"gAMA": gama(100_000)},
        "cICP of linear BT.2020": {b"cICP": bytes((9, 8, 0, 1))},
        "iCCP of Adobe RGB": {b"iCCP": iccp(ADOBE, 2.19921875, "Adobe RGB (1998)")},
        "iCCP of P3": {b"iCCP": iccp(P3, None, "Display P3"), b"gAMA": gama(100_000)},
        "iCCP of sRGB": {b"iCCP": iccp(SRGB, None, "some monitor")},
        "linear iCCP named sRGB": {b"iCCP": iccp(linear, 1.0, "sRGB IEC61966-2.1")},
    }


_GREY_SPACES = ("plain", "sRGB", "gAMA of sRGB", "linear gAMA")  # a grey PNG may hold no profile of RGB


def whole_pngs() -> Iterator[Case]:
    orientations = itertools.cycle(ORIENTATIONS)
    for colour_type, depths in _DEPTHS.items():
        for depth, transparent, interlaced in itertools.product(depths, (False, True), (False, True)):
            if transparent and colour_type in (4, 6):
                continue
            for name, chunks in _spaces().items():
                if colour_type in (0, 4) and name not in _GREY_SPACES:
                    continue
                orientation = next(orientations)
                picture = _samples(depth, colour_type, transparent, chunks, orientation)
                words = [f"colour {colour_type}", f"{depth} bits", "with tRNS" * transparent, "interlaced" * interlaced]
                title = ", ".join(filter(None, [*words, name, f"orientation {orientation}"]))
                yield Case(f"{title}.png", encode(picture, interlaced=interlaced), upright(picture, orientation))


def _samples(
    depth: int, colour_type: int, transparent: bool, chunks: dict[bytes, bytes], orientation: int = 1
) -> Samples:
    """A picture of noise over ramps; a quarter of its pixels has the transparent colour when there is one."""
    chance = random.Random(f"{depth} {colour_type} {transparent} {orientation}")
    size = SIZE[::-1] if orientation in SWAPPED else SIZE
    most = (1 << depth) - 1
    pixels: list[tuple[int, ...]]
    if colour_type == 3:
        pixels = [(chance.randrange(most + 1),) for _ in range(size[0] * size[1])]
    else:
        channels = CHANNELS[colour_type]
        pixels = [tuple(chance.randrange(most + 1) for _ in range(channels)) for _ in range(size[0] * size[1])]
    chunks = dict(chunks)
    if colour_type == 3:
        chunks[b"PLTE"] = chance.randbytes(3 * (most + 1))
        if transparent:
            chunks[b"tRNS"] = chance.randbytes(max(1, most))  # the last entry has none, and is opaque
    elif transparent:
        key = pixels[0]
        pixels = [key if chance.random() < 0.25 else pixel for pixel in pixels]
        extra = chance.randrange(256) << 8 if depth < 16 else 0  # bits beyond the depth mean nothing
        chunks[b"tRNS"] = struct.pack(f">{len(key)}H", *(sample | extra & ~most for sample in key))
    if orientation > 1:
        chunks[b"eXIf"] = exif(orientation)
    rows = [pixels[start : start + size[0]] for start in range(0, len(pixels), size[0])]
    return Samples(size, depth, colour_type, rows, chunks)


def damaged_pngs() -> Iterator[Case]:
    picture = _samples(8, 2, False, {})
    good, right = encode(picture), right_pixels(picture)
    (at,) = (place for place in range(len(good)) if good[place : place + 4] == b"IDAT")
    (length,) = struct.unpack_from(">I", good, at - 4)
    stream = good[at + 4 : at + 4 + length]
    head, tail = good[: at - 4], good[at + 8 + length :]

    def before(kind: bytes, content: bytes, *, broken: bool = False) -> bytes:
        inserted = chunk(kind, content)
        return head + (inserted[:-1] + bytes((inserted[-1] ^ 1,)) if broken else inserted) + good[at - 4 :]

    profile = b"icc\0\0" + zlib.compress(icc_profile(P3, None, "P3"))
    yield Case("iCCP with a wrong CRC.png", before(b"iCCP", profile, broken=True), right, "iCCP")
    yield Case("iCCP that is no zlib stream.png", before(b"iCCP", b"icc\0\0" + bytes(50)), right, "iCCP")
    yield Case("iCCP that is no profile.png", before(b"iCCP", b"icc\0\0" + zlib.compress(b"no")), right, "profile")
    yield Case("iCCP that inflates without end.png", before(b"iCCP", b"i\0\0" + BOMB), right, "iCCP")
    yield Case("gAMA of zero.png", before(b"gAMA", bytes(4)), right, "gAMA")
    yield Case("cHRM of zeros.png", before(b"cHRM", bytes(32)), right, "primaries")
    yield Case("eXIf that is garbage.png", before(b"eXIf", b"\0\x08\0\x02\x01\x12\0\x03garbage("), right, "EXIF")
    raw = b"Raw profile type exif\0\nexif\n   zz\nnothex!\n"
    yield Case("EXIF text that is no hex.png", before(b"tEXt", raw), right, "EXIF")
    yield Case("text that inflates without end.png", before(b"zTXt", b"Comment\0\0" + BOMB), right)
    yield Case("text with a wrong CRC.png", before(b"tEXt", b"a\0b", broken=True), right)
    yield Case("bytes after the end.png", good + b"rubbish" * 9, right)
    spare = chunk(b"IDAT", zlib.compress(zlib.decompress(stream) + bytes(30)))
    yield Case("rows beyond the picture.png", head + spare + tail, right)
    yield Case("tRNS with a wrong CRC.png", before(b"tRNS", bytes(6), broken=True), None, "CRC")
    yield Case("tRNS of another colour type.png", before(b"tRNS", bytes(2)), None, "tRNS")
    yield Case("cICP of PQ.png", before(b"cICP", bytes((9, 16, 0, 1))), None, "PQ")
    yield Case("cICP of HLG.png", before(b"cICP", bytes((9, 18, 0, 1))), None, "HLG")
    yield Case("cICP of narrow range.png", before(b"cICP", bytes((1, 13, 0, 0))), None, "full-range")
    yield Case("cICP unknown.png", before(b"cICP", bytes((200, 13, 0, 1))), None, "200")
    yield Case("cICP unspecified.png", before(b"cICP", bytes((2, 2, 0, 1))), right)
    yield Case("unknown critical chunk.png", before(b"ABCD", b""), None, "ABCD")
    flipped = bytes((*stream[:20], stream[20] ^ 4, *stream[21:]))
    yield Case("IDAT with a wrong CRC.png", good[: at + 24] + b"?" + good[at + 25 :], None, "CRC")
    for name, broken in {
        "no Adler-32": stream[:-4],
        "a wrong Adler-32": stream[:-1] + bytes((stream[-1] ^ 1,)),
        "half of its pixels": stream[: length // 2],
        "a flipped bit": flipped,
        "no zlib stream": bytes(length),
        "no bytes": b"",
    }.items():
        yield Case(f"pixels with {name}.png", head + chunk(b"IDAT", broken) + tail, None, "damaged")
    for cut in (9, 20, at, at + 10, len(good) - 3):
        yield Case(f"cut at byte {cut}.png", good[:cut], None, "cut short")
