"""The colours that a BMP header of version 4 or 5 describes, which Pillow does not read.

Source: Microsoft, BITMAPV4HEADER and BITMAPV5HEADER; [MS-WMF] 2.2.2.1 to 2.2.2.3 for their fixed-point numbers.
"""

from __future__ import annotations

import struct

from .encoding import ColourEncoding, Primaries, gamma_encoding

__all__ = ["bmp_colours"]

_HEADER = 14  # bytes of the file header, which comes first
_V4_BYTES, _V5_BYTES = 108, 124
_BITS, _ALPHA_MASK = 14, 52
_COLOUR_SPACE, _ENDPOINTS, _GAMMAS, _PROFILE = 56, 60, 96, 112  # offsets in the header
_CALIBRATED, _LINKED, _EMBEDDED = b"\0\0\0\0", b"KNIL", b"DEBM"
_POINT_ONE, _GAMMA_ONE = 1 << 30, 1 << 16  # FXPT2DOT30, and 16.16


def bmp_colours(data: bytes, notes: list[str]) -> bytes | ColourEncoding | None:
    """The ICC profile, or the colour encoding, in the header; None for sRGB or when it has neither.

    Args:
        data: the whole file.
        notes: list to which sentences about ignored metadata are added.
    """
    header = data[_HEADER:]
    (size,) = struct.unpack_from("<I", header)
    if size < _V4_BYTES or len(header) < size:
        return None
    (alpha_mask,) = struct.unpack_from("<I", header, _ALPHA_MASK)
    (bits,) = struct.unpack_from("<H", header, _BITS)
    if bits == 16 and alpha_mask:
        notes.append("ignored the alpha bits of its pixels")
    space = header[_COLOUR_SPACE : _COLOUR_SPACE + 4]
    if space == _CALIBRATED:
        return _calibrated(header, notes)
    if size >= _V5_BYTES and space == _EMBEDDED:
        offset, length = struct.unpack_from("<II", header, _PROFILE)
        return header[offset : offset + length]
    if size >= _V5_BYTES and space == _LINKED:
        notes.append("ignored its colour profile, which is in another file")
    return None


def _calibrated(header: bytes, notes: list[str]) -> ColourEncoding | None:
    """The encoding by the header's primaries and gammas: XYZ endpoints that add up to white; zeros mean no value."""
    values = [value / _POINT_ONE for value in struct.unpack_from("<9i", header, _ENDPOINTS)]
    points = [tuple(values[start : start + 3]) for start in (0, 3, 6)]
    primaries = None
    if any(values):
        red, green, blue = (_chromaticity(point) for point in points)
        white = _chromaticity(tuple(sum(parts) for parts in zip(*points, strict=True)))
        primaries = Primaries(white, red, green, blue)
    gammas = [value / _GAMMA_ONE for value in struct.unpack_from("<3I", header, _GAMMAS)]
    exponents = None
    if any(gammas):  # some writers store the encoding exponent, which is below 1
        red_gamma, green_gamma, blue_gamma = (1 / gamma if 0 < gamma < 1 else gamma for gamma in gammas)
        exponents = (red_gamma, green_gamma, blue_gamma)
    return gamma_encoding(f"gamma {gammas[0]:g}", exponents, primaries, notes)


def _chromaticity(xyz: tuple[float, ...]) -> tuple[float, float]:
    total = sum(xyz)
    return (xyz[0] / total, xyz[1] / total) if total else (0.0, 0.0)
