"""Checks every file of a session against the records, and repairs damaged files where possible.

Every byte on disk is hashed once. Each record then claims the files that it names. A file that is missing, altered,
contradictory or claimed by no record is a finding. The remains of an interrupted run (an unfinished step, drafts under
tmp/) are no damage: the next run uses or removes them, and the report notes them.
"""

from __future__ import annotations

from pathlib import Path

from ...errors import SessionNotFoundError
from ...files import Files
from ..store.records import sha256
from .evidence import Evidence, Replacement
from .findings import VerifyReport
from .heads import check_heads, check_session, read_heads
from .pictures import check_pictures, named_pictures
from .repair import rebuilt_ledger
from .step_records import IMPOSSIBLE, StepRecords
from .steps import check_step
from .unfinished import check_pending, check_unfinished

__all__ = ["verify_path"]


def verify_path(root: Path | str, files: Files | None = None, repair: bool = False) -> VerifyReport:
    """Check every file of the session at `root`, which may be too damaged to open.

    Args:
        root: the session's folder.
        files: the file system.
        repair: restore files whose content is certain; takes the session's lock.

    Raises:
        SessionNotFoundError: there is no session at `root`.
        SessionLockedError: `repair` is set, and another run is writing.
        StorageError: `repair` is set, and the disk fails.
    """
    root, files = Path(root), files or Files()
    if not any((root / name).exists() for name in ("HEAD", "session.json", "steps")):
        raise SessionNotFoundError(f"no session at {root}: make one with `init`")
    if not repair:
        return _verify(Evidence(root, files, False))
    lock = files.lock(root / ".lock")
    try:
        return _verify(Evidence(root, files, True))
    finally:
        lock.release()


def _verify(evidence: Evidence) -> VerifyReport:
    """Check everything: records before the files that they name, parents before children."""
    heads = read_heads(evidence)  # first, because another run may be writing
    evidence.read_all()
    evidence.claimed |= {".lock", "session.json", "HEAD", "ledger.json"}
    records = StepRecords(evidence, heads)
    check_session(evidence, records, heads)
    check_heads(evidence, records, heads)
    for number in records.numbers:
        if number in records.whole:
            check_step(evidence, records, number)
        else:
            check_unfinished(evidence, number)
    check_pictures(evidence, records)
    check_pending(evidence, records.numbers)
    _check_ledger(evidence, records)
    _check_unclaimed(evidence, records)
    return VerifyReport(tuple(evidence.findings), len(evidence.hashes), tuple(evidence.notes))


def _check_ledger(evidence: Evidence, records: StepRecords) -> None:
    """Check the ledger; one that is missing or damaged is rebuilt from the outcomes of the calls."""
    try:
        rebuilt, paid = rebuilt_ledger(evidence.root, records.numbers)
    except IMPOSSIBLE:
        rebuilt, paid = None, 0
    if "ledger.json" not in evidence.hashes and not paid:
        return
    cost = "the costs of the session are unknown, so no budget can be enforced"
    record = evidence.record("ledger.json", cost, rebuild=lambda: rebuilt)
    if record is not None and not {"spent_usd", "reserved", "doubtful"} <= record.keys():
        evidence.report("ledger.json", "it is not a ledger", cost, None if rebuilt is None else Replacement(rebuilt))


def _check_unclaimed(evidence: Evidence, records: StepRecords) -> None:
    """Report every file that no record names and that is not part of an unfinished step."""
    unfinished = set(records.numbers) - set(records.whole)
    if evidence.hashes.get(".lock", sha256(b"")) != sha256(b""):
        evidence.report(".lock", "it is not empty", "it holds nothing and does no harm")
    accounted = evidence.claimed | evidence.experiments() | evidence.labels() | evidence.settlements()
    accounted |= named_pictures(evidence, records)
    for path in sorted(set(evidence.hashes) - accounted):
        if path.startswith("tmp/"):
            evidence.notes.append(f"{path} was left by an interrupted run: the next run removes it")
        elif path == f"strips/{evidence.hashes[path]}.png" and unfinished:
            evidence.notes.append(f"{path} belongs to an unfinished step")
        else:
            evidence.report(path, "no record names it", "it is foreign, or remains from a damage; it does no harm")
