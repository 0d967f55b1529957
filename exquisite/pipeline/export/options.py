"""The options of an export, with defaults and ranges, and the export itself."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TypedDict, cast

from ...contract import Box
from ...errors import UsageError
from ...json_types import JsonObject
from ..store import Store
from .dzi import TILE_FORMATS, export_dzi
from .png import Progress, export_png
from .view import CanvasView

__all__ = ["EXPORT_FORMATS", "SIDE_READ_PX", "ExportOptionValues", "ExportOptions", "export_canvas", "printed_cm"]

EXPORT_FORMATS = ("png", "dzi")
"""Export formats; each is also the suffix of its files."""

SIDE_READ_PX = 1_000_000
"""The longest side that many programs read from a PNG: the default limit of libpng (PNG_USER_WIDTH_MAX)."""

_INCH_CM = 2.54


class ExportOptionValues(TypedDict, total=False):
    """Some options of an export by name, as a caller gives them: the fields of `ExportOptions`."""

    format: str | None
    tiles: str
    dpi: float | None
    crop: tuple[int, int, int, int] | None
    scale: float
    roll: int


@dataclass(frozen=True)
class ExportOptions:
    """The options of an export.

    Attributes:
        format: "png" or "dzi" (Deep Zoom); None for the format of the file name's suffix.
        tiles: the tile format of a Deep Zoom picture: "jpeg" or "png".
        dpi: print resolution in pixels an inch, written into a PNG; None to omit it.
        crop: the box to write, half-open, in pixels from the canvas's top left corner; None for all of it.
        scale: factor of both sides, above 0.
        roll: pixels by which a closed loop is shifted along its axis, to the right or downwards; its ends then meet
            inside the picture.

    Raises:
        UsageError: a value is outside its range, or an option does not exist.
    """

    format: str | None = None
    tiles: str = "jpeg"
    dpi: float | None = None
    crop: tuple[int, int, int, int] | None = None
    scale: float = 1.0
    roll: int = 0

    def __post_init__(self) -> None:
        if self.format not in (None, *EXPORT_FORMATS):
            raise UsageError(f"unknown format {self.format!r}: use one of {', '.join(EXPORT_FORMATS)}")
        if self.tiles not in TILE_FORMATS:
            raise UsageError(f"unknown format of tiles {self.tiles!r}: use one of {', '.join(TILE_FORMATS)}")
        if self.dpi is not None and not _is_factor(self.dpi):
            raise UsageError(f"dpi must be a number of pixels an inch, such as 300, not {self.dpi!r}")
        if self.crop is not None and not (len(self.crop) == 4 and all(map(_is_whole, self.crop))):
            raise UsageError(f"crop must be LEFT,TOP,RIGHT,BOTTOM in whole pixels, not {self.crop!r}")
        if not _is_factor(self.scale):
            raise UsageError(f"scale must be a factor above 0, not {self.scale!r}")
        if not _is_whole(self.roll):
            raise UsageError(f"roll must be a whole number of pixels, not {self.roll!r}")

    @classmethod
    def from_values(cls, values: Mapping[str, object]) -> ExportOptions:
        """Options from names and values."""
        names = {option.name for option in fields(cls)}
        if unknown := sorted(set(values) - names):
            raise UsageError(f"unknown export option {unknown[0]!r}: use one of {', '.join(sorted(names))}")
        return cls(**cast(JsonObject, values))

    def format_of(self, path: Path) -> str:
        """The format to write to `path`.

        Raises:
            UsageError: the suffix of `path` is not that of the format.
        """
        suffix = path.suffix.lower().removeprefix(".")
        chosen = self.format or suffix
        if chosen not in EXPORT_FORMATS or suffix != chosen:
            endings = f".{self.format}" if self.format else " or ".join(f".{name}" for name in EXPORT_FORMATS)
            raise UsageError(f"cannot export to {path}: use a name that ends in {endings}")
        if chosen == "dzi" and self.dpi is not None:
            raise UsageError("a Deep Zoom picture cannot store a resolution: omit --dpi, or export a .png")
        return chosen


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_factor(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < math.inf


def export_canvas(
    store: Store, number: int, path: Path, options: ExportOptions, progress: Progress | None = None
) -> Path:
    """Write the canvas of step `number` to `path` with `options`, and return `path`.

    Raises:
        UsageError: the target or an option is invalid.
        StorageError: there is too little space, or the disk fails.
        SessionDamagedError: a strip cannot be read.
    """
    kind = options.format_of(path)
    if path.is_dir():
        raise UsageError(f"cannot export to {path}: it is a folder; add a file name that ends in .{kind}")
    if not path.parent.is_dir():
        raise UsageError(f"cannot export to {path}: the folder {path.parent} does not exist; make it first")
    crop = None if options.crop is None else Box(*options.crop)
    view = CanvasView(store, number, crop, options.scale, options.roll)
    if kind == "png":
        return export_png(view, path, store.files, options.dpi, progress)
    return export_dzi(view, path, store.files, options.tiles, progress)


def printed_cm(size: tuple[int, int], dpi: float) -> tuple[float, float]:
    """(width, height) in centimetres of a print of (width, height) pixels at `dpi` pixels an inch."""
    return (size[0] / dpi * _INCH_CM, size[1] / dpi * _INCH_CM)
