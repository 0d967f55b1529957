"""Colours in plain Python: what samples look like in sRGB on white, from the chunks or the profile beside them.

Curves and primaries are those of IEC 61966-2-1, ITU-T H.273, ICC.1:2022 and W3C PNG (third edition); nothing here
uses Pillow or the package.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

from .png_reference import Pixel, Samples

__all__ = ["ADOBE", "P3", "SRGB", "Space", "icc_profile", "mean_error", "on_white", "right_pixels", "space_of"]

Rgb = tuple[float, float, float]
Curve = Callable[[float], float]
Rows = Sequence[Sequence[Sequence[float]]]

_BRADFORD = ((0.8951, 0.2664, -0.1614), (-0.7502, 1.7135, 0.0367), (0.0389, -0.0685, 1.0296))
_D65, _D50 = (0.3127, 0.3290), (0.34567, 0.35850)
_UNCHANGED = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))


def _srgb_decode(value: float) -> float:
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4


def _srgb_encode(light: float) -> float:
    light = min(max(light, 0.0), 1.0)
    return light * 12.92 if light <= 0.0031308 else 1.055 * light ** (1 / 2.4) - 0.055


def _bt709_decode(value: float) -> float:
    return value / 4.5 if value < 0.081 else ((value + 0.099) / 1.099) ** (1 / 0.45)


@dataclass(frozen=True)
class Space:
    """Primaries as (x, y) of red, green, blue and white, and the curve from sample to light."""

    points: tuple[tuple[float, float], ...]
    curve: Curve = _srgb_decode

    def to_srgb(self, colour: Sequence[float]) -> Rgb:
        """sRGB samples, 0 to 1, of samples of this space, 0 to 1."""
        light = [self.curve(value) for value in colour]
        if self.points != SRGB.points:
            light = _times(_to_srgb_light(self.points), light)
        red, green, blue = (_srgb_encode(value) for value in light)
        return (red, green, blue)


SRGB = Space(((0.64, 0.33), (0.30, 0.60), (0.15, 0.06), _D65))
P3 = Space(((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), _D65))
ADOBE = Space(((0.64, 0.33), (0.21, 0.71), (0.15, 0.06), _D65), lambda value: value**2.19921875)

_CICP_POINTS = {1: SRGB.points, 9: ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046), _D65), 12: P3.points}
_CICP_CURVES = {1: _bt709_decode, 8: lambda value: value, 13: _srgb_decode}


def space_of(picture: Samples) -> Space:
    """The space that the colour chunk of the highest rank names."""
    if content := picture.chunks.get(b"cICP"):
        return Space(_CICP_POINTS[content[0]], _CICP_CURVES[content[1]])
    if content := picture.chunks.get(b"iCCP"):
        return _space_of_profile(zlib.decompress(content.split(b"\0", 1)[1][1:]))
    if b"sRGB" in picture.chunks:
        return SRGB
    points, curve = SRGB.points, SRGB.curve
    if content := picture.chunks.get(b"gAMA"):
        gamma = int.from_bytes(content, "big") / 100_000
        curve = _srgb_decode if abs(gamma - 1 / 2.2) < 0.001 else lambda value: value ** (1 / gamma)
    if content := picture.chunks.get(b"cHRM"):
        values = [value / 100_000 for value in struct.unpack(">8I", content)]
        white, *primaries = zip(values[0::2], values[1::2], strict=True)
        points = (*primaries, white)
    return Space(points, curve)


def right_pixels(picture: Samples) -> Rows:
    """The expected (red, green, blue) of every pixel, 0 to 255, not rounded, flattened on white."""
    space, colours = space_of(picture), dict[Pixel, Rgb]()

    def right(pixel: Pixel) -> Rgb:
        if pixel not in colours:
            colour, alpha = _unpaletted(pixel, picture)
            colour = space.to_srgb(colour)
            colours[pixel] = on_white(colour, alpha)
        return colours[pixel]

    return [[right(pixel) for pixel in row] for row in picture.rows]


def on_white(colour: Rgb, alpha: float) -> Rgb:
    """0 to 255 of a colour 0 to 1 before white."""
    red, green, blue = (255 * (value * alpha + 1 - alpha) for value in colour)
    return (red, green, blue)


def mean_error(pixels: Sequence[Pixel], right: Rows) -> float:
    """The mean distance of a channel of RGB pixels, row by row, from its expected value, in levels."""
    flat = [pixel for row in right for pixel in row]
    pairs = zip(pixels, flat, strict=True)
    differences = [abs(a - b) for pixel, expected in pairs for a, b in zip(pixel, expected, strict=True)]
    return sum(differences) / len(differences)


def _unpaletted(pixel: Pixel, picture: Samples) -> tuple[Rgb, float]:
    """(colour, alpha) of a pixel, 0 to 1."""
    most = (1 << picture.depth) - 1
    key = picture.chunks.get(b"tRNS", b"")
    if picture.colour_type == 3:
        (index,) = pixel
        palette = picture.chunks[b"PLTE"][3 * index : 3 * index + 3]
        red, green, blue = (value / 255 for value in palette)
        return (red, green, blue), key[index] / 255 if index < len(key) else 1.0
    samples, alpha = (pixel[:-1], pixel[-1] / most) if picture.colour_type in (4, 6) else (pixel, 1.0)
    if key and picture.colour_type in (0, 2):
        meant = tuple(value & most for value in struct.unpack(f">{len(samples)}H", key))
        alpha = 0.0 if samples == meant else 1.0
    red, green, blue = (value / most for value in (samples * 3 if len(samples) == 1 else samples))
    return (red, green, blue), alpha


def icc_profile(space: Space, gamma: float | None, name: str) -> bytes:
    """A matrix profile (version 2) of `space`; `gamma` None writes the curve of the space as a table."""
    matrix = _to_d50(space.points)
    if gamma is None:
        table = [round(65535 * space.curve(at / 1023)) for at in range(1024)]
        curve = b"curv\0\0\0\0" + struct.pack(">I1024H", 1024, *table)
    else:
        curve = b"curv\0\0\0\0" + struct.pack(">IHxx", 1, round(256 * gamma))
    tags = {b"desc": _description(name), b"cprt": b"text\0\0\0\0none\0", b"wtpt": _xyz_tag((0.9642, 1.0, 0.8249))}
    for number, letter in enumerate(b"rgb"):
        tags[bytes((letter,)) + b"XYZ"] = _xyz_tag([row[number] for row in matrix])
        tags[bytes((letter,)) + b"TRC"] = curve
    position, table_bytes, contents = 132 + 12 * len(tags), struct.pack(">I", len(tags)), b""
    for tag, content in tags.items():
        table_bytes += tag + struct.pack(">II", position + len(contents), len(content))
        contents += content + bytes(-len(content) % 4)
    size = position + len(contents)
    header = struct.pack(">I4xI", size, 0x02400000) + b"mntrRGB XYZ " + bytes(12) + b"acsp" + bytes(28)
    return (header + struct.pack(">3i", 63190, 65536, 54061)).ljust(128, b"\0") + table_bytes + contents


def _space_of_profile(profile: bytes) -> Space:
    """The space of a profile of `icc_profile` with a gamma, or of its table."""
    (count,) = struct.unpack_from(">I", profile, 128)
    tags = {}
    for number in range(count):
        tag, offset, length = struct.unpack_from(">4sII", profile, 132 + 12 * number)
        tags[tag] = profile[offset : offset + length]
    fixed = [struct.unpack_from(">3i", tags[name], 8) for name in (b"rXYZ", b"gXYZ", b"bXYZ")]
    columns = [[value / 65536 for value in column] for column in fixed]
    points = tuple((x / (x + y + z), y / (x + y + z)) for x, y, z in (*columns, map(sum, zip(*columns, strict=True))))
    entries = struct.unpack_from(">I", tags[b"rTRC"], 8)[0]
    values = struct.unpack_from(f">{entries}H", tags[b"rTRC"], 12)
    if entries == 1:
        exponent = values[0] / 256
        return Space(points, lambda value: float(value**exponent))

    def curve(value: float) -> float:
        at = min(int(value * (entries - 1)), entries - 2)
        share = value * (entries - 1) - at
        return float(values[at] * (1 - share) + values[at + 1] * share) / 65535

    return Space(points, curve)


def _description(name: str) -> bytes:
    text = name.encode() + b"\0"
    return b"desc\0\0\0\0" + struct.pack(">I", len(text)) + text + bytes(8 + 3 + 67)


def _xyz_tag(values: Sequence[float]) -> bytes:
    return b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(65536 * value) for value in values))


def _to_d50(points: Sequence[tuple[float, float]]) -> list[list[float]]:
    """Rows of the matrix from linear light to XYZ relative to D50."""
    red, green, blue, white = ([x / y, 1.0, (1 - x - y) / y] for x, y in points)
    columns = [list(column) for column in zip(red, green, blue, strict=True)]
    scales = _solution(columns, white)
    cones, aim = _times(_BRADFORD, white), _times(_BRADFORD, [_D50[0] / _D50[1], 1.0, (1 - sum(_D50)) / _D50[1]])
    adapted = []
    for unit in _UNCHANGED:
        xyz = _times(columns, [a * b for a, b in zip(unit, scales, strict=True)])
        gains = [c * to / cone for c, to, cone in zip(_times(_BRADFORD, xyz), aim, cones, strict=True)]
        adapted.append(_solution(_BRADFORD, gains))
    return [list(row) for row in zip(*adapted, strict=True)]


@cache
def _to_srgb_light(points: tuple[tuple[float, float], ...]) -> tuple[tuple[float, ...], ...]:
    """Rows of the matrix from linear light of other primaries to that of sRGB."""
    source, target = _to_d50(points), _to_d50(SRGB.points)
    columns = [_solution(target, column) for column in zip(*source, strict=True)]
    return tuple(zip(*columns, strict=True))


def _times(matrix: Sequence[Sequence[float]], vector: Sequence[float]) -> list[float]:
    return [sum(a * b for a, b in zip(row, vector, strict=True)) for row in matrix]


def _solution(matrix: Sequence[Sequence[float]], vector: Sequence[float]) -> list[float]:
    """x of matrix x = vector, by elimination with pivots."""
    rows = [[*row, value] for row, value in zip(matrix, vector, strict=True)]
    for at in range(len(rows)):
        pivot = max(range(at, len(rows)), key=lambda number: abs(rows[number][at]))
        rows[at], rows[pivot] = rows[pivot], rows[at]
        for number in range(len(rows)):
            if number != at:
                factor = rows[number][at] / rows[at][at]
                rows[number] = [a - factor * b for a, b in zip(rows[number], rows[at], strict=True)]
    return [row[-1] / row[at] for at, row in enumerate(rows)]
