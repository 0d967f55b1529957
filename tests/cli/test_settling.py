"""Calls in doubt on the command line: status, settle, and the message after Ctrl-C."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.cli.conftest import SIZES, Cli
from tests.support.emulator import EMULATOR_KEY, Emulator


@pytest.fixture
def buy(cli: Cli, endpoint: Emulator, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """`step ink x_ltr --yes` with the real client, and no gate."""
    monkeypatch.setenv("OPENAI_API_KEY", EMULATOR_KEY)
    words = ["--canvas", "ink.png", "--contract", SIZES, "--gate", "none", "--generator", "openai", "--yes"]
    return lambda *more: cli("step", "ink", "x_ltr", *words, "--base-url", endpoint.base_url, *more)


def test_a_call_in_doubt_is_listed_and_settled_and_the_step_resumes(
    buy: Cli, cli: Cli, endpoint: Emulator
) -> None:
    endpoint.restart(["status:500,unbilled"])
    assert buy().code == 9
    status = cli("status", "ink", "--budget", "2").out
    assert re.search(r"^perhaps billed +\$\d", status, flags=re.MULTILINE)
    assert re.search(r"^in doubt +step 1 call 0 \(`settle`", status, flags=re.MULTILINE)
    assert re.search(r"^budget left .*of \$2.00", status, flags=re.MULTILINE)
    assert "the same command goes on with it, with --retry-ambiguous or after `settle`" in status
    assert cli("settle", "ink", 1, 0, "--reason", "nothing").code == 2
    result = cli("settle", "ink", 1, 0, "--not-billed", "--reason", "not on the usage page", "--json")
    assert (result.code, result.data[0]["in_doubt"], result.data[0]["spent_usd"]) == (0, [], "0")
    assert "in doubt" not in cli("status", "ink").out
    assert (buy().code, endpoint.arrivals) == (0, 2)
    assert cli("settle", "ink", 1, 0, "--billed", "--reason", "late").code == 2


def test_an_estimate_is_shown_as_one(buy: Cli, cli: Cli, endpoint: Emulator) -> None:
    endpoint.restart(["usage_zero"])
    assert buy().code == 0
    assert "of what was spent: the server did not say what it cost" in cli("status", "ink").out


def test_an_interruption_reports_whether_the_same_command_resumes(
    buy: Cli, cli: Cli, endpoint: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("exquisite.api.connection.Connection.send", interrupt)
        result = buy()
    assert result.code == 130
    assert "may have been billed (step 1, call 0)" in result.err
    assert "--retry-ambiguous" in result.err
    assert buy().code == 9
    assert (buy("--retry-ambiguous").code, endpoint.arrivals) == (0, 1)
    with monkeypatch.context() as patch:
        patch.setattr("exquisite.pipeline.session.conclude", interrupt)
        result = buy()
    assert (result.code, "the same command continues from the stored answers" in result.err) == (130, True)
    assert (buy().code, endpoint.arrivals) == (0, 2)


def test_an_interruption_before_the_session_exists_is_reported(
    cli: Cli, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("exquisite.cli.growing.Session.create", interrupt)
    result = cli("init", "ink", "ink.png")
    assert (result.code, "interrupted" in result.err) == (130, True)
