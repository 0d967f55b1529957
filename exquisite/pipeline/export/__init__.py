"""Writes the whole canvas to a file, streamed from its strips: one PNG, or the tiles of a Deep Zoom picture."""

from .dzi import TILE_FORMATS
from .options import EXPORT_FORMATS, SIDE_READ_PX, ExportOptions, export_canvas, printed_cm
from .view import exported_size

__all__ = [
    "EXPORT_FORMATS",
    "SIDE_READ_PX",
    "TILE_FORMATS",
    "ExportOptions",
    "export_canvas",
    "exported_size",
    "printed_cm",
]
