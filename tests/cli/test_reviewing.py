"""view, report and labels: what they print, and what they refuse before anything is served or written."""

from __future__ import annotations

import http.client
import threading
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from exquisite.page import serve as page_serve
from exquisite.page.server import PageServer
from exquisite.pipeline.session import Session

from .conftest import Cli


@pytest.fixture
def one_step(session: Cli) -> Cli:
    """A session with one step."""
    assert session("step", "ink", "x_ltr", "--gate", "none").code == 0
    return session


@pytest.fixture
def replies(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """Each server answers one request for the page and ends: the (address, status) of each answer."""
    answers: list[tuple[str, int]] = []

    def once(server: PageServer, poll_s: float = 0.0) -> None:
        def look() -> None:
            parts = urlsplit(server.url)
            connection = http.client.HTTPConnection(parts.netloc)
            connection.request("GET", parts.path)
            answers.append((server.url, connection.getresponse().status))
            connection.close()

        asking = threading.Thread(target=look)
        asking.start()
        server._server.handle_request()
        asking.join()

    monkeypatch.setattr(PageServer, "serve_forever", once)
    return answers


class TestView:
    def test_prints_the_address_that_answers(self, one_step: Cli, replies: list[tuple[str, int]]) -> None:
        result = one_step("view", "ink", "--no-open")
        assert result.code == 0
        assert replies == [(result.out.strip(), 200)]
        assert "until Ctrl-C" in result.err

    def test_opens_the_browser(
        self, one_step: Cli, replies: list[tuple[str, int]], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        urls: list[str] = []
        monkeypatch.setattr("webbrowser.open", urls.append)
        result = one_step("view", "ink", "--json")
        assert urls == [result.data[0]["url"]] == [replies[0][0]]

    @pytest.mark.parametrize(
        ("words", "code", "message"),
        [
            (("nowhere",), 1, "no session"),
            (("ink", "--port", "70000"), 2, "--port"),
            (("ink", "--allow-pay"), 2, "--budget"),
            (("ink", "--allow-pay", "--budget", "0"), 2, "above $0"),
        ],
    )
    def test_refuses_before_it_serves(
        self, one_step: Cli, replies: list[tuple[str, int]], words: tuple[str, ...], code: int, message: str
    ) -> None:
        result = one_step("view", *words, "--no-open")
        assert (result.code, message in result.err, replies) == (code, True, [])

    def test_a_library_caller_serves_without_a_generator(
        self, one_step: Cli, folder: Path, replies: list[tuple[str, int]]
    ) -> None:
        addresses: list[str] = []
        page_serve(Session.open(folder / "ink"), ready=addresses.append)
        assert replies == [(addresses[0], 200)]


def test_report_is_written_once_unless_forced(one_step: Cli, folder: Path) -> None:
    assert one_step("report", "ink", "ink.html").out == "ink.html\n"
    assert one_step("report", "ink", "ink.html").code == 2
    assert one_step("report", "ink", "ink.html", "--force").code == 0
    assert one_step("report", "ink", "ink.pdf").code == 2
    assert not (folder / "ink.pdf").exists()


def test_labels_say_how_visible_the_seams_are(one_step: Cli, folder: Path) -> None:
    nothing = one_step("labels", "ink")
    assert (nothing.code, "there are no answers yet" in nothing.err) == (0, True)
    labels = Session.open(folder / "ink").labels()
    find = {"kind": "find", "time": "t", "step": 1, "seam_px": 5, "click_px": 5, "chance": 0.1}
    for hit in (True, True, False):
        labels.append(find | {"hit": hit})
    labels.append({"kind": "ab", "time": "t", "step": 1, "chosen": "a", "metrics": {"seam": [2.0, 1.0]}})
    result = one_step("labels", "ink")
    assert "seams found     2 of 3, 67% [21%, 94%]; by chance 10%" in result.out
    assert "seam" in result.out
    data = one_step("labels", "ink", "--json").data[0]
    assert (data["agreement"]["seam"]["hits"], data["agreement"]["seam"]["asked"]) == (1, 1)
    assert data["find"]["hits"] == 2


@pytest.mark.parametrize("port", [-1, 65_536])
def test_a_port_that_no_machine_has_is_refused(one_step: Cli, port: int) -> None:
    result = one_step("view", "ink", "--no-open", f"--port={port}")
    assert (result.code, f"--port must be 0 to 65535, not {port}" in result.err) == (2, True)
