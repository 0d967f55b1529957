"""The real client from the command line, against the emulator: questions, payments, recordings and exit codes."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from tests.cli.conftest import SIZES, Cli, Result, everything
from tests.support.emulator import EMULATOR_KEY, Emulator
from tests.support.tiny import seed_picture


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def buy(cli: Cli, endpoint: Emulator, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """`step ink MODE` with the real client, a key in the environment, and no gate."""
    monkeypatch.setenv("OPENAI_API_KEY", EMULATOR_KEY)
    words = ["--canvas", "ink.png", "--contract", SIZES, "--gate", "none", "--generator", "openai"]

    def run(*more: object) -> Result:
        return cli("step", "ink", "x_ltr", *words, "--base-url", endpoint.base_url, *more)

    return run


@pytest.fixture
def type_lines(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Terminal]:
    """Simulates a person who types these lines at a terminal; returns the terminal."""

    def sit(lines: str) -> Terminal:
        terminal = Terminal()
        monkeypatch.setattr(sys, "stdin", Terminal(lines))
        monkeypatch.setattr(sys, "stderr", terminal)
        return terminal

    return sit


class TestAsking:
    def test_without_a_terminal_the_flag_is_required(self, buy: Cli, endpoint: Emulator, folder: Path) -> None:
        before = everything(folder)
        result = buy()
        assert (result.code, endpoint.arrivals) == (4, 0)
        assert "add --yes" in result.err
        assert everything(folder) == before

    def test_with_the_flag_it_pays_and_commits(self, buy: Cli, cli: Cli, endpoint: Emulator, folder: Path) -> None:
        result = buy("--yes", "--json")
        assert (result.code, result.data[0]["status"], endpoint.arrivals) == (0, "committed", 1)
        status = cli("status", "ink", "--json").data[0]
        assert Decimal(status["spent_usd"]) == endpoint.billed_usd > 0

    def test_one_question_covers_the_worst_case_price_of_the_whole_run(
        self, buy: Cli, endpoint: Emulator, type_lines: Callable[[str], Terminal]
    ) -> None:
        words = ("--server-set", "prices.per_picture=0.04")
        terminal = type_lines("y\nn\n")
        assert buy("--steps", "2", *words).code == 0
        assert endpoint.arrivals == 2
        assert terminal.getvalue().count("; pay? [y/N]") == 1
        assert "6 tiles in 2 steps for about $0.24, at most $0.24" in terminal.getvalue()
        assert "3 tiles for about $0.12, at most $0.12" in buy("--dry-run", *words).out

    def test_a_dry_run_of_many_steps_shows_the_price_of_all(self, buy: Cli) -> None:
        result = buy("--steps", "5", "--dry-run", "--server-set", "prices.per_picture=0.04", "--json")
        assert result.data[0]["run"] == {"steps": 5, "estimate_usd": "0.60", "worst_case_usd": "0.60"}
        assert result.data[0]["request"]["worst_case_usd"] == "0.12"

    def test_a_resumed_run_is_priced_by_its_missing_tiles(
        self, buy: Cli, endpoint: Emulator, type_lines: Callable[[str], Terminal]
    ) -> None:
        words = ("--server-set", "prices.per_picture=0.04", "--calls", "each", "--concurrency", "1")
        endpoint.restart(["ok", "ok", "status:500"])
        assert buy("--yes", *words).code == 9
        terminal = type_lines("y\n")
        assert buy("--steps", "2", "--retry-ambiguous", *words).code == 0
        assert "4 tiles in 2 steps for about $0.16, at most $0.16" in terminal.getvalue()

    def test_a_person_may_say_no(self, buy: Cli, endpoint: Emulator, type_lines: Callable[[str], Terminal]) -> None:
        terminal = type_lines("n\n")
        assert (buy().code, endpoint.arrivals) == (4, 0)
        assert "not confirmed: nothing was sent" in terminal.getvalue()

    def test_a_dry_run_shows_and_sends_nothing(self, buy: Cli, endpoint: Emulator, folder: Path) -> None:
        before = everything(folder)
        result = buy("--dry-run", "--prompt", "towers", "--json")
        assert (result.code, endpoint.arrivals, everything(folder)) == (0, 0, before)
        request = result.data[0]["request"]
        assert Decimal(request["worst_case_usd"]) >= Decimal(request["estimate_usd"]) > 0
        assert "body of " in buy("--dry-run").out

    def test_references_are_shown_priced_and_sent(self, buy: Cli, endpoint: Emulator, folder: Path) -> None:
        seed_picture(64, 64).rotate(180).save("style.png")
        words = ("--reference", "seed", "--reference", "style.png", "--reference", "map", "--json")
        plain, with_pictures = (buy("--dry-run", *more).data[0] for more in (("--json",), words))
        assert [one["kind"] for one in with_pictures["references"]] == ["seed", "file", "map"]
        assert [part["name"] for part in with_pictures["request"]["parts"]] == ["image[]"] * 4 + ["mask"]
        tokens = 2 * 2 + 2 * 2 + 1  # 32 px squares of 64x64, 64x64 and 24x16
        price = Decimal(tokens * 8) / 1_000_000  # and the longer prompt
        assert Decimal(with_pictures["request"]["estimate_usd"]) > Decimal(plain["request"]["estimate_usd"]) + price
        assert "reference pictures: seed 64x64, file 64x64, map 24x16" in buy("--dry-run", *words[:-1]).out
        assert buy("--yes", *words).code == 0
        assert endpoint.calls[0].edit is not None
        assert [picture.size for picture in endpoint.calls[0].edit.references] == [(64, 64), (64, 64), (24, 16)]

    def test_a_run_is_priced_with_the_largest_map_of_its_steps(
        self, buy: Cli, endpoint: Emulator, type_lines: Callable[[str], Terminal]
    ) -> None:
        type_lines("y\n")
        assert buy("--steps", "3", "--reference", "map").code == 0
        assert endpoint.arrivals == 3

    def test_a_reference_that_is_no_picture_makes_no_session(self, buy: Cli, folder: Path) -> None:
        before = everything(folder)
        assert buy("--yes", "--reference", "missing.png").code == 1
        assert everything(folder) == before


class TestBudget:
    def test_a_step_above_the_budget_sends_nothing(self, buy: Cli, endpoint: Emulator) -> None:
        result = buy("--yes", "--budget", "0.0001")
        assert (result.code, endpoint.arrivals) == (4, 0)

    def test_the_environment_may_set_the_budget(
        self, buy: Cli, endpoint: Emulator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("EXQUISITE_BUDGET", "0.0001")
        assert (buy("--yes").code, endpoint.arrivals) == (4, 0)
        assert (buy("--yes", "--budget", "100").code, endpoint.arrivals) == (0, 1)


class TestEndings:
    def test_a_refusal(self, buy: Cli, endpoint: Emulator) -> None:
        endpoint.restart(["moderation_blocked"])
        assert (buy("--yes").code, endpoint.arrivals) == (5, 1)

    def test_an_unreachable_server(self, buy: Cli, endpoint: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("exquisite.api.retry.RetryPolicy.wait", lambda *_: None)
        result = buy("--yes", "--base-url", "http://127.0.0.1:9/v1")
        assert (result.code, endpoint.arrivals) == (6, 0)

    def test_an_unknown_outcome_is_not_sent_again(self, buy: Cli, cli: Cli, endpoint: Emulator) -> None:
        endpoint.restart(["status:500"])
        assert (buy("--yes").code, endpoint.arrivals) == (9, 1)
        status = cli("status", "ink").out
        assert "at most, for calls whose outcome is unknown" in status
        assert "unfinished      step 1: the same command goes on with it" in status
        again = buy("--yes")
        assert (again.code, endpoint.arrivals) == (9, 1)
        assert "--retry-ambiguous" in again.err
        assert (buy("--yes", "--retry-ambiguous").code, endpoint.arrivals) == (0, 2)

    def test_settings_of_a_server_come_from_a_file_and_from_single_words(
        self, buy: Cli, endpoint: Emulator, folder: Path
    ) -> None:
        (folder / "mine.toml").write_text('extra_fields = {moderation = "low"}\nmodel = "gpt-image-2"\n')
        result = buy("--dry-run", "--server-file", "mine.toml", "--server-set", "mask=omit", "--json")
        request = result.data[0]["request"]
        assert (request["fields"]["moderation"], request["model"]) == ("low", "gpt-image-2")
        assert [part["name"] for part in request["parts"]] == ["image[]"]
        assert buy("--yes", "--server-file", "mine.toml").code == 0
        assert endpoint.calls[0].edit is not None
        assert endpoint.calls[0].edit.fields["moderation"] == "low"

    def test_answers_may_come_as_event_streams(self, buy: Cli, endpoint: Emulator) -> None:
        assert buy("--yes", "--stream").code == 0
        edits = [call.edit for call in endpoint.calls if call.edit is not None]
        assert [(edit.n, edit.fields["stream"], edit.fields["partial_images"]) for edit in edits] == [
            (1, "true", "0")
        ] * 3

    def test_a_free_server_costs_nothing_and_needs_no_consent(self, buy: Cli, cli: Cli) -> None:
        result = buy("--dry-run", "--server-set", "free=true", "--json")
        assert result.data[0]["request"]["worst_case_usd"] == "0"
        assert buy("--server-set", "free=true").code == 0
        assert cli("status", "ink", "--json").data[0]["spent_usd"] == "0"

    def test_a_price_per_picture_gives_the_estimate(self, buy: Cli) -> None:
        result = buy("--dry-run", "--server-set", "prices.per_picture=0.04", "--json")
        request = result.data[0]["request"]
        assert (request["estimate_usd"], request["worst_case_usd"]) == ("0.12", "0.12")

    @pytest.mark.parametrize(
        ("words", "message"),
        [
            (["--server", "nobody"], "use one of openai, azure"),
            (["--server-file", "nowhere.toml"], "the server file nowhere.toml cannot be read: No such file"),
            (["--server-set", "colour=red"], "--server-set: unknown: colour (use "),
            (["--server-set", "colour"], "write NAME=VALUE"),
            (["--fetch-from", "https://host/"], "--fetch-from: fetch_from must be hosts"),
            (["--base-url", "ftp://x"], "must look like https://host/v1"),
            (["--base-url", "http://example.com/v1"], "--allow-insecure-http"),
            (["--base-url", "https://api.openai.com/v1", "--model", "dall-e-3"], "was shut down on 2026-05-12"),
            (["--key-file", "nowhere.key"], "nowhere.key cannot be read"),
            (["--record-mode", "sometimes"], "sometimes"),
        ],
    )
    def test_unusable_settings_are_refused(
        self, buy: Cli, endpoint: Emulator, folder: Path, words: list[str], message: str
    ) -> None:
        before = everything(folder)
        result = buy("--yes", *words)
        assert (result.code, endpoint.arrivals, everything(folder)) == (2, 0, before)
        assert message in result.err

    def test_a_missing_key_is_reported_before_anything_is_written(
        self, cli: Cli, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        before = everything(folder)
        result = cli("step", "ink", "x_ltr", "--canvas", "ink.png", "--generator", "openai", "--yes")
        assert (result.code, "set OPENAI_API_KEY, or name a file with --key-file" in result.err) == (2, True)
        assert everything(folder) == before

    def test_a_dry_run_needs_no_key(self, cli: Cli, folder: Path) -> None:
        before = everything(folder)
        result = cli("step", "ink", "x_ltr", "--canvas", "ink.png", "--generator", "openai", "--dry-run")
        assert (result.code, "3 tiles for about $" in result.out) == (0, True)
        assert everything(folder) == before

    def test_a_missing_httpx_is_reported(self, buy: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
        result = buy("--yes")
        assert (result.code, "pip install httpx" in result.err) == (1, True)


@pytest.mark.invariant("SECRETS-KEPT")
def test_the_key_is_in_no_file_and_no_message(buy: Cli, endpoint: Emulator, folder: Path) -> None:
    endpoint.restart(["ok", "moderation_blocked", "status:500"])
    results = (buy("--yes", "--cassette", "t.json", "--record-mode", "once"), buy("--yes"))
    output = "".join(result.out + result.err for result in results)
    output += buy("--yes", "--prompt", "other").err
    assert endpoint.arrivals == 3
    assert EMULATOR_KEY not in output
    for name, data in everything(folder).items():
        assert EMULATOR_KEY.encode() not in data, name


class TestRecordings:
    def test_a_recording_is_replayed_without_a_key_or_a_server(
        self, buy: Cli, cli: Cli, folder: Path, monkeypatch: pytest.MonkeyPatch, endpoint: Emulator
    ) -> None:
        first = buy("--yes", "--cassette", "t.json", "--record-mode", "once", "--json").data[0]
        monkeypatch.delenv("OPENAI_API_KEY")
        replay = ["--generator", "replay", "--cassette", "t.json", "--base-url", endpoint.base_url, "--json"]
        words = ["--canvas", "ink.png", "--contract", SIZES, "--gate", "none", *replay]
        result = cli("step", "again", "x_ltr", *words)
        assert result.code == 0, result.err
        assert "nothing is sent" in result.err
        assert endpoint.arrivals == 1
        replayed, recorded = ([score["primary"] for score in data["scores"]] for data in (result.data[0], first))
        assert replayed == recorded
        strips = [sorted(path.name for path in (folder / name / "strips").iterdir()) for name in ("ink", "again")]
        assert strips[0] == strips[1]

        other = cli("step", "other", "x_rtl", *words)
        assert (other.code, endpoint.arrivals) == (8, 1)

    def test_the_environment_may_name_the_recording(
        self, buy: Cli, cli: Cli, monkeypatch: pytest.MonkeyPatch, endpoint: Emulator
    ) -> None:
        monkeypatch.setenv("EXQUISITE_CASSETTE", "t.json")
        monkeypatch.setenv("EXQUISITE_RECORD_MODE", "once")
        assert buy("--yes").code == 0
        assert len(json.loads(Path("t.json").read_text())["interactions"]) == 1
        monkeypatch.setenv("EXQUISITE_BLOCK_NETWORK", "1")
        assert (buy("--prompt", "another").code, endpoint.arrivals) == (8, 1)

    def test_an_unused_interaction_is_a_mismatch(self, buy: Cli, cli: Cli, endpoint: Emulator) -> None:
        assert buy("--yes", "--steps", "2", "--cassette", "t.json", "--record-mode", "once").code == 0
        words = ["--canvas", "ink.png", "--contract", SIZES, "--gate", "none", "--base-url", endpoint.base_url]
        result = cli("step", "again", "x_ltr", *words, "--generator", "replay", "--cassette", "t.json")
        assert result.code == 8

    def test_a_replay_needs_a_recording(self, cli: Cli, folder: Path) -> None:
        before = everything(folder)
        words = ("step", "ink", "x_ltr", "--canvas", "ink.png", "--contract", SIZES, "--generator", "replay")
        assert cli(*words).code == 2
        assert cli(*words, "--cassette", "nowhere.json").code == 8
        assert everything(folder) == before
