"""The line in HEAD and in heads/NAME: the step that the canvas ends with, and whose line it is.

    000012 <sha256 of the step's step.json> heads/NAME

The last word is the file's own path in the session, so that two heads which changed places are seen. Lines of
earlier sessions end after the hash; they are read all the same.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from .records import sha256
from .step_folders import step_name

__all__ = ["MAIN_HEAD", "Head", "head_line", "head_path", "parse_head"]

MAIN_HEAD = "HEAD"
_LINE = re.compile(rb"(\d{6,12}) ([0-9a-f]{64})(?: ([!-~]{1,80}))?\n")


@dataclass(frozen=True)
class Head:
    """What a head says.

    Attributes:
        step: number of the step.
        record_sha256: hash of that step's record.
        path: the file that the line was written for, relative to the session; "" when it does not say.
    """

    step: int
    record_sha256: str
    path: str

    def belongs_to(self, path: str) -> bool:
        """Whether the line may stand in the file `path`."""
        return self.path in ("", path)


def head_path(branch: str | None) -> str:
    """The file of a head, relative to the session; None for the one that every session has."""
    return MAIN_HEAD if branch is None else f"heads/{branch}"


def head_line(path: str, step: int, sealed: bytes) -> bytes:
    """The content of the head at `path` that points at a step whose record is `sealed`."""
    return f"{step_name(step)} {sha256(sealed)} {path}\n".encode()


def parse_head(data: bytes) -> Head | None:
    """What a head says; None when it is no head."""
    match = _LINE.fullmatch(data)
    return None if match is None else Head(int(match[1]), match[2].decode(), (match[3] or b"").decode())
