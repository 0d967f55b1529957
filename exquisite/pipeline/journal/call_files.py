"""Names of the files of calls: the number of the call, with three digits or more, and the kind of the file.

    000.intent.json  000.body  000.partial  000.outcome.json
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

__all__ = ["CallFile", "call_file", "call_numbers", "call_of", "read_call_number"]

CallFile = Literal["intent.json", "body", "partial", "outcome.json"]
"""Kind of a file: the request, the body as received, the received part of an incomplete body, or the outcome."""

_NAME = re.compile(r"(\d{3,})\.(?:intent\.json|body|partial|outcome\.json)")


def call_of(number: int) -> str:
    """Format the number of a call with at least three digits."""
    return f"{number:03d}"


def call_file(number: int, kind: CallFile) -> str:
    """The name of a file of a call."""
    return f"{call_of(number)}.{kind}"


def read_call_number(name: str) -> int | None:
    """Parse the number of the call in a file name; None for other files."""
    match = _NAME.fullmatch(name)
    return None if match is None else int(match[1])


def call_numbers(folder: Path) -> list[int]:
    """The numbers of the calls with files in `folder`, ascending; empty when the folder does not exist."""
    names: Iterable[str] = (path.name for path in folder.iterdir()) if folder.is_dir() else ()
    return sorted({number for name in names if (number := read_call_number(name)) is not None})
