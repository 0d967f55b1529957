"""Sends paid calls at the same time. Every call has its record in the log before the first request leaves.

    reserve, intend   reserve, intend   …      in order, so that call numbers do not depend on the order of arrival
    send              send              …      each in its own thread
    one outcome       one outcome       …      logged as soon as the call ends

Ctrl-C stops waiting at once. Calls under way are logged as unknown, with the bytes received so far.
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
from .paid_call import DeferredCall, PaidCall
from .shared_log import SharedLog

__all__ = ["RunningCall", "send_all"]

_TICK_S = 0.2  # a person does not notice this delay after Ctrl-C


@dataclass
class RunningCall:
    """A call of a round, under way or ended.

    Attributes:
        paid: the call.
        place: its index in the round, from 0.
        number: its number in the log.
        result: the answer, or the reason to repeat the call; None until the call ends, and after an error.
        error: the exception that ended the call.
        received: the bytes of the answer so far.
    """

    paid: PaidCall
    place: int
    number: int
    result: Reply | DeferredCall | None = None
    error: BaseException | None = None
    received: bytearray = field(default_factory=bytearray, repr=False)


def send_all(paid: Sequence[PaidCall], log: SharedLog, clock: Clock) -> Generator[RunningCall]:
    """Send calls at the same time and yield each when it ends.

    When the budget covers only some of the calls, only the first ones are sent. Closing the iterator abandons the calls
    under way.

    Raises:
        PaymentError: the budget does not cover the first call; nothing was sent.
        BaseException: an interruption of the caller, or an exception in a thread that is no ExquisiteError.
    """
    ended: SimpleQueue[RunningCall] = SimpleQueue()
    calls: list[RunningCall] = []
    try:
        for place, each in enumerate(paid):
            try:
                calls.append(RunningCall(each, place, each.intend(log)))
            except PaymentError:
                if not calls:
                    raise
                break
        for call in calls:
            log.launch(call.number, call.received)
            threading.Thread(target=_run, args=(call, log, clock, ended), name="paid call", daemon=True).start()
        for _ in calls:
            call = _next(ended)
            if call.error is not None and not isinstance(call.error, ExquisiteError):
                raise call.error
            yield call
    except GeneratorExit:
        log.abandon("the run ended before the answer came")
        raise
    except BaseException as problem:
        log.abandon(f"interrupted by {type(problem).__name__}")
        raise


def _next(ended: SimpleQueue[RunningCall]) -> RunningCall:
    """Wait for the next call to end, in short waits: Windows delivers Ctrl-C only between waits."""
    while True:
        with contextlib.suppress(Empty):
            return ended.get(timeout=_TICK_S)


def _run(call: RunningCall, log: SharedLog, clock: Clock, ended: SimpleQueue[RunningCall]) -> None:
    """Send one call and queue it, also after an error."""
    try:
        call.result = call.paid.finish(call.number, log, clock, call.received)
    except BaseException as error:
        call.error = error
    ended.put(call)
