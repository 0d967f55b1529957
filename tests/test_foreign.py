"""Files of systems and editors are recognized by their names and change nothing in a session."""

from __future__ import annotations

from pathlib import Path

import pytest

from exquisite.errors import UsageError
from exquisite.foreign import is_foreign, own
from exquisite.pipeline.session import Session
from exquisite.pipeline.store import Store
from exquisite.pipeline.store.heads import head_path
from exquisite.pipeline.verify import verify_path
from tests.support.tiny import grow, make_session, pixels_of

FOREIGN = (
    ".DS_Store", "._HEAD", "._000.body", "Thumbs.db", "thumbs.db", "desktop.ini", "Desktop.ini", "HEAD~", ".HEAD.swp",
    "#HEAD#", ".#HEAD", "session.json.bak", "session.json.orig", ".~lock.prompt_full.txt#", ".directory", "Icon\r",
    ".nfs000000000123", "__MACOSX",
)  # fmt: skip
OURS = (
    "HEAD", "session.json", "ledger.json", ".lock", "000001", "000.body", "000.intent.json", "score.json", "night",
    "a.b-c_d", "tile_out_raw.png", "f" * 64, "backup", "DS_Store", "thumbs",
)  # fmt: skip


@pytest.mark.parametrize("name", FOREIGN)
def test_files_of_systems_and_editors_are_foreign(name: str) -> None:
    assert is_foreign(name)


@pytest.mark.parametrize("name", OURS)
def test_files_of_a_session_are_not_foreign(name: str) -> None:
    assert not is_foreign(name)


def test_files_in_a_foreign_folder_are_foreign(tmp_path: Path) -> None:
    paths = [tmp_path / "__MACOSX" / "HEAD", tmp_path / "heads" / "night"]
    assert list(own(paths, tmp_path)) == [tmp_path / "heads" / "night"]


def scatter(root: Path) -> int:
    """Put foreign files into every folder of a session; returns how many."""
    folders = [root, *(path for path in root.rglob("*") if path.is_dir())]
    for folder in folders:
        for name in FOREIGN[:12]:
            (folder / name).write_bytes(b"\0\0\0\x01Bud1")
    return len(folders) * len({name.lower() for name in FOREIGN[:12]})


def test_foreign_files_everywhere_change_nothing(tmp_path: Path) -> None:
    """Growing, choosing again, undoing, branching and exporting, with such files in every folder all the time."""
    with_files, without = tmp_path / "with", tmp_path / "without"
    for root in (with_files, without):
        make_session(root, ("x_ltr",))
        for act in (
            lambda session: grow(session, "x_rtl", candidates=2, artifacts="full"),
            lambda session: session.accept(1),
            lambda session: session.undo(),
            lambda session: session.branch("night"),
            lambda session: grow(session, "x_ltr"),
        ):
            if root is with_files:
                scatter(root)
            act(Session.open(root))
    assert pixels_of(with_files) == pixels_of(without)
    assert Store(with_files).branches() == ["night"]
    assert Session.open(with_files).status().unfinished == ()
    Session.open(with_files).export(tmp_path / "out.png")


def test_verify_names_foreign_files_in_one_line_and_reports_no_damage(tmp_path: Path) -> None:
    root = tmp_path / "s"
    make_session(root, ("x_ltr",), artifacts="full")
    checked = verify_path(root).checked
    scatter(root)
    report = verify_path(root)
    assert (report.findings, report.checked) == ((), checked)
    (note,) = report.notes
    assert note.startswith("ignored files of systems and editors: ")
    assert "heads/.DS_Store" in note
    assert verify_path(root, repair=True).ok
    assert (root / "heads" / ".DS_Store").exists()


def test_a_session_may_begin_in_a_folder_with_foreign_files(tmp_path: Path) -> None:
    root = tmp_path / "s"
    root.mkdir()
    (root / ".DS_Store").touch()
    assert make_session(root, ("x_ltr",)).head == 1


def test_a_foreign_name_is_no_branch_name(tmp_path: Path) -> None:
    session = make_session(tmp_path / "s")
    for name in ("desktop.ini", "Thumbs.db", "night.bak"):
        with pytest.raises(UsageError, match="bad branch name"):
            session.branch(name)


def test_a_branch_in_another_case_is_reported_on_a_case_insensitive_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such a disk finds heads/night under the name heads/Night."""
    session = make_session(tmp_path / "s")
    session.branch("night")
    monkeypatch.setattr(Store, "_head_path", lambda store, name: store.root / head_path(name and name.lower()))
    with pytest.raises(UsageError, match="takes upper and lower case for the same, and the branch is 'night'"):
        session.branch("Night")
    with pytest.raises(UsageError, match=r"no branch 'Night' .* the branch is 'night'"):
        Session.open(tmp_path / "s", branch="Night")


def test_a_copy_that_a_file_manager_made_is_no_branch(tmp_path: Path) -> None:
    session = make_session(tmp_path / "s", ("x_ltr",))
    session.branch("night")
    head = (tmp_path / "s" / "heads" / "night").read_bytes()
    for name in ("night copy", "night (1)", "night - Kopie"):
        (tmp_path / "s" / "heads" / name).write_bytes(head)
    session.branch("day")
    assert session.status().branches == ("day", "night")
    assert {finding.path for finding in session.verify().findings} == {
        "heads/night copy", "heads/night (1)", "heads/night - Kopie",
    }  # fmt: skip
