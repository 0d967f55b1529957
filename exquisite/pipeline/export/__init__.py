"""Writes the whole canvas to one file, streamed from its strips."""

from .png import export_png

__all__ = ["export_png"]
