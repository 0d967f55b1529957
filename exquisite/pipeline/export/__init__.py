"""Exports the canvas, streamed from its strips, as one PNG or as a Deep Zoom picture."""

from .dzi import TILE_FORMATS
from .options import EXPORT_FORMATS, SIDE_READ_PX, ExportOptions, ExportOptionValues, export_canvas, printed_cm
from .view import exported_size

__all__ = [
    "EXPORT_FORMATS",
    "SIDE_READ_PX",
    "TILE_FORMATS",
    "ExportOptionValues",
    "ExportOptions",
    "export_canvas",
    "exported_size",
    "printed_cm",
]
