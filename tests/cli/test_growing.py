"""The verbs that change a session, from arguments to pixels."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from PIL import Image

from exquisite import Session
from exquisite.contract import Mode
from exquisite.pipeline.step import StepOptions
from tests.cli.conftest import SIZES, Cli, everything, wide_picture
from tests.support.generators import Truth
from tests.support.tiny import InstantGenerator, seed_picture


class TestInit:
    def test_makes_a_session_and_suggests_the_next_command(self, cli: Cli, folder: Path) -> None:
        result = cli("init", "ink", "ink.png", "--contract", SIZES)
        assert (result.code, result.out) == (0, "ink: a canvas of 64x64\n")
        assert "next: exquisite step ink x_ltr" in result.err
        assert Session.open(folder / "ink").canvas_size == (64, 64)

    def test_reports_the_changes_to_the_picture(self, cli: Cli) -> None:
        Image.new("LA", (100, 128), (0, 127)).save("grey.png")
        result = cli("init", "grey", "grey.png", "--contract", SIZES, "--json")
        changes = ["converted from L to RGB", "flattened its transparency on white", "scaled from 100x128 to 50x64"]
        assert result.data[0]["changes"] == changes
        for change in changes:
            assert change in result.err

    def test_fits_the_picture_to_the_axis_of_the_option(self, cli: Cli) -> None:
        Image.new("RGB", (128, 64)).save("wide.png")
        assert cli("init", "x", "wide.png", "--contract", SIZES, "--json").data[0]["canvas_size"] == [128, 64]
        result = cli("init", "y", "wide.png", "--contract", SIZES, "--axis", "y", "--json")
        assert result.data[0]["canvas_size"] == [64, 32]
        assert "next: exquisite step y y_ttb" in result.err

    def test_refuses_an_existing_path(self, session: Cli, folder: Path) -> None:
        before = everything(folder)
        result = session("init", "ink", "ink.png", "--contract", SIZES)
        assert result.code == 1
        assert "ink" in result.err
        assert everything(folder) == before


class TestStep:
    @pytest.mark.invariant("GROWTH-EXACT")
    @pytest.mark.parametrize("mode", Mode)
    def test_grows_the_canvas_in_every_mode(self, session: Cli, mode: Mode) -> None:
        result = session("step", "ink", mode, "--gate", "none", "--json")
        (data,) = result.data
        assert (result.code, data["status"], data["step"]) == (0, "committed", 1)
        assert data["canvas_size"] == ([80, 64] if mode.axis == "x" else [64, 80])
        assert len(data["scores"]) == StepOptions().candidates

    @pytest.mark.parametrize(("mode", "sizes"), [("x_ltr", [[104, 48], [160, 48]]), ("y_btt", [[48, 104], [48, 160]])])
    def test_grows_by_a_rectangle(self, cli: Cli, mode: str, sizes: list[list[int]]) -> None:
        words = ["--canvas", "ink.png", "--gate", "none", "--candidates", "1", "--json", "--contract"]
        for size in sizes:
            assert cli("step", "ink", mode, *words, "96x48/32/16/56").data[0]["canvas_size"] == size
        refused = cli("step", "ink", mode, *words, "96/32/16/56")
        assert (refused.code, "96x48/32/16/56" in refused.err) == (2, True)

    def test_asks_the_simulated_model_itself(self, cli: Cli) -> None:
        words = ("--canvas", "ink.png", "--contract", SIZES, "--gate", "none", "--candidates", "1", "--json")
        result = cli("step", "ink", "y_btt", *words)
        assert (result.code, result.data[0]["canvas_size"]) == (0, [64, 80])
        assert "no key, no network, no cost" in result.err

    def test_prints_results_to_one_stream_and_the_rest_to_the_other(self, session: Cli) -> None:
        result = session("step", "ink", "x_ltr", "--gate", "none", "--candidates", "1")
        assert result.out.startswith("step 1 committed: candidate 0 of 1, the canvas is 80x64 now\n")
        assert "look: ink/steps/000001/seam_after_feather.png" in result.err
        assert "next: exquisite export ink ink.png" in result.err
        assert "\r" not in result.err

    def test_quiet_leaves_the_result_alone(self, session: Cli) -> None:
        result = session("step", "ink", "x_ltr", "--gate", "none", "--quiet")
        assert result.out.startswith("step 1 committed")
        assert result.err == ""

    def test_takes_several_steps(self, session: Cli) -> None:
        result = session("step", "ink", "x_rtl", "--steps", "3", "--gate", "none", "--candidates", "1", "--json")
        assert [data["canvas_size"] for data in result.data] == [[80, 64], [96, 64], [112, 64]]

    def test_ends_with_its_own_code_where_the_gate_refuses(self, session: Cli) -> None:
        result = session("step", "ink", "x_ltr", "--steps", "3", "--gate", "0.000001", "--json")
        assert result.code == 3
        assert [data["status"] for data in result.data] == ["rejected"]
        assert result.data[0]["canvas_size"] == [64, 64]
        values = [score["primary"] for score in result.data[0]["scores"]]
        assert f"next: exquisite accept ink {values.index(max(values))}\n" in result.err

    def test_without_a_gate_a_vetoed_candidate_is_glued_by_hand_alone(
        self, session: Cli, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        flat = Truth(seed_picture(200, 200), (0, 0), lambda tile, _: Image.new("RGB", tile.size))
        monkeypatch.setattr("exquisite.api.mock.MockTileGenerator", lambda **_: flat)
        result = session("step", "ink", "x_ltr", "--gate", "none", "--candidates", "1", "--no-calibrate")
        assert result.code == 3
        assert "nothing is glued, since every candidate is vetoed: candidate 0 (" in result.out
        assert "next: exquisite accept ink 0" in result.err
        assert session("accept", "ink", "0", "--json").data[0]["canvas_size"] == [80, 64]

    def test_creates_a_missing_session_from_a_canvas(self, cli: Cli, instant: None, folder: Path) -> None:
        words = ("step", "deep/ink", "x_ltr", "--canvas", "ink.png", "--contract", SIZES, "--gate", "none")
        assert "new session deep/ink from ink.png, 64x64" in cli(*words).err
        again = cli(*words)
        assert (again.code, "new session" in again.err) == (0, False)
        assert Session.open(folder / "deep" / "ink").canvas_size == (96, 64)

    def test_fits_that_canvas_to_the_axis_of_the_mode(self, cli: Cli, instant: None) -> None:
        Image.new("RGB", (128, 90)).save("wide.png")
        result = cli("step", "wide", "y_ttb", "--canvas", "wide.png", "--contract", SIZES, "--gate", "none", "--json")
        assert result.data[0]["canvas_size"] == [64, 45 + 16]

    def test_never_continues_a_session_of_another_picture(self, session: Cli, folder: Path) -> None:
        (folder / "other").mkdir()
        seed_picture(80, 64).save("other/ink.png")
        before = everything(folder)
        result = session("step", "ink", "x_ltr", "--canvas", "other/ink.png")
        assert result.code == 2
        assert "made from another picture (ink.png): name another SESSION" in result.err
        assert everything(folder) == before

    def test_never_continues_with_another_contract(self, session: Cli) -> None:
        result = session("step", "ink", "x_ltr", "--contract", "classic")
        assert result.code == 2
        assert "64/32/16/16" in result.err

    def test_remembers_the_picture_that_the_simulated_model_redraws(self, cli: Cli, folder: Path) -> None:
        wide = wide_picture(folder / "wide.png")
        with Image.open(wide) as picture:
            picture.crop((150, 150, 214, 214)).save("crop.png")
        words = ["--canvas", "crop.png", "--mock-picture", "wide.png", "--mock-origin", "150,150", "--contract", SIZES]
        words += ["--candidates", "1"]
        first = cli("step", "s", "x_ltr", *words, "--gate", "none")
        assert "the simulated model redraws wide.png with drift" in first.err
        again = cli("step", "s", "x_ltr", "--gate", "none", "--candidates", "1")
        assert "the simulated model redraws wide.png with drift" in again.err
        wide.unlink()
        assert "wide.png, which the simulated model redrew so far, is missing" in cli("step", "s", "x_ltr").err

    def test_passes_every_option_on(self, session: Cli, folder: Path) -> None:
        words = "--candidates 2 --feather-px 4 --no-calibrate --gate none --metric sobel_corr --scaffold mirror"
        words += " --continuation-cue --prompt-strength 2 --artifacts lean"
        assert session("step", "ink", "x_ltr", "--prompt", "ink, fine lines", *words.split()).code == 0
        (record,) = Session.open(folder / "ink").log(1)
        options = StepOptions(2, 4, False, None, "sobel_corr", "mirror", True, 2, "lean")
        assert (record["options"], record["words"]) == (options.as_dict(), "ink, fine lines")

    def test_shows_the_request_and_writes_nothing_on_a_dry_run(self, session: Cli, folder: Path) -> None:
        before = everything(folder)
        result = session("step", "ink", "x_ltr", "--dry-run", "--prompt", "towers")
        assert result.code == 0
        assert result.out.startswith("step 1 in x_ltr: 3 candidates of 64x64\n")
        assert "towers" in result.out
        assert everything(folder) == before

    def test_a_dry_run_needs_no_session(self, cli: Cli, folder: Path) -> None:
        before = everything(folder)
        assert cli("step", "new", "x_ltr", "--canvas", "ink.png", "--contract", SIZES, "--dry-run").code == 0
        assert everything(folder) == before


class TestLaterDecisions:
    @pytest.fixture
    def rejected_session(self, session: Cli) -> Cli:
        """A session whose step 1 the gate refused."""
        assert session("step", "ink", "x_ltr", "--gate", "0.000001").code == 3
        return session

    def test_accept_glues_what_the_gate_refused(self, rejected_session: Cli) -> None:
        result = rejected_session("accept", "ink", "2", "--json")
        assert (result.code, result.data[0]["status"], result.data[0]["chosen"]) == (0, "committed", 2)
        assert result.data[0]["canvas_size"] == [80, 64]

    def test_agreement_counts_what_a_person_accepted(self, rejected_session: Cli) -> None:
        before = rejected_session("log", "ink", "--agreement")
        assert "no candidate was accepted by hand yet" in before.err
        rejected_session("accept", "ink", "1")
        agreement = rejected_session("log", "ink", "--agreement", "--json").data[0]
        assert agreement["primary"]["asked"] == 1

    def test_rescore_changes_nothing(self, rejected_session: Cli, folder: Path) -> None:
        before = everything(folder)
        result = rejected_session("rescore", "ink", "--gate", "none", "--metric", "sobel_corr")
        assert result.code == 0
        assert result.out.startswith("candidate  primary")
        assert "nothing was changed" in result.out
        assert everything(folder) == before

    def test_undo_takes_back_and_ends_at_the_seed(self, rejected_session: Cli) -> None:
        rejected_session("accept", "ink", "0")
        assert rejected_session("undo", "ink").out == "the canvas ends with the seed picture again: 64x64\n"
        result = rejected_session("undo", "ink")
        assert (result.code, "nothing to undo" in result.err) == (2, True)

    def test_a_branch_grows_by_itself(self, rejected_session: Cli) -> None:
        rejected_session("accept", "ink", "0")
        assert rejected_session("branch", "ink", "night", "--at", "0").out == "branch night begins at step 0\n"
        result = rejected_session("step", "ink", "x_rtl", "--branch", "night", "--gate", "none", "--json")
        assert result.data[0]["canvas_size"] == [80, 64]
        assert rejected_session("status", "ink", "--json").data[0]["axis"] == "x"
        assert "branches    night; following HEAD" in rejected_session("status", "ink").out
        status = rejected_session("status", "ink", "--branch", "night", "--json").data[0]
        assert status["head"] == result.data[0]["step"]


def test_interrupting_a_step_leaves_a_session_that_goes_on(
    session: Cli, monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    def interrupt(*_: object) -> None:
        signal.raise_signal(signal.SIGINT)

    with monkeypatch.context() as patch:
        patch.setattr(InstantGenerator, "generate", interrupt)
        result = session("step", "ink", "x_ltr")
    assert result.code == 130
    assert "interrupted" in result.err
    assert session("step", "ink", "x_ltr", "--gate", "none").code == 0
    assert Session.open(folder / "ink").canvas_size == (80, 64)
