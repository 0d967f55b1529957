"""A call log for several threads: one thread writes at a time, and an abandoned call writes no more."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from ..errors import StorageError
from .generator import CallLog

__all__ = ["SharedLog"]


@dataclass(frozen=True)
class _Answer:
    """The arguments of `CallLog.answered`."""

    body: bytes
    headers: Mapping[str, str]
    usd: Decimal | None


class SharedLog:
    """Serializes the writes of several threads to another `CallLog`. Each call has exactly one outcome.

    Args:
        log: the log that stores everything.
        hide: removes secrets from bytes.
    """

    def __init__(self, log: CallLog, hide: Callable[[bytes], bytes]) -> None:
        self._log = log
        self._hide = hide
        self._lock = threading.RLock()
        # Calls without an outcome.
        self._open: dict[int, bytearray | None] = {}  # bytes received; None: not sent
        self._answers: dict[int, _Answer] = {}  # complete answers on their way to the disk

    def launch(self, call: int, received: bytearray) -> None:
        """Record that the call may reach the server from now on; `received` will contain its answer."""
        with self._lock:
            self._open[call] = received

    def abandon(self, reason: str) -> None:
        """Log an outcome for every call that has none; later reports of their threads are ignored.

        A complete answer is stored as such. A call whose outcome cannot be written counts as unknown in the next run,
        so that no call stops the others from being logged; a message says which answer was lost.
        """
        with self._lock:
            for call, received in self._open.items():
                answer = self._answers.get(call)
                try:
                    if answer is not None:
                        self._log.answered(call, answer.body, answer.headers, answer.usd)
                    elif received is None:
                        self._log.not_sent(call, reason)
                    else:
                        self._log.unknown(call, reason, self._hide(bytes(received)))
                except StorageError as error:
                    if answer is not None:
                        loss = f"the answer to call {call} is not stored: {error}"
                        self._log.progress(f"{reason}; {loss}, which uses it if all of it is on disk", urgent=True)
            self._open.clear()

    def reserve(self, usd: Decimal, what: str) -> None:
        """See `CallLog`."""
        with self._lock:
            self._log.reserve(usd, what)

    def intend(self, summary: Mapping[str, object]) -> int:
        """See `CallLog`."""
        with self._lock:
            call = self._log.intend(summary)
            self._open[call] = None
            return call

    def answered(self, call: int, body: bytes, headers: Mapping[str, str], usd: Decimal | None = None) -> None:
        """See `CallLog`."""
        self._answers[call] = _Answer(body, headers, usd)  # before the lock, for `abandon` in another thread
        self._end(call, lambda: self._log.answered(call, body, headers, usd))
        del self._answers[call]

    def refused(self, call: int, reason: str, body: bytes = b"") -> None:
        """See `CallLog`."""
        self._end(call, lambda: self._log.refused(call, reason, body))

    def not_sent(self, call: int, reason: str) -> None:
        """See `CallLog`."""
        self._end(call, lambda: self._log.not_sent(call, reason))

    def unknown(self, call: int, reason: str, partial: bytes = b"") -> None:
        """See `CallLog`."""
        self._end(call, lambda: self._log.unknown(call, reason, partial))

    def book(self, call: int, usd: Decimal, estimated: bool = False) -> None:
        """See `CallLog`."""
        with self._lock:
            self._log.book(call, usd, estimated)

    def doubt(self, call: int) -> None:
        """See `CallLog`."""
        with self._lock:
            self._log.doubt(call)

    def progress(self, message: str, urgent: bool = False) -> None:
        """See `CallLog`."""
        with self._lock:
            self._log.progress(message, urgent)

    def _end(self, call: int, write: Callable[[], None]) -> None:
        """Write the outcome of an open call; ignore that of an abandoned one. A call stays open if that fails."""
        with self._lock:
            if call in self._open:
                write()
                del self._open[call]
