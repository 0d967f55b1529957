"""File systems with faults: an error at a chosen effect, or the loss of unsynced content.

None of them waits for a disk: a sync is only remembered, because what they simulate is decided here.
"""

from __future__ import annotations

import errno
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

from exquisite.files import Files, Lock, storage_error

__all__ = ["KINDS", "Fault", "FaultyFiles", "PowerLossFiles", "QuickFiles"]

KINDS = ("ENOSPC", "EIO", "EACCES", "short", "interrupt before", "interrupt after")
"""What a fault can be; "short" writes half of the data and then has no space."""


class QuickFiles(Files):
    """The real file system without waiting for the disk."""

    def sync(self, handle: IO[bytes]) -> None:
        """Say that it is on the disk."""

    def sync_folder(self, path: Path) -> None:
        """Say that it is on the disk."""


@dataclass(frozen=True)
class Fault:
    """Effect number `at` (from 1) goes wrong; with `forever` every later one, too."""

    at: int
    kind: str
    forever: bool = False

    def hits(self, count: int) -> bool:
        """Whether the effect with this number fails."""
        return count >= self.at if self.forever else count == self.at


class FaultyFiles(QuickFiles):
    """A file system in which chosen effects fail.

    Attributes:
        count: how many effects were asked for so far.
    """

    def __init__(self, *faults: Fault) -> None:
        self._faults = faults
        self.count = 0

    def open(self, path: Path) -> IO[bytes]:
        """See `Files`."""
        return self._open_with(path, super().open)

    def open_end(self, path: Path) -> IO[bytes]:
        """See `Files`."""
        return self._open_with(path, super().open_end)

    def _open_with(self, path: Path, opening: Callable[[Path], IO[bytes]]) -> IO[bytes]:
        handles: list[IO[bytes]] = []
        try:
            self._effect(path, lambda: handles.append(opening(path)))
        except BaseException:
            for handle in handles:  # nobody got it
                handle.close()
            raise
        return handles[0]

    def write(self, handle: IO[bytes], data: bytes | memoryview) -> None:
        """See `Files`; a short write leaves half of the data."""
        write = super().write
        half = memoryview(data)[: len(data) // 2]
        self._effect(Path(handle.name), lambda: write(handle, data), short=lambda: write(handle, half))

    def sync(self, handle: IO[bytes]) -> None:
        """See `Files`."""
        self._effect(Path(handle.name), lambda: None)

    def close(self, handle: IO[bytes]) -> None:
        """See `Files`; the handle is closed even when that fails."""
        close = super().close
        try:
            self._effect(Path(handle.name), lambda: close(handle))
        finally:
            handle.close()

    def replace(self, source: Path, target: Path) -> None:
        """See `Files`."""
        self._effect(target, lambda: super(FaultyFiles, self).replace(source, target))

    def sync_folder(self, path: Path) -> None:
        """See `Files`."""
        self._effect(path, lambda: None)

    def make_folder(self, path: Path) -> None:
        """See `Files`."""
        self._effect(path, lambda: super(FaultyFiles, self).make_folder(path))

    def unlink(self, path: Path) -> None:
        """See `Files`."""
        self._effect(path, lambda: super(FaultyFiles, self).unlink(path))

    def remove_folder(self, path: Path) -> None:
        """See `Files`."""
        self._effect(path, lambda: super(FaultyFiles, self).remove_folder(path))

    def free_space(self, folder: Path) -> int:
        """See `Files`."""
        return int(self._effect(folder, lambda: super(FaultyFiles, self).free_space(folder)))

    def lock(self, path: Path) -> Lock:
        """See `Files`."""
        lock: list[Lock] = []
        try:
            self._effect(path, lambda: lock.append(super(FaultyFiles, self).lock(path)))
        except BaseException:
            for inner in lock:  # a process that dies gives its lock back
                inner.release()
            raise
        return lock[0]

    def _effect(self, path: Path, run: Callable[[], Any], short: Callable[[], Any] | None = None) -> Any:
        self.count += 1
        fault = next((fault for fault in self._faults if fault.hits(self.count)), None)
        if fault is None:
            return run()
        if fault.kind.startswith("interrupt"):
            if fault.kind.endswith("after"):
                run()
            raise KeyboardInterrupt
        if fault.kind == "short" and short is not None:
            short()
        code = errno.ENOSPC if fault.kind == "short" else getattr(errno, fault.kind)
        raise storage_error(OSError(code, "made to fail"), "write", path)


@dataclass(eq=False)
class _Inode:
    """The content of a file, whatever its name, and whether that was synced."""

    data: bytes
    synced: bool

    def survivor(self, chance: random.Random) -> bytes:
        """The content after a power cut."""
        if self.synced:
            return self.data
        cut = chance.randrange(len(self.data) + 1)
        return chance.choice((self.data[:cut], self.data[:cut] + bytes(len(self.data) - cut), b""))


@dataclass
class _Names:
    """The names that are on the disk."""

    files: dict[Path, _Inode]
    folders: set[Path]

    def apply(self, change: _Change) -> None:
        """Apply a change of names."""
        if change.kind == "folder":
            self.folders.add(change.path)
        elif change.kind == "no folder":
            self.folders.discard(change.path)
        elif change.kind == "moved folder":
            self.folders = {change.path_after(path) for path in self.folders}
            self.files = {change.path_after(path): inode for path, inode in self.files.items()}
        elif change.inode is None:
            self.files.pop(change.path, None)
        else:
            self.files[change.path] = change.inode
            if change.source is not None:
                self.files.pop(change.source, None)


@dataclass(frozen=True)
class _Change:
    """A name that came (`inode`, from `source` when renamed), went (no inode), or is a folder's."""

    kind: str
    path: Path
    inode: _Inode | None = None
    source: Path | None = None

    def path_after(self, path: Path) -> Path:
        """`path` after the folder `source` has become `self.path`."""
        assert self.source is not None
        return self.path / path.relative_to(self.source) if path.is_relative_to(self.source) else path


class PowerLossFiles(QuickFiles):
    """A file system that remembers what would survive a power cut after each effect.

    The model is harsher than a journaling file system: of the names that changed in a folder since it was
    synced, any subset may be there; a file whose content was not synced may be cut, zeroed or empty; a rename
    happens whole or not at all, and need not have happened before its target's folder is synced.

    Args:
        root: the folder that is watched; what is there at first counts as durable.
        on_effect: called after each effect.
    """

    def __init__(self, root: Path, on_effect: Callable[[PowerLossFiles], None] | None = None) -> None:
        self._root = root
        self._live = {path: _Inode(path.read_bytes(), True) for path in root.rglob("*") if path.is_file()}
        self._disk = _Names(dict(self._live), {root, *(path for path in root.rglob("*") if path.is_dir())})
        self._changes: list[_Change] = []  # names that changed since their folder was synced
        self._on_effect = on_effect or (lambda _files: None)

    def open(self, path: Path) -> IO[bytes]:
        """See `Files`."""
        handle = super().open(path)
        inode = self._live.get(path)
        if inode is None:
            inode = self._live[path] = _Inode(b"", False)
            self._changes.append(_Change("name", path, inode))
        inode.data, inode.synced = b"", False
        self._on_effect(self)
        return handle

    def open_end(self, path: Path) -> IO[bytes]:
        """See `Files`."""
        handle = super().open_end(path)
        if path not in self._live:
            self._live[path] = _Inode(b"", False)
            self._changes.append(_Change("name", path, self._live[path]))
        self._on_effect(self)
        return handle

    def write(self, handle: IO[bytes], data: bytes | memoryview) -> None:
        """See `Files`."""
        super().write(handle, data)
        inode = self._live[Path(handle.name)]
        inode.data, inode.synced = inode.data + bytes(data), False
        self._on_effect(self)

    def sync(self, handle: IO[bytes]) -> None:
        """See `Files`."""
        self._live[Path(handle.name)].synced = True
        self._on_effect(self)

    def replace(self, source: Path, target: Path) -> None:
        """See `Files`."""
        super().replace(source, target)
        if target.is_dir():
            self._replaced_folder(_Change("moved folder", target, source=source))
            return
        inode = self._live[target] = self._live.pop(source)
        self._changes = [change for change in self._changes if change.inode is not inode]
        self._add_change(_Change("rename", target, inode, source))

    def sync_folder(self, path: Path) -> None:
        """See `Files`."""
        for change in self._changes:
            if change.path.parent == path:
                self._disk.apply(change)
        self._changes = [change for change in self._changes if change.path.parent != path]
        self._on_effect(self)

    def make_folder(self, path: Path) -> None:
        """See `Files`."""
        if not path.exists():
            super().make_folder(path)
            self._add_change(_Change("folder", path))

    def unlink(self, path: Path) -> None:
        """See `Files`."""
        if path.exists():
            super().unlink(path)
            self._live.pop(path, None)
            self._add_change(_Change("gone", path))

    def remove_folder(self, path: Path) -> None:
        """See `Files`."""
        super().remove_folder(path)
        self._add_change(_Change("no folder", path))

    def _replaced_folder(self, change: _Change) -> None:
        """Rename a folder with everything in it."""
        self._live = {change.path_after(path): inode for path, inode in self._live.items()}
        inside = [replace(other, path=change.path_after(other.path)) for other in self._changes]
        self._changes = [
            replace(other, source=change.path_after(other.source)) if other.source else other for other in inside
        ]
        self._add_change(change)

    def survive(self, target: Path, seed: int) -> None:
        """Write to `target` the state of the root after a power cut now.

        With seed 0 no name that was not synced is there, with 1 all of them; with others any of them.
        """
        chance = random.Random(seed)
        names = _Names(dict(self._disk.files), set(self._disk.folders))
        for change in self._changes:
            if seed == 1 or (seed > 1 and chance.random() < 0.5):
                names.apply(change)
        for folder in sorted(names.folders):
            place = target / folder.relative_to(self._root)
            if place.parent.is_dir():
                place.mkdir(exist_ok=True)
        for path, inode in names.files.items():
            place = target / path.relative_to(self._root)
            if place.parent.is_dir():  # what is in a folder without a name cannot be reached
                place.write_bytes(inode.survivor(chance))

    def _add_change(self, change: _Change) -> None:
        self._changes.append(change)
        self._on_effect(self)
