"""Access to the file system: every effect of the package on the disk goes through one `Files` object.

`Files` has the primitive effects; `write_file` and `write_atomic` combine them. A failing effect, such as a write to a
full disk, raises StorageError. Tests replace the object to fail the k-th effect, to cut writes short, or to lose
unsynced data.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from .errors import SessionLockedError, StorageError

__all__ = ["Files", "Lock", "read_settings"]

_ADVICE = {
    errno.ENOSPC: "free some space and run the same command again",
    errno.EDQUOT: "free some space and run the same command again",
    errno.EACCES: "make the folder writable and run the same command again",
    errno.EPERM: "make the folder writable and run the same command again",
    errno.EROFS: "the file system is read-only; choose another folder",
    errno.ENOTDIR: "a part of the path is a file; choose another path",
    errno.ENOLCK: "this file system has no locks to give; put the session on a local disk",
    errno.EOPNOTSUPP: "this file system has no locks; put the session on a local disk",
}

_SETTINGS_BYTES = 1 << 24  # more than a person writes
_CANNOT_SYNC = (errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP)  # of a folder, on some network and FUSE file systems
_LOCKED = (errno.EWOULDBLOCK, errno.EACCES, errno.EDEADLK)  # flock, fcntl, and msvcrt have each their own


class Files:
    """The real file system. Paths are absolute or relative to the working folder; all content is bytes.

    Every method raises StorageError in place of OSError, with the path and what to do.

    Attributes:
        cannot_sync_folders: whether the file system has refused to sync a folder, which is not an error.
    """

    cannot_sync_folders = False

    def open(self, path: Path) -> IO[bytes]:
        """Open `path` for writing, unbuffered; an older file there is truncated."""
        with _storage("write", path):
            return path.open("wb", buffering=0)

    def open_end(self, path: Path) -> IO[bytes]:
        """Open `path` for appending, unbuffered; a missing file is created."""
        with _storage("write", path):
            return path.open("ab", buffering=0)

    def write(self, handle: IO[bytes], data: bytes | memoryview) -> None:
        """Write all of `data`, in as many system calls as needed."""
        with _storage("write", Path(handle.name)):
            view = memoryview(data)
            while view:
                written = handle.write(view)
                view = view[written:]

    def sync(self, handle: IO[bytes]) -> None:
        """Return when the data written to `handle` is on the disk."""
        with _storage("write", Path(handle.name)):
            _flush(handle.fileno())

    def close(self, handle: IO[bytes]) -> None:
        """Close `handle`."""
        with _storage("write", Path(handle.name)):
            handle.close()

    def replace(self, source: Path, target: Path) -> None:
        """Rename `source` to `target` atomically, over an older file there."""
        with _storage("write", target):
            source.replace(target)

    def sync_folder(self, path: Path) -> None:
        """Return when the names in the folder `path` are on the disk, or when the file system cannot sync folders."""
        if os.name == "nt":  # pragma: no cover - Windows keeps names durable itself and cannot open a folder
            return
        with _storage("write", path):
            handle = os.open(path, os.O_RDONLY)
            try:
                _flush(handle)
            except OSError as error:
                if error.errno not in _CANNOT_SYNC:
                    raise
                self.cannot_sync_folders = True
            finally:
                os.close(handle)

    def make_folder(self, path: Path) -> None:
        """Make the folder `path` unless it exists."""
        with _storage("make the folder", path):
            path.mkdir(exist_ok=True)

    def unlink(self, path: Path) -> None:
        """Remove the file `path` if it exists."""
        with _storage("remove", path):
            path.unlink(missing_ok=True)

    def remove_folder(self, path: Path) -> None:
        """Remove the empty folder `path`."""
        with _storage("remove", path):
            path.rmdir()

    def free_space(self, folder: Path) -> int:
        """Bytes that can still be written in `folder`."""
        with _storage("ask for the free space of", folder):
            return shutil.disk_usage(folder).free

    def lock(self, path: Path) -> Lock:
        """Take the operating system's lock on `path`, which the end of the process releases at the latest.

        Raises:
            SessionLockedError: another process or thread holds it.
            StorageError: the file system has no locks.
        """
        with _storage("lock", path):
            handle = path.open("ab")
        try:
            _lock_handle(handle)
        except OSError as error:
            handle.close()
            if error.errno not in _LOCKED:
                raise storage_error(error, "lock", path) from error
            raise SessionLockedError(
                f"another run is writing to {path.parent}: wait until it has ended, then run the command again"
            ) from error
        return Lock(handle)

    def write_file(self, path: Path, data: bytes) -> None:
        """Write `data` to `path` and return when the content is on the disk; the name may not be yet."""
        self._write_synced(self.open(path), data)

    def append(self, path: Path, data: bytes) -> None:
        """Append `data` to `path`, and return when content and name are on the disk."""
        self._write_synced(self.open_end(path), data)
        self.sync_folder(path.parent)

    def _write_synced(self, handle: IO[bytes], data: bytes) -> None:
        try:
            self.write(handle, data)
            self.sync(handle)
        except BaseException:
            with contextlib.suppress(StorageError):
                self.close(handle)
            raise
        self.close(handle)

    def write_atomic(self, path: Path, data: bytes, scratch: Path, draft_name: str = "") -> None:
        """Replace the content of `path` by `data` atomically; durable on return.

        `scratch` is a folder on the same file system for the file while it is being written, as `draft_name` or under
        its own name. Errors name `path`.
        """
        draft = scratch / (draft_name or path.name)
        try:
            self.write_file(draft, data)
        except StorageError as error:
            raise error.saying(str(error).replace(str(draft), str(path))) from error
        self.replace(draft, path)
        self.sync_folder(path.parent)


def read_settings(path: Path | str) -> bytes:
    """The content of a file that a person writes, such as a plan or a key; a pipe is read to its end.

    Raises:
        OSError: it is unreadable, or too long, as a device without end is.
    """
    with Path(path).open("rb") as file:
        data = file.read(_SETTINGS_BYTES + 1)
    if len(data) > _SETTINGS_BYTES:
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), str(path))
    return data


class Lock:
    """A lock that is held until `release`, or until the process ends."""

    def __init__(self, handle: IO[bytes]) -> None:
        self._handle = handle

    def release(self) -> None:
        """Release the lock; a second call does nothing."""
        self._handle.close()


@contextlib.contextmanager
def _storage(verb: str, path: Path) -> Iterator[None]:
    try:
        yield
    except StorageError:
        raise
    except OSError as error:
        raise storage_error(error, verb, path) from error


def storage_error(error: OSError, verb: str, path: Path) -> StorageError:
    """Convert `error` to a StorageError with the failed action, the path, and what to do."""
    reason = error.strerror or str(error) or type(error).__name__
    advice = _ADVICE.get(error.errno or 0, "check the disk and run the same command again")
    wrapped = StorageError(f"could not {verb} {path}: {reason}; {advice}")
    wrapped.errno = error.errno
    return wrapped


if os.name == "nt":  # pragma: no cover - exercised on Windows only
    import msvcrt

    def _flush(handle: int) -> None:
        os.fsync(handle)

    def _lock_handle(handle: IO[bytes]) -> None:
        msvcrt.locking(handle.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
else:
    import fcntl

    def _lock_handle(handle: IO[bytes]) -> None:
        fcntl.flock(handle.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _flush(handle: int) -> None:
        """fsync; on macOS also F_FULLFSYNC where available, because fsync leaves data in the disk's own cache."""
        if hasattr(fcntl, "F_FULLFSYNC"):
            with contextlib.suppress(OSError):
                fcntl.fcntl(handle, fcntl.F_FULLFSYNC)
                return
        os.fsync(handle)
