"""Colour encodings without an ICC profile: gamma, primaries and cICP code points.

Sources: W3C PNG (third edition) chapter 11.3.2 for gAMA, cHRM and cICP; ITU-T H.273 (07/2024) tables 2 and 3 for
the numbers of primaries and transfer functions; IEC 61966-2-1 for sRGB.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from ...errors import PictureError
from ...pixels import LEVELS

__all__ = [
    "SRGB_PRIMARIES",
    "ColourEncoding",
    "Primaries",
    "Transfer",
    "cicp_encoding",
    "gamma_encoding",
    "recoding_table",
]

Transfer = Callable[[float], float]
"""A transfer function: maps a sample, 0 to 1, to linear light, 0 to 1."""

Point = tuple[float, float]


class Primaries(NamedTuple):
    """CIE 1931 chromaticities (x, y) of the white point and of the three primaries."""

    white: Point
    red: Point
    green: Point
    blue: Point

    @property
    def is_usable(self) -> bool:
        """Whether all values are possible and the primaries span a triangle."""
        inside = all(0.0 <= x <= 1.0 and 0.0 < y <= 1.0 for x, y in self)
        (rx, ry), (gx, gy), (bx, by) = self.red, self.green, self.blue
        return inside and abs((gx - rx) * (by - ry) - (bx - rx) * (gy - ry)) > _THIN


@dataclass(frozen=True)
class ColourEncoding:
    """Primaries and transfer functions of a picture.

    Attributes:
        name: a name for messages, such as "Display P3, sRGB curve".
        primaries: the primaries; None for those of sRGB.
        transfers: the transfer functions of red, green and blue; None for the sRGB curve.
    """

    name: str
    primaries: Primaries | None = None
    transfers: tuple[Transfer, Transfer, Transfer] | None = None


_THIN = 1e-4  # twice the area below which a triangle counts as a line; sRGB has .22
_D65 = (0.3127, 0.3290)
_C = (0.310, 0.316)
_DCI = (0.314, 0.351)

SRGB_PRIMARIES = Primaries(_D65, (0.640, 0.330), (0.300, 0.600), (0.150, 0.060))
"""The primaries of IEC 61966-2-1, equal to those of ITU-R BT.709."""

_SMPTE_170M = Primaries(_D65, (0.630, 0.340), (0.310, 0.595), (0.155, 0.070))
_PRIMARIES = {  # H.273, table 2
    1: ("BT.709", SRGB_PRIMARIES),
    4: ("BT.470 M", Primaries(_C, (0.67, 0.33), (0.21, 0.71), (0.14, 0.08))),
    5: ("BT.470 BG", Primaries(_D65, (0.64, 0.33), (0.29, 0.60), (0.15, 0.06))),
    6: ("SMPTE 170M", _SMPTE_170M),
    7: ("SMPTE 240M", _SMPTE_170M),
    9: ("BT.2020", Primaries(_D65, (0.708, 0.292), (0.170, 0.797), (0.131, 0.046))),
    11: ("DCI-P3", Primaries(_DCI, (0.680, 0.320), (0.265, 0.690), (0.150, 0.060))),
    12: ("Display P3", Primaries(_D65, (0.680, 0.320), (0.265, 0.690), (0.150, 0.060))),
    22: ("EBU 3213", Primaries(_D65, (0.630, 0.340), (0.295, 0.605), (0.155, 0.077))),
}
_EXPONENTS = (0.1, 10.0)  # range of plausible exponents
_LIKE_SRGB, _NEAR, _EXACT = 2.2, 0.05, 0.001
_UNSPECIFIED = 2
_SRGB_CURVE = 13
_HDR = {16: "PQ", 18: "HLG"}


def _linear_to_srgb(light: float) -> float:
    return light * 12.92 if light <= 0.0031308 else 1.055 * light ** (1 / 2.4) - 0.055


def _bt709_to_linear(value: float) -> float:
    return value / 4.5 if value < 0.081 else ((value + 0.099) / 1.099) ** (1 / 0.45)


def _gamma(exponent: float) -> Transfer:
    return lambda value: float(value**exponent)


_TRANSFERS: dict[int, tuple[str, Transfer | None]] = {  # H.273, table 3; None: the curve of sRGB
    1: ("BT.709", _bt709_to_linear),
    4: ("gamma 2.2", _gamma(2.2)),
    5: ("gamma 2.8", _gamma(2.8)),
    6: ("BT.709", _bt709_to_linear),
    8: ("linear", _gamma(1.0)),
    13: ("sRGB", None),
    14: ("BT.709", _bt709_to_linear),
    15: ("BT.709", _bt709_to_linear),
}


def gamma_encoding(
    source: str, exponents: tuple[float, float, float] | None, primaries: Primaries | None, notes: list[str]
) -> ColourEncoding | None:
    """The encoding with linear light = sample ** exponent; None for sRGB.

    An exponent near 2.2 stands for the sRGB curve: writers of sRGB store it so (PNG chapter 11.3.2.2), and libpng
    accepts it within 5 % (PNG_GAMMA_THRESHOLD_FIXED).

    Args:
        source: the metadata, for messages, such as "gAMA 0.45455".
        exponents: the exponents of red, green and blue; None when the file has none.
        primaries: the primaries; None when the file has none.
        notes: list to which sentences about ignored metadata are added.
    """
    if primaries is not None and not primaries.is_usable:
        notes.append("ignored its primaries, which span no colours")
        primaries = None
    if exponents is not None and not all(_EXPONENTS[0] <= exponent <= _EXPONENTS[1] for exponent in exponents):
        notes.append(f"ignored its {source}, which is no curve")
        exponents = None
    if exponents is not None and all(abs(exponent / _LIKE_SRGB - 1) <= _NEAR for exponent in exponents):
        if any(abs(exponent / _LIKE_SRGB - 1) > _EXACT for exponent in exponents):
            notes.append(f"took its {source} for the curve of sRGB")
        exponents = None
    if exponents is None:
        return None if primaries is None else ColourEncoding("its primaries", primaries)
    red, green, blue = exponents
    return ColourEncoding(f"its {source}", primaries, (_gamma(red), _gamma(green), _gamma(blue)))


def cicp_encoding(primaries: int, transfer: int) -> ColourEncoding | None:
    """The encoding of two code points of H.273; None for sRGB and for unspecified ones.

    Raises:
        PictureError: the range is high dynamic, or a code point is not supported.
    """
    if transfer in _HDR:
        raise PictureError(
            f"its colours are of high dynamic range ({_HDR[transfer]}): tone them down to sRGB in an editor first"
        )
    if _UNSPECIFIED in (primaries, transfer) or (primaries, transfer) == (1, _SRGB_CURVE):
        return None
    if primaries not in _PRIMARIES or transfer not in _TRANSFERS:
        raise PictureError(
            f"its colour numbers (primaries {primaries}, transfer {transfer}) are not supported: "
            f"convert it to sRGB in an editor first"
        )
    (space, points), (curve, function) = _PRIMARIES[primaries], _TRANSFERS[transfer]
    return ColourEncoding(f"{space}, {curve} curve", points, None if function is None else (function,) * 3)


def recoding_table(transfer: Transfer, most: int) -> list[int]:
    """A table that maps each sample, 0 to `most`, of a monotonic curve to the nearest sRGB level of equal light."""

    def recoded(sample: int) -> int:
        return round((LEVELS - 1) * _linear_to_srgb(min(max(transfer(sample / most), 0.0), 1.0)))

    table: list[int] = []
    for level in range(LEVELS):  # bisection takes a few thousand evaluations, a full 16-bit table 65,536
        table += [level] * (bisect_right(range(most + 1), level, key=recoded) - len(table))
    return table
