"""The emulator misbehaves exactly as its script says, behind a socket and in memory alike."""

from __future__ import annotations

import base64
import io
import signal
import socket
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Iterator
from decimal import Decimal

import httpx
import pytest
from PIL import Image

from tests.support.children import ROOT, clean_environment
from tests.support.emulator import EMULATOR_KEY, OUTCOMES, Emulator, EmulatorServer, MemoryTransport, emulator, main
from tests.support.emulator_replies import NEVER_SENT
from tests.support.test_emulator_rules import FIELDS, FILES

HEADERS = {"authorization": f"Bearer {EMULATOR_KEY}"}
FREE = {
    *("rate_limit", "slow_down", "overloaded", "insufficient_quota", "credit_balance_exhausted", "spend_limit"),
    *("billing_hard_limit", "moderation_blocked", "error_string", "detail", "redirect_here", "redirect_elsewhere"),
    *NEVER_SENT,
}


class Seen:
    """What a client sees of one request: status, body and headers, or the class of the exception."""

    def __init__(self, transport: httpx.BaseTransport, server: Emulator, read_s: float = 5.0) -> None:
        self.status, self.body, self.headers, self.error = 0, b"", {}, ""
        timeout = httpx.Timeout(5.0, read=read_s)
        with httpx.Client(transport=transport, headers=HEADERS, timeout=timeout) as client:
            try:
                url = server.base_url + "/images/edits"
                with client.stream("POST", url, data={**FIELDS, "n": "2"}, files=FILES) as response:
                    self.status, self.headers = response.status_code, dict(response.headers)
                    for piece in response.iter_raw():
                        self.body += piece
            except httpx.HTTPError as error:
                self.error = type(error).__name__


def in_memory(*script: str) -> tuple[Emulator, Seen]:
    """One request to an emulator in memory."""
    server = emulator(script, flat=True, any_size=True)
    return server, Seen(MemoryTransport(server), server)


@pytest.fixture(scope="module")
def endpoint() -> Iterator[Emulator]:
    """An emulator behind a socket; tests set its script."""
    server = emulator(flat=True, any_size=True)
    with EmulatorServer(server):
        yield server


def over_a_socket(server: Emulator, entry: str, read_s: float = 5.0) -> Seen:
    """One request to `endpoint`."""
    server.restart([entry])
    return Seen(httpx.HTTPTransport(verify=False), server, read_s)


ENTRIES = [
    *(name for name in OUTCOMES if name not in (*NEVER_SENT, "timeout", "huge", "flood", "status")),
    *(f"status:{code}" for code in (401, 408, 409, 500, 502, 504, 520, 524)),
    *("cut:head", "cut:body", "cut:1", "cut:100", "cut:99999999", "huge:1", "flood:1", "too_few:2", "drip:0.001"),
    *("rate_limit:retry-after=3", "rate_limit:retry-after-ms=20", "rate_limit:message=12s", "overloaded:retry-after=1"),
]


@pytest.mark.parametrize("entry", ENTRIES)
def test_a_client_gets_the_same_over_a_socket_and_in_memory(endpoint: Emulator, entry: str) -> None:
    _, memory = in_memory(entry)
    wire = over_a_socket(endpoint, entry)
    at_the_socket = wire.body.replace(endpoint.here.encode(), b"HOST").replace(endpoint.elsewhere.encode(), b"HOST")
    in_the_memory = memory.body.replace(b"http://127.0.0.1:8123", b"HOST")
    in_the_memory = in_the_memory.replace(b"http://elsewhere.example:8123", b"HOST")
    assert (wire.status, wire.error) == (memory.status, memory.error)
    assert at_the_socket == in_the_memory
    for headers in (memory.headers, wire.headers):
        for name in ("content-length", "transfer-encoding", "location"):
            headers.pop(name, None)
    assert wire.headers == memory.headers


def test_a_timeout_raises_the_error_of_a_timeout(endpoint: Emulator) -> None:
    assert over_a_socket(endpoint, "timeout", read_s=0.1).error == "ReadTimeout"
    server, memory = in_memory("timeout")
    assert (memory.error, server.calls[0].pictures, server.settled_usd) == ("ReadTimeout", 2, Decimal(0))


