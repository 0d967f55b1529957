"""A plan continues from the end of the canvas, step by step through `Session.step`, and pays once."""

from __future__ import annotations

import itertools
import os
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from exquisite import Session
from exquisite.contract import Mode
from exquisite.errors import PaymentError
from exquisite.pipeline.plan import ScrollPlan, read_plan, remaining_steps, run_plan, stop_reason
from exquisite.pipeline.verify import verify_path
from tests.support.faulty_files import QuickFiles
from tests.support.killed_plan import killed_plan
from tests.support.tiny import PRICE, TINY, InstantGenerator, PayingGenerator, grow, make_session, tree

OPTIONS = {"candidates": 1, "gate": None, "calibrate": False, "artifacts": "none"}
TWO_LINES = '[[line]]\nsteps = [1, 2]\nprompt = "one"\n[[line]]\nsteps = [3, 4]\nprompt = "two"\n'


@pytest.fixture
def session(tmp_path: Path) -> Session:
    return make_session(tmp_path / "s", files=QuickFiles())


def plan_in(folder: Path, text: str = TWO_LINES, **options: Any) -> ScrollPlan:
    (folder / "scroll.toml").write_text(text)
    return read_plan(folder / "scroll.toml", TINY, Mode.X_LTR, OPTIONS | options)


def follow(session: Session, plan: ScrollPlan, generator: Any = None, most: int = 99, **terms: Any) -> list[int]:
    """Make up to `most` steps of the plan; returns the lines that they followed."""
    run = run_plan(session, plan, generator or InstantGenerator(), **terms)
    return [planned.line for planned, _ in itertools.islice(run, most)]


def steps_of_plan(session: Session) -> list[tuple[int, int, str]]:
    """(line, step, words) of each step of the canvas, oldest first."""
    records = [record for record in session.log() if "plan" in record]
    return [(each["plan"]["line"], each["plan"]["step"], each["words"]) for each in reversed(records)]


def test_each_step_records_its_plan_and_line(session: Session, tmp_path: Path) -> None:
    plan = plan_in(tmp_path)
    assert follow(session, plan) == [1, 1, 2, 2]
    assert steps_of_plan(session) == [(1, 1, "one"), (1, 2, "one"), (2, 3, "two"), (2, 4, "two")]
    assert {record["plan"]["sha256"] for record in session.log() if "plan" in record} == {plan.sha256}
    assert follow(session, plan) == []
    assert remaining_steps(session, plan) == []
    assert verify_path(session.root).ok


@pytest.mark.invariant("ONE-PATH")
def test_a_planned_step_equals_a_step_without_a_plan(session: Session, tmp_path: Path) -> None:
    follow(session, plan_in(tmp_path))
    other = make_session(tmp_path / "other", files=QuickFiles())
    for words in ("one", "one", "two", "two"):
        grow(other, "x_ltr", prompt=words)
    assert tree(session.root / "strips") == tree(other.root / "strips")
    for ours, theirs in zip(session.log(), other.log(), strict=True):
        assert ours.get("request", {}).get("band_sha256") == theirs.get("request", {}).get("band_sha256")


def test_an_undone_step_is_made_again_and_steps_without_a_plan_do_not_count(session: Session, tmp_path: Path) -> None:
    plan = plan_in(tmp_path)
    follow(session, plan, most=2)
    session.undo()
    grow(session, "x_rtl")
    assert [planned.step for planned in remaining_steps(session, plan)] == [2, 3, 4]
    follow(session, plan)
    assert [step for _, step, _ in steps_of_plan(session)] == [1, 2, 3, 4]


def test_an_edited_plan_goes_on_behind_the_existing_steps(session: Session, tmp_path: Path) -> None:
    old = plan_in(tmp_path)
    follow(session, old, most=2)
    new = plan_in(tmp_path, '[[line]]\nsteps = [1, 3]\nprompt = "three"\n')
    follow(session, new)
    assert steps_of_plan(session) == [(1, 1, "one"), (1, 2, "one"), (1, 3, "three")]
    hashes = [record["plan"]["sha256"] for record in session.log() if "plan" in record]
    assert hashes == [new.sha256, old.sha256, old.sha256]


def test_the_gate_may_refuse_a_step_as_often_as_the_plan_says(session: Session, tmp_path: Path) -> None:
    plan = plan_in(tmp_path, f"{TWO_LINES}[stop]\nrefusals = 2\n", gate=1e-9)
    for _ in range(2):  # the same command again asks for nothing
        follow(session, plan)
        assert session.store.steps.last(0) == 2
        assert "the gate refused step 1 of the plan (line 1), times: 2" in stop_reason(session, plan)
    session.accept(0)
    assert steps_of_plan(session) == [(1, 1, "one")]
    assert stop_reason(session, plan) == ""
    assert verify_path(session.root).ok


def test_a_changed_plan_asks_a_refused_step_again(session: Session, tmp_path: Path) -> None:
    follow(session, plan_in(tmp_path, gate=1e-9))
    assert follow(session, plan_in(tmp_path, TWO_LINES.replace("one", "other"))) == [1, 1, 2, 2]


def test_it_stops_where_the_style_drifts_away(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = plan_in(tmp_path, f"{TWO_LINES}[stop]\ndrift = true\n")
    monkeypatch.setattr(
        "exquisite.pipeline.plan.run.drifting", lambda _: "contrast -9 %" if session.head == 2 else ""
    )
    assert follow(session, plan) == [1, 1]
    assert "contrast -9 %" in stop_reason(session, plan)


def test_nothing_is_sent_over_the_budget_of_the_plan(session: Session, tmp_path: Path) -> None:
    till: list[tuple[int, int]] = []
    plan = plan_in(tmp_path, f"{TWO_LINES}[stop]\nbudget = {PRICE * 3}\n")
    with pytest.raises(PaymentError):
        follow(session, plan, PayingGenerator(till), budget=Decimal(100))
    assert (session.head, len(till)) == (2, 2)


def test_redo_keeps_the_place_in_the_plan(session: Session, tmp_path: Path) -> None:
    plan = plan_in(tmp_path)
    follow(session, plan)
    branch = session.redo(3, InstantGenerator()).branch
    assert steps_of_plan(session.on_branch(branch))[2] == (2, 3, "two")


@pytest.mark.invariant("NEVER-TWICE")
@pytest.mark.invariant("HEAD-ATOMIC")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="children are forked")
def test_a_plan_killed_at_every_step_ends_as_an_undisturbed_one_and_pays_once(tmp_path: Path) -> None:
    """Every byte of the session is the same; `python -m tests.support.killed_plan FOLDER 40 40 7` kills 40 times."""
    report = killed_plan(tmp_path, steps=6, kills=6, seed=1)
    assert report == {"kills": 6, "steps": 6, "billed": 12, "problems": []}


def test_a_refusal_counts_only_at_the_end_of_the_canvas_where_it_happened(session: Session, tmp_path: Path) -> None:
    """One branch goes back behind a step of a person and is refused there; the other one keeps that step."""
    grow(session, "x_ltr")
    session.branch("kept")
    session.undo()
    plan = plan_in(tmp_path, gate=1e-9)
    follow(session, plan)
    assert "the gate refused step 1 of the plan" in stop_reason(session, plan)
    assert stop_reason(session.on_branch("kept"), plan) == ""
