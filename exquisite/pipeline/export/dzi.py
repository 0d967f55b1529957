"""Exports the canvas as a Deep Zoom picture: tiles at power-of-two levels, for viewers that load only visible tiles.

    NAME.dzi                          size, tile size, overlap and format, as XML
    NAME_files/LEVEL/COLUMN_ROW.jpeg  the tiles; the highest level has the canvas's own size, level 0 is one pixel
    NAME.html                         a viewer in one file, which needs no server

One pass over the strips writes all levels. Each level holds only the pixels of its next column of tiles, and passes
halved pixels to the next lower level. Format: Microsoft, Deep Zoom File Format Overview; each side of a level is
ceil(side / 2) of the level above it, and a tile repeats `overlap` pixels of its neighbours.
"""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from ...contract import CLASSIC, Mode
from ...errors import StorageError, UsageError
from ...files import Files
from ...foreign import own
from .ahead import ahead
from .png import Progress, megabytes
from .publication import Publication, draft_of
from .view import CanvasView, PixelRun

__all__ = ["TILE_FORMATS", "export_dzi"]

TILE_FORMATS = ("jpeg", "png")
"""Formats of tiles: JPEG for viewing, PNG for exact pixels."""

_TILE_PX = CLASSIC.tile_px // 2  # two rows of tiles across a canvas of the classic contract
_OVERLAP_PX = 1  # the usual overlap, so that scaled tiles show no lines between them
_JPEG_QUALITY = 75  # with 4:2:0 subsampling: the default of Pillow and of libvips
_PYRAMID = 4 / 3  # ratio of the pixels of all levels to those of the highest
_VIEWER = Path(__file__).with_name("viewer.html")
_VIEWER_MARK = "<!-- Deep Zoom viewer -->"
_PLACE_OF_PICTURE = "/*picture*/ null"


def export_dzi(
    view: CanvasView, path: Path, files: Files, tiles: str = "jpeg", progress: Progress | None = None
) -> Path:
    """Write `view` to `path` (NAME.dzi), its tiles and its viewer beside it, and return `path`.

    Every tile is synced before NAME.dzi is put in place, so that an existing NAME.dzi has all its tiles, also after a
    power cut. An older picture of that name stays until the new one is complete.

    Args:
        view: the pixels to write.
        path: the target, ending in .dzi; its folder must exist.
        files: the file system.
        tiles: one of TILE_FORMATS.
        progress: progress callback.

    Raises:
        UsageError: the format is unknown, or the name of the tiles or viewer is taken by something else.
        StorageError: there is too little space, or the disk fails.
        SessionDamagedError: a strip cannot be read.
    """
    if tiles not in TILE_FORMATS:
        raise UsageError(f"unknown format of tiles {tiles!r}: use one of {', '.join(TILE_FORMATS)}")
    return _Export(view, path, files, tiles, progress or (lambda _message, _fraction: None)).run()


class _Level:
    """One level of the pyramid, canonical: the pixels that its next tiles and the level below need."""

    def __init__(self, number: int, length: int, breadth: int) -> None:
        self.number = number
        self.length = length
        self._pixels = PixelRun(breadth)
        self._column = 0
        self._halved = 0

    def append(self, pixels: Image.Image) -> None:
        """Add the next pixels along the axis."""
        self._pixels.append(pixels)

    def columns(self) -> Iterator[tuple[int, Image.Image]]:
        """The number and the pixels, with overlap, of each newly complete column of tiles."""
        while self._column * _TILE_PX < self.length:
            left, right = _span(self._column, self.length)
            if self._pixels.stop < right:
                return
            yield self._column, self._pixels.crop(left, right)
            self._column += 1

    def halved(self) -> Image.Image | None:
        """The next pixels of the level below; None while there are too few.

        Pairs of columns and rows are averaged; an odd one at the end is averaged alone.
        """
        stop = self._pixels.stop if self._pixels.stop == self.length else self._pixels.stop // 2 * 2
        if stop == self._halved:
            return None
        half = self._pixels.crop(self._halved, stop).reduce(2)
        self._halved = stop
        return half

    def drop(self) -> None:
        """Drop the pixels that neither tiles nor the level below need any more."""
        self._pixels.drop(min(self._halved, self._column * _TILE_PX - _OVERLAP_PX))


