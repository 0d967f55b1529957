"""Settles calls in doubt: a person records whether a call was billed, with the reason.

    settled/000012-003.json        one sealed record per call, written once

The records are outside of the step folders, because the files of a finished step never change.
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
from .ledger import Ledger, call_key, numbers_of

__all__ = [
    "SETTLED_FOLDER",
    "Evidence",
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
    """A settled call.

    Attributes:
        step, call: numbers of the step and of the call within it.
        billed: whether the server billed it.
        usd: its cost in USD as an exact decimal; "0" when it was not billed.
        reason: how the person knows.
    """

    step: int
    call: int
    billed: bool
    usd: str
    reason: str


@dataclass(frozen=True)
class Evidence:
    """What a bill shows of a call.

    Attributes:
        billed: whether the server billed it.
        reason: how the person knows.
        usd: its cost in USD; None for the reserved amount.
    """

    billed: bool
    reason: str
    usd: Decimal | None = None


def settlement_path(root: Path, step: int, call: int) -> Path:
    """The file of the settlement of a call."""
    return root / SETTLED_FOLDER / f"{step_name(step)}-{call_of(call)}.json"


def is_settlement(path: str) -> bool:
    """Whether `path`, relative to the session in POSIX form, is a settlement."""
    return _PATH.fullmatch(path) is not None


def read_settlement(path: Path) -> Settlement:
    """Read a settlement.

    Raises:
        SessionDamagedError: the file is unreadable.
    """
    record: Record = read_record(path)
    return Settlement(*(record[name] for name in Settlement.__dataclass_fields__))


def settle_call(
    root: Path, files: Files, ledger: Ledger, call: tuple[int, int], evidence: Evidence
) -> Settlement:
    """Record the settlement of a call in doubt and update the ledger. The caller holds the session's lock.

    Args:
        root: the session's folder.
        files: access to the file system.
        ledger: the costs of the session.
        call: (number of the step, number of the call).
        evidence: what the bill shows.

    Raises:
        UsageError: the call is not in doubt, or no reason is given.
    """
    (step, number), usd = call, evidence.usd
    doubts = ledger.doubts
    worst_case = doubts.get(call_key(step, number))
    if worst_case is None:
        listed = ", ".join(key.replace("/", " call ") for key in doubts) or "none is"
        raise UsageError(f"call {number} of step {step} is not in doubt ({listed}): see `status`")
    if not evidence.reason.strip():
        raise UsageError("say how you know: --reason TEXT")
    if usd is not None and not (usd.is_finite() and usd >= 0):
        raise UsageError(f"${usd} is no amount that a call can cost")
    cost = (worst_case if usd is None else usd) if evidence.billed else Decimal(0)
    settlement = Settlement(step, number, evidence.billed, str(cost), evidence.reason)
    path = settlement_path(root, step, number)
    files.make_folder(path.parent)
    files.sync_folder(root)
    files.write_atomic(path, seal({"format": FORMAT_VERSION, **asdict(settlement)}), root / "tmp")
    reconcile(root, ledger)
    return settlement


def reconcile(root: Path, ledger: Ledger) -> None:
    """Book settled calls that are still in doubt because of an interrupted run."""
    for key in ledger.doubts:
        path = settlement_path(root, *numbers_of(key))
        if path.is_file():
            settlement = read_settlement(path)
            if settlement.billed:
                ledger.book(key, Decimal(settlement.usd))
            else:
                ledger.release(key)
