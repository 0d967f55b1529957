"""One step made anew on a branch, with the steps after it offered again: one bad strip need not cost the whole tail.

    1. A branch begins at the step before. The step is asked for once more there, with its own words and options.
    2. The stored answers of each later step are calibrated and scored against the new frontier, and glued where they
       pass the gate there. Nothing is asked or paid for them.
    3. Where one does not pass, the later ones in its mode have lost their frontier; those in the other mode go on.

A run that was interrupted goes on with the same command: steps that the branch has already are not made again.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any, Protocol, Unpack

from ..api.generator import TileGenerator
from ..contract import Mode
from ..errors import UsageError
from ..geometry.overlap_score import DEFAULT_GATE
from .commit import OpenStep, accept_facts, conclude
from .derived import derive
from .options import StepOptionValues
from .rederive import inputs_on, stored_answers
from .step import StepInputs, StepOptions, StepResult
from .store import SEED, Store
from .store.records import Record

__all__ = ["Offered", "Redoable", "Redone", "redo_inputs", "redo_step"]


class Redoable(Protocol):
    """What `redo_step` needs of a session."""

    @property
    def store(self) -> Store:
        """The steps on disk."""

    def branch(self, name: str, *, at: int | None = None) -> int:
        """Make a second head."""

    def on_branch(self, name: str) -> Redoable:
        """The same session, following a branch."""

    @property
    def step(self) -> Callable[..., StepResult]:
        """Grow the canvas by one strip, as `Session.step` does."""

    def writing(self) -> AbstractContextManager[object]:
        """Hold the writer's lock."""


@dataclass(frozen=True)
class Offered:
    """A later step whose stored answers were offered again.

    Attributes:
        step: its number.
        made: number of the step that it is on the branch; None where it does not fit.
        reason: why it was glued again, or why not.
    """

    step: int
    made: int | None
    reason: str


@dataclass(frozen=True, eq=False)
class Redone:
    """What `redo_step` did: the branch, its new step, and what became of the steps behind.

    Attributes:
        branch: name of the branch.
        result: the new step; None where the branch had it already.
        offered: every later step, in order; none where the gate refused the new one.
    """

    branch: str
    result: StepResult | None
    offered: tuple[Offered, ...]


def redo_step(
    session: Redoable, step: int, generator: TileGenerator, *, branch: str | None = None, **changes: Any
) -> Redone:
    """Make committed step number `step` of the canvas anew on a branch, and offer the later steps again.

    Args:
        session: follows the canvas that holds the step.
        step: its number.
        generator: makes the new tiles.
        branch: name of the branch, by default "redo-" and the number; another name makes another attempt.
        changes: arguments of `Session.step`; words and options that are left out are those of the step.

    Raises:
        UsageError: the step is not on the canvas, or the branch is there and is another one's.
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
            return Redone(name, result, ())
    with ours.writing():
        return Redone(name, result, tuple(_offered(ours.store, later)))


def redo_inputs(
    session: Redoable, step: int, *, prompt: str | None = None, **options: Unpack[StepOptionValues]
) -> StepInputs:
    """What would decide the step that `redo_step` makes; nothing is written.

    Raises:
        UsageError: the step is not on the canvas, or an option cannot be used.
    """
    store = session.store
    _later(store, step)
    record = store.steps.record(step)
    chosen = StepOptions.from_values({**record["options"], **options})
    chosen.require_fits(store.contract)
    words = record["words"] if prompt is None else prompt
    return inputs_on(store, record["parent"], Mode(record["mode"]), words, chosen)


def _later(store: Store, step: int) -> list[Record]:
    """The records of the canvas behind step number `step`, oldest first.

    Raises:
        UsageError: the canvas does not hold that step.
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
    """The records of a branch behind step `base`, oldest first.

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


def _offered(store: Store, later: list[Record]) -> list[Offered]:
    """Each of the `later` records, glued again on the followed branch where it still fits."""
    accepted: dict[int, Record] = {}
    at: int | None = store.head
    while at is not None:
        record = store.steps.record(at)
        if "accepted" in record:
            accepted.setdefault(int(record["accepted"]["step"]), record)
        at = record["parent"]
    broken: dict[Mode, int] = {}
    offers = []
    for record in later:
        mode, number = Mode(record["mode"]), int(record["step"])
        source = int(record.get("accepted", {}).get("step", number))
        if source in accepted:
            offers.append(Offered(number, accepted[source]["step"], accepted[source]["reason"]))
        elif mode in broken:
            offers.append(Offered(number, None, f"it continues step {broken[mode]}, which is not there any more"))
        else:
            one = _offer(store, record, source)
            offers.append(one)
            if one.made is None:
                broken[mode] = number
    return offers


def _offer(store: Store, record: Record, source: int) -> Offered:
    """Glue the stored answers of step `source` at the followed head where they pass the gate there."""
    base, number = store.head, int(record["step"])
    raws = stored_answers(store, source)
    options = StepOptions.from_values(record["options"])
    options = replace(options, gate=options.gate or DEFAULT_GATE, candidates=len(raws) or options.candidates)
    inputs = inputs_on(store, base, Mode(record["mode"]), record["words"], options)
    derived = derive(inputs, raws)
    if derived.strip is None:
        return Offered(number, None, derived.choice.reason)
    facts = accept_facts(store, source, derived, None)
    record = conclude(OpenStep(store, store.steps.new(base), base, inputs), derived, facts)
    return Offered(number, record["step"], record["reason"])
