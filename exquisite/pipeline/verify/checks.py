"""Every file of a session checked against what the records say of it, and made again where that is possible.

Every byte on disk is hashed once. Each record then claims the files that it names; what is missing, differs,
contradicts another record or is claimed by nobody is a finding. What a run that was cut short leaves (an
unfinished step, drafts under tmp/) is no damage: the next run uses it or clears it, and the report says so.
"""

from __future__ import annotations

import contextlib
import json
import re
from functools import partial
from pathlib import Path

from ...contract import Mode, TileContract
from ...errors import ExquisiteError, SessionDamagedError, SessionNotFoundError
from ...files import Files
from ...foreign import own
from ..derived import Derived
from ..options import StepOptions
from ..rederive import rebuild_record, rederive
from ..store import BRANCH_NAME, SEED, Store
from ..store.heads import MAIN_HEAD, head_line, parse_head
from ..store.pieces import Piece, box_of, extend_tips, grow_box, pending_after, pending_at, zone_width
from ..store.records import FORMAT_VERSION, Record, pretty, read_record, sha256, unseal
from ..store.step_folders import step_name
from .findings import Finding, VerifyReport
from .repair import lost_head, mended_record, rebuilt_ledger, rebuilt_request, rebuilt_seed, rebuilt_session
from .unfinished import Unfinished

__all__ = ["Finding", "VerifyReport", "verify_path"]

_CANNOT = (ExquisiteError, KeyError, TypeError, ValueError, AttributeError, OSError, ArithmeticError)
"""What reading and making again raise on records that are whole, but say what cannot be."""


def verify_path(root: Path | str, files: Files | None = None, repair: bool = False) -> VerifyReport:
    """Check every file of the session at `root`, which may be too damaged to be opened.

    Args:
        root: the session's folder.
        files: the seam to the file system.
        repair: put back what can be known again with certainty; takes the session's lock.

    Raises:
        SessionNotFoundError: nothing at `root` looks like a session.
        SessionLockedError: `repair`, and another run is writing.
        StorageError: `repair`, and the disk refused.
    """
    root, files = Path(root), files or Files()
    if not any((root / name).exists() for name in ("HEAD", "session.json", "steps")):
        raise SessionNotFoundError(f"no session at {root}: make one with `init`")
    if not repair:
        return _Verification(root, files, False).run()
    lock = files.lock(root / ".lock")
    try:
        return _Verification(root, files, True).run()
    finally:
        lock.release()


