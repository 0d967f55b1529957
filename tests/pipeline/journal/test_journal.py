"""The journal: intent before, body before anything else, one outcome after."""

from __future__ import annotations

import errno
import json
from decimal import Decimal
from pathlib import Path

import pytest

from exquisite.api.generator import RawCandidate
from exquisite.api.models import FREE, MODEL_DEFAULT
from exquisite.errors import PaymentError, StorageError
from exquisite.files import Files, storage_error
from exquisite.pipeline.journal import Journal
from exquisite.pipeline.journal.ledger import Ledger
from exquisite.pipeline.store.records import sha256
from exquisite.pipeline.store.session_files import SessionFiles
from exquisite.pipeline.store.step_folders import StepFolders
from exquisite.pipeline.verify.repair import rebuilt_ledger
from tests.support.faulty_files import QuickFiles

DOLLAR = Decimal("1.00")
PNG = b"\x89PNG\r\n\x1a\n and so on"
PAID = json.dumps(
    {
        "data": [{"b64_json": "eHh4"}],
        "usage": {"input_tokens": 2_000, "input_tokens_details": {"text_tokens": 2_000}, "output_tokens": 8_000},
    }
).encode()
"""2,000 tokens of text at $5 and 8,000 tokens of pictures at $30 a million: $0.25."""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "tmp").mkdir()
    (tmp_path / "steps" / "000001" / "answers").mkdir(parents=True)
    return tmp_path


def of_files(root: Path, files: Files, budget: Decimal | None = None) -> Journal:
    disk = SessionFiles(root, files)
    return Journal(StepFolders(disk), 1, Ledger(disk), budget)


def journal(root: Path, budget: Decimal | None = None) -> Journal:
    return of_files(root, Files(), budget)


def ledger(root: Path) -> Ledger:
    return Ledger(SessionFiles(root, Files()))


class _Full(Files):
    """A disk with a megabyte left."""

    def free_space(self, folder: Path) -> int:
        return 1_000_000


def test_nothing_is_sent_without_room_for_the_answer(root: Path) -> None:
    log = of_files(root, _Full())
    with pytest.raises(StorageError, match=r"only 1 MB are free.*nothing was sent"):
        log.reserve(Decimal(1), "a tile")
    assert ledger(root).counted == 0
    log.reserve(Decimal(0), "a free tile")


def test_an_intent_is_on_disk_when_intend_returns(root: Path) -> None:
    assert journal(root).intend({"model": "m"}) == 0
    record = json.loads((root / "steps/000001/answers/000.intent.json").read_text())
    assert record["request"] == {"model": "m"}


def stopping_at_the_outcome(root: Path) -> Journal:
    """A journal that is interrupted when the outcome of a call is about to be put in its place."""

    class StopsAtOutcome(Files):
        def replace(self, source: Path, target: Path) -> None:
            if target.name.endswith("outcome.json"):
                raise KeyboardInterrupt
            super().replace(source, target)

    files = StopsAtOutcome()
    return of_files(root, files)


class RefusesOnce(QuickFiles):
    """A disk that fails when the first file that ends in `ending` has its name and its folder is to be synced."""

    def __init__(self, ending: str) -> None:
        self._ending = ending
        self._refused = False

    def sync_folder(self, path: Path) -> None:
        if not self._refused and any(path.glob(f"*{self._ending}")):
            self._refused = True
            raise storage_error(OSError(errno.EIO, "made to fail"), "write", path)


def test_numbers_go_on_after_a_restart(root: Path) -> None:
    journal(root).intend({})
    assert journal(root).intend({}) == 1


@pytest.mark.invariant("ANSWERS-FIRST")
def test_a_body_is_durable_before_its_outcome_is_written(root: Path) -> None:
    log = stopping_at_the_outcome(root)
    call = log.intend({})
    with pytest.raises(KeyboardInterrupt):
        log.answered(call, PNG, {})
    assert [tile.data for tile in journal(root).candidates()] == [PNG]
    assert journal(root).unknown_calls() == {}


