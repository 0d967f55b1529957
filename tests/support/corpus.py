"""Input pictures of every kind, generated in code, each with the expected result.

    python -m tests.support.corpus FOLDER     writes every file, to look at or to open with something else

What is right follows from `png_reference` and `colour_reference`, never from Pillow's conversions.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from .corpus_case import BOMB, SIZE, Case
from .corpus_formats import bitmaps, file_bytes, other_formats, targas
from .corpus_png import damaged_pngs, whole_pngs
from .png_reference import Samples, chunk, encode

__all__ = ["SIZE", "Case", "corpus"]


def corpus() -> Iterator[Case]:
    """Every case, always the same ones."""
    yield from whole_pngs()
    yield from damaged_pngs()
    yield from bitmaps()
    yield from targas()
    yield from other_formats()
    yield from _invalid_pictures()


def _invalid_pictures() -> Iterator[Case]:
    clear = Samples(SIZE, 8, 6, [[(9, 9, 9, 0)] * SIZE[0] for _ in range(SIZE[1])])
    yield Case("transparent everywhere.png", encode(clear), None, "transparent everywhere")
    for name, size in {"thin": (1_000_000, 1), "huge": (60_000, 60_000)}.items():
        header = chunk(b"IHDR", struct.pack(">IIBBBBB", *size, 1, 0, 0, 0, 0))
        data = b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", BOMB) + chunk(b"IEND", b"")
        yield Case(f"{name}.png", data, None, "pixels")
    postscript = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 512 1024\n%%EndComments\n{} loop\n%%EOF\n"
    yield Case("a program.png", postscript, None, "PostScript")
    binary = b"\xc5\xd0\xd3\xc6" + struct.pack("<II", 30, len(postscript)) + bytes(18) + postscript
    yield Case("a program.eps", binary, None, "PostScript")
    heic = struct.pack(">I", 24) + b"ftypheic\0\0\0\0mif1heic"
    yield Case("HEIC.jpg", heic + bytes(99), None, "HEIC")
    yield Case("text.png", b"buy milk", None, "begins with")
    yield Case("page.jpg", b"<!DOCTYPE html><title>502</title>", None, "web page")
    yield Case("SVG.png", b"<svg xmlns='http://www.w3.org/2000/svg' width='32' height='32'/>", None, "SVG")
    yield Case("PDF.png", b"%PDF-1.7\n", None, "PDF")
    yield Case("empty.png", b"", None, "0 bytes")
    wide = file_bytes(Image.new("I", SIZE, 9000), "TIFF")
    yield Case("grey of 32 bits.tif", wide, None, "range is unknown")
    real = file_bytes(Image.new("F", SIZE, 0.5), "TIFF")
    yield Case("numbers that are no levels.tif", real, None, "range is unknown")


def main() -> int:
    """Write every file into the folder on the command line."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for case in corpus():
        (folder / case.name).write_bytes(case.data)
    return 0


if __name__ == "__main__":
    sys.exit(main())
