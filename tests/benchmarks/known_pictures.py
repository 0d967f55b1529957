"""The pictures that benchmarks know by name: every drawn kind and every photograph, at any size that they have."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from tests.support.documents import ROOT
from tests.support.pictures import KINDS, draw

__all__ = ["NAMES", "PHOTOGRAPHS", "known_picture"]

_FOLDER = ROOT / "fixtures" / "pictures"
_FILES: dict[str, Path] = {
    path.stem: path for path in sorted(_FOLDER.iterdir()) if path.suffix in {".jpg", ".webp", ".png"}
}

PHOTOGRAPHS = tuple(_FILES)
"""Names of the photographs, each 3584 by 1024 pixels."""

NAMES = KINDS + PHOTOGRAPHS
"""Names of all pictures."""


def known_picture(name: str, size: tuple[int, int], seed: int) -> Image.Image:
    """A picture by its name, RGB: drawn by `seed`, or the upper left corner of a photograph, enlarged as needed."""
    path = _FILES.get(name)
    if path is None:
        return draw(name, size, seed)
    with Image.open(path) as image:
        picture = image.convert("RGB")
    scale = max(1.0, *(needed / own for needed, own in zip(size, picture.size, strict=True)))
    if scale == 1:
        return picture.crop((0, 0, *size))
    return picture.resize(size, Image.Resampling.LANCZOS, box=(0, 0, size[0] / scale, size[1] / scale))