@pytest.mark.parametrize("name", NEVER_SENT)
def test_a_request_that_never_leaves_is_no_arrival(name: str) -> None:
    server, reply = in_memory(name)
    assert reply.error.lower() == name.replace("_", "")
    assert (server.arrivals, len(server.calls), server.billed_usd) == (0, 1, Decimal(0))


@pytest.mark.parametrize("place", [0, 1, 9, 40, -1])
def test_a_connection_is_cut_at_the_given_byte(endpoint: Emulator, place: int) -> None:
    """A raw client counts from the first byte of the status line."""
    server, _ = in_memory("ok")
    whole = len(_raw(endpoint, "ok"))
    at = whole - 1 if place < 0 else place
    assert len(_raw(endpoint, f"cut:{at}")) == at
    assert server.billed_usd > 0


def _raw(server: Emulator, entry: str) -> bytes:
    server.restart([entry])
    request = httpx.Request("POST", server.base_url + "/images/edits", data=FIELDS, files=FILES, headers=HEADERS)
    body = request.read()
    lines = [f"{name}: {value}" for name, value in request.headers.items()]
    head = "\r\n".join([f"POST {request.url.path} HTTP/1.1", *lines, "connection: close", "", ""]).encode()
    with socket.create_connection(("127.0.0.1", request.url.port)) as connection:
        connection.sendall(head + body)
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
        return answer


@pytest.mark.parametrize("name", OUTCOMES)
def test_every_outcome_bills_by_its_table(name: str) -> None:
    server, reply = in_memory({"status": "status:500", "huge": "huge:1", "flood": "flood:1"}.get(name, name))
    assert bool(server.billed_usd) is (name not in FREE)
    arrived = reply.status == 200 and not reply.error
    assert server.settled_usd == (server.billed_usd if arrived else 0)


def test_the_answers_have_the_content_in_their_names() -> None:
    def picture(entry: str) -> Image.Image:
        text = httpx.Response(200, content=in_memory(entry)[1].body).json()["data"][0]["b64_json"]
        return Image.open(io.BytesIO(base64.b64decode(text.removeprefix("data:image/png;base64,"))))

    assert [picture(entry).mode for entry in ("ok", "rgba", "transparent", "grey", "palette", "data_uri")] == [
        "RGB", "RGBA", "RGBA", "L", "P", "RGB"]  # fmt: skip
    assert picture("transparent").getchannel("A").getextrema() == (0, 0)
    assert picture("jpeg").format == "JPEG"
    assert [picture(entry).size for entry in ("ok", "wrong_size", "wrong_size:7x9")] == [(64, 64), (32, 64), (7, 9)]


def test_the_wait_is_stated_in_the_header_or_the_message() -> None:
    for how, name in (("retry-after=3", "retry-after"), ("retry-after-ms=20", "retry-after-ms")):
        assert in_memory(f"rate_limit:{how}")[1].headers[name] == how.partition("=")[2]
    assert in_memory("rate_limit:date=60")[1].headers["retry-after"].endswith("GMT")
    reply = in_memory("rate_limit:message=12s")[1]
    assert b"Please try again in 12s." in reply.body
    assert "retry-after" not in reply.headers


def test_500_can_come_before_the_bill() -> None:
    assert in_memory("status:500")[0].billed_usd > 0
    assert in_memory("status:500,unbilled")[0].billed_usd == 0


def test_the_script_is_played_in_order_and_a_refused_request_plays_none() -> None:
    server = emulator(["slow_down", "no_images"], flat=True, any_size=True, after="moderation_blocked")
    transport = MemoryTransport(server)
    assert Seen(transport, server).status == 429
    assert httpx.Client(transport=transport).post(server.base_url + "/images/edits").status_code == 401
    assert server.script_left == ("no_images",)
    assert [Seen(transport, server).status for _ in range(3)] == [200, 400, 400]
    assert [call.outcome for call in server.calls] == ["slow_down", "refused", "no_images"] + 2 * ["moderation_blocked"]


