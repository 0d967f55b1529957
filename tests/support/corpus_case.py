"""A file of the corpus: its bytes and the expected result."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

from .colour_reference import Rows, right_pixels
from .png_reference import Samples

__all__ = ["BOMB", "ORIENTATIONS", "SIZE", "SWAPPED", "Case", "exif", "upright"]

SIZE = (16, 12)
"""(width, height) of every upright picture; a contract of 12 px across takes it as it is."""

ORIENTATIONS = range(1, 9)
SWAPPED = (5, 6, 7, 8)
"""Orientations whose stored width is the shown height."""

BOMB = zlib.compress(bytes(1 << 25), 9)
"""A zlib stream that inflates to a thousand times its length."""


@dataclass(frozen=True)
class Case:
    """One file.

    Attributes:
        name: what it is, and the file's suffix.
        data: its content.
        right: rows of (red, green, blue), 0 to 255, of the upright picture; None when it must be refused.
        says: part of a sentence that must be among the changes, or in the refusal.
    """

    name: str
    data: bytes
    right: Rows | None
    says: str = ""


def exif(orientation: int) -> bytes:
    """EXIF with that one tag (TIFF 6.0: one directory at byte 8 with one entry)."""
    return b"MM\0*\0\0\0\x08" + struct.pack(">HHHIHHI", 1, 0x0112, 3, 1, orientation, 0, 0)


def upright(picture: Samples, orientation: int) -> Rows:
    """The right pixels, with row and column 0 where the orientation says that they are shown (EXIF 2.32, 4.6.4)."""
    rows = right_pixels(picture)
    flipped = [row[::-1] for row in rows]
    return {
        1: rows,
        2: flipped,
        3: flipped[::-1],
        4: rows[::-1],
        5: _transposed(rows),
        6: _transposed(rows[::-1]),
        7: _transposed(flipped[::-1]),
        8: _transposed(flipped),
    }[orientation]


def _transposed(rows: Rows) -> Rows:
    return [list(column) for column in zip(*rows, strict=True)]
