"""Mistakes of a new user: a helpful line or two, the right exit code, and no partial results."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from PIL import Image

from exquisite.cli import main, run
from exquisite.pipeline.session import Session
from tests.cli.conftest import SIZES, Cli, Result, everything
from tests.support.tiny import seed_picture


def assert_helpful(result: Result, code: int, *words: str) -> None:
    """A run that failed prints one or two lines with these words, no traceback, and has this exit code."""
    assert result.code == code, result.err
    assert result.out == ""
    lines = [line for line in result.err.splitlines() if not line.startswith("the simulated model")]
    assert 1 <= len(lines) <= 2, result.err
    assert lines[0].startswith("exquisite: ")
    assert "Traceback" not in result.err
    for word in words:
        assert word in result.err, result.err


class TestWords:
    @pytest.mark.parametrize(
        ("words", "message"),
        [
            ([], "VERB"),
            (["stp"], "stp"),
            (["step"], "SESSION"),
            (["step", "ink"], "MODE"),
            (["step", "ink", "left", "--canvas", "ink.png"], "use one of x_ltr, x_rtl, y_ttb, y_btt"),
            (["step", "ink", "x_ltr", "--candidate", "2"], "--candidate"),
            (["step", "ink", "x_ltr", "--canvas", "ink.png", "--candidates", "0"], "candidates must be 1 to 10"),
            (["step", "ink", "x_ltr", "--candidates", "many"], "many"),
            (["step", "ink", "x_ltr", "--gate", "high"], "give a number, or none"),
            (["step", "ink", "x_ltr", "--metric", "beauty"], "beauty"),
            (["step", "ink", "x_ltr", "--contract", "huge"], "use classic, wide, long, tall, or TILE/BAND"),
            (["step", "ink", "x_ltr", "--contract", "64/64/16/16"], "band_px=64 must be below tile_px=64"),
            (["step", "ink", "x_ltr", "--contract", "64x0/32/16/16"], "across_px=0 must be a whole number of pixels"),
            (["step", "ink", "x_ltr", "--mock-origin", "7"], "give X,Y"),
            (["step", "ink", "x_ltr", "--budget", "lots"], "such as 2.50"),
            (["step", "ink", "x_ltr", "--budget", "-1"], "-1"),
            (["step", "ink", "x_ltr", "--steps", "0"], "at least 1"),
            (["step", "ink", "x_ltr", "--generator", "dream"], "dream"),
            (["init", "ink", "ink.png", "--fit", "stretch"], "stretch"),
            (["accept", "ink", "best"], "best"),
            (["step", "ink", "x_ltr", "--canvas", "ink.png", "--prompt", "fog \udcff"], "no UTF-8 text from"),
            (["experiment", "ink", "x_ltr", "--name", "n", "--prompt", "fog \udcff"], "no UTF-8 text from"),
        ],
    )
    def test_an_unknown_word_is_named(self, cli: Cli, folder: Path, words: list[str], message: str) -> None:
        before = everything(folder)
        assert_helpful(cli(*words), 2, message)
        assert everything(folder) == before

    def test_a_budget_in_the_environment_must_be_money(self, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("EXQUISITE_BUDGET", "plenty")
        assert_helpful(cli("step", "ink", "x_ltr", "--canvas", "ink.png"), 2, "EXQUISITE_BUDGET", "plenty")


class TestPictures:
    @pytest.fixture(params=["init", "step"])
    def make(self, request: pytest.FixtureRequest, cli: Cli) -> Cli:
        """Makes a session from a picture, by either verb."""

        def run(picture: object, *words: str) -> Result:
            if request.param == "init":
                return cli("init", "made", picture, *words)
            return cli("step", "made", "x_ltr", "--canvas", picture, *words)

        return run

    @pytest.fixture(autouse=True)
    def _no_partial_session(self, folder: Path) -> object:
        yield
        assert not (folder / "made").exists()

    def test_a_missing_file(self, make: Cli) -> None:
        assert_helpful(make("nothing.png"), 1, "there is no file nothing.png")

    def test_a_text_file_named_png(self, make: Cli, folder: Path) -> None:
        (folder / "notes.png").write_text("buy milk")
        assert_helpful(make("notes.png"), 1, "notes.png", "not a supported picture")

    def test_an_empty_file(self, make: Cli, folder: Path) -> None:
        (folder / "empty.png").touch()
        assert_helpful(make("empty.png"), 1, "empty.png is empty (0 bytes)")

    def test_a_folder(self, make: Cli, folder: Path) -> None:
        assert_helpful(make("."), 1, "is a folder")

    def test_a_damaged_picture(self, make: Cli, folder: Path) -> None:
        (folder / "cut.png").write_bytes((folder / "ink.png").read_bytes()[:200])
        assert_helpful(make("cut.png"), 1, "cut.png: the PNG is damaged")

    def test_too_narrow_a_picture(self, make: Cli) -> None:
        Image.new("RGB", (10, 64)).save("narrow.png")
        assert_helpful(make("narrow.png", "--contract", SIZES), 1, "--fit pad, or --axis y")

    def test_a_simulated_picture_that_is_missing(self, cli: Cli) -> None:
        words = ("--canvas", "ink.png", "--contract", SIZES, "--mock-picture", "gone.png")
        assert_helpful(cli("step", "made", "x_ltr", *words), 1, "there is no file gone.png")


@pytest.mark.parametrize(("mode", "edge"), [("RGB", 300), ("RGBA", 64), ("I;16", 64), ("CMYK", 64)])
def test_a_picture_of_another_size_or_mode_is_fitted_and_reported(cli: Cli, mode: str, edge: int) -> None:
    name = "odd.tif" if mode == "CMYK" else "odd.png"
    seed_picture(edge, edge).convert("L" if mode == "I;16" else mode).convert(mode).save(name)
    result = cli("init", "odd", name, "--contract", SIZES, "--json")
    assert (result.code, result.data[0]["canvas_size"]) == (0, [64, 64])
    assert result.data[0]["changes"]


class TestSessions:
    @pytest.mark.parametrize("words", [["step", "none", "x_ltr"], ["status", "none"], ["export", "none", "n.png"]])
    def test_a_missing_session(self, cli: Cli, folder: Path, words: list[str]) -> None:
        before = everything(folder)
        assert_helpful(cli(*words), 1, "none")
        assert everything(folder) == before

    def test_a_step_without_a_session_says_how_to_make_one(self, cli: Cli) -> None:
        assert_helpful(cli("step", "none", "x_ltr"), 1, "--canvas PICTURE")

    @pytest.mark.parametrize("words", [["status", "ink.png"], ["init", "ink.png", "ink.png", "--contract", SIZES]])
    def test_a_session_path_that_is_a_file(self, cli: Cli, folder: Path, words: list[str]) -> None:
        before = everything(folder)
        assert_helpful(cli(*words), 1, "ink.png")
        assert everything(folder) == before

    @pytest.mark.invariant("AXIS-FIXED")
    @pytest.mark.skipif(os.name == "nt", reason="Windows has no device without end")
    @pytest.mark.parametrize(
        ("words", "code", "message"),
        [
            (["--plan", "/dev/zero"], 2, "/dev/zero cannot be read: File too large"),
            (["--generator", "openai", "--server-file", "/dev/zero"], 2, "/dev/zero cannot be read: File too large"),
            (["--generator", "openai", "--key-file", "/dev/zero"], 2, "/dev/zero cannot be read: File too large"),
            (["--generator", "replay", "--cassette", "/dev/zero"], 8, "/dev/zero is a device or a pipe"),
        ],
    )
    def test_an_endless_device(self, session: Cli, words: list[str], code: int, message: str) -> None:
        assert_helpful(session("step", "ink", "x_ltr", *words, "--dry-run"), code, message)

    def test_a_step_along_the_other_axis(self, session: Cli, folder: Path) -> None:
        session("step", "ink", "x_ltr", "--gate", "none")
        before = everything(folder)
        assert_helpful(session("step", "ink", "y_ttb"), 1, "use x_ltr or x_rtl", "grows along x")
        assert everything(folder) == before

    def test_an_unknown_branch_step_or_candidate(self, session: Cli, folder: Path) -> None:
        session("step", "ink", "x_ltr", "--gate", "none")
        before = everything(folder)
        assert_helpful(session("status", "ink", "--branch", "night"), 2, "night")
        assert_helpful(session("branch", "ink", "night", "--at", "77"), 2, "77")
        assert_helpful(session("branch", "ink", "../night"), 2, "night")
        assert_helpful(session("accept", "ink", "7"), 2, "7")
        assert_helpful(session("rescore", "ink", "--step", "9"), 2, "9")
        assert everything(folder) == before

    @pytest.mark.invariant("ONE-WRITER")
    def test_two_runs_at_once(self, session: Cli, folder: Path) -> None:
        before = everything(folder)
        with Session.open(folder / "ink").writing():
            assert_helpful(session("step", "ink", "x_ltr"), 7, "ink")
            assert session("status", "ink").code == 0
        assert everything(folder) == before

    def test_a_damaged_session(self, session: Cli, folder: Path) -> None:
        (folder / "ink" / "HEAD").write_text("a step")
        assert_helpful(session("status", "ink"), 7, "HEAD")

    @pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
    def test_an_unwritable_folder(self, cli: Cli, folder: Path) -> None:
        (folder / "shut").mkdir(mode=0o500)
        assert_helpful(cli("init", "shut/ink", "ink.png", "--contract", SIZES), 1, "shut")

    def test_a_folder_below_a_file(self, cli: Cli, folder: Path) -> None:
        before = everything(folder)
        assert_helpful(cli("init", "ink.png/ink", "ink.png", "--contract", SIZES), 1, "ink.png")
        assert everything(folder) == before


class TestFaults:
    """What nobody foresaw still ends in one line."""

    @pytest.mark.parametrize(
        ("error", "code", "message"),
        [
            (KeyboardInterrupt(), 130, "interrupted"),
            (PermissionError(13, "Permission denied", "somewhere"), 1, "somewhere: Permission denied"),
            (OSError("odd"), 1, "odd"),
            (MemoryError(), 1, "out of memory"),
            (ZeroDivisionError("by zero"), 1, "a fault of this program (ZeroDivisionError: by zero)"),
        ],
    )
    def test_an_exception_becomes_one_line(
        self, session: Cli, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int, message: str
    ) -> None:
        def fail(*_: object) -> None:
            raise error

        monkeypatch.setattr(Session, "status", fail)
        assert_helpful(session("status", "ink"), code, message)

    def test_a_traceback_can_be_asked_for(self, session: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(*_: object) -> None:
            raise ZeroDivisionError

        monkeypatch.setattr(Session, "status", fail)
        monkeypatch.setenv("EXQUISITE_TRACEBACK", "1")
        with pytest.raises(ZeroDivisionError):
            session("status", "ink")

    def test_a_closed_pipe_ends_the_run_without_a_traceback(
        self, session: Cli, monkeypatch: pytest.MonkeyPatch, folder: Path
    ) -> None:
        with (folder / "pipe").open("w") as pipe, monkeypatch.context() as patch:
            patch.setattr(sys, "stdout", pipe)
            patch.setattr(Session, "status", lambda _: (_ for _ in ()).throw(BrokenPipeError()))
            assert main(["status", "ink"]) == 1
        assert run.INTERRUPTED == 130
