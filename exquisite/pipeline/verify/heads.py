"""Checks session.json and the heads against the records of the steps."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping

from ..store import SEED
from ..store.heads import MAIN_HEAD, branch_names, head_line, head_path, parse_head
from ..store.records import read_record
from ..store.step_folders import step_name
from .evidence import Evidence, Replacement
from .repair import lost_head, rebuilt_session
from .step_records import IMPOSSIBLE, StepRecords, is_committed, step_path

__all__ = ["check_heads", "check_session", "read_heads"]

Heads = Mapping[str, bytes | None]


def read_heads(evidence: Evidence) -> Heads:
    """The content of each head by its path; None for an unreadable one."""
    paths = [MAIN_HEAD, *map(head_path, branch_names(evidence.root))]
    return {path: evidence.content(path) for path in paths}


def check_session(evidence: Evidence, records: StepRecords, heads: Heads) -> None:
    """Check that session.json agrees with the steps and the heads."""
    seed = records.whole.get(SEED)
    modes = [record["mode"] for record in records.whole.values() if is_committed(record) and record.get("mode")]
    branches = [path.removeprefix("heads/") for path in heads if path != MAIN_HEAD]
    rebuilt = None if seed is None else rebuilt_session(seed, modes, branches)
    record = evidence.record("session.json", "the session cannot be opened", rebuild=lambda: rebuilt)
    if record is None:
        return
    replacement = None if rebuilt is None else Replacement(rebuilt)
    if seed is not None and (record.get("contract") != seed.get("contract") or record.get("seed") != seed):
        problem = "it and the record of the seed picture disagree"
        evidence.report("session.json", problem, "steps may not fit", replacement)
    elif record.get("axis") is not None and (not modes or record["axis"] != modes[0][0]):
        problem = f"its axis is {record['axis']!r}, not that of its steps"
        evidence.report("session.json", problem, "steps would be refused", replacement)
    if "folder_sync" in record:
        evidence.notes.append(f"{record['folder_sync']}: a power cut may undo the last step")
    for name in sorted(set(map(str, record.get("branches", ()))) - set(branches)):
        evidence.report(f"heads/{name}", "it is missing", f"branch {name} is gone; its steps are not: make it again")


def check_heads(evidence: Evidence, records: StepRecords, heads: Heads) -> None:
    """Check that each head names a committed step, and restore a damaged one."""
    for path, line in heads.items():
        evidence.claimed.add(path)
        problem = _problem(path, line, records.committed())
        if problem is None:
            continue
        replacement = None
        if (target := _target(evidence, records, heads, path)) is not None:
            number, reason = target
            again = head_line(path, number, evidence.content(step_path(number)) or b"")
            replacement = Replacement(again, f"it points at step {number} again: {reason}")
        cost = "the canvas" if path == MAIN_HEAD else "the branch"
        consequence = f"{cost} cannot be opened; the steps themselves are not affected"
        evidence.report(path, problem, consequence, replacement)


def _problem(path: str, line: bytes | None, committed: Mapping[int, str]) -> str | None:
    """What is wrong with the content `line` of the head at `path`; None if nothing is."""
    if line is None:
        return "it is missing"
    head = parse_head(line)
    if head is None:
        return "it is not a head"
    if not head.belongs_to(path):
        return f"it has the line of {head.path}"
    if committed.get(head.step) != head.record_sha256:
        return f"it and the record of step {head.step} disagree, or that step is not part of any canvas"
    return None


def _target(evidence: Evidence, records: StepRecords, heads: Heads, path: str) -> tuple[int, str] | None:
    """The step that the damaged head at `path` named, and the evidence for it; None without evidence."""
    committed, line = records.committed(), heads[path] or b""
    parsed = {other: head for other, text in heads.items() if (head := parse_head(text or b"")) is not None}
    # 1. The heads may have been swapped: another file has the line of this one.
    for other, head in parsed.items():
        if head.path == path and committed.get(head.step) == head.record_sha256:
            return head.step, f"its line is in {other}"
    # 2. The rest of the line may name the step. The line of another head is no evidence for this one.
    is_anothers = path in parsed and parsed[path].path in heads
    if not is_anothers and not _names_damage(line, records) and (target := lost_head(line, committed)) is not None:
        return target
    # 3. The canvas ends with its newest step, unless somebody went back.
    newest = _newest(evidence, records)
    if path == MAIN_HEAD and newest in committed:
        return newest, "the newest step ended there; `undo` if you had gone back"
    return None


def _names_damage(line: bytes, records: StepRecords) -> bool:
    """Whether a head is intact, but the step that it names is damaged."""
    head = parse_head(line)
    return head is not None and head.step not in records.whole and head.record_sha256 not in records.hashes.values()


def _newest(evidence: Evidence, records: StepRecords) -> int:
    """The head after the newest step: that step, or its parent if it glued nothing."""
    number = max(records.numbers, default=SEED)
    record = records.whole.get(number)
    if record is not None:
        return number if is_committed(record) else int(record["parent"])
    with contextlib.suppress(*IMPOSSIBLE):
        return int(read_record(evidence.root / f"steps/{step_name(number)}/request.json")["base"])
    return max(records.committed(), default=SEED)
