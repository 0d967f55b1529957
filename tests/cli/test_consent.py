"""Consent: one question a run, and one limit for all requests of the run."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from exquisite.api.prices import Prices
from exquisite.api.servers import OPENAI
from exquisite.cli.consent import AdvanceConsent, RunConsent, price_of_run
from exquisite.errors import PaymentError
from tests.support.client_bench import Bench, request_for

PRICED = replace(OPENAI, prices=Prices(per_picture=Decimal("0.05")))


class Person:
    """Somebody who gives the same answer to every question."""

    def __init__(self, answer: bool) -> None:
        self.answer = answer
        self.questions: list[str] = []

    def __call__(self, question: str) -> bool:
        self.questions.append(question)
        return self.answer


def test_the_price_of_a_run_counts_the_missing_tiles_and_later_steps() -> None:
    client = Bench(server=PRICED).client
    price = price_of_run(client, replace(request_for(candidates=1), first_candidate=2), 3)
    assert (price.tiles, price.about, price.most) == (7, Decimal("0.35"), Decimal("0.35"))
    assert str(price_of_run(client, request_for(), 1)).startswith("3 tiles for about $0.15, at most $0.15, to http")


def test_one_question_covers_all_steps_of_a_run() -> None:
    person, client = Person(True), Bench(server=PRICED).client
    consent = RunConsent(person, steps=3)
    for _ in range(3):
        consent.require(client, request_for())
    assert [question.partition(", to ")[0] for question in person.questions] == [
        "9 tiles in 3 steps for about $0.45, at most $0.45"
    ]


@pytest.mark.parametrize("candidates", [1, 4])
def test_a_request_beyond_the_agreed_sum_is_refused(candidates: int) -> None:
    client = Bench(server=PRICED).client
    consent = RunConsent(Person(True), steps=1)
    consent.require(client, request_for())
    with pytest.raises(PaymentError, match=r"agreed to for this run.*\$0\.00 are left: nothing was sent"):
        consent.require(client, request_for(candidates=candidates))


def test_a_person_who_declines_sends_nothing() -> None:
    with pytest.raises(PaymentError, match="not confirmed: nothing was sent"):
        RunConsent(Person(False)).require(Bench().client, request_for())


def test_no_question_is_asked_where_nothing_is_paid_or_consent_was_given() -> None:
    person = Person(False)
    RunConsent(person).require(Bench(server=replace(OPENAI, free=True)).client, request_for())
    AdvanceConsent().require(Bench().client, request_for())
    assert person.questions == []
