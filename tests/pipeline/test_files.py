"""The file system: atomic writes, synced in order, and errors that say what to do."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import IO

import pytest

from exquisite.errors import SessionLockedError, StorageError
from exquisite.files import Files, storage_error
from exquisite.pipeline.session import Session
from exquisite.pipeline.verify import verify_path
from tests.support.tiny import grow, make_session

fcntl = pytest.importorskip("fcntl") if os.name != "nt" else None


class Watched(Files):
    """Notes each effect."""

    def __init__(self) -> None:
        self.effects: list[str] = []

    def open(self, path: Path) -> IO[bytes]:
        self.effects.append(f"open {path.name}")
        return super().open(path)

    def sync(self, handle: IO[bytes]) -> None:
        self.effects.append(f"sync {Path(handle.name).name}")
        super().sync(handle)

    def replace(self, source: Path, target: Path) -> None:
        self.effects.append(f"replace {target.name}")
        super().replace(source, target)

    def sync_folder(self, path: Path) -> None:
        self.effects.append(f"sync folder {path.name}")
        super().sync_folder(path)


def test_an_atomic_write_is_synced_before_it_is_renamed_and_its_folder_after(tmp_path: Path) -> None:
    """The order that makes a power cut harmless."""
    (tmp_path / "tmp").mkdir()
    (tmp_path / "steps").mkdir()
    files = Watched()
    files.write_atomic(tmp_path / "steps" / "a", b"content", tmp_path / "tmp")
    assert files.effects == ["open a", "sync a", "replace a", "sync folder steps"]
    assert (tmp_path / "steps" / "a").read_bytes() == b"content"
    assert list((tmp_path / "tmp").iterdir()) == []


def test_short_writes_of_the_system_are_continued(tmp_path: Path) -> None:
    """write(2) may take less than it was given."""

    class Slow:
        name = str(tmp_path / "a")
        content = bytearray()

        def write(self, view: memoryview) -> int:
            self.content += view[:7]
            return len(view[:7])

    slow = Slow()
    Files().write(slow, bytes(range(100)))  # type: ignore[arg-type]
    assert bytes(slow.content) == bytes(range(100))


def test_a_file_that_could_not_be_written_is_closed(tmp_path: Path) -> None:
    """No handle leaks, whatever the interruption."""
    handles = []

    class Interrupted(Files):
        def write(self, handle: IO[bytes], data: bytes | memoryview) -> None:
            handles.append(handle)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Interrupted().write_file(tmp_path / "a", b"content")
    assert handles[0].closed


@pytest.mark.parametrize(
    ("code", "advice"),
    [(errno.ENOSPC, "free some space"), (errno.EACCES, "make the folder writable"), (errno.EROFS, "read-only"),
     (errno.ENOTDIR, "choose another path"), (errno.EIO, "check the disk")],
)  # fmt: skip
def test_errors_name_the_path_and_the_remedy(code: int, advice: str) -> None:
    """They keep the errno of the system's error."""
    error = storage_error(OSError(code, os.strerror(code)), "write", Path("here/HEAD"))
    assert "here/HEAD" in str(error)
    assert advice in str(error)
    assert error.errno == code


def test_every_effect_wraps_the_errors_of_the_system(tmp_path: Path) -> None:
    """Every failure of `Files` is an error of the package."""
    files, missing = Files(), tmp_path / "missing" / "a"
    (tmp_path / "file").write_bytes(b"")
    for effect in (
        lambda: files.open(missing),
        lambda: files.replace(missing, tmp_path / "b"),
        lambda: files.sync_folder(missing),
        lambda: files.make_folder(missing),
        lambda: files.unlink(tmp_path / "file" / "a"),
        lambda: files.remove_folder(missing),
        lambda: files.lock(missing),
        lambda: files.free_space(missing),
    ):
        with pytest.raises(StorageError, match=r"missing|file"):
            effect()


def test_removing_a_missing_file_and_making_an_existing_folder_are_no_errors(tmp_path: Path) -> None:
    """Removing and making are repeated after a crash."""
    Files().unlink(tmp_path / "gone")
    Files().make_folder(tmp_path)


