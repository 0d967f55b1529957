"""The verb redo."""

from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import Cli, everything


def test_redo_reports_every_later_step(session: Cli) -> None:
    for mode in ("x_ltr", "x_rtl"):
        assert session("step", "ink", mode, "--gate", "none", "--candidates", "1").code == 0
    result = session("redo", "ink", "--step", "1", "--json")
    (data,) = result.data
    assert (result.code, data["branch"], data["status"], data["step"]) == (0, "redo-1", "committed", 3)
    assert [one["step"] for one in data["offered"]] == [2]
    assert "next: exquisite export ink redo-1.png --branch redo-1" in result.err
    again = session("redo", "ink", "--step", "1")
    assert "branch redo-1 already has a new step 1; --as NAME makes another one" in again.out
    other = session("redo", "ink", "--step", "1", "--as", "night", "--prompt", "night")
    assert "branch night: step 1 is step " in other.out


def test_a_refusal_of_the_gate_has_its_exit_code(session: Cli) -> None:
    assert session("step", "ink", "x_ltr", "--gate", "none", "--candidates", "1").code == 0
    result = session("redo", "ink", "--step", "1", "--gate", "0.0001")
    assert result.code == 3
    assert "step 1 was not glued: the gate refused" in result.out


def test_a_dry_run_writes_nothing(session: Cli, folder: Path) -> None:
    assert session("step", "ink", "x_ltr", "--gate", "none", "--candidates", "1").code == 0
    before = everything(folder)
    result = session("redo", "ink", "--step", "1", "--prompt", "night", "--dry-run", "--json")
    assert (result.code, result.data[0]["step"], result.data[0]["dry_run"]) == (0, 2, True)
    assert result.data[0]["prompt"].endswith("night")
    assert everything(folder) == before


def test_a_missing_step_is_a_usage_error(session: Cli) -> None:
    result = session("redo", "ink", "--step", "5")
    assert (result.code, "step 5 is not on the canvas" in result.err) == (2, True)