class _Verification(Unfinished):
    """One pass over a session."""

    def __init__(self, root: Path, files: Files, repair: bool) -> None:
        super().__init__(root, files, repair)
        self.claimed |= {".lock", "session.json", "HEAD", "ledger.json"}
        self.records: dict[int, Record] = {}
        self.sealed: dict[int, str] = {}  # hash of each step.json that is whole

    def run(self) -> VerifyReport:
        """Check everything; records before what they name, parents before children."""
        self.heads = {path: self.content(path) for path in self._head_paths()}  # first: a writer may be at work
        self.read_all()
        self.numbers = sorted(int(path.name) for path in (self.root / "steps").glob("*") if _is_number(path.name))
        self._refuse_newer()
        self._read_steps()
        self._check_session()
        self._check_heads()
        for number in self.numbers:
            if number in self.records:
                self._check_step(number, self.records[number])
            else:
                self.check_unfinished(number)
        self.check_pending()
        self._check_ledger()
        self._check_unclaimed()
        return VerifyReport(tuple(self.findings), len(self.hashes), tuple(self.notes))

    def _refuse_newer(self) -> None:
        """A session of a newer version is not damaged, but nothing here may touch it."""
        for path in ("session.json", *map(_step_path, self.numbers)):
            try:
                version = json.loads(self.content(path) or b"{}").get("format", FORMAT_VERSION)
                newer = isinstance(version, int) and version > FORMAT_VERSION
            except (ValueError, RecursionError, AttributeError):
                newer = False
            if newer:
                self.found(path, f"it has format {version}, this program reads up to {FORMAT_VERSION}",
                            "the session needs a newer exquisite, or this record was edited")  # fmt: skip
                self.repair = False

    # session.json, heads

    def _head_paths(self) -> list[str]:
        names = sorted(path.name for path in own((self.root / "heads").glob("*")) if BRANCH_NAME.fullmatch(path.name))
        return [MAIN_HEAD, *(f"heads/{name}" for name in names)]

    def _read_steps(self) -> None:
        """Read every step record, knowing the hashes that heads and later steps keep of it."""
        expected = self._expected_hashes()
        for number in self.numbers:
            path = _step_path(number)
            self.claimed.add(path)
            if path not in self.hashes and number not in expected and number != SEED:
                continue  # unfinished
            cost = "the seed picture" if number == SEED else f"step {number} and what was built on it"
            rebuild = partial(self._rebuilt, number, expected.get(number, ""))
            record = self.record(path, f"{cost} cannot be read", expected.get(number), rebuild)
            if record is None:
                continue
            if record.get("step") != number:
                self.found(path, f"it is the record of step {record.get('step')}", f"step {number} cannot be read")
                continue
            self.records[number] = record
            self.sealed[number] = self.hashes[path]
        for number in sorted(set(range(max([SEED, *self.numbers, *expected]) + 1)) - set(self.numbers)):
            self.found(f"steps/{step_name(number)}", "the folder is missing",
                       f"step {number} is gone, and what was built on it cannot be read back to the seed")  # fmt: skip

    def _expected_hashes(self) -> dict[int, str]:
        """The hash of each step record as others keep it: heads are believed, then each step about its parent."""
        whole: dict[int, tuple[Record, str]] = {}
        for number in self.numbers:
            path = _step_path(number)
            with contextlib.suppress(SessionDamagedError):
                whole[number] = unseal(self.content(path) or b"", Path(path)), self.hashes.get(path, "")
        expected: dict[int, str] = {}
        for data in self.heads.values():
            at, digest = self._believed(data, whole)
            while at is not None and at not in expected:
                expected[at] = digest
                record, found = whole.get(at, ({}, ""))
                at, digest = (record.get("parent"), str(record.get("parent_sha256"))) if found == digest else (None, "")
        for record, _ in whole.values():
            parent = record.get("parent")
            if isinstance(parent, int) and parent not in whole:
                expected.setdefault(parent, str(record.get("parent_sha256")))
        return expected

    def _believed(self, data: bytes | None, whole: dict[int, tuple[Record, str]]) -> tuple[int | None, str]:
        """(step, hash) as a head says, unless the head itself looks damaged."""
        head = parse_head(data or b"")
        if head is None:
            return None, ""
        number, digest = head.step, head.record_sha256
        found = whole.get(number, ({}, ""))[1]
        elsewhere = any(digest == other for step, (_, other) in whole.items() if step != number)
        flipped = found != digest and sum(a != b for a, b in zip(found, digest, strict=False)) <= 1 and found != ""
        return (None, "") if elsewhere or flipped else (number, digest)

    def _check_session(self) -> None:
        seed = self.records.get(SEED)
        modes = [record["mode"] for record in self.records.values() if _committed(record) and record.get("mode")]
        branches = [path.removeprefix("heads/") for path in self.heads if path != "HEAD"]
        rebuilt = None if seed is None else rebuilt_session(seed, modes, branches)
        record = self.record("session.json", "the session cannot be opened", rebuild=lambda: rebuilt)
        if record is None:
            return
        if seed is not None and (record.get("contract") != seed.get("contract") or record.get("seed") != seed):
            self.found("session.json", "it and the record of the seed picture disagree", "steps may not fit", rebuilt)
        elif record.get("axis") is not None and (not modes or record["axis"] != modes[0][0]):
            problem = f"its axis is {record['axis']!r}, not that of its steps"
            self.found("session.json", problem, "steps would be refused", rebuilt)
        if "folder_sync" in record:
            self.notes.append(f"{record['folder_sync']}: a power cut may take back the last step")
        for name in sorted(set(map(str, record.get("branches", ()))) - set(branches)):
            self.found(f"heads/{name}", "it is missing", f"branch {name} is gone; its steps are not: make it again")

    def _check_heads(self) -> None:
        whole = {number: self.sealed[number] for number, record in self.records.items() if _committed(record)}
        for path, data in self.heads.items():
            self.claimed.add(path)
            problem = self._head_problem(path, data, whole)
            if problem is None:
                continue
            mended, how = None, ""
            known = self._pointed_at(path, data, whole)
            if known is not None:
                number, how = known
                mended = head_line(path, number, self.content(_step_path(number)) or b"")
                how = f"it points at step {number} again: {how}"
            cost = "the canvas" if path == MAIN_HEAD else "the branch"
            self.found(path, problem, f"{cost} cannot be opened; the steps themselves are not affected", mended, how)

    def _pointed_at(self, path: str, data: bytes | None, whole: dict[int, str]) -> tuple[int, str] | None:
        """(the step that a damaged head pointed at, how that is known); None when nothing tells."""
        lines = {other: head for other, line in self.heads.items() if (head := parse_head(line or b"")) is not None}
        for other, head in lines.items():
            if head.path == path and whole.get(head.step) == head.record_sha256:
                return head.step, f"its line stands in {other}"
        another = path in lines and lines[path].path in self.heads  # the line of another head tells nothing of this one
        known = None if another or self._points_at_damage(data) else lost_head(data or b"", whole)
        if known is None and path == MAIN_HEAD and self._newest() in whole:
            return self._newest(), "where the newest step left the canvas; `undo` if you went back since"
        return known

    def _newest(self) -> int:
        """Where the canvas was after the newest step: at it, or where it began when it glued nothing."""
        number = max(self.numbers, default=SEED)
        record = self.records.get(number)
        if record is not None:
            return number if _committed(record) else int(record["parent"])
        with contextlib.suppress(*_CANNOT):
            return int(read_record(self.root / f"steps/{step_name(number)}/request.json")["base"])
        return max((at for at, record in self.records.items() if _committed(record)), default=SEED)

    def _head_problem(self, path: str, data: bytes | None, whole: dict[int, str]) -> str | None:
        if data is None:
            return "it is missing"
        head = parse_head(data)
        if head is None:
            return "it is no head"
        if not head.belongs_to(path):
            return f"it holds the line of {head.path}"
        if whole.get(head.step) != head.record_sha256:
            return f"it and the record of step {head.step} disagree, or that step is not part of any canvas"
        return None

    def _points_at_damage(self, data: bytes | None) -> bool:
        """Whether a head is fine in itself, and the step that it names is not."""
        head = parse_head(data or b"")
        return head is not None and head.step not in self.records and head.record_sha256 not in self.sealed.values()

    # Steps

    def _check_step(self, number: int, record: Record) -> None:
        folder = f"steps/{step_name(number)}"
        try:
            problem = self._contradiction(number, record)
            recorded = {f"{folder}/{name}": str(digest) for name, digest in record["files"].items()}
            strips = _own_pieces(record)
        except _CANNOT as error:
            problem, recorded, strips = f"it says what cannot be ({error})", {}, []
        if problem is not None:
            self.found(f"{folder}/step.json", problem, f"step {number} and what was built on it cannot be trusted")
        recorded = {**{f"strips/{strip.sha256}.png": strip.sha256 for strip in strips}, **recorded}
        again: Derived | None = None
        asked = False
        for path, digest in sorted(recorded.items(), key=lambda item: not item[0].endswith("request.json")):
            self.claimed.add(path)
            if self.hashes.get(path) == digest:
                continue
            mended = self.elsewhere(digest)
            if mended is None and path.endswith("/request.json"):
                mended = _hashed(rebuilt_request(record), digest)
            if mended is None and path.endswith(".json") and (data := self.content(path)) is not None:
                mended = mended_record(data, digest)
            if mended is None and self.repair and not path.startswith(f"{folder}/answers/"):
                if not asked:
                    again, asked = self._rederived(number), True
                mended = _made_again(again, path.removeprefix(f"{folder}/"), digest)
            problem = "it is missing" if path not in self.hashes else "it was altered after it was written"
            self.found(path, problem, self._cost(path, number), mended)

    def _rederived(self, number: int) -> Derived | None:
        with contextlib.suppress(*_CANNOT):
            return rederive(Store(self.root, files=self.files), number)
        return None

    def _rebuilt(self, number: int, expected: str) -> bytes | None:
        if number == SEED:
            return rebuilt_seed(self.content("session.json"))
        with contextlib.suppress(*_CANNOT):
            return rebuild_record(Store(self.root, files=self.files), number, expected)
        return None

    def _cost(self, path: str, number: int) -> str:
        if path.startswith("strips/"):
            return (
                f"the pixels that step {number} added cannot be read: the canvas stops before them"
                if number
                else ("the seed picture cannot be read; put the file back from a copy, nothing else has its pixels")
            )
        if "/answers/" in path:
            return f"step {number} can no longer be scored or chosen from again; its canvas is not affected"
        if path.endswith("request.json"):
            return f"step {number} cannot be accepted or scored again; its canvas is not affected"
        return f"a picture or figure that explains step {number} is lost; the canvas is not affected"

    def _contradiction(self, number: int, record: Record) -> str | None:
        """What a step's record says that cannot be, given its parent's."""
        contract = TileContract(**self.records[SEED]["contract"]) if SEED in self.records else None
        if number == SEED:
            origin, size = record["canvas"]["origin"], record["canvas"]["size"]
            piece = {"sha256": record["strip"]["sha256"], "origin": origin, "size": size}
            alone = {"low": [piece], "high": [piece]}
            whole = record["strip"] == piece and record["tips"] == alone and origin == [0, 0] and contract is not None
            return None if whole and record["parent"] is None else "it is not the record of a seed picture"
        parent = self.records.get(record["parent"])
        if parent is None:
            return f"it continues step {record['parent']}, whose record is missing or damaged"
        if record["parent_sha256"] != self.sealed[record["parent"]]:
            return f"it was not made on step {record['parent']} as it is now"
        if not _committed(parent):
            return f"it continues step {record['parent']}, which is part of no canvas"
        if not _committed(record) or contract is None:
            return None if record["status"] in ("rejected", "refused") else f"its status is {record['status']!r}"
        mode = Mode(record["mode"])
        options = StepOptions.from_values(record["options"])
        zone_px = zone_width(parent, mode, contract, options.soften_px if options.soften_seed else 0)
        boxes = grow_box(box_of(parent["canvas"]), mode, contract, zone_px, options.soften_px)
        strip = Piece(record["strip"]["sha256"], boxes.strip.origin, boxes.strip.size)
        left = pending_at(record, mode.side)
        if (left is not None) != (options.soften_px > 0):
            return "what it leaves pending is not what its options say"
        if left is not None:
            left = Piece(left.sha256, boxes.pending.origin, boxes.pending.size)
        grown = {
            "strip": strip.as_record(),
            "pending": pending_after(parent, mode.side, left),
            "canvas": {"origin": boxes.canvas.origin, "size": boxes.canvas.size},
            "tips": extend_tips(parent["tips"], strip.as_record(), mode, contract),
        }
        said = {"pending": {}} | {name: record[name] for name in grown if name in record}
        same = said == json.loads(pretty(grown)) and record["totals"]["steps"] == parent["totals"]["steps"] + 1
        return None if same else "the place of its strip does not follow from the step that it continues"

    # What belongs to no step

    def _check_ledger(self) -> None:
        try:
            rebuilt, paid = rebuilt_ledger(self.root, self.numbers)
        except _CANNOT:
            rebuilt, paid = None, 0
        if "ledger.json" in self.hashes or paid:
            cost = "what the session has cost is not known, so no budget can hold"
            record = self.record("ledger.json", cost, rebuild=lambda: rebuilt)
            if record is not None and not {"spent_usd", "reserved", "doubtful"} <= record.keys():
                self.found("ledger.json", "it is no ledger", cost, rebuilt)

    def _check_unclaimed(self) -> None:
        unfinished = set(self.numbers) - set(self.records)
        if self.hashes.get(".lock", sha256(b"")) != sha256(b""):
            self.found(".lock", "it is not empty", "it holds nothing and does no harm")
        accounted = self.claimed | self.experiments() | self.labels() | self.settlements()
        for path in sorted(set(self.hashes) - accounted):
            if path.startswith("tmp/"):
                self.notes.append(f"{path} was left by a run that was cut short: the next run clears it")
            elif path == f"strips/{self.hashes[path]}.png" and unfinished:
                self.notes.append(f"{path} belongs to a step that was cut short")
            else:
                self.found(path, "no record names it", "it is foreign, or was left by a damage; it does no harm")


def _step_path(number: int) -> str:
    return f"steps/{step_name(number)}/step.json"


def _is_number(name: str) -> bool:
    return re.fullmatch(r"\d{6,12}", name) is not None


def _committed(record: Record) -> bool:
    return record.get("status") == "committed"


def _own_pieces(record: Record) -> list[Piece]:
    """What a step added to the canvas: its strip, and what it left pending."""
    if not _committed(record):
        return []
    pending = pending_at(record, record["side"]) if "side" in record else None
    return [Piece.from_record(record["strip"]), *([pending] if pending else [])]


def _hashed(data: bytes | None, digest: str) -> bytes | None:
    return data if data is not None and sha256(data) == digest else None


def _made_again(derived: Derived | None, name: str, digest: str) -> bytes | None:
    if derived is None:
        return None
    made = (derived.strip, derived.pending) if name.startswith("strips/") else (derived.files.get(name),)
    return next((data for data in made if _hashed(data, digest) is not None), None)
