"""Files of the corpus in formats other than PNG, most of them written byte by byte."""

from __future__ import annotations

import io
import random
import struct
from collections.abc import Iterator, Sequence
from dataclasses import replace

from PIL import Image

from .colour_reference import ADOBE, P3, SRGB, Rows, Space, icc_profile, right_pixels
from .corpus_case import ORIENTATIONS, SIZE, SWAPPED, Case, exif, upright
from .png_reference import Pixel, Samples

__all__ = ["bitmaps", "file_bytes", "other_formats", "targas"]


def _colours(count: int, channels: int, seed: str) -> list[Pixel]:
    chance = random.Random(seed)
    return [tuple(chance.randrange(256) for _ in range(channels)) for _ in range(count)]


def _rows(pixels: Sequence[Pixel], space: Space = SRGB) -> Rows:
    """The expected pixels for RGB or RGBA pixels of SIZE."""
    colour_type = 2 if len(pixels[0]) == 3 else 6
    rows = [pixels[start : start + SIZE[0]] for start in range(0, len(pixels), SIZE[0])]
    flattened = right_pixels(Samples(SIZE, 8, colour_type, rows))
    if space is SRGB:
        return flattened
    converted = [[space.to_srgb([value / 255 for value in pixel]) for pixel in row] for row in flattened]
    return [[(255 * r, 255 * g, 255 * b) for r, g, b in row] for row in converted]


def _bmp(pixels: Sequence[Pixel], v4: bytes = b"", behind: bytes = b"", alpha_mask: int = 0xFF000000) -> bytes:
    """A 32-bit BMP with a header of version 4 or 5; `v4`: what follows its masks."""
    header_size = 108 if len(v4) <= 52 else 124
    body = b"".join(bytes((b, g, r, a)) for row in _bottom_up(pixels) for r, g, b, a in row)
    fields = struct.pack("<IiiHHIIiiII", header_size, *SIZE, 1, 32, 3, len(body), 0, 0, 0, 0)
    header = fields + struct.pack("<4I", 0xFF0000, 0xFF00, 0xFF, alpha_mask) + v4.ljust(header_size - 56, b"\0")
    start = 14 + header_size
    return b"BM" + struct.pack("<IHHI", start + len(body), 0, 0, start) + header + body + behind


def _bottom_up(pixels: Sequence[Pixel]) -> list[Sequence[Pixel]]:
    return [pixels[start : start + SIZE[0]] for start in range(0, len(pixels), SIZE[0])][::-1]


def _lcs_calibrated_rgb(space: Space, gamma: float) -> bytes:
    """LCS_CALIBRATED_RGB: XYZ of the primaries, which add up to white, and three gammas."""
    columns = _xyz_of_primaries(space)
    points = [round(value * (1 << 30)) for column in columns for value in column]
    return bytes(4) + struct.pack("<9i3I", *points, *[round(gamma * 65536)] * 3)


def _xyz_of_primaries(space: Space) -> list[list[float]]:
    """Primaries scaled so that their sum is white (BITMAPV4HEADER: endpoints), by Cramer's rule."""
    red, green, blue, white = ([x / y, 1.0, (1 - x - y) / y] for x, y in space.points)

    def volume(a: list[float], b: list[float], c: list[float]) -> float:
        return (
            a[0] * (b[1] * c[2] - b[2] * c[1]) - b[0] * (a[1] * c[2] - a[2] * c[1]) + c[0] * (a[1] * b[2] - a[2] * b[1])
        )

    whole = volume(red, green, blue)
    shares = (volume(white, green, blue), volume(red, white, blue), volume(red, green, white))
    return [[value * share / whole for value in point] for point, share in zip((red, green, blue), shares, strict=True)]


