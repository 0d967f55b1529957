"""Paid calls that are under way at the same time, each with a record of its own before any of them leaves.

    reserve, intend   reserve, intend   …      in order, before anything is sent: call numbers do not depend on arrival
    send              send              …      each in a thread of its own
    one outcome       one outcome       …      logged as soon as it is known

Ctrl-C ends the waiting at once: calls under way are logged as unknown, with what has arrived of them.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue

from ..errors import ExquisiteError, PaymentError
from .clock import Clock
from .outcome import Reply
from .paid_call import Deferred, PaidCall
from .shared_log import SharedLog

__all__ = ["Flight", "fly"]

_TICK_S = 0.2


@dataclass
class Flight:
    """One call under way.

    Attributes:
        paid: the call.
        place: its place in the round, from 0.
        number: its number in the log.
        result: the answer, or why the call may be asked again; None before it ends, and where it failed.
        error: what it raised.
        arrived: what has arrived of its answer.
    """

    paid: PaidCall
    place: int
    number: int
    result: Reply | Deferred | None = None
    error: BaseException | None = None
    arrived: bytearray = field(default_factory=bytearray, repr=False)


def fly(paid: Sequence[PaidCall], log: SharedLog, clock: Clock) -> Generator[Flight]:
    """Send calls at the same time; yields each when it has ended, in the order in which they end.

    Where the budget does not cover all of them, the first ones that it covers are sent. Close the iterator to
    abandon what is under way.

    Raises:
        PaymentError: the budget does not cover the first; nothing was sent.
        BaseException: whatever interrupts the caller, or ends a thread without being an ExquisiteError.
    """
    ended: SimpleQueue[Flight] = SimpleQueue()
    flights: list[Flight] = []
    try:
        for place, each in enumerate(paid):
            try:
                flights.append(Flight(each, place, each.intend(log)))
            except PaymentError:
                if not flights:
                    raise
                break
        for flight in flights:
            log.launch(flight.number, flight.arrived)
            threading.Thread(target=_run, args=(flight, log, clock, ended), name="paid call", daemon=True).start()
        for _ in flights:
            flight = _next(ended)
            if flight.error is not None and not isinstance(flight.error, ExquisiteError):
                raise flight.error
            yield flight
    except GeneratorExit:
        log.abandon("the run ended before the answer came")
        raise
    except BaseException as problem:
        log.abandon(f"interrupted by {type(problem).__name__}")
        raise


def _next(ended: SimpleQueue[Flight]) -> Flight:
    """The next call that ends; Ctrl-C ends the waiting on every system, because no single wait is long."""
    while True:
        with contextlib.suppress(Empty):
            return ended.get(timeout=_TICK_S)


def _run(flight: Flight, log: SharedLog, clock: Clock, ended: SimpleQueue[Flight]) -> None:
    """Send one call, whatever comes of it."""
    try:
        flight.result = flight.paid.finish(flight.number, log, clock.now(), flight.arrived)
    except BaseException as error:
        flight.error = error
    ended.put(flight)
