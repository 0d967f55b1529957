"""The page's server over real sockets: every address, and every refusal."""

from __future__ import annotations

import http.client
import json
import re
import socket
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from exquisite.errors import StorageError
from exquisite.files import Files
from exquisite.page import server as server_module
from exquisite.page.review import Review
from exquisite.page.server import TOKEN_HEADER, PageServer
from exquisite.pipeline.session import Session
from tests.support.tiny import TINY, tree

from .conftest import Browser

SHOWS = {
    "": "text/html",
    "state.json": "application/json",
    "step/0.json": "application/json",
    "step/3.json": "application/json",
    "step/3/1/raw.png": "image/png",
    "step/3/1/calibrated.png": "image/png",
    "step/3/1/enforced.png": "image/png",
    "step/3/1/feathered.png?feather=3": "image/png",
    "step/3/1/rows.json?treatment=enforced": "application/json",
    "step/3/1/tile/raw.png": "image/png",
    "tile/2/0/0/0.jpg": "image/jpeg",
    "tile/2/3/-1/0.jpg": "image/jpeg",
    "seams.json?head=2&low=-100&high=100": "application/json",
    "tree.svg?current=2": "image/svg+xml",
    "drift.json?head=2": "application/json",
    "labels.json": "application/json",
}
"""Every address that shows something, but the ones of questions, and its media type."""


class TestShowing:
    @pytest.mark.parametrize(("path", "media_type"), SHOWS.items(), ids=SHOWS)
    def test_every_address_answers_and_changes_nothing(self, browser: Browser, path: str, media_type: str) -> None:
        before = tree(browser.server.review.root)
        answer = browser.get(path)
        assert answer.status in (200, 203), answer.content
        assert answer.headers["Content-Type"].startswith(media_type)
        assert int(answer.headers["Content-Length"]) == len(answer.content) > 0
        assert tree(browser.server.review.root) == before
        head = browser.ask("HEAD", path, None)
        assert (head.status in (200, 203), head.content) == (True, b"")

    def test_every_answer_keeps_the_page_to_itself(self, browser: Browser) -> None:
        for path in ("", "state.json", "step/3/1/raw.png", "nothing", "/"):
            headers = browser.get(path).headers
            policy = headers["Content-Security-Policy"]
            assert policy.startswith("default-src 'self'; ")
            assert "unsafe" not in policy
            assert headers["X-Content-Type-Options"] == "nosniff"
            assert headers["Referrer-Policy"] == "no-referrer"
            assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
            assert not any(name.lower().startswith("access-control") for name in headers)

    def test_the_page_loads_nothing_from_elsewhere(self, browser: Browser) -> None:
        text = browser.get("").content.decode()
        assert not re.search(r"""(src|href)=["']?(https?:)?//""", text)
        assert set(re.findall(r"https?://[^\s\"'`<]+", text)) == set()
        assert "style=" not in re.sub(r"<script>.*</script>", "", text, flags=re.DOTALL)

    @pytest.mark.parametrize(
        "path",
        [
            "nothing", "step/x.json", "step/-1.json", "step/1/0/../1/raw.png", "step/3/1/secret.png.png",
            "tile/2/99/0/0.jpg", "trial/0123456789abcdef/9.svg", "state.json/", "step/3/1/tile/feathered.png",
        ],
    )  # fmt: skip
    def test_other_addresses_are_not_found(self, browser: Browser, path: str) -> None:
        assert browser.get(path).status == 404

    @pytest.mark.parametrize(
        ("path", "message"),
        [
            ("step/3/1/rows.json?feather=x", "whole number"),
            ("seams.json?head=2&low=0", "high is missing"),
            ("step/3/9/raw.png", "no candidate 9"),
            ("step/3/1/nothing.png", "unknown treatment"),
            ("step/0/0/raw.png", "has no candidates"),
            ("step/3/9/tone.svg", "has no calibration record"),
            ("state.json?branch=none", "no branch"),
            ("trial/0123456789abcdef/0.png", "not open"),
        ],
    )
    def test_an_invalid_value_is_explained(self, browser: Browser, path: str, message: str) -> None:
        answer = browser.get(path)
        assert (answer.status, message in answer.data["error"]) == (400, True), answer.data

    def test_a_damaged_file_is_named(self, browser: Browser) -> None:
        (browser.server.review.root / "steps" / "000003" / "step.json").write_text("{")
        answer = browser.get("step/3.json")
        assert (answer.status, "step.json" in answer.data["error"]) == (500, True)


