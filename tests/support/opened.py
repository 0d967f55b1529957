"""The files that a piece of code opens, from the audit events of the interpreter."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

__all__ = ["opened_for_reading"]

_watched: dict[str, list[str]] = {}  # folder -> paths inside it; an audit hook cannot be removed, so it looks in here


def _hook(event: str, arguments: tuple[object, ...]) -> None:
    """Python's audit event "open" has the arguments (path, _, flags); `os.open` has no mode."""
    if event != "open" or not _watched:
        return
    path, _, flags = arguments
    writes = isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR)
    if writes or not isinstance(path, str) or Path(path).is_dir():
        return
    for folder, paths in _watched.items():
        if path.startswith(folder + os.sep):
            paths.append(os.path.relpath(path, folder))


sys.addaudithook(_hook)


@contextlib.contextmanager
def opened_for_reading(folder: Path) -> Iterator[list[str]]:
    """Collect the path of every file below `folder` at each opening for reading."""
    paths = _watched[str(folder)] = []
    try:
        yield paths
    finally:
        del _watched[str(folder)]
