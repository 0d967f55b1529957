"""The panorama tables: what the document shows is what the program renders, and the record is of these arms."""

import json
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from PIL import Image

from exquisite.api.mock.drift import Drift, redraw
from exquisite.contract import CLASSIC, Mode
from tests.benchmarks import panorama, panorama_runs, panorama_table
from tests.benchmarks.known_pictures import NAMES
from tests.support.documents import RESULTS, marked, read


@pytest.fixture(scope="module")
def recorded() -> dict[str, Any]:
    result: dict[str, Any] = json.loads(panorama.RESULT.read_text(encoding="utf-8"))
    return result


@pytest.mark.parametrize(
    ("document", "render"),
    [(RESULTS, panorama_table.render), ("README.md", panorama_table.render_headline)],
)
def test_the_document_shows_the_last_run(recorded: dict[str, Any], document: str, render: Callable[..., str]) -> None:
    table = marked(read(document), "bench-panorama").strip("\n")
    assert table == render(recorded), "run `python -m tests.benchmarks.panorama --write`"


def test_the_record_is_of_these_runs(recorded: dict[str, Any]) -> None:
    assert all(set(arms) == set(panorama_runs.ARMS) for arms in recorded["arms"].values())
    assert recorded["runs"] == [run.name for run in panorama_runs.RUNS]
    assert recorded["steps"] == len(panorama_runs.RUNS) * panorama_runs.STEPS
    assert {run.mode for run in panorama_runs.RUNS} == {"x_ltr", "x_rtl", "y_ttb", "y_btt"}


@pytest.mark.parametrize("contract", ["long", "tall"])
def test_a_rectangular_contract_grows_a_picture_as_well_as_the_classic_one(
    contract: str, recorded: dict[str, Any]
) -> None:
    """Nowhere worse by more than two standard errors of the difference, which chance exceeds one time in forty."""
    own, classic, error = (recorded["contracts"][contract][of] for of in ("own", "classic", "error"))
    assert own["calibrated"] <= classic["calibrated"] + 2 * error["calibrated"]
    assert own["psnr"] >= classic["psnr"] - 2 * error["psnr"]
    for measure in ("contrast", "sharpness"):
        assert abs(1 - own[measure]) <= abs(1 - classic[measure]) + 2 * error[measure]


_LARGEST = {"calibrated": 0.015, "psnr": 0.5, "contrast": 0.005, "sharpness": 0.03}


def test_the_errors_of_the_comparison_are_small(recorded: dict[str, Any]) -> None:
    error = {name: max(recorded["contracts"][each]["error"][name] for each in ("long", "tall")) for name in _LARGEST}
    assert all(error[name] <= most for name, most in _LARGEST.items()), error


def test_calibration_holds_what_the_record_says(recorded: dict[str, Any]) -> None:
    arms = recorded["arms"]["shift, zoom, tone, blur, noise"]
    assert arms["calibrated"]["to natural"] <= 1.40
    assert arms["calibrated + feather"]["to natural"] <= 1.15
    assert arms["calibrated + feather"]["psnr"] >= arms["calibrated"]["psnr"] - 0.1
    assert arms["calibrated"]["psnr"] > arms["as it came + feather"]["psnr"] + 5


def row(run: str, step: int, better: int) -> dict[str, Any]:
    arm = {"residual": 1.2, "psnr": 30.0, "strip psnr": 28.0, "colour": 0.5, "contrast": 1.0, "sharpness": 0.9}
    candidates = [
        {
            "psnr": 30.0 + (k == better),
            "half psnr": 31.0 - k,
            "residual": 1.0,
            "applied": True,
            "metrics": {"primary": -abs(k - 1.0)},
        }
        for k in range(3)
    ]
    return {
        "run": run,
        "warped": run.startswith("b"),
        "step": step,
        "natural": 1.0,
        "chosen": 1,
        "arms": {name: dict(arm) for name in panorama_runs.ARMS},
        "calibrated candidates": candidates,
        "raw candidates": candidates,
    }


def test_the_summary_counts_right_choices_and_pairs() -> None:
    rows = [row("a x_ltr", 1, 1), row("a x_ltr", 2, 2), row("b y_ttb", 1, 1), row("b y_ttb", 2, 1)]
    result = panorama_table.summarise(rows)
    assert result["choice"]["calibrated"]["primary"]["best"] == 0.75
    assert result["three against one"]["raw"]["psnr"] == [0.75, 0.5, 1.0]
    assert result["arms"]["the same and a local warp"]["calibrated"]["to natural"] == 1.2
    assert json.loads(json.dumps(result)) == result
    assert "| calibrated + feather | 1.20 | 1.20 | 1.00 | 30.0 | 28.0 |" in panorama_table.render(result)


