"""Identifies unsupported files by their first bytes and advises what to do."""

from __future__ import annotations

__all__ = ["advice_for"]

_HEIF_BRANDS = (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1")
_VIDEO_BRANDS = (b"isom", b"iso2", b"mp41", b"mp42", b"qt  ", b"M4V ", b"avc1")

_STARTS: tuple[tuple[bytes, str], ...] = (
    (b"%!PS", "PostScript, which is a program and is never run here: export it as PNG"),
    (b"\xc5\xd0\xd3\xc6", "PostScript, which is a program and is never run here: export it as PNG"),
    (b"%PDF", "a PDF: export its page as PNG"),
    (b"<svg", "SVG: export it as PNG at the size that you need"),
    (b"\xff\x0a", "JPEG XL: save it as PNG or JPEG first"),
    (b"\0\0\0\x0cJXL ", "JPEG XL: save it as PNG or JPEG first"),
    (b"\xd7\xcd\xc6\x9a", "a Windows metafile: export it as PNG"),
    (b"\x01\0\0\0", "perhaps a Windows metafile: export it as PNG"),
    (b"gimp xcf", "a GIMP file: export it as PNG"),
    (b"PK\x03\x04", "a zip archive, as are files of Krita, OpenRaster and offices: export the picture as PNG"),
    (b"\x1f\x8b", "gzip: unpack it first"),
    (b"<!DOCTYPE", "a web page: perhaps the download went wrong"),
    (b"<html", "a web page: perhaps the download went wrong"),
    (b"\0\0\x01\0", "an icon: save its largest picture as PNG"),
    (b"\0\0\x02\0", "a mouse cursor: save it as PNG"),
    (b"icns", "an icon: save its largest picture as PNG"),
    (b"DDS ", "a texture (DDS): save it as PNG"),
    (b"SIMPLE  =", "FITS, whose range of values is unknown: save it as PNG"),
    (b"v/1\x01", "OpenEXR, which is of high dynamic range: tone it down and save it as PNG"),
    (b"#?RADIANCE", "Radiance HDR, which is of high dynamic range: tone it down and save it as PNG"),
    (b"qoif", "QOI: save it as PNG"),
)


def advice_for(data: bytes) -> str:
    """The format of the file and what to do; for an unknown format its first bytes."""
    start = data.lstrip(b"\xef\xbb\xbf \t\r\n")[:64]
    if data[4:8] == b"ftyp":
        brand = data[8:12]
        if brand in _HEIF_BRANDS:
            return "it is HEIC, as phones take it: save it as JPEG or PNG first"
        if brand in _VIDEO_BRANDS:
            return "it is a video: save one frame as PNG"
    if start.startswith(b"<?xml") and b"<svg" in data[:4096]:
        return "it is SVG: export it as PNG at the size that you need"
    for signature, what in _STARTS:
        if start.startswith(signature) or data.startswith(signature):
            return f"it is {what}"
    return f"it begins with {bytes(data[:8])!r}"
