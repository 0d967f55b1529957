"""The journal: intent before, body before anything else, one outcome after."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from exquisite.api.generator import RawCandidate
from exquisite.errors import PaymentError
from exquisite.files import Files
from exquisite.pipeline.journal import Journal
from exquisite.pipeline.journal.ledger import Ledger
from exquisite.pipeline.store.records import sha256

DOLLAR = Decimal("1.00")
PNG = b"\x89PNG\r\n\x1a\n and so on"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "tmp").mkdir()
    (tmp_path / "steps" / "000001" / "answers").mkdir(parents=True)
    return tmp_path


def journal(root: Path, budget: Decimal | None = None) -> Journal:
    return Journal(root / "steps" / "000001", Ledger(root, Files()), Files(), root / "tmp", budget)


def ledger(root: Path) -> Ledger:
    return Ledger(root, Files())


def free_of_charge(_request: Mapping[str, Any], _body: bytes) -> Decimal | None:
    return None


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
    return Journal(root / "steps" / "000001", Ledger(root, files), files, root / "tmp")


def test_numbers_go_on_after_a_restart(root: Path) -> None:
    journal(root).intend({})
    assert journal(root).intend({}) == 1


@pytest.mark.invariant("ANSWERS-FIRST")
def test_a_body_is_durable_before_its_outcome_is_written(root: Path) -> None:
    log = stopping_at_the_outcome(root)
    call = log.intend({})
    with pytest.raises(KeyboardInterrupt):
        log.answered(call, PNG, {})
    assert [answer.body for answer in journal(root).answers()] == [PNG]
    assert journal(root).unknown_calls() == {}


def test_a_kept_tile_comes_back_with_what_is_known_of_it(root: Path) -> None:
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


def test_what_arrived_of_an_answer_is_kept_and_never_taken_for_an_answer(root: Path) -> None:
    log = journal(root)
    log.reserve(DOLLAR, "a call")
    log.unknown(log.intend({}), "reset", PNG)
    assert (root / "steps/000001/answers/000.partial").read_bytes() == PNG
    assert (journal(root).answers(), journal(root).candidates()) == ([], [])
    assert f"{len(PNG)} bytes that arrived are kept in answers/000.partial" in journal(root).unknown_calls()[0]
    journal(root).allow_resending()
    outcome = journal(root).outcome(0)
    assert (outcome["outcome"], outcome["partial_sha256"]) == ("resent", sha256(PNG))


@pytest.mark.invariant("ANSWERS-FIRST")
def test_what_arrived_is_durable_before_its_outcome_is_written(root: Path) -> None:
    log = stopping_at_the_outcome(root)
    with pytest.raises(KeyboardInterrupt):
        log.unknown(log.intend({}), "reset", PNG)
    assert (root / "steps/000001/answers/000.partial").read_bytes() == PNG
    assert list(journal(root).unknown_calls()) == [0]
    assert journal(root).intend({}) == 1


@pytest.mark.parametrize("outcome", ["refused", "not_sent"])
def test_what_was_not_billed_is_released(root: Path, outcome: str) -> None:
    log = journal(root)
    log.reserve(DOLLAR, "a call")
    getattr(log, outcome)(log.intend({}), "no")
    assert (ledger(root).reserved, ledger(root).doubtful) == ({}, Decimal(0))
    assert journal(root).unknown_calls() == {}


def test_over_the_budget_nothing_is_intended(root: Path) -> None:
    log = journal(root, budget=Decimal("0.50"))
    with pytest.raises(PaymentError):
        log.reserve(DOLLAR, "a call")
    assert not list((root / "steps/000001/answers").iterdir())


def test_settling_releases_a_reservation_whose_call_was_never_intended(root: Path) -> None:
    journal(root).reserve(DOLLAR, "a call")
    journal(root).settle(free_of_charge)
    assert ledger(root).reserved == {}


def test_settling_doubts_a_call_that_a_crash_cut_off(root: Path) -> None:
    log = journal(root)
    log.reserve(DOLLAR, "a call")
    log.intend({})
    journal(root).settle(free_of_charge)
    assert (ledger(root).reserved, ledger(root).doubtful) == ({}, DOLLAR)


@pytest.mark.parametrize(("usage", "spent"), [(None, DOLLAR), (Decimal("0.25"), Decimal("0.25"))])
def test_settling_books_an_answered_call_by_its_usage_or_its_worst_case(
    root: Path, usage: Decimal | None, spent: Decimal
) -> None:
    log = journal(root)
    log.reserve(DOLLAR, "a call")
    log.answered(log.intend({"model": "m"}), PNG, {})
    seen: list[tuple[Mapping[str, Any], bytes]] = []

    def cost(request: Mapping[str, Any], body: bytes) -> Decimal | None:
        seen.append((request, body))
        return usage

    journal(root).settle(cost)
    assert seen == [({"model": "m"}, PNG)]
    assert ledger(root).spent == spent


def test_settling_leaves_the_calls_of_other_steps_alone(root: Path) -> None:
    ledger(root).reserve("000002/000", DOLLAR, None, "a call")
    journal(root).settle(free_of_charge)
    assert ledger(root).reserved == {"000002/000": DOLLAR}