def test_an_unknown_outcome_is_a_mistake_of_the_script() -> None:
    with pytest.raises(ValueError, match="unknown outcome 'explode': use one of ok, too_few"):
        emulator(["explode"], flat=True)


def test_pictures_are_fetched_from_the_addresses_of_an_answer(endpoint: Emulator) -> None:
    endpoint.restart(["url"])
    with httpx.Client(headers=HEADERS, verify=False) as client:
        url = endpoint.base_url + "/images/edits"
        entry = client.post(url, data=FIELDS, files=FILES).json()["data"][0]
        fetched = client.get(entry["url"])
    assert entry["url"].startswith(endpoint.here)
    assert fetched.headers["content-type"] == "image/png"
    assert Image.open(io.BytesIO(fetched.content)).size == (64, 64)
    assert len(endpoint.downloads) == 1
    assert endpoint.strays == []


@pytest.mark.parametrize("entry", ["url_elsewhere", "redirect_elsewhere"])
def test_a_request_to_another_host_is_recorded(endpoint: Emulator, entry: str) -> None:
    endpoint.restart([entry])
    with httpx.Client(headers=HEADERS, verify=False) as client:
        response = client.post(endpoint.base_url + "/images/edits", data=FIELDS, files=FILES)
        url = response.headers["location"] if response.is_redirect else response.json()["data"][0]["url"]
        client.request("POST" if response.is_redirect else "GET", url)
    assert [(host, key) for _, host, key in endpoint.strays] == [(endpoint.elsewhere.removeprefix("http://"), True)]


@pytest.mark.parametrize("entry", ["huge:200", "flood:200"])
def test_200_mb_are_sent_without_their_size_in_memory(endpoint: Emulator, entry: str) -> None:
    endpoint.restart([entry])
    tracemalloc.start()
    with httpx.Client(headers=HEADERS, verify=False, base_url=endpoint.base_url) as client:
        with client.stream("POST", "/images/edits", data=FIELDS, files=FILES) as response:
            received = sum(len(piece) for _, piece in zip(range(200), response.iter_raw(), strict=False))
        peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert response.headers.get("content-length") == (None if entry == "flood:200" else str((200 << 20) + 34))
    assert received > 1 << 20
    assert peak < 8 << 20


def test_a_drip_takes_its_time() -> None:
    start = time.monotonic()
    reply = in_memory("drip:0.01")[1]
    assert reply.status == 200
    assert 0.15 < time.monotonic() - start < 5


def test_each_answer_to_the_same_request_is_another_one() -> None:
    server = emulator(flat=True, any_size=True)
    assert Seen(MemoryTransport(server), server).body != Seen(MemoryTransport(server), server).body
    again = emulator(flat=True, any_size=True)
    assert Seen(MemoryTransport(again), again).body == in_memory("ok")[1].body


def test_the_command_line_refuses_unknown_words(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--script", "ok, explode"])
    assert "unknown outcomes: explode" in capsys.readouterr().err


def test_the_command_line_serves_until_interrupted() -> None:
    command = [sys.executable, "-m", "tests.support.emulator", "--port", "0", "--flat", "--any-size",
               "--script", "status:500,unbilled, ok"]  # fmt: skip
    with subprocess.Popen(command, cwd=ROOT, env=clean_environment(), stdout=-1, stderr=-1, text=True) as child:
        try:
            assert child.stdout is not None
            url = child.stdout.readline().split()[-1]
            assert child.stdout.readline().split() == ["key:", EMULATOR_KEY]
            with httpx.Client(headers=HEADERS, verify=False) as client:
                statuses = [client.post(url + "/images/edits", data=FIELDS, files=FILES).status_code for _ in range(2)]
            assert statuses == [500, 200]
        finally:
            child.send_signal(signal.SIGINT)
            _, errors = child.communicate(timeout=20)
    assert child.returncode == 0
    assert "2 requests, billed $0.00" in errors
