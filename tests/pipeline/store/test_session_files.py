"""Files of a session: under the lock each is read once, without it every time, and a failed write leaves no memory."""

from __future__ import annotations

from pathlib import Path

import pytest

from exquisite.errors import SessionDamagedError, StorageError
from exquisite.pipeline.store.records import seal, sha256
from exquisite.pipeline.store.session_files import SessionFiles
from tests.support.faulty_files import Fault, FaultyFiles, QuickFiles
from tests.support.opened import opened_for_reading

LARGE = bytes(1 << 17)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "tmp").mkdir()
    return tmp_path


def test_the_writer_reads_a_file_once(root: Path) -> None:
    disk = SessionFiles(root, QuickFiles())
    (root / "a").write_bytes(b"1")
    lock = disk.lock()
    with opened_for_reading(root) as paths:
        assert (disk.read(root / "a"), disk.read(root / "a"), disk.hash_of(root / "a")) == (b"1", b"1", sha256(b"1"))
    assert paths == ["a"]
    lock.release()
    (root / "a").write_bytes(b"2")
    assert disk.read(root / "a") == b"2"


def test_the_writer_does_not_read_its_own_files(root: Path) -> None:
    disk = SessionFiles(root, QuickFiles())
    lock = disk.lock()
    disk.write(root / "a", seal({"x": 1}))
    disk.write_in_place(root / "b", LARGE)
    with opened_for_reading(root) as paths:
        assert disk.read_record(root / "a") == {"x": 1}
        assert disk.hash_of(root / "b") == sha256(LARGE)
        assert paths == []
        assert disk.read(root / "b") == LARGE
        assert paths == ["b"], "only the hash of a large file is remembered"
    lock.release()


def test_without_the_lock_every_read_goes_to_the_disk(root: Path) -> None:
    disk = SessionFiles(root, QuickFiles())
    disk.write(root / "a", b"1")
    (root / "a").write_bytes(b"2")
    assert (disk.read(root / "a"), disk.hash_of(root / "a")) == (b"2", sha256(b"2"))


def test_after_a_failed_write_the_content_is_read_from_the_disk(root: Path) -> None:
    """Effects: the lock; of `write` open, write, sync, close, replace, and sync of the folder, which fails."""
    disk = SessionFiles(root, FaultyFiles(Fault(7, "EIO")))
    (root / "a").write_bytes(b"1")
    lock = disk.lock()
    assert disk.read(root / "a") == b"1"
    with pytest.raises(StorageError):
        disk.write(root / "a", b"2")
    assert disk.read(root / "a") == (root / "a").read_bytes() == b"2"
    lock.release()


def test_a_missing_file_is_a_damage(root: Path) -> None:
    disk = SessionFiles(root, QuickFiles())
    for read in (disk.read, disk.hash_of, disk.read_record):
        with pytest.raises(SessionDamagedError, match="cannot read"):
            read(root / "a")
