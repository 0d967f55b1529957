"""Copies the package into other programs with a stamp of version and content, and checks such copies."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from .._version import __version__
from ..errors import StorageError, UsageError
from ..foreign import own

__all__ = ["SOURCE", "STAMP", "CopyState", "CopyStatus", "check_copy", "content_hashes", "make_copy"]

STAMP = "VENDORED.json"
"""The file in a copy with its version and the hash of each of its files."""

SOURCE = Path(__file__).resolve().parents[1]
"""The folder of this package."""


CopyStatus = Literal["current", "stale", "edited"]
"""How a copy compares with this package; see `CopyState`."""


@dataclass(frozen=True)
class CopyState:
    """The state of a copy relative to this package.

    Attributes:
        path: the copy.
        status: "current"; "stale" when it is unedited but has another version or content; "edited" when a file
            differs from the stamp.
        version: version in the copy's stamp.
        source_version: version of this package.
        edited: files that were changed, added or removed in the copy, sorted.
    """

    path: Path
    status: CopyStatus
    version: str
    source_version: str
    edited: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """The state in one line."""
        if self.status == "edited":
            return f"{self.path} was edited: {', '.join(self.edited)}"
        if self.status == "stale":
            return f"{self.path} is stale: {self.version}; this package is {self.source_version} with other content"
        return f"{self.path} is current: {self.version}, unedited"


def content_hashes(folder: Path) -> dict[str, str]:
    """SHA-256 of every file in a package folder by relative path, sorted, without caches and the stamp."""
    return {path.relative_to(folder).as_posix(): _sha256(path) for path in _files(folder)}


def make_copy(place: Path, *, force: bool = False, source: Path = SOURCE) -> CopyState:
    """Copy the package to `place` (or into it, when `place` has another name) with a stamp; replace an older copy.

    Raises:
        UsageError: the target exists and is not a copy of this package, or was edited and `force` is false.
        StorageError: the target cannot be written; an older copy stays.
    """
    target = _target(place, source)
    if source == target.resolve():
        raise UsageError(f"{target} is this package itself: choose another place")
    if target.exists() or target.is_symlink():
        if target.is_symlink() or not (target / STAMP).is_file():
            raise UsageError(f"{target} exists and is not a stamped copy: move it away, or choose another place")
        state = check_copy(place, source=source)
        if state.status == "edited" and not force:
            raise UsageError(f"{state.sentence}; --force replaces it")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{target.name}-", dir=target.parent) as beside:
            fresh = Path(beside) / "new"
            for path in _files(source):
                copy = fresh / path.relative_to(source)
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, copy)
            stamp = {"version": __version__, "content": _digest(content_hashes(fresh)), "files": content_hashes(fresh)}
            (fresh / STAMP).write_text(json.dumps(stamp, indent=2) + "\n", "utf-8")
            if target.exists():
                target.rename(Path(beside) / "old")
            fresh.rename(target)
    except OSError as error:
        raise StorageError(f"{target} cannot be written: {error.strerror or error}") from error
    return check_copy(place, source=source)


def check_copy(place: Path, *, source: Path = SOURCE) -> CopyState:
    """Compare the copy at `place` with its own stamp and with this package.

    Raises:
        UsageError: `place` has no stamped copy.
    """
    target = _target(place, source)
    try:
        stamp = json.loads((target / STAMP).read_text("utf-8"))
        version, stamped = str(stamp["version"]), dict(stamp["files"])
    except FileNotFoundError:
        raise UsageError(f"{target} is not a stamped copy: make one with the verb vendor") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{target / STAMP} cannot be read: make the copy again ({error})") from None
    content = content_hashes(target)
    edited = tuple(sorted(name for name in content.keys() | stamped.keys() if content.get(name) != stamped.get(name)))
    current = (version, content) == (__version__, content_hashes(source))
    status: CopyStatus = "edited" if edited else "current" if current else "stale"
    return CopyState(target, status, version, __version__, edited)


def _target(place: Path, source: Path) -> Path:
    """The copy itself: `place` when it has the package's name or holds a stamp, else a folder of that name in it."""
    place = place.absolute()
    return place if place.name == source.name or (place / STAMP).is_file() else place / source.name


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(own(folder.rglob("*"), folder)):
        parts = path.relative_to(folder).parts
        if path.is_file() and "__pycache__" not in parts and path.suffix not in (".pyc", ".pyo") and parts != (STAMP,):
            yield path


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _digest(hashes: dict[str, str]) -> str:
    """One hash for all content: the SHA-256 of the output of sha256sum."""
    return hashlib.sha256("".join(f"{value}  {name}\n" for name, value in hashes.items()).encode()).hexdigest()