class _Export:
    """One Deep Zoom export: cuts tiles from the levels into a draft folder and publishes it."""

    def __init__(self, view: CanvasView, path: Path, files: Files, tiles: str, progress: Progress) -> None:
        self._view = view
        self._files = files
        self._tiles = tiles
        self._progress = progress
        self._path = path
        self._viewer = path.with_suffix(".html")
        self._folder = path.with_name(f"{path.stem}_files")
        self._publication = Publication(files, path, self._folder, self._viewer)
        top = (max(view.size) - 1).bit_length()
        sides = [(view.length, view.breadth)]
        while len(sides) <= top:
            sides.append((-(-sides[-1][0] // 2), -(-sides[-1][1] // 2)))
        self._levels = [_Level(top - depth, *side) for depth, side in enumerate(sides)]

    def run(self) -> Path:
        self._require_replaceable()
        self._require_space()
        with contextlib.ExitStack() as leaving:
            leaving.callback(self._files.lock(draft_of(self._path)).release)
            leaving.callback(self._publication.clear)
            self._publication.recover()
            self._write_tiles(draft_of(self._folder))
            self._files.write_file(draft_of(self._viewer), self._viewer_html())
            self._files.write_file(draft_of(self._path), self._descriptor())
            self._publication.publish()
        self._progress(f"wrote {self._path}", 1.0)
        return self._path

    # Checks before anything is written

    def _require_replaceable(self) -> None:
        if self._folder.exists() and not _is_pyramid(self._folder):
            raise UsageError(f"{self._folder} exists and holds other things than tiles: choose another name")
        if self._viewer.exists() and _VIEWER_MARK not in self._viewer.read_text("utf-8", "replace"):
            raise UsageError(f"{self._viewer} exists and is not a viewer of this package: choose another name")

    def _require_space(self) -> None:
        needed = round(_PYRAMID * self._view.likely_bytes)  # JPEG tiles are smaller
        free = self._files.free_space(self._path.parent)
        if free < needed:
            raise StorageError(
                f"cannot export to {self._path}: up to {megabytes(needed)} are needed, {megabytes(free)} are free: "
                f"free some space, or choose a target on another disk"
            )

    # Tiles

    def _write_tiles(self, folder: Path) -> None:
        """Write every tile under `folder`; all are durable on return."""
        levels = [folder / str(level.number) for level in self._levels]
        for each in (folder, *levels):
            self._files.make_folder(each)
        for name, data in ahead(self._encoded, self._cut()):
            self._files.write_file(folder / name, data)
        for written in (*levels, folder):
            self._files.sync_folder(written)

    def _cut(self) -> Iterator[tuple[str, Image.Image]]:
        """The name and the pixels of every tile, in the order in which the strips complete them."""
        columns = 0
        for block in self._view.blocks():
            pixels: Image.Image | None = block
            for level in self._levels:
                if pixels is None:
                    break
                level.append(pixels)
                for column, strip in level.columns():
                    yield from self._rows(level.number, column, strip)
                pixels = level.halved()
                level.drop()
            columns += block.width
            self._progress("writing tiles", columns / self._view.length)

    def _rows(self, level: int, column: int, strip: Image.Image) -> Iterator[tuple[str, Image.Image]]:
        """The tiles of one column, in the canvas's own orientation."""
        for row in range(-(-strip.height // _TILE_PX)):
            top, bottom = _span(row, strip.height)
            x, y = (column, row) if self._view.mode is Mode.X_LTR else (row, column)
            yield f"{level}/{x}_{y}.{self._tiles}", self._view.own(strip.crop((0, top, strip.width, bottom)))

    def _encoded(self, tile: tuple[str, Image.Image]) -> tuple[str, bytes]:
        name, pixels = tile
        buffer = io.BytesIO()
        if self._tiles == "png":
            pixels.save(buffer, "PNG", compress_level=1)
        else:
            pixels.save(buffer, "JPEG", quality=_JPEG_QUALITY, subsampling="4:2:0")
        return name, buffer.getvalue()

    # Descriptor and viewer

    def _descriptor(self) -> bytes:
        width, height = self._view.size
        return (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            f'<Image xmlns="http://schemas.microsoft.com/deepzoom/2008" Format="{self._tiles}" '
            f'Overlap="{_OVERLAP_PX}" TileSize="{_TILE_PX}">\n  <Size Width="{width}" Height="{height}"/>\n</Image>\n'
        ).encode()

    def _viewer_html(self) -> bytes:
        width, height = self._view.size
        picture = {
            "name": self._path.stem, "width": width, "height": height,
            "tileSize": _TILE_PX, "overlap": _OVERLAP_PX, "format": self._tiles,
        }  # fmt: skip
        text = json.dumps(picture).replace("<", "\\u003c")  # a name may hold anything, also the end of a script
        return _VIEWER.read_text("utf-8").replace(_PLACE_OF_PICTURE, text).encode()


def _span(index: int, length: int) -> tuple[int, int]:
    """The range [start, stop) of tile `index` with its overlap, within `length` pixels."""
    return max(0, index * _TILE_PX - _OVERLAP_PX), min(length, (index + 1) * _TILE_PX + _OVERLAP_PX)


def _is_pyramid(folder: Path) -> bool:
    """Whether a folder holds only level folders with tiles."""
    if not folder.is_dir():
        return False
    inside = list(own(folder.iterdir()))
    suffixes = {f".{name}" for name in TILE_FORMATS}
    return all(level.is_dir() and level.name.isdigit() for level in inside) and all(
        tile.suffix in suffixes for level in inside for tile in own(level.iterdir())
    )
