"""`make seam-sheet OUT=...`: one PNG for the eye. Each row a picture, each column a way to put the new half on.

    python -m tests.benchmarks.seam_sheet OUT.png

From left to right: as it came, calibrated, calibrated and feathered; the seam at 4 times its size in the middle of
each, between two marks above the row. In the first column it is seen, in the last it should not be found.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

from PIL import Image, ImageDraw

from exquisite.api.mock.drift import Drift, redraw
from exquisite.contract import CLASSIC
from exquisite.geometry.calibration import calibrate_tile
from exquisite.geometry.enforcement import enforce_conditioning_half
from exquisite.geometry.feather import feather_tile
from tests.support.pictures import KINDS, draw

__all__ = ["COLUMNS", "main", "sheet"]

PHOTOGRAPHS = Path(__file__).parents[2] / "fixtures" / "pictures"
COLUMNS = ("as it came", "calibrated", "calibrated + feather")
ENLARGED = 4
CELL = (96, 64)
"""(width, height) of what one cell shows, in pixels of the tile."""
FEATHER_PX = 32
_BORDER = 64
_LABEL_PX = 28
_GAP_PX = 8


def sheet(kinds: tuple[str, ...] | None = None, seed: int = 31, strength: float = 1.0) -> Image.Image:
    """The whole sheet, RGB. `kinds`: names of drawn kinds or of photographs; default all."""
    names = kinds or (*sorted(path.stem for path in PHOTOGRAPHS.glob("*.jpg")), *KINDS)
    width = 150 + len(COLUMNS) * (CELL[0] * ENLARGED + _GAP_PX)
    height = _LABEL_PX + len(names) * (CELL[1] * ENLARGED + _LABEL_PX)
    out = Image.new("RGB", (width, height), (255, 255, 255))
    pen = ImageDraw.Draw(out)
    for column, title in enumerate(COLUMNS):
        pen.text((150 + column * (CELL[0] * ENLARGED + _GAP_PX), 8), title, fill=(0, 0, 0))
    for row, name in enumerate(names):
        top = _LABEL_PX + row * (CELL[1] * ENLARGED + _LABEL_PX) + _LABEL_PX // 2
        pen.text((8, top + 8), name, fill=(0, 0, 0))
        for column, tile in enumerate(_treated(name, seed, strength)):
            left = 150 + column * (CELL[0] * ENLARGED + _GAP_PX)
            out.paste(_enlarged(tile), (left, top))
            middle = left + CELL[0] * ENLARGED // 2
            pen.line((middle, top - 10, middle, top - 2), fill=(255, 0, 0), width=2)
    return out


def _treated(name: str, seed: int, strength: float) -> tuple[Image.Image, Image.Image, Image.Image]:
    """One enforced tile for each column, all from the same redraw."""
    photograph = PHOTOGRAPHS / f"{name}.jpg"
    size = CLASSIC.tile_px + 2 * _BORDER
    if photograph.exists():
        with Image.open(photograph) as image:
            scene = image.convert("RGB").crop((0, 0, size, CLASSIC.tile_px))
        top = 0
    else:
        scene, top = draw(name, (size, size), seed), _BORDER
    box = (_BORDER, top, _BORDER + CLASSIC.tile_px, top + CLASSIC.tile_px)
    band = scene.crop((box[0], box[1], box[0] + CLASSIC.band_px, box[3]))
    drift = replace(Drift.random(f"sheet:{name}:{seed}", strength), warp_px=2.0)
    raw = redraw(scene, box, drift)
    calibrated = calibrate_tile(raw, band, "x_ltr").tile
    plain = enforce_conditioning_half(raw, band, "x_ltr")
    enforced = enforce_conditioning_half(calibrated, band, "x_ltr")
    return plain, enforced, feather_tile(enforced, calibrated, band, "x_ltr", FEATHER_PX)


def _enlarged(tile: Image.Image) -> Image.Image:
    """The surroundings of the middle of the seam."""
    left, top = CLASSIC.band_px - CELL[0] // 2, CLASSIC.tile_px // 2 - CELL[1] // 2
    piece = tile.crop((left, top, left + CELL[0], top + CELL[1]))
    return piece.resize((CELL[0] * ENLARGED, CELL[1] * ENLARGED), Image.Resampling.NEAREST)


def main(argv: list[str] | None = None) -> int:
    """Draw the sheet and write it."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.seam_sheet", allow_abbrev=False)
    parser.add_argument(
        "out", nargs="?", type=Path, default=Path("seam-sheet.png"), help="the PNG to write (%(default)s)"
    )
    parser.add_argument("--kinds", nargs="*", help="only these pictures")
    options = parser.parse_args(argv)
    picture = sheet(tuple(options.kinds) if options.kinds else None)
    picture.save(options.out, format="PNG")
    print(f"{options.out}: {picture.width}x{picture.height}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
