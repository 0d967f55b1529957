"""One paid call: logged before it is sent and after it ends, and never repeated after an ambiguous outcome.

    reserve → intend → send → exactly one of answered, refused, not_sent, unknown

A call is retryable when it certainly was not sent, or was certainly refused for now. A retry is a new call with its own
log entry. After an ambiguous outcome this module raises.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from types import MappingProxyType

from ..errors import (
    AnswerNotStoredError,
    ExquisiteError,
    OutcomeUnknownError,
    RejectedByServerError,
    ReplayError,
    ServerUnavailableError,
    StorageError,
    UsageError,
)
from .bill import COST_HEADER
from .clock import Clock
from .generator import CallLog
from .outcome import Kind, Reply, judge
from .retry import RetryPolicy

__all__ = [
    "BrokenOff",
    "DeferredCall",
    "NotSent",
    "Outgoing",
    "PaidCall",
    "Waiting",
    "interruptions_logged",
    "kept_headers",
]

_KEPT_HEADERS = (
    "content-type",
    "date",
    "openai-processing-ms",
    "openai-version",
    "retry-after",
    "retry-after-ms",
    COST_HEADER,
)
"""Headers of an answer that the log stores, besides every *request-id and x-ratelimit-*."""

_STORING_WAIT_S = 10  # a person needs longer to find something to delete
_STORING_ATTEMPTS = 30  # five minutes: time for that, and not too long for a run that nobody watches


class NotSent(Exception):
    """The request certainly did not reach the server; the message says why.

    `final` is True when a retry is pointless, such as after a certificate that is not trusted.
    """

    def __init__(self, reason: str, final: bool = False) -> None:
        super().__init__(reason)
        self.final = final


class BrokenOff(Exception):
    """The request was sent, or may have been, and no complete answer arrived; the message says how it ended."""


@dataclass(frozen=True)
class Outgoing:
    """A request without its key.

    Attributes:
        method: GET or POST.
        url: the complete URL; it may contain a token.
        limit: largest size of a successful answer, in bytes.
        headers: all headers except the key.
        content: the body.
        foreign: True when the request goes to another server than the client's, which never receives the key.
    """

    method: str
    url: str = field(repr=False)
    limit: int
    headers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), repr=False)
    content: bytes = field(default=b"", repr=False)
    foreign: bool = False


@dataclass(frozen=True)
class Waiting:
    """Retry policy and clock of a client."""

    policy: RetryPolicy
    clock: Clock


@dataclass(frozen=True)
class DeferredCall:
    """A retryable call: it certainly cost nothing.

    Attributes:
        reason: why it has no answer.
        requested_s: delay that the server requests, in seconds; None when it requests none.
        busy: True when the server refused the call for now, False when it was not sent.
        again: False when a retry is pointless.
    """

    reason: str
    requested_s: float | None = None
    busy: bool = False
    again: bool = True


@dataclass(frozen=True)
class PaidCall:
    """A call that costs money.

    Attributes:
        usd: the worst case in USD, reserved before the request is sent; 0 for a free server.
        what: description for messages, such as "3 tiles by gpt-image-2".
        summary: description of the request for the log, without secrets.
        priced_as: name of the registry entry with the prices.
        estimate: the estimated cost, in USD.
        send: sends the request; raises `NotSent` or `BrokenOff`. It stores the received bytes, without secrets, in the
            bytearray before it raises, so that a broken connection loses no paid bytes.
    """

    usd: Decimal
    what: str
    summary: Mapping[str, object]
    priced_as: str
    estimate: Decimal
    send: Callable[[bytearray], Reply] = field(repr=False)

    def intend(self, calls: CallLog) -> int:
        """Log the call before it is sent; return its number.

        Raises:
            PaymentError: over the budget; the call must not be sent.
        """
        calls.reserve(self.usd, self.what)
        return calls.intend(self.summary)

    def finish(self, call: int, calls: CallLog, clock: Clock, received: bytearray) -> Reply | DeferredCall:
        """Send the call and log its outcome. The body of a returned answer is durable in the log.

        Args:
            call: its number, from `intend`.
            calls: the log.
            clock: the time, and waits.
            received: collects the bytes of the answer.

        Raises:
            RejectedByServerError: the server refused permanently.
            OutcomeUnknownError: the outcome is ambiguous, so the call may have been billed.
            ServerUnavailableError: the outcome is ambiguous at a free server.
            AnswerNotStoredError: the disk refused the paid answer.
            StorageError: the disk refused another file, or the answer of a free server.
        """
        try:
            with interruptions_logged(calls, call, received):
                reply = self.send(received)
        except NotSent as problem:
            calls.not_sent(call, str(problem))
            return DeferredCall(str(problem), again=not problem.final)
        except BrokenOff as problem:
            raise self._unknown(calls, call, str(problem), bytes(received)) from None
        verdict = judge(reply, clock.now())
        if verdict.kind is Kind.ANSWERED:
            self._store(call, calls, clock, reply)
            return reply
        if verdict.kind is Kind.UNKNOWN:
            raise self._unknown(calls, call, verdict.reason, reply.body)
        calls.refused(call, verdict.reason, reply.body)
        if verdict.kind is Kind.REFUSED:
            raise RejectedByServerError(f"the server refused {self.what}: {verdict.reason}; {verdict.advice}")
        return DeferredCall(verdict.reason, verdict.wait_s, True, verdict.retry)

    def _store(self, call: int, calls: CallLog, clock: Clock, reply: Reply) -> None:
        """Log the answer. While the disk is full, hold the answer in memory and try again.

        Raises:
            AnswerNotStoredError, StorageError: the disk still refuses it, paid or free.
        """
        for attempt in range(1, _STORING_ATTEMPTS + 1):
            try:
                calls.answered(call, reply.body, kept_headers(reply.headers))
                return
            except StorageError as error:
                if not error.is_full or attempt == _STORING_ATTEMPTS:
                    raise self._not_stored(error) from error
                if attempt == 1:
                    calls.progress(
                        f"the disk is full: free some space; for {_STORING_ATTEMPTS * _STORING_WAIT_S // 60} minutes "
                        f"the answer is held in memory until there is room for answers/{call:03d}.body",
                        urgent=True,
                    )
            clock.sleep(_STORING_WAIT_S)

    def _not_stored(self, error: StorageError) -> StorageError:
        """`error`, with what becomes of the answer and its price."""
        if not self.usd:
            return error.saying(f"the answer to {self.what} could not be stored: {error}; the server is free")
        not_stored = AnswerNotStoredError(
            f"the answer to {self.what} is paid for and could not be stored: {error}: if the complete answer is on "
            f"disk, the next run uses it; if not, the next run stops, and --retry-ambiguous pays again"
        )
        not_stored.errno = error.errno
        return not_stored

    def _unknown(self, calls: CallLog, call: int, reason: str, partial: bytes) -> ExquisiteError:
        calls.unknown(call, reason, partial)
        stored = f"the {len(partial)} bytes that arrived are kept; " if partial else ""
        if not self.usd:
            return ServerUnavailableError(
                f"no complete answer arrived: {reason}; {stored}the server is free: run the same command again"
            )
        return OutcomeUnknownError(
            f"no complete answer arrived: {reason}; {stored}the call may have been billed, so it is not sent again: "
            f"look at the usage page of the account, then run the same command with --retry-ambiguous"
        )


@contextmanager
def interruptions_logged(calls: CallLog, call: int, received: bytearray) -> Iterator[None]:
    """Log an outcome when another exception than `NotSent` or `BrokenOff` ends a call, such as Ctrl-C; re-raise it."""
    try:
        yield
    except (NotSent, BrokenOff):
        raise  # the caller logs these
    except (ReplayError, UsageError) as problem:
        calls.not_sent(call, str(problem))
        raise
    except BaseException as problem:
        calls.unknown(call, f"interrupted by {type(problem).__name__}", bytes(received))
        raise


def kept_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers of an answer that are on the allow-list of the log."""
    return {
        name: value
        for name, value in headers.items()
        if name in _KEPT_HEADERS or name.endswith("request-id") or name.startswith("x-ratelimit-")
    }
