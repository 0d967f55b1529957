"""Reads and writes heads: one line in HEAD or heads/NAME that names the last step of a canvas.

    000012 <sha256 of the step's step.json> heads/NAME

The last word is the file's own path in the session; it reveals two heads that were swapped. Lines of earlier sessions
end after the hash and remain valid.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from ...foreign import own
from .records import sha256
from .step_folders import step_name

__all__ = ["BRANCH_NAME", "MAIN_HEAD", "Head", "branch_names", "head_line", "head_path", "parse_head"]

MAIN_HEAD = "HEAD"
"""Name of the file with the main head."""

BRANCH_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
"""The names that a branch may have."""

_LINE = re.compile(rb"(\d{6,12}) ([0-9a-f]{64})(?: ([!-~]{1,80}))?\n")


@dataclass(frozen=True)
class Head:
    """The content of a head.

    Attributes:
        step: number of the step.
        record_sha256: hash of that step's record.
        path: path of the head in the session, as written in the line; "" in a line of an earlier session.
    """

    step: int
    record_sha256: str
    path: str

    def belongs_to(self, path: str) -> bool:
        """Whether the line is valid in the file `path`."""
        return self.path in ("", path)


def head_path(branch: str | None) -> str:
    """The path of a branch's head in the session; None means HEAD, which every session has."""
    return MAIN_HEAD if branch is None else f"heads/{branch}"


def branch_names(root: Path) -> list[str]:
    """The branches of the session at `root`, sorted. A copy that a file manager made, such as "night (1)", is none."""
    names = (path.name for path in own((root / "heads").glob("*")))
    return sorted(name for name in names if BRANCH_NAME.fullmatch(name))


def head_line(path: str, step: int, sealed: bytes) -> bytes:
    """The content of the head at `path` for a `step` with the record `sealed`."""
    return f"{step_name(step)} {sha256(sealed)} {path}\n".encode()


def parse_head(data: bytes) -> Head | None:
    """Parse a head; None when `data` is not one."""
    match = _LINE.fullmatch(data)
    return None if match is None else Head(int(match[1]), match[2].decode(), (match[3] or b"").decode())
