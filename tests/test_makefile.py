"""`make step` passes every variable on, whatever its content, and spends no money unless GENERATOR=openai is set."""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from exquisite.cli import build_parser
from tests.support.children import ROOT, clean_environment
from tests.support.generated_tables import make_variables

pytestmark = pytest.mark.skipif(not shutil.which("make"), reason="make is not installed")


class Checkout:
    """A folder with the Makefile alone, and an interpreter that writes down how it was called."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        shutil.copy(ROOT / "Makefile", folder)
        self.python = folder / "a python"
        self.python.write_text('#!/bin/sh\n[ "$1" = -c ] && exit 0\nprintf "%s\\0" "$@" > called\n')
        self.python.chmod(0o755)

    def make(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run make with the noting interpreter."""
        return subprocess.run(
            ["make", f"PYTHON={self.python}", *words],
            cwd=self.folder,
            env=clean_environment(**environment),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def called(self, *words: str, **environment: str) -> list[str]:
        """The arguments after `python -m exquisite` of a run of make."""
        process = self.make(*words, **environment)
        assert process.returncode == 0, process.stderr
        called = (self.folder / "called").read_text().split("\0")[:-1]
        assert called[:2] == ["-m", "exquisite"]
        return called[2:]

    def step(self, *words: str, **environment: str) -> argparse.Namespace:
        """The parsed arguments of `make step`."""
        return build_parser().parse_args(self.called("step", *words, **environment))


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """A checkout whose path has spaces in it."""
    return Checkout(tmp_path / "my check out")


EVERY = {
    "MODE": ["y_btt"],
    "SESSION": ["s"],
    "CANVAS": ["--canvas", "c.png"],
    "STEPS": ["--steps", "4"],
    "CLOSE": ["--close"],
    "PROMPT": ["--prompt", "words"],
    "GENERATOR": ["--generator", "openai"],
    "CANDIDATES": ["--candidates", "2"],
    "FEATHER_PX": ["--feather-px", "16"],
    "SOFTEN": ["--soften", "64"],
    "SCAFFOLD": ["--scaffold", "mirror"],
    "CUE": ["--continuation-cue"],
    "METRIC": ["--metric", "sobel_corr"],
    "GATE": ["--gate", "none"],
    "CALIBRATE": ["--no-calibrate"],
    "CONTRACT": ["--contract", "wide"],
    "STRENGTH": ["--prompt-strength", "2"],
    "ARTIFACTS": ["--artifacts", "lean"],
    "ANCHOR": ["--anchor", "0.25"],
    "PLAN": ["--plan", "my scroll.toml"],
    "REFERENCE": ["--reference", "style sheet.png"],
    "FIT": ["--fit", "pad"],
    "BRANCH": ["--branch", "night"],
    "SEED": ["--seed", "9"],
    "MOCK_DRIFT_PROFILE": ["--mock-drift-profile", "latent"],
    "MODEL": ["--model", "m"],
    "QUALITY": ["--quality", "low"],
    "COMPLEXITY": ["--complexity", "high"],
    "CALLS": ["--calls", "each"],
    "CONCURRENCY": ["--concurrency", "2"],
    "STREAM": ["--stream"],
    "SERVER": ["--server", "azure"],
    "SERVER_FILE": ["--server-file", "f.toml"],
    "FETCH_FROM": ["--fetch-from", "h.example"],
    "BASE_URL": ["--base-url", "u"],
    "KEY_FILE": ["--key-file", "k"],
    "BUDGET": ["--budget", "2.5"],
    "YES": ["--yes"],
    "DRY_RUN": ["--dry-run"],
    "RETRY_AMBIGUOUS": ["--retry-ambiguous"],
    "CASSETTE": ["--cassette", "t.json"],
    "RECORD_MODE": ["--record-mode", "once"],
    "BLOCK_NETWORK": ["--block-network"],
}
"""Each variable of `make step`, and the words that it must become."""


def test_every_variable_arrives(checkout: Checkout) -> None:
    assert set(EVERY) == make_variables()
    variables = [f"{name}={'1' if words[-1].startswith('--') else words[-1]}" for name, words in EVERY.items()]
    variables.append("CALIBRATE=0")
    words = [word for name, words in EVERY.items() if name not in ("MODE", "SESSION") for word in words]
    assert vars(checkout.step(*variables)) == vars(build_parser().parse_args(["step", "s", "y_btt", *words]))


@pytest.mark.parametrize("value", ["", "0", "no"])
def test_a_switch_that_is_off_is_off(checkout: Checkout, value: str) -> None:
    names = ("CUE", "CLOSE", "YES", "DRY_RUN", "RETRY_AMBIGUOUS", "STREAM", "BLOCK_NETWORK")
    switches = [f"{name}={value}" for name in names]
    assert vars(checkout.step("MODE=x_ltr", "SESSION=s", *switches)) == vars(checkout.step("MODE=x_ltr", "SESSION=s"))


@pytest.mark.parametrize("text", ["it's", 'a "quote"', "costs $5", "$(HOME) `id`", "a  b", "back\\slash", "100 %; #1"])
def test_words_arrive_as_they_were_typed(checkout: Checkout, text: str) -> None:
    args = checkout.step("MODE=x_ltr", f"PROMPT={text}", f"CANVAS=my pictures/{text}.png".replace("`", ""))
    assert args.prompt == text
    assert args.canvas == f"my pictures/{text}.png".replace("`", "")


def test_plus_separates_references(checkout: Checkout) -> None:
    args = checkout.step("MODE=x_ltr", "REFERENCE=seed+my style sheet.png+it's $5 *.png+map")
    assert args.references == ["seed", "my style sheet.png", "it's $5 *.png", "map"]
    (checkout.folder / "ink+wash.png").touch()
    assert checkout.step("MODE=x_ltr", "REFERENCE=ink+wash.png").references == ["ink+wash.png"]
    assert vars(checkout.step("MODE=x_ltr", "REFERENCE=")) == vars(checkout.step("MODE=x_ltr"))


def test_without_a_canvas_a_new_session_starts_from_the_demo(checkout: Checkout) -> None:
    for mode, axis in (("x_ltr", "x"), ("x_rtl", "x"), ("y_ttb", "y"), ("y_btt", "y")):
        args = checkout.step(f"MODE={mode}")
        assert (args.session, args.mode) == (f"sessions/demo-{axis}", mode)
        for path in (args.canvas, args.mock_picture):
            assert (ROOT / path).is_file()


def test_an_existing_session_goes_on_by_itself(checkout: Checkout) -> None:
    (checkout.folder / "mine").mkdir()
    args = checkout.step("MODE=x_ltr", "SESSION=mine")
    assert (args.session, args.canvas, args.mock_picture) == ("mine", None, None)


def test_a_canvas_names_its_session(checkout: Checkout) -> None:
    args = checkout.step("MODE=y_ttb", "CANVAS=my pictures/old town.v2.png")
    assert args.session == "sessions/old town.v2-y"


def test_a_replay_begins_a_session_of_its_own_each_time(checkout: Checkout) -> None:
    first = checkout.step("MODE=y_btt", "GENERATOR=replay")
    assert (first.session, first.cassette) == ("sessions/replay-y_btt-1", "fixtures/cassettes/y_btt.json")
    assert (first.canvas, first.mock_picture) == ("fixtures/cassettes/canvas.png", None)
    assert all((ROOT / path).is_file() for path in (first.cassette, first.canvas))
    (checkout.folder / first.session).mkdir(parents=True)
    again = checkout.step("MODE=y_btt", "GENERATOR=replay", EXQUISITE_CASSETTE="t.json")
    assert (again.session, again.cassette) == ("sessions/replay-y_btt-2", "t.json")
    assert checkout.step("MODE=y_btt", "GENERATOR=replay", "SESSION=s", "CASSETTE=t.json").session == "s"


def test_the_environment_can_name_a_mode_but_spend_nothing(checkout: Checkout) -> None:
    args = checkout.step(MODE="x_rtl", GENERATOR="openai", YES="1", CANDIDATES="2")
    assert (args.mode, args.generator, args.yes, args.candidates) == ("x_rtl", "mock", False, 2)


def test_a_missing_mode_or_destination_is_reported(checkout: Checkout) -> None:
    for words, message in ((["step"], "MODE=x_ltr"), (["vendor"], "DEST="), (["vendor-check"], "DEST=")):
        process = checkout.make(*words)
        assert (process.returncode, message in process.stderr) == (2, True)
    assert not (checkout.folder / "called").exists()


def test_vendoring_takes_a_destination(checkout: Checkout) -> None:
    assert checkout.called("vendor", "DEST=../some host") == ["vendor", "../some host"]
    assert checkout.called("vendor-check", "DEST=../some host") == ["vendor", "--check", "../some host"]


def test_view_and_report_take_the_session_that_changed_last(checkout: Checkout) -> None:
    process = checkout.make("view")
    assert (process.returncode, "make step" in process.stderr) == (2, True)
    (checkout.folder / "sessions" / "my old one").mkdir(parents=True)
    assert checkout.called("view", "ARGS=--no-open") == ["view", "sessions/my old one", "--no-open"]
    report = checkout.called("report")
    assert report == ["report", "sessions/my old one", "sessions/my old one.html", "--force"]
    assert checkout.called("view", "SESSION=else where") == ["view", "else where"]


def test_settings_of_the_caller_for_python_and_pip_reach_nothing(checkout: Checkout) -> None:
    checkout.python.write_text('#!/bin/sh\n[ "$1" = -c ] && exit 0\nenv > environment\n')
    settings = dict.fromkeys(("PYTHONHOME", "PYTHONPATH", "PIP_TARGET", "PIP_PREFIX"), "/nowhere")
    process = checkout.make("step", "MODE=x_ltr", **settings, PIP_USER="1", PIP_REQUIRE_VIRTUALENV="1")
    assert process.returncode == 0, process.stderr
    lines = (checkout.folder / "environment").read_text().splitlines()
    named = [line for line in lines if line.partition("=")[0] in (*settings, "PIP_USER", "PIP_REQUIRE_VIRTUALENV")]
    assert named == ["PIP_USER=0"]


def test_the_makefile_works_with_gnu_make_3_81() -> None:
    """macOS has that version: nothing that came with 3.82 or 4 may be used."""
    text = (ROOT / "Makefile").read_text("utf-8")
    for later in (r"\.ONESHELL", r"^undefine ", r"^private ", r"^\w+\s*!=", r"::=", r"&:", r"^define \S+ ="):
        assert not re.search(later, text, flags=re.MULTILINE), later
    makes = re.findall(r"(?<!\$)\$\((\w+) ", text)
    functions = {"or", "shell", "filter", "origin", "foreach", "eval", "value", "call", "if"}
    assert set(makes) <= functions


def test_bare_make_explains_itself(checkout: Checkout) -> None:
    process = checkout.make()
    assert process.returncode == 0
    assert process.stdout.startswith("make step MODE=x_ltr")
    assert not (checkout.folder / "called").exists()


class TestInstalling:
    """With an interpreter that cannot import what is needed."""

    @pytest.fixture
    def bare(self, checkout: Checkout) -> Checkout:
        """An interpreter whose probe fails, and whose installer obeys the file `pip`."""
        checkout.python.write_text(
            "#!/bin/sh\n"
            'case "$*" in\n'
            '  "-c import sys; sys.exit"*) exit 0;;\n'
            '  "-c import sys, tomllib"*) echo pillow;;\n'
            "  -c*) exit 1;;\n"
            '  "-m venv"*) mkdir -p .venv/bin; rm -f .venv/bin/python; cp inside .venv/bin/python;;\n'
            "esac\n"
        )
        inside = checkout.folder / "inside"
        inside.write_text(
            "#!/bin/sh\n"
            'case "$*" in\n'
            '  "-m pip --version") exit 0;;\n'
            '  "-m pip install"*) echo "$*" >> installs; cat says >&2 2>/dev/null; [ -e network ];;\n'
            "  -c*) exit 0;;\n"
            '  *) printf "%s\\0" "$@" > called;;\n'
            "esac\n"
        )
        inside.chmod(0o755)
        return checkout

    def test_a_failed_install_is_repeated(self, bare: Checkout) -> None:
        (bare.folder / "pyproject.toml").touch()
        failed = bare.make("step", "MODE=x_ltr")
        assert failed.returncode == 2
        assert "could not be installed" in failed.stderr
        assert not (bare.folder / "called").exists()
        (bare.folder / "network").touch()
        assert bare.make("step", "MODE=x_ltr").returncode == 0
        assert (bare.folder / "called").exists()

    def test_a_good_install_is_not_repeated(self, bare: Checkout) -> None:
        for name in ("pyproject.toml", "network"):
            (bare.folder / name).touch()
        for _ in range(2):
            assert bare.make("step", "MODE=x_ltr").returncode == 0
        assert len((bare.folder / "installs").read_text().splitlines()) == 1

    def test_a_network_failure_has_a_message_of_its_own(self, bare: Checkout) -> None:
        (bare.folder / "pyproject.toml").touch()
        for message, advice in {
            "WARNING: Retrying: NewConnectionError: [Errno 101] Network is unreachable": "index was not reached",
            "ERROR: No matching distribution found for pillow>=99": "for the reason above",
        }.items():
            (bare.folder / "says").write_text(f"{message}\n")
            process = bare.make("step", "MODE=x_ltr")
            errors = process.stderr
            assert (process.returncode, message in errors, advice in errors) == (2, True, True), errors

    def test_pip_retries_whatever_its_settings_are(self, bare: Checkout) -> None:
        """pip reports an unreachable index only where it retries: with PIP_RETRIES=0 it gives no reason."""
        for name in ("pyproject.toml", "network"):
            (bare.folder / name).touch()
        assert bare.make("step", "MODE=x_ltr", PIP_RETRIES="0").returncode == 0
        assert " --retries 2 " in (bare.folder / "installs").read_text()

    def test_a_removed_interpreter_is_installed_again(self, bare: Checkout) -> None:
        """.venv/bin/python links to a Python that an upgrade removed."""
        for name in ("pyproject.toml", "network"):
            (bare.folder / name).touch()
        assert bare.make("step", "MODE=x_ltr").returncode == 0
        inside = bare.folder / ".venv" / "bin" / "python"
        inside.unlink()
        inside.symlink_to("gone")
        process = bare.make("step", "MODE=x_ltr")
        assert process.returncode == 0, process.stderr
        assert len((bare.folder / "installs").read_text().splitlines()) == 2

    def test_a_wheelhouse_needs_no_network(self, bare: Checkout) -> None:
        for name in ("pyproject.toml", "network"):
            (bare.folder / name).touch()
        assert bare.make("step", "MODE=x_ltr", "WHEELHOUSE=my wheels").returncode == 0
        assert "--no-index --find-links my wheels" in (bare.folder / "installs").read_text()