def test_trial_steps_count_the_best_choices_and_the_nearly_best() -> None:
    """The primary metric chooses the second candidate: best, .05, .4 and 1 dB below the best."""
    rows = [row("a x_ltr", step, 1) for step in range(1, 5)]
    for one, behind in zip(rows, (0.0, 0.05, 0.4, 1.0), strict=True):
        one["calibrated candidates"][2]["psnr"] = 31.0 + behind
    result = panorama_table.trial_figures(rows)
    assert (result["best"], result["alike"], result["close"]) == (0.25, 0.5, 0.75)
    assert (result["psnr"], result["possible"]) == (31.0, 31.3625)
    assert result["ceiling"] == 0
    rows[3]["calibrated candidates"][2]["half psnr"] = 32.0
    assert panorama_table.trial_figures(rows)["ceiling"] == 0.25
    recorded = {**panorama_table.summarise(rows), "trials": result}
    assert "On 4 more steps of 1 pictures" in panorama_table.render(recorded)
    assert "the least error 25% of the time" in panorama_table.render_headline(recorded)


def test_trial_steps_are_of_every_picture_and_of_none_that_anything_was_chosen_on() -> None:
    trials = panorama_runs.TRIALS()
    assert sum(run.steps for run in trials) >= 256
    assert {run.picture for run in trials} == set(NAMES)
    assert {run.mode for run in trials} == set(Mode)
    assert not {run.seed for run in trials} & {run.seed for run in panorama_runs.RUNS}


def test_each_contract_is_compared_with_the_first_on_the_same_pictures() -> None:
    rows = [
        {**row(run, step, 1), "contract": contract}
        for contract, runs, steps in (("classic", "ab", 2), ("long", "a", 1))
        for run in runs
        for step in range(1, steps + 1)
    ]
    rows[-1]["arms"]["calibrated"]["residual"] = 0.9
    result = panorama_table.compared(rows)
    assert [(of["pictures"], of["steps"]) for of in result.values()] == [(2, 2), (1, 1)]
    assert (result["long"]["own"]["calibrated"], result["long"]["classic"]["calibrated"]) == (0.9, 1.2)
    assert (result["classic"]["error"]["calibrated"], result["long"]["error"]["calibrated"]) == (0, math.inf)
    recorded = {**panorama_table.summarise(rows), "contracts": result}
    assert "| `long` | 1 | 1 | 1.20 · 1.20 ± inf | 0.900 · 1.200 ± inf |" in panorama_table.render(recorded)


def test_the_contracts_grow_the_same_length_of_the_same_pictures() -> None:
    runs = panorama_runs.COMPARED()
    assert {run.mode for run in runs} == {"x_ltr", "x_rtl", "y_ttb", "y_btt"}
    assert {run.length_px for run in runs} == {1984}
    assert {run.contract: run.steps for run in runs} == {"classic": 7, "long": 1, "tall": 2}
    of_contract = {name: {run.picture for run in runs if run.contract == name} for name in panorama_runs.CONTRACTS}
    assert of_contract["tall"] < of_contract["long"] == of_contract["classic"]


def test_the_candidates_of_a_step_drift_alike_whatever_was_chosen_before() -> None:
    run = panorama_runs.RUNS[0]
    first, second = (panorama.candidate_drifts(run, step) for step in (1, 2))
    assert len(set(first + second)) == 6
    assert panorama.candidate_drifts(run, 1) == first
    assert {max(abs(x) for x in drift.shift) <= 1.6 * 8 for drift in first + second} == {True}


def test_a_tile_twice_as_large_drifts_twice_as_far() -> None:
    run = panorama_runs.RUNS[0]
    tall = replace(run, contract="tall")
    doubled = [drift.scaled(2) for drift in panorama.candidate_drifts(run, 1)]
    assert panorama.candidate_drifts(tall, 1) == doubled


def test_the_oracle_undoes_shift_and_tone() -> None:
    truth = Image.linear_gradient("L").resize(CLASSIC.tile_size("x_ltr")).convert("RGB")
    drift = Drift(cast=(6, -6, 0), gamma=1.1)
    back = panorama._undone(redraw(truth, (0, 0, *CLASSIC.tile_size("x_ltr")), drift), drift)
    assert back.getpixel((700, 512)) == pytest.approx(truth.getpixel((700, 512)), abs=1)
