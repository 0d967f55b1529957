"""Pictures of all formats but PNG: opened by Pillow, with corrections for what Pillow ignores in some formats."""

from __future__ import annotations

import contextlib
import io
import os
import re
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageChops

from ...errors import PictureError
from ...pixels import LEVELS
from .bmp_colours import bmp_colours
from .encoding import ColourEncoding, cicp_encoding
from .recoding import merged, recoded, to_srgb_primaries

__all__ = ["FORMATS", "PillowFile"]

# Peak memory in bytes for each pixel, measured by `python -m tests.benchmarks.opening`.
_PIXEL_BYTES = {"JPEG": 9, "MPO": 9, "JPEG2000": 20, "WEBP": 22}
_PIXEL_BYTES_OTHERWISE = 14

_TIFF_BITS_PER_SAMPLE = 258  # TIFF 6.0, section 8
_TGA_ATTRIBUTE_BITS = 15  # Truevision TGA 2.0, field 5.6: the low bits of the image descriptor, byte 17
_NCLX = re.compile(rb"colrnclx(....)", re.DOTALL)  # ISO/IEC 14496-12, 12.1.5: primaries and transfer, 16 bits each
_JP2_PROFILE = re.compile(rb"(....)colr[\2\3]..", re.DOTALL)  # ISO/IEC 15444-1, I.5.3.3: methods 2 and 3 hold ICC


@dataclass(frozen=True, eq=False)
class PillowFile:
    """A picture whose header is parsed and whose pixels are not decoded yet."""

    data: bytes
    image: Image.Image

    @classmethod
    def parse(cls, data: bytes) -> PillowFile:
        """Read the header of the picture in `data`.

        Raises:
            UnidentifiedImageError: the format is not in FORMATS.
            OSError, SyntaxError, ValueError, struct.error: the header is damaged.
        """
        return cls(data, Image.open(io.BytesIO(data), formats=FORMATS))

    @property
    def format(self) -> str:
        """Pillow's name of the format."""
        return self.image.format or ""

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels, as stored."""
        return self.image.size

    @property
    def pixel_bytes(self) -> int:
        """Peak memory of opening and fitting in bytes for each pixel."""
        return _PIXEL_BYTES.get(self.format, _PIXEL_BYTES_OTHERWISE)

    def metadata(self) -> Image.Image:
        """The picture itself, which carries EXIF and XMP."""
        return self.image

    def decode(self, changes: list[str]) -> Image.Image:
        """The picture in its own mode; adds a sentence to `changes` for each correction.

        Raises:
            PictureError: its colours or samples cannot be converted to sRGB.
            OSError, SyntaxError, ValueError, struct.error: the decoder fails.
        """
        with _stderr_closed() if self.format == "TIFF" else contextlib.nullcontext():
            image = _FORMATS[self.format](self.image, self.data, changes)
            image.load()
        return image


@contextlib.contextmanager
def _stderr_closed() -> Iterator[None]:
    """Discard what libtiff writes to the process's standard error, its only place for warnings."""
    try:
        saved = os.dup(2)
    except OSError:  # the process has no standard error
        yield
        return
    with Path(os.devnull).open("wb") as nothing:
        os.dup2(nothing.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)


def _plain(image: Image.Image, data: bytes, changes: list[str]) -> Image.Image:
    return image


def _avif(image: Image.Image, data: bytes, changes: list[str]) -> Image.Image:
    """Apply the colours of the nclx box when there is no ICC profile."""
    match = _NCLX.search(data)
    if match and "icc_profile" not in image.info:
        return _encoded(image, cicp_encoding(*struct.unpack(">HH", match[1])), changes)
    return image


def _jpeg2000(image: Image.Image, data: bytes, changes: list[str]) -> Image.Image:
    """Attach the ICC profile, which Pillow ignores."""
    if match := _JP2_PROFILE.search(data):
        (length,) = struct.unpack(">I", match[1])
        image.load()
        image.info["icc_profile"] = data[match.end() : match.start() + length]
    return image


def _bmp(image: Image.Image, data: bytes, changes: list[str]) -> Image.Image:
    """Apply the colours of version 4 and 5 headers, and ignore an unused alpha channel."""
    image.load()
    colours = bmp_colours(data, changes)
    image = _used_alpha(image, changes)
    if isinstance(colours, bytes):
        image.info["icc_profile"] = colours
        return image
    return _encoded(image, colours, changes)


