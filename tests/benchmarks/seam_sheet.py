"""`make seam-sheet`: one PNG for the eye. Each row a picture, each column a way to put the new half on.

    python -m tests.benchmarks.seam_sheet OUT.png                  every fixture, redrawn by the simulated model
    python -m tests.benchmarks.seam_sheet OUT.png --real folder    the pairs of a folder, redrawn by real models

From left to right: as it came, calibrated, calibrated and feathered; the enlarged seam in the middle of each, under a
mark above the row. In the first column it shows, in the last it should not.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from PIL import Image, ImageDraw

from exquisite.api.mock.drift import Drift, redraw
from exquisite.contract import CLASSIC, Mode, TileContract, to_canonical
from exquisite.geometry.calibration import calibrate_tile
from exquisite.geometry.enforcement import enforce_conditioning_half
from exquisite.geometry.feather import feather_tile
from tests.benchmarks.real import load
from tests.support.pictures import KINDS, draw

__all__ = ["COLUMNS", "FIXTURES", "PAIRS", "Cell", "Row", "main", "rows_of_fixtures", "rows_of_pairs", "sheet"]

PHOTOGRAPHS = Path(__file__).parents[2] / "fixtures" / "pictures"
COLUMNS = ("as it came", "calibrated", "calibrated + feather")
FEATHER_PX = 32
_BORDER = 64
_NAMES_PX = 150
_LABEL_PX = 28
_GAP_PX = 8


@dataclass(frozen=True)
class Cell:
    """What one cell shows: (width, height) in pixels of the tile, and how many times its size."""

    size: tuple[int, int]
    enlarged: int

    @property
    def drawn_size(self) -> tuple[int, int]:
        """(width, height) on the sheet."""
        return self.size[0] * self.enlarged, self.size[1] * self.enlarged


FIXTURES = Cell((96, 64), 4)
PAIRS = Cell((320, 256), 2)
"""Twice the size, at which the pairs' seams were judged."""


@dataclass(frozen=True)
class Row:
    """One picture: a line of text, the band's depth and one canonical tile for each column."""

    text: str
    band_px: int
    tiles: tuple[Image.Image, ...]


def sheet(rows: list[Row], cell: Cell) -> Image.Image:
    """The whole sheet, RGB."""
    width, height = cell.drawn_size
    out = Image.new("RGB", (_NAMES_PX + len(COLUMNS) * (width + _GAP_PX), _LABEL_PX + len(rows) * (height + _LABEL_PX)))
    out.paste((255, 255, 255), (0, 0, *out.size))
    pen = ImageDraw.Draw(out)
    for column, title in enumerate(COLUMNS):
        pen.text((_NAMES_PX + column * (width + _GAP_PX), 8), title, fill=(0, 0, 0))
    for index, row in enumerate(rows):
        top = _LABEL_PX + index * (height + _LABEL_PX) + _LABEL_PX // 2
        pen.text((8, top + 8), row.text, fill=(0, 0, 0))
        for column, tile in enumerate(row.tiles):
            left = _NAMES_PX + column * (width + _GAP_PX)
            out.paste(_seam(tile, row.band_px, cell), (left, top))
            pen.line((left + width // 2, top - 10, left + width // 2, top - 2), fill=(255, 0, 0), width=2)
    return out


def _seam(tile: Image.Image, band_px: int, cell: Cell) -> Image.Image:
    """The surroundings of the middle of the seam, enlarged; white where the tile ends."""
    left, top = band_px - cell.size[0] // 2, (tile.height - cell.size[1]) // 2
    piece = Image.new("RGB", cell.size, (255, 255, 255))
    piece.paste(tile, (-left, -top))
    return piece.resize(cell.drawn_size, Image.Resampling.NEAREST)


def rows_of_fixtures(kinds: tuple[str, ...] = (), seed: int = 31, strength: float = 1.0) -> Iterator[Row]:
    """Drawn kinds and photographs, redrawn with drift of `strength`; `kinds`: only these names, default all."""
    for name in kinds or (*sorted(path.stem for path in PHOTOGRAPHS.glob("*.jpg")), *KINDS):
        scene, box = _scene(name, seed)
        band = scene.crop((box[0], box[1], box[0] + CLASSIC.band_px, box[3]))
        drift = replace(Drift.random(f"sheet:{name}:{seed}", strength), warp_px=2.0)
        yield _row(name, redraw(scene, box, drift), band, Mode.X_LTR, CLASSIC)


def _scene(name: str, seed: int) -> tuple[Image.Image, tuple[int, int, int, int]]:
    """A picture and the box of its tile (left, top, right, bottom)."""
    photograph = PHOTOGRAPHS / f"{name}.jpg"
    size = CLASSIC.tile_px + 2 * _BORDER
    top = 0 if photograph.exists() else _BORDER
    box = (_BORDER, top, _BORDER + CLASSIC.tile_px, top + CLASSIC.tile_px)
    if not photograph.exists():
        return draw(name, (size, size), seed), box
    with Image.open(photograph) as image:
        return image.convert("RGB").crop((0, 0, size, CLASSIC.tile_px)), box


def rows_of_pairs(folder: Path) -> Iterator[Row]:
    """The pairs of a folder that `make bench-real` reads."""
    for pair in load(folder):
        yield _row(f"{pair.name}\n{pair.eye}", pair.output, pair.band, pair.mode, pair.contract)


def _row(text: str, raw: Image.Image, band: Image.Image, mode: Mode, contract: TileContract) -> Row:
    """One enforced tile for each column, all from the same redraw."""
    calibration = calibrate_tile(raw, band, mode, contract)
    plain = enforce_conditioning_half(raw, band, mode, contract)
    enforced = enforce_conditioning_half(calibration.tile, band, mode, contract)
    feathered = feather_tile(enforced, calibration.tile, band, mode, FEATHER_PX, contract)
    tiles = tuple(to_canonical(tile, mode) for tile in (plain, enforced, feathered))
    return Row("\n".join((text, *calibration.stages)), contract.band_px, tiles)


def main(argv: list[str] | None = None) -> int:
    """Draw the sheet and write it."""
    parser = argparse.ArgumentParser(prog="make seam-sheet", allow_abbrev=False)
    parser.add_argument(
        "out", nargs="?", type=Path, default=Path("seam-sheet.png"), help="the PNG to write (%(default)s)"
    )
    parser.add_argument("--kinds", nargs="*", default=(), help="only these fixtures")
    parser.add_argument("--real", type=Path, metavar="FOLDER", help="the pairs of this folder instead of the fixtures")
    options = parser.parse_args(argv)
    rows, cell = (rows_of_pairs(options.real), PAIRS) if options.real else (rows_of_fixtures(options.kinds), FIXTURES)
    picture = sheet(list(rows), cell)
    picture.save(options.out, format="PNG")
    print(f"{options.out}: {picture.width}x{picture.height}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
