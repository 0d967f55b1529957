"""Pictures that requests of a session carry, besides its own canvas: style sheets, sketches, maps.

    pictures/<sha256>.png     named by the hash of the pixels, so that another encoder changes no name

A picture is known from `take` on, and on disk from `keep` on. A step keeps its pictures after its request is on disk,
and before anything is sent, so that no file is left that no record names.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from PIL import Image

from ...api.reference_picture import picture_sha256
from ...errors import SessionDamagedError
from .artifacts import decode_png, encode_png
from .session_files import SessionFiles

__all__ = ["PICTURE_PATH", "SessionPictures", "decoded"]

PICTURE_PATH = re.compile(r"pictures/([0-9a-f]{64})\.png")
"""Path of a picture inside the session's folder; its group is the hash."""


class SessionPictures:
    """The folder pictures/ of the session whose files are on `disk`."""

    def __init__(self, disk: SessionFiles) -> None:
        self._folder = disk.root / "pictures"
        self._disk = disk
        self._encoded: dict[str, bytes] = {}

    def take(self, picture: Image.Image) -> str:
        """Know an RGB picture; returns its hash. Nothing is written."""
        digest = picture_sha256(picture)
        if digest not in self._encoded and not self._is_kept(digest):
            self._encoded[digest] = encode_png(picture)
        return digest

    def png(self, digest: str) -> bytes:
        """The picture with this hash, as PNG.

        Raises:
            SessionDamagedError: its file is missing or altered.
        """
        if digest in self._encoded:
            return self._encoded[digest]
        path = self._path(digest)
        data = self._disk.read(path)
        if decoded(data, digest) is None:
            raise SessionDamagedError(f"{path} was altered; `verify` describes the damage")
        return data

    def keep(self, digests: Iterable[str]) -> None:
        """Write the pictures that are not on disk yet; durable on return."""
        for digest in digests:
            if self._is_kept(digest):
                continue
            if not self._folder.is_dir():
                self._disk.files.make_folder(self._folder)
                self._disk.files.sync_folder(self._folder.parent)
            self._disk.write(self._path(digest), self.png(digest))
            self._encoded.pop(digest, None)

    def _is_kept(self, digest: str) -> bool:
        """Whether the picture is whole on disk."""
        path = self._path(digest)
        return path.is_file() and decoded(self._disk.read(path), digest) is not None

    def _path(self, digest: str) -> Path:
        return self._folder / f"{digest}.png"


def decoded(data: bytes, digest: str) -> Image.Image | None:
    """The RGB picture in a PNG whose pixels have this hash; None for anything else."""
    try:
        picture = decode_png(data)
    except (OSError, SyntaxError, ValueError):
        return None
    return picture if picture.mode == "RGB" and picture_sha256(picture) == digest else None
