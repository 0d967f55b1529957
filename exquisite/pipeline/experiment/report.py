"""The report of an experiment: the mean of every measure for each arm, and paired differences to the first arm.

Arms are paired by repetition: within one they start from the same canvas and, where requests are equal, share answers.
The steps of one branch depend on each other, so that each repetition contributes one value, the mean of its steps.
With a single repetition each step contributes a value, because there is no other sample.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from statistics import fmean
from typing import Any

from ..store.records import Record
from .bootstrap import Interval, bootstrap_mean
from .measures import MEASURES
from .plan import Cell, Plan

__all__ = ["ArmReport", "Difference", "Report", "report"]


@dataclass(frozen=True)
class ArmReport:
    """The results of one arm.

    Attributes:
        name: name of the arm.
        settings: settings that differ between arms.
        steps: number of finished steps.
        n: number of values in each mean: repetitions, or steps with a single repetition.
        means: mean and interval of each measure; empty without measured steps.
        asked: number of steps that sent a request; the others use the answers of another arm.
        passed: number of steps that pass the gate.
        rejected: number of steps that committed nothing.
        usd: cost of the requests.
        branches: names of its branches.
    """

    name: str
    settings: Mapping[str, Any]
    steps: int
    n: int
    means: Mapping[str, Interval]
    asked: int
    passed: int
    rejected: int
    usd: Decimal
    branches: tuple[str, ...]


@dataclass(frozen=True)
class Difference:
    """Paired difference of one measure between an arm and the first arm."""

    arm: str
    measure: str
    interval: Interval


@dataclass(frozen=True)
class Report:
    """The results of all arms, the baseline first, and every paired difference."""

    plan: Plan
    done: int
    arms: tuple[ArmReport, ...]
    differences: tuple[Difference, ...]

    @property
    def of(self) -> int:
        """Number of planned steps."""
        return sum(1 for _ in self.plan.keys())  # noqa: SIM118 (not a mapping)

    def as_dict(self) -> Record:
        """The report as JSON types."""
        return {
            "experiment": self.plan.name,
            "mode": str(self.plan.mode),
            "at": self.plan.at,
            "repeat": self.plan.repeat,
            "steps": self.plan.steps,
            "done": self.done,
            "of": self.of,
            "measures": dict(MEASURES),
            "arms": [
                {
                    "arm": arm.name,
                    "settings": dict(arm.settings),
                    "steps": arm.steps,
                    "n": arm.n,
                    "means": {name: vars(interval) for name, interval in arm.means.items()},
                    "asked": arm.asked,
                    "gate_passed": arm.passed,
                    "rejected": arm.rejected,
                    "usd": str(arm.usd),
                    "branches": list(arm.branches),
                }
                for arm in self.arms
            ],
            "differences": [
                {"arm": each.arm, "measure": each.measure, **vars(each.interval), "clear": each.interval.is_clear}
                for each in self.differences
            ],
            "usd": str(sum((arm.usd for arm in self.arms), Decimal(0))),
        }


def report(plan: Plan, cells: Sequence[Cell]) -> Report:
    """Make the report of a `plan` from its finished `cells`."""
    by_arm = {arm.name: [cell for cell in cells if cell.arm == arm.name] for arm in plan.arms}
    varying = _varying_settings(plan)
    arms = tuple(
        _arm_report(arm.name, {name: arm.settings().get(name) for name in varying}, by_arm[arm.name], plan.repeat)
        for arm in plan.arms
    )
    first = plan.arms[0].name
    differences = tuple(
        Difference(arm.name, name, bootstrap_mean(values))
        for arm in plan.arms[1:]
        for name in MEASURES
        if (values := _paired(by_arm[arm.name], by_arm[first], name, plan.repeat))
    )
    return Report(plan, len(cells), arms, differences)


def _arm_report(name: str, settings: Mapping[str, Any], cells: Sequence[Cell], repeat: int) -> ArmReport:
    """The means and totals of one arm over its `cells`, those of `repeat` repetitions."""
    measured = [cell for cell in cells if cell.measures]
    means = {}
    if measured:
        means = {
            measure: bootstrap_mean(_units([(cell, cell.measures[measure]) for cell in measured], repeat))
            for measure in MEASURES
        }
    return ArmReport(
        name=name,
        settings=settings,
        steps=len(cells),
        n=next(iter(means.values())).n if means else 0,
        means=means,
        asked=sum(cell.sent_request for cell in cells),
        passed=sum(bool(cell.gate and cell.gate["passed"]) for cell in cells),
        rejected=sum(cell.status != "committed" for cell in cells),
        usd=sum((Decimal(cell.usd) for cell in cells), Decimal(0)),
        branches=tuple(dict.fromkeys(cell.branch for cell in cells)),
    )


def _paired(ours: Sequence[Cell], theirs: Sequence[Cell], measure: str, repeat: int) -> list[float]:
    """Differences of a measure, ours minus theirs, one for each unit that both have."""
    other = {(cell.repetition, cell.place): cell.measures[measure] for cell in theirs if cell.measures}
    pairs = [
        (cell, cell.measures[measure] - other[cell.repetition, cell.place])
        for cell in ours
        if cell.measures and (cell.repetition, cell.place) in other
    ]
    return _units(pairs, repeat)


def _units(values: Sequence[tuple[Cell, float]], repeat: int) -> list[float]:
    """One value for each repetition, the mean of its steps; with a single repetition one for each step."""
    groups: dict[int, list[float]] = defaultdict(list)
    for cell, value in values:
        groups[cell.repetition if repeat > 1 else cell.place].append(value)
    return [fmean(groups[unit]) for unit in sorted(groups)]


def _varying_settings(plan: Plan) -> list[str]:
    """The settings that differ between arms, in the order of their first appearance."""
    settings = [arm.settings() for arm in plan.arms]
    names = dict.fromkeys(name for arm in settings for name in arm)
    return [name for name in names if any(arm.get(name) != settings[0].get(name) for arm in settings)]
