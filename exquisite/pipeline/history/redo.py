"""Makes one step again on a branch, and reuses the answers of the later steps, so that one bad strip is cheap to fix.

    1. Make a branch at the parent of the step, and make the step again there with its own prompt and options.
    2. Calibrate and score the stored answers of each later step against the new frontier, and glue them if they pass
       the gate there. These steps send no request and cost nothing.
    3. When one does not pass, the later ones in its mode have lost their frontier; those in the other mode continue.

The same command continues an interrupted run: steps that exist on the branch are not made again.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Protocol, Unpack

from ...api.generator import TileGenerator
from ...contract import Mode
from ...errors import UsageError
from ...geometry.overlap_score import DEFAULT_GATE
from ..step import StepArguments, StepInputs, StepOptions, StepResult
from ..step.derived import derive
from ..step.options import StepOptionValues
from ..store import SEED, Store
from ..store.records import Record
from .commit import OpenStep, accept_facts, conclude
from .rederive import inputs_on, stored_answers

__all__ = ["LaterStep", "RedoResult", "RedoSession", "StepChanges", "redo_inputs", "redo_step"]


class StepChanges(StepArguments, total=False):
    """Arguments of `Session.step` that differ from those of the step that is made again."""

    prompt: str


class RedoSession(Protocol):
    """The part of a session that `redo_step` uses."""

    @property
    def store(self) -> Store:
        """The steps on disk."""

    def branch(self, name: str, *, at: int | None = None) -> int:
        """Make a branch."""

    def on_branch(self, name: str) -> RedoSession:
        """The same session on a branch."""

    @property
    def step(self) -> Callable[..., StepResult]:
        """Extend the canvas by one strip, as `Session.step` does."""

    def writing(self) -> AbstractContextManager[object]:
        """Hold the writer's lock."""


@dataclass(frozen=True)
class LaterStep:
    """A later step whose stored answers were scored again on the branch.

    Attributes:
        step: its number.
        made: number of its new step on the branch; None when it did not pass.
        reason: why it was glued again, or why not.
    """

    step: int
    made: int | None
    reason: str


@dataclass(frozen=True, eq=False)
class RedoResult:
    """The result of `redo_step`.

    Attributes:
        branch: name of the branch.
        result: the new step; None when the branch already had it.
        offered: every later step, in order; empty when the gate refused the new step.
    """

    branch: str
    result: StepResult | None
    offered: tuple[LaterStep, ...]


def redo_step(
    session: RedoSession,
    step: int,
    generator: TileGenerator,
    *,
    branch: str | None = None,
    **changes: Unpack[StepChanges],
) -> RedoResult:
    """Make committed step number `step` again on a branch, and reuse the answers of the later steps.

    Args:
        session: a session whose canvas contains the step.
        step: its number.
        generator: makes the new tiles.
        branch: name of the branch, by default "redo-" and the number; another name makes another attempt.
        changes: arguments of `Session.step`; the step's own prompt and options are the defaults.

    Raises:
        UsageError: the step is not on the canvas, or an existing branch of that name begins elsewhere.
        And what `Session.step` raises.
    """
    later = _later(session.store, step)
    record = session.store.steps.record(step)
    name = branch or f"redo-{step}"
    if name not in session.store.branches():
        session.branch(name, at=record["parent"])
    ours = session.on_branch(name)
    steps = [one["step"] for one in _back_to(ours.store, record["parent"], name)]
    result = None
    if not steps:
        same = {"prompt": record["words"], "plan": record.get("plan"), **record["options"]}
        result = ours.step(record["mode"], generator, **{**same, **changes})
        if result.status == "rejected":
            return RedoResult(name, result, ())
    with ours.writing():
        return RedoResult(name, result, tuple(_reuse_later(ours.store, later)))


def redo_inputs(
    session: RedoSession, step: int, *, prompt: str | None = None, **options: Unpack[StepOptionValues]
) -> StepInputs:
    """The inputs of the step that `redo_step` would make; writes nothing.

    Raises:
        UsageError: the step is not on the canvas, or an option is invalid.
    """
    store = session.store
    _later(store, step)
    record = store.steps.record(step)
    chosen = StepOptions.from_values({**record["options"], **options})
    chosen.require_fits(store.contract)
    words = record["words"] if prompt is None else prompt
    return inputs_on(store, record["parent"], Mode(record["mode"]), words, chosen)


def _later(store: Store, step: int) -> list[Record]:
    """The records of the canvas after step number `step`, oldest first.

    Raises:
        UsageError: the canvas does not contain that step.
    """
    records: list[Record] = []
    at: int | None = store.head
    while at is not None and at != SEED:
        if at == step:
            return records[::-1]
        records.append(store.steps.record(at))
        at = records[-1]["parent"]
    raise UsageError(f"step {step} is not on the canvas of {store.root}: see `log`")


def _back_to(store: Store, base: int, name: str) -> list[Record]:
    """The records of a branch after step `base`, oldest first.

    Raises:
        UsageError: the branch begins elsewhere.
    """
    if store.head == base:
        return []
    records = [store.steps.record(store.head)]
    while (at := records[-1]["parent"]) != base:
        if at is None:
            raise UsageError(f"the branch {name!r} does not begin at step {base}: choose another name")
        records.append(store.steps.record(at))
    return records[::-1]


def _reuse_later(store: Store, later: list[Record]) -> list[LaterStep]:
    """Glue each of the `later` steps again on the followed branch if it passes the gate there."""
    accepted: dict[int, Record] = {}
    at: int | None = store.head
    while at is not None:
        record = store.steps.record(at)
        if "accepted" in record:
            accepted.setdefault(int(record["accepted"]["step"]), record)
        at = record["parent"]
    broken: dict[Mode, int] = {}
    outcomes = []
    for record in later:
        mode, number = Mode(record["mode"]), int(record["step"])
        source = int(record.get("accepted", {}).get("step", number))
        if source in accepted:
            outcomes.append(LaterStep(number, accepted[source]["step"], accepted[source]["reason"]))
        elif mode in broken:
            reason = f"it continues step {broken[mode]}, which is no longer on the branch"
            outcomes.append(LaterStep(number, None, reason))
        else:
            one = _reuse(store, record, source)
            outcomes.append(one)
            if one.made is None:
                broken[mode] = number
    return outcomes


def _reuse(store: Store, record: Record, source: int) -> LaterStep:
    """Glue the stored answers of step `source` at the followed head if they pass the gate there."""
    base, number = store.head, int(record["step"])
    raws = stored_answers(store, source)
    options = StepOptions.from_values(record["options"])
    options = replace(options, gate=options.gate or DEFAULT_GATE, candidates=len(raws) or options.candidates)
    inputs = inputs_on(store, base, Mode(record["mode"]), record["words"], options)
    derived = derive(inputs, raws)
    if derived.strip is None:
        return LaterStep(number, None, derived.choice.reason)
    facts = accept_facts(store, source, derived, None)
    record = conclude(OpenStep(store, store.steps.new(base), base, inputs), derived, facts)
    return LaterStep(number, record["step"], record["reason"])
