"""Time and random numbers of a client, in one object that tests and recordings replace."""

from __future__ import annotations

import random
import time
from datetime import date

__all__ = ["Clock", "StoppedClock"]


class Clock:
    """The system clock and the standard random generator."""

    def sleep(self, seconds: float) -> None:
        """Wait for a duration in seconds."""
        time.sleep(seconds)

    def chance(self) -> float:
        """Return a random number from 0 to 1."""
        return random.random()

    def now(self) -> float:
        """Return seconds since 1970, for comparison with dates in response headers."""
        return time.time()

    def ticks(self) -> float:
        """Return seconds of a monotonic clock, for durations."""
        return time.monotonic()

    def today(self) -> date:
        """Return the date, for comparison with the shutdown dates of models."""
        return date.today()


class StoppedClock(Clock):
    """A clock for replays: no server is busy, so `sleep` returns at once."""

    def sleep(self, seconds: float) -> None:
        """Return at once."""
