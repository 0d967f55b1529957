"""`verify` reports every damage with its consequence; `repair` restores what is certain, and nothing else."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from exquisite.errors import SessionDamagedError, SessionLockedError, SessionNotFoundError
from exquisite.pipeline.session import Session
from exquisite.pipeline.store.records import seal, unseal
from exquisite.pipeline.verify import verify_path
from tests.support.damage import KINDS, Damage, damaged_session, random_damage
from tests.support.faulty_files import QuickFiles
from tests.support.tiny import grow, make_session, pixels_of, tree

DAMAGES = 144
QUICK = QuickFiles()
NO_HASH_KEPT = {"HEAD", "ledger.json"}
"""What is made again from the rest of the session, and may say the same in other words."""


@pytest.fixture(scope="module")
def rich(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Mapping[str, bytes]]]:
    """A session with something of everything, and its files."""
    root = tmp_path_factory.mktemp("verify") / "s"
    before = damaged_session(root)
    yield root, before
    assert tree(root) == before


def test_a_whole_session_has_no_findings(rich: tuple[Path, Mapping[str, bytes]]) -> None:
    """An unfinished step is a note, not a damage."""
    report = verify_path(rich[0])
    assert report.findings == ()
    assert report.ok
    assert report.checked == len(rich[1])
    assert report.notes == ("step 6 is unfinished: its 1 stored answers are used when the same command is run again",)


@pytest.mark.invariant("STEPS-WHOLE")
def test_every_random_damage_is_found_and_named(rich: tuple[Path, Mapping[str, bytes]]) -> None:
    """144 damages of nine kinds to any file: a finding names the file, and says what it costs."""
    root, before = rich
    chance = random.Random(11)
    missed = []
    for number in range(DAMAGES):
        damage = random_damage(before, KINDS[number % len(KINDS)], chance)
        with damage.done_to(root, before):
            report = verify_path(root)
        if report.ok or not damage.is_named_by(report.findings):
            missed.append(f"{damage} -> {[str(finding) for finding in report.findings]}")
        assert all(finding.problem and finding.consequence for finding in report.findings)
    assert missed == []


@pytest.mark.invariant("STEPS-WHOLE")
def test_a_record_in_the_place_of_another_file_of_its_step_is_found(rich: tuple[Path, Mapping[str, bytes]]) -> None:
    root, before = rich
    record, other = "steps/000003/step.json", "steps/000003/candidates/1/model_response_meta.json"
    with Damage("swap", {record: before[other], other: before[record]}).done_to(root, before):
        report = verify_path(root)
    (finding,) = report.findings
    assert (finding.path, report.ok) == (record, False)
    assert "step 3 and the steps after it cannot be read" in finding.consequence


@pytest.mark.invariant("STEPS-WHOLE")
def test_repair_accepts_only_what_was_recorded(rich: tuple[Path, Mapping[str, bytes]]) -> None:
    """What repair calls whole is the session as it was, byte for byte; foreign files are left alone."""
    root, before = rich
    chance = random.Random(12)
    failures = []
    repairs = 0
    for number in range(42):
        damage = random_damage(before, KINDS[number % 7], chance)
        with damage.done_to(root, before):
            report = verify_path(root, QUICK, repair=True)
            after = tree(root)
            again = verify_path(root)
        repairs += report.ok
        changed = {name for name in before if after.get(name) != before[name]} - NO_HASH_KEPT
        changed -= {finding.path for finding in report.findings if "resumes the step" in finding.consequence}
        if report.ok and (changed or not again.ok):
            failures.append(f"{damage}: called whole, but {sorted(changed)} differ")
        elif not report.ok and {one.path for one in again.findings} - {one.path for one in report.findings}:
            failures.append(f"{damage}: more is wrong after the repair than before")
    assert failures == []
    assert repairs >= 21


@pytest.mark.parametrize(
    "name",
    ["HEAD", "session.json", "ledger.json", "steps/000000/step.json", "steps/000002/step.json",
     "steps/000004/step.json", "steps/000002/request.json", "steps/000002/seam_after_feather.png"],
)  # fmt: skip
def test_a_missing_file_is_made_again(rich: tuple[Path, Mapping[str, bytes]], name: str) -> None:
    """Heads, records, ledger and pictures follow from the rest of the session."""
    root, before = rich
    with Damage("delete", {name: None}).done_to(root, before):
        assert not verify_path(root).ok
        report = verify_path(root, QUICK, repair=True)
        assert [finding.path for finding in report.findings] == [name]
        assert report.ok
        after = tree(root)
    if name in NO_HASH_KEPT:
        assert after.keys() == before.keys()
    else:
        assert after == before


@pytest.mark.parametrize(("one", "other"), [("HEAD", "heads/a"), ("heads/a", "heads/b")])
def test_exchanged_heads_are_found_and_restored(tmp_path: Path, one: str, other: str) -> None:
    """Each line of a head names its own branch, so that no canvas passes for another."""
    root = tmp_path / "s"
    session = make_session(root, ("x_ltr", "x_rtl"), files=QUICK)
    session.branch("a", at=1)
    session.branch("b", at=0)
    before = tree(root)
    swap = Damage("swap", {one: before[other], other: before[one]})
    with swap.done_to(root, before):
        with pytest.raises(SessionDamagedError, match="holds the line of"):
            Session.open(root, branch=other.removeprefix("heads/")).head  # noqa: B018
        assert {finding.path for finding in verify_path(root).findings} == {one, other}
        assert verify_path(root, QUICK, repair=True).ok
        assert tree(root) == before
    exchange = Damage("replace", {one: before[other]})
    with exchange.done_to(root, before):
        report = verify_path(root, QUICK, repair=True)
        assert [finding.path for finding in report.findings] == [one]
        assert report.ok == (one == "HEAD")  # no record tells the step of a branch
        assert tree(root)[other] == before[other]


def test_heads_of_earlier_versions_are_read(tmp_path: Path) -> None:
    """Such heads lack their own path, which the next step writes."""
    root = tmp_path / "s"
    session = make_session(root, ("x_ltr",), files=QUICK)
    session.branch("a")
    for path in (root / "HEAD", root / "heads" / "a"):
        path.write_bytes(path.read_bytes().rpartition(b" ")[0] + b"\n")
    assert verify_path(root).ok
    assert Session.open(root, branch="a").head == 1
    grow(Session.open(root, files=QUICK), "x_ltr")
    assert (root / "HEAD").read_bytes().endswith(b" HEAD\n")
    assert verify_path(root).ok


def test_a_strip_is_made_again_from_the_answers(tmp_path: Path) -> None:
    """Pixels of a step come back exactly; those of the seed picture cannot, and the report says so."""
    root = tmp_path / "s"
    session = make_session(root, ("x_ltr", "x_rtl"), files=QUICK)
    pixels = pixels_of(root)
    seed, first, second = [record["strip"]["sha256"] for record in reversed(list(session.log()))]
    for digest in (first, second):
        (root / "strips" / f"{digest}.png").unlink()
    assert verify_path(root, QUICK, repair=True).ok
    assert pixels_of(root) == pixels
    (root / "strips" / f"{seed}.png").write_bytes(b"gone")
    report = session.verify(repair=True)
    assert not report.ok
    assert "put the file back from a copy" in str(report.findings[0])


def test_a_lost_pointer_is_restored_so_that_nothing_is_bought_again(tmp_path: Path) -> None:
    """A rejected step that lost its record has its stored answers resumed."""
    root = tmp_path / "s"
    session = make_session(root, files=QUICK)
    grow(session, "x_ltr", candidates=2, gate=1e-9)
    (root / "steps" / "000001" / "step.json").unlink()
    assert [finding.path for finding in verify_path(root).findings] == ["steps/000001/step.json"]
    assert verify_path(root, QUICK, repair=True).ok
    assert Session.open(root).status().unfinished == (1,)


def test_a_newer_session_is_left_alone(tmp_path: Path) -> None:
    """A record of a higher format is named, and nothing is repaired beside it."""
    root = tmp_path / "s"
    make_session(root, ("x_ltr",), files=QUICK)
    path = root / "session.json"
    path.write_bytes(seal(unseal(path.read_bytes(), path) | {"format": 2}))
    with pytest.raises(SessionDamagedError, match="use a newer exquisite"):
        Session.open(root)
    before = tree(root)
    report = verify_path(root, QUICK, repair=True)
    assert "format 2" in report.findings[0].problem
    assert not report.ok
    assert tree(root) == before


def test_repair_does_not_accept_an_edit(tmp_path: Path) -> None:
    """A record that was edited and sealed again contradicts the hash that HEAD keeps; repair restores neither."""
    root = tmp_path / "s"
    make_session(root, ("x_ltr",), files=QUICK)
    path = root / "steps" / "000001" / "step.json"
    path.write_bytes(seal(unseal(path.read_bytes(), path) | {"words": "another prompt"}))
    report = verify_path(root)
    assert "steps/000001/step.json" in {finding.path for finding in report.findings}
    head = (root / "HEAD").read_bytes()
    verify_path(root, QUICK, repair=True)
    assert (root / "HEAD").read_bytes() == head
    assert json.loads(path.read_bytes())["words"] == ""


@pytest.mark.invariant("ONE-WRITER")
def test_a_lock_file_with_content_is_named_and_does_no_harm(tmp_path: Path) -> None:
    session = make_session(tmp_path / "s", ["x_ltr"], files=QuickFiles())
    (session.root / ".lock").write_text("4711")
    (finding,) = verify_path(session.root).findings
    assert ".lock: it is not empty" in str(finding)
    assert "does no harm" in str(finding)


def test_repair_is_a_writer(tmp_path: Path) -> None:
    """Repair is refused at once while another run writes; a check needs no lock."""
    root = tmp_path / "s"
    make_session(root, files=QUICK)
    lock = QUICK.lock(root / ".lock")
    with pytest.raises(SessionLockedError):
        verify_path(root, QUICK, repair=True)
    assert verify_path(root).ok
    lock.release()


def test_a_folder_that_is_no_session_is_an_error(tmp_path: Path) -> None:
    """Neither damaged nor repaired: there is none."""
    with pytest.raises(SessionNotFoundError, match="`init`"):
        verify_path(tmp_path, QUICK, repair=True)
    assert list(tmp_path.iterdir()) == []


def test_a_copy_without_empty_folders_is_whole(tmp_path: Path) -> None:
    """Version control keeps no empty folders; the session opens, verifies and grows without them."""
    root = tmp_path / "s"
    make_session(root, files=QUICK)
    for name in ("heads", "pending", "tmp"):
        shutil.rmtree(root / name)
    assert verify_path(root).ok
    assert grow(Session.open(root), "x_ltr").status == "committed"
