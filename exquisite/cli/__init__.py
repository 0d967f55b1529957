"""The command line: `build_parser` is its grammar, `main` runs it."""

from __future__ import annotations

from .parser import build_parser
from .run import main

__all__ = ["build_parser", "main"]
