"""Downloads images that answers reference by URL. They are already paid, so every failure is retryable."""

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

_SHOWN = 200  # characters of a URL in a message: it fits on two lines


@dataclass(frozen=True)
class Download:
    """One GET. The query of `url` may contain a token, so the log stores only the part before it.

    A download costs nothing, so it is repeated as the policy allows. The last failure is logged as unknown, because a
    paid image is missing: the next run tries again, and only a person may decide to buy another one.
    """

    picture: OwedPicture
    url: str
    send: Callable[[bytearray], Reply] = field(repr=False)

    def make(self, calls: CallLog, waiting: Waiting) -> StoredAnswer:
        """Download the image and store it in the log as an answer of its own.

        Raises:
            OutcomeUnknownError: the download failed; the answer still contains the URL.
        """
        place = self.url.partition("?")[0]
        attempt = 0
        while True:
            calls.reserve(Decimal(0), "the download of a picture")
            place_in_answer = {"answer": self.picture.answer, "image": self.picture.image}
            call = calls.intend({"method": "GET", "url": place, **place_in_answer})
            received = bytearray()
            with interruptions_logged(calls, call, received):
                got = self._fetched(received, waiting.clock.now())
            if isinstance(got, Reply):
                calls.answered(call, got.body, kept_headers(got.headers), Decimal(0))
                return StoredAnswer(call, got.body, kept_headers(got.headers))
            wait_s = waiting.policy.wait(attempt, got.wait_s, False, waiting.clock.chance) if got.retry else None
            attempt += 1
            if wait_s is None:
                calls.unknown(call, got.reason, bytes(received))
                raise OutcomeUnknownError(
                    f"step {self.picture.step}: a picture that was paid for cannot be fetched from {place}: "
                    f"{got.reason}; its address stands in answers/{self.picture.answer:03d}.body of the step: run the "
                    f"same command again while it may still come (nothing is bought then), `accept 0 --step "
                    f"{self.picture.step}` uses what came, --retry-ambiguous buys another one, if it does not come"
                )
            calls.not_sent(call, f"{got.reason} (a download costs nothing)")
            calls.progress(f"fetching the picture again in {wait_s:.1f} s: {got.reason}")
            waiting.clock.sleep(wait_s)

    def _fetched(self, received: bytearray, now: float) -> Reply | Verdict:
        """The reply with the image, or why there is none; in that case `received` contains the other body."""
        try:
            reply = self.send(received)
        except (NotSent, BrokenOff) as problem:
            return Verdict(Kind.UNKNOWN, str(problem))
        verdict = judge(reply, now)
        if verdict.kind is not Kind.ANSWERED:
            return replace(verdict, retry=verdict.retry and verdict.kind is not Kind.REFUSED)
        if not reply.whole:
            return Verdict(Kind.REFUSED, "the picture is too large", retry=False)
        if not _holds_picture(reply.body):
            received[:] = reply.body
            return Verdict(Kind.REFUSED, "the body is no picture (perhaps the address has expired)", retry=False)
        return reply


@dataclass(frozen=True)
class Forbidden:
    """An image on another server, from which no setting allows downloads."""

    picture: OwedPicture

    def make(self, calls: CallLog, waiting: Waiting) -> StoredAnswer:
        """Refuse the download.

        Raises:
            OutcomeUnknownError: always; the message contains the URL and the option that allows it.
        """
        place = self.picture.url.partition("?")[0]
        address = place[:_SHOWN] if place.isprintable() else "an address with unprintable characters"
        host = re.match(r"https?://([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])", place)
        allow = f"--fetch-from {host[1]} allows it, " if host else ""
        raise OutcomeUnknownError(
            f"step {self.picture.step}: a picture that was paid for is on another server, at {address}; nothing was "
            f"fetched or bought: {allow}--retry-ambiguous buys another one"
        )


def fetch_all(
    downloads: Iterable[Download | Forbidden], calls: CallLog, waiting: Waiting
) -> list[StoredAnswer]:
    """Download all images; each is durable in the log.

    Raises:
        OutcomeUnknownError: at least one download failed; the others were made nevertheless.
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
