"""Small JSON records with a checksum.

A record is UTF-8 JSON with an indent of two spaces. Its last key `sha256` is the hash of the same JSON without that
key, which detects flipped bits, truncation and edits by hand.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path

from ...errors import SessionDamagedError
from ...json_types import JsonObject

__all__ = [
    "BESIDE_REQUEST",
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

Record = JsonObject
"""A record on disk as JSON types; `pipeline.formats` has its fields."""

_SEAL = "sha256"
SEAL = re.compile(rb',\n  "sha256": "([0-9a-f]{64})"\n\}\n\Z')
"""The end of a sealed record; the hash covers the bytes before the match, followed by END."""

END = b"\n}\n"
"""How the JSON of a record ends."""

BESIDE_REQUEST = ("options", "plan", "digest")
"""Keys of a step's request.json that do not decide its answers."""


def sha256(data: bytes) -> str:
    """Lower-case hexadecimal SHA-256 of `data`."""
    return hashlib.sha256(data).hexdigest()


def pretty(value: object) -> bytes:
    """`value` as readable JSON that ends in a newline; NaN and infinities are refused.

    Of a file name, the bytes that are no text become JSON escapes (lone surrogates), and are read back as they were.
    """
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    return text.encode("utf-8", "backslashreplace")


def seal(record: Mapping[str, object]) -> bytes:
    """The bytes of `record` with its hash as the last key."""
    content = {key: value for key, value in record.items() if key != _SEAL}
    return pretty({**content, _SEAL: sha256(pretty(content))})


def unseal(data: bytes, path: Path) -> Record:
    """Parse and check the record in `data`; `path` appears in messages.

    Raises:
        SessionDamagedError: not JSON, not a record, altered, or of a newer format.
    """
    try:
        record = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise SessionDamagedError(
            f"{path} is not readable JSON ({error}); `verify` describes the damage"
        ) from error
    if not isinstance(record, dict) or not isinstance(record.get(_SEAL), str):
        raise SessionDamagedError(f"{path} is not a sealed record; `verify` describes the damage")
    version = record.get("format", FORMAT_VERSION)
    if isinstance(version, int) and version > FORMAT_VERSION:
        raise SessionDamagedError(
            f"{path} has format {version}, this program reads up to {FORMAT_VERSION}: use a newer exquisite"
        )
    tail = SEAL.search(data)  # hash the bytes as they are: encoding the record again would be slower
    if tail is None or sha256(data[: tail.start()] + END) != tail[1].decode():
        raise SessionDamagedError(f"{path} was altered after it was written; `verify` describes the damage")
    del record[_SEAL]
    return record


def read_file(path: Path) -> bytes:
    """Read a file of the session.

    Raises:
        SessionDamagedError: it is missing or unreadable.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise SessionDamagedError(
            f"cannot read {path}: {error.strerror}; `verify` describes the damage"
        ) from error


def read_record(path: Path) -> Record:
    """Read and check the record at `path`.

    Raises:
        SessionDamagedError: missing, unreadable, altered, or of a newer format.
    """
    return unseal(read_file(path), path)