def bitmaps() -> Iterator[Case]:
    count = SIZE[0] * SIZE[1]
    opaque = [(*pixel, 255) for pixel in _colours(count, 3, "bmp")]
    clear = [(*pixel[:3], 0) for pixel in opaque]
    plain = _rows([pixel[:3] for pixel in opaque])
    yield Case("alpha 0 everywhere.bmp", _bmp(clear), plain, "alpha channel that is 0 everywhere")
    yield Case("opaque alpha.bmp", _bmp(opaque, b"BGRs"), plain)
    yield Case("alpha mask of zero.bmp", _bmp(clear, alpha_mask=0), plain)
    mixed = _colours(count, 4, "bmp alpha")
    yield Case("alpha.bmp", _bmp(mixed, b" niW"), _rows(mixed))
    adobe = _rows([pixel[:3] for pixel in opaque], ADOBE)
    near_srgb = replace(ADOBE, curve=SRGB.curve)  # a gamma within 5 % of 2.2 counts as the curve of sRGB
    right = _rows([pixel[:3] for pixel in opaque], near_srgb)
    yield Case("calibrated as Adobe RGB.bmp", _bmp(opaque, _lcs_calibrated_rgb(ADOBE, 2.19921875)), right, "primaries")
    linear = replace(P3, curve=lambda value: value)
    right = _rows([pixel[:3] for pixel in opaque], linear)
    yield Case("calibrated as linear P3.bmp", _bmp(opaque, _lcs_calibrated_rgb(P3, 1.0)), right)
    yield Case("calibrated with a gamma of encoding.bmp", _bmp(opaque, _lcs_calibrated_rgb(SRGB, 1 / 2.2)), plain)
    yield Case("calibrated as sRGB.bmp", _bmp(opaque, _lcs_calibrated_rgb(SRGB, 2.2)), plain)
    profile = icc_profile(ADOBE, 2.19921875, "sRGB, it says")
    place = struct.pack("<4s48xIII", b"DEBM", 0, 124 + 4 * count, len(profile))
    yield Case("embedded profile.bmp", _bmp(opaque, place.ljust(68, b"\0"), profile), adobe, "profile")
    yield Case("linked profile.bmp", _bmp(opaque, b"KNIL".ljust(68, b"\0")), plain, "in another file")


