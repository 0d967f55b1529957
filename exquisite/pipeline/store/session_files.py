"""Reads and writes the files of a session, none of them twice under one lock.

Only the process that holds the session's lock writes. From the moment it has the lock until it gives it up, what it has
read or written is what the disk holds, so the content of small files and the hash of all files are remembered. Without
the lock every read goes to the disk, because another process may write at any time.
"""

from __future__ import annotations

from pathlib import Path

from ...files import Files, Lock
from .records import Record, read_file, sha256, unseal

__all__ = ["SessionFiles", "WriterLock"]

_REMEMBERED_BYTES = 1 << 16  # a record has a few thousand bytes; pictures and answers are larger, and read only once


class SessionFiles:
    """The files under `root`, through the seam `files`."""

    def __init__(self, root: Path, files: Files) -> None:
        self.root = root
        self.files = files
        self._is_writer = False
        self._contents: dict[Path, bytes] = {}
        self._hashes: dict[Path, str] = {}

    @property
    def tmp(self) -> Path:
        """The folder of files during their writing."""
        return self.root / "tmp"

    def lock(self) -> WriterLock:
        """Become the only writer, and remember files until the lock is released.

        Raises:
            SessionLockedError: another writer holds the lock.
        """
        lock = WriterLock(self.files.lock(self.root / ".lock"), self)
        self._is_writer = True
        return lock

    def forget(self) -> None:
        """Forget every file; the next read goes to the disk."""
        self._is_writer = False
        self._contents.clear()
        self._hashes.clear()

    def read(self, path: Path) -> bytes:
        """The content of a file.

        Raises:
            SessionDamagedError: it is missing or unreadable.
        """
        data = self._contents.get(path)
        if data is None:
            data = read_file(path)
            self._remember(path, data)
        return data

    def read_record(self, path: Path) -> Record:
        """The record in a file.

        Raises:
            SessionDamagedError: missing, unreadable, altered, or of a newer format.
        """
        return unseal(self.read(path), path)

    def hash_of(self, path: Path) -> str:
        """The SHA-256 of a file.

        Raises:
            SessionDamagedError: it is missing or unreadable.
        """
        digest = self._hashes.get(path)
        return sha256(self.read(path)) if digest is None else digest

    def write(self, path: Path, data: bytes, draft_name: str = "") -> None:
        """Replace a file, whole or not at all; durable on return. `draft_name` is its name in tmp/ until then."""
        self._forget_file(path)
        self.files.write_atomic(path, data, self.tmp, draft_name)
        self._remember(path, data)

    def write_in_place(self, path: Path, data: bytes) -> None:
        """Write a file that no record names yet; its content is durable on return, its name may not be."""
        self._forget_file(path)
        self.files.write_file(path, data)
        self._remember(path, data)

    def _remember(self, path: Path, data: bytes) -> None:
        if not self._is_writer:
            return
        self._hashes[path] = sha256(data)
        if len(data) <= _REMEMBERED_BYTES:
            self._contents[path] = data

    def _forget_file(self, path: Path) -> None:
        """A failed write leaves the file in an unknown state."""
        self._contents.pop(path, None)
        self._hashes.pop(path, None)


class WriterLock:
    """The lock of a session; its release ends the remembering, too."""

    def __init__(self, lock: Lock, files: SessionFiles) -> None:
        self._lock = lock
        self._files = files

    def release(self) -> None:
        """Release the lock; a second call does nothing."""
        self._files.forget()
        self._lock.release()
