"""The end of a step: writes everything in the write order, HEAD last.

    derived files → strip, pending piece → step.json → HEAD → removal of the pointer under pending/

A crash, a full disk or a power cut before step.json leaves an unfinished step, which a rerun resumes from its stored
answers. One between step.json and HEAD leaves a finished step that no canvas contains: a rerun of the same request
finds it by its pointer and only moves HEAD. HEAD is therefore before a step or after it, and a rerun never asks again.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace

from ...errors import StorageError
from ..step import StepInputs
from ..step.derived import DerivedStep
from ..store import Store
from ..store.pieces import grown_record
from ..store.records import BESIDE_REQUEST, FORMAT_VERSION, Record, sha256
from .styles import style_record

__all__ = [
    "OpenStep",
    "accept_facts",
    "close_refused",
    "commit",
    "conclude",
    "step_facts",
    "step_record",
    "without_choice",
]


@dataclass(frozen=True, eq=False)
class OpenStep:
    """A step that has a number and is not finished.

    Attributes:
        store: the files of the session.
        number: the number of the step.
        base: the number of its parent step.
        inputs: the inputs of the step.
        digest: the name of its pointer under pending/; None without a pointer.
    """

    store: Store
    number: int
    base: int
    inputs: StepInputs
    digest: str | None = None


def conclude(step: OpenStep, derived: DerivedStep, facts: Record) -> Record:
    """Finish `step`, and commit it when a candidate is glued; returns its record.

    Args:
        facts: further fields of the record: kind, request, acceptance by a person.
    """
    store = step.store
    store.steps.write_files(step.number, derived.files)
    record = step_record(step, derived, facts)
    for piece in (derived.strip, derived.pending):
        if piece is not None:
            store.add_strip(piece)
    store.steps.finish(record)
    commit(store, record, step.digest)
    return record


def step_record(step: OpenStep, derived: DerivedStep, facts: Record) -> Record:
    """The content of step.json for a step whose other files exist; writes nothing. Arguments as for `conclude`."""
    record = {
        **_outline(step),
        **facts,
        "status": "rejected" if derived.strip is None else "committed",
        "chosen": derived.choice.chosen,
        "reason": derived.choice.reason,
        **({} if derived.choice.would_pass is None else {"would_pass": list(derived.choice.would_pass)}),
        "candidates": len(derived.examined),
    }
    if derived.strip is not None:
        record |= _growth(step, derived)
    if derived.signatures is not None:
        record["style"] = style_record(step.store, step.base, step.inputs.mode, *derived.signatures)
    record["files"] = step.store.steps.hash_files(step.number)
    return record


def accept_facts(store: Store, source: int, derived: DerivedStep, candidate: int | None) -> Record:
    """Further fields of the record of a later choice from the answers of step `source`.

    `candidate` is the one that a person accepted; None when the metric chose again with other options.
    """
    accepted = {"step": source, "candidate": candidate, "best_by_metric": dict(derived.choice.best_by)}
    request = store.disk.read_record(store.steps.folder(source) / "request.json")
    plan = {"plan": request["plan"]} if "plan" in request else {}
    return {"kind": "rechosen" if candidate is None else "accept", "accepted": accepted, **plan}


def step_facts(request: Record) -> Record:
    """Further fields of the record of a step, from its request.json."""
    plan = {"plan": request["plan"]} if "plan" in request else {}
    return {"kind": "step", "request": {k: v for k, v in request.items() if k not in BESIDE_REQUEST}, **plan}


def commit(store: Store, record: Record, digest: str | None) -> None:
    """Move the followed head onto a finished step that glued something, then remove its pointer.

    A failure after HEAD is ignored, since the step is committed: the next writer removes the pointer.
    """
    if record["status"] == "committed":
        store.move_head(record["step"])
        with contextlib.suppress(StorageError):
            store.fix_axis(record["axis"])
    if digest is not None:
        with contextlib.suppress(StorageError):
            store.steps.forget_request(digest)


def close_refused(step: OpenStep, reason: str) -> None:
    """Finish a step that the server refused for good, or that received no tile, so that no rerun resumes it."""
    record = {**_outline(step), "kind": "step", "status": "refused", "reason": reason}
    record["files"] = step.store.steps.hash_files(step.number)
    step.store.steps.finish(record)
    commit(step.store, record, step.digest)


def without_choice(derived: DerivedStep) -> DerivedStep:
    """The same answers with nothing glued: the end of an unfinished step from which a person accepts a candidate."""
    reason = "ended by a person who accepted a candidate of it"
    choice = replace(derived.choice, chosen=None, would_pass=None, reason=reason)
    return DerivedStep(derived.examined, choice, None)


def _outline(step: OpenStep) -> Record:
    """The fields of every step record."""
    inputs = step.inputs
    return {
        "format": FORMAT_VERSION,
        "step": step.number,
        "parent": step.base,
        "parent_sha256": step.store.disk.hash_of(step.store.steps.folder(step.base) / "step.json"),
        "mode": inputs.mode,
        "side": inputs.mode.side,
        "axis": inputs.mode.axis,
        "words": inputs.words,
        "options": inputs.options.as_dict(),
    }


def _growth(step: OpenStep, derived: DerivedStep) -> Record:
    """The fields about the new canvas in the record of a step that glued something."""
    assert derived.strip is not None
    inputs, parent = step.inputs, step.store.steps.record(step.base)
    hashes = sha256(derived.strip), None if derived.pending is None else sha256(derived.pending)
    totals = parent["totals"]
    return {
        **grown_record(parent, inputs.mode, inputs.contract, inputs.zones, hashes),
        "totals": {"steps": totals["steps"] + 1, "candidates": totals["candidates"] + len(derived.examined)},
    }
