"""A cache bounded in bytes that evicts the least recently used values."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

__all__ = ["LruCache"]

_Value = TypeVar("_Value")


class LruCache(Generic[_Value]):
    """Values by key, at most `limit` bytes of them; safe for threads."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._total = 0
        self._values: OrderedDict[Hashable, tuple[_Value, int]] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def total(self) -> int:
        """Size of all values in bytes."""
        return self._total

    def get(self, key: Hashable) -> _Value | None:
        """The value, which becomes the most recently used one; None when the key is absent."""
        with self._lock:
            entry = self._values.get(key)
            if entry is None:
                return None
            self._values.move_to_end(key)
            return entry[0]

    def put(self, key: Hashable, value: _Value, size: int) -> None:
        """Store a value of `size` bytes and evict old ones beyond the limit; the new value always stays."""
        with self._lock:
            old = self._values.pop(key, None)
            self._total += size - (0 if old is None else old[1])
            self._values[key] = (value, size)
            while self._total > self._limit and len(self._values) > 1:
                _, (_, evicted_size) = self._values.popitem(last=False)
                self._total -= evicted_size
