"""Copies inside other programs: stamped when made, and later reported as current, stale or edited."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest

from exquisite._version import __version__
from exquisite.cli import vendor
from exquisite.cli.vendor import SOURCE, STAMP, check_copy, content_hashes, make_copy
from exquisite.errors import StorageError, UsageError
from tests.cli.conftest import Cli, everything


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A small package to copy."""
    package = tmp_path / "checkout" / "exquisite"
    (package / "inner").mkdir(parents=True)
    (package / "__init__.py").write_text("one = 1\n")
    (package / "inner" / "two.py").write_text("two = 2\n")
    (package / "py.typed").touch()
    (package / "__pycache__").mkdir()
    (package / "__pycache__" / "__init__.cpython-311.pyc").write_bytes(b"cache")
    return package


def test_the_copy_holds_every_file_and_no_cache(source: Path, tmp_path: Path) -> None:
    state = make_copy(tmp_path / "host", source=source)
    assert (state.path, state.status, state.version) == (tmp_path / "host" / "exquisite", "current", __version__)
    assert sorted(everything(state.path)) == [STAMP, "__init__.py", "inner/two.py", "py.typed"]
    assert list((tmp_path / "host").iterdir()) == [state.path]


def test_the_place_is_the_folder_or_the_copy_itself(source: Path, tmp_path: Path) -> None:
    first = make_copy(tmp_path / "host", source=source)
    assert make_copy(tmp_path / "host" / "exquisite", source=source) == first
    assert check_copy(tmp_path / "host", source=source) == check_copy(first.path, source=source)
    place = tmp_path / "host" / "corpse"
    first.path.rename(place)
    assert check_copy(place, source=source).status == "current"


def test_a_stale_copy_is_reported_and_replaced(source: Path, tmp_path: Path) -> None:
    make_copy(tmp_path / "host", source=source)
    (source / "inner" / "two.py").write_text("two = 3\n")
    state = check_copy(tmp_path / "host", source=source)
    assert (state.status, state.edited) == ("stale", ())
    assert "is stale" in state.sentence
    assert make_copy(tmp_path / "host", source=source).status == "current"
    assert (tmp_path / "host" / "exquisite" / "inner" / "two.py").read_text() == "two = 3\n"


def test_a_copy_of_another_version_is_stale_though_its_files_are_the_same(source: Path, tmp_path: Path) -> None:
    copy = make_copy(tmp_path / "host", source=source).path
    stamp = json.loads((copy / STAMP).read_text())
    (copy / STAMP).write_text(json.dumps(stamp | {"version": "0.0.1"}))
    assert check_copy(copy, source=source).status == "stale"


def test_every_kind_of_edit_is_named(source: Path, tmp_path: Path) -> None:
    copy = make_copy(tmp_path / "host", source=source).path
    (copy / "__init__.py").write_text("one = 1.0\n")
    (copy / "inner" / "two.py").unlink()
    (copy / "extra.py").touch()
    state = check_copy(copy, source=source)
    assert (state.status, state.edited) == ("edited", ("__init__.py", "extra.py", "inner/two.py"))


def test_an_edited_copy_is_replaced_only_by_force(source: Path, tmp_path: Path) -> None:
    copy = make_copy(tmp_path / "host", source=source).path
    (copy / "extra.py").touch()
    before = everything(tmp_path)
    with pytest.raises(UsageError, match=r"was edited: extra\.py; --force replaces it"):
        make_copy(copy, source=source)
    assert everything(tmp_path) == before
    assert make_copy(copy, force=True, source=source).status == "current"
    assert not (copy / "extra.py").exists()


def test_nothing_else_is_ever_replaced(source: Path, tmp_path: Path) -> None:
    (tmp_path / "host" / "exquisite").mkdir(parents=True)
    (tmp_path / "host" / "exquisite" / "novel.txt").write_text("chapter one")
    before = everything(tmp_path)
    for force in (False, True):
        with pytest.raises(UsageError, match="exists and is not a stamped copy"):
            make_copy(tmp_path / "host", force=force, source=source)
    with pytest.raises(UsageError, match="is this package itself"):
        make_copy(source, source=source)
    assert everything(tmp_path) == before


def test_an_unwritable_place_stays_unchanged(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = make_copy(tmp_path / "host", source=source).path
    (source / "__init__.py").write_text("one = 2\n")
    before = everything(copy)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copyfile", full)
    with pytest.raises(StorageError, match="No space left on device"):
        make_copy(copy, source=source)
    assert everything(copy) == before
    assert list((tmp_path / "host").iterdir()) == [copy]


def test_a_place_without_a_readable_stamp_is_no_copy(source: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not a stamped copy"):
        check_copy(tmp_path, source=source)
    copy = make_copy(tmp_path / "host", source=source).path
    for content in ("", "[]", "{}", '{"version": "1", "files": 3}'):
        (copy / STAMP).write_text(content)
        with pytest.raises(UsageError, match="cannot be read"):
            check_copy(copy, source=source)


def test_the_verb_copies_and_checks(cli: Cli, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = cli("vendor", "host")
    assert (copy.code, copy.out) == (0, f"{folder / 'host' / 'exquisite'} is current: {__version__}, unedited\n")
    assert content_hashes(folder / "host" / "exquisite") == content_hashes(SOURCE)
    assert cli("vendor", "--check", "host", "--json").data[0]["status"] == "current"
    (folder / "host" / "exquisite" / "errors.py").write_text("")
    result = cli("vendor", "--check", "host")
    assert (result.code, "was edited: errors.py" in result.out) == (1, True)
    assert cli("vendor", "host").code == 2
    monkeypatch.setattr(vendor, "__version__", "9.9.9")
    assert cli("vendor", "host", "--force").code == 0
    monkeypatch.undo()
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "argv", ["exquisite"])
    stale = cli("vendor", "--check", "host")
    assert (stale.code, "next: exquisite vendor host" in stale.err) == (1, True)
    assert cli("vendor", "host", "--force").code == 0
    assert cli("vendor", "--check", "nowhere").code == 2
