"""The ledger: what is spent, set aside and in doubt, to the cent and across restarts."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from exquisite.errors import PaymentError, SessionDamagedError
from exquisite.files import Files
from exquisite.pipeline.journal.ledger import Ledger
from exquisite.pipeline.store.session_files import SessionFiles

DOLLAR = Decimal("1.00")
NOTHING = Decimal(0)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "tmp").mkdir()
    return tmp_path


def ledger(root: Path) -> Ledger:
    return Ledger(SessionFiles(root, Files()))


def test_a_session_that_never_pays_has_no_ledger_file(root: Path) -> None:
    assert ledger(root).spent == ledger(root).doubtful == 0
    ledger(root).book("000001/000", DOLLAR)
    assert not (root / "ledger.json").exists()


def test_booking_replaces_the_reservation_by_the_real_cost(root: Path) -> None:
    ledger(root).reserve("000001/000", DOLLAR, None, "a call")
    assert ledger(root).reserved == {"000001/000": DOLLAR}
    ledger(root).book("000001/000", Decimal("0.0525"))
    assert ledger(root).spent == Decimal("0.0525")
    assert ledger(root).reserved == {}


def test_booking_twice_counts_once(root: Path) -> None:
    ledger(root).reserve("000001/000", DOLLAR, None, "a call")
    ledger(root).book("000001/000", DOLLAR)
    ledger(root).book("000001/000", DOLLAR)
    assert ledger(root).spent == DOLLAR


def test_a_released_call_costs_nothing(root: Path) -> None:
    ledger(root).reserve("000001/000", DOLLAR, None, "a call")
    ledger(root).release("000001/000")
    assert (ledger(root).spent, ledger(root).reserved, ledger(root).doubtful) == (NOTHING, {}, NOTHING)


def test_a_doubtful_call_counts_against_the_budget(root: Path) -> None:
    ledger(root).reserve("000001/000", DOLLAR, DOLLAR, "a call")
    ledger(root).doubt("000001/000")
    assert ledger(root).doubtful == DOLLAR
    with pytest.raises(PaymentError, match=r"budget of \$1\.00"):
        ledger(root).reserve("000001/001", Decimal("0.01"), DOLLAR, "a call")


def test_a_doubtful_call_that_turns_out_answered_is_booked(root: Path) -> None:
    ledger(root).reserve("000001/000", DOLLAR, None, "a call")
    ledger(root).doubt("000001/000")
    ledger(root).book("000001/000", Decimal("0.40"))
    assert (ledger(root).spent, ledger(root).doubtful) == (Decimal("0.40"), NOTHING)


def test_the_budget_may_be_reached_but_not_exceeded(root: Path) -> None:
    ledger(root).reserve("000001/000", Decimal("0.60"), DOLLAR, "a call")
    ledger(root).reserve("000001/001", Decimal("0.40"), DOLLAR, "a call")
    before = (root / "ledger.json").read_bytes()
    with pytest.raises(PaymentError, match="nothing was sent"):
        ledger(root).reserve("000001/002", Decimal("0.01"), DOLLAR, "a call")
    assert (root / "ledger.json").read_bytes() == before


def test_an_edited_ledger_is_refused(root: Path) -> None:
    ledger(root).reserve("000001/000", DOLLAR, None, "a call")
    path = root / "ledger.json"
    path.write_text(path.read_text().replace("1.00", "0.00"))
    with pytest.raises(SessionDamagedError, match="altered"):
        _ = ledger(root).spent
