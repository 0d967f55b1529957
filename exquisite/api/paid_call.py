"""One paid call, written down before it leaves and after it comes back, and never sent twice by accident.

    reserve → intend → send → exactly one of answered, refused, not_sent, unknown

Asked again, each time as a call of its own: what certainly did not leave, and what was certainly refused for
now. Nothing else is: after an ambiguous outcome this module raises, and sends nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from types import MappingProxyType

from ..errors import OutcomeUnknownError, RejectedByServerError, ReplayError, ServerUnavailableError, UsageError
from .generator import CallLog
from .outcome import Kind, Reply, judge
from .retry import RetryPolicy

__all__ = ["BrokenOff", "NotSent", "Outgoing", "PaidCall", "Waiting", "interruptions_logged"]

KEPT_HEADERS = ("content-type", "date", "openai-processing-ms", "openai-version", "retry-after", "retry-after-ms")
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
    """

    method: str
    url: str = field(repr=False)
    limit: int
    headers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), repr=False)
    content: bytes = field(default=b"", repr=False)


@dataclass(frozen=True)
class Waiting:
    """How a client waits: the policy, and what tests replace."""

    policy: RetryPolicy
    sleep: Callable[[float], None]
    chance: Callable[[], float]
    now: Callable[[], float]


@dataclass(frozen=True)
class PaidCall:
    """A call that costs money.

    Attributes:
        usd: the worst case, reserved before each attempt.
        what: a few words for people, such as "3 tiles by gpt-image-2".
        summary: what the log may keep of the request; no secrets.
        send: makes one attempt; raises `NotSent` or `BrokenOff`. What arrives of an answer it puts into the
            bytearray, without secrets, before it raises anything, so that paid bytes outlive a broken connection.
    """

    usd: Decimal
    what: str
    summary: Mapping[str, object]
    send: Callable[[bytearray], Reply] = field(repr=False)

    def make(self, calls: CallLog, waiting: Waiting) -> tuple[int, Reply]:
        """The number of the call that was answered, and its reply, whose body the log has made durable.

        Raises:
            PaymentError: over the budget.
            RejectedByServerError: refused for good.
            ServerUnavailableError: not sent or refused for now, as often as the policy allows.
            OutcomeUnknownError: perhaps billed; nothing was sent again.
        """
        attempt = 0
        while True:
            calls.reserve(self.usd, self.what)
            call = calls.intend(self.summary)
            arrived = bytearray()
            try:
                with interruptions_logged(calls, call, arrived):
                    reply = self.send(arrived)
            except NotSent as problem:
                reason, asked, busy, again = str(problem), None, False, not problem.final
                calls.not_sent(call, reason)
            except BrokenOff as problem:
                raise _unknown(calls, call, str(problem), bytes(arrived)) from None
            else:
                verdict = judge(reply, waiting.now())
                if verdict.kind is Kind.ANSWERED:
                    calls.answered(call, reply.body, kept_headers(reply.headers))
                    return call, reply
                if verdict.kind is Kind.UNKNOWN:
                    raise _unknown(calls, call, verdict.reason, reply.body)
                calls.refused(call, verdict.reason, reply.body)
                if verdict.kind is Kind.REFUSED:
                    raise RejectedByServerError(f"the server refused {self.what}: {verdict.reason}; {verdict.advice}")
                reason, asked, busy, again = verdict.reason, verdict.wait_s, True, verdict.retry
            wait_s = waiting.policy.wait(attempt, asked, busy, waiting.chance) if again else None
            attempt += 1
            if wait_s is None:
                wish = f"; it asks to wait {asked:.0f} s" if asked else ""
                raise ServerUnavailableError(
                    f"{self.what}: {reason}{wish}; gave up after attempt {attempt}; nothing was billed: "
                    f"run the same command again later"
                )
            calls.progress(f"{reason}: waiting {wait_s:.1f} s, then attempt {attempt + 1}")
            waiting.sleep(wait_s)


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


def _unknown(calls: CallLog, call: int, reason: str, partial: bytes) -> OutcomeUnknownError:
    calls.unknown(call, reason, partial)
    kept = f"what arrived of it ({len(partial)} bytes) is kept; " if partial else ""
    return OutcomeUnknownError(
        f"no whole answer came: {reason}; {kept}the call may have been billed, so it is not sent again on its own: "
        f"look at the usage page of the account, then run the same command with --retry-ambiguous"
    )
