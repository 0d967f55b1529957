"""The report of an experiment: pairs by repetition, means by arm, intervals that say what is known."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal

import pytest

from exquisite import Mode, StepOptions
from exquisite.pipeline.experiment.measures import MEASURES
from exquisite.pipeline.experiment.plan import Arm, Cell, Plan
from exquisite.pipeline.experiment.report import report

PLAIN = StepOptions(gate=None)


def plan(repeat: int = 1, steps: int = 1) -> Plan:
    plan_arms = (Arm("a", PLAIN), Arm("b", replace(PLAIN, feather_px=4), "words"))
    return Plan("n", Mode.X_LTR, 0, plan_arms, repeat, steps)


def cell(arm: str, seam: float, *, repetition: int = 1, place: int = 1, **changes: object) -> Cell:
    """A cell whose every measure is 0, but for its seam."""
    number = 1000 * repetition + 10 * place + ord(arm)
    whole = Cell(
        repetition=repetition,
        arm=arm,
        place=place,
        branch=f"exp-n-{arm}",
        step=number,
        answers=number,
        request="digest",
        status="committed",
        chosen=0,
        usd="0.25",
        gate={"passed": seam < 2},
        measures={**dict.fromkeys(MEASURES, 0.0), "seam": seam},
    )
    return replace(whole, **changes)  # type: ignore[arg-type]


def seams(cells: list[Cell], repeat: int = 1, steps: int = 1) -> tuple[float, float | None, float | None, int]:
    """The paired difference of the seam, as (mean, low, high, pairs)."""
    summary = report(plan(repeat, steps), cells)
    (each,) = (each for each in summary.differences if each.measure == "seam")
    return each.interval.mean, each.interval.low, each.interval.high, each.interval.n


def test_a_constant_difference_has_an_exact_interval_however_the_arms_vary() -> None:
    levels = [1.0, 7.0, 3.0]
    cells = [cell("a", level, repetition=r) for r, level in enumerate(levels, 1)]
    cells += [cell("b", level + 0.5, repetition=r) for r, level in enumerate(levels, 1)]
    assert seams(cells, repeat=3) == (0.5, 0.5, 0.5, 3)


def test_only_cells_of_both_arms_are_paired() -> None:
    cells = [cell("a", 1.0, repetition=1), cell("a", 9.0, repetition=2), cell("b", 2.0, repetition=1)]
    assert seams(cells, repeat=2) == (1.0, None, None, 1)


def test_with_repetitions_the_steps_of_a_branch_are_one_value() -> None:
    cells = [cell(arm, 1.0, repetition=r, place=p) for arm in "ab" for r in (1, 2) for p in (1, 2, 3)]
    assert seams(cells, repeat=2, steps=3) == (0.0, 0.0, 0.0, 2)


def test_with_one_repetition_each_step_is_a_value() -> None:
    cells = [cell(arm, 1.0 if arm == "a" else 1.0 + p, place=p) for arm in "ab" for p in (1, 2, 3)]
    mean, low, high, pairs = seams(cells, steps=3)
    assert (mean, low, high, pairs) == (2.0, 1.0, 3.0, 3)


def test_an_arm_adds_up_its_money_its_gate_and_its_refusals() -> None:
    cells = [
        cell("a", 1.0, repetition=1),
        cell("a", 3.0, repetition=2),
        cell("a", 1.0, repetition=3, answers=7, usd="0"),
        cell("a", 1.0, repetition=4, status="rejected", measures={}, gate=None, usd="0.10"),
    ]
    arm, other = report(plan(4), cells).arms
    assert (arm.steps, arm.n, arm.asked, arm.passed, arm.rejected) == (4, 3, 3, 2, 1)
    assert arm.usd == Decimal("0.60")
    assert arm.means["seam"].mean == pytest.approx(5 / 3)
    assert (other.steps, other.n, dict(other.means), other.usd) == (0, 0, {}, Decimal(0))


def test_an_arm_is_described_by_the_settings_that_differ() -> None:
    first, second = report(plan(), []).arms
    assert first.settings == {"feather_px": 0, "prompt": ""}
    assert second.settings == {"feather_px": 4, "prompt": "words"}


def test_a_report_is_json_and_names_its_measures() -> None:
    summary = report(plan(2), [cell(arm, 1.0) for arm in "ab"])
    data = json.loads(json.dumps(summary.as_dict()))
    assert (data["done"], data["of"], data["usd"]) == (2, 4, "0.50")
    assert set(data["measures"]) == {each["measure"] for each in data["differences"]} == set(MEASURES)
    assert data["arms"][0]["means"]["seam"]["mean"] == 1.0


def test_a_plan_is_restored_from_its_record() -> None:
    assert Plan.from_record(json.loads(json.dumps(plan(2, 3).as_dict()))) == plan(2, 3)
