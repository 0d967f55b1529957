"""A memory that forgets what was not used for longest, bounded in bytes."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

__all__ = ["Bounded"]

_Value = TypeVar("_Value")


class Bounded(Generic[_Value]):
    """Values by key, at most `limit` bytes of them; safe for threads."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._total = 0
        self._values: OrderedDict[Hashable, tuple[_Value, int]] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def total(self) -> int:
        """Bytes of all values."""
        return self._total

    def get(self, key: Hashable) -> _Value | None:
        """The value, used now; None when it is not there."""
        with self._lock:
            entry = self._values.get(key)
            if entry is None:
                return None
            self._values.move_to_end(key)
            return entry[0]

    def put(self, key: Hashable, value: _Value, size: int) -> None:
        """Keep a value of `size` bytes; what was not used for longest goes."""
        with self._lock:
            old = self._values.pop(key, None)
            self._total += size - (0 if old is None else old[1])
            self._values[key] = (value, size)
            while self._total > self._limit and len(self._values) > 1:
                _, (_, freed) = self._values.popitem(last=False)
                self._total -= freed
