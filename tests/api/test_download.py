"""Downloads of pictures that an answer names by URL."""

from __future__ import annotations

import json
from collections.abc import Callable

import httpx
import pytest

from exquisite.api.png import png_bytes_max
from exquisite.api.retry import RetryPolicy
from exquisite.errors import (
    OutcomeUnknownError,
    ReplayError,
)
from tests.support.client_bench import SMALL, Bench, mocked, request_for
from tests.support.memory_log import MemoryCallLog


def test_pictures_named_by_address_are_fetched_and_made_durable() -> None:
    bench = Bench("url")
    tiles = bench.run()
    assert [tile.meta["answer"] for tile in tiles] == [1, 2, 3]
    assert len(bench.endpoint.downloads) == 3
    assert bench.log.outcomes == ["answered"] * 4
    assert [entry.booked for entry in bench.log.entries[1:]] == [0, 0, 0]


def test_a_failed_download_is_retried_and_then_unknown() -> None:
    gets: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            return httpx.Response(200, json={"data": [{"url": "/files/1.png?token=sesame"}]})
        gets.append(request)
        raise httpx.ReadTimeout("timed out") if len(gets) % 2 else httpx.ConnectError("refused")

    log = MemoryCallLog()
    client = mocked(handler, retry=RetryPolicy(retries=3))
    with pytest.raises(OutcomeUnknownError, match=r"cannot be fetched from http://[\d.:]+/files/1\.png: "):
        list(client.generate(request_for(candidates=1), log))
    assert log.outcomes == ["answered", "not_sent", "not_sent", "not_sent", "unknown"]
    assert len(gets) == 4
    texts = json.dumps([dict(entry.summary) for entry in log.entries]) + " ".join(log.lines)
    assert "sesame" not in texts


def handing_out(
    addresses: list[str], then: BaseException | httpx.Response
) -> Callable[[httpx.Request], httpx.Response]:
    """A server that answers a POST with `addresses`, and a GET of one of them with `then`."""

    def handler(request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            return httpx.Response(200, json={"data": [{"url": address} for address in addresses]})
        if isinstance(then, BaseException):
            raise then
        return then

    return handler


@pytest.mark.parametrize(
    ("address", "then", "problem"),
    [
        ("/1.png", httpx.Response(404), "status 404"),
        ("/1.png", httpx.Response(302, headers={"location": "https://elsewhere/1.png"}), "status 302"),
        ("/1.png", httpx.Response(200, content=b"x" * (png_bytes_max(SMALL) + 1)), "too large"),
        ("/\x7f.png", httpx.Response(200), "address cannot be used"),
    ],
)
def test_a_picture_that_is_gone_is_unknown_and_named(address: str, then: httpx.Response, problem: str) -> None:
    log = MemoryCallLog()
    with pytest.raises(OutcomeUnknownError, match=problem):
        list(mocked(handing_out([address], then)).generate(request_for(candidates=1), log))
    assert log.outcomes[0] == "answered"
    assert log.outcomes[-1] == "unknown"


@pytest.mark.parametrize(
    ("then", "outcome"), [(ReplayError("not recorded"), "not_sent"), (KeyboardInterrupt(), "unknown")]
)
def test_an_interruption_is_logged(then: BaseException, outcome: str) -> None:
    log = MemoryCallLog()
    with pytest.raises(type(then)):
        list(mocked(handing_out(["/1.png"], then)).generate(request_for(candidates=1), log))
    assert log.outcomes == ["answered", outcome]


def test_no_more_pictures_are_fetched_than_requested() -> None:
    log = MemoryCallLog()
    handler = handing_out([f"/{number}.png" for number in range(50)], httpx.Response(200, content=b"\x89PNG\r\n\x1a\n"))
    assert len(list(mocked(handler).generate(request_for(candidates=2), log))) == 2
    assert log.outcomes == ["answered"] * 3
