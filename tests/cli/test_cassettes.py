"""The verb cassette: shows, checks and rewrites recordings."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from tests.cli.conftest import Cli
from tests.support.taping import answer, picture, png, record


@pytest.fixture
def tape(folder: Path) -> Path:
    """A recording of three calls: an answer, a refusal and a broken connection."""
    path = folder / "t.json"
    record(path, answer(png(picture(3))), (429, {}, b"{}"), httpx.ReadTimeout("slow"))
    return path


def test_show_lists_each_request_with_its_outcome(cli: Cli, tape: Path) -> None:
    result = cli("cassette", "show", "t.json")
    assert result.code == 0
    assert result.out.startswith("t.json: 3 interactions, recorded from https://server.example\n")
    assert "   1  POST /v1/images/edits: status 200, " in result.out
    assert ", 1 picture\n" in result.out
    assert "   2  POST /v1/images/edits: status 429, 2 bytes\n" in result.out
    assert "   3  POST /v1/images/edits: ReadTimeout: slow\n" in result.out
    assert "        prompt: Extend this picture. More rain.\n" in result.out
    assert "        mask: mask.png (" in result.out
    data = cli("cassette", "show", "t.json", "--json").data[0]
    assert [one["status"] for one in data["interactions"]] == [200, 429, None]


def test_check_distinguishes_whole_and_damaged_recordings(cli: Cli, tape: Path) -> None:
    assert cli("cassette", "check", "t.json").out == "t.json: intact, and without a key\n"
    (tape.parent / "bad.json").write_text("[]")
    result = cli("cassette", "check", "t.json", "bad.json", "--json")
    assert (result.code, [report["ok"] for report in result.data]) == (8, [True, False])


def test_rewrite_says_what_it_removed(cli: Cli, tape: Path) -> None:
    (tape.parent / "blobs" / f"{'0' * 64}.png").write_bytes(b"")
    assert cli("cassette", "rewrite", "t.json").out == "t.json: rewritten; 1 blob removed that no cassette uses\n"
    assert cli("cassette", "check", "t.json").code == 0


@pytest.mark.parametrize("action", ["show", "rewrite"])
def test_a_file_that_is_no_cassette_is_a_mismatch(cli: Cli, folder: Path, action: str) -> None:
    result = cli("cassette", action, "nowhere.json")
    assert (result.code, "there is no cassette at nowhere.json" in result.err) == (8, True)


def test_an_unknown_action_is_refused(cli: Cli, tape: Path) -> None:
    result = cli("cassette", "burn", "t.json")
    assert (result.code, "'show', 'check', 'rewrite'" in result.err) == (2, True)