class TestRefusing:
    @pytest.mark.parametrize("path", ["/", "/state.json", "/wrong/", "/wrong/state.json", "//state.json", "/%2e%2e/x"])
    def test_an_address_without_the_token(self, browser: Browser, path: str) -> None:
        answer = browser.get(path)
        assert (answer.status, "token" in answer.data["error"]) == (403, True)

    @pytest.mark.parametrize("host", [None, "evil.example", "evil.example:80", "127.0.0.1", "localhost:1"])
    def test_another_host(self, browser: Browser, host: str | None) -> None:
        """A name of another host that resolves to this machine (DNS rebinding)."""
        assert browser.get("state.json", Host=host).status == 421
        assert browser.post("undo", {"head": 2}, Host=host).status == 421

    def test_its_own_host_by_name(self, browser: Browser) -> None:
        assert browser.get("state.json", Host=f"localhost:{browser.server.port}").status == 200

    @pytest.mark.parametrize("origin", ["http://evil.example", "null", "https://127.0.0.1", "http://127.0.0.1"])
    def test_another_origin(self, browser: Browser, origin: str) -> None:
        assert browser.get("state.json", Origin=origin).status == 403
        assert browser.post("undo", {"head": 2}, Origin=origin).status == 403
        own = f"http://127.0.0.1:{browser.server.port}"
        assert browser.post("undo", {"head": 2}, Origin=own).status == 200

    @pytest.mark.parametrize("token", [None, "", "wrong", "ä"])
    def test_a_change_without_the_token_in_its_header(self, browser: Browser, token: str | None) -> None:
        header = None if token is None else token.encode("utf-8").decode("latin-1")
        answer = browser.post("undo", {"head": 2}, **{TOKEN_HEADER.replace("-", "_"): header})
        assert (answer.status, TOKEN_HEADER in answer.data["error"]) == (403, True)
        assert Session.open(browser.server.review.root).head == 2

    @pytest.mark.parametrize("media_type", [None, "text/plain", "application/x-www-form-urlencoded"])
    def test_a_body_that_any_form_can_send(self, browser: Browser, media_type: str | None) -> None:
        assert browser.post("undo", {"head": 2}, Content_Type=media_type).status == 415

    def test_a_body_too_large_or_without_length(self, browser: Browser) -> None:
        assert browser.post("undo", b"x", Content_Length=str(10**9)).status == 413
        assert browser.post("undo", b"", Content_Length=None).status == 411
        assert browser.post("undo", b"", Content_Length="-1").status == 411

    @pytest.mark.parametrize("body", [b"{", b"[]", b"\xff", b'"x"', b"[" * 50_000])
    def test_a_body_that_is_no_object(self, browser: Browser, body: bytes) -> None:
        assert browser.post("undo", body).status == 400

    @pytest.mark.parametrize("path", ["nothing", "state.json", "", "../undo"])
    def test_an_unknown_change(self, browser: Browser, path: str) -> None:
        assert browser.post(path, {}).status == 404

    @pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "TRACE", "PATCH"])
    def test_other_methods(self, browser: Browser, method: str) -> None:
        assert browser.ask(method, "state.json", None).status == 501

    @pytest.mark.parametrize(
        "path",
        ["../../../../etc/passwd", "step/3/1/tile/../../../x.png", "%2e%2e/%2e%2e/etc/passwd", "step/3/1/raw.png%00"],
    )
    def test_no_address_leaves_the_session(self, browser: Browser, path: str) -> None:
        assert browser.get(path).status == 404

    def test_an_internal_error_without_its_details(self, browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(*_: object) -> None:
            raise RuntimeError("a secret")

        monkeypatch.setattr(browser.server.review.labels, "summary", fail)
        answer = browser.get("labels.json")
        assert (answer.status, answer.data) == (500, {"error": "a fault of this program (RuntimeError)"})


class TestBounds:
    def test_connections_beyond_the_limit_are_closed(self, browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
        connections = []
        try:
            for _ in range(server_module._MAX_CONNECTIONS):
                connections.append(socket.create_connection(("127.0.0.1", browser.server.port)))
            deadline = time.monotonic() + 5
            while time.monotonic() < deadline:
                try:
                    if browser.get("state.json").status == 503:
                        break
                except (ConnectionError, http.client.HTTPException):
                    break
            else:
                pytest.fail("one more connection was served")
        finally:
            for connection in connections:
                connection.close()
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            try:
                assert browser.get("state.json").status == 200
                break
            except (AssertionError, ConnectionError, http.client.HTTPException):
                time.sleep(0.02)
        else:
            pytest.fail("it does not recover")

    def test_one_connection_serves_many_requests(self, browser: Browser) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", browser.server.port, timeout=20)
        for _ in range(3):
            connection.request("GET", f"/{browser.server.token}/state.json")
            answer = connection.getresponse()
            assert answer.status == 200
            json.loads(answer.read())
        connection.close()

    def test_it_listens_on_this_machine_alone(self, browser: Browser) -> None:
        assert browser.server._server.server_address[0] == "127.0.0.1"
        assert browser.server.url == f"http://127.0.0.1:{browser.server.port}/{browser.server.token}/"

    def test_a_port_in_use_is_reported(self, browser: Browser) -> None:
        review = Review(browser.server.review.root)
        with pytest.raises(StorageError, match=f"port {browser.server.port}.*choose another"):
            PageServer(review, browser.server.port)
        review.close()

    def test_every_server_has_a_token_of_its_own(self, browser: Browser) -> None:
        review = Review(browser.server.review.root)
        other = PageServer(review)
        assert other.token != browser.server.token
        assert len(other.token) >= 32
        other.release()


class TestChanging:
    """Each change over HTTP; what it does to the session is that of `Session`."""

    def test_accept_undo_and_branch(self, browser: Browser) -> None:
        root = browser.server.review.root
        result = browser.post("accept", {"head": 2, "step": 3, "candidate": 1, "options": {"feather_px": 2}}).data
        assert (result["status"], result["step"], result["chosen"]) == ("committed", 4, 1)
        assert Session.open(root).head == 4
        record = next(Session.open(root).log(1))
        assert record["options"]["feather_px"] == 2
        assert record["accepted"]["candidate"] == 1
        assert browser.post("branch", {"name": "night", "at": 1}).data == {"branch": "night", "step": 1}
        assert browser.post("undo", {"head": 4}).data == {"head": 2}
        assert browser.get("state.json?branch=night").data["head"] == 1

    @pytest.mark.parametrize(
        ("path", "body", "message"),
        [
            ("accept", {"head": 2, "step": 3}, "gate refused"),
            ("accept", {"head": 2, "step": 3, "candidate": 7}, "no candidate 7"),
            ("accept", {"head": 2, "step": 9, "candidate": 0}, "step 9"),
            ("accept", {"head": 2, "step": "3"}, "step must be a whole number"),
            ("accept", {"head": 2, "step": True}, "step must be a whole number"),
            ("accept", {"head": 1, "step": 3, "candidate": 0}, "look again"),
            ("accept", {"head": 2, "step": 3, "candidate": 0, "options": {"candidates": 9}}, "cannot be changed"),
            ("accept", {"head": 2, "step": 3, "candidate": 0, "options": {"gate": [1]}}, "plain values"),
            ("undo", {"head": 1}, "nothing was changed"),
            ("branch", {"name": "../x"}, "bad branch name"),
            ("branch", {"name": "x" * 5000}, "at most"),
            ("reject", {"step": 3, "candidate": 8, "reason": "blur"}, "no candidate 8"),
            ("reject", {"step": 3, "candidate": 0, "reason": "  "}, "say why"),
            ("answer", {"trial": "0123456789abcdef", "value": 0.5}, "not open"),
            ("quote", {"mode": "up"}, "unknown mode"),
            ("run", {"quote": "none"}, "has expired"),
        ],
    )
    def test_a_refused_change_changes_nothing(
        self, browser: Browser, path: str, body: dict[str, Any], message: str
    ) -> None:
        root = browser.server.review.root
        if message == "gate refused":
            answer = browser.post(path, body)
            assert (answer.data["status"], Session.open(root).head) == ("rejected", 2)
            return
        before = tree(root)
        answer = browser.post(path, body)
        assert (answer.status, message in answer.data["error"]) == (400, True), answer.data
        assert tree(root) == before

    def test_changes_are_refused_and_views_served_while_another_process_writes(self, browser: Browser) -> None:
        root = browser.server.review.root
        lock = Files().lock(root / ".lock")
        answer = browser.post("undo", {"head": 2})
        assert (answer.status, "another run is writing" in answer.data["error"]) == (409, True)
        assert browser.get("state.json").status == 200
        lock.release()
        assert browser.post("undo", {"head": 2}).status == 200

    def test_only_one_of_two_pages_decides(self, browser: Browser) -> None:
        """The second page still shows the old head: its change is refused with the new one."""
        assert browser.post("accept", {"head": 2, "step": 3, "candidate": 0}).status == 200
        answer = browser.post("accept", {"head": 2, "step": 3, "candidate": 1})
        assert (answer.status, "now ends with step 4" in answer.data["error"]) == (400, True)

    def test_a_step_of_another_process_appears(self, browser: Browser) -> None:
        assert browser.get("state.json").data["last_step"] == 3
        Session.open(browser.server.review.root).accept(0, step=3)
        state = browser.get("state.json").data
        assert (state["last_step"], state["head"], state["waiting"]) == (4, 4, None)

    def test_rescore_answers_and_changes_nothing(self, browser: Browser) -> None:
        before = tree(browser.server.review.root)
        result = browser.post("rescore", {"step": 3, "options": {"gate": None}}).data
        assert result["chosen"] is not None
        assert len(result["scores"]) == 3
        assert tree(browser.server.review.root) == before

    def test_reject_is_noted_with_its_reason(self, browser: Browser) -> None:
        browser.post("reject", {"step": 3, "candidate": 1, "reason": " softer\nthan the rest "})
        assert browser.get("step/3.json").data["rejections"] == [{"candidate": 1, "reason": "softer than the rest"}]

    def test_a_question_is_asked_and_answered(self, browser: Browser) -> None:
        question = browser.post("find", {"treatment": "enforced"}).data
        assert set(question) == {"trial", "kind", "pictures", "axis"}  # and nothing of the truth
        assert browser.get(f"trial/{question['trial']}/0.png").content.startswith(b"\x89PNG")
        assert browser.get(f"trial/{question['trial']}/1.png").status == 400
        label = browser.post("answer", {"trial": question["trial"], "value": 0.5}).data
        assert label["kind"] == "find"
        assert browser.post("answer", {"trial": question["trial"], "value": 0.5}).status == 400
        summary = browser.get("labels.json").data
        assert summary["find"]["asked"] + summary["false_alarms"]["asked"] == 1

    def test_two_pictures_are_compared(self, browser: Browser) -> None:
        question = browser.post("compare", {"first": "raw", "second": "enforced"}).data
        assert (question["kind"], question["pictures"]) == ("ab", 2)
        assert browser.post("answer", {"trial": question["trial"], "value": "c"}).status == 400
        label = browser.post("answer", {"trial": question["trial"], "value": "b"}).data
        assert label["chosen"] == "b"
        assert {label["a"]["treatment"], label["b"]["treatment"]} == {"raw", "enforced"}
        assert len(label["metrics"]["seam"]) == 2


def test_the_tiny_contract_has_the_sizes_in_these_tests() -> None:
    assert (TINY.tile_px, TINY.band_px, TINY.advance_px) == (32, 16, 8)


def test_the_token_is_in_no_file(browser: Browser) -> None:
    browser.get("state.json")
    browser.post("undo", {"head": 2})
    files = tree(browser.server.review.root)
    assert not [path for path, data in files.items() if browser.server.token.encode() in data]


def test_a_closed_server_leaves_no_file_and_no_thread(session: Session, tmp_path: Path) -> None:
    before, threads = tree(session.root), threading.active_count()
    server = PageServer(Review(session.root))
    running = threading.Thread(target=server.serve_forever, args=(0.01,))
    running.start()
    Browser(server).get("tile/2/0/0/0.jpg")
    server.close()
    running.join()
    assert tree(session.root) == before
    assert threading.active_count() <= threads + 1  # a connection may be ending
