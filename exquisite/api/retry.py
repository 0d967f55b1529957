"""Decides when to repeat a request: the delay that a server requests, else exponential backoff with jitter."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime

__all__ = ["RetryPolicy", "wait_asked"]

_UNIT_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}  # seconds of each
_PART = r"(\d+(?:\.\d+)?)\s*(ms|milliseconds?|s|secs?|seconds?|m|mins?|minutes?|h|hours?)(?![a-z])"
_IN_WORDS = re.compile(rf"\b(?:in|after)\s+((?:{_PART}[\s,]*)+)", re.IGNORECASE)


@dataclass(frozen=True)
class RetryPolicy:
    """Number and length of waits before retryable calls: those that certainly were not sent, or were refused for now.

    Attributes:
        retries: further attempts after the first one.
        first_s: first wait after a request that was not sent; doubled each time.
        busy_first_s: first wait when the server is busy and requests no delay; doubled each time.
        longest_s: upper bound of these waits.
        asked_max_s: longest delay at the request of a server; after a longer one the client gives up.
        jitter: random share of a wait, 0 to 1.
    """

    retries: int = 4
    first_s: float = 0.5
    busy_first_s: float = 8.0
    longest_s: float = 60.0
    asked_max_s: float = 120.0
    jitter: float = 0.25

    def wait(self, attempt: int, requested_s: float | None, busy: bool, chance: Callable[[], float]) -> float | None:
        """Return seconds to wait after attempt number `attempt` (from 0); None to give up.

        Jitter lengthens a delay that the server requests, and shortens any other.
        """
        if attempt >= self.retries or (requested_s is not None and requested_s > self.asked_max_s):
            return None
        if requested_s is not None:
            return requested_s * (1 + self.jitter * chance())
        first = self.busy_first_s if busy else self.first_s
        return min(first * 2.0 ** min(attempt, 30), self.longest_s) * (1 - self.jitter * chance())


def wait_asked(headers: Mapping[str, str], message: str, now: float) -> float | None:
    """Return the delay that a server requests, in seconds, 0 or more; None when it requests none.

    Sources in this order: `retry-after-ms`, `retry-after` in seconds or as a date, "try again in 1m12s" in the
    message. `headers` have lower-case names. `now`, in seconds since 1970, replaces a missing Date header.
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
