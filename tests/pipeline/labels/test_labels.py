"""Labels are appended, never lost and never rewritten; rates have the right intervals."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from exquisite.errors import SessionLockedError, StorageError
from exquisite.files import Files
from exquisite.pipeline.labels import Labels, Rate, parse_label
from exquisite.pipeline.session import Session
from exquisite.pipeline.verify import verify_path
from tests.support.faulty_files import Fault, FaultyFiles, QuickFiles
from tests.support.tiny import make_session


def find(seam: int | None, click: int | None, hit: bool) -> dict[str, Any]:
    """An answer to a search for a seam, where a click counts within a tenth of the picture."""
    return {
        "kind": "find", "time": "2026-01-02T03:04:05Z", "step": 1, "candidate": 0, "treatment": "enforced",
        "window_px": 100, "seam_px": seam, "click_px": click, "hit": hit, "chance": 0.1,
    }  # fmt: skip


def pair(choice: str, **metrics: tuple[float, float]) -> dict[str, Any]:
    """An answer to a comparison of two candidates."""
    return {
        "kind": "ab", "time": "2026-01-02T03:04:05Z", "step": 1, "a": {"candidate": 0}, "b": {"candidate": 1},
        "chosen": choice, "metrics": {name: list(values) for name, values in metrics.items()},
    }  # fmt: skip


@pytest.fixture
def labels(tmp_path: Path) -> Labels:
    return make_session(tmp_path / "s", files=QuickFiles()).labels()


@pytest.mark.parametrize(
    ("hits", "total", "low", "high"),
    [(0, 10, 0.0, 0.2775), (5, 10, 0.2366, 0.7634), (10, 10, 0.7225, 1.0), (81, 263, 0.2553, 0.3662), (0, 0, 0.0, 1.0)],
)
def test_the_interval_is_that_of_wilson(hits: int, total: int, low: float, high: float) -> None:
    """81 of 263 is the example of Newcombe 1998, table I."""
    assert Rate(hits, total).interval == pytest.approx((low, high), abs=5e-5)


def test_answers_are_read_in_the_order_of_appending(labels: Labels) -> None:
    answers = [find(40, 42, True), pair("a", seam=(0.5, 0.2)), {"kind": "reject", "step": 1, "reason": "täuscht"}]
    records = [labels.append(answer) for answer in answers]
    assert labels.read() == records
    assert [record | answer for record, answer in zip(records, answers, strict=True)] == records
    assert all(record["format"] == 1 for record in records)


def test_older_answers_are_never_rewritten(labels: Labels) -> None:
    labels.append(find(40, 42, True))
    before = labels.path.read_bytes()
    labels.append(find(40, 90, False))
    assert labels.path.read_bytes().startswith(before)


def test_an_unknown_kind_is_refused_and_nothing_is_written(labels: Labels) -> None:
    with pytest.raises(ValueError, match="find, ab, reject"):
        labels.append({"kind": "guess"})
    assert not labels.path.exists()


def test_a_truncated_answer_is_the_only_one_lost(labels: Labels) -> None:
    """The next one begins on a line of its own."""
    first = labels.append(find(40, 42, True))
    with labels.path.open("ab") as file:
        file.write(b'{"kind": "find", "st')
    assert labels.read() == [first]
    last = labels.append(find(40, 43, True))
    assert labels.read() == [first, last]


def test_an_altered_answer_is_not_counted(labels: Labels) -> None:
    labels.append(find(40, 42, True))
    line = labels.path.read_bytes()
    assert parse_label(line) is not None
    for at in range(len(line) - 1):
        assert parse_label(line[:at] + bytes([line[at] ^ 1]) + line[at + 1 :]) is None


def test_two_writers_do_not_mix(labels: Labels) -> None:
    lock = Files().lock(labels.path)
    with pytest.raises(SessionLockedError):
        labels.append(find(40, 42, True))
    lock.release()
    labels.append(find(40, 42, True))
    assert len(labels.read()) == 1


def test_a_failing_disk_loses_no_older_answer(tmp_path: Path) -> None:
    session = make_session(tmp_path / "s", files=QuickFiles())
    first = session.labels().append(find(40, 42, True))
    for at in range(1, 8):
        for kind in ("ENOSPC", "short"):
            files = FaultyFiles(Fault(at, kind))
            labels = Session.open(tmp_path / "s", files=files).labels()
            try:
                labels.append(find(40, 90, False))
            except StorageError:
                pass
            else:
                assert files.count < at
            assert labels.read()[0] == first


class TestSummary:
    def test_visibility_is_the_hit_rate_beyond_chance(self, labels: Labels) -> None:
        for hit in (True, True, True, False):
            labels.append(find(40, 42 if hit else None, hit))
        labels.append(find(None, None, True))
        labels.append(find(None, 10, False))
        summary = labels.summary()
        assert (summary.find, summary.false_alarms) == (Rate(3, 4), Rate(1, 2))
        value, low, high = summary.visibility
        assert value == pytest.approx((0.75 - 0.1) / 0.9)
        assert low < value < high

    def test_a_metric_agrees_where_it_prefers_what_the_person_preferred(self, labels: Labels) -> None:
        labels.append(pair("a", seam=(0.5, 0.2), turn=(0.1, 0.3)))
        labels.append(pair("b", seam=(0.1, 0.2), turn=(0.2, 0.2)))
        labels.append(pair("same", seam=(0.1, 0.2), turn=(0.2, 0.1)))
        summary = labels.summary()
        assert (summary.agreement["seam"], summary.agreement["turn"]) == (Rate(2, 2), Rate(0, 1))
        assert summary.ties == 1

    def test_without_answers_every_rate_is_empty(self, labels: Labels) -> None:
        summary = labels.summary()
        assert summary.find == Rate(0, 0)
        assert summary.visibility == (0.0, 0.0, 1.0)
        assert set(summary.agreement.values()) == {Rate(0, 0)}

    def test_reasons_of_rejection_are_counted(self, labels: Labels) -> None:
        for reason in ("blur", "pane", "blur"):
            labels.append({"kind": "reject", "step": 1, "candidate": 0, "reason": reason})
        assert labels.summary().rejections == {"blur": 2, "pane": 1}


class TestVerify:
    def test_whole_answers_are_part_of_a_sound_session(self, labels: Labels) -> None:
        labels.append(find(40, 42, True))
        report = verify_path(labels.path.parent)
        assert (report.findings, report.notes) == ((), ())

    def test_a_truncated_line_is_a_note_and_an_altered_one_a_finding(self, labels: Labels) -> None:
        labels.append(find(40, 42, True))
        labels.append(find(40, 42, True))
        data = labels.path.read_bytes()
        labels.path.write_bytes(data[:-9])
        assert "line 2 was truncated" in verify_path(labels.path.parent).notes[0]
        labels.path.write_bytes(data.replace(b'"hit"', b'"hid"', 1))
        (finding,) = verify_path(labels.path.parent).findings
        assert "line 1 was altered" in finding.problem
