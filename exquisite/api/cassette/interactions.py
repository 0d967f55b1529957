"""A cassette: recorded interactions that answer requests, each once, and take new ones in."""

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
    """What happens to a request that the cassette does not hold; see the table in `settings`."""

    NONE = "none"
    ONCE = "once"
    NEW_EPISODES = "new_episodes"
    ALL = "all"

    @classmethod
    def _missing_(cls, value: object) -> RecordMode:
        raise UsageError(f"unknown record mode {value!r}: use one of {', '.join(mode.value for mode in cls)}")


class Cassette:
    """The interactions of one file, and which of them have answered already. Safe to share between threads."""

    def __init__(
        self, path: Path | str, record_mode: RecordMode | str = RecordMode.NONE, *, origin: str = ""
    ) -> None:
        """Load what is at `path`; `origin` says in a new file where the answers come from.

        Raises:
            ReplayError: nothing may be recorded and there is no readable cassette.
        """
        self.path = Path(path)
        self.record_mode = RecordMode(record_mode)
        self.origin = origin
        self._interactions: list[Interaction] = []
        self._older: list[Interaction] = []  # in mode `all`: recorded before, and not replaced by an answer yet
        self._refusals: dict[object, list[Interaction]] = {}  # by request, of which there is an older answer
        self._named: set[str] = set()  # blobs of this recording, now or before
        self._used: set[int] = set()
        self._keys: dict[int, object] = {}
        self._failure: ReplayError | StorageError | None = None
        self._lock = threading.Lock()
        self._is_new = not self.path.exists()
        if self.record_mode is RecordMode.ALL:
            with suppress(ReplayError):  # what is not there or damaged is recorded anew
                self._older = load_recording(self.path)[1]
        elif self.record_mode is RecordMode.NONE or not self._is_new:
            recorded_origin, self._interactions = load_recording(self.path)
            self.origin = recorded_origin or origin
        if self._interactions or self._older:  # else its blobs stay: they may be all that is left of it
            self._named = blobs_named_in([self.path])
        self.records = self.record_mode in (RecordMode.NEW_EPISODES, RecordMode.ALL) or (
            self.record_mode is RecordMode.ONCE and self._is_new
        )

    @property
    def interactions(self) -> tuple[Interaction, ...]:
        """Everything recorded so far, in order."""
        return tuple(self._interactions)

    def find(self, request: RecordedRequest) -> Interaction | None:
        """The first unused interaction whose request says the same, now used; None when there is none."""
        wanted = _key(request)
        with self._lock:
            for number, interaction in enumerate(self._interactions):
                if number not in self._used and self._keys.setdefault(number, _key(interaction.request)) == wanted:
                    self._used.add(number)
                    return interaction
        return None

    def record(self, interaction: Interaction, secrets: Iterable[str] = ()) -> None:
        """Append `interaction`, used, and save. What fails is kept for `check`: the answer may have cost money.

        An interaction that cannot be saved because it holds a key is dropped. In mode `all` a refusal waits for
        an answer to the same request where there is an older one, so that it never takes its place.
        """
        key = _key(interaction.request)
        with self._lock:
            older = next((one for one in self._older if _key(one.request) == key and one.is_answer), None)
            waiting = [*self._refusals.get(key, ()), interaction]
            if older is not None and not interaction.is_answer:
                self._refusals[key] = waiting
                return
            left = [one for one in self._older if one is not older]
            if self._save([*self._interactions, *waiting], left, secrets):
                self._refusals.pop(key, None)
                self._used |= set(range(len(self._interactions) - len(waiting), len(self._interactions)))

    def finish(self) -> None:
        """End a run that went well: everything was used, and nothing is left that no request asks for.

        Raises:
            ReplayError, StorageError: see `assert_all_used`; or an answer was kept, because it is refused now.
        """
        self.assert_all_used()
        with self._lock:
            left = [one for one in self._older if _key(one.request) in self._refusals]
            if self.records and self._interactions and left != self._older:
                self._save(self._interactions, left)
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
        """End a run that failed: a recording that it began is taken away, so that the next run begins anew.

        One that holds answers is renamed, because they may have cost money.
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
        """Write `interactions` and `older` to the file, and hold them from then on; False where that failed."""
        try:
            save_recording(self.path, self.origin, [*interactions, *older], secrets)
        except (ReplayError, StorageError) as error:
            self._failure = error
            return False
        self._interactions, self._older = interactions, older
        self._named |= blobs_named_in([self.path])
        return True

    def check(self) -> None:
        """Raise what kept an earlier interaction from being saved: ReplayError or StorageError."""
        if self._failure is not None:
            raise self._failure

    def assert_all_used(self) -> None:
        """Check that every interaction has answered a request and that all recording was saved.

        Raises:
            ReplayError: naming the interactions that no request asked for.
            StorageError: the disk refused a recording.
        """
        self.check()
        left = [number for number in range(len(self._interactions)) if number not in self._used]
        if left:
            first = self._interactions[left[0]].request
            raise ReplayError(
                f"{len(left)} of {len(self._interactions)} interactions in {self.path} were never asked for: "
                f"{', '.join(str(number + 1) for number in left)} (the first is {first.method} {first.path})"
            )

    def unexpected(self, request: RecordedRequest) -> ReplayError:
        """The error for a request that nothing here answers: the nearest interaction, and what differs from it."""
        what = f"{request.method} {request.path} is not in the cassette {self.path}"
        if not self._interactions:
            return ReplayError(f"{what}, which is empty")
        compared = [
            (len(lines := _differences(request, interaction.request)), number in self._used, number, lines)
            for number, interaction in enumerate(self._interactions)
        ]
        _, used, number, lines = min(compared)
        nearest = f"{what}; the nearest of {len(compared)} is interaction {number + 1}"
        if not lines:
            return ReplayError(f"{nearest}: equal, but it has answered already, so this request is one too many")
        return ReplayError(f"{nearest}{' (which has answered already)' if used else ''}: {'; '.join(lines)}")


def _key(request: RecordedRequest) -> object:
    return request.method, request.path, request.media, canonical(request.parts)


def _differences(request: RecordedRequest, other: RecordedRequest) -> list[str]:
    lines = [
        f"the {name} is {mine!r}, recorded {recorded!r}"
        for name in ("method", "path", "media")
        if (mine := getattr(request, name)) != (recorded := getattr(other, name))
    ]
    return lines + difference(request.parts, other.parts)
