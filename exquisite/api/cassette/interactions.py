"""A cassette: recorded interactions. Each answers one request; new ones may be added."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from contextlib import suppress
from enum import StrEnum
from pathlib import Path

from ...errors import ReplayError, StorageError, UsageError
from ...files import Files
from ..multipart import canonical, difference
from .blobs import blobs_named_in, prune
from .recording import Interaction, RecordedRequest, load_recording, save_recording

__all__ = ["Cassette", "RecordMode"]


class RecordMode(StrEnum):
    """What happens to a request without a recorded interaction; see the table in `settings`."""

    NONE = "none"
    ONCE = "once"
    NEW_EPISODES = "new_episodes"
    ALL = "all"

    @classmethod
    def _missing_(cls, value: object) -> RecordMode:
        raise UsageError(f"unknown record mode {value!r}: use one of {', '.join(mode.value for mode in cls)}")


class Cassette:
    """The interactions of one file, and which of them are used. Thread-safe."""

    def __init__(
        self, path: Path | str, record_mode: RecordMode | str = RecordMode.NONE, *, origin: str = ""
    ) -> None:
        """Load the file at `path`. A new file stores `origin`, the source of its answers.

        Raises:
            ReplayError: the mode does not record, and there is no readable file.
        """
        self.path = Path(path)
        self.record_mode = RecordMode(record_mode)
        self.origin = origin
        self._interactions: list[Interaction] = []
        self._older: list[Interaction] = []  # in mode `all`: earlier interactions without a new answer
        self._refusals: dict[object, list[Interaction]] = {}  # by request: new refusals beside an earlier answer
        self._named: set[str] = set()  # blobs of this recording, earlier ones too
        self._replayed: set[int] = set()
        self._keys: dict[int, object] = {}
        self._failure: ReplayError | StorageError | None = None
        self._lock = threading.Lock()
        self._is_new = not self.path.exists()
        if self.record_mode is RecordMode.ALL:
            with suppress(ReplayError):  # a missing or damaged file is recorded anew
                self._older = load_recording(self.path)[1]
        elif self.record_mode is RecordMode.NONE or not self._is_new:
            recorded_origin, self._interactions = load_recording(self.path)
            self.origin = recorded_origin or origin
        if self._interactions or self._older:  # otherwise its blobs stay: the rest may be damaged
            self._named = blobs_named_in([self.path])
        self.records = self.record_mode in (RecordMode.NEW_EPISODES, RecordMode.ALL) or (
            self.record_mode is RecordMode.ONCE and self._is_new
        )

    @property
    def interactions(self) -> tuple[Interaction, ...]:
        """All interactions, in order."""
        return tuple(self._interactions)

    def find(self, request: RecordedRequest) -> Interaction | None:
        """Return the first unused interaction with an equal request, and mark it as used; None when there is none."""
        target = _key(request)
        with self._lock:
            for number, interaction in enumerate(self._interactions):
                if number not in self._replayed and self._keys.setdefault(number, _key(interaction.request)) == target:
                    self._replayed.add(number)
                    return interaction
        return None

    def record(self, interaction: Interaction, secrets: Iterable[str] = ()) -> None:
        """Append `interaction` as used, and save the file. `check` raises errors later: the answer may be paid.

        An interaction with a key is not saved. In mode `all`, a refusal does not replace an earlier answer to the same
        request; it waits for a new answer.
        """
        key = _key(interaction.request)
        with self._lock:
            older = next((one for one in self._older if _key(one.request) == key and one.is_answer), None)
            waiting = [*self._refusals.get(key, ()), interaction]
            if older is not None and not interaction.is_answer:
                self._refusals[key] = waiting
                return
            remaining = [one for one in self._older if one is not older]
            if self._save([*self._interactions, *waiting], remaining, secrets):
                self._refusals.pop(key, None)
                self._replayed |= set(range(len(self._interactions) - len(waiting), len(self._interactions)))

    def finish(self) -> None:
        """End a successful run: check that all interactions are used, and remove outdated ones.

        Raises:
            ReplayError, StorageError: see `assert_all_used`; also when a request with an earlier answer was refused.
        """
        self.assert_all_used()
        with self._lock:
            remaining = [one for one in self._older if _key(one.request) in self._refusals]
            if self.records and self._interactions and remaining != self._older:
                self._save(self._interactions, remaining)
            if self.records:
                prune(self.path.parent, self._named)
        self.check()
        if self._refusals:
            refused = next(iter(self._refusals.values()))[-1]
            raise ReplayError(
                f"{self.path} keeps its answer to {refused.request.method} {refused.request.path}, which failed now "
                f"({refused.status or refused.error}): remove the file to record that"
            )

    def abandon(self) -> None:
        """End a failed run: remove the recording that it began, so that the next run begins anew.

        A recording with answers is renamed instead, because they may have cost money.
        """
        if not (self._is_new and self.records and self.path.exists()):
            return
        if any(interaction.is_answer for interaction in self._interactions):
            names = (self.path.with_suffix(f".failed{number}.json") for number in ("", *range(2, 1000)))
            Files().replace(self.path, next(name for name in names if not name.exists()))
        else:
            Files().unlink(self.path)
            prune(self.path.parent, self._named)

    def _save(self, interactions: list[Interaction], older: list[Interaction], secrets: Iterable[str] = ()) -> bool:
        """Save `interactions` and `older`, and keep them; return False after an error."""
        try:
            save_recording(self.path, self.origin, [*interactions, *older], secrets)
        except (ReplayError, StorageError) as error:
            self._failure = error
            return False
        self._interactions, self._older = interactions, older
        self._named |= blobs_named_in([self.path])
        return True

    def check(self) -> None:
        """Raise the error of an earlier save: ReplayError or StorageError."""
        if self._failure is not None:
            raise self._failure

    def assert_all_used(self) -> None:
        """Check that every interaction is used and saved.

        Raises:
            ReplayError: unused interactions; the message lists them.
            StorageError: a save failed.
        """
        self.check()
        unused = [number for number in range(len(self._interactions)) if number not in self._replayed]
        if unused:
            first = self._interactions[unused[0]].request
            raise ReplayError(
                f"{len(unused)} of {len(self._interactions)} interactions in {self.path} were never asked for: "
                f"{', '.join(str(number + 1) for number in unused)} (the first is {first.method} {first.path})"
            )

    def unexpected(self, request: RecordedRequest) -> ReplayError:
        """The error for a request without an interaction; it describes the nearest one and the differences."""
        what = f"{request.method} {request.path} is not in the cassette {self.path}"
        if not self._interactions:
            return ReplayError(f"{what}, which is empty")
        compared = [
            (len(lines := _differences(request, interaction.request)), number in self._replayed, number, lines)
            for number, interaction in enumerate(self._interactions)
        ]
        _, is_used, number, lines = min(compared)
        nearest = f"{what}; the nearest of {len(compared)} is interaction {number + 1}"
        if not lines:
            return ReplayError(f"{nearest}: equal, but it has answered already, so this request is one too many")
        return ReplayError(f"{nearest}{' (which has answered already)' if is_used else ''}: {'; '.join(lines)}")


def _key(request: RecordedRequest) -> object:
    return request.method, request.path, request.media, canonical(request.parts)


def _differences(request: RecordedRequest, other: RecordedRequest) -> list[str]:
    lines = [
        f"the {name} is {mine!r}, recorded {recorded!r}"
        for name in ("method", "path", "media")
        if (mine := getattr(request, name)) != (recorded := getattr(other, name))
    ]
    return lines + difference(request.parts, other.parts)
