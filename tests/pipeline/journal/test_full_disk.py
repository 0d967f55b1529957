"""The disk fills up while a paid answer is being written: memory holds it, or its draft does, or the message tells."""

from __future__ import annotations

import errno
import threading
from pathlib import Path
from typing import IO

import pytest

from exquisite.errors import AnswerNotStoredError, OutcomeUnknownError, StorageError
from exquisite.files import storage_error
from exquisite.pipeline.verify import verify_path
from tests.support.clocks import TestClock
from tests.support.faulty_files import QuickFiles
from tests.support.paid_sessions import PaidSession

pytestmark = [pytest.mark.invariant("ANSWERS-FIRST"), pytest.mark.invariant("NEVER-TWICE")]

EVER = 1_000_000


class FullFiles(QuickFiles):
    """A disk that has no room for the first `refusals` answers, and takes only the first half of each.

    Args:
        refusals: so many answers are refused.
        code: the error.
    """

    def __init__(self, refusals: int, code: int = errno.ENOSPC) -> None:
        self.refusals = refusals
        self.code = code

    def write(self, handle: IO[bytes], data: bytes | memoryview) -> None:
        """See `Files`."""
        if self._refuses(Path(handle.name)):
            super().write(handle, data[: len(data) // 2])
            self._refuse(Path(handle.name))
        super().write(handle, data)

    def _refuses(self, path: Path) -> bool:
        return path.name.endswith(".body") and self.refusals > 0

    def _refuse(self, path: Path) -> None:
        self.refusals -= 1
        raise storage_error(OSError(self.code, "made to fail"), "write", path)


class NoNameFiles(FullFiles):
    """A disk that takes an answer and has no room for its name."""

    def write(self, handle: IO[bytes], data: bytes | memoryview) -> None:
        """See `Files`."""
        QuickFiles.write(self, handle, data)

    def replace(self, source: Path, target: Path) -> None:
        """See `Files`."""
        if self._refuses(target):
            self._refuse(target)
        super().replace(source, target)


class NoOutcomeFiles(FullFiles):
    """A disk that takes an answer and has no room for what is logged of it."""

    def _refuses(self, path: Path) -> bool:
        return path.name == "000.outcome.json" and self.refusals > 0


@pytest.fixture
def paid(tmp_path: Path) -> PaidSession:
    return PaidSession(tmp_path / "s")


def refusal_message(paid: PaidSession, files: FullFiles) -> str:
    """The message of a step whose answer the disk refuses permanently; afterwards the files work again."""
    paid.files = files
    with pytest.raises(AnswerNotStoredError) as caught:
        paid.step()
    paid.files = QuickFiles()
    assert caught.value.exit_code == OutcomeUnknownError.exit_code
    return str(caught.value)


def test_an_answer_is_held_in_memory_until_there_is_room(paid: PaidSession) -> None:
    paid.files = FullFiles(3)
    assert paid.step().status == "committed"
    (line,) = paid.urgent  # once, however often it is tried
    for part in ("free some space", "held in memory", "answers/000.body"):
        assert part in line
    assert len(paid.endpoint.calls) == 1
    assert paid.ledger.spent == paid.billed
    assert verify_path(paid.root).ok


def test_an_answer_counts_although_its_outcome_finds_no_room(paid: PaidSession) -> None:
    refusal_message(paid, NoOutcomeFiles(EVER))
    assert paid.step().status == "committed"
    assert len(paid.endpoint.calls) == 1


def test_another_failure_of_the_disk_is_final(paid: PaidSession) -> None:
    message = refusal_message(paid, FullFiles(1, errno.EIO))
    assert "is paid for" in message
    assert paid.urgent == []


def test_a_disk_that_stays_full_loses_the_answer_with_a_full_message(paid: PaidSession) -> None:
    """What happened, where, what to do, and whether it costs again."""
    message = refusal_message(paid, FullFiles(EVER))
    for part in ("3 tiles", "is paid for", str(paid.root / "steps/000001/answers/000.body"), "free some space"):
        assert part in message
    assert "the next run stops, and --retry-ambiguous pays again" in message
    assert "/tmp/" not in message.replace(str(paid.root), "")
    with pytest.raises(OutcomeUnknownError, match="retry-ambiguous"):
        paid.step()
    assert len(paid.endpoint.calls) == 1, "nothing is paid again unasked"
    assert paid.step(retry_ambiguous=True).status == "committed"
    assert len(paid.endpoint.calls) == 2


def test_a_whole_draft_becomes_the_answer(paid: PaidSession) -> None:
    """The content is on the disk, and only its name is not: the next run puts it in its place."""
    refusal_message(paid, NoNameFiles(EVER))
    assert paid.step().status == "committed"
    assert len(paid.endpoint.calls) == 1, "it is not asked for again"
    assert list((paid.root / "tmp").iterdir()) == []
    assert paid.ledger.spent == paid.billed
    assert verify_path(paid.root).ok


def test_an_altered_draft_is_no_answer(paid: PaidSession) -> None:
    refusal_message(paid, NoNameFiles(EVER))
    (draft,) = (paid.root / "tmp").iterdir()
    draft.write_bytes(draft.read_bytes().replace(b"data", b"dada"))
    with pytest.raises(OutcomeUnknownError):
        paid.step()
    assert list((paid.root / "tmp").iterdir()) == []


def test_a_draft_is_no_answer_to_a_call_that_has_an_outcome(paid: PaidSession) -> None:
    """A person who has let the call be sent again gets what that answered."""
    refusal_message(paid, NoNameFiles(EVER))
    (draft,) = (paid.root / "tmp").iterdir()
    data = draft.read_bytes()
    assert paid.step().status == "committed"
    before = (paid.root / "steps/000001/step.json").read_bytes()
    draft.write_bytes(data)
    paid.step()
    assert (paid.root / "steps/000001/step.json").read_bytes() == before
    assert verify_path(paid.root).ok


class InterruptingClock(TestClock):
    """Ctrl-C comes while an answer waits for room."""

    def sleep(self, seconds: float) -> None:
        """See `Clock`."""
        raise KeyboardInterrupt


def interrupt(paid: PaidSession, files: FullFiles) -> None:
    """Interrupt a step whose answer waits for room; afterwards the files work again."""
    paid.files, paid.options["clock"] = files, InterruptingClock()
    with pytest.raises(KeyboardInterrupt):
        paid.step()
    paid.files, paid.options["clock"] = QuickFiles(), TestClock()


@pytest.mark.parametrize("files", [FullFiles(1), NoNameFiles(1), NoNameFiles(EVER), NoOutcomeFiles(EVER)])
def test_ctrl_c_stores_an_answer_from_memory_if_the_disk_has_room(paid: PaidSession, files: FullFiles) -> None:
    """With room again it is written; without, the draft may be complete, and only the name was missing."""
    interrupt(paid, files)
    assert not (paid.root / "steps/000001/answers/000.partial").exists()
    assert paid.step().status == "committed"
    assert len(paid.endpoint.calls) == 1
    assert paid.ledger.spent == paid.billed
    assert verify_path(paid.root).ok


def test_ctrl_c_on_a_full_disk_reports_the_lost_answer(paid: PaidSession) -> None:
    interrupt(paid, FullFiles(EVER))
    assert "the answer to call 0 is not stored" in paid.urgent[-1]
    with pytest.raises(OutcomeUnknownError):
        paid.step()
    assert len(paid.endpoint.calls) == 1


class NoBookingFiles(FullFiles):
    """A disk that has no room for the first answer, then none for the booking of the other one, then none again."""

    def __init__(self) -> None:
        super().__init__(refusals=3)
        self.refused_booking = threading.Event()

    def _refuses(self, path: Path) -> bool:
        kind = {3: ".body", 2: "ledger.json", 1: ".body"}.get(self.refusals)
        return kind is not None and path.name.endswith(kind)

    def _refuse(self, path: Path) -> None:
        if path.name == "ledger.json":
            self.refused_booking.set()
        super()._refuse(path)


class ClockUntilBooking(TestClock):
    """Waits until the booking was refused."""

    def __init__(self, files: NoBookingFiles) -> None:
        super().__init__()
        self._files = files

    def sleep(self, seconds: float) -> None:
        """See `Clock`."""
        assert self._files.refused_booking.wait(10)


def test_an_answer_from_memory_is_stored_although_the_ledger_finds_no_room(tmp_path: Path) -> None:
    """Two calls at the same time: one answer is held while the cost of the other cannot be booked."""
    files = NoBookingFiles()
    paid = PaidSession(tmp_path / "s", calls="each", clock=ClockUntilBooking(files))
    paid.files = files
    with pytest.raises(StorageError, match="ledger"):
        paid.step(candidates=2)
    assert sorted(path.name for path in (paid.root / "steps/000001/answers").glob("*.body")) == ["000.body", "001.body"]
    paid.files = QuickFiles()
    assert paid.step(candidates=2).status == "committed"
    assert len(paid.endpoint.calls) == 2, "neither is asked for again"
    assert paid.ledger.spent == paid.billed
    assert verify_path(paid.root).ok


class NoSecondIntentFiles(FullFiles):
    """A disk that is full from the second request on."""

    def _refuses(self, path: Path) -> bool:
        self._is_full = getattr(self, "_is_full", False) or path.name == "001.intent.json"
        return self._is_full


def test_requests_that_were_not_sent_need_no_permission(tmp_path: Path) -> None:
    """The disk can log neither the second request nor that the first one was not sent."""
    paid = PaidSession(tmp_path / "s", calls="each")
    paid.files = NoSecondIntentFiles(EVER)
    with pytest.raises(StorageError):
        paid.step(candidates=2)
    assert paid.endpoint.calls == []
    paid.files = QuickFiles()
    assert paid.step(candidates=2).status == "committed"
    assert len(paid.endpoint.calls) == 2
    assert verify_path(paid.root).ok
