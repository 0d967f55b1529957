"""The folders of the steps: numbered, begun, filled, finished, and found again by the digest of their request."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from ...errors import SessionDamagedError
from ...files import Files
from ...foreign import own
from .records import Record, read_file, read_record, seal, sha256

__all__ = ["StepFolders", "step_name"]


def step_name(number: int) -> str:
    """The name of the folder of step `number`."""
    return f"{number:06d}"


class StepFolders:
    """steps/ and pending/ of a session.

    A folder without step.json is an unfinished step. Numbers have no gaps and are never given twice, but a
    folder that was begun last and holds no answer is used again, so that a run that was cut short leaves
    nothing behind.
    """

    def __init__(self, root: Path, files: Files) -> None:
        self.root = root
        self.files = files

    @property
    def tmp(self) -> Path:
        """The folder of files that are being written."""
        return self.root / "tmp"

    def step_dir(self, number: int) -> Path:
        """The folder of step `number`."""
        return self.root / "steps" / step_name(number)

    def step(self, number: int) -> Record:
        """The record of a finished step.

        Raises:
            SessionDamagedError: missing, altered, or in the wrong folder.
        """
        path = self.step_dir(number) / "step.json"
        record = read_record(path)
        if record.get("step") != number:
            raise SessionDamagedError(f"{path} is the record of step {record.get('step')}, not {number}")
        return record

    def is_finished(self, number: int) -> bool:
        """Whether step `number` has its record."""
        return (self.step_dir(number) / "step.json").is_file()

    def last_step(self, known: int = 0) -> int:
        """The highest number that a step folder has, found by galloping, because numbers have no gaps.

        `known` is a step that is there: from the head it is a step or two, however long the canvas is.
        """
        low, reach = known, 1
        while self.step_dir(low + reach).is_dir():
            low, reach = low + reach, reach * 2
        while reach > 1:
            reach //= 2
            if self.step_dir(low + reach).is_dir():
                low += reach
        return low

    def begun(self, digest: str) -> int | None:
        """The step that was begun for a request with this digest and not brought to its end, if there is one.

        It may be finished already: then only HEAD was not moved.
        """
        pointer = self.root / "pending" / digest
        if not pointer.is_file():
            return None
        data = read_file(pointer)
        if not re.fullmatch(rb"\d{1,12}\n", data):
            raise SessionDamagedError(f"{pointer} names no step; `verify` says what it costs")
        return int(data) if self._begun_for(int(data)) == digest else None

    def new_step(self, known: int = 0) -> int:
        """Make the folder of a new step; one that was begun last and holds no answer is emptied and used again.

        `known` is a step that is there, near the last one.
        """
        number = self.last_step(known)
        if self.is_finished(number) or any(own((self.step_dir(number) / "answers").glob("*"))):
            number += 1
        else:
            self._clear_step(number)
        folder = self.step_dir(number)
        self.files.make_folder(folder)
        self.files.make_folder(folder / "answers")
        self.files.sync_folder(folder.parent)
        self.files.sync_folder(folder)
        return number

    def begin_step(self, digest: str, request: Record) -> int:
        """Make a new step on top of `request["base"]`, that `begun(digest)` finds until it is forgotten."""
        number = self.new_step(int(request["base"]))
        path = self.step_dir(number) / "request.json"
        self.files.write_atomic(path, seal({**request, "digest": digest}), self.tmp)
        self.files.write_atomic(self.root / "pending" / digest, f"{number}\n".encode(), self.tmp)
        return number

    def write_files(self, number: int, files: Mapping[str, bytes]) -> None:
        """Write the derived files of an unfinished step; durable on return, in place of what an earlier run left."""
        folder = self.step_dir(number)
        folders = sorted({folder, *(folder / parent for name in files for parent in Path(name).parents)})
        self._clear_derived(number, {folder / name for name in files}, set(folders))
        for path in folders:
            self.files.make_folder(path)
        for name, data in files.items():
            self.files.write_file(folder / name, data)
        for path in reversed(folders):
            self.files.sync_folder(path)

    def hash_files(self, number: int) -> dict[str, str]:
        """SHA-256 of every file of a step but its record, by its path inside the step's folder."""
        folder = self.step_dir(number)
        paths = sorted(path for path in self._own_files(number) if path.name != "step.json")
        return {path.relative_to(folder).as_posix(): sha256(read_file(path)) for path in paths}

    def _derived_paths(self, number: int) -> list[Path]:
        """Every file of a step that is neither an answer nor its request."""
        folder = self.step_dir(number)
        kept = (folder / "answers", folder / "request.json")
        return [path for path in sorted(self._own_files(number)) if not set(kept) & {path, *path.parents}]

    def _own_files(self, number: int) -> list[Path]:
        folder = self.step_dir(number)
        return [path for path in own(folder.rglob("*"), folder) if path.is_file()]

    def _clear_step(self, number: int) -> None:
        """Empty the folder of a step that came to nothing."""
        folder = self.step_dir(number)
        if (old := self._begun_for(number)) is not None:
            self.files.unlink(self.root / "pending" / old)
            self.files.unlink(folder / "request.json")
        self._clear_derived(number, set(), set())

    def _clear_derived(self, number: int, kept_files: set[Path], kept_folders: set[Path]) -> None:
        """Remove what an earlier run derived and this one does not."""
        for path in self._derived_paths(number):
            if path not in kept_files:
                self.files.unlink(path)
        folder = self.step_dir(number)
        inner = {path for path in own(folder.rglob("*"), folder) if path.is_dir() and path.name != "answers"}
        for path in sorted(inner - kept_folders, reverse=True):
            if not any(path.iterdir()):  # a foreign file keeps its folder
                self.files.remove_folder(path)

    def finish_step(self, record: Record) -> None:
        """Write the record of a step whose files are durable; after this it is finished."""
        self.files.write_atomic(self.step_dir(record["step"]) / "step.json", seal(record), self.tmp)

    def forget(self, digest: str) -> None:
        """Remove the pointer of a step that needs no resuming any more."""
        self.files.unlink(self.root / "pending" / digest)

    def pointers(self) -> list[str]:
        """The digests of the requests whose steps may need resuming."""
        return sorted(path.name for path in own((self.root / "pending").glob("*")))

    def pending(self) -> list[int]:
        """The numbers of the steps that a rerun of their request would resume."""
        numbers = map(self.begun, self.pointers())
        return sorted(number for number in numbers if number is not None)

    def _begun_for(self, number: int) -> str | None:
        path = self.step_dir(number) / "request.json"
        return str(read_record(path)["digest"]) if path.is_file() else None
