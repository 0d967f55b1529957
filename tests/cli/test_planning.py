"""`step --plan`: the table of all steps with prices, one consent, and the same command after an interruption."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from tests.support.emulator import EMULATOR_KEY, Emulator

from .conftest import SIZES, Cli, Result, everything

SCROLL = """\
prompt = "a harbour"
[[line]]
steps = [1, 2]
references = ["seed", "map"]
[[line]]
steps = [3, 3]
prompt = "the market"
scaffold = "ink.png"
candidates = 2
"""


@pytest.fixture
def run_plan(cli: Cli, folder: Path) -> Cli:
    """`step ink x_ltr --plan scroll.toml`, the session made when it is not there."""
    (folder / "scroll.toml").write_text(SCROLL)
    words = ["--canvas", "ink.png", "--contract", SIZES, "--gate", "none", "--plan", "scroll.toml"]
    return lambda *more: cli("step", "ink", "x_ltr", *words, *more)


@pytest.fixture
def buy_plan(run_plan: Cli, endpoint: Emulator, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """The same with the real client."""
    monkeypatch.setenv("OPENAI_API_KEY", EMULATOR_KEY)
    return lambda *more: run_plan("--generator", "openai", "--base-url", endpoint.base_url, *more)


def steps_of(result: Result) -> list[int]:
    return [entry["step"] for entry in result.data]


def test_a_plan_makes_each_of_its_steps_once(run_plan: Cli, instant: None) -> None:
    result = run_plan("--json")
    assert (result.code, steps_of(result)) == (0, [1, 2, 3])
    assert "step 3 of 3 of the plan, line 2" in result.err
    again = run_plan()
    assert (again.code, "the plan has no step left" in again.out) == (0, True)


def test_a_dry_run_prints_every_step_with_its_price_and_changes_nothing(buy_plan: Cli, folder: Path) -> None:
    before = everything(folder)
    result = buy_plan("--dry-run")
    assert (result.code, everything(folder)) == (0, before)
    assert "plan scroll: 3 steps, 3 remaining" in result.out
    assert "seed+map" in result.out
    data = buy_plan("--dry-run", "--json").data[0]
    assert [(one["step"], one["line"]) for one in data["steps"]] == [(1, 1), (2, 1), (3, 2)]
    total = sum(Decimal(one["worst_case_usd"]) for one in data["steps"])
    assert Decimal(data["worst_case_usd"]) == total > 0


def test_the_price_of_the_whole_is_its_ceiling(buy_plan: Cli, endpoint: Emulator) -> None:
    most = Decimal(buy_plan("--dry-run", "--json").data[0]["worst_case_usd"])
    assert buy_plan("--yes").code == 0
    assert endpoint.arrivals == 3
    assert 0 < endpoint.billed_usd <= most
    edits = [call.edit for call in endpoint.calls]
    assert [len(edit.references) for edit in edits if edit] == [2, 2, 0]
    assert [edit.fields["n"] for edit in edits if edit] == ["3", "3", "2"]


@pytest.mark.parametrize("where", ["the plan", "the command"])
def test_a_budget_below_the_price_of_the_plan_is_reported_first(
    buy_plan: Cli, endpoint: Emulator, folder: Path, where: str
) -> None:
    first, *_ = (Decimal(one["estimate_usd"]) for one in buy_plan("--dry-run", "--json").data[0]["steps"])
    assert "budget" not in buy_plan("--dry-run", "--budget", "100").out
    budget = str(first * 3 / 2)
    if where == "the plan":
        (folder / "scroll.toml").write_text(f"{SCROLL}[stop]\nbudget = {budget}\n")
    words = ["--budget", budget] if where == "the command" else []
    assert "which covers about 1 of 3 steps" in buy_plan("--dry-run", *words).out
    result = buy_plan("--yes", *words)
    assert (result.code, "which covers about 1 of 3 steps" in result.err) == (4, True)
    assert endpoint.billed_usd <= Decimal(budget)


def test_the_same_command_resumes_an_interrupted_plan(buy_plan: Cli, endpoint: Emulator) -> None:
    endpoint.restart(["ok", "moderation_blocked"])
    assert buy_plan("--yes").code == 5
    result = buy_plan("--yes", "--json")
    assert (result.code, len(result.data)) == (0, 2)
    assert sum(call.status == 200 for call in endpoint.calls) == 3


def test_a_bad_plan_makes_no_session(run_plan: Cli, folder: Path) -> None:
    (folder / "scroll.toml").write_text("[[line]]\nsteps = [2, 3]\ncandidates = 0\n")
    before = everything(folder)
    result = run_plan()
    assert (result.code, everything(folder)) == (2, before)
    assert "line 1: candidates must be 1 to 10" in result.err
    assert "no line holds step 1" in result.err
    (folder / "scroll.toml").write_text(SCROLL)
    assert "omit --steps" in run_plan("--steps", "2").err
    assert "run the closing step after it" in run_plan("--close").err


def test_a_refusal_stops_the_plan(run_plan: Cli, instant: None) -> None:
    result = run_plan("--gate", "0.000001")
    assert result.code == 3
    assert "the gate refused step 1 of the plan (line 1), times: 1" in result.err
    assert run_plan("--gate", "0.000001").code == 3


@pytest.mark.parametrize(("prompt", "cell"), [("x" * 32, "x" * 32), ("x" * 33, "x" * 29 + "...")])
def test_a_long_prompt_is_cut_in_the_table(run_plan: Cli, folder: Path, prompt: str, cell: str) -> None:
    (folder / "scroll.toml").write_text(f'[[line]]\nsteps = [1, 1]\nprompt = "{prompt}"\n')
    assert cell in run_plan("--dry-run").out.split()
