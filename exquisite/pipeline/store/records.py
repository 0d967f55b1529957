"""Small JSON records that know when they were altered.

A record is UTF-8 JSON for a person to read, two spaces deep, whose last key `sha256` is the hash of the
same JSON without that key. A flipped bit, a cut end or an edit by hand makes the two disagree.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...errors import SessionDamagedError

__all__ = [
    "END",
    "FORMAT_VERSION",
    "SEAL",
    "Record",
    "pretty",
    "read_file",
    "read_record",
    "seal",
    "sha256",
    "unseal",
]

FORMAT_VERSION = 1
"""Version of everything a session keeps on disk; a higher one is refused."""

Record = dict[str, Any]
_SEAL = "sha256"
SEAL = re.compile(rb',\n  "sha256": "([0-9a-f]{64})"\n\}\n\Z')
"""How a sealed record ends; what stands before it, and END, is what was hashed."""

END = b"\n}\n"


def sha256(data: bytes) -> str:
    """Lower-case hexadecimal SHA-256 of `data`."""
    return hashlib.sha256(data).hexdigest()


def pretty(value: object) -> bytes:
    """`value` as readable JSON that ends in a newline; NaN and infinities are refused.

    Of a file name, the bytes that are no text become JSON escapes (lone surrogates), and are read back as they were.
    """
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    return text.encode("utf-8", "backslashreplace")


def seal(record: Mapping[str, Any]) -> bytes:
    """The bytes of `record` with its seal as the last key."""
    content = {key: value for key, value in record.items() if key != _SEAL}
    return pretty({**content, _SEAL: sha256(pretty(content))})


def unseal(data: bytes, path: Path) -> Record:
    """The record in `data`, checked; `path` is for the message.

    Raises:
        SessionDamagedError: not JSON, not a record, altered, or of a newer format.
    """
    try:
        record = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise SessionDamagedError(
            f"{path} is not readable JSON ({error}); `verify` says what it costs"
        ) from error
    if not isinstance(record, dict) or not isinstance(record.get(_SEAL), str):
        raise SessionDamagedError(f"{path} is not a sealed record; `verify` says what it costs")
    version = record.get("format", FORMAT_VERSION)
    if isinstance(version, int) and version > FORMAT_VERSION:
        raise SessionDamagedError(
            f"{path} has format {version}, this program reads up to {FORMAT_VERSION}: use a newer exquisite"
        )
    tail = SEAL.search(data)  # the hash is checked on the text, which is a hundred times as fast as writing it again
    if tail is None or sha256(data[: tail.start()] + END) != tail[1].decode():
        raise SessionDamagedError(f"{path} was altered after it was written; `verify` says what it costs")
    del record[_SEAL]
    return record


def read_file(path: Path) -> bytes:
    """The bytes of a file that the session needs.

    Raises:
        SessionDamagedError: it is missing or unreadable.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise SessionDamagedError(
            f"cannot read {path}: {error.strerror}; `verify` says what it costs"
        ) from error


def read_record(path: Path) -> Record:
    """The record at `path`, checked.

    Raises:
        SessionDamagedError: missing, unreadable, altered, or of a newer format.
    """
    return unseal(read_file(path), path)
