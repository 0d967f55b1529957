"""Reads the key of a server from an argument, the environment or a file, and keeps it out of messages."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

from ..errors import UsageError
from ..files import read_settings

__all__ = ["Secret", "find_key"]

_ASSIGNMENT = re.compile(r"(?:export\s+)?([A-Z_][A-Z0-9_]*)\s*=\s*([^=\s].*)")

_MIN_SECRET = 12
"""Smallest length of a secret. Shorter texts are placeholders ("none", "local"), which may occur in messages."""


class Secret:
    """A text that only `reveal` returns; `source` describes its origin for messages."""

    __slots__ = ("_text", "source")

    def __init__(self, text: str, source: str = "") -> None:
        self._text = text
        self.source = source

    def __repr__(self) -> str:
        return "Secret(hidden)"

    def __bool__(self) -> bool:
        return bool(self._text)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret cannot be pickled")

    def reveal(self) -> str:
        """Return the text, for the header of a request."""
        return self._text

    def hidden_in(self, data: bytes) -> bytes:
        """Replace every occurrence of the secret in `data`, and a prefix of it at the end of `data`."""
        if len(self._text) < _MIN_SECRET:
            return data
        text = self._text.encode()
        data = data.replace(text, b"[hidden]") if text in data else data
        for length in range(len(text) - 1, _MIN_SECRET - 1, -1):
            if data.endswith(text[:length]):
                return data[:-length] + b"[hidden]"
        return data


def find_key(api_key: str | None, key_file: str | Path | None, variable: str, environ: Mapping[str, str]) -> Secret:
    """Return the key from the argument, else the file, else the environment; empty when there is none.

    A file contains the key alone, or lines such as `OPENAI_API_KEY="..."`, of which that of `variable` is used. Quotes
    around the key, a byte order mark, empty lines and comments are ignored.

    Raises:
        UsageError: the file is unreadable, or the text cannot be a key; the message does not contain the text.
    """
    if api_key is not None:
        return _secret(api_key, "the key that was passed")
    if key_file is not None:
        return _secret(_key_in(key_file, variable), f"the key file {key_file}")
    if not variable:
        return Secret("", "the settings of the server: they name no key_variable")
    if not environ.get(variable, "").strip():
        return Secret("", f"the variable {variable}: it is not set, and no key file is named")
    return _secret(environ[variable], f"the variable {variable}")


def _key_in(path: str | Path, variable: str) -> str:
    """Read the text of the key from a file."""
    source = f"the key file {path}"
    try:
        text = read_settings(path).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        problem = error.strerror if isinstance(error, OSError) else "it is no text in UTF-8"
        raise UsageError(f"{source} cannot be read: {problem}") from None
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    if not lines:
        raise UsageError(f"{source} is empty")
    values: dict[str, str] = {match[1]: match[2] for line in lines if (match := _ASSIGNMENT.fullmatch(line))}
    if not values:
        return "\n".join(lines)
    if variable in values:
        return values[variable]
    if variable or len(values) > 1:
        names = ", ".join(values)
        raise UsageError(f"{source} names {names}, not {variable or 'one key'}: leave one line with the key alone")
    return next(iter(values.values()))


def _secret(text: str, source: str) -> Secret:
    """Parse a key, with or without quotes."""
    text = text.strip().removeprefix("\ufeff").strip()
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
        text = text[1:-1].strip()
    if not text.isascii() or not text.isprintable() or " " in text or {'"', "'"} & set(text):
        raise UsageError(f"{source} holds characters that no key has: it must be one word on one line")
    return Secret(text, source)
