"""A picture that an answer names by address: already paid, so fetched as often as the policy allows."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from decimal import Decimal

from ..errors import AnswerError, OutcomeUnknownError
from .answer import read_body
from .generator import CallLog, OwedPicture, StoredAnswer
from .outcome import Kind, Reply, Verdict, judge
from .paid_call import BrokenOff, NotSent, Waiting, interruptions_logged, kept_headers

__all__ = ["Download", "Forbidden", "fetch_all"]

_SHOWN = 200  # characters of an address that a message shows


@dataclass(frozen=True)
class Download:
    """One GET; `url` may carry a token in its query, so only what stands before it is written down.

    A fetch costs nothing, so every failure may be tried again. The last one is logged as unknown, because a
    picture that was paid for is missing. The next run tries again; only a person may decide to buy another.
    """

    picture: OwedPicture
    url: str
    send: Callable[[bytearray], Reply] = field(repr=False)

    def make(self, calls: CallLog, waiting: Waiting) -> StoredAnswer:
        """The picture as an answer of its own, durable in the log.

        Raises:
            OutcomeUnknownError: it did not come; its address stands in the answer that names it.
        """
        place = self.url.partition("?")[0]
        attempt = 0
        while True:
            calls.reserve(Decimal(0), "the download of a picture")
            owed = {"answer": self.picture.answer, "image": self.picture.image}
            call = calls.intend({"method": "GET", "url": place, **owed})
            arrived = bytearray()
            with interruptions_logged(calls, call, arrived):
                got = self._fetched(arrived, waiting.clock.now())
            if isinstance(got, Reply):
                calls.answered(call, got.body, kept_headers(got.headers), Decimal(0))
                return StoredAnswer(call, got.body, kept_headers(got.headers))
            wait_s = waiting.policy.wait(attempt, got.wait_s, False, waiting.clock.chance) if got.retry else None
            attempt += 1
            if wait_s is None:
                calls.unknown(call, got.reason, bytes(arrived))
                raise OutcomeUnknownError(
                    f"step {self.picture.step}: a picture that was paid for cannot be fetched from {place}: "
                    f"{got.reason}; its address stands in answers/{self.picture.answer:03d}.body of the step: run the "
                    f"same command again while it may still come (nothing is bought then), `accept 0 --step "
                    f"{self.picture.step}` uses what came, --retry-ambiguous buys another one, if it does not come"
                )
            calls.not_sent(call, f"{got.reason} (a download costs nothing)")
            calls.progress(f"fetching the picture again in {wait_s:.1f} s: {got.reason}")
            waiting.clock.sleep(wait_s)

    def _fetched(self, arrived: bytearray, now: float) -> Reply | Verdict:
        """The picture, or why it did not come; then `arrived` is what came in its place."""
        try:
            reply = self.send(arrived)
        except (NotSent, BrokenOff) as problem:
            return Verdict(Kind.UNKNOWN, str(problem))
        verdict = judge(reply, now)
        if verdict.kind is not Kind.ANSWERED:
            return replace(verdict, retry=verdict.retry and verdict.kind is not Kind.REFUSED)
        if not reply.whole:
            return Verdict(Kind.REFUSED, "the picture is too large", retry=False)
        if not _holds_picture(reply.body):
            arrived[:] = reply.body
            return Verdict(Kind.REFUSED, "what came is no picture (perhaps the address has expired)", retry=False)
        return reply


@dataclass(frozen=True)
class Forbidden:
    """A picture at an address of another server, from which nobody allowed fetching."""

    picture: OwedPicture

    def make(self, calls: CallLog, waiting: Waiting) -> StoredAnswer:
        """Send nothing.

        Raises:
            OutcomeUnknownError: always; it says the address and what allows it.
        """
        place = self.picture.url.partition("?")[0]
        shown = place[:_SHOWN] if place.isprintable() else "an address that cannot be shown"
        host = re.match(r"https?://([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])", place)
        allow = f"--fetch-from {host[1]} allows it, " if host else ""
        raise OutcomeUnknownError(
            f"step {self.picture.step}: a picture that was paid for stands on another server, at {shown}; nothing was "
            f"fetched or bought: {allow}--retry-ambiguous buys another one"
        )


def fetch_all(
    downloads: Iterable[Download | Forbidden], calls: CallLog, waiting: Waiting
) -> list[StoredAnswer]:
    """Every picture that comes, durable in the log.

    Raises:
        OutcomeUnknownError: at least one did not come; the others were fetched nevertheless.
    """
    fetched: list[StoredAnswer] = []
    problem: OutcomeUnknownError | None = None
    for download in downloads:
        try:
            fetched.append(download.make(calls, waiting))
        except OutcomeUnknownError as error:
            problem = problem or error
    if problem is not None:
        raise problem
    return fetched


def _holds_picture(body: bytes) -> bool:
    try:
        return bool(read_body(body).images)
    except AnswerError:
        return False
