"""A cassette: recorded interactions that answer requests, each once, and take new ones in."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path

from ...errors import ReplayError, StorageError, UsageError
from ..multipart import canonical, difference
from .recording import Interaction, RecordedRequest, load_recording, save_recording

__all__ = ["Cassette", "RecordMode"]


class RecordMode(StrEnum):
    """What happens to a request that the cassette does not hold; see the table in `cassette.py`."""

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
        self._used: set[int] = set()
        self._keys: dict[int, object] = {}
        self._failure: ReplayError | StorageError | None = None
        self._lock = threading.Lock()
        fresh = self.record_mode is RecordMode.ALL or not self.path.exists()
        if self.record_mode is RecordMode.NONE or not fresh:
            recorded_origin, self._interactions = load_recording(self.path)
            self.origin = recorded_origin or origin
        self.records = self.record_mode in (RecordMode.NEW_EPISODES, RecordMode.ALL) or (
            self.record_mode is RecordMode.ONCE and fresh
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

        An interaction that cannot be saved because it holds a key is dropped.
        """
        with self._lock:
            interactions = [*self._interactions, interaction]
            try:
                save_recording(self.path, self.origin, interactions, secrets)
            except (ReplayError, StorageError) as error:
                self._failure = error
                return
            self._interactions = interactions
            self._used.add(len(interactions) - 1)

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
