"""Runs controlled experiments: several arms make the same step on separate branches and share equal requests.

Every arm extends its own branches from one step of the session, so that all arms start from the same canvas and the
user's head does not move. Arms with equal requests, which differ only in calibration, feather, metric or gate, share
the stored answers of the first.

SESSION/experiments/NAME.json holds the plan and one cell for each finished step. It is written after the step, and the
session takes precedence: when a step exists without its cell, the run measures it instead of making it again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from decimal import Decimal
from pathlib import Path

from ...api.generator import TileGenerator, TileRequest, describe
from ...contract import Mode
from ...errors import CanvasError, PaymentError, UsageError
from ...files import Files
from ..history.rederive import inputs_on
from ..journal.ledger import Ledger
from ..journal.requests import request_digest, request_record
from ..session import Session
from ..step import Progress, StepInputs
from ..store import Store
from ..store.records import Record, read_record, seal
from ..verify.repair import rebuilt_ledger
from .measures import gate_verdict, measure
from .plan import Arm, Cell, Key, Plan

__all__ = ["Experiment", "MakeGenerator"]

MakeGenerator = Callable[[Arm, int], TileGenerator]
"""Makes the generator of an arm for a repetition, from 1; called only for steps that may need a request."""

_FOLDER = "experiments"


@dataclass(frozen=True)
class _Terms:
    """The limits of a run; see `Experiment.run`."""

    budget: Decimal | None
    session_budget: Decimal | None
    retry_ambiguous: bool
    progress: Callable[[Progress], None] | None


class Experiment:
    """A plan and its finished cells. `Experiment.begin` starts or resumes one, and `run` executes it."""

    def __init__(self, root: Path, plan: Plan, cells: Sequence[Cell] = (), files: Files | None = None) -> None:
        self.plan = plan
        self._cells = {cell.key: cell for cell in cells}
        self._store = Store(root, None, files)

    @classmethod
    def begin(  # noqa: PLR0913 (independent settings, by keyword only)
        cls,
        root: Path | str,
        name: str,
        mode: Mode | str,
        arms: Sequence[Arm] = (),
        *,
        at: int | None = None,
        repeat: int | None = None,
        steps: int | None = None,
        files: Files | None = None,
    ) -> Experiment:
        """Start or resume the experiment `name` of the session at `root`; writes nothing.

        An existing experiment may get more repetitions, and more arms after its own. Omitted arguments keep their
        planned values.

        Args:
            at: the committed step from which the branches grow; by default the head of the session.
            repeat: branches of each arm (default 1).
            steps: steps in a row on each branch (default 1).

        Raises:
            UsageError: the plan is impossible, or contradicts the existing one.
            CanvasError: the canvas at `at` cannot grow in `mode`.
        """
        root = Path(root)
        store = Store(root, None, files)
        path = root / _FOLDER / f"{name}.json"
        if not path.is_file():
            counts = (1 if count is None else count for count in (repeat, steps))
            plan = Plan(name, Mode(mode), store.head if at is None else at, tuple(arms), *counts)
            _require_possible(store, plan, ())
            return cls(root, plan, (), files)
        record = read_record(path)
        old = Plan.from_record(record)
        plan = replace(
            old,
            mode=Mode(mode),
            at=old.at if at is None else at,
            arms=tuple(arms) or old.arms,
            repeat=old.repeat if repeat is None else repeat,
            steps=old.steps if steps is None else steps,
        )
        _require_same(old, plan)
        _require_possible(store, plan, {old.branch(arm.name, repetition) for repetition, arm in old.branches()})
        return cls(root, plan, [Cell(**cell) for cell in record["cells"]], files)

    @property
    def path(self) -> Path:
        """The file with the plan and the results."""
        return self._store.root / _FOLDER / f"{self.plan.name}.json"

    @property
    def cells(self) -> list[Cell]:
        """The finished cells, in the order of the plan."""
        return [self._cells[key] for key in self.plan.keys() if key in self._cells]  # noqa: SIM118 (not a mapping)

    def missing(self) -> list[Key]:
        """The keys of the remaining steps; a rejected step ends its branch."""
        ended = {(cell.repetition, cell.arm) for cell in self._cells.values() if cell.status != "committed"}
        keys = list(self.plan.keys())
        return [key for key in keys if key not in self._cells and key[:2] not in ended]

    def asking(self, make: MakeGenerator) -> list[tuple[Arm, TileRequest]]:
        """An upper bound of the remaining requests: steps whose canvas is not known yet may later share answers."""
        recorded = {(cell.repetition, cell.request) for cell in self._cells.values()}
        requests = []
        for repetition, name, place in self.missing():
            arm, base = self.plan.arm(name), self._base_step(repetition, name, place)
            if base is not None:
                if self._committed_step(repetition, name, base) is not None:
                    continue
                digest = self._digest(arm, base, make(arm, repetition))
                if (repetition, digest) in recorded:
                    continue
                recorded.add((repetition, digest))
            requests.append((arm, self._request(arm, self.plan.at if base is None else base)))
        return requests

    def run(
        self,
        make: MakeGenerator,
        *,
        budget: Decimal | None = None,
        session_budget: Decimal | None = None,
        retry_ambiguous: bool = False,
        progress: Callable[[Progress], None] | None = None,
    ) -> Iterator[Cell]:
        """Make the remaining steps and yield each cell when it is durable; a second call resumes an interrupted run.

        Args:
            make: makes the generator of an arm for a repetition.
            budget: limit in USD for the experiment, over all arms and runs; None for no limit.
            session_budget: limit in USD for the session.
            retry_ambiguous: send a request with an unknown outcome again, and perhaps pay twice.
            progress: progress callback.

        Raises:
            UsageError: a branch of the experiment was moved by another command.
            PaymentError: the next request would cost more than a budget allows; nothing was sent.
            ExquisiteError: whatever `Session.step` raises; the same call goes on from there.
        """
        terms = _Terms(budget, session_budget, retry_ambiguous, progress)
        if self.missing():
            self._save()
        for key in self.missing():
            if key not in self.missing():
                continue  # its branch has ended meanwhile
            repetition, name, place = key
            arm, session = self.plan.arm(name), self._on_branch(repetition, name)
            base = self._base_step(repetition, name, place)
            assert base is not None  # places are made in order
            number = self._committed_step(repetition, name, base)
            if number is None:
                number = self._make(arm, repetition, base, make(arm, repetition), terms)
            cell = self._measured(key, session, number, base)
            self._cells[key] = cell
            self._save()
            yield cell

    # One step

    def _base_step(self, repetition: int, name: str, place: int) -> int | None:
        """The step that a step of the experiment continues; None when it does not exist yet."""
        if place == 1:
            return self.plan.at
        before = self._cells.get((repetition, name, place - 1))
        return None if before is None else before.step

    def _on_branch(self, repetition: int, name: str) -> Session:
        branch = self.plan.branch(name, repetition)
        if branch not in self._store.branches():
            Session(self._store).branch(branch, at=self.plan.at)
        return Session.open(self._store.root, branch=branch, files=self._store.files)

    def _committed_step(self, repetition: int, name: str, base: int) -> int | None:
        """The step after `base` that an interrupted run has committed; None without one."""
        branch = self.plan.branch(name, repetition)
        if branch not in self._store.branches():
            return None
        head = self._store.read_head(branch)
        if head == base:
            return None
        if self._store.steps.record(head)["parent"] != base:
            raise UsageError(
                f"branch {branch} of experiment {self.plan.name!r} is at step {head}, which does not continue step "
                f"{base}: another command moved it; begin another experiment with --name"
            )
        return head

    def _make(self, arm: Arm, repetition: int, base: int, generator: TileGenerator, terms: _Terms) -> int:
        """Make a step of `arm` on its branch, from stored answers if possible; return its number."""
        session = self._on_branch(repetition, arm.name)
        digest = self._digest(arm, base, generator)
        rejected = self._rejected_step(arm, base, digest)
        if rejected is not None:
            return rejected
        source = self._answers_for(repetition, digest)
        if source is not None:
            return session.accept(None, step=source, **arm.options.values()).step_index
        where = f"arm {arm.name}, repetition {repetition} of {self.plan.repeat}"

        def report_progress(step: Progress) -> None:
            if terms.progress is not None:
                terms.progress(replace(step, phase=f"{step.phase} ({where})"))

        spent = self._spent(self._store.steps.for_request(digest))
        try:
            result = session.step(
                self.plan.mode,
                generator,
                prompt=arm.prompt,
                budget=self._limit(terms, spent),
                retry_ambiguous=terms.retry_ambiguous,
                progress=report_progress,
                **arm.options.values(),
            )
        except PaymentError as error:
            of = "" if terms.budget is None else f" of its ${terms.budget:.2f}"
            raise PaymentError(f"{where}: {error} (this experiment has cost ${spent:.2f}{of})") from error
        return result.step_index

    def _rejected_step(self, arm: Arm, base: int, digest: str) -> int | None:
        """The rejected step of a run that was interrupted before it wrote the cell; None without one."""
        store, options = self._store, self._inputs(arm, base).options.as_dict()
        recorded = {cell.step for cell in self._cells.values()}
        for number in range(max([base, *recorded]) + 1, store.steps.last() + 1):
            if number in recorded or not store.steps.is_finished(number):
                continue
            record = store.steps.record(number)
            is_rejected_arm = record["status"] == "rejected" and record["options"] == options
            if is_rejected_arm and record["parent"] == base and self._request_of(number)[1] == digest:
                return number
        return None

    def _request_of(self, number: int) -> tuple[int, str]:
        """(number, request digest) of the step whose answers step `number` uses."""
        source = int(self._store.steps.record(number).get("accepted", {}).get("step", number))
        path = self._store.steps.folder(source) / "request.json"
        return source, str(read_record(path)["digest"]) if path.is_file() else ""

    def _answers_for(self, repetition: int, digest: str) -> int | None:
        """The step of another arm with answers to an equal request; repetitions never share answers."""
        same = (cell for cell in self._cells.values() if (cell.repetition, cell.request) == (repetition, digest))
        return next((cell.answers for cell in same), None)

    def _inputs(self, arm: Arm, base: int) -> StepInputs:
        return inputs_on(self._store, base, self.plan.mode, arm.prompt, arm.options)

    def _digest(self, arm: Arm, base: int, generator: TileGenerator) -> str:
        return request_digest(request_record(self._inputs(arm, base), base, describe(generator)))

    def _request(self, arm: Arm, base: int) -> TileRequest:
        return self._inputs(arm, base).request(arm.options.candidates, self._store.steps.last() + 1)

    def _measured(self, key: Key, session: Session, number: int, base: int) -> Cell:
        """Measure a finished step from its stored answers."""
        repetition, name, place = key
        arm = self.plan.arm(name)
        source, digest = self._request_of(number)
        derived = session.rescore(step=number, **arm.options.values())
        best = derived.choice.best
        gate, measures = None, {}
        if best is not None:
            inputs = self._inputs(arm, base)
            gate = gate_verdict(derived.examined[best], inputs)
            measures = measure(derived.examined[best], inputs)
        return Cell(
            repetition=repetition,
            arm=name,
            place=place,
            branch=self.plan.branch(name, repetition),
            step=number,
            answers=source,
            request=digest,
            status=self._store.steps.record(number)["status"],
            chosen=best,
            usd=str(self._cost([number])) if source == number else "0",
            gate=gate,
            measures=measures,
        )

    # Money and file

    def _cost(self, numbers: Sequence[int]) -> Decimal:
        """The cost of these steps' calls in USD, with calls that were perhaps billed."""
        record = json.loads(rebuilt_ledger(self._store.root, sorted(set(numbers)))[0])
        return Decimal(record["spent_usd"]) + sum(map(Decimal, record["doubtful"].values()), Decimal(0))

    def _spent(self, unfinished: int | None) -> Decimal:
        """The cost of the experiment so far in USD, with the calls of an unfinished step."""
        numbers = [cell.answers for cell in self._cells.values()]
        return self._cost(numbers if unfinished is None else [*numbers, unfinished])

    def _limit(self, terms: _Terms, spent: Decimal) -> Decimal | None:
        """The session limit in USD that enforces both budgets for the next request."""
        if terms.budget is None:
            return terms.session_budget
        ledger = Ledger(self._store.disk)
        session = ledger.spent + ledger.doubtful + sum(ledger.reserved.values(), Decimal(0))
        limit = session - spent + terms.budget
        return limit if terms.session_budget is None else min(limit, terms.session_budget)

    def _save(self) -> None:
        """Write plan and cells durably; taking the session's lock also updates the ledger from the outcomes on disk."""
        files, folder = self._store.files, self.path.parent
        record: Record = {**self.plan.as_dict(), "cells": [asdict(cell) for cell in self.cells]}
        with Session(self._store).writing():
            if not folder.is_dir():
                files.make_folder(folder)
                files.sync_folder(folder.parent)
            self._store.disk.write(self.path, seal(record))


