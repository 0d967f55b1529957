"""A clock for tests: it records every wait and returns at once."""

from __future__ import annotations

from datetime import date

from exquisite.api.clock import Clock

__all__ = ["TestClock"]


class TestClock(Clock):
    """Time goes on by the waits alone.

    Args:
        chance: what every random number is.
        day: the date.
    """

    __test__ = False

    def __init__(self, chance: float = 0.0, day: date = date(2026, 11, 22)) -> None:
        self.waits: list[float] = []
        self._chance = chance
        self._day = day

    def sleep(self, seconds: float) -> None:
        """Record the wait."""
        self.waits.append(seconds)

    def chance(self) -> float:
        """The number passed to the clock."""
        return self._chance

    def ticks(self) -> float:
        """The sum of all waits in seconds."""
        return sum(self.waits)

    def today(self) -> date:
        """The date passed to the clock."""
        return self._day
