"""The command line: `build_parser` makes the parser, `main` runs a command."""

from __future__ import annotations

from .parser import build_parser
from .run import main

__all__ = ["build_parser", "main"]