@pytest.mark.invariant("NEVER-TWICE")
def test_an_answer_whose_outcome_was_not_written_never_becomes_unknown(root: Path) -> None:
    """The disk refuses the outcome, and the interruption that follows is reported for every open call."""
    log = of_files(root, RefusesOnce("outcome.json"))
    call = log.intend({})
    with pytest.raises(StorageError):
        log.answered(call, PNG, {})
    log.unknown(call, "interrupted")
    assert [tile.data for tile in journal(root).candidates()] == [PNG]
    assert journal(root).unknown_calls() == {}


def test_an_intent_that_is_perhaps_not_durable_leaves_no_call_behind(root: Path) -> None:
    log = of_files(root, RefusesOnce("intent.json"))
    with pytest.raises(StorageError):
        log.intend({})
    assert list((root / "steps/000001/answers").iterdir()) == []
    assert journal(root).unknown_calls() == {}


def test_a_stored_tile_is_restored_with_its_metadata(root: Path) -> None:
    journal(root).keep(RawCandidate(PNG, {"drift": [1, 2]}))
    [candidate] = journal(root).candidates()
    assert candidate.data == PNG
    assert candidate.meta["drift"] == [1, 2]
    assert candidate.meta["answer"] == 0


def test_candidates_keep_the_order_of_the_calls(root: Path) -> None:
    for number in range(3):
        journal(root).keep(RawCandidate(PNG + bytes([number])))
    assert [candidate.data[-1] for candidate in journal(root).candidates()] == [0, 1, 2]


def test_an_intent_without_an_outcome_is_unknown(root: Path) -> None:
    journal(root).intend({})
    assert list(journal(root).unknown_calls()) == [0]


def test_an_unknown_call_stays_counted_until_a_person_decides_and_after(root: Path) -> None:
    log = journal(root)
    log.reserve(DOLLAR, "a call")
    log.unknown(log.intend({}), "read time-out")
    assert journal(root).unknown_calls() == {0: "read time-out"}
    journal(root).allow_resending()
    assert journal(root).unknown_calls() == {}
    assert ledger(root).doubtful == DOLLAR


def test_a_partial_answer_is_stored_and_never_counts_as_an_answer(root: Path) -> None:
    log = journal(root)
    log.reserve(DOLLAR, "a call")
    log.unknown(log.intend({}), "reset", PNG)
    assert (root / "steps/000001/answers/000.partial").read_bytes() == PNG
    assert (journal(root).has_answers, journal(root).candidates()) == (False, [])
    assert f"{len(PNG)} bytes that arrived are kept in answers/000.partial" in journal(root).unknown_calls()[0]
    journal(root).allow_resending()
    outcome = json.loads((root / "steps/000001/answers/000.outcome.json").read_text())
    assert (outcome["outcome"], outcome["partial_sha256"]) == ("resent", sha256(PNG))


@pytest.mark.invariant("ANSWERS-FIRST")
def test_a_partial_answer_is_durable_before_its_outcome_is_written(root: Path) -> None:
    log = stopping_at_the_outcome(root)
    with pytest.raises(KeyboardInterrupt):
        log.unknown(log.intend({}), "reset", PNG)
    assert (root / "steps/000001/answers/000.partial").read_bytes() == PNG
    assert list(journal(root).unknown_calls()) == [0]
    assert journal(root).intend({}) == 1


@pytest.mark.parametrize("outcome", ["refused", "not_sent"])
def test_an_unbilled_call_is_released(root: Path, outcome: str) -> None:
    log = journal(root)
    log.reserve(DOLLAR, "a call")
    getattr(log, outcome)(log.intend({}), "no")
    assert (ledger(root).reserved, ledger(root).doubtful) == ({}, Decimal(0))
    assert journal(root).unknown_calls() == {}


def test_a_call_over_the_budget_is_not_intended(root: Path) -> None:
    log = journal(root, budget=Decimal("0.50"))
    with pytest.raises(PaymentError):
        log.reserve(DOLLAR, "a call")
    assert not list((root / "steps/000001/answers").iterdir())


def test_settling_releases_a_reservation_whose_call_was_never_intended(root: Path) -> None:
    journal(root).reserve(DOLLAR, "a call")
    journal(root).reconcile()
    assert ledger(root).reserved == {}


