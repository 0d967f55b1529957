"""Streams, the progress line, and the name under which the program is called."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from exquisite.__main__ import main as entry_point
from exquisite.cli import output as output_module
from exquisite.cli.output import Output, ProgressLine, command_name, package_name, short_name, table
from exquisite.pipeline.step import Progress
from tests.support.children import run_cli, run_python


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


class TestProgressLine:
    def test_is_redrawn_on_a_terminal_and_gone_at_the_end(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(output_module, "_TICK_S", 0.001)
        err = Terminal()
        with ProgressLine(Output(out=io.StringIO(), err=err)) as line:
            line(Progress(3, 2, 3, "examining", 1.0))
            while err.getvalue().count("step 3, candidate 2 of 3: examining") < 3:
                pass
        assert "\n" not in err.getvalue()
        assert err.getvalue().endswith("\r" + " " * 99 + "\r")

    def test_is_one_line_a_phase_elsewhere(self) -> None:
        err = io.StringIO()
        with ProgressLine(Output(out=io.StringIO(), err=err)) as line:
            for candidate in (1, 1, 2):
                line(Progress(3, candidate, 2, "answered", 1.0))
            line(Progress(3, 0, 2, "waiting 12 s", 1.0))
        assert [text.rpartition(" (")[0] for text in err.getvalue().splitlines()] == [
            "step 3, candidate 1 of 2: answered",
            "step 3, candidate 2 of 2: answered",
            "step 3: waiting 12 s",
        ]

    def test_shows_a_fraction_only_where_it_can_be_redrawn(self) -> None:
        plain, terminal = io.StringIO(), Terminal()
        for err in (plain, terminal):
            with ProgressLine(Output(out=io.StringIO(), err=err), "export") as line:
                line.fraction("writing", 0.25)
        assert plain.getvalue().startswith("export: writing (")
        assert "export: writing 25 % (" in terminal.getvalue()

    def test_is_silent_when_asked(self) -> None:
        for err in (Terminal(), io.StringIO()):
            with ProgressLine(Output(quiet=True, out=io.StringIO(), err=err)) as line:
                line(Progress(1, 1, 1, "asking", 0.0))
            assert err.getvalue() == ""

    @pytest.mark.parametrize("quiet", [False, True])
    def test_prints_an_urgent_message_whole_on_a_line_of_its_own(self, quiet: bool) -> None:
        message = "the disk is full: " + 200 * "x"
        for err in (Terminal(), io.StringIO()):
            with ProgressLine(Output(quiet=quiet, out=io.StringIO(), err=err)) as line:
                line(Progress(3, 0, 3, message, 1.0, urgent=True))
            assert f"step 3: {message}\n" in err.getvalue()

    def test_draws_nothing_on_a_dumb_terminal(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("TERM", "dumb")
        assert not Output(err=Terminal()).animated

    def test_shows_long_times_in_minutes(self, monkeypatch: pytest.MonkeyPatch) -> None:
        err = io.StringIO()
        with ProgressLine(Output(out=io.StringIO(), err=err)) as line:
            monkeypatch.setattr(line, "_start", line._start - 125)
            line(Progress(1, 1, 1, "asking", 0.0))
        assert err.getvalue() == "step 1, candidate 1 of 1: asking (2 min 5 s)\n"


class TestAsking:
    @pytest.mark.parametrize("answer", ["y\n", "Yes\n", "n\n", "\n", "", "maybe\n"])
    def test_only_yes_is_yes(self, monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
        terminal = Terminal(answer)
        monkeypatch.setattr(sys, "stdin", terminal)
        err = Terminal()
        output = Output(out=io.StringIO(), err=err)
        assert output.can_ask
        assert output.ask("pay?") is (answer.lower().strip() in ("y", "yes"))
        assert "pay? [y/N] " in err.getvalue()

    def test_nobody_can_be_asked_without_a_terminal(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
        assert not Output(err=Terminal()).can_ask


class TestNames:
    def test_an_installed_program_is_called_by_its_name(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "argv", ["/somewhere/bin/exquisite"])
        assert short_name() == command_name() == "exquisite"

    def test_a_module_is_called_with_the_interpreter_that_runs_it(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setattr(sys, "argv", ["/checkout/exquisite/__main__.py"])
        monkeypatch.setenv("PATH", str(tmp_path))
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "executable", str(tmp_path / ".venv/bin/python"))
        assert command_name() == ".venv/bin/python -m exquisite"
        monkeypatch.setattr(sys, "executable", "/opt/my python/bin/python")
        assert command_name() == "'/opt/my python/bin/python' -m exquisite"
        assert (short_name(), package_name()) == ("python -m exquisite", "exquisite")

    def test_an_interpreter_on_the_path_is_called_by_its_name(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        python = tmp_path / "python3"
        python.touch(mode=0o755)
        monkeypatch.setattr(sys, "argv", ["-m"])
        monkeypatch.setenv("PATH", str(tmp_path))
        monkeypatch.setattr(sys, "executable", str(python))
        assert command_name() == "python3 -m exquisite"


def test_a_table_is_aligned() -> None:
    assert table([["model", "n"], ["a", 10], ["longer", ""]]) == "model   n\na       10\nlonger"


class TestEntryPoint:
    def test_runs_the_command_line(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        monkeypatch.setattr(sys, "argv", ["exquisite", "models", "--json"])
        assert entry_point() == 0
        assert '"default": true' in capsys.readouterr().out

    @pytest.mark.parametrize("version", ["12.2.1", "9.5", None])
    def test_refuses_an_old_or_missing_pillow(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], version: str | None
    ) -> None:
        stand_in = None if version is None else SimpleNamespace(__version__=version)
        monkeypatch.setitem(sys.modules, "PIL", stand_in)
        assert entry_point() == 1
        assert f"needs Pillow 12.3 or newer, and finds {version or '0.0'}" in capsys.readouterr().err


class TestSeparateProcess:
    def test_help_and_version(self) -> None:
        assert run_cli("--help").stdout.startswith("usage: ")
        assert run_cli("--version").stdout.startswith("exquisite 0.")

    def test_an_error_is_one_line_and_its_code(self, tmp_path: Path) -> None:
        result = run_cli("status", "nowhere", cwd=tmp_path)
        assert (result.returncode, result.stdout, result.stderr.count("\n")) == (1, "", 1)

    def test_no_httpx_is_loaded_for_the_simulated_model(self, tmp_path: Path) -> None:
        code = "import sys; from exquisite.__main__ import main; main(); print('httpx' in sys.modules)"
        assert run_python(code, "models", cwd=tmp_path).stdout.endswith("\nFalse\n")

    @pytest.mark.parametrize("finds", ["0.0", "11.3.0"])
    def test_a_missing_or_old_pillow_is_reported(self, tmp_path: Path, finds: str) -> None:
        stand_in = "raise ImportError" if finds == "0.0" else f"__version__ = {finds!r}"
        (tmp_path / "PIL").mkdir()
        (tmp_path / "PIL" / "__init__.py").write_text(stand_in)
        code = "import sys; sys.path.insert(0, sys.argv.pop(1)); from exquisite.__main__ import main; sys.exit(main())"
        result = run_python(code, str(tmp_path), "--help")
        assert (result.returncode, result.stdout) == (1, "")
        assert f"this needs Pillow 12.3 or newer, and finds {finds}" in result.stderr