def _tga(image: Image.Image, data: bytes, changes: list[str]) -> Image.Image:
    """Ignore an alpha channel that is undeclared, unused, or the attribute bit of 16-bit colours."""
    image.load()
    if image.mode in ("LA", "RGBA") and not data[17] & _TGA_ATTRIBUTE_BITS:
        changes.append("ignored an alpha channel that its header does not announce")
        return image.convert(image.mode[:-1])
    if image.mode == "RGBA" and data[16] == 16:  # writers disagree about the meaning of the bit
        changes.append("ignored the attribute bit of its pixels")
        return image.convert("RGB")
    return _used_alpha(image, changes)


def _gif(image: Image.Image, data: bytes, changes: list[str]) -> Image.Image:
    """Fill the screen outside the first frame with white; Pillow fills it with a palette colour."""
    tiles = image.tile  # type: ignore[attr-defined]  # of ImageFile, which Image.open returns
    box = tuple(tiles[0].extents) if tiles else (0, 0, *image.size)
    image.load()
    if box == (0, 0, *image.size):
        return image
    changes.append("set its frame, which is smaller than its screen, on white")
    frame = image.convert("RGBA").crop(box)
    screen = Image.new("RGBA", image.size, (LEVELS - 1,) * 4)
    screen.paste(frame, box[:2], frame)
    return screen.convert("RGB")


def _xbm(image: Image.Image, data: bytes, changes: list[str]) -> Image.Image:
    """Make set bits black, the foreground; Pillow makes them white."""
    return ImageChops.invert(image)


def _tiff(image: Image.Image, data: bytes, changes: list[str]) -> Image.Image:
    """Reduce depths that Pillow leaves above 8 bits, and note depths that it reduces silently."""
    bits = image.tag_v2.get(_TIFF_BITS_PER_SAMPLE, (1,))  # type: ignore[attr-defined]
    depth = max(bits) if isinstance(bits, tuple) else bits
    if image.mode == "I" and depth != 16:
        raise PictureError(f"its samples have {depth} bits, and their range is unknown: save it as 8 or 16 bit first")
    if image.mode.startswith("I;16") and depth < 16:
        changes.append(f"reduced from {depth} to 8 bits")
        most = (1 << depth) - 1
        table = [min(LEVELS - 1, round(value * (LEVELS - 1) / most)) for value in range(1 << 16)]
        info, image = image.info, image.convert("I").point(table, "L")
        image.info = info
    elif depth == 16 and image.mode not in ("I", "F") and not image.mode.startswith("I;16"):
        changes.append("reduced from 16 to 8 bits")
    return image


def _used_alpha(image: Image.Image, changes: list[str]) -> Image.Image:
    """`image` without an alpha channel that is 0 everywhere, which some writers leave unused."""
    if image.mode not in ("LA", "RGBA") or image.getchannel("A").getextrema() != (0, 0):
        return image
    changes.append("ignored an alpha channel that is 0 everywhere")
    return image.convert(image.mode[:-1])


def _encoded(image: Image.Image, encoding: ColourEncoding | None, changes: list[str]) -> Image.Image:
    """`image` converted from `encoding` to sRGB; unchanged for None."""
    if encoding is None:
        return image
    if image.mode not in ("L", "LA", "RGB", "RGBA"):
        image = image.convert("RGBA" if "transparency" in image.info else "RGB")
    info, bands = image.info, list(image.split())
    alpha = bands.pop() if image.mode in ("LA", "RGBA") else None
    if encoding.transfers is not None:
        bands = [recoded(band, curve) for band, curve in zip(bands, encoding.transfers, strict=False)]
    recombined = merged(bands, alpha)
    if encoding.primaries is not None and len(bands) > 1:
        recombined = to_srgb_primaries(recombined, encoding.primaries) or recombined
    recombined.info = {key: value for key, value in info.items() if key != "transparency"}
    changes.append(f"converted to sRGB from {encoding.name}")
    return recombined


_FORMATS: dict[str, Callable[[Image.Image, bytes, list[str]], Image.Image]] = {
    "AVIF": _avif,
    "BMP": _bmp,
    "GIF": _gif,
    "JPEG": _plain,
    "JPEG2000": _jpeg2000,
    "MPO": _plain,
    "PCX": _plain,
    "PPM": _plain,
    "PSD": _plain,
    "SGI": _plain,
    "TGA": _tga,
    "TIFF": _tiff,
    "WEBP": _plain,
    "XBM": _xbm,
}

FORMATS = tuple(name for name in _FORMATS if name != "MPO")  # Pillow opens it as JPEG and then renames it
"""Supported formats by Pillow's names, besides PNG, which has a reader of its own. None of them runs a program."""