@pytest.mark.parametrize("outcome", ["refused", "not_sent"])
def test_settling_releases_an_unbilled_call_after_a_crash(root: Path, outcome: str) -> None:
    """The crash comes after the outcome is on disk and before the ledger is written."""

    class StopsAtLedger(Files):
        def replace(self, source: Path, target: Path) -> None:
            if target.name == "ledger.json" and (root / "steps/000001/answers/000.outcome.json").exists():
                raise KeyboardInterrupt
            super().replace(source, target)

    log = of_files(root, StopsAtLedger())
    log.reserve(DOLLAR, "a tile")
    call = log.intend({"model": "m"})
    with pytest.raises(KeyboardInterrupt):
        getattr(log, outcome)(call, "no")
    assert ledger(root).counted == DOLLAR
    journal(root).reconcile()
    assert ledger(root).counted == 0


def test_settling_doubts_a_call_that_a_crash_cut_off(root: Path) -> None:
    log = journal(root)
    log.reserve(DOLLAR, "a call")
    log.intend({})
    journal(root).reconcile()
    assert (ledger(root).reserved, ledger(root).doubtful) == ({}, DOLLAR)


@pytest.mark.parametrize(
    ("body", "request_", "spent", "estimated", "doubtful"),
    [
        (PAID, {"priced_as": MODEL_DEFAULT}, "0.25", "0", "0"),
        (PNG, {"estimate_usd": "0.40"}, "0.40", "0.40", "0"),
        (PNG, {}, "1.00", "1.00", "0"),
        (b"<html>", {"estimate_usd": "0.40"}, "0", "0", "1.00"),
        (b"<html>", {"priced_as": FREE}, "0", "0", "0"),
    ],
    ids=["by its usage", "by its estimate", "by its worst case", "not at all without a picture", "at a free server"],
)
def test_settling_books_an_answered_call_after_a_crash(
    root: Path, body: bytes, request_: dict[str, str], spent: str, estimated: str, doubtful: str
) -> None:
    log = journal(root)
    log.reserve(DOLLAR, "a call")
    log.answered(log.intend(request_), body, {})
    journal(root).reconcile()
    books = ledger(root)
    assert (books.spent, books.estimated, books.doubtful) == (Decimal(spent), Decimal(estimated), Decimal(doubtful))
    assert books.reserved == {}


def test_settling_leaves_the_calls_of_other_steps_alone(root: Path) -> None:
    ledger(root).reserve("000002/000", DOLLAR, None, "a call")
    journal(root).reconcile()
    assert ledger(root).reserved == {"000002/000": DOLLAR}


class TestManyCalls:
    """A step may have more than a thousand: a server that is busy for long refuses each with a record of its own."""

    CALLS = 1_001

    @pytest.fixture
    def thousand_calls(self, root: Path) -> Path:
        log = of_files(root, QuickFiles())
        for _ in range(self.CALLS - 1):
            log.not_sent(log.intend({}), "no route")
        return root

    def test_call_numbers_continue_after_a_thousand_calls(self, thousand_calls: Path) -> None:
        log = journal(thousand_calls)
        log.reserve(DOLLAR, "a call")
        log.answered(log.intend({}), PNG, {}, DOLLAR)
        again = journal(thousand_calls)
        assert [tile.meta["answer"] for tile in again.candidates()] == [1_000]
        assert again.intend({}) == self.CALLS

    def test_a_call_of_unknown_outcome_is_found_after_a_thousand_calls(self, thousand_calls: Path) -> None:
        for _ in range(2):
            log = journal(thousand_calls)
            log.reserve(DOLLAR, "a call")
            log.unknown(log.intend({}), "read time-out")
        assert list(journal(thousand_calls).unknown_calls()) == [1_000, 1_001]
        assert ledger(thousand_calls).doubtful == 2 * DOLLAR

    def test_the_ledger_is_rebuilt_after_a_thousand_calls(self, thousand_calls: Path) -> None:
        log = journal(thousand_calls)
        log.reserve(DOLLAR, "a call")
        log.answered(log.intend({"priced_as": MODEL_DEFAULT}), PAID, {}, Decimal("0.25"))
        log.reserve(DOLLAR, "a call")
        log.unknown(log.intend({}), "read time-out")
        rebuilt, paid = rebuilt_ledger(thousand_calls, [1])
        assert rebuilt == (thousand_calls / "ledger.json").read_bytes()
        assert paid == 2
