"""Stores the pictures of recordings, in files named by their SHA-256. Recordings in one folder share them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path

from ...errors import ReplayError
from ...files import Files

__all__ = ["BLOBS", "blob_name", "blobs_named_in", "picture_suffix", "prune", "read_blob", "unnamed_blobs"]

BLOBS = "blobs"
"""Name of the folder with the pictures, beside the recordings."""

_NAME = re.compile(r'"([0-9a-f]{64}\.[a-z]{3,4})"')
_SUFFIXES = {b"\x89PNG\r\n\x1a\n": ".png", b"\xff\xd8\xff": ".jpg", b"RIFF": ".webp", b"GIF8": ".gif"}


def picture_suffix(data: bytes) -> str:
    """File suffix for the picture `data`; "" for other data."""
    return next((suffix for signature, suffix in _SUFFIXES.items() if data.startswith(signature)), "")


def blob_name(data: bytes) -> str:
    """Name of the file for `data`."""
    return hashlib.sha256(data).hexdigest() + (picture_suffix(data) or ".bin")


def read_blob(folder: Path, name: str) -> bytes:
    """Read a blob.

    Raises:
        ReplayError: the file is missing, or its content does not match its name.
    """
    if Path(name).name != name:
        raise ReplayError(f"the blob {name!r} is no file name")
    path = folder / name
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ReplayError(f"the blob {path} cannot be read: {error.strerror or error}; restore it") from error
    if hashlib.sha256(data).hexdigest() != path.stem:
        raise ReplayError(f"the blob {path} is damaged: its SHA-256 is not its name; restore it or record again")
    return data


def blobs_named_in(recordings: Iterable[Path]) -> set[str]:
    """The names of the blobs in `recordings`; missing files are ignored."""
    texts = (path.read_text("utf-8", "replace") for path in recordings if path.is_file())
    return {name for text in texts for name in _NAME.findall(text)}


def unnamed_blobs(folder: Path) -> set[str]:
    """The names of the blobs in `folder` that no recording there references."""
    blobs = folder / BLOBS
    files = {path.name for path in blobs.iterdir()} if blobs.is_dir() else set()
    return {name for name in files if _NAME.fullmatch(f'"{name}"')} - blobs_named_in(folder.glob("*.json"))


def prune(folder: Path, names: Iterable[str]) -> None:
    """Remove the blobs among `names` that no recording in `folder` references.

    Raises:
        StorageError: a removal failed.
    """
    for name in unnamed_blobs(folder) & set(names):
        Files().unlink(folder / BLOBS / name)
