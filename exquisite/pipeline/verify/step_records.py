"""The trustworthy records of a session's steps."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from ...errors import ExquisiteError, SessionDamagedError
from ..history.rederive import rebuild_record
from ..store import SEED, Store
from ..store.heads import parse_head
from ..store.records import FORMAT_VERSION, Record, unseal
from ..store.step_folders import step_name
from .evidence import Evidence
from .repair import rebuilt_seed

__all__ = ["IMPOSSIBLE", "StepRecords", "is_committed", "step_path"]

IMPOSSIBLE = (ExquisiteError, KeyError, TypeError, ValueError, AttributeError, OSError, ArithmeticError)
"""Exceptions of reading a record and deriving a step again, when an intact record has impossible values."""

_Sealed = tuple[Record, str]  # an intact record, and the hash of its file


def step_path(number: int) -> str:
    """The path of the record of step `number`, relative to the session's folder."""
    return f"steps/{step_name(number)}/step.json"


def is_committed(record: Record) -> bool:
    """Whether a step glued something."""
    return record.get("status") == "committed"


class StepRecords:
    """Every step.json of a session: read, checked against the hashes in other records, and repaired.

    Args:
        evidence: the files of the session, already hashed.
        heads: the content of each head by its path; None for an unreadable one.

    Attributes:
        numbers: numbers of the folders under steps/, in order.
        whole: the trustworthy records by step number.
        hashes: the hash of the file of each of them.
    """

    def __init__(self, evidence: Evidence, heads: Mapping[str, bytes | None]) -> None:
        self.numbers = sorted(int(path.name) for path in (evidence.root / "steps").glob("*") if _is_number(path.name))
        self.whole: dict[int, Record] = {}
        self.hashes: dict[int, str] = {}
        self._evidence = evidence
        self._refuse_newer()
        expected = self._expected_hashes(heads)
        for number in self.numbers:
            self._read(number, expected)
        for number in sorted(set(range(max([SEED, *self.numbers, *expected]) + 1)) - set(self.numbers)):
            consequence = f"step {number} is missing, which cuts the steps after it off from the seed picture"
            evidence.report(f"steps/{step_name(number)}", "the folder is missing", consequence)

    def committed(self) -> dict[int, str]:
        """The hash of the record of each step that is part of a canvas."""
        return {number: self.hashes[number] for number, record in self.whole.items() if is_committed(record)}

    def _refuse_newer(self) -> None:
        """Forbid repairs in a session of a newer version: it is not damaged, and this version cannot judge it."""
        for path in ("session.json", *map(step_path, self.numbers)):
            try:
                version = json.loads(self._evidence.content(path) or b"{}").get("format", FORMAT_VERSION)
                newer = isinstance(version, int) and version > FORMAT_VERSION
            except (ValueError, RecursionError, AttributeError):
                newer = False
            if newer:
                problem = f"it has format {version}, this program reads up to {FORMAT_VERSION}"
                cost = "the session needs a newer exquisite, or this record was edited"
                self._evidence.report(path, problem, cost)
                self._evidence.repair = False

    def _read(self, number: int, expected: Mapping[int, str]) -> None:
        """Read the record of step `number`, with the hash that is `expected` of it, if other records name one."""
        path, evidence = step_path(number), self._evidence
        evidence.claimed.add(path)
        if path not in evidence.hashes and number not in expected and number != SEED:
            return  # the step is unfinished
        cost = "the seed picture" if number == SEED else f"step {number} and the steps after it"
        rebuild = partial(self._rebuilt, number, expected.get(number, ""))
        record = evidence.record(path, f"{cost} cannot be read", expected.get(number), rebuild)
        if record is None:
            return
        if record.get("step") != number:
            evidence.report(path, f"it is the record of step {record.get('step')}", f"step {number} cannot be read")
            return
        self.whole[number] = record
        self.hashes[number] = evidence.hashes[path]

    def _rebuilt(self, number: int, expected: str) -> bytes | None:
        evidence = self._evidence
        if number == SEED:
            return rebuilt_seed(evidence.content("session.json"))
        with contextlib.suppress(*IMPOSSIBLE):
            return rebuild_record(Store(evidence.root, files=evidence.files), number, expected)
        return None

    def _expected_hashes(self, heads: Mapping[str, bytes | None]) -> dict[int, str]:
        """The hash of each record according to other records: the heads first, then each step for its parent."""
        sealed: dict[int, _Sealed] = {}
        for number in self.numbers:
            path = step_path(number)
            with contextlib.suppress(SessionDamagedError):
                record = unseal(self._evidence.content(path) or b"", Path(path))
                sealed[number] = record, self._evidence.hashes.get(path, "")
        expected: dict[int, str] = {}
        for line in heads.values():
            at, digest = _head_target(line, sealed)
            while at is not None and at not in expected:
                expected[at] = digest
                record, actual = sealed.get(at, ({}, ""))
                parent = record.get("parent") if actual == digest else None
                at, digest = parent, str(record.get("parent_sha256"))
        for record, _ in sealed.values():
            parent = record.get("parent")
            if isinstance(parent, int) and parent not in sealed:
                expected.setdefault(parent, str(record.get("parent_sha256")))
        return expected


def _is_number(name: str) -> bool:
    return re.fullmatch(r"\d{6,12}", name) is not None


def _head_target(line: bytes | None, sealed: Mapping[int, _Sealed]) -> tuple[int | None, str]:
    """The step and the hash in a head; None if the head itself looks damaged."""
    head = parse_head(line or b"")
    if head is None:
        return None, ""
    number, digest = head.step, head.record_sha256
    actual = sealed.get(number, ({}, ""))[1]
    elsewhere = any(digest == other for step, (_, other) in sealed.items() if step != number)
    flipped = actual not in ("", digest) and sum(a != b for a, b in zip(actual, digest, strict=False)) <= 1
    return (None, "") if elsewhere or flipped else (number, digest)
