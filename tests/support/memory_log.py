"""A CallLog in memory that asserts the order of the protocol and counts money as a journal does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from exquisite.errors import PaymentError

__all__ = ["Entry", "MemoryCallLog"]


@dataclass
class Entry:
    """One call: what was reserved, what became of it, and what it cost."""

    summary: Mapping[str, object]
    reserved: Decimal
    outcome: str = ""
    reason: str = ""
    body: bytes = b""
    partial: bytes = b""
    headers: Mapping[str, str] | None = None
    booked: Decimal | None = None
    estimated: bool = False
    doubted: bool = False

    @property
    def counted(self) -> Decimal:
        """The amount that the ledger counts: the real cost, or the reservation of a call that may have been billed."""
        if self.outcome in ("not_sent", "refused"):
            return Decimal(0)
        return self.reserved if self.booked is None else self.booked


class MemoryCallLog:
    """Entries by the number of their call; `budget` in USD, None for no limit.

    Attributes:
        peak: the most that ever counted against a budget, in USD.
    """

    def __init__(self, budget: Decimal | None = None) -> None:
        self.entries: list[Entry] = []
        self.lines: list[str] = []
        self.budget = budget
        self.peak = Decimal(0)
        self._reserved: Decimal | None = None

    @property
    def outcomes(self) -> list[str]:
        """The outcome of each call, in order."""
        return [entry.outcome for entry in self.entries]

    @property
    def counted(self) -> Decimal:
        """USD that count against the budget."""
        return sum((entry.counted for entry in self.entries), Decimal(0))

    def reserve(self, usd: Decimal, what: str) -> None:
        assert self._reserved is None, "reserved twice"
        assert isinstance(usd, Decimal)
        if self.budget is not None and self.counted + usd > self.budget:
            raise PaymentError(f"{what} may cost {usd} USD, the budget has {self.budget - self.counted} left")
        self._reserved = usd
        self.peak = max(self.peak, self.counted + usd)

    def intend(self, summary: Mapping[str, object]) -> int:
        assert self._reserved is not None, "intended without a reservation"
        self.entries.append(Entry(summary, self._reserved))
        self._reserved = None
        return len(self.entries) - 1

    def answered(self, call: int, body: bytes, headers: Mapping[str, str], usd: Decimal | None = None) -> None:
        entry = self._close(call, "answered", "")
        entry.body, entry.headers, entry.booked = body, headers, usd

    def book(self, call: int, usd: Decimal, estimated: bool = False) -> None:
        entry = self.entries[call]
        assert (entry.outcome, entry.booked, entry.doubted) == ("answered", None, False)
        entry.booked, entry.estimated = usd, estimated

    def doubt(self, call: int) -> None:
        entry = self.entries[call]
        assert (entry.outcome, entry.booked) == ("answered", None)
        entry.doubted = True

    def refused(self, call: int, reason: str, body: bytes = b"") -> None:
        self._close(call, "refused", reason).body = body

    def not_sent(self, call: int, reason: str) -> None:
        self._close(call, "not_sent", reason)

    def unknown(self, call: int, reason: str, partial: bytes = b"") -> None:
        self._close(call, "unknown", reason).partial = partial

    def progress(self, message: str, urgent: bool = False) -> None:
        assert "\n" not in message
        self.lines.append(message)

    def _close(self, call: int, outcome: str, reason: str) -> Entry:
        entry = self.entries[call]
        assert not entry.outcome, f"call {call} has two outcomes: {entry.outcome} and {outcome}"
        entry.outcome, entry.reason = outcome, reason
        return entry
