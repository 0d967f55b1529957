"""ICC profiles: converting a picture to sRGB, detecting profiles equal to sRGB, and making one from primaries.

Sources: ICC.1:2022 (profile version 4.4) chapters 7, 8, 9 and 10; the Bradford matrix of its annex E.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Sequence
from functools import cache

from PIL import Image, ImageChops, ImageCms

from ...pixels import LEVELS
from .encoding import Primaries

__all__ = ["convert_to_srgb", "profile_of_primaries"]

_TOLERANCE = 1  # largest difference, in levels of 255, at which a profile counts as sRGB
_LATTICE = range(0, LEVELS, 15)  # tested levels: 18 a channel, with black and white

_Matrix = tuple[tuple[float, ...], ...]
_BRADFORD: _Matrix = ((0.8951, 0.2664, -0.1614), (-0.7502, 1.7135, 0.0367), (0.0389, -0.0685, 1.0296))
_D50 = (0.9642, 1.0, 0.8249)  # chapter 7.2.16: white of the profile connection space
# The curve of sRGB as parametric curve type 3 (chapter 10.18): exponent, and a, b, c, d.
_SRGB_CURVE = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)


def convert_to_srgb(image: Image.Image, profile: bytes) -> tuple[Image.Image, str] | None:
    """`image` in sRGB and the name of the profile; None when the profile equals sRGB.

    Args:
        image: any mode without alpha that Pillow's colour management accepts.
        profile: an ICC profile.

    Raises:
        ImageCms.PyCMSError, OSError, ValueError, TypeError: the profile cannot be used with this picture.
    """
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    space = source.profile.xcolor_space.strip()
    if space == "RGB" and image.mode == "L":  # an RGB profile converts grey as equal red, green and blue
        image = image.convert("RGB")
    transform = ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), image.mode, "RGB")
    samples = _samples(image.mode)
    if samples is not None and _is_identity(samples, transform.apply(samples)):
        return None
    return transform.apply(image), _name(source)


def _name(profile: ImageCms.ImageCmsProfile) -> str:
    try:
        return ImageCms.getProfileDescription(profile).strip() or "without a name"
    except ImageCms.PyCMSError:
        return "without a name"


@cache
def _samples(mode: str) -> Image.Image | None:
    """A lattice of RGB colours, or every grey, to compare a profile with sRGB; None for other colour spaces."""
    if mode == "L":
        return Image.frombytes("L", (LEVELS, 1), bytes(range(LEVELS)))
    if mode != "RGB":
        return None
    pixels = bytes(level for r in _LATTICE for g in _LATTICE for b in _LATTICE for level in (r, g, b))
    return Image.frombytes("RGB", (len(_LATTICE), len(_LATTICE) ** 2), pixels)


def _is_identity(samples: Image.Image, converted: Image.Image) -> bool:
    return max(ImageChops.difference(samples.convert("RGB"), converted).tobytes()) <= _TOLERANCE


@cache
def profile_of_primaries(primaries: Primaries) -> bytes:
    """An RGB ICC profile with these primaries and the sRGB curve."""
    red, green, blue = _transposed(_to_d50(primaries))
    curve = b"para\0\0\0\0" + struct.pack(">HH", 3, 0) + _fixed(_SRGB_CURVE)
    tags = {
        b"desc": _text("made from primaries"),
        b"cprt": _text("none"),
        b"wtpt": b"XYZ \0\0\0\0" + _fixed(_D50),
        b"rXYZ": b"XYZ \0\0\0\0" + _fixed(red),
        b"gXYZ": b"XYZ \0\0\0\0" + _fixed(green),
        b"bXYZ": b"XYZ \0\0\0\0" + _fixed(blue),
        b"rTRC": curve,
        b"gTRC": curve,
        b"bTRC": curve,
    }
    position = 128 + 4 + 12 * len(tags)
    table, contents = struct.pack(">I", len(tags)), b""
    for name, content in tags.items():
        table += name + struct.pack(">II", position + len(contents), len(content))
        contents += content + bytes(-len(content) % 4)
    version, dates = bytes((4, 0x40, 0, 0)), bytes(12)
    header = struct.pack(">I", position + len(contents)) + bytes(4) + version + b"mntrRGB XYZ " + dates + b"acsp"
    header += bytes(28) + _fixed(_D50)
    return header + bytes(128 - len(header)) + table + contents


def _to_d50(primaries: Primaries) -> _Matrix:
    """The matrix from linear RGB to XYZ relative to D50: primaries scaled to add up to white, then Bradford-adapted."""
    white = _xyz(primaries.white)
    points = _transposed([_xyz(point) for point in primaries[1:]])
    scales = _times(_inverse(points), white)
    to_xyz = tuple(tuple(value * scale for value, scale in zip(row, scales, strict=True)) for row in points)
    cones, target = _times(_BRADFORD, white), _times(_BRADFORD, _D50)
    gains = [to / of for to, of in zip(target, cones, strict=True)]
    scaled = tuple(tuple(gain * value for value in row) for gain, row in zip(gains, _BRADFORD, strict=True))
    return _product(_product(_inverse(_BRADFORD), scaled), to_xyz)


def _xyz(point: tuple[float, float]) -> tuple[float, float, float]:
    """XYZ of a chromaticity at luminance Y = 1."""
    x, y = point
    return (x / y, 1.0, (1 - x - y) / y)


def _transposed(rows: Sequence[Sequence[float]]) -> _Matrix:
    return tuple(zip(*rows, strict=True))


def _times(matrix: _Matrix, vector: Sequence[float]) -> tuple[float, ...]:
    return tuple(sum(a * b for a, b in zip(row, vector, strict=True)) for row in matrix)


def _product(left: _Matrix, right: _Matrix) -> _Matrix:
    return _transposed([_times(left, column) for column in _transposed(right)])


def _inverse(matrix: _Matrix) -> _Matrix:
    """The inverse by cofactors: the rows of the adjugate are cross products of the columns."""
    a, b, c = _transposed(matrix)
    rows = (_cross(b, c), _cross(c, a), _cross(a, b))
    determinant = sum(x * y for x, y in zip(a, rows[0], strict=True))
    return tuple(tuple(value / determinant for value in row) for row in rows)


def _cross(a: Sequence[float], b: Sequence[float]) -> tuple[float, float, float]:
    return (a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0])


def _fixed(numbers: Sequence[float]) -> bytes:
    """Encode numbers as s15Fixed16Number (chapter 4.6)."""
    return struct.pack(f">{len(numbers)}i", *(round(number * 65536) for number in numbers))


def _text(text: str) -> bytes:
    """Encode text as multiLocalizedUnicodeType (chapter 10.15) in English."""
    coded = text.encode("utf-16-be")
    return b"mluc\0\0\0\0" + struct.pack(">II2s2sII", 1, 12, b"en", b"US", len(coded), 28) + coded
