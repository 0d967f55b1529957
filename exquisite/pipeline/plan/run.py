"""Runs a plan: finds the next step, checks the stop conditions, and makes each step by `Session.step`.

The progress of a plan is read from the records of the canvas: each step of a plan records the plan's name, the hash of
its file, its line and its number within the plan. The same command therefore continues after any interruption, an
undone step is made again, and a plan that was edited continues after the existing steps.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Unpack

from ...api.generator import TileGenerator
from ...contract import Mode
from ...geometry.measures.trend import drifting
from ..session import Session
from ..step import StepOptions, StepResult, StepTerms
from ..store.records import Record
from .document import ScrollPlan

__all__ = ["PlannedStep", "remaining_steps", "run_plan", "stop_reason"]


@dataclass(frozen=True)
class PlannedStep:
    """A remaining step of a plan.

    Attributes:
        step: its number within the plan, from 1.
        line: the number of its line.
        mode, prompt, options: arguments of `Session.step`.
    """

    step: int
    line: int
    mode: Mode
    prompt: str
    options: StepOptions


def remaining_steps(session: Session, plan: ScrollPlan) -> list[PlannedStep]:
    """The steps of `plan` that are not on the canvas yet, in order."""
    return [_planned(session, plan, step) for step in range(_steps_made(session, plan) + 1, plan.steps + 1)]


def stop_reason(session: Session, plan: ScrollPlan) -> str:
    """The reason why the plan stops at the end of the canvas; "" while it continues."""
    step = _steps_made(session, plan) + 1
    refusals = _refusals(session, plan, step)
    if step <= plan.steps and refusals >= plan.stop.refusals:
        return (
            f"the gate refused step {step} of the plan (line {plan.line_of(step).number}), times: {refusals}; accept a "
            f"candidate, or change the plan, and run the same command again"
        )
    if plan.stop.drift:
        for mode, trends in session.trends().items():
            if drift := drifting(trends):
                return f"the style drifts away from the seed picture in {mode}: {drift}"
    return ""


def run_plan(
    session: Session, plan: ScrollPlan, generator: TileGenerator, **terms: Unpack[StepTerms]
) -> Iterator[tuple[PlannedStep, StepResult]]:
    """Make the remaining steps of `plan`, and yield each with its result, until its end or a stop condition.

    Args:
        terms: as for `Session.step`; the budget of the plan counts, too.

    Raises:
        ExquisiteError: raised by `Session.step`; the same call continues from there.
    """
    limits = [limit for limit in (terms.get("budget"), plan.stop.budget) if limit is not None]
    while (step := _steps_made(session, plan) + 1) <= plan.steps and not stop_reason(session, plan):
        planned = _planned(session, plan, step)
        result = session.step(
            planned.mode,
            generator,
            prompt=planned.prompt,
            plan={"name": plan.name, "sha256": plan.sha256, "line": planned.line, "step": step},
            **planned.options.values(),
            **(terms | StepTerms(budget=min(limits, default=None))),
        )
        yield planned, result


def _planned(session: Session, plan: ScrollPlan, step: int) -> PlannedStep:
    line = plan.line_of(step)
    return PlannedStep(step, line.number, line.mode, line.prompt, line.options_of(step, session.contract))


def _steps_made(session: Session, plan: ScrollPlan) -> int:
    """The number of steps of the plan on the canvas."""
    follows = (record["plan"] for record in session.log() if "plan" in record)
    return next((int(each["step"]) for each in follows if each["name"] == plan.name), 0)


def _refusals(session: Session, plan: ScrollPlan, step: int) -> int:
    """The number of refusals by the gate of a step of the current plan at the current end of the canvas."""
    store, head = session.store, session.head
    numbers = range(head + 1, store.steps.last(head) + 1)
    records = [store.steps.record(number) for number in numbers if store.steps.is_finished(number)]
    return sum(_is_refusal(record, plan, step) for record in records if record["parent"] == head)


def _is_refusal(record: Record, plan: ScrollPlan, step: int) -> bool:
    follows = record.get("plan", {})
    ours = (follows.get("name"), follows.get("sha256"), follows.get("step")) == (plan.name, plan.sha256, step)
    return ours and record["status"] == "rejected"
