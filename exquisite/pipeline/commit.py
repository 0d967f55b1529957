"""The end of a step: everything made durable in order, HEAD last.

    derived files → strip, pending piece → step.json → HEAD → the pointer under pending/ goes

A crash before step.json leaves an unfinished step, which a rerun resumes from its stored answers. A crash
between step.json and HEAD leaves a finished step that no canvas contains: a rerun of the same request finds
it by its pointer and only moves HEAD. So HEAD is before a step or after it, and a rerun never asks again.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace

from ..errors import StorageError
from .derived import Derived
from .step import StepInputs
from .store import Store
from .store.pieces import grown_record
from .store.records import BESIDE_REQUEST, FORMAT_VERSION, Record, sha256
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
    """A step that has its number and is not finished.

    Attributes:
        store: the files of the session.
        number: the number of the step.
        base: the number of the step that it continues.
        inputs: what decides it.
        digest: names its pointer under pending/; None when it has none.
    """

    store: Store
    number: int
    base: int
    inputs: StepInputs
    digest: str | None = None


def conclude(step: OpenStep, derived: Derived, facts: Record) -> Record:
    """Finish `step`, and commit it when something is glued; returns its record.

    Args:
        facts: what the record says besides: kind, request, what a person accepted.
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


def step_record(step: OpenStep, derived: Derived, facts: Record) -> Record:
    """What step.json says of a step whose other files are there; writes nothing. Arguments as for `conclude`."""
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


def accept_facts(store: Store, source: int, derived: Derived, candidate: int | None) -> Record:
    """What the record of a later choice from the answers of step `source` says besides.

    `candidate` is what a person accepted; None when the metric chose again, with other options.
    """
    accepted = {"step": source, "candidate": candidate, "best_by_metric": dict(derived.choice.best_by)}
    request = store.disk.read_record(store.steps.folder(source) / "request.json")
    plan = {"plan": request["plan"]} if "plan" in request else {}
    return {"kind": "rechosen" if candidate is None else "accept", "accepted": accepted, **plan}


def step_facts(request: Record) -> Record:
    """What the record of a step says besides, from its request.json."""
    plan = {"plan": request["plan"]} if "plan" in request else {}
    return {"kind": "step", "request": {k: v for k, v in request.items() if k not in BESIDE_REQUEST}, **plan}


def commit(store: Store, record: Record, digest: str | None) -> None:
    """Move the followed head onto a finished step that glued something, then forget its pointer.

    What comes after HEAD cannot fail the step any more: the next writer does it if the disk refuses now.
    """
    if record["status"] == "committed":
        store.move_head(record["step"])
        with contextlib.suppress(StorageError):
            store.fix_axis(record["axis"])
    if digest is not None:
        with contextlib.suppress(StorageError):
            store.steps.forget_request(digest)


def close_refused(step: OpenStep, reason: str) -> None:
    """Finish a step that was refused for good, or got nothing that is a tile, so that no rerun finds it."""
    record = {**_outline(step), "kind": "step", "status": "refused", "reason": reason}
    record["files"] = step.store.steps.hash_files(step.number)
    step.store.steps.finish(record)
    commit(step.store, record, step.digest)


def without_choice(derived: Derived) -> Derived:
    """The same answers with nothing glued: how an unfinished step ends when a person accepts from it."""
    reason = "ended by a person who accepted a candidate of it"
    choice = replace(derived.choice, chosen=None, would_pass=None, reason=reason)
    return Derived(derived.examined, choice, None)


def _outline(step: OpenStep) -> Record:
    """What every record says of a step."""
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


def _growth(step: OpenStep, derived: Derived) -> Record:
    """What the record of a step that glued something says of the canvas that it makes."""
    assert derived.strip is not None
    inputs, parent = step.inputs, step.store.steps.record(step.base)
    hashes = sha256(derived.strip), None if derived.pending is None else sha256(derived.pending)
    totals = parent["totals"]
    return {
        **grown_record(parent, inputs.mode, inputs.contract, inputs.zones, hashes),
        "totals": {"steps": totals["steps"] + 1, "candidates": totals["candidates"] + len(derived.examined)},
    }
