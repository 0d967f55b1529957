"""Names and prompts that are not text, and terminals that cannot print them: a clear line, and no partial results."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

import pytest

from exquisite.pipeline.verify import verify_path
from tests.cli.conftest import SIZES, Cli
from tests.support.children import run_cli

ANY_BYTES = pytest.mark.skipif(os.name == "nt" or sys.platform == "darwin", reason="file names are text here")
NO_TEXT = os.fsdecode(b"caf\xe9") if os.name != "nt" else ""


@pytest.mark.parametrize("words", [[], ["--json"]])
def test_a_path_outside_the_encoding_is_printed_with_escapes(folder: Path, words: list[str]) -> None:
    """The run creates the session and succeeds."""
    run = run_cli("init", "été", "ink.png", "--contract", SIZES, *words, cwd=folder, PYTHONIOENCODING="ascii")
    assert (run.returncode, "Traceback" in run.stderr) == (0, False), run.stderr
    assert verify_path(folder / "été").ok
    if words:
        assert json.loads(run.stdout)["root"] == "été"
    else:
        assert r"\xe9t\xe9: a canvas of 64x64" in run.stdout


def test_an_error_about_a_path_outside_the_encoding_is_one_line(folder: Path) -> None:
    run = run_cli("status", "été", cwd=folder, PYTHONIOENCODING="ascii")
    assert (run.returncode, run.stderr) == (1, "exquisite: no session at \\xe9t\\xe9: make one with `init`\n")


@ANY_BYTES
def test_a_picture_with_an_undecodable_name_opens(session: Cli, folder: Path) -> None:
    shutil.copy(folder / "ink.png", folder / f"{NO_TEXT}.png")
    init = session("init", "made", f"{NO_TEXT}.png", "--contract", SIZES)
    assert init.code == 0, init.err
    step = session("step", "made", "x_ltr", "--gate", "none", "--mock-picture", f"{NO_TEXT}.png")
    assert (step.code, "Traceback" in step.err) == (0, False), step.err
    assert verify_path(folder / "made").ok


@ANY_BYTES
def test_a_session_with_an_undecodable_name_goes_on(session: Cli, folder: Path) -> None:
    """The session remembers the picture of the simulated model by a relative path."""
    words = ("--canvas", "ink.png", "--contract", SIZES, "--mock-picture", "ink.png", "--gate", "none")
    assert session("step", NO_TEXT, "x_ltr", *words).code == 0
    again = session("step", NO_TEXT, "x_ltr", "--gate", "none", "--json")
    assert again.code == 0, again.err
    assert json.loads(again.out.splitlines()[0])["step"] == 2


def test_an_undecodable_prompt_is_refused_before_anything_is_written(cli: Cli, folder: Path) -> None:
    result = cli("step", "made", "x_ltr", "--canvas", "ink.png", "--contract", SIZES, "--prompt", "caf\udce9")
    assert result.code == 2
    assert "no UTF-8 text from character 4 on" in result.err
    assert not (folder / "made").exists()
