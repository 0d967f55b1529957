"""What a person found out about a call that was in doubt: billed or not, and how that is known.

    settled/000012-003.json        one sealed record a call, written once

They stand beside the steps, because the files of a finished step never change.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ...files import Files
from ..store.records import FORMAT_VERSION, read_record, seal
from ..store.step_folders import step_name
from .call_files import call_of

__all__ = ["SETTLED_FOLDER", "Settlement", "read_settlement", "settlement_key", "settlement_path", "write_settlement"]

SETTLED_FOLDER = "settled"
"""The folder of these records in a session."""

_PATH = re.compile(rf"{SETTLED_FOLDER}/(\d{{6,12}})-(\d{{3,}})\.json")


@dataclass(frozen=True)
class Settlement:
    """What became of the money of one call.

    Attributes:
        step, call: the call.
        billed: whether the server billed it.
        usd: what it cost, in USD as an exact decimal; "0" when it was not billed.
        reason: how the person knows.
    """

    step: int
    call: int
    billed: bool
    usd: str
    reason: str

    @property
    def key(self) -> str:
        """The call as the ledger names it."""
        return f"{step_name(self.step)}/{call_of(self.call)}"


def settlement_path(root: Path, step: int, call: int) -> Path:
    """The file that keeps what became of a call."""
    return root / SETTLED_FOLDER / f"{step_name(step)}-{call_of(call)}.json"


def settlement_key(path: str) -> tuple[int, int] | None:
    """(step, call) of the record at `path`, relative to the session in POSIX form; None for another file."""
    match = _PATH.fullmatch(path)
    return None if match is None else (int(match[1]), int(match[2]))


def read_settlement(path: Path) -> Settlement:
    """The record at `path`.

    Raises:
        SessionDamagedError: it cannot be read.
    """
    record: dict[str, Any] = read_record(path)
    return Settlement(*(record[name] for name in Settlement.__dataclass_fields__))


def write_settlement(root: Path, files: Files, settlement: Settlement) -> None:
    """Make `settlement` durable."""
    path = settlement_path(root, settlement.step, settlement.call)
    files.make_folder(path.parent)
    files.sync_folder(root)
    files.write_atomic(path, seal({"format": FORMAT_VERSION, **asdict(settlement)}), root / "tmp")
