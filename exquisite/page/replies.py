"""Replies of the page's server, and its validated input: the query of an address and the JSON body of a change."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import (
    ExquisiteError,
    PaymentError,
    SessionDamagedError,
    SessionLockedError,
    StorageError,
    UsageError,
)
from ..json_types import JsonObject

__all__ = ["Body", "Query", "RefusedError", "Reply", "error_reply", "json_reply"]

_MAX_TEXT = 4000


class RefusedError(Exception):
    """A request that the server refuses, with the HTTP status of the reply."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Reply:
    """One HTTP reply; `forever` allows caching, for an address whose content never changes."""

    content: bytes
    media_type: str
    status: int = 200
    forever: bool = False


def json_reply(value: object, status: int = 200) -> Reply:
    """`value` as JSON."""
    return Reply(json.dumps(value, ensure_ascii=False, default=str).encode(), "application/json", status)


_STATUS: tuple[tuple[type[Exception], int], ...] = (
    (SessionLockedError, 409),
    (PaymentError, 402),
    (UsageError, 400),
    (StorageError, 507),
    (SessionDamagedError, 500),
)


def error_reply(error: ExquisiteError | RefusedError) -> Reply:
    """An error as a JSON reply with its message."""
    if isinstance(error, RefusedError):
        status = error.status
    else:
        status = next((code for kind, code in _STATUS if isinstance(error, kind)), 400)
    return json_reply({"error": str(error)}, status)


class Query:
    """The part of an address after "?": names with one value each."""

    def __init__(self, values: Mapping[str, list[str]]) -> None:
        self._values = values

    def text(self, name: str) -> str | None:
        """A value, or None."""
        values = self._values.get(name)
        return values[0] if values and values[0] else None

    def whole(self, name: str) -> int | None:
        """A whole number, or None.

        Raises:
            RefusedError: the value is no whole number.
        """
        text = self.text(name)
        return None if text is None else _whole(name, text)

    def must(self, name: str) -> int:
        """A required whole number."""
        number = self.whole(name)
        if number is None:
            raise RefusedError(400, f"{name} is missing")
        return number


class Body:
    """The JSON object of a change.

    Raises:
        RefusedError: it is no JSON object.
    """

    def __init__(self, data: bytes) -> None:
        try:
            value = json.loads(data or b"{}")
        except (ValueError, RecursionError):
            raise RefusedError(400, "the body is no JSON") from None
        if not isinstance(value, dict):
            raise RefusedError(400, "the body is no JSON object")
        self._values: dict[str, Any] = value

    def __getitem__(self, name: str) -> Any:
        return self._values.get(name)

    def text(self, name: str) -> str:
        """A text of at most _MAX_TEXT characters; "" when it is missing."""
        value = self._values.get(name, "")
        if not isinstance(value, str) or len(value) > _MAX_TEXT:
            raise RefusedError(400, f"{name} must be a text of at most {_MAX_TEXT} characters")
        return value

    def name(self, name: str) -> str | None:
        """A text; None when it is empty or missing."""
        return self.text(name) if self._values.get(name) else None

    def whole(self, name: str) -> int:
        """A required whole number."""
        value = self._values.get(name)
        if isinstance(value, bool) or not isinstance(value, int):
            raise RefusedError(400, f"{name} must be a whole number")
        return value

    def maybe(self, name: str) -> int | None:
        """A whole number, or None."""
        return None if self._values.get(name) is None else self.whole(name)

    def options(self) -> JsonObject:
        """The options of a step: plain values by name."""
        value = self._values.get("options") or {}
        plain = isinstance(value, dict) and all(isinstance(v, str | int | float | None) for v in value.values())
        if not plain:
            raise RefusedError(400, "options must be plain values by name")
        return dict(value)


def _whole(name: str, text: str) -> int:
    try:
        if len(text) > 18:
            raise ValueError
        return int(text)
    except ValueError:
        raise RefusedError(400, f"{name} must be a whole number, not {text[:40]!r}") from None
