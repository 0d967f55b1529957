"""Checks the pictures of requests against the hashes by which records name them."""

from __future__ import annotations

import contextlib
import re

from ...contract import Mode
from ..step.options import STORED_PICTURE, StepOptions
from ..step.reference_pictures import with_stored_pictures
from ..store import Store
from ..store.records import Record
from ..store.session_pictures import PICTURE_PATH, decoded
from ..store.step_folders import step_name
from .evidence import Evidence, Replacement
from .step_records import IMPOSSIBLE, StepRecords

__all__ = ["check_pictures", "named_pictures"]

_HASH = re.compile(rb"[0-9a-f]{64}")


def check_pictures(evidence: Evidence, records: StepRecords) -> None:
    """Check every picture that a finished step names."""
    for number, record in sorted(records.whole.items()):
        for kind, digest in _pictures_of(record):
            path = f"pictures/{digest}.png"
            data = evidence.content(path)
            if evidence.blames(path) or (data is not None and decoded(data, digest) is not None):
                continue
            problem = "it is missing" if data is None else "it was altered after it was written"
            cost = f"step {number} cannot be redone or scored again with the {kind} picture that was sent"
            again = _made_again(evidence, record, kind, digest)
            evidence.report(path, problem, cost, None if again is None else Replacement(again))


def named_pictures(evidence: Evidence, records: StepRecords) -> set[str]:
    """The pictures whose hash is in the record or the request of a step, finished or not."""
    hashes: set[bytes] = set()
    for number in records.numbers:
        for name in ("step.json", "request.json"):
            hashes.update(_HASH.findall(evidence.content(f"steps/{step_name(number)}/{name}") or b""))
    matches = map(PICTURE_PATH.fullmatch, evidence.hashes)
    return {match[0] for match in matches if match is not None and match[1].encode() in hashes}


def _pictures_of(record: Record) -> list[tuple[str, str]]:
    """Kind and hash of each picture in the options of a step."""
    options = record.get("options", {})
    names = (*options.get("references", ()), options.get("scaffold_fill", ""))
    return [(match[1], match[2]) for match in map(STORED_PICTURE.fullmatch, names) if match is not None]


def _made_again(evidence: Evidence, record: Record, kind: str, digest: str) -> bytes | None:
    """The part of the seed picture, or the map, derived again from the canvas; None if the result differs."""
    if kind not in ("seed", "map"):
        return None
    with contextlib.suppress(*IMPOSSIBLE):
        store = Store(evidence.root, files=evidence.files)
        options = StepOptions(references=(kind,))
        again = with_stored_pictures(store, record["parent"], Mode(record["mode"]), options)
        if again.references == (f"{kind}:{digest}",):
            return store.pictures.png(digest)
    return None
