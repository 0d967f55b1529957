"""Time and chance, as a client uses them: one object, which tests and recordings replace."""

from __future__ import annotations

import random
import time
from datetime import date

__all__ = ["Clock", "StoppedClock"]


class Clock:
    """The real time."""

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)

    def chance(self) -> float:
        """A random number, 0 to 1."""
        return random.random()

    def now(self) -> float:
        """Seconds since 1970, for dates that a server names."""
        return time.time()

    def ticks(self) -> float:
        """Seconds since any start, for durations."""
        return time.monotonic()

    def today(self) -> date:
        """The date, for the last days of models."""
        return date.today()


class StoppedClock(Clock):
    """The clock of a recording: nobody is busy, so no wait is waited."""

    def sleep(self, seconds: float) -> None:
        """Return at once."""
