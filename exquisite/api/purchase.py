"""The tiles of one request, bought in rounds of calls under one ceiling.

    ask for all that is missing ─► round of calls ─► some may be asked again: wait, then the next round
                                        ├─► fewer tiles than asked for: the next round asks for the rest
                                        ├─► an answer without a picture: stop with what there is
                                        └─► refused for good, perhaps billed, …: raise, with every answer logged

The ceiling is the worst case of the calls that bring everything at once, which is what a person agrees to. All calls
together never cost more: where the next one might, it asks for fewer tiles, or is not made.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from ..errors import (
    AnswerError,
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
from .call_round import Flight, fly
from .generator import RawCandidate
from .outcome import Reply, said_by
from .paid_call import Deferred, PaidCall, Waiting, kept_headers
from .shared_log import SharedLog

__all__ = ["Purchase", "Terms", "shares_of"]

_WORST_FIRST = (StorageError, OutcomeUnknownError, ReplayError, RejectedByServerError)
"""Of several errors of one round, the first kind in this order is raised."""


def shares_of(tiles: int, most: int) -> list[int]:
    """How many tiles each call asks for, `most` at most, if every call brings all of its own."""
    return [min(most, tiles - start) for start in range(0, tiles, most)]


@dataclass(frozen=True)
class Terms:
    """How a client buys.

    Attributes:
        most: tiles that one call may ask for.
        concurrency: calls that may be under way at the same time; None for all.
        waiting: how it waits.
        worst_case: tiles of a call -> what it may cost at most, in USD.
        call: tiles of a call -> the call.
        fetch: (number of a call, its answer) -> the pictures that the answer names by address.
    """

    most: int
    concurrency: int | None
    waiting: Waiting
    worst_case: Callable[[int], Decimal]
    call: Callable[[int], PaidCall]
    fetch: Callable[[int, EditAnswer], list[RawCandidate]]


@dataclass(frozen=True)
class _Slot:
    """A call to be made: the tiles that it asks for, and how often it was made in vain."""

    tiles: int
    attempts: int = 0


@dataclass(frozen=True)
class _Answer:
    """A whole answer: the number of its call, what it holds, its headers, and why it holds no picture."""

    call: int
    content: EditAnswer
    headers: Mapping[str, str]
    useless: str = ""


class Purchase:
    """One purchase; `tiles` is called once.

    Args:
        wanted: tiles to buy.
        terms: how.
        log: where every call is kept.
    """

    def __init__(self, wanted: int, terms: Terms, log: SharedLog) -> None:
        self._wanted = self._missing = wanted
        self._terms = terms
        self._log = log
        self._ceiling = sum(map(terms.worst_case, shares_of(wanted, terms.most)), Decimal(0))
        self._counted = Decimal(0)  # what the answers so far have cost; the worst case where a server did not say
        self._arrived = 0
        self._deferred: list[_Slot] = []

    def tiles(self) -> Iterator[RawCandidate]:
        """Yield the tiles, in the order of the calls, whatever the order of arrival.

        Raises:
            PaymentError: over the budget.
            RejectedByServerError, ServerUnavailableError: see `paid_call`.
            OutcomeUnknownError: perhaps billed, or no picture in the answers.
        """
        while self._missing:
            slots = self._affordable()
            if not slots:
                self._stop(PaymentError(f"another call could pass the ${self._ceiling:.2f} that were agreed to"))
                return
            flights, answers = self._sent(slots)
            errors = [flight.error for flight in flights if flight.error is not None]
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
            if useless := next((answer.useless for answer in answers if answer.useless), None):
                self._stop(OutcomeUnknownError(useless))
                return
            self._put_off(slots, flights)

    def _affordable(self) -> list[_Slot]:
        """The calls of the next round: those that were put off, then new ones, as far as the ceiling allows."""
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

    def _sent(self, slots: Sequence[_Slot]) -> tuple[list[Flight], list[_Answer]]:
        """Make a round of calls: (all of them, the answers in the order of the calls), each booked as it comes."""
        calls = [self._terms.call(slot.tiles) for slot in slots]
        together = f"{len(calls)} calls at the same time, each " if len(calls) > 1 else ""
        self._log.progress(f"asking {together}for {calls[0].what}")
        flights, answers = [], []
        with contextlib.closing(fly(calls, self._log, self._terms.waiting.clock)) as flying:
            for flight in flying:
                flights.append(flight)
                if isinstance(flight.result, Reply):
                    answers.append(self._booked(flight, flight.result))
        return flights, sorted(answers, key=lambda answer: answer.call)

    def _booked(self, flight: Flight, reply: Reply) -> _Answer:
        """Read an answer that is durable, and book what it costs."""
        paid, call = flight.paid, flight.number
        problem = "" if reply.whole else f"it was cut after {len(reply.body)} bytes"
        try:
            content = read_body(reply.body)
            problem = problem or said_by(reply.body).words
        except AnswerError as error:
            content, problem = EditAnswer(), problem or str(error)
        bill = bill_of(paid.priced_as, paid.estimate, content, reply.headers)
        if bill.usd is None:
            self._log.doubt(call)
        else:
            self._log.book(call, bill.usd, bill.estimated)
        self._counted += paid.usd if bill.usd is None or bill.estimated else bill.usd
        for _ in content.images[: self._wanted - self._arrived]:
            self._arrived += 1
            self._log.progress(f"tile {self._arrived} of {self._wanted}")
        return _Answer(call, content, kept_headers(reply.headers), _useless(call, content, problem, bill, paid.usd))

    def _put_off(self, slots: Sequence[_Slot], flights: Sequence[Flight]) -> None:
        """Wait until the calls that were refused for now, or did not leave, may be made again.

        Raises:
            ServerUnavailableError: one of them was made in vain too often.
        """
        policy, clock = self._terms.waiting.policy, self._terms.waiting.clock
        self._deferred = []
        longest, line = 0.0, ""
        for flight in sorted(flights, key=lambda flight: flight.place):
            slot, why = slots[flight.place], flight.result
            if not isinstance(why, Deferred):
                continue
            wait_s = policy.wait(slot.attempts, why.asked_s, why.busy, clock.chance) if why.again else None
            slot = replace(slot, attempts=slot.attempts + 1)
            if wait_s is None:
                wish = f"; it asks to wait {why.asked_s:.0f} s" if why.asked_s else ""
                raise ServerUnavailableError(
                    f"{flight.paid.what}: {why.reason}{wish}; gave up after attempt {slot.attempts}; nothing was "
                    f"billed: run the same command again later"
                )
            self._deferred.append(slot)
            if not line or wait_s > longest:
                longest, line = wait_s, f"{why.reason}: waiting {wait_s:.1f} s, then attempt {slot.attempts + 1}"
        if line:
            self._log.progress(line)
            clock.sleep(longest)

    def _stop(self, why: ExquisiteError) -> None:
        """End the purchase with what there is; where there is nothing, raise."""
        had = self._wanted - self._missing
        if not had:
            raise why
        self._log.progress(f"{why}; going on with {had} of {self._wanted}")


def _useless(call: int, content: EditAnswer, problem: str, bill: Bill, worst_case: Decimal) -> str:
    """What to say of an answer that holds no picture; "" where it holds one, or names one."""
    if content.names_pictures:
        return ""
    return (
        f"the answer holds no picture ({problem or 'it says nothing'}); it is kept as answers/{call:03d}.body and cost "
        f"{bill.in_words(worst_case)}; the same is asked for again only with --retry-ambiguous"
    )


def _severity(error: BaseException) -> int:
    """The place of an error in `_WORST_FIRST`."""
    return next((place for place, kind in enumerate(_WORST_FIRST) if isinstance(error, kind)), len(_WORST_FIRST))
