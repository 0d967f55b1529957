"""The cost of opening a picture: peak bytes of memory per pixel, by format.

    python -m tests.benchmarks.opening      the figures behind the limits of `fitting.opening`

Each file is fitted in a program of its own, beside one that fits a picture of one pixel.
"""

from __future__ import annotations

import struct
import subprocess
import sys
import tempfile
import zlib
from pathlib import Path
from typing import Any

from PIL import Image

from exquisite.contract import TileContract
from exquisite.pipeline.fitting import fit_file

from ..support.colour_reference import ADOBE, icc_profile
from ..support.memory_peak import peak_bytes
from ..support.png_reference import chunk

__all__ = ["main"]

_SIDE = 4000


def _save(folder: Path) -> list[Path]:
    """Save the smallest pictures and pictures of many pixels, in every format that needs another amount of memory."""
    chance = Image.effect_noise((_SIDE, _SIDE), 50)
    picture = Image.merge("RGB", (chance, chance.transpose(Image.Transpose.ROTATE_90), chance))
    profile = icc_profile(ADOBE, 2.19921875, "Adobe RGB")
    alpha = picture.copy()
    alpha.putalpha(chance)
    ways: dict[str, tuple[Image.Image, dict[str, Any]]] = {
        "rgb.png": (picture, {}),
        "profile.png": (picture, {"icc_profile": profile}),
        "alpha.png": (alpha, {}),
        "alpha with profile.png": (alpha, {"icc_profile": profile}),
        "palette.png": (picture.quantize(16, method=Image.Quantize.FASTOCTREE), {"transparency": 3}),
        "key.png": (picture, {"transparency": (9, 9, 9)}),
        "16 bits.png": (chance.convert("I").point(lambda value: value * 257).convert("I;16"), {}),
        "rgb.jpg": (picture, {}),
        "progressive.jpg": (picture, {"progressive": True, "subsampling": 0}),
        "profile.jpg": (picture, {"icc_profile": profile}),
        "rgb.webp": (picture, {"method": 0}),
        "alpha.webp": (alpha, {"method": 0}),
        "lzw.tif": (picture, {"compression": "tiff_lzw"}),
        "plain.tif": (picture, {}),
        "alpha.tif": (alpha, {}),
        "rgb.bmp": (picture, {}),
        "palette.gif": (picture.quantize(16, method=Image.Quantize.FASTOCTREE), {}),
        "rgb.jp2": (picture, {}),
        "rgb.avif": (picture, {"speed": 10}),
        "rgb.ppm": (picture, {}),
        "alpha.tga": (alpha, {}),
    }
    for name, (image, options) in ways.items():
        image.save(folder / name, **options)
    wide = chunk(b"IHDR", struct.pack(">IIBBBBB", _SIDE, _SIDE, 16, 6, 0, 0, 0))
    gamma = chunk(b"gAMA", struct.pack(">I", 100_000))
    rows = zlib.compress((b"\0" + bytes(range(250)) * (8 * _SIDE // 250)) * _SIDE, 1)
    data = b"\x89PNG\r\n\x1a\n" + wide + gamma + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    (folder / "16 bits with alpha and gamma.png").write_bytes(data)
    return sorted(folder.iterdir())


def _peak(path: Path) -> int:
    command = [sys.executable, "-m", "tests.benchmarks.opening", str(path)]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def main() -> int:
    """Print a line a file; with a path, the peak of fitting that one."""
    if len(sys.argv) > 1:
        fit_file(sys.argv[1], TileContract(1024, 512, 256, 256))
        print(peak_bytes())
        return 0
    with tempfile.TemporaryDirectory() as folder:
        tiny = Path(folder) / "tiny.png"
        Image.new("RGB", (64, 64)).save(tiny)
        nothing = _peak(tiny)
        for path in _save(Path(folder)):
            pixels = (_peak(path) - nothing - path.stat().st_size) / _SIDE**2
            print(f"{path.name:32} {pixels:5.1f} bytes a pixel, beside its file")
    return 0


if __name__ == "__main__":
    sys.exit(main())
