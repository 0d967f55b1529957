"""The costs of a session as a value, with one set of labels for the command line, the page and the report."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from decimal import Decimal

from ...json_types import JsonObject

__all__ = ["CallInDoubt", "Money", "MoneyLine"]


@dataclass(frozen=True)
class CallInDoubt:
    """A call that may have been billed, and its worst case in USD."""

    step: int
    call: int
    usd: Decimal


@dataclass(frozen=True)
class MoneyLine:
    """One line of an account: a label, an amount, and its meaning."""

    label: str
    amount: str
    meaning: str = ""

    def __str__(self) -> str:
        return f"{self.amount} {self.meaning}".strip()


@dataclass(frozen=True)
class Money:
    """The money of a session, in USD.

    Attributes:
        spent: cost of the answered calls.
        estimated: the part of `spent` that is an estimate, because servers stated no cost.
        set_aside: worst case of the calls under way.
        in_doubt: the calls whose outcome is unknown.
        budget: budget of the session; None for no limit.
    """

    spent: Decimal
    estimated: Decimal
    set_aside: Decimal
    in_doubt: tuple[CallInDoubt, ...] = ()
    budget: Decimal | None = None

    @property
    def perhaps_billed(self) -> Decimal:
        """The worst case of the calls in doubt."""
        return sum((call.usd for call in self.in_doubt), Decimal(0))

    @property
    def budget_left(self) -> Decimal | None:
        """The rest of the budget, with everything that may have been billed counted; None without a budget."""
        return None if self.budget is None else self.budget - self.spent - self.set_aside - self.perhaps_billed

    def as_dict(self) -> JsonObject:
        """As JSON types, amounts as text."""
        return {
            "spent_usd": str(self.spent),
            "estimated_usd": str(self.estimated),
            "set_aside_usd": str(self.set_aside),
            "perhaps_billed_usd": str(self.perhaps_billed),
            "in_doubt": [asdict(call) | {"usd": str(call.usd)} for call in self.in_doubt],
            "budget_usd": None if self.budget is None else str(self.budget),
            "budget_left_usd": None if self.budget_left is None else str(self.budget_left),
        }

    def lines(self) -> list[MoneyLine]:
        """The lines of the account: the amount spent, and every other amount that is not 0."""
        lines = [MoneyLine("spent", _usd(self.spent))]
        if self.estimated:
            meaning = "of what was spent: the server did not say what it cost"
            lines.append(MoneyLine("estimated", _usd(self.estimated), meaning))
        if self.set_aside:
            lines.append(MoneyLine("set aside", _usd(self.set_aside), "at most, for calls under way"))
        if self.in_doubt:
            calls = ", ".join(f"step {call.step} call {call.call}" for call in self.in_doubt)
            meaning = "at most, for calls whose outcome is unknown"
            lines.append(MoneyLine("perhaps billed", _usd(self.perhaps_billed), meaning))
            lines.append(MoneyLine("in doubt", calls, "(`settle` records whether a call was billed)"))
        if self.budget is not None and self.budget_left is not None:
            lines.append(MoneyLine("budget left", _usd(self.budget_left), f"of {_usd(self.budget)}"))
        return lines


def _usd(amount: Decimal) -> str:
    return f"${amount:.2f}"
