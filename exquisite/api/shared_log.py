"""A call log for calls that are under way at the same time: one writes at a time, and none after the end."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from decimal import Decimal

from .generator import CallLog

__all__ = ["SharedLog"]


class SharedLog:
    """A `CallLog` in front of another one that several threads write to; each call gets one outcome.

    Args:
        log: where everything is kept.
        hide: takes secrets out of bytes.
    """

    def __init__(self, log: CallLog, hide: Callable[[bytes], bytes]) -> None:
        self._log = log
        self._hide = hide
        self._lock = threading.RLock()
        self._open: dict[int, bytearray | None] = {}  # without an outcome: what has arrived; None before it leaves

    def launch(self, call: int, arrived: bytearray) -> None:
        """From now on the call may reach the server; `arrived` takes what comes of its answer."""
        with self._lock:
            self._open[call] = arrived

    def abandon(self, reason: str) -> None:
        """Log every call that has no outcome yet; what its thread reports later is no longer written."""
        with self._lock:
            for call, arrived in list(self._open.items()):
                if arrived is None:
                    self.not_sent(call, reason)
                else:
                    self.unknown(call, reason, self._hide(bytes(arrived)))

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
        self._end(call, lambda: self._log.answered(call, body, headers, usd))

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

    def progress(self, message: str) -> None:
        """See `CallLog`."""
        with self._lock:
            self._log.progress(message)

    def _end(self, call: int, write: Callable[[], None]) -> None:
        """Write the outcome of an open call; that of an abandoned one comes too late."""
        with self._lock:
            if call in self._open:
                del self._open[call]
                write()
