"""A picture that an answer names by address: already paid, so fetched as often as the policy allows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from decimal import Decimal

from ..errors import OutcomeUnknownError, ReplayError
from .generator import CallLog, StoredAnswer
from .outcome import Kind, Reply, Verdict, judge
from .paid_call import BrokenOff, NotSent, Waiting, kept_headers

__all__ = ["Download"]


@dataclass(frozen=True)
class Download:
    """One GET; `url` may carry a token in its query, so only what stands before it is written down.

    A fetch costs nothing, so every failure may be tried again. The last one is logged as unknown, because a
    picture that was paid for is missing: whoever runs the step again must decide, and not buy it twice unasked.
    """

    url: str
    send: Callable[[], Reply] = field(repr=False)

    def make(self, calls: CallLog, waiting: Waiting) -> StoredAnswer:
        """The picture as an answer of its own, durable in the log.

        Raises:
            OutcomeUnknownError: it did not come; its address stands in the answer that named it.
        """
        place = self.url.partition("?")[0]
        attempt = 0
        while True:
            calls.reserve(Decimal(0), "the download of a picture")
            call = calls.intend({"method": "GET", "url": place})
            try:
                got = self._fetched(waiting.now())
            except ReplayError as problem:
                calls.not_sent(call, str(problem))
                raise
            except BaseException as problem:
                calls.unknown(call, f"interrupted by {type(problem).__name__}")
                raise
            if isinstance(got, Reply):
                calls.answered(call, got.body, kept_headers(got.headers), Decimal(0))
                return StoredAnswer(call, got.body, kept_headers(got.headers))
            wait_s = waiting.policy.wait(attempt, got.wait_s, False, waiting.chance) if got.retry else None
            attempt += 1
            if wait_s is None:
                calls.unknown(call, got.reason)
                raise OutcomeUnknownError(
                    f"a picture that was paid for cannot be fetched from {place}: {got.reason}; its address stands "
                    f"in the stored answer that names it; --retry-ambiguous asks for another one, and pays again"
                )
            calls.not_sent(call, f"{got.reason} (a download costs nothing)")
            calls.progress(f"fetching the picture again in {wait_s:.1f} s: {got.reason}")
            waiting.sleep(wait_s)

    def _fetched(self, now: float) -> Reply | Verdict:
        """The picture, or why it did not come."""
        try:
            reply = self.send()
        except (NotSent, BrokenOff) as problem:
            return Verdict(Kind.UNKNOWN, str(problem))
        verdict = judge(reply, now)
        if verdict.kind is not Kind.ANSWERED:
            return replace(verdict, retry=verdict.retry and verdict.kind is not Kind.REFUSED)
        return reply if reply.whole else Verdict(Kind.REFUSED, "the picture is too large", retry=False)
