"""The account of a session: amounts and labels, equal on the command line, the page and the report."""

from __future__ import annotations

from decimal import Decimal

from exquisite.pipeline.journal.money import CallInDoubt, Money

NOTHING = Money(Decimal(0), Decimal(0), Decimal(0))
FULL = Money(
    spent=Decimal("1.20"),
    estimated=Decimal("0.30"),
    set_aside=Decimal("0.40"),
    in_doubt=(CallInDoubt(1, 0, Decimal("0.05")), CallInDoubt(3, 2, Decimal("0.15"))),
    budget=Decimal(5),
)


def test_a_call_of_unknown_outcome_counts_against_the_budget() -> None:
    assert FULL.perhaps_billed == Decimal("0.20")
    assert FULL.budget_left == Decimal("3.20")
    assert NOTHING.budget_left is None


def test_amounts_are_recorded_as_text() -> None:
    assert FULL.as_dict() == {
        "spent_usd": "1.20",
        "estimated_usd": "0.30",
        "set_aside_usd": "0.40",
        "perhaps_billed_usd": "0.20",
        "in_doubt": [{"step": 1, "call": 0, "usd": "0.05"}, {"step": 3, "call": 2, "usd": "0.15"}],
        "budget_usd": "5",
        "budget_left_usd": "3.20",
    }
    assert NOTHING.as_dict()["budget_left_usd"] is None


def test_every_amount_has_a_label_of_its_own() -> None:
    assert [(line.label, line.amount) for line in FULL.lines()] == [
        ("spent", "$1.20"),
        ("estimated", "$0.30"),
        ("set aside", "$0.40"),
        ("perhaps billed", "$0.20"),
        ("in doubt", "step 1 call 0, step 3 call 2"),
        ("budget left", "$3.20"),
    ]
    assert str(FULL.lines()[-1]) == "$3.20 of $5.00"


def test_amounts_of_0_are_left_out() -> None:
    assert [str(line) for line in NOTHING.lines()] == ["$0.00"]
