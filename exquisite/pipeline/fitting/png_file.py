"""Reads PNG files: this module parses the chunks, and Pillow decodes the pixels from the critical chunks alone.

Pillow loses the transparent colour of pictures that it reduces to 8 bits, ignores gAMA, cHRM and cICP, and fails on
damaged text or EXIF. It therefore never gets those chunks.

PNG specification: W3C, Portable Network Graphics (third edition), chapters 4.3 (which colour chunk wins), 11 and 13.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from PIL import Image

from ...errors import PictureError
from ...png_chunks import PNG_SIGNATURE, Chunk, Header, check_pixel_stream, walk_chunks
from .encoding import ColourEncoding, Primaries, Transfer, cicp_encoding, gamma_encoding
from .recoding import alpha_of_key, joined, merged, recoded, rounded_to_8_bits, to_srgb_primaries

__all__ = ["PngFile"]

_PALETTE = 3  # colour types, chapter 11.2.1
_WITH_ALPHA = (4, 6)
_CHANNELS = {0: 1, 2: 3}  # channels of the colour types whose tRNS is one colour
_ANCILLARY = (b"tRNS", b"cICP", b"iCCP", b"sRGB", b"gAMA", b"cHRM", b"eXIf")
_TEXT = (b"tEXt", b"zTXt", b"iTXt")
_EXIF_TEXT = "Raw profile type exif"  # EXIF as text, from before the eXIf chunk
_XMP_TEXT = "XML:com.adobe.xmp"
_SCALE = 100_000  # chapter 11.3.2: chromaticities and gamma are stored times this
_CICP_BYTES = 4  # chapter 11.3.2.6
_PLAIN_BYTES, _WORKED_ON_BYTES = 10, 17
_MAX_INFLATED = 1 << 23  # bytes of a profile or a text; the largest profiles in use have 3 million
# Pillow's raw modes for the first and the second byte of 16-bit samples, by colour type.
_HIGH_AND_LOW = {2: ("RGB", "RGB;16B", "RGB;16L"), 6: ("RGBA", "RGBA;16B", "RGBA;16L")}
_BOTH_AT_ONCE = {0: ("LA", "LA"), 4: ("RGBA", "RGBA")}


@dataclass(frozen=True, eq=False)
class PngFile:
    """A PNG whose chunks are parsed and whose pixels are not decoded yet.

    Attributes:
        header: the values of IHDR.
        critical: the file reduced to its critical chunks.
        idat: contents of its IDAT chunks.
        chunks: intact ancillary chunks that affect pixels, by type.
        info: EXIF and XMP under Pillow's keys, and the ICC profile.
        encoding: the colour encoding; None for sRGB, or with an ICC profile.
        notes: sentences about ignored metadata.
    """

    header: Header
    critical: bytes
    idat: list[memoryview]
    chunks: Mapping[bytes, bytes]
    info: dict[str, Any]
    encoding: ColourEncoding | None
    notes: list[str] = field(default_factory=list)
    format = "PNG"

    @classmethod
    def parse(cls, data: bytes) -> PngFile:  # noqa: C901 (one case for each kind of chunk)
        """Read the chunks of the PNG in `data`.

        Raises:
            PictureError: the file is damaged or cut short, or has an unknown critical chunk.
        """
        parts: list[bytes | memoryview] = [PNG_SIGNATURE]
        idat: list[memoryview] = []
        chunks: dict[bytes, bytes] = {}
        info: dict[str, Any] = {}
        notes: list[str] = []
        header: Header | None = None
        for chunk in walk_chunks(data):
            if not chunk.is_intact:
                notes += _without_damaged(chunk)
                continue
            if header is None:
                header = _known_header(chunk)
            elif chunk.kind == b"IDAT":
                idat.append(chunk.content)
            elif chunk.kind in _ANCILLARY:
                chunks.setdefault(chunk.kind, bytes(chunk.content))
            elif chunk.kind in _TEXT:
                info |= _described(chunk)
            elif chunk.is_critical and chunk.kind not in (b"PLTE", b"IEND"):
                raise PictureError(f"it has a chunk that no decoder here knows in that place: {chunk.kind.decode()}")
            if chunk.is_critical or (chunk.kind == b"tRNS" and header.colour_type == _PALETTE):
                parts.append(chunk.whole)
        assert header is not None  # the walk raises when the first chunk is missing
        if b"eXIf" in chunks:
            info["exif"] = chunks[b"eXIf"]
        if len(chunks.get(b"cICP", b"")) != _CICP_BYTES and (profile := _profile(chunks, notes)):
            info["icc_profile"] = profile
        encoding = None if "icc_profile" in info else _encoding(chunks, notes)
        return cls(header, b"".join(parts), idat, chunks, info, encoding, notes)

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels, as stored."""
        return self.header.size

    @property
    def pixel_bytes(self) -> int:
        """Peak memory of opening and fitting in bytes for each pixel, measured as in `pillow_file`."""
        plain = self.header.bit_depth <= 8 and self.header.colour_type in _CHANNELS and b"tRNS" not in self.chunks
        return _PLAIN_BYTES if plain and self.encoding is None else _WORKED_ON_BYTES

    def metadata(self) -> Image.Image:
        """A picture without pixels that carries EXIF and XMP."""
        carrier = Image.Image()
        carrier.info = {key: value for key, value in self.info.items() if key != "icc_profile"}
        return carrier

    def decode(self, changes: list[str]) -> Image.Image:
        """The picture with 8 bits a sample, with alpha if a pixel is transparent; adds each change to `changes`.

        Raises:
            PictureError: the pixels are cut short, or their checksum is missing.
            OSError, SyntaxError, ValueError, zlib.error: the decoder fails.
        """
        header = self.header
        if header.colour_type == _PALETTE and b"PLTE" not in self.critical:
            raise PictureError("it has no palette (PLTE chunk)")
        most = 2 * header.stream_bytes + _MAX_INFLATED  # some encoders write more than the pixels need
        check_pixel_stream(self.idat, header.stream_bytes, most)
        changes += self.notes
        image = self._sixteen_bits(changes) if header.bit_depth == 16 else self._eight_bits(changes)
        if self.encoding is not None:
            image = self._with_srgb_primaries(image)
            changes.append(f"converted to sRGB from {self.encoding.name}")
        image.info.clear()
        image.info.update(self.info)
        return image

    def _with_srgb_primaries(self, image: Image.Image) -> Image.Image:
        assert self.encoding is not None
        if self.encoding.primaries is None or not image.mode.startswith("RGB"):
            return image
        return to_srgb_primaries(image, self.encoding.primaries) or image

    def _pillow(self, mode: str = "", raw_mode: str = "") -> Image.Image:
        """The pixels decoded by Pillow, by default in its own mode and raw mode."""
        image = Image.open(io.BytesIO(self.critical), formats=("PNG",))
        if raw_mode:
            image._mode = mode  # noqa: SLF001 (Pillow offers no other way to decode as 16 bits)
            image.tile = [tile._replace(args=raw_mode) for tile in image.tile]
        image.load()
        return image

    def _eight_bits(self, changes: list[str]) -> Image.Image:
        image = self._pillow()
        if image.mode == "1":
            image = image.convert("L")
        elif image.mode == "P":
            with_alpha = "RGBA" if "transparency" in image.info else "RGB"
            changes.append(f"converted from a palette to {with_alpha}")
            image = image.convert(with_alpha)
        key, curves = self._transparent_colour(), self._curves()
        if not key and not curves:
            return image
        bands = list(image.split())
        alpha = bands.pop() if image.mode in ("LA", "RGBA") else None
        if key:
            most = (1 << self.header.bit_depth) - 1  # chapter 11.3.1.1: bits beyond the depth are ignored
            alpha = alpha_of_key(bands, [(value & most) * 255 // most for value in key])
        if curves:
            bands = [recoded(band, curve) for band, curve in zip(bands, curves, strict=False)]
        return merged(bands, alpha)

    def _sixteen_bits(self, changes: list[str]) -> Image.Image:
        changes.append("reduced from 16 to 8 bits")
        pairs = self._bytes_of_samples()
        alpha = rounded_to_8_bits(*pairs.pop()) if self.header.colour_type in _WITH_ALPHA else None
        if key := self._transparent_colour():
            alpha = alpha_of_key([band for pair in pairs for band in pair], struct.pack(f">{len(key)}H", *key))
        if curves := self._curves():
            bands = [recoded(joined(*pair), curve) for pair, curve in zip(pairs, curves, strict=False)]
        else:
            bands = [rounded_to_8_bits(*pair) for pair in pairs]
        return merged(bands, alpha)

    def _curves(self) -> tuple[Transfer, ...]:
        """The transfer function of each channel; empty for the sRGB curve."""
        return (self.encoding and self.encoding.transfers) or ()

    def _bytes_of_samples(self) -> list[tuple[Image.Image, Image.Image]]:
        """For each channel the first and the second bytes of its samples, as two mode L pictures."""
        if self.header.colour_type in _BOTH_AT_ONCE:
            bands = self._pillow(*_BOTH_AT_ONCE[self.header.colour_type]).split()
            return list(zip(bands[0::2], bands[1::2], strict=True))
        mode, first, second = _HIGH_AND_LOW[self.header.colour_type]
        return list(zip(self._pillow(mode, first).split(), self._pillow(mode, second).split(), strict=True))

    def _transparent_colour(self) -> tuple[int, ...]:
        """The samples in tRNS (chapter 11.3.1.1) of a picture without palette and alpha; empty without tRNS."""
        channels = _CHANNELS.get(self.header.colour_type, 0)
        content = self.chunks.get(b"tRNS", b"")
        if not channels or not content:
            return ()
        if len(content) != 2 * channels:
            raise PictureError(f"its tRNS chunk has {len(content)} bytes, not {2 * channels}")
        return struct.unpack(f">{channels}H", content)


def _without_damaged(chunk: Chunk) -> list[str]:
    """Notes on leaving out a chunk whose CRC is wrong.

    Raises:
        PictureError: the pixels need it.
    """
    name = chunk.kind.decode()
    if chunk.is_critical or chunk.kind == b"tRNS":
        raise PictureError(f"the PNG is damaged: wrong CRC in its {name} chunk at byte {chunk.position}")
    return [f"ignored its {name} chunk, whose CRC is wrong"] if chunk.kind in _ANCILLARY else []


def _known_header(chunk: Chunk) -> Header:
    header = Header.from_chunk(chunk)
    if not header.is_defined or 0 in header.size:
        raise PictureError(f"its header is invalid: {header}")
    return header


def _inflated(data: bytes) -> bytes:
    """The content of a zlib stream of at most _MAX_INFLATED bytes.

    Raises:
        ValueError: the stream is damaged, cut short or too long.
    """
    inflate = zlib.decompressobj()
    try:
        content = inflate.decompress(data, _MAX_INFLATED)
    except zlib.error as error:
        raise ValueError(str(error)) from error
    if not inflate.eof:
        raise ValueError("it is cut short, or too long")
    return content


def _described(chunk: Chunk) -> dict[str, Any]:
    """EXIF or XMP in a text chunk (chapter 11.3.3), under Pillow's key; empty for other texts."""
    keyword, _, rest = bytes(chunk.content).partition(b"\0")
    name = keyword.decode("latin-1")
    if name not in (_EXIF_TEXT, _XMP_TEXT):
        return {}
    try:
        if chunk.kind == b"zTXt":
            rest = _inflated(rest[1:])
        elif chunk.kind == b"iTXt":
            compressed = rest[:1] == b"\1"
            _language, _keyword, rest = rest[2:].split(b"\0", 2)
            rest = _inflated(rest) if compressed else rest
    except ValueError:
        return {}
    return {name: rest.decode("utf-8" if chunk.kind == b"iTXt" else "latin-1", "replace")}


def _profile(chunks: Mapping[bytes, bytes], notes: list[str]) -> bytes:
    """The ICC profile in iCCP (chapter 11.3.2.3); empty if it is missing or unreadable."""
    if b"iCCP" not in chunks:
        return b""
    _, _, rest = chunks[b"iCCP"].partition(b"\0")
    try:
        return _inflated(rest[1:])
    except ValueError as error:
        notes.append(f"ignored its iCCP chunk, which cannot be read ({error})")
        return b""


def _encoding(chunks: Mapping[bytes, bytes], notes: list[str]) -> ColourEncoding | None:
    """The encoding of the colour chunk with the highest priority (chapter 4.3); None for sRGB.

    Raises:
        PictureError: its colours cannot be converted.
    """
    if len(cicp := chunks.get(b"cICP", b"")) == _CICP_BYTES:
        primaries, transfer, matrix, full_range = cicp
        if full_range != 1 or matrix != 0:
            raise PictureError("its cICP chunk says that its samples are no full-range RGB: save it as RGB first")
        return cicp_encoding(primaries, transfer)
    if b"sRGB" in chunks:
        return None
    gamma, points, source = None, None, "gAMA"
    if len(content := chunks.get(b"gAMA", b"")) == 4:
        value = int.from_bytes(content, "big")
        source, gamma = f"gAMA {value / _SCALE:g}", _SCALE / value if value else 0.0
    if len(content := chunks.get(b"cHRM", b"")) == 32:
        values = [value / _SCALE for value in struct.unpack(">8I", content)]
        points = Primaries(*zip(values[0::2], values[1::2], strict=True))
    return gamma_encoding(source, None if gamma is None else (gamma, gamma, gamma), points, notes)
