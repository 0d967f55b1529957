"""The plan and the results of an experiment, as stored in SESSION/experiments/NAME.json."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from ...contract import Mode
from ...errors import UsageError
from ...json_types import JsonObject
from ..step import ResultStatus, StepOptions
from ..store.records import FORMAT_VERSION, Record

__all__ = ["Arm", "Cell", "Key", "Plan"]

Key = tuple[int, str, int]
"""(repetition, arm, place) identifies a step of an experiment; repetitions and places count from 1."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,23}")


@dataclass(frozen=True)
class Arm:
    """One arm of an experiment: a way to make a step.

    Attributes:
        name: part of the names of its branches.
        options: the options of its steps.
        prompt: the user prompt.
        generator: settings of its generator, JSON types; only the function that makes generators reads them.

    Raises:
        UsageError: the name is invalid in a branch name.
    """

    name: str
    options: StepOptions = field(default_factory=lambda: StepOptions(gate=None))
    prompt: str = ""
    generator: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _require_name(self.name, "an arm")

    def as_dict(self) -> Record:
        """The arm as JSON types."""
        return {**asdict(self), "options": self.options.as_dict()}

    @classmethod
    def from_record(cls, record: Record) -> Arm:
        """The arm that `as_dict` wrote."""
        return cls(**{**record, "options": StepOptions.from_values(record["options"])})

    def settings(self) -> JsonObject:
        """All settings that may differ between arms, by name."""
        return {**self.options.values(), "prompt": self.prompt, **self.generator}


@dataclass(frozen=True)
class Plan:
    """The plan of an experiment.

    Attributes:
        name: name of the experiment.
        mode: direction of growth.
        at: the step from which every branch grows.
        arms: at least one; the report compares the others with the first.
        repeat: number of branches of each arm, each with separate answers.
        steps: number of consecutive steps on each branch.

    Raises:
        UsageError: an invalid name, no arms, two arms with one branch name, or a count below 1.
    """

    name: str
    mode: Mode
    at: int
    arms: tuple[Arm, ...]
    repeat: int = 1
    steps: int = 1

    def __post_init__(self) -> None:
        _require_name(self.name, "an experiment")
        if not self.arms:
            raise UsageError(
                f"experiment {self.name!r} has nothing to compare: name its arms, such as "
                f'--arm base --arm "plain,calibrate=false", or a matrix, such as --vary feather_px=0,16'
            )
        for what, count in (("--repeat", self.repeat), ("--steps", self.steps)):
            if count < 1:
                raise UsageError(f"{what} must be at least 1, not {count}")
        branches = [self.branch(arm.name, repetition) for repetition, arm in self.branches()]
        if shared := next((branch for branch in branches if branches.count(branch) > 1), None):
            raise UsageError(f"two arms of experiment {self.name!r} would share the branch {shared}: name them apart")

    def branch(self, arm: str, repetition: int) -> str:
        """The name of a branch: exp-NAME-ARM, and from the second repetition on exp-NAME-ARM-2."""
        return f"exp-{self.name}-{arm}" + (f"-{repetition}" if repetition > 1 else "")

    def branches(self) -> Iterator[tuple[int, Arm]]:
        """(repetition, arm) of every branch, all arms of a repetition before the next one."""
        return ((repetition, arm) for repetition in range(1, self.repeat + 1) for arm in self.arms)

    def keys(self) -> Iterator[Key]:
        """Every step, in the order of execution."""
        return (
            (repetition, arm.name, place) for repetition, arm in self.branches() for place in range(1, self.steps + 1)
        )

    def arm(self, name: str) -> Arm:
        """The arm of that name."""
        return next(arm for arm in self.arms if arm.name == name)

    def as_dict(self) -> Record:
        """The plan as JSON types."""
        return {
            "format": FORMAT_VERSION,
            "experiment": self.name,
            "mode": str(self.mode),
            "at": self.at,
            "repeat": self.repeat,
            "steps": self.steps,
            "arms": [arm.as_dict() for arm in self.arms],
        }

    @classmethod
    def from_record(cls, record: Record) -> Plan:
        """The plan that `as_dict` wrote."""
        arms = tuple(Arm.from_record(arm) for arm in record["arms"])
        return cls(
            record["experiment"], Mode(record["mode"]), record["at"], arms, record["repeat"], record["steps"]
        )


@dataclass(frozen=True)
class Cell:
    """The result of one step of an experiment.

    Attributes:
        repetition, arm, place: the key of the step.
        branch: its branch.
        step: its number in the session.
        answers: number of the step whose stored answers it uses; equal to `step` when it sent a request.
        request: digest of the request for those answers.
        status: "committed", or "rejected" when the gate refused every candidate, which ends the branch.
        chosen: the committed candidate, or the best of the rejected ones; None when none was readable.
        usd: cost of its request, with calls that were perhaps billed; "0" with the answers of another arm.
        gate: factor, threshold, passed, and whether the options set the gate (asked).
        measures: see `measures.MEASURES`; empty when no candidate was readable.
    """

    repetition: int
    arm: str
    place: int
    branch: str
    step: int
    answers: int
    request: str
    status: ResultStatus
    chosen: int | None
    usd: str
    gate: Mapping[str, Any] | None
    measures: Mapping[str, float]

    @property
    def key(self) -> Key:
        """(repetition, arm, place)."""
        return (self.repetition, self.arm, self.place)

    @property
    def sent_request(self) -> bool:
        """Whether the step sent a request of its own."""
        return self.answers == self.step


def _require_name(name: str, what: str) -> None:
    if not _NAME.fullmatch(name):
        raise UsageError(f"bad name {name!r} of {what}: use letters, digits, dot, dash and underscore, up to 24")
