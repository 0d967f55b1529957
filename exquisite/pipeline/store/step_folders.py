"""The folders of the steps: creates, numbers, fills and finishes them, and finds one by the digest of its request."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from ...errors import SessionDamagedError
from ...foreign import own
from .records import Record, read_file, seal
from .session_files import SessionFiles

__all__ = ["SEED", "StepFolders", "step_name"]

SEED = 0
"""The number of the record that holds the seed picture."""


def step_name(number: int) -> str:
    """The name of the folder of step `number`."""
    return f"{number:06d}"


class StepFolders:
    """The folders steps/ and pending/ of a session.

    A folder without step.json is an unfinished step. Numbers have no gaps and are unique. The last folder is reused
    when it is unfinished and no call of it was begun, so that an interrupted run leaves no empty step.

    Attributes:
        disk: the files of the session.
    """

    def __init__(self, disk: SessionFiles) -> None:
        self.disk = disk
        self._root = disk.root
        self._files = disk.files

    def folder(self, number: int) -> Path:
        """The folder of step `number`."""
        return self._root / "steps" / step_name(number)

    def record(self, number: int) -> Record:
        """Read the record of a finished step.

        Raises:
            SessionDamagedError: missing, altered, or in the wrong folder.
        """
        path = self.folder(number) / "step.json"
        record = self.disk.read_record(path)
        if record.get("step") != number:
            raise SessionDamagedError(f"{path} is the record of step {record.get('step')}, not {number}")
        return record

    def is_finished(self, number: int) -> bool:
        """Whether step `number` has a record."""
        return (self.folder(number) / "step.json").is_file()

    def last(self, start: int = 0) -> int:
        """The highest number of a step folder.

        Galloping search from the existing step `start`: double the distance while the folder exists, then bisect. It
        relies on numbers without gaps, and from the head it takes a look or two for a canvas of any length.
        """
        low, reach = start, 1
        while self.folder(low + reach).is_dir():
            low, reach = low + reach, reach * 2
        while reach > 1:
            reach //= 2
            if self.folder(low + reach).is_dir():
                low += reach
        return low

    def for_request(self, digest: str) -> int | None:
        """The unfinished step for a request with this digest, or None.

        Its record may exist already; in that case only HEAD was not moved.
        """
        pointer = self._root / "pending" / digest
        if not pointer.is_file():
            return None
        data = read_file(pointer)
        if not re.fullmatch(rb"\d{1,12}\n", data):
            raise SessionDamagedError(f"{pointer} names no step; `verify` describes the damage")
        return int(data) if self._request_digest(int(data)) == digest else None

    def new(self, start: int = 0) -> int:
        """Make the folder of a new step, or reuse the last one when no call of it was begun.

        `start` is an existing step near the last one.
        """
        number = self.last(start)
        if self.is_finished(number) or any(own((self.folder(number) / "answers").glob("*"))):
            number += 1
        else:
            self._clear_step(number)
        folder = self.folder(number)
        self._files.make_folder(folder)
        self._files.make_folder(folder / "answers")
        self._files.sync_folder(folder.parent)
        self._files.sync_folder(folder)
        return number

    def begin(self, digest: str, request: Record) -> int:
        """Make a new step that continues `request["base"]`; `for_request` returns it until `forget_request`."""
        number = self.new(int(request["base"]))
        path = self.folder(number) / "request.json"
        self.disk.write(path, seal({**request, "digest": digest}))
        self.disk.write(self._root / "pending" / digest, f"{number}\n".encode())
        return number

    def write_files(self, number: int, files: Mapping[str, bytes]) -> None:
        """Write the derived files of an unfinished step and remove those of an earlier run; durable on return."""
        folder = self.folder(number)
        folders = sorted({folder, *(folder / parent for name in files for parent in Path(name).parents)})
        self._clear_derived(number, {folder / name for name in files}, set(folders))
        for path in folders:
            self._files.make_folder(path)
        for name, data in files.items():
            self.disk.write_in_place(folder / name, data)
        for path in reversed(folders):
            self._files.sync_folder(path)

    def hash_files(self, number: int) -> dict[str, str]:
        """SHA-256 of every file of a step except its record, by path relative to the step's folder."""
        folder = self.folder(number)
        paths = sorted(path for path in self._own_files(number) if path.name != "step.json")
        return {path.relative_to(folder).as_posix(): self.disk.hash_of(path) for path in paths}

    def finish(self, record: Record) -> None:
        """Write the record of a step whose files are durable; this finishes the step."""
        self.disk.write(self.folder(record["step"]) / "step.json", seal(record))

    def forget_request(self, digest: str) -> None:
        """Remove the pointer to a step that needs no resuming."""
        self._files.unlink(self._root / "pending" / digest)

    def requests(self) -> list[str]:
        """The digests of the requests whose steps may need resuming."""
        return sorted(path.name for path in own((self._root / "pending").glob("*")))

    def unfinished(self) -> list[int]:
        """The numbers of the steps that a rerun of their request would resume."""
        numbers = map(self.for_request, self.requests())
        return sorted(number for number in numbers if number is not None)

    def _derived_paths(self, number: int) -> list[Path]:
        """All files of a step except its answers and its request."""
        folder = self.folder(number)
        protected = (folder / "answers", folder / "request.json")
        return [path for path in sorted(self._own_files(number)) if not set(protected) & {path, *path.parents}]

    def _own_files(self, number: int) -> list[Path]:
        folder = self.folder(number)
        return [path for path in own(folder.rglob("*"), folder) if path.is_file()]

    def _clear_step(self, number: int) -> None:
        """Empty the folder of an unfinished step without answers."""
        folder = self.folder(number)
        if (old := self._request_digest(number)) is not None:
            self._files.unlink(self._root / "pending" / old)
            self._files.unlink(folder / "request.json")
        self._clear_derived(number, set(), set())

    def _clear_derived(self, number: int, new_files: set[Path], new_folders: set[Path]) -> None:
        """Remove derived files and folders of an earlier run that are not among the new ones."""
        for path in self._derived_paths(number):
            if path not in new_files:
                self._files.unlink(path)
        folder = self.folder(number)
        inner = {path for path in own(folder.rglob("*"), folder) if path.is_dir() and path.name != "answers"}
        for path in sorted(inner - new_folders, reverse=True):
            if not any(path.iterdir()):  # a foreign file keeps its folder
                self._files.remove_folder(path)

    def _request_digest(self, number: int) -> str | None:
        path = self.folder(number) / "request.json"
        return str(self.disk.read_record(path)["digest"]) if path.is_file() else None
