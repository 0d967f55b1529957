"""One paid call, written down before it leaves and after it comes back, and never sent twice by accident.

    reserve → intend → send → exactly one of answered, refused, not_sent, unknown

What certainly did not leave, and what was certainly refused for now, may be asked again, as a call of its own.
Nothing else may: after an ambiguous outcome this module raises.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from types import MappingProxyType

from ..errors import (
    ExquisiteError,
    OutcomeUnknownError,
    RejectedByServerError,
    ReplayError,
    ServerUnavailableError,
    UsageError,
)
from .bill import COST_HEADER
from .clock import Clock
from .generator import CallLog
from .outcome import Kind, Reply, judge
from .retry import RetryPolicy

__all__ = [
    "BrokenOff",
    "Deferred",
    "NotSent",
    "Outgoing",
    "PaidCall",
    "Waiting",
    "interruptions_logged",
    "kept_headers",
]

KEPT_HEADERS = (
    "content-type",
    "date",
    "openai-processing-ms",
    "openai-version",
    "retry-after",
    "retry-after-ms",
    COST_HEADER,
)
"""Headers of an answer that may be kept, with every *request-id and x-ratelimit-*."""


class NotSent(Exception):
    """The request certainly did not reach the server; the message says why.

    `final` says that asking again cannot help, as with a certificate that is not trusted.
    """

    def __init__(self, reason: str, final: bool = False) -> None:
        super().__init__(reason)
        self.final = final


class BrokenOff(Exception):
    """The request left, or may have, and no whole answer came; the message says how."""


@dataclass(frozen=True)
class Outgoing:
    """A request that is ready to be sent, but for its key.

    Attributes:
        method: GET or POST.
        url: the whole address; it may carry a token.
        limit: bytes that are read of a good answer.
        headers: without the key.
        content: the body.
        foreign: whether it goes to another server than the client's own, which never gets the key.
    """

    method: str
    url: str = field(repr=False)
    limit: int
    headers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), repr=False)
    content: bytes = field(default=b"", repr=False)
    foreign: bool = False


@dataclass(frozen=True)
class Waiting:
    """How a client waits: the policy, and the clock."""

    policy: RetryPolicy
    clock: Clock


@dataclass(frozen=True)
class Deferred:
    """A call that certainly cost nothing and may be asked again.

    Attributes:
        reason: why it brought nothing.
        asked_s: seconds that the server asks to wait; None when it does not say.
        busy: whether the server refused it for now; False where it did not leave.
        again: False where the server says that asking again is no use.
    """

    reason: str
    asked_s: float | None = None
    busy: bool = False
    again: bool = True


@dataclass(frozen=True)
class PaidCall:
    """A call that costs money.

    Attributes:
        usd: the worst case, reserved before it leaves; 0 for a server that bills nobody.
        what: a few words for people, such as "3 tiles by gpt-image-2".
        summary: what the log may keep of the request; no secrets.
        priced_as: the registry's entry by which the answer is counted.
        estimate: what it will about cost, in USD.
        send: sends it; raises `NotSent` or `BrokenOff`. What arrives of an answer it puts into the bytearray,
            without secrets, before it raises anything, so that paid bytes outlive a broken connection.
    """

    usd: Decimal
    what: str
    summary: Mapping[str, object]
    priced_as: str
    estimate: Decimal
    send: Callable[[bytearray], Reply] = field(repr=False)

    def intend(self, calls: CallLog) -> int:
        """Write the call down; returns its number.

        Raises:
            PaymentError: over the budget; nothing may be sent.
        """
        calls.reserve(self.usd, self.what)
        return calls.intend(self.summary)

    def finish(self, call: int, calls: CallLog, now: float, arrived: bytearray) -> Reply | Deferred:
        """Send the call and log what became of it; returns the answer, whose body the log has made durable.

        Args:
            call: its number, from `intend`.
            calls: the log.
            now: seconds since 1970.
            arrived: takes what arrives of an answer.

        Raises:
            RejectedByServerError: refused for good.
            OutcomeUnknownError: perhaps billed.
            ServerUnavailableError: the same at a server that bills nobody.
        """
        try:
            with interruptions_logged(calls, call, arrived):
                reply = self.send(arrived)
        except NotSent as problem:
            calls.not_sent(call, str(problem))
            return Deferred(str(problem), again=not problem.final)
        except BrokenOff as problem:
            raise self._unknown(calls, call, str(problem), bytes(arrived)) from None
        verdict = judge(reply, now)
        if verdict.kind is Kind.ANSWERED:
            calls.answered(call, reply.body, kept_headers(reply.headers))
            return reply
        if verdict.kind is Kind.UNKNOWN:
            raise self._unknown(calls, call, verdict.reason, reply.body)
        calls.refused(call, verdict.reason, reply.body)
        if verdict.kind is Kind.REFUSED:
            raise RejectedByServerError(f"the server refused {self.what}: {verdict.reason}; {verdict.advice}")
        return Deferred(verdict.reason, verdict.wait_s, True, verdict.retry)

    def _unknown(self, calls: CallLog, call: int, reason: str, partial: bytes) -> ExquisiteError:
        calls.unknown(call, reason, partial)
        kept = f"what arrived of it ({len(partial)} bytes) is kept; " if partial else ""
        if not self.usd:
            return ServerUnavailableError(
                f"no whole answer came: {reason}; {kept}the server bills nobody: run the same command again"
            )
        return OutcomeUnknownError(
            f"no whole answer came: {reason}; {kept}the call may have been billed, so it is not sent again on its own: "
            f"look at the usage page of the account, then run the same command with --retry-ambiguous"
        )


@contextmanager
def interruptions_logged(calls: CallLog, call: int, arrived: bytearray) -> Iterator[None]:
    """Log what ends a call from outside, and let it through: nothing was sent, or Ctrl-C came meanwhile."""
    try:
        yield
    except (NotSent, BrokenOff):
        raise  # an outcome of the call itself
    except (ReplayError, UsageError) as problem:
        calls.not_sent(call, str(problem))
        raise
    except BaseException as problem:
        calls.unknown(call, f"interrupted by {type(problem).__name__}", bytes(arrived))
        raise


def kept_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers of an answer that may be kept, by an allow-list."""
    return {
        name: value
        for name, value in headers.items()
        if name in KEPT_HEADERS or name.endswith("request-id") or name.startswith("x-ratelimit-")
    }