def targas() -> Iterator[Case]:
    count = SIZE[0] * SIZE[1]
    mixed = _colours(count, 4, "tga")
    plain = _rows([pixel[:3] for pixel in mixed])
    grey = [(value, value, value) for (value,) in _colours(count, 1, "tga grey")]

    def tga(kind: int, depth: int, descriptor: int, body: bytes) -> bytes:
        return struct.pack("<BBB5xHHHHBB", 0, 0, kind, 0, 0, *SIZE, depth, 0x20 | descriptor) + body

    with_alpha = b"".join(bytes((b, g, r, a)) for r, g, b, a in mixed)
    unused = b"".join(bytes((b, g, r, 0)) for r, g, b, _ in mixed)
    yield Case("alpha.tga", tga(2, 32, 8, with_alpha), _rows(mixed))
    yield Case("alpha not announced.tga", tga(2, 32, 0, with_alpha), plain, "does not announce")
    yield Case("alpha 0 everywhere.tga", tga(2, 32, 8, unused), plain, "alpha channel that is 0 everywhere")
    yield Case("alpha 0 and not announced.tga", tga(2, 32, 0, unused), plain, "does not announce")
    yield Case("RGB.tga", tga(2, 24, 0, b"".join(bytes((b, g, r)) for r, g, b, _ in mixed)), plain)
    low = [(8 * (r // 8), 8 * (g // 8), 8 * (b // 8)) for r, g, b, _ in mixed]
    words = [(r // 8) << 10 | (g // 8) << 5 | b // 8 | (r & 1) << 15 for r, g, b, _ in mixed]
    right = [[tuple(255 * value / 248 for value in pixel) for pixel in row] for row in _bottom_up(low)[::-1]]
    body = struct.pack(f"<{count}H", *words)
    yield Case("16 bits with an attribute.tga", tga(2, 16, 1, body), right, "attribute bit")
    yield Case("grey.tga", tga(3, 8, 0, bytes(pixel[0] for pixel in grey)), _rows(grey))


def _tiff(pixels: Sequence[Pixel], depth: int, photometric: int, *extra: tuple[int, int, int]) -> bytes:
    """An uncompressed little-endian TIFF 6.0 in one strip; `extra`: further entries (tag, type, value)."""
    channels = len(pixels[0])
    samples = [sample for pixel in pixels for sample in pixel]
    if depth == 12:
        bits = "".join(f"{sample:012b}" for sample in samples)
        body = bytes(int(bits[at : at + 8], 2) for at in range(0, len(bits), 8))
    else:
        body = struct.pack(f"<{len(samples)}{'B' if depth == 8 else 'H'}", *samples)
    depths = struct.pack(f"<{channels}H", *[depth] * channels)
    entries = {256: (3, SIZE[0]), 257: (3, SIZE[1]), 259: (3, 1), 262: (3, photometric), 273: (4, 0)}
    entries |= {277: (3, channels), 278: (3, SIZE[1]), 279: (4, len(body))} | {tag: (kind, v) for tag, kind, v in extra}
    start = 8 + 2 + 12 * (len(entries) + 1) + 4
    entries[273] = (4, start + len(depths))
    directory = {tag: struct.pack("<HHII", tag, kind, 1, value) for tag, (kind, value) in entries.items()}
    inline = depths.ljust(4, b"\0") if channels < 3 else struct.pack("<I", start)
    directory[258] = struct.pack("<HHI", 258, 3, channels) + inline
    table = b"".join(directory[tag] for tag in sorted(directory))
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(directory)) + table + bytes(4) + depths + body


def other_formats() -> Iterator[Case]:
    count = SIZE[0] * SIZE[1]
    chance = random.Random("others")
    rgb = _colours(count, 3, "rgb")
    for depth in (8, 12, 16):
        most = (1 << depth) - 1
        grey = [(chance.randrange(most + 1),) for _ in range(count)]
        right: Rows = [[(255 * value / most,) * 3 for (value,) in row] for row in _bottom_up(grey)[::-1]]
        yield Case(f"grey of {depth} bits.tif", _tiff(grey, depth, 1), right)
    wide = [tuple(chance.randrange(65536) for _ in range(3)) for _ in range(count)]
    right = [[tuple(value / 257 for value in pixel) for pixel in row] for row in _bottom_up(wide)[::-1]]
    yield Case("RGB of 16 bits.tif", _tiff(wide, 16, 2), right, "16 to 8 bits")
    yield Case("RGB of 8 bits.tif", _tiff(rgb, 8, 2), _rows(rgb))
    inverse = [(255 - value, 255 - value, 255 - value) for (value,) in _colours(count, 1, "white is zero")]
    yield Case("white is zero.tif", _tiff([(255 - pixel[0],) for pixel in inverse], 8, 0), _rows(inverse))
    for orientation in ORIENTATIONS[1:4]:
        upside_down = Samples(SIZE, 8, 2, _bottom_up(rgb)[::-1])
        data = _tiff(rgb, 8, 2, (274, 3, orientation))
        yield Case(f"orientation {orientation}.tif", data, upright(upside_down, orientation))
    yield from _portable_maps(chance)
    yield from _xbm_and_gif()
    yield from _by_pillow(rgb)


def _portable_maps(chance: random.Random) -> Iterator[Case]:
    count = SIZE[0] * SIZE[1]
    for most in (1, 100, 255, 4095, 65535):
        for magic, channels in ((b"P5", 1), (b"P6", 3)):
            pixels = [tuple(chance.randrange(most + 1) for _ in range(channels)) for _ in range(count)]
            samples = [sample for pixel in pixels for sample in pixel]
            body = struct.pack(f">{len(samples)}{'B' if most < 256 else 'H'}", *samples)
            rows = _bottom_up(pixels)[::-1]
            right = [[tuple(255 * value / most for value in (pixel * 3)[:3]) for pixel in row] for row in rows]
            data = b"%s\n%d %d\n%d\n" % (magic, *SIZE, most) + body
            yield Case(f"{channels} channels up to {most}.{'pgm' if channels == 1 else 'ppm'}", data, right)


def _xbm_and_gif() -> Iterator[Case]:
    chance = random.Random("xbm")
    width, height = SIZE
    bits = [[chance.randrange(2) for _ in range(width)] for _ in range(height)]
    packed = [sum(row[start + bit] << bit for bit in range(8)) for row in bits for start in range(0, width, 8)]
    text = f"#define a_width {width}\n#define a_height {height}\nstatic char a_bits[] = {{\n"
    right = [[(255.0 * (1 - bit),) * 3 for bit in row] for row in bits]
    yield Case("bits.xbm", (text + ", ".join(f"0x{byte:02x}" for byte in packed) + "};\n").encode(), right)
    for name, box in {"whole": (0, 0, width, height), "part": (3, 2, 10, 9), "corner": (0, 0, 8, 8)}.items():
        frame = Image.new("P", (box[2] - box[0], box[3] - box[1]))
        frame.putpalette([200, 30, 20, 0, 0, 255])
        buffer = io.BytesIO()
        frame.save(buffer, "GIF")
        data = bytearray(buffer.getvalue())
        data[6:10] = struct.pack("<HH", *SIZE)  # the screen
        at = data.index(b",", 13 + 3 * (2 << (data[10] & 7)))  # the image descriptor
        data[at + 1 : at + 5] = struct.pack("<HH", *box[:2])
        inside = [[box[0] <= x < box[2] and box[1] <= y < box[3] for x in range(width)] for y in range(height)]
        right = [[(200.0, 30.0, 20.0) if here else (255.0,) * 3 for here in row] for row in inside]
        yield Case(f"frame in {name}.gif", bytes(data), right, "frame" if name != "whole" else "")


def _by_pillow(rgb: Sequence[Pixel]) -> Iterator[Case]:
    """Formats whose compressor is not worth writing again; lossless, or smooth and of the highest quality."""
    image = Image.frombytes("RGB", SIZE, bytes(value for pixel in rgb for value in pixel))
    smooth: Sequence[Pixel] = [(8 * x, 16 * y, 60) for y in range(SIZE[1]) for x in range(SIZE[0])]
    ramps = Image.frombytes("RGB", SIZE, bytes(value for pixel in smooth for value in pixel))
    profile = icc_profile(ADOBE, 2.19921875, "sRGB in name")
    for suffix, kind, source, options in (
        ("webp", "WEBP", rgb, {"lossless": True}),
        ("jpg", "JPEG", smooth, {"quality": 100, "subsampling": 0}),
        ("tif", "TIFF", rgb, {"compression": "tiff_lzw"}),
        ("pcx", "PCX", rgb, {}),
        ("sgi", "SGI", rgb, {}),
        ("jp2", "JPEG2000", rgb, {}),
    ):
        picture = image if source is rgb else ramps
        yield Case(f"plain.{suffix}", file_bytes(picture, kind, **options), _rows(source))
        if kind not in ("WEBP", "JPEG", "TIFF"):
            continue
        converted = file_bytes(picture, kind, icc_profile=profile, **options)
        yield Case(f"with a profile.{suffix}", converted, _rows(source, ADOBE), "profile")
        if kind == "TIFF":
            continue
        for orientation in ORIENTATIONS:
            size = SIZE[::-1] if orientation in SWAPPED else SIZE
            stored = picture.resize(size, Image.Resampling.NEAREST)
            pixels: list[Pixel] = list(stored.get_flattened_data())  # type: ignore[arg-type]
            rows = [pixels[start : start + size[0]] for start in range(0, len(pixels), size[0])]
            data = file_bytes(stored, kind, exif=b"Exif\0\0" + exif(orientation), **options)
            yield Case(f"orientation {orientation}.{suffix}", data, upright(Samples(size, 8, 2, rows), orientation))
        garbage = file_bytes(picture, kind, exif=b"Exif\0\0garbage that is no TIFF", **options)
        yield Case(f"EXIF that is garbage.{suffix}", garbage, _rows(source), "EXIF")


def file_bytes(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()
