"""A step from the page is priced first, and a request is sent only after a separate confirmation."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterable
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from exquisite.api.generator import CallLog, RawCandidate, TileRequest
from exquisite.errors import PaymentError, SessionLockedError, UsageError
from exquisite.page.jobs import Payment, StepJobs
from exquisite.page.review import Review
from exquisite.pipeline.session import Session
from tests.support.tiny import InstantGenerator, PricedGenerator

from .conftest import Browser

OPTIONS = {"candidates": 2, "gate": None, "calibrate": False, "artifacts": "none"}


class FailingGenerator:
    """A model that has a fault."""

    def generate(self, request: TileRequest, calls: CallLog) -> Iterable[RawCandidate]:
        raise RuntimeError("a secret")


def jobs(session: Session, generator: Any, **payment: Any) -> StepJobs:
    return StepJobs(lambda branch: Session.open(session.root, branch=branch), generator, Payment(**payment))


def run(work: StepJobs, pay_usd: str | None = None, **changes: Any) -> dict[str, Any]:
    """Price a step and run it to its end; returns its last state."""
    request = {"branch": None, "mode": "x_ltr", "words": "", "options": OPTIONS} | changes
    quote = work.quote(**request)
    work.run(quote["quote"], pay_usd)
    work.join()
    state = work.state()
    assert state is not None
    return state


def test_a_free_step_runs(session: Session) -> None:
    state = run(jobs(session, InstantGenerator()), words="rooftops")
    assert (state["phase"], state["step"], state["done"]) == ("committed", 4, True)
    assert session.head == 4
    assert next(session.log(1))["words"] == "rooftops"


def test_without_a_generator_no_step_runs(session: Session) -> None:
    work = jobs(session, None)
    assert work.generator() is None
    with pytest.raises(UsageError, match="without a generator"):
        work.quote(None, "x_ltr", "", {})


class TestPaying:
    def test_is_refused_unless_the_page_was_started_for_it(self, session: Session) -> None:
        till: list[tuple[int, int]] = []
        work = jobs(session, PricedGenerator(till))
        with pytest.raises(PaymentError, match="--allow-pay"):
            work.quote(None, "x_ltr", "", OPTIONS)
        assert till == []

    @pytest.mark.parametrize("agreed", [None, "0", "0.15", "16"])
    def test_needs_the_amount_that_was_quoted(self, session: Session, agreed: str | None) -> None:
        till: list[tuple[int, int]] = []
        work = jobs(session, PricedGenerator(till), allowed=True, budget=Decimal(1))
        quote = work.quote(None, "x_ltr", "", OPTIONS)
        assert quote["worst_case_usd"] == "0.16"
        with pytest.raises(PaymentError, match="nobody agreed"):
            work.run(quote["quote"], agreed)
        assert (till, session.head) == ([], 2)

    def test_runs_once_for_the_amount_that_was_agreed(self, session: Session) -> None:
        till: list[tuple[int, int]] = []
        work = jobs(session, PricedGenerator(till), allowed=True, budget=Decimal(1))
        quote = work.quote(None, "x_ltr", "", OPTIONS)
        work.run(quote["quote"], "0.16")
        work.join()
        assert len(till) == 2
        assert session.status().money.spent == Decimal("0.08")
        with pytest.raises(UsageError, match="ask for it again"):
            work.run(quote["quote"], "0.16")
        assert len(till) == 2

    @pytest.mark.parametrize(("seconds", "holds"), [(599, True), (601, False)])
    def test_a_price_holds_for_ten_minutes(
        self, session: Session, seconds: int, holds: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        work = jobs(session, PricedGenerator([]), allowed=True, budget=Decimal(1))
        quote, start = work.quote(None, "x_ltr", "", OPTIONS), time.monotonic()
        monkeypatch.setattr("exquisite.page.jobs.time", SimpleNamespace(monotonic=lambda: start + seconds))
        with contextlib.nullcontext() if holds else pytest.raises(UsageError, match="this price has expired"):
            work.run(quote["quote"], "0.16")
        work.join()
        assert session.head == (4 if holds else 2)

    def test_stays_within_the_budget(self, session: Session) -> None:
        till: list[tuple[int, int]] = []
        state = run(jobs(session, PricedGenerator(till), allowed=True, budget=Decimal("0.05")), "0.16")
        assert (state["phase"], "budget" in state["error"], till) == ("failed", True, [])

    def test_a_price_does_not_hold_for_another_canvas(self, session: Session) -> None:
        till: list[tuple[int, int]] = []
        work = jobs(session, PricedGenerator(till), allowed=True, budget=Decimal(1))
        quote = work.quote(None, "x_ltr", "", OPTIONS)
        session.undo()
        with pytest.raises(UsageError, match="has changed"):
            work.run(quote["quote"], "0.16")
        assert till == []

    def test_the_key_never_reaches_the_page(self, session: Session, serve: Any) -> None:
        review = Review(session.root, PricedGenerator([]), Payment(True, Decimal(1)))
        browser: Browser = serve(review)
        quote = browser.post("quote", {"mode": "x_ltr", "options": OPTIONS})
        run_ = browser.post("run", {"quote": quote.data["quote"], "pay_usd": "0.16"})
        review.jobs.join()
        answers = [quote, run_, *(browser.get(path) for path in ("", "state.json", "step/4.json"))]
        assert all(answer.status == 200 for answer in answers)
        assert not any(PricedGenerator.key.encode() in answer.content for answer in answers)
        calls = answers[-1].data["calls"]
        assert [call["request_id"] for call in calls] == ["tiny-0", "tiny-1"]


def test_one_step_at_a_time(session: Session) -> None:
    waiting = threading.Event()

    class Slow(InstantGenerator):
        def generate(self, request: TileRequest, calls: CallLog) -> Iterable[RawCandidate]:
            waiting.wait(10)
            return super().generate(request, calls)

    work = jobs(session, Slow())
    first, second = (work.quote(None, "x_ltr", words, OPTIONS)["quote"] for words in ("a", "b"))
    work.run(first, None)
    assert work.running
    with pytest.raises(SessionLockedError, match="is running"):
        work.run(second, None)
    waiting.set()
    work.join()
    assert session.head == 4


def test_a_page_that_is_closed_while_a_step_runs_loses_nothing(session: Session, serve: Any) -> None:
    going_on = threading.Event()

    class Slow(InstantGenerator):
        def generate(self, request: TileRequest, calls: CallLog) -> Iterable[RawCandidate]:
            going_on.wait(10)
            return super().generate(request, calls)

    review = Review(session.root, Slow())
    first: Browser = serve(review)
    quote = first.post("quote", {"mode": "x_ltr", "options": OPTIONS})
    assert first.post("run", {"quote": quote.data["quote"]}).data["done"] is False
    assert first.get("state.json").data["job"]["done"] is False  # and nobody asks again for a while
    going_on.set()
    review.jobs.join()
    later = first.get("state.json").data
    assert (later["job"]["phase"], later["job"]["done"], later["head"]) == ("committed", True, 4)


def test_an_exception_ends_the_step_with_a_message(session: Session) -> None:
    state = run(jobs(session, FailingGenerator()))
    assert (state["phase"], state["done"]) == ("failed", True)
    assert state["error"] == "a fault of this program (RuntimeError)"


def test_a_refusal_by_the_gate_is_reported(session: Session) -> None:
    state = run(jobs(session, InstantGenerator()), options=OPTIONS | {"gate": 1e-6})
    assert (state["phase"], state["chosen"]) == ("rejected", None)
    assert "candidate 0" not in state["message"]  # people count from 1
