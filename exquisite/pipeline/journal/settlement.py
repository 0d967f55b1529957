"""What a person found out about a call that was in doubt: billed or not, and how that is known.

    settled/000012-003.json        one sealed record a call, written once

They stand beside the steps, because the files of a finished step never change.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from decimal import Decimal
from pathlib import Path

from ...errors import UsageError
from ...files import Files
from ..store.records import FORMAT_VERSION, Record, read_record, seal
from ..store.step_folders import step_name
from .call_files import call_of
from .ledger import Ledger

__all__ = [
    "SETTLED_FOLDER",
    "Settlement",
    "is_settlement",
    "read_settlement",
    "reconcile",
    "settle_call",
    "settlement_path",
]

SETTLED_FOLDER = "settled"
"""The folder of these records in a session."""

_PATH = re.compile(rf"{SETTLED_FOLDER}/\d{{6,12}}-\d{{3,}}\.json")


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



def settlement_path(root: Path, step: int, call: int) -> Path:
    """The file that keeps what became of a call."""
    return root / SETTLED_FOLDER / f"{step_name(step)}-{call_of(call)}.json"


def is_settlement(path: str) -> bool:
    """Whether `path`, relative to the session in POSIX form, is such a file."""
    return _PATH.fullmatch(path) is not None


def read_settlement(path: Path) -> Settlement:
    """The record at `path`.

    Raises:
        SessionDamagedError: it cannot be read.
    """
    record: Record = read_record(path)
    return Settlement(*(record[name] for name in Settlement.__dataclass_fields__))


def settle_call(
    root: Path, files: Files, ledger: Ledger, call: tuple[int, int], found: tuple[bool, Decimal | None, str]
) -> Settlement:
    """Keep what became of a call in doubt, then bring the ledger in line; the caller holds the session's lock.

    Args:
        root: the session's folder.
        files: the seam to the file system.
        ledger: the money of the session.
        call: (step, number of the call).
        found: (whether it was billed, what it cost in USD, how that is known); None for the amount set aside.

    Raises:
        UsageError: the call is not in doubt, or no reason is given.
    """
    (step, number), (billed, usd, reason) = call, found
    doubts = ledger.doubts
    worst_case = doubts.get(_key(step, number))
    if worst_case is None:
        listed = ", ".join(key.replace("/", " call ") for key in doubts) or "none is"
        raise UsageError(f"call {number} of step {step} is not in doubt ({listed}): see `status`")
    if not reason.strip():
        raise UsageError("say how you know: --reason TEXT")
    if usd is not None and not (usd.is_finite() and usd >= 0):
        raise UsageError(f"${usd} is no amount that a call can cost")
    cost = (worst_case if usd is None else usd) if billed else Decimal(0)
    settlement = Settlement(step, number, billed, str(cost), reason)
    path = settlement_path(root, step, number)
    files.make_folder(path.parent)
    files.sync_folder(root)
    files.write_atomic(path, seal({"format": FORMAT_VERSION, **asdict(settlement)}), root / "tmp")
    reconcile(root, ledger)
    return settlement


def reconcile(root: Path, ledger: Ledger) -> None:
    """Book what was settled, and is still in doubt because a run was cut short."""
    for key in ledger.doubts:
        step, _, call = key.partition("/")
        path = settlement_path(root, int(step), int(call))
        if path.is_file():
            settlement = read_settlement(path)
            if settlement.billed:
                ledger.book(key, Decimal(settlement.usd))
            else:
                ledger.release(key)


def _key(step: int, call: int) -> str:
    """The call as the ledger names it."""
    return f"{step_name(step)}/{call_of(call)}"
