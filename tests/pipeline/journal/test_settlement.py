"""Settlements of calls in doubt."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from exquisite.errors import OutcomeUnknownError, UsageError
from exquisite.pipeline.journal.money import CallInDoubt
from exquisite.pipeline.journal.settlement import settlement_path
from exquisite.pipeline.session import Session
from exquisite.pipeline.verify import verify_path
from tests.support.faulty_files import Fault, FaultyFiles, QuickFiles
from tests.support.paid_sessions import PaidSession


@pytest.fixture
def doubtful(tmp_path: Path) -> PaidSession:
    """A session whose first call of step 1 timed out."""
    paid = PaidSession(tmp_path / "s", "timeout")
    with pytest.raises(OutcomeUnknownError):
        paid.step()
    return paid


def open_session(paid: PaidSession) -> Session:
    return Session.open(paid.root, files=QuickFiles())


def test_an_unbilled_call_is_released_and_the_step_resumes(doubtful: PaidSession) -> None:
    assert doubtful.ledger.doubtful > 0
    settlement = open_session(doubtful).settle(1, 0, billed=False, reason="not on the usage page")
    assert (settlement.billed, settlement.usd) == (False, "0")
    assert doubtful.ledger.counted == 0
    assert open_session(doubtful).unknown_calls() == {}
    assert doubtful.step().status == "committed"
    assert doubtful.endpoint.arrivals == 2
    assert verify_path(doubtful.root).findings == ()


def test_a_billed_call_counts_as_spent(doubtful: PaidSession) -> None:
    worst_case = doubtful.ledger.doubtful
    settlement = open_session(doubtful).settle(1, 0, billed=True, reason="invoice 12")
    assert Decimal(settlement.usd) == worst_case == doubtful.ledger.spent
    assert doubtful.ledger.doubtful == 0


def test_a_person_may_state_the_real_cost(doubtful: PaidSession) -> None:
    open_session(doubtful).settle(1, 0, billed=True, reason="invoice 12", usd=doubtful.billed)
    assert doubtful.ledger.spent == doubtful.billed
    doubtful.step()
    assert doubtful.ledger.spent == doubtful.billed


def test_the_real_cost_may_be_0(doubtful: PaidSession) -> None:
    open_session(doubtful).settle(1, 0, billed=True, reason="a free trial", usd=Decimal(0))
    assert doubtful.ledger.spent == 0


@pytest.mark.parametrize(
    ("step", "call", "reason", "problem"),
    [(1, 7, "seen", "call 7 of step 1 is not in doubt"), (4, 0, "seen", "not in doubt"), (1, 0, " ", "--reason")],
)
def test_only_a_call_in_doubt_is_settled_and_only_with_a_reason(
    doubtful: PaidSession, step: int, call: int, reason: str, problem: str
) -> None:
    with pytest.raises(UsageError, match=problem):
        open_session(doubtful).settle(step, call, billed=False, reason=reason)
    assert not (doubtful.root / "settled").exists()


def test_a_call_is_settled_once(doubtful: PaidSession) -> None:
    open_session(doubtful).settle(1, 0, billed=False, reason="not billed")
    with pytest.raises(UsageError, match="not in doubt"):
        open_session(doubtful).settle(1, 0, billed=True, reason="billed after all")


def test_a_call_of_a_finished_step_is_settled_without_touching_the_step(doubtful: PaidSession) -> None:
    doubtful.step(retry_ambiguous=True)
    step = {path: path.read_bytes() for path in (doubtful.root / "steps").rglob("*") if path.is_file()}
    open_session(doubtful).settle(1, 0, billed=False, reason="not billed")
    assert {path: path.read_bytes() for path in (doubtful.root / "steps").rglob("*") if path.is_file()} == step
    assert doubtful.ledger.counted == doubtful.ledger.spent
    assert verify_path(doubtful.root).findings == ()


def test_the_next_run_repairs_a_crash_between_record_and_ledger(doubtful: PaidSession) -> None:
    for at in range(1, 40):
        with pytest.MonkeyPatch.context() as _:
            try:
                Session.open(doubtful.root, files=FaultyFiles(Fault(at, "interrupt before"))).settle(
                    1, 0, billed=False, reason="not billed"
                )
            except KeyboardInterrupt:
                if settlement_path(doubtful.root, 1, 0).exists():
                    break
    assert doubtful.ledger.doubtful > 0
    open_session(doubtful).branch("next-writer")
    assert doubtful.ledger.counted == 0


def test_a_lost_ledger_is_rebuilt_with_its_settlements(doubtful: PaidSession) -> None:
    open_session(doubtful).settle(1, 0, billed=True, reason="invoice 12", usd=Decimal("0.07"))
    doubtful.step()
    before = (doubtful.root / "ledger.json").read_bytes()
    (doubtful.root / "ledger.json").unlink()
    assert verify_path(doubtful.root, QuickFiles(), repair=True).ok
    assert (doubtful.root / "ledger.json").read_bytes() == before


def test_an_edited_record_is_found(doubtful: PaidSession) -> None:
    open_session(doubtful).settle(1, 0, billed=True, reason="invoice 12")
    path = settlement_path(doubtful.root, 1, 0)
    path.write_text(path.read_text().replace("invoice 12", "invoice 13"))
    (finding,) = verify_path(doubtful.root).findings
    assert finding.path == "settled/000001-000.json"


def test_the_status_lists_every_amount(doubtful: PaidSession) -> None:
    money = open_session(doubtful).status(budget=Decimal(1)).money
    assert money.perhaps_billed > 0
    assert money.in_doubt == (CallInDoubt(1, 0, money.perhaps_billed),)
    assert money.budget_left == 1 - money.perhaps_billed
    assert money.spent == money.set_aside == 0
