"""Buys the tiles of one request, in rounds of calls under one cost ceiling.

    request the missing tiles ─► round of calls ─► retryable calls: wait, then the next round
                                       ├─► fewer tiles than requested: the next round requests the rest
                                       ├─► an answer without images: stop with the tiles so far
                                       └─► refused permanently, ambiguous, …: raise; every answer is logged

The ceiling is the worst case of the calls that would suffice if every call succeeded. A person agrees to this amount.
All calls together never cost more. When the next call could exceed it, it requests fewer tiles, or is not made.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from ..errors import (
    AnswerError,
    AnswerNotStoredError,
    ExquisiteError,
    OutcomeUnknownError,
    PaymentError,
    RejectedByServerError,
    ReplayError,
    ServerUnavailableError,
    StorageError,
)
from .answer import EditAnswer, candidates_of, read_body
from .bill import Bill, bill_of
from .call_round import RunningCall, send_all
from .generator import RawCandidate
from .outcome import Reply, server_message
from .paid_call import DeferredCall, PaidCall, Waiting, kept_headers
from .shared_log import SharedLog

__all__ = ["Purchase", "Terms", "shares_of"]

_WORST_FIRST = (AnswerNotStoredError, StorageError, OutcomeUnknownError, ReplayError, RejectedByServerError)
"""Order of precedence when a round has several errors."""


def shares_of(tiles: int, most: int) -> list[int]:
    """The number of tiles of each call, at most `most`, when every call delivers all of its tiles."""
    return [min(most, tiles - start) for start in range(0, tiles, most)]


@dataclass(frozen=True)
class Terms:
    """How a client buys.

    Attributes:
        most: largest number of tiles of one call.
        concurrency: largest number of calls under way at the same time; None for no limit.
        waiting: retry policy and clock.
        worst_case: number of tiles of a call -> its worst case in USD.
        call: number of tiles -> the call.
        fetch: (number of a call, its answer) -> the images at the URLs in the answer.
    """

    most: int
    concurrency: int | None
    waiting: Waiting
    worst_case: Callable[[int], Decimal]
    call: Callable[[int], PaidCall]
    fetch: Callable[[int, EditAnswer], list[RawCandidate]]


@dataclass(frozen=True)
class _Slot:
    """A call of the next round: its number of tiles, and the number of earlier attempts."""

    tiles: int
    attempts: int = 0


@dataclass(frozen=True)
class _Answer:
    """A complete answer: number of its call, content, headers, and why it has no image ("" if it has one)."""

    call: int
    content: EditAnswer
    headers: Mapping[str, str]
    no_picture: str = ""


class Purchase:
    """One purchase; `tiles` is called once.

    Args:
        target: number of tiles to buy.
        terms: how to buy them.
        log: the log of all calls.
    """

    def __init__(self, target: int, terms: Terms, log: SharedLog) -> None:
        self._target = self._missing = target
        self._terms = terms
        self._log = log
        self._ceiling = sum(map(terms.worst_case, shares_of(target, terms.most)), Decimal(0))
        self._counted = Decimal(0)  # cost of the answers so far; the worst case of those without a stated cost
        self._arrived = 0
        self._deferred: list[_Slot] = []

    def tiles(self) -> Iterator[RawCandidate]:
        """Yield the tiles of each round in the order of the calls, not of arrival.

        Raises:
            PaymentError: the budget does not cover the first call.
            RejectedByServerError, ServerUnavailableError: see `paid_call`.
            OutcomeUnknownError: a call may have been billed, or the answers have no images.
        """
        while self._missing:
            slots = self._affordable()
            if not slots:
                self._stop(PaymentError(f"another call could pass the ${self._ceiling:.2f} that were agreed to"))
                return
            ended, answers = self._make_calls(slots)
            errors = [call.error for call in ended if call.error is not None]
            tiles: list[RawCandidate] = []
            for answer in answers:
                tiles += candidates_of(answer.call, answer.content, answer.headers)
                try:
                    tiles += self._terms.fetch(answer.call, answer.content) if answer.content.urls else []
                except OutcomeUnknownError as error:
                    errors.append(error)
            del tiles[self._missing :]
            self._missing -= len(tiles)
            yield from tiles
            if errors:
                raise min(errors, key=_severity)
            if no_picture := next((answer.no_picture for answer in answers if answer.no_picture), None):
                self._stop(OutcomeUnknownError(no_picture))
                return
            self._defer(slots, ended)

    def _affordable(self) -> list[_Slot]:
        """The calls of the next round, within the ceiling: deferred ones first, then new ones."""
        new = self._missing - sum(slot.tiles for slot in self._deferred)
        slots = [*self._deferred, *map(_Slot, shares_of(new, self._terms.most))][: self._terms.concurrency]
        left = self._ceiling - self._counted
        allowed: list[_Slot] = []
        for slot in slots:
            tiles = next((n for n in range(slot.tiles, 0, -1) if self._terms.worst_case(n) <= left), 0)
            if not tiles:
                break
            left -= self._terms.worst_case(tiles)
            allowed.append(replace(slot, tiles=tiles))
        return allowed

    def _make_calls(self, slots: Sequence[_Slot]) -> tuple[list[RunningCall], list[_Answer]]:
        """Make a round of calls and book each answer on arrival; (ended calls, answers in the order of the calls)."""
        calls = [self._terms.call(slot.tiles) for slot in slots]
        together = f"{len(calls)} calls at the same time, each " if len(calls) > 1 else ""
        self._log.progress(f"asking {together}for {calls[0].what}")
        ended, answers = [], []
        with contextlib.closing(send_all(calls, self._log, self._terms.waiting.clock)) as running:
            for call in running:
                ended.append(call)
                if isinstance(call.result, Reply):
                    try:
                        answers.append(self._booked(call, call.result))
                    except StorageError as error:  # raised after the round; the next run books from the stored answer
                        call.error = error
        return ended, sorted(answers, key=lambda answer: answer.call)

    def _booked(self, call: RunningCall, reply: Reply) -> _Answer:
        """Parse a durable answer and book its cost."""
        paid, number = call.paid, call.number
        problem = "" if reply.whole else f"it was cut after {len(reply.body)} bytes"
        try:
            content = read_body(reply.body)
            problem = problem or server_message(reply.body).text
        except AnswerError as error:
            content, problem = EditAnswer(), problem or str(error)
        bill = bill_of(paid.priced_as, paid.estimate, content, reply.headers)
        if bill.usd is None:
            self._log.doubt(number)
        else:
            self._log.book(number, bill.usd, bill.estimated)
        self._counted += paid.usd if bill.usd is None or bill.estimated else bill.usd
        for _ in content.images[: self._target - self._arrived]:
            self._arrived += 1
            self._log.progress(f"tile {self._arrived} of {self._target}")
        no_picture = "" if content.names_pictures else _no_picture(number, problem, bill, paid.usd)
        return _Answer(number, content, kept_headers(reply.headers), no_picture)

    def _defer(self, slots: Sequence[_Slot], ended: Sequence[RunningCall]) -> None:
        """Wait until the retryable calls may be repeated, and keep them for the next round.

        Raises:
            ServerUnavailableError: the policy allows no further attempt of one of them.
        """
        policy, clock = self._terms.waiting.policy, self._terms.waiting.clock
        self._deferred = []
        longest, line = 0.0, ""
        for call in sorted(ended, key=lambda call: call.place):
            slot, why = slots[call.place], call.result
            if not isinstance(why, DeferredCall):
                continue
            wait_s = policy.wait(slot.attempts, why.requested_s, why.busy, clock.chance) if why.again else None
            slot = replace(slot, attempts=slot.attempts + 1)
            if wait_s is None:
                wish = f"; the server requests a wait of {why.requested_s:.0f} s" if why.requested_s else ""
                raise ServerUnavailableError(
                    f"{call.paid.what}: {why.reason}{wish}; gave up after attempt {slot.attempts}; nothing was "
                    f"billed: run the same command again later"
                )
            self._deferred.append(slot)
            if not line or wait_s > longest:
                longest, line = wait_s, f"{why.reason}: waiting {wait_s:.1f} s, then attempt {slot.attempts + 1}"
        if line:
            self._log.progress(line)
            clock.sleep(longest)

    def _stop(self, why: ExquisiteError) -> None:
        """End the purchase with the tiles so far; raise `why` when there are none."""
        bought = self._target - self._missing
        if not bought:
            raise why
        self._log.progress(f"{why}; going on with {bought} of {self._target}")


def _no_picture(call: int, problem: str, bill: Bill, worst_case: Decimal) -> str:
    """A message about an answer with neither an image nor the URL of one."""
    return (
        f"the answer holds no picture ({problem or 'it says nothing'}); it is kept as answers/{call:03d}.body and cost "
        f"{bill.in_words(worst_case)}; the same is asked for again only with --retry-ambiguous"
    )


def _severity(error: BaseException) -> int:
    """The index of an error in `_WORST_FIRST`."""
    return next((place for place, kind in enumerate(_WORST_FIRST) if isinstance(error, kind)), len(_WORST_FIRST))