class TestWeakFileSystems:
    """Network and FUSE file systems without everything that a disk has."""

    @pytest.mark.parametrize("code", [errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP])
    def test_a_folder_that_cannot_be_synced_is_no_error_and_is_remembered(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
    ) -> None:
        monkeypatch.setattr(os, "fsync", _refusing_folders(code))
        files = Files()
        assert not files.cannot_sync_folders
        files.sync_folder(tmp_path)
        assert files.cannot_sync_folders
        files.write_file(tmp_path / "a", b"content")

    def test_another_refusal_is_an_error(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(os, "fsync", _refusing_folders(errno.EIO))
        with pytest.raises(StorageError, match="check the disk"):
            Files().sync_folder(tmp_path)

    def test_a_file_that_cannot_be_synced_is_an_error(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(_: int) -> None:
            raise OSError(errno.EINVAL, "Invalid argument")

        monkeypatch.setattr(os, "fsync", refuse)
        with pytest.raises(StorageError):
            Files().write_file(tmp_path / "a", b"content")

    def test_it_is_recorded_once_in_the_session_and_reported_by_verify(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Whether the session was made there, or came there later."""
        make_session(tmp_path / "later")
        monkeypatch.setattr(os, "fsync", _refusing_folders(errno.EINVAL))
        for root in (tmp_path / "made", tmp_path / "later"):
            if root.name == "made":
                make_session(root)
            grow(Session.open(root), "x_ltr")
            grow(Session.open(root), "x_ltr")
            text = (root / "session.json").read_text()
            assert text.count("this file system cannot sync folders") == 1
            report = verify_path(root)
            assert report.ok
            assert any("cannot sync folders" in note for note in report.notes)

    @pytest.mark.parametrize(
        ("code", "message"),
        [(errno.ENOLCK, "has no locks to give"), (errno.EOPNOTSUPP, "has no locks"), (errno.EIO, "check the disk")],
    )
    def test_a_file_system_without_locks_is_named_in_the_error(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, message: str
    ) -> None:
        monkeypatch.setattr("exquisite.files._lock_handle", _raising(code))
        with pytest.raises(StorageError, match=rf"could not lock .*{message}"):
            Files().lock(tmp_path / ".lock")

    @pytest.mark.parametrize("code", [errno.EWOULDBLOCK, errno.EACCES])
    def test_only_a_lock_in_use_means_another_run(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
    ) -> None:
        monkeypatch.setattr("exquisite.files._lock_handle", _raising(code))
        with pytest.raises(SessionLockedError, match="another run"):
            Files().lock(tmp_path / ".lock")

    @pytest.mark.skipif(os.name == "nt", reason="Windows has no fcntl")
    @pytest.mark.parametrize("supported", [True, False])
    def test_macos_is_asked_to_empty_the_cache_of_the_disk(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, supported: bool
    ) -> None:
        """F_FULLFSYNC, and fsync where the file system has no such thing."""
        commands: list[object] = []

        def control(_: int, command: object) -> None:
            commands.append(command)
            if not supported:
                raise OSError(errno.ENOTSUP, "Operation not supported")

        monkeypatch.setattr(fcntl, "F_FULLFSYNC", 51, raising=False)
        monkeypatch.setattr(fcntl, "fcntl", control)
        monkeypatch.setattr(os, "fsync", lambda _: commands.append("fsync"))
        Files().write_file(tmp_path / "a", b"content")
        assert commands == ([51] if supported else [51, "fsync"])


def _refusing_folders(code: int) -> Callable[[int], None]:
    """fsync that fails for folders, with this code."""

    def fsync(handle: int) -> None:
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            raise OSError(code, os.strerror(code))

    return fsync


def _raising(code: int) -> Callable[[object], None]:
    def fail(_: object) -> None:
        raise OSError(code, os.strerror(code))

    return fail


@pytest.mark.invariant("ONE-WRITER")
def test_a_lock_has_one_owner_and_is_released(tmp_path: Path) -> None:
    """It belongs to the handle, not to a number in a file, so that a dead process holds none."""
    path = tmp_path / ".lock"
    lock = Files().lock(path)
    with pytest.raises(SessionLockedError, match="another run"):
        Files().lock(path)
    lock.release()
    lock.release()
    Files().lock(path).release()
