"""The real client from the command line, against the emulator: questions, payments, recordings and exit codes."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from tests.cli.conftest import SIZES, Cli, Ran, everything
from tests.support.emulator import EMULATOR_KEY, Emulator
from tests.support.tiny import seed_picture


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def paid(cli: Cli, served: Emulator, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """`step ink MODE` with the real client, a key in the environment, and no gate."""
    monkeypatch.setenv("OPENAI_API_KEY", EMULATOR_KEY)
    words = ["--canvas", "ink.png", "--contract", SIZES, "--gate", "none", "--generator", "openai"]

    def run(*more: object) -> Ran:
        return cli("step", "ink", "x_ltr", *words, "--base-url", served.base_url, *more)

    return run


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Terminal]:
    """Simulates a person who types these lines at a terminal; returns the terminal."""

    def sit(lines: str) -> Terminal:
        terminal = Terminal()
        monkeypatch.setattr(sys, "stdin", Terminal(lines))
        monkeypatch.setattr(sys, "stderr", terminal)
        return terminal

    return sit


class TestAsking:
    def test_without_a_terminal_the_flag_is_required(self, paid: Cli, served: Emulator, folder: Path) -> None:
        before = everything(folder)
        ran = paid()
        assert (ran.code, served.arrivals) == (4, 0)
        assert "add --yes" in ran.err
        assert everything(folder) == before

    def test_with_the_flag_it_pays_and_commits(self, paid: Cli, cli: Cli, served: Emulator, folder: Path) -> None:
        ran = paid("--yes", "--json")
        assert (ran.code, ran.data[0]["status"], served.arrivals) == (0, "committed", 1)
        status = cli("status", "ink", "--json").data[0]
        assert Decimal(status["spent_usd"]) == served.billed_usd > 0

    def test_a_person_is_asked_once_a_run_for_the_most_that_all_of_it_may_cost(
        self, paid: Cli, served: Emulator, typed: Callable[[str], Terminal]
    ) -> None:
        words = ("--server-set", "prices.per_picture=0.04")
        terminal = typed("y\nn\n")
        assert paid("--steps", "2", *words).code == 0
        assert served.arrivals == 2
        assert terminal.getvalue().count("; pay? [y/N]") == 1
        assert "6 tiles in 2 steps for about $0.24, at most $0.24" in terminal.getvalue()
        assert "3 tiles for about $0.12, at most $0.12" in paid("--dry-run", *words).out

    def test_a_dry_run_of_many_steps_says_what_all_of_them_cost(self, paid: Cli) -> None:
        ran = paid("--steps", "5", "--dry-run", "--server-set", "prices.per_picture=0.04", "--json")
        assert ran.data[0]["run"] == {"steps": 5, "estimate_usd": "0.60", "worst_case_usd": "0.60"}
        assert ran.data[0]["request"]["worst_case_usd"] == "0.12"

    def test_a_resumed_run_is_priced_by_its_missing_tiles(
        self, paid: Cli, served: Emulator, typed: Callable[[str], Terminal]
    ) -> None:
        words = ("--server-set", "prices.per_picture=0.04", "--calls", "each", "--concurrency", "1")
        served.restart(["ok", "ok", "status:500"])
        assert paid("--yes", *words).code == 9
        terminal = typed("y\n")
        assert paid("--steps", "2", "--retry-ambiguous", *words).code == 0
        assert "4 tiles in 2 steps for about $0.16, at most $0.16" in terminal.getvalue()

    def test_a_person_may_say_no(self, paid: Cli, served: Emulator, typed: Callable[[str], Terminal]) -> None:
        terminal = typed("n\n")
        assert (paid().code, served.arrivals) == (4, 0)
        assert "not confirmed: nothing was sent" in terminal.getvalue()

    def test_a_dry_run_shows_and_sends_nothing(self, paid: Cli, served: Emulator, folder: Path) -> None:
        before = everything(folder)
        ran = paid("--dry-run", "--prompt", "towers", "--json")
        assert (ran.code, served.arrivals, everything(folder)) == (0, 0, before)
        request = ran.data[0]["request"]
        assert Decimal(request["worst_case_usd"]) >= Decimal(request["estimate_usd"]) > 0
        assert "body of " in paid("--dry-run").out

    def test_references_are_shown_priced_and_sent(self, paid: Cli, served: Emulator, folder: Path) -> None:
        seed_picture(64, 64).rotate(180).save("style.png")
        words = ("--reference", "seed", "--reference", "style.png", "--reference", "map", "--json")
        plain, with_pictures = (paid("--dry-run", *more).data[0] for more in (("--json",), words))
        assert [one["kind"] for one in with_pictures["references"]] == ["seed", "file", "map"]
        assert [part["name"] for part in with_pictures["request"]["parts"]] == ["image[]"] * 4 + ["mask"]
        tokens = 2 * 2 + 2 * 2 + 1  # 32 px squares of 64x64, 64x64 and 24x16
        price = Decimal(tokens * 8) / 1_000_000  # and the longer prompt
        assert Decimal(with_pictures["request"]["estimate_usd"]) > Decimal(plain["request"]["estimate_usd"]) + price
        assert "reference pictures: seed 64x64, file 64x64, map 24x16" in paid("--dry-run", *words[:-1]).out
        assert paid("--yes", *words).code == 0
        assert served.calls[0].edit is not None
        assert [picture.size for picture in served.calls[0].edit.references] == [(64, 64), (64, 64), (24, 16)]

    def test_a_run_is_priced_with_the_largest_map_of_its_steps(
        self, paid: Cli, served: Emulator, typed: Callable[[str], Terminal]
    ) -> None:
        typed("y\n")
        assert paid("--steps", "3", "--reference", "map").code == 0
        assert served.arrivals == 3

    def test_a_reference_that_is_no_picture_makes_no_session(self, paid: Cli, folder: Path) -> None:
        before = everything(folder)
        assert paid("--yes", "--reference", "missing.png").code == 1
        assert everything(folder) == before


class TestBudget:
    def test_a_step_above_the_budget_sends_nothing(self, paid: Cli, served: Emulator) -> None:
        ran = paid("--yes", "--budget", "0.0001")
        assert (ran.code, served.arrivals) == (4, 0)

    def test_the_environment_may_set_the_budget(
        self, paid: Cli, served: Emulator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("EXQUISITE_BUDGET", "0.0001")
        assert (paid("--yes").code, served.arrivals) == (4, 0)
        assert (paid("--yes", "--budget", "100").code, served.arrivals) == (0, 1)


class TestEndings:
    def test_a_refusal(self, paid: Cli, served: Emulator) -> None:
        served.restart(["moderation_blocked"])
        assert (paid("--yes").code, served.arrivals) == (5, 1)

    def test_an_unreachable_server(self, paid: Cli, served: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("exquisite.api.retry.RetryPolicy.wait", lambda *_: None)
        ran = paid("--yes", "--base-url", "http://127.0.0.1:9/v1")
        assert (ran.code, served.arrivals) == (6, 0)

    def test_an_unknown_outcome_is_not_sent_again(self, paid: Cli, cli: Cli, served: Emulator) -> None:
        served.restart(["status:500"])
        assert (paid("--yes").code, served.arrivals) == (9, 1)
        status = cli("status", "ink").out
        assert "at most, for calls whose outcome is unknown" in status
        assert "unfinished      step 1: the same command goes on with it" in status
        again = paid("--yes")
        assert (again.code, served.arrivals) == (9, 1)
        assert "--retry-ambiguous" in again.err
        assert (paid("--yes", "--retry-ambiguous").code, served.arrivals) == (0, 2)

    def test_settings_of_a_server_come_from_a_file_and_from_single_words(
        self, paid: Cli, served: Emulator, folder: Path
    ) -> None:
        (folder / "mine.toml").write_text('extra_fields = {moderation = "low"}\nmodel = "gpt-image-2"\n')
        ran = paid("--dry-run", "--server-file", "mine.toml", "--server-set", "mask=omit", "--json")
        request = ran.data[0]["request"]
        assert (request["fields"]["moderation"], request["model"]) == ("low", "gpt-image-2")
        assert [part["name"] for part in request["parts"]] == ["image[]"]
        assert paid("--yes", "--server-file", "mine.toml").code == 0
        assert served.calls[0].edit is not None
        assert served.calls[0].edit.fields["moderation"] == "low"

    def test_answers_may_come_as_event_streams(self, paid: Cli, served: Emulator) -> None:
        assert paid("--yes", "--stream").code == 0
        edits = [call.edit for call in served.calls if call.edit is not None]
        assert [(edit.n, edit.fields["stream"], edit.fields["partial_images"]) for edit in edits] == [
            (1, "true", "0")
        ] * 3

    def test_a_server_marked_free_costs_nothing_and_nobody_is_asked(self, paid: Cli, cli: Cli) -> None:
        ran = paid("--dry-run", "--server-set", "free=true", "--json")
        assert ran.data[0]["request"]["worst_case_usd"] == "0"
        assert paid("--server-set", "free=true").code == 0
        assert cli("status", "ink", "--json").data[0]["spent_usd"] == "0"

    def test_a_price_per_picture_gives_the_estimate(self, paid: Cli) -> None:
        ran = paid("--dry-run", "--server-set", "prices.per_picture=0.04", "--json")
        request = ran.data[0]["request"]
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
        self, paid: Cli, served: Emulator, folder: Path, words: list[str], message: str
    ) -> None:
        before = everything(folder)
        ran = paid("--yes", *words)
        assert (ran.code, served.arrivals, everything(folder)) == (2, 0, before)
        assert message in ran.err

    def test_a_missing_key_is_reported_before_anything_is_written(
        self, cli: Cli, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        before = everything(folder)
        ran = cli("step", "ink", "x_ltr", "--canvas", "ink.png", "--generator", "openai", "--yes")
        assert (ran.code, "set OPENAI_API_KEY, or name a file with --key-file" in ran.err) == (2, True)
        assert everything(folder) == before

    def test_a_dry_run_needs_no_key(self, cli: Cli, folder: Path) -> None:
        before = everything(folder)
        ran = cli("step", "ink", "x_ltr", "--canvas", "ink.png", "--generator", "openai", "--dry-run")
        assert (ran.code, "3 tiles for about $" in ran.out) == (0, True)
        assert everything(folder) == before

    def test_a_missing_httpx_is_reported(self, paid: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
        ran = paid("--yes")
        assert (ran.code, "pip install httpx" in ran.err) == (1, True)


@pytest.mark.invariant("SECRETS-KEPT")
def test_the_key_is_in_no_file_and_no_message(paid: Cli, served: Emulator, folder: Path) -> None:
    served.restart(["ok", "moderation_blocked", "status:500"])
    output = "".join(
        ran.out + ran.err for ran in (paid("--yes", "--cassette", "t.json", "--record-mode", "once"), paid("--yes"))
    )
    output += paid("--yes", "--prompt", "other").err
    assert served.arrivals == 3
    assert EMULATOR_KEY not in output
    for name, data in everything(folder).items():
        assert EMULATOR_KEY.encode() not in data, name


class TestRecordings:
    def test_a_recording_is_replayed_without_a_key_or_a_server(
        self, paid: Cli, cli: Cli, folder: Path, monkeypatch: pytest.MonkeyPatch, served: Emulator
    ) -> None:
        first = paid("--yes", "--cassette", "t.json", "--record-mode", "once", "--json").data[0]
        monkeypatch.delenv("OPENAI_API_KEY")
        replay = ["--generator", "replay", "--cassette", "t.json", "--base-url", served.base_url, "--json"]
        words = ["--canvas", "ink.png", "--contract", SIZES, "--gate", "none", *replay]
        ran = cli("step", "again", "x_ltr", *words)
        assert ran.code == 0, ran.err
        assert "nothing is sent" in ran.err
        assert served.arrivals == 1
        assert [score["primary"] for score in ran.data[0]["scores"]] == [score["primary"] for score in first["scores"]]
        strips = [sorted(path.name for path in (folder / name / "strips").iterdir()) for name in ("ink", "again")]
        assert strips[0] == strips[1]

        other = cli("step", "other", "x_rtl", *words)
        assert (other.code, served.arrivals) == (8, 1)

    def test_the_environment_may_name_the_recording(
        self, paid: Cli, cli: Cli, monkeypatch: pytest.MonkeyPatch, served: Emulator
    ) -> None:
        monkeypatch.setenv("EXQUISITE_CASSETTE", "t.json")
        monkeypatch.setenv("EXQUISITE_RECORD_MODE", "once")
        assert paid("--yes").code == 0
        assert len(json.loads(Path("t.json").read_text())["interactions"]) == 1
        monkeypatch.setenv("EXQUISITE_BLOCK_NETWORK", "1")
        assert (paid("--prompt", "another").code, served.arrivals) == (8, 1)

    def test_an_unused_interaction_is_a_mismatch(self, paid: Cli, cli: Cli, served: Emulator) -> None:
        assert paid("--yes", "--steps", "2", "--cassette", "t.json", "--record-mode", "once").code == 0
        words = ["--canvas", "ink.png", "--contract", SIZES, "--gate", "none", "--base-url", served.base_url]
        ran = cli("step", "again", "x_ltr", *words, "--generator", "replay", "--cassette", "t.json")
        assert ran.code == 8

    def test_a_replay_needs_a_recording(self, cli: Cli, folder: Path) -> None:
        before = everything(folder)
        words = ("step", "ink", "x_ltr", "--canvas", "ink.png", "--contract", SIZES, "--generator", "replay")
        assert cli(*words).code == 2
        assert cli(*words, "--cassette", "nowhere.json").code == 8
        assert everything(folder) == before
