"""The key of a server: in the environment or a file, and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

from ..errors import UsageError

__all__ = ["Secret", "find_key"]

MIN_SECRET = 12
"""A shorter text is no secret ("none", "local"): hiding it would tear holes into honest messages."""


class Secret:
    """A text that is shown by nothing but `reveal`."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return "Secret(hidden)"

    def __bool__(self) -> bool:
        return bool(self._text)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not copied into files")

    def reveal(self) -> str:
        """The text itself, for the header of a request."""
        return self._text

    def hidden_in(self, data: bytes) -> bytes:
        """`data` with every occurrence of the secret replaced, and a part of it in which `data` ends."""
        if len(self._text) < MIN_SECRET:
            return data
        text = self._text.encode()
        data = data.replace(text, b"[hidden]") if text in data else data
        for length in range(len(text) - 1, MIN_SECRET - 1, -1):
            if data.endswith(text[:length]):
                return data[:-length] + b"[hidden]"
        return data


def find_key(api_key: str | None, key_file: str | Path | None, variable: str, environ: Mapping[str, str]) -> Secret:
    """The key, from the argument, else from the file, else from the environment; empty when there is none.

    Raises:
        UsageError: the file cannot be read, or the text cannot be a key; the text itself is not shown.
    """
    if api_key is not None:
        text, source = api_key, "the key"
    elif key_file is not None:
        source = f"the key file {key_file}"
        try:
            text = Path(key_file).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            problem = error.strerror if isinstance(error, OSError) else "it is no text"
            raise UsageError(f"{source} cannot be read: {problem}") from None
        if not text.strip():
            raise UsageError(f"{source} is empty")
    else:
        text, source = environ.get(variable, "") if variable else "", f"the variable {variable}"
    text = text.strip()
    if not text.isascii() or not text.isprintable() or " " in text:
        raise UsageError(f"{source} holds characters that no key has: it must be one word on one line")
    return Secret(text)
