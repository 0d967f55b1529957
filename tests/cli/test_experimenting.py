"""The verb experiment: arms from options, one table, and no step made twice."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from exquisite import StepOptions
from exquisite.cli import run
from exquisite.cli.arms import arms_from
from exquisite.errors import UsageError
from exquisite.pipeline.experiment.plan import Arm
from tests.cli.conftest import SIZES, Cli, Result, everything
from tests.support.emulator import EMULATOR_KEY, Emulator

Made = Callable[..., list[Arm]]
QUICK = ("--candidates", 1, "--no-calibrate", "--artifacts", "none")


def arms(*words: str) -> list[Arm]:
    """The arms of a command, by the parser that serves every command of a process."""
    args = run._parser_for("exquisite").parse_args(["experiment", "ink", "x_ltr", "--name", "n", *words])
    assert isinstance(args, argparse.Namespace)
    return arms_from(args)


class TestArms:
    def test_a_matrix_is_every_combination(self) -> None:
        matrix = arms("--vary", "feather_px=0,16", "--vary", "calibrate=true,false", "--candidates", "2")
        assert [arm.name for arm in matrix] == ["1", "2", "3", "4"]
        assert [(arm.options.feather_px, arm.options.calibrate) for arm in matrix] == [
            (0, True), (0, False), (16, True), (16, False),
        ]  # fmt: skip
        assert {(arm.options.candidates, arm.options.gate) for arm in matrix} == {(2, None)}

    def test_named_arms_set_what_they_name(self) -> None:
        base, soft = arms("--arm", "base", "--arm", "soft,metric=sobel_corr,gate=1.5,continuation_cue=yes")
        assert (base.name, base.options) == ("base", StepOptions(gate=None))
        assert soft.options == StepOptions(metric="sobel_corr", gate=1.5, continuation_cue=True)

    def test_pictures_and_shares_are_set_by_the_names_of_the_command_line(self) -> None:
        one, other = arms(
            "--arm", "one,references=seed+style.png,anchor=0.25", "--arm", "other,scaffold=sketch.png,soften=8"
        )
        assert one.options == StepOptions(gate=None, references=("seed", "style.png"), anchor=0.25)
        assert other.options == StepOptions(gate=None, scaffold_fill="sketch.png", soften_px=8)
        assert [arm.options.references for arm in arms("--vary", "references=none,map")] == [(), ("map",)]

    def test_the_soft_mask_and_a_cut_inside_the_seed_picture_are_settings(self) -> None:
        hard, mask = arms("--soften", "8", "--arm", "hard", "--arm", "mask,soft_mask=true,soften_seed=true")
        assert hard.options == StepOptions(gate=None, soften_px=8)
        assert mask.options == StepOptions(gate=None, soften_px=8, soft_mask=True, soften_seed=True)
        assert [arm.options.soften_px for arm in arms("--vary", "soften=0,8")] == [0, 8]

    def test_a_prompt_takes_the_rest_of_its_arm_and_a_clause_follows_the_prompt(self) -> None:
        pair = arms(
            "--prompt", "a town", "--arm", "feather_px=8,prompt=roofs, fine ink", "--arm", "clause=at night, a=b"
        )
        assert [arm.prompt for arm in pair] == ["roofs, fine ink", "a town at night, a=b"]
        assert pair[0].options.feather_px == 8

    def test_bars_separate_the_prompts_to_vary(self) -> None:
        assert [arm.prompt for arm in arms("--vary", "prompt=|roofs, ink|trees")] == ["", "roofs, ink", "trees"]

    def test_named_arms_and_a_matrix_multiply(self) -> None:
        matrix = arms("--arm", "a", "--arm", "b,feather_px=8", "--vary", "calibrate=true,false")
        assert [arm.name for arm in matrix] == ["a-1", "a-2", "b-1", "b-2"]

    def test_an_arm_may_set_its_generator(self) -> None:
        mock, real, tape = arms(
            "--arm", "mock_drift=0.2,seed=5",
            "--arm", "generator=openai,quality=high",
            "--arm", "generator=replay,cassette=a.json",
        )  # fmt: skip
        assert mock.generator == {"generator": "mock", "seed": 5, "mock_drift": 0.2}
        assert (real.generator["generator"], real.generator["quality"]) == ("openai", "high")
        assert "seed" not in real.generator
        assert tape.generator["cassette"] == "a.json"

    @pytest.mark.parametrize(
        ("words", "message"),
        [
            (["--arm", "a,b"], "'b' is not a setting"),
            (["--arm", "colour=1"], "unknown setting 'colour' of an arm: use one of"),
            (["--arm", "feather_px=wide"], "feather_px=wide is not a whole number"),
            (["--arm", "calibrate=maybe"], "calibrate=maybe is neither true nor false"),
            (["--arm", "candidates=99"], "candidates must be 1 to 10"),
            (["--arm", "feather_px=1,feather_px=2"], "feather_px is set twice"),
            (["--arm", "generator=oracle"], "unknown generator 'oracle'"),
            (["--arm", "model=gpt-image-2"], "model has no effect on the generator mock"),
            (["--arm", "generator=openai,calls=some"], "calls=some: use batch or each"),
            (["--arm", "bad name"], "bad name 'bad name' of an arm"),
            (["--vary", "feather_px"], "not a setting: write KEY=VALUE,VALUE"),
            (["--vary", "seed=1,2", "--vary", "seed=3"], "two --vary name the same setting"),
            (["--arm", "a,seed=1", "--vary", "seed=1,2"], "seed is set by --vary and by an arm"),
        ],
    )
    def test_an_invalid_arm_is_refused_with_a_reason(self, words: list[str], message: str) -> None:
        with pytest.raises(UsageError, match=message):
            arms(*words)


class TestRun:
    @pytest.fixture
    def result(self, session: Cli) -> Any:
        """A small experiment, done."""
        plan_arms = ("--arm", "base", "--arm", "soft,feather_px=8", "--arm", "roofs,prompt=roofs, ink")
        return session("experiment", "ink", "x_ltr", "--name", "f", *QUICK, *plan_arms, "--repeat", 2)

    def test_it_ends_with_a_table_of_arms_and_differences(self, result: Any, folder: Path) -> None:
        assert result.code == 0, result.err
        head, _, titles, *rows = result.out.splitlines()
        assert head == "experiment f: x_ltr from the seed picture, 3 arms, 2 repetitions of 1 step; 6 of 6 done"
        assert titles.split()[:3] == ["arm", "settings", "n"]
        assert [row.split()[:2] for row in rows[:3]] == [
            ["base", "feather_px=0"], ["soft", "feather_px=8"], ["roofs", "feather_px=0"],
        ]  # fmt: skip
        assert "paired differences to arm base" in result.out
        assert "6 steps to make, 4 requests to send at most" in result.err
        assert (folder / "ink/experiments/f.json").is_file()
        assert "next: " in result.err
        assert "--branch exp-f-" in result.err

    def test_the_same_name_again_only_shows_the_table(self, result: Any, session: Cli, folder: Path) -> None:
        before = everything(folder)
        again = session("experiment", "ink", "x_ltr", "--name", "f")
        assert (again.code, again.out) == (0, result.out)
        assert "no step is missing" in again.err
        assert everything(folder) == before

    def test_the_session_stays_whole_and_its_canvas_stays(self, result: Any, session: Cli) -> None:
        assert session("verify", "ink").code == 0
        (status,) = session("status", "ink", "--json").data
        assert (status["head"], status["canvas_size"]) == (0, [64, 64])
        names = ("base", "base-2", "roofs", "roofs-2", "soft", "soft-2")
        assert status["branches"] == [f"exp-f-{name}" for name in names]

    def test_json_has_the_same_values_as_the_table(self, result: Any, session: Cli) -> None:
        (data,) = session("experiment", "ink", "x_ltr", "--name", "f", "--json").data
        assert (data["done"], data["of"], [arm["asked"] for arm in data["arms"]]) == (6, 6, [2, 0, 2])
        assert {each["arm"] for each in data["differences"]} == {"soft", "roofs"}

    def test_a_damaged_record_is_found_by_verify(self, result: Any, session: Cli, folder: Path) -> None:
        path = folder / "ink/experiments/f.json"
        path.write_bytes(path.read_bytes().replace(b"exp-f-base", b"exp-f-bass"))
        report = session("verify", "ink")
        assert report.code == 7
        assert "experiments/f.json" in report.out
        assert session("experiment", "ink", "x_ltr", "--name", "f").code == 7

    def test_it_begins_at_the_head_of_a_branch_or_at_an_earlier_step(self, session: Cli) -> None:
        assert session("step", "ink", "x_ltr", *QUICK, "--gate", "none").code == 0
        assert session("branch", "ink", "side", "--at", 0).code == 0
        words = ("experiment", "ink", "x_ltr", "--arm", "a", *QUICK, "--json")
        assert session(*words, "--name", "main").data[0]["at"] == 1
        assert session(*words, "--name", "side", "--branch", "side").data[0]["at"] == 0
        assert session(*words, "--name", "early", "--at", 0).data[0]["at"] == 0

    def test_repetitions_of_the_simulated_model_have_seeds_of_their_own(
        self, session: Cli, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from tests.support.tiny import InstantGenerator

        seeds = []

        def generator(**knobs: Any) -> InstantGenerator:
            seeds.append((knobs["seed"], knobs["drift"], knobs["misbehave"]))
            return InstantGenerator()

        monkeypatch.setattr("exquisite.api.mock.MockTileGenerator", generator)
        arm = "a,seed=7,mock_drift=0.25,mock_misbehave=blur"
        assert session("experiment", "ink", "x_ltr", "--name", "s", "--arm", arm, "--repeat", 3, *QUICK).code == 0
        assert seeds == [(7, 0.25, "blur"), (8, 0.25, "blur"), (9, 0.25, "blur")]

    @pytest.mark.parametrize(
        ("words", "message"),
        [
            (["--name", "n"], "has nothing to compare"),
            (["--name", "a/b", "--arm", "a"], "bad name 'a/b' of an experiment"),
            (["--name", "n", "--arm", "a", "--at", "9"], "step 9"),
            (["--name", "n", "--arm", "a,feather_px=99"], "arm a: feather_px 99 is wider"),
            (["--name", "n", "--arm", "a", "--repeat", "0"], "--repeat must be at least 1, not 0"),
            (["--arm", "a"], "required: --name"),
        ],
    )
    def test_bad_input_is_refused_before_anything_is_written(
        self, session: Cli, folder: Path, words: list[str], message: str
    ) -> None:
        before = everything(folder)
        result = session("experiment", "ink", "x_ltr", *words)
        assert (result.code, result.out) == (2, "")
        assert message in result.err
        assert everything(folder) == before


class TestPaying:
    @pytest.fixture
    def buy(self, cli: Cli, endpoint: Emulator, monkeypatch: pytest.MonkeyPatch) -> Cli:
        """An experiment of two different requests with the real client."""
        monkeypatch.setenv("OPENAI_API_KEY", EMULATOR_KEY)
        assert cli("init", "ink", "ink.png", "--contract", SIZES).code == 0
        words = ["experiment", "ink", "x_ltr", "--name", "p", *QUICK, "--vary", "prompt=roofs|trees"]

        def run(*more: object) -> Result:
            return cli(*words, "--generator", "openai", "--base-url", endpoint.base_url, *more)

        return run

    def test_nothing_is_sent_or_written_without_consent(self, buy: Cli, endpoint: Emulator, folder: Path) -> None:
        before = everything(folder)
        result = buy()
        assert (result.code, endpoint.arrivals) == (4, 0)
        assert "--yes" in result.err
        assert everything(folder) == before

    def test_a_dry_run_shows_arms_and_cost(self, buy: Cli, endpoint: Emulator, folder: Path) -> None:
        before = everything(folder)
        result = buy("--dry-run")
        assert (result.code, endpoint.arrivals) == (0, 0)
        assert "prompt=trees" in result.out
        assert "2 requests for about $" in result.out
        assert everything(folder) == before

    def test_a_budget_stops_between_arms_and_a_higher_one_goes_on(self, buy: Cli, endpoint: Emulator) -> None:
        (data,) = buy("--dry-run", "--json").data
        one = Decimal(data["worst_case_usd"]) / 2
        result = buy("--yes", "--budget", "0")
        assert (result.code, endpoint.arrivals) == (4, 0)
        result = buy("--yes", "--budget", f"{one:f}")
        assert endpoint.arrivals in (1, 2)
        result = buy("--yes", "--budget", f"{2 * one:f}", "--json")
        assert (result.code, endpoint.arrivals) == (0, 2), result.err
        (data,) = result.data
        assert all(Decimal(arm["usd"]) > 0 for arm in data["arms"])
