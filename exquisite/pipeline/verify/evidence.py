"""The files of a session, each hashed once, and the findings about them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ...errors import SessionDamagedError
from ...files import Files
from ...foreign import own
from ..journal.settlement import is_settlement
from ..labels import LABELS_FILE, parse_label
from ..store.records import Record, sha256, unseal
from .findings import Finding
from .repair import restored_record

__all__ = ["Evidence", "Replacement"]

_EXPERIMENT = re.compile(r"experiments/[A-Za-z0-9._-]+\.json")


@dataclass(frozen=True)
class Replacement:
    """The content that repairs a damaged file.

    Attributes:
        data: the content.
        remark: the consequence in the finding after the repair.
        path: the file to write, if it is not the damaged one.
    """

    data: bytes
    remark: str = "it has its recorded content again"
    path: str = ""


class Evidence:
    """The files of a session, and the findings about them. Paths are relative to its folder, in POSIX form.

    Args:
        root: the session's folder.
        files: the file system.
        repair: restore files whose content is certain; the caller holds the lock.
    """

    def __init__(self, root: Path, files: Files, repair: bool) -> None:
        self.root = root
        self.files = files
        self.repair = repair
        self.findings: list[Finding] = []
        self.notes: list[str] = []
        self.claimed: set[str] = set()  # the files that a record names
        self.hashes: dict[str, str] = {}
        self._by_hash: dict[str, str] = {}
        self._displaced: dict[str, bytes] = {}  # replaced content: it belongs elsewhere if files were swapped

    def read_all(self) -> None:
        """Hash every file, except those of systems and editors, which are noted."""
        paths = sorted(path for path in self.root.rglob("*") if path.is_file())
        ours = list(own(paths, self.root))
        if foreign := [path.relative_to(self.root).as_posix() for path in paths if path not in set(ours)]:
            self.notes.append(f"ignored files of systems and editors: {', '.join(foreign)}")
        for path in ours:
            name = path.relative_to(self.root).as_posix()
            if (data := self.content(name)) is not None:
                self.hashes[name] = sha256(data)
        self._by_hash = {digest: path for path, digest in self.hashes.items()}

    def content(self, path: str) -> bytes | None:
        """The bytes of a file; None when it is unreadable."""
        try:
            return (self.root / path).read_bytes()
        except OSError:
            return None

    def elsewhere(self, digest: str) -> bytes | None:
        """The content with this hash, from any file of the session, or from one before its repair; else None."""
        if digest in self._displaced:
            return self._displaced[digest]
        path = self._by_hash.get(digest)
        data = None if path is None else self.content(path)
        return data if data is not None and sha256(data) == digest else None

    def report(self, path: str, problem: str, consequence: str, replacement: Replacement | None = None) -> None:
        """Add a damage to the findings, and repair it if there is a replacement and `repair` is set."""
        if replacement is None or not self.repair:
            self.findings.append(Finding(path, problem, consequence))
            return
        place = replacement.path or path
        old = self.content(place)
        if old is not None:
            self._displaced[sha256(old)] = old
        target, scratch = self.root / place, self.root / "tmp"
        for folder in (*reversed(Path(place).parents), Path("tmp")):
            self.files.make_folder(self.root / folder)
        self.files.write_atomic(target, replacement.data, scratch)
        self.hashes[place] = sha256(replacement.data)
        self._by_hash[self.hashes[place]] = place
        self.findings.append(Finding(path, problem, replacement.remark, True))

    def blames(self, path: str) -> bool:
        """Whether there is a finding about a file."""
        return any(finding.path == path for finding in self.findings)

    def record(
        self,
        path: str,
        consequence: str,
        expected: str | None = None,
        rebuild: Callable[[], bytes | None] | None = None,
    ) -> Record | None:
        """The sealed record at `path`, repaired if necessary and possible; None without a trustworthy one.

        Args:
            consequence: the consequence of its loss.
            expected: the hash of the file, if another record holds it.
            rebuild: derives it from other records.
        """
        data = self.content(path)
        problem = "it is missing"
        if data is not None:
            try:
                record = unseal(data, self.root / path)
                if expected is None or sha256(data) == expected:
                    return record
                problem = "other records were made from another version of it"
            except SessionDamagedError:
                problem = "it was altered or truncated"
        restored = None if expected is None else self.elsewhere(expected)
        if self.repair:
            if restored is None and data is not None:
                restored = restored_record(data, expected)
            if restored is None and rebuild is not None:
                restored = rebuild()
            if restored is not None and expected is not None and sha256(restored) != expected:
                restored = None
        self.report(path, problem, consequence, None if restored is None else Replacement(restored))
        return None if restored is None else unseal(restored, self.root / path)

    # Files with a seal of their own

    def settlements(self) -> set[str]:
        """Check each settlement against its seal."""
        paths = {path for path in self.hashes if is_settlement(path)}
        for path in sorted(paths):
            self.record(path, "the settlement of a call is lost: the call is in doubt again, settle it once more")
        return paths

    def experiments(self) -> set[str]:
        """Check each experiment file against its seal."""
        paths = {path for path in self.hashes if _EXPERIMENT.fullmatch(path)}
        for path in sorted(paths):
            self.record(path, "the experiment is unreadable; its branches are not affected")
        return paths

    def labels(self) -> set[str]:
        """Check each line of the labels against its hash."""
        lines = (self.content(LABELS_FILE) or b"").split(b"\n")
        for number, line in enumerate(lines, start=1):
            if line and parse_label(line) is None:
                if number == len(lines):
                    self.notes.append(f"{LABELS_FILE}: line {number} was truncated while it was written")
                else:
                    self.report(LABELS_FILE, f"line {number} was altered or truncated", "this answer is not counted")
        return {LABELS_FILE} & self.hashes.keys()
