"""When to ask again: how long a server asks to wait, and how long to wait when it does not say."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime

__all__ = ["RetryPolicy", "wait_asked"]

_UNIT_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_PART = r"(\d+(?:\.\d+)?)\s*(ms|milliseconds?|s|secs?|seconds?|m|mins?|minutes?|h|hours?)(?![a-z])"
_IN_WORDS = re.compile(rf"\b(?:in|after)\s+((?:{_PART}[\s,]*)+)", re.IGNORECASE)


@dataclass(frozen=True)
class RetryPolicy:
    """How often and how long to wait; only for calls that were certainly not sent, or certainly refused.

    Attributes:
        retries: further attempts after the first one.
        first_s: the first wait where nothing was sent, doubled each time.
        busy_first_s: the first wait where the server is busy and does not say how long, doubled each time.
        longest_s: the cap of these waits.
        asked_max_s: a server that asks to wait longer is not asked again.
        jitter: the part of a wait that is left to chance, 0..1.
    """

    retries: int = 4
    first_s: float = 0.5
    busy_first_s: float = 8.0
    longest_s: float = 60.0
    asked_max_s: float = 120.0
    jitter: float = 0.25

    def wait(self, attempt: int, asked: float | None, busy: bool, chance: Callable[[], float]) -> float | None:
        """Seconds to wait after attempt number `attempt` (from 0); None: do not ask again.

        A wait that the server asked for is only ever lengthened by chance, one of our own only shortened.
        """
        if attempt >= self.retries or (asked is not None and asked > self.asked_max_s):
            return None
        if asked is not None:
            return asked * (1 + self.jitter * chance())
        first = self.busy_first_s if busy else self.first_s
        return min(first * 2.0 ** min(attempt, 30), self.longest_s) * (1 - self.jitter * chance())


def wait_asked(headers: Mapping[str, str], message: str, now: float) -> float | None:
    """Seconds that a server asks to wait, never below 0; None when it does not say.

    Read in this order: `retry-after-ms`, `retry-after` in seconds or as a date, "try again in 1m12s" in its
    message. `headers` have lower-case names; `now` is in seconds since 1970, used where the answer has no date.
    """
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        seconds = _number(headers.get(name, ""))
        if seconds is not None:
            return max(0.0, seconds * unit)
    until = _date(headers.get("retry-after", ""))
    if until is not None:
        return max(0.0, until - (_date(headers.get("date", "")) or now))
    if words := _IN_WORDS.search(message):
        return sum(float(number) * _unit(name) for number, name in re.findall(_PART, words[1], re.IGNORECASE))
    return None


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _date(text: str) -> float | None:
    try:
        moment = parsedate_to_datetime(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _unit(name: str) -> float:
    name = name.lower()
    return _UNIT_S["ms"] if name.startswith(("ms", "mil")) else _UNIT_S[name[0]]