def _require_same(old: Plan, new: Plan) -> None:
    """Check that `new` differs from `old` only by more repetitions or arms."""
    for what, was, now in (
        ("grows in", old.mode, new.mode),
        ("begins at step", old.at, new.at),
        ("has --steps", old.steps, new.steps),
        ("has arms", [arm.as_dict() for arm in old.arms], [arm.as_dict() for arm in new.arms[: len(old.arms)]]),
    ):
        if was != now:
            values = "other than these" if isinstance(was, list) else f"{was}, not {now}"
            raise UsageError(
                f"there is an experiment {old.name!r} already, and it {what} {values}: leave the option out to go "
                f"on with it, or choose another --name"
            )
    if new.repeat < old.repeat:
        raise UsageError(f"experiment {old.name!r} has {old.repeat} repetitions already: --repeat cannot take any back")


def _require_possible(store: Store, plan: Plan, ours: Sequence[str] | set[str]) -> None:
    """Check that all steps of the plan are possible, before anything is written."""
    store.require_committed(plan.at)
    store.contract.frame(plan.mode, store.canvas_box(plan.at).size)
    if store.axis not in (None, plan.mode.axis):
        raise CanvasError(
            f"{store.root} grows along {store.axis} since its first step; {plan.mode} grows along {plan.mode.axis}"
        )
    for arm in plan.arms:
        try:
            arm.options.require_fits(store.contract)
        except UsageError as error:
            raise UsageError(f"arm {arm.name}: {error}") from None
    other_branches = set(store.branches()) - set(ours)
    for repetition, arm in plan.branches():
        if (branch := plan.branch(arm.name, repetition)) in other_branches:
            raise UsageError(f"there is a branch {branch} already, of something else: choose another --name")
