"""The end of a step: everything made durable in order, HEAD last.

    derived files → strip, pending piece → step.json → HEAD → the pointer under pending/ goes

A crash before step.json leaves an unfinished step, which a rerun resumes from its stored answers. A crash
between step.json and HEAD leaves a finished step that no canvas contains: a rerun of the same request finds
it by its pointer and only moves HEAD. So HEAD is before a step or after it, and a rerun never asks again.
"""

from __future__ import annotations

import contextlib
from dataclasses import replace

from ..errors import StorageError
from .derived import Derived
from .step import StepInputs
from .store import Store
from .store.pieces import Piece, extend_tips, grow_box, pending_after
from .store.records import FORMAT_VERSION, Record, read_file, sha256
from .styles import style_record

__all__ = ["accept_facts", "close_refused", "commit", "conclude", "step_record", "without_choice"]


def conclude(
    store: Store, number: int, base: int, inputs: StepInputs, derived: Derived, facts: Record, digest: str | None
) -> Record:
    """Finish step `number` on top of step `base`, and commit it when something is glued; returns its record.

    Args:
        facts: what the record says besides: kind, request, what a person accepted.
        digest: names the pointer under pending/; None when the step has none.
    """
    store.write_files(number, derived.files)
    record = step_record(store, number, base, inputs, derived, facts)
    for piece in (derived.strip, derived.pending):
        if piece is not None:
            store.add_strip(piece)
    store.finish_step(record)
    commit(store, record, digest)
    return record


def step_record(store: Store, number: int, base: int, inputs: StepInputs, derived: Derived, facts: Record) -> Record:
    """What step.json says of a step whose other files are there; writes nothing. Arguments as for `conclude`."""
    record = {
        **_outline(store, number, base, inputs),
        **facts,
        "status": "rejected" if derived.strip is None else "committed",
        "chosen": derived.choice.chosen,
        "reason": derived.choice.reason,
        **({} if derived.choice.would_pass is None else {"would_pass": list(derived.choice.would_pass)}),
        "candidates": len(derived.examined),
    }
    if derived.strip is not None:
        record |= _growth(store, base, inputs, derived)
    if derived.signatures is not None:
        record["style"] = style_record(store, base, inputs.mode, *derived.signatures)
    record["files"] = store.hash_files(number)
    return record


def accept_facts(source: int, derived: Derived, candidate: int | None) -> Record:
    """What the record of a later choice from the answers of step `source` says besides.

    `candidate` is what a person accepted; None when the metric chose again, with other options.
    """
    accepted = {"step": source, "candidate": candidate, "best_by_metric": dict(derived.choice.best_by)}
    return {"kind": "rechosen" if candidate is None else "accept", "accepted": accepted}


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
            store.forget(digest)


def close_refused(store: Store, number: int, base: int, inputs: StepInputs, reason: str, digest: str) -> None:
    """Finish a step that was refused for good, or got nothing that is a tile, so that no rerun finds it."""
    record = {**_outline(store, number, base, inputs), "kind": "step", "status": "refused", "reason": reason}
    record["files"] = store.hash_files(number)
    store.finish_step(record)
    commit(store, record, digest)


def without_choice(derived: Derived) -> Derived:
    """The same answers with nothing glued: how an unfinished step ends when a person accepts from it."""
    reason = "ended by a person who accepted a candidate of it"
    choice = replace(derived.choice, chosen=None, would_pass=None, reason=reason)
    return Derived(derived.examined, choice, None)


def _outline(store: Store, number: int, base: int, inputs: StepInputs) -> Record:
    """What every record says of a step."""
    return {
        "format": FORMAT_VERSION,
        "step": number,
        "parent": base,
        "parent_sha256": sha256(read_file(store.step_dir(base) / "step.json")),
        "mode": inputs.mode,
        "side": inputs.mode.side,
        "axis": inputs.mode.axis,
        "words": inputs.words,
        "options": inputs.options.as_dict(),
    }


def _growth(store: Store, base: int, inputs: StepInputs, derived: Derived) -> Record:
    """What the record of a step that glued something says of the canvas that it makes."""
    assert derived.strip is not None
    parent, mode = store.step(base), inputs.mode
    grown = grow_box(store.canvas_box(base), mode, store.contract, inputs.zone_px, inputs.options.soften_px)
    strip = Piece(sha256(derived.strip), grown.strip.origin, grown.strip.size).as_record()
    left = None
    if derived.pending is not None:
        left = Piece(sha256(derived.pending), grown.pending.origin, grown.pending.size)
    pending = pending_after(parent, mode.side, left)
    totals = parent["totals"]
    return {
        "strip": strip,
        **({"pending": pending} if pending else {}),
        "canvas": {"origin": grown.canvas.origin, "size": grown.canvas.size},
        "tips": extend_tips(parent["tips"], strip, mode, store.contract),
        "totals": {"steps": totals["steps"] + 1, "candidates": totals["candidates"] + len(derived.examined)},
    }
