"""Checks the files that the record of a step names, and the statements of the record about the canvas."""

from __future__ import annotations

import contextlib
import json
from functools import cached_property

from ...contract import Mode, TileContract
from ..history.rederive import rederive
from ..step.derived import DerivedStep
from ..step.options import StepOptions
from ..store import SEED, Store
from ..store.pieces import Piece, Zones, grown_record, is_closed, pending_at, pending_width, zone_width
from ..store.records import Record, pretty, sha256
from ..store.step_folders import step_name
from .evidence import Evidence, Replacement
from .repair import rebuilt_request, restored_record
from .step_records import IMPOSSIBLE, StepRecords, is_committed

__all__ = ["check_step"]


def check_step(evidence: Evidence, records: StepRecords, number: int) -> None:
    """Check a step with a trustworthy record: its consistency with its parent, and every file that it names."""
    folder, record = f"steps/{step_name(number)}", records.whole[number]
    try:
        problem = _contradiction(records, number, record)
        named = {f"{folder}/{name}": str(digest) for name, digest in record["files"].items()}
        pieces = _own_pieces(record)
    except IMPOSSIBLE as error:
        problem, named, pieces = f"its values are impossible ({error})", {}, []
    if problem is not None:
        consequence = f"step {number} and the steps after it are not trustworthy"
        evidence.report(f"{folder}/step.json", problem, consequence)
    named = {**{f"strips/{piece.sha256}.png": piece.sha256 for piece in pieces}, **named}
    source = _Source(evidence, number, record)
    for path in sorted(named, key=lambda path: not path.endswith("request.json")):  # the request first
        evidence.claimed.add(path)
        if evidence.hashes.get(path) == named[path]:
            continue
        data = source.content(path, named[path])
        problem = "it is missing" if path not in evidence.hashes else "it was altered after it was written"
        evidence.report(path, problem, _cost(path, number), None if data is None else Replacement(data))


class _Source:
    """The sources for the content of a damaged file of a step."""

    def __init__(self, evidence: Evidence, number: int, record: Record) -> None:
        self._evidence = evidence
        self._number = number
        self._record = record

    def content(self, path: str, digest: str) -> bytes | None:
        """The content of the file at `path` with the hash `digest`; None without a source."""
        evidence, name = self._evidence, path.removeprefix(f"steps/{step_name(self._number)}/")
        content = evidence.elsewhere(digest)
        if content is None and name == "request.json":
            content = _with_hash(rebuilt_request(self._record), digest)
        if content is None and path.endswith(".json") and (data := evidence.content(path)) is not None:
            content = restored_record(data, digest)
        if content is None and evidence.repair and not name.startswith("answers/"):
            content = self._derived_file(name, digest)
        return content

    @cached_property
    def _derived(self) -> DerivedStep | None:
        """The step derived again from its answers, at most once."""
        with contextlib.suppress(*IMPOSSIBLE):
            return rederive(Store(self._evidence.root, files=self._evidence.files), self._number)
        return None

    def _derived_file(self, name: str, digest: str) -> bytes | None:
        derived = self._derived
        if derived is None:
            return None
        contents = (derived.strip, derived.pending) if name.startswith("strips/") else (derived.files.get(name),)
        return next((data for data in contents if _with_hash(data, digest) is not None), None)


def _with_hash(data: bytes | None, digest: str) -> bytes | None:
    return data if data is not None and sha256(data) == digest else None


def _own_pieces(record: Record) -> list[Piece]:
    """The pieces that a step added to the canvas: its strip, and its pending pixels."""
    if not is_committed(record):
        return []
    pending = pending_at(record, record["side"]) if "side" in record else None
    return [Piece.from_record(record["strip"]), *([pending] if pending else [])]


def _cost(path: str, number: int) -> str:
    """What a lost file of step `number` means for the session."""
    if path.startswith("strips/") and number == SEED:
        return "the seed picture cannot be read; put the file back from a copy, nothing else has its pixels"
    if path.startswith("strips/"):
        return f"the pixels that step {number} added are unreadable: the canvas ends before them"
    if "/answers/" in path:
        return f"step {number} can no longer be scored or chosen from again; its canvas is not affected"
    if path.endswith("request.json"):
        return f"step {number} cannot be accepted or scored again; its canvas is not affected"
    return f"a picture or record about step {number} is lost; the canvas is not affected"


def _contradiction(records: StepRecords, number: int, record: Record) -> str | None:
    """The contradiction between a step's record and its parent's; None without one."""
    if number == SEED:
        return None if _is_seed(record) else "it is not the record of a seed picture"
    parent = records.whole.get(record["parent"])
    if parent is None:
        return f"it continues step {record['parent']}, whose record is missing or damaged"
    if record["parent_sha256"] != records.hashes[record["parent"]]:
        return f"it was made on another version of step {record['parent']}"
    if not is_committed(parent):
        return f"it continues step {record['parent']}, which is not committed"
    if not is_committed(record) or SEED not in records.whole:
        return None if record["status"] in ("rejected", "refused") else f"its status is {record['status']!r}"
    return _growth_contradiction(record, parent, TileContract(**records.whole[SEED]["contract"]))


def _is_seed(record: Record) -> bool:
    """Whether a record is that of a seed picture, which is a canvas by itself."""
    piece = {"sha256": record["strip"]["sha256"], "origin": [0, 0], "size": record["canvas"]["size"]}
    alone = {"low": [piece], "high": [piece]}
    is_whole = record["strip"] == piece and record["tips"] == alone and record["canvas"]["origin"] == [0, 0]
    return is_whole and record["parent"] is None and "contract" in record


def _growth_contradiction(record: Record, parent: Record, contract: TileContract) -> str | None:
    """The contradiction between the canvas of a committed step and that of its parent; None without one."""
    mode = Mode(record["mode"])
    options = StepOptions.from_values(record["options"])
    if is_closed(parent):
        return f"it continues step {record['parent']}, which closed the loop"
    near = zone_width(parent, mode, contract, options.soften_px if options.soften_seed else 0)
    zones = Zones(near, options.soften_px, pending_width(parent, mode.opposite.side) if options.close else 0)
    left = pending_at(record, mode.side)
    if (left is not None) != (options.soften_px > 0):
        return "its pending pixels contradict its options"
    hashes = record["strip"]["sha256"], None if left is None else left.sha256
    expected: Record = {"pending": {}} | grown_record(parent, mode, options.step_contract(contract), zones, hashes)
    recorded = {"pending": {}} | {name: record[name] for name in expected if name in record}
    same = recorded == json.loads(pretty(expected)) and record["totals"]["steps"] == parent["totals"]["steps"] + 1
    return None if same else "the position of its strip contradicts its parent step"
