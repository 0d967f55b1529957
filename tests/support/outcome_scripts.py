"""Scripts of outcomes: a scripted server in memory, an oracle of the policy, and the values to compare.

Any CallLog can be driven, so that the log in memory and the journal on disk keep the same promises.
"""

from __future__ import annotations

import base64
import io
import itertools
import json
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from types import SimpleNamespace
from typing import TypeVar
from unittest.mock import patch

import httpx
from PIL import Image

from exquisite.api import call_round
from exquisite.api.generator import CallLog, TileRequest
from exquisite.api.models import MODEL_DEFAULT, usage_usd
from exquisite.api.openai_client import OpenAITileGeneratorClient
from exquisite.api.prompt import build_prompt
from exquisite.api.retry import RetryPolicy
from exquisite.contract import Mode, TileContract
from exquisite.errors import (
    ExquisiteError,
    OutcomeUnknownError,
    RejectedByServerError,
    ServerUnavailableError,
)

from .clocks import TestClock
from .emulator_core import usage_of, usd_of
from .emulator_rules import Edit

__all__ = [
    "AMBIGUOUS",
    "IMMEDIATE",
    "OUTCOMES",
    "RETRIED",
    "RETRIES",
    "SILENT",
    "TINY",
    "Driver",
    "Expected",
    "Run",
    "ScriptedServer",
    "all_scripts",
    "distinct_runs",
    "expect",
    "listed_usd",
    "tiny_request",
]

OUTCOMES = (
    "all",  # 200, everything that was asked for
    "one",  # 200, one picture, however many were asked for
    "zero",  # 200, everything that was asked for, billed by the price list, and a usage of zero tokens
    "scant",  # 200, one picture, billed by the price list, and no word of what it cost
    "lossy",  # 200, everything that was asked for, as JPEG
    "foreign",  # 200, everything that was asked for, at addresses of another server
    "none",  # 200, JSON without a picture, billed for the input
    "page",  # 200, an HTML page, billed without saying so
    "limited",  # 429 with Retry-After
    "busy",  # 503 with a JSON error
    "rejected",  # 400
    "penniless",  # 429 whose code says that waiting is no use
    "unreached",  # no connection
    "silent",  # billed, then a read time-out
    "broken",  # 500, not billed
    "cut",  # billed, then the connection ends inside the answer
)
"""What can happen to one request."""

RETRIES = 2
"""Further attempts that the policy of these scripts allows."""

TINY = TileContract(16, 8, 4, 4)
Log = TypeVar("Log", bound=CallLog)
AMBIGUOUS = ("silent", "broken", "cut")
RETRIED = ("limited", "busy", "unreached")
SILENT = ("zero", "scant")
"""Pictures without a word of their cost: an estimate is booked, and marked."""


def all_scripts(longest: int) -> Iterator[tuple[str, ...]]:
    """Every script of 1 to `longest` outcomes."""
    for length in range(1, longest + 1):
        yield from itertools.product(OUTCOMES, repeat=length)


@cache
def tiny_request(candidates: int, mode: str = "x_ltr") -> TileRequest:
    """A request that is fast to encode."""
    return TileRequest(
        mode=Mode(mode),
        contract=TINY,
        band=Image.new("RGB", TINY.band_size(mode)),
        reference=Image.new("RGB", TINY.tile_size("x_ltr")),
        mask=Image.new("RGBA", TINY.tile_size("x_ltr")),
        prompt=build_prompt(mode, "", TINY),
        candidates=candidates,
        step_index=1,
    )


class ScriptedServer(httpx.BaseTransport):
    """An endpoint in memory: follows a script, then answers well for ever; keeps account of what it billed.

    Where an answer does not say what it cost, the bill is that of the price list, which an estimate can know.
    """

    def __init__(self, script: Sequence[str] = ()) -> None:
        self.lock = threading.RLock()
        self.restart(script)

    def restart(self, script: Sequence[str]) -> None:
        """Reset the records and follow `script`."""
        self.script = script
        self.call_sizes: list[int] = []  # n of each request that arrived or was tried
        self.happened: list[str] = []
        self.bills: list[Decimal] = []  # of each request, in the same order

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        n = int(request.read().split(b'name="n"\r\n\r\n', 1)[1].split(b"\r\n", 1)[0])
        with self.lock:
            outcome = self.script[len(self.call_sizes)] if len(self.call_sizes) < len(self.script) else "all"
            self.call_sizes.append(n)
            self.happened.append(outcome)
            self.bills.append(_bill_of(outcome, n))
        return self.reply(request, outcome, n)

    def billed(self, *outcomes: str) -> Decimal:
        """The bill of the requests with these outcomes, or of all requests, in USD."""
        return sum(
            (usd for usd, name in zip(self.bills, self.happened, strict=True) if name in (outcomes or OUTCOMES)),
            Decimal(0),
        )

    def reply(self, request: httpx.Request, outcome: str, n: int) -> httpx.Response:
        """The reply to a request for `n` tiles."""
        if outcome == "unreached":
            raise httpx.ConnectError("connection refused", request=request)
        if outcome == "limited":
            headers = {"retry-after": "3"}
            return httpx.Response(429, headers=headers, content=_error("rate_limit_exceeded"))
        if outcome == "busy":
            return httpx.Response(503, content=_error("server_is_overloaded"))
        if outcome == "rejected":
            return httpx.Response(400, content=_error("moderation_blocked"))
        if outcome == "penniless":
            return httpx.Response(429, content=_error("insufficient_quota"))
        if outcome == "broken":
            return httpx.Response(500, content=_error("server_error"))
        count = _tile_count(outcome, n)
        if outcome in _OPEN:
            return httpx.Response(200, content=_answer(count, outcome if outcome in ("lossy", "foreign") else "png"))
        if outcome in SILENT:
            return httpx.Response(200, content=_answer(count, usage=0 if outcome == "zero" else None))
        if outcome == "page":
            return httpx.Response(200, content=b"<html><title>Oh</title></html>")
        if outcome == "silent":
            raise httpx.ReadTimeout("the read operation timed out", request=request)
        return httpx.Response(200, stream=_CutStream(_answer(count)))


class _CutStream(httpx.SyncByteStream):
    def __init__(self, body: bytes) -> None:
        self.body = body

    def __iter__(self) -> Iterator[bytes]:
        yield self.body[: len(self.body) // 2]
        raise httpx.RemoteProtocolError("peer closed connection without sending complete message body")


@dataclass(frozen=True)
class Expected:
    """What the policy demands of a script."""

    happened: tuple[str, ...]
    call_sizes: tuple[int, ...]
    tiles: int
    error: type[ExquisiteError] | None


@dataclass(frozen=True)
class Run:
    """What a script did to the client."""

    happened: tuple[str, ...]
    call_sizes: tuple[int, ...]
    tiles: int
    error: type[ExquisiteError] | None
    waits: tuple[float, ...]


def expect(script: Sequence[str], candidates: int, most: int = 10, together: int = 1) -> Expected:
    """The policy in its shortest form, written apart from the client: what must happen, and nothing else.

    `most` is how many tiles one call may ask for, `together` how many calls are under way at the same time.
    """
    happened: list[str] = []
    call_sizes: list[int] = []
    tiles = failures = 0
    error: type[ExquisiteError] | None = None
    while tiles < candidates and error is None:
        calls = min(together, -(-(candidates - tiles) // most))
        shares = [min(most, candidates - tiles - most * call) for call in range(calls)]
        start = len(happened)
        outcomes = [script[at] if at < len(script) else "all" for at in range(start, start + calls)]
        happened += outcomes
        call_sizes += shares
        tiles_of = {"all": shares[0], "zero": shares[0], "lossy": shares[0], "one": 1, "scant": 1}
        tiles += sum(tiles_of.get(outcome, 0) for outcome in outcomes)
        has_failure = any(outcome in RETRIED for outcome in outcomes)
        failures = failures + 1 if has_failure else 0
        if any(outcome in (*AMBIGUOUS, "foreign") for outcome in outcomes):
            error = OutcomeUnknownError
        elif any(outcome in ("rejected", "penniless") for outcome in outcomes):
            error = RejectedByServerError
        elif any(outcome in ("none", "page") for outcome in outcomes):
            error = None if tiles else OutcomeUnknownError
            break
        elif failures > RETRIES:
            error = ServerUnavailableError
        elif "scant" in outcomes and most > 1:
            break  # it may have cost the worst case, so another call could pass the ceiling
    return Expected(tuple(happened), tuple(call_sizes), tiles, error)


class _Immediate(threading.Thread):
    """A thread whose work is done when `start` returns."""

    def start(self) -> None:
        self.run()


IMMEDIATE = SimpleNamespace(Thread=_Immediate)
"""In place of `threading`: calls are sent one after the other, without two switches between threads for each."""


class Driver:
    """One client and one server in memory, restarted for each script.

    Args:
        calls: the style of calls.
        together: calls of "each" that may be under way at the same time; more than 1 run in threads of their own.
        server: answers the requests.

    Attributes:
        threading: where the client takes its threads from.
    """

    def __init__(self, calls: str = "batch", together: int = 1, server: ScriptedServer | None = None) -> None:
        self.most = 1 if calls == "each" else 10
        self.together = together
        self.server = server or ScriptedServer()
        self.clock = TestClock(chance=0.5)
        self.threading: object = threading if together > 1 else IMMEDIATE
        self.client = OpenAITileGeneratorClient(
            "sk-not-a-real-key-000000",
            base_url="http://127.0.0.1:9/v1",
            calls=calls,
            concurrency=together,
            retry=RetryPolicy(retries=RETRIES),
            transport=self.server,
            clock=self.clock,
            environ={},
        )

    def run(self, script: Sequence[str], candidates: int, log: CallLog) -> Run:
        """Follow `script` once, writing into `log`."""
        self.server.restart(script)
        self.clock.waits.clear()
        tiles = 0
        error: type[ExquisiteError] | None = None
        try:
            with patch.object(call_round, "threading", self.threading):
                for _ in self.client.generate(tiny_request(candidates), log):
                    tiles += 1
        except ExquisiteError as caught:
            error = type(caught)
        return Run(tuple(self.server.happened), tuple(self.server.call_sizes), tiles, error, tuple(self.clock.waits))


def distinct_runs(
    driver: Driver, candidates: int, make_log: Callable[[], Log], longest: int = 4
) -> Iterator[tuple[Run, Log, int]]:
    """Every script up to `longest` outcomes, as (what it did, its log, for how many scripts it stands).

    The server shows an outcome only when it is asked, so scripts that agree on every request that was made are
    one and the same run: each is run once, and stands for all that begin so.
    """
    histories: set[tuple[str, ...]] = set()
    for script in all_scripts(longest):
        if any(script[:length] in histories for length in range(1, len(script) + 1)):
            continue
        log = make_log()
        run = driver.run(script, candidates, log)
        if len(run.happened) > len(script):  # the script ended before the run did
            yield run, log, 1
        else:
            histories.add(run.happened)
            yield run, log, sum(len(OUTCOMES) ** more for more in range(longest - len(run.happened) + 1))


def _usage(tiles: int) -> dict[str, object]:
    """Small counts, so that the rest of a batch can be asked for under the ceiling of the first call."""
    return {
        "input_tokens": 3,
        "input_tokens_details": {"text_tokens": 2, "image_tokens": 1},
        "output_tokens": tiles,
        "total_tokens": 3 + tiles,
    }


_OPEN = ("all", "one", "none", "lossy", "foreign")  # billed by the `usage` that the answer says


def _tile_count(outcome: str, n: int) -> int:
    """The number of tiles that the server returns for a request of `n`."""
    return {"one": 1, "scant": 1, "none": 0}.get(outcome, n)


@cache
def _bill_of(outcome: str, n: int) -> Decimal:
    """The bill of a request for `n` tiles, in USD."""
    if outcome in _OPEN:
        usd = usage_usd(MODEL_DEFAULT, _usage(_tile_count(outcome, n)))
        assert usd is not None
        return usd
    billed = outcome in (*SILENT, "page", "silent", "cut")
    return listed_usd(_tile_count(outcome, n)) if billed else Decimal(0)


@cache
def listed_usd(tiles: int) -> Decimal:
    """The list price of the emulator for this many tiles of `tiny_request`, in USD."""
    request = tiny_request(tiles)
    fields = {"prompt": request.prompt, "quality": "high"}
    edit = Edit(fields, MODEL_DEFAULT, request.reference, None, request.tile_size, tiles)
    return usd_of(MODEL_DEFAULT, usage_of(edit, tiles))


@cache
def _answer(tiles: int, kind: str = "png", usage: int | None = 1) -> bytes:
    """An answer with so many tiles; `usage` is 1 for the true one, 0 for zero tokens, None for none."""
    buffer = io.BytesIO()
    Image.new("RGB", TINY.tile_size("x_ltr")).save(buffer, "JPEG" if kind == "lossy" else "PNG")
    entry = {"b64_json": base64.b64encode(buffer.getvalue()).decode()}
    if kind == "foreign":
        entry = {"url": "https://elsewhere.example/1.png?token=sesame"}
    counts = {} if usage is None else {"usage": _usage(tiles) if usage else {"input_tokens": 0, "output_tokens": 0}}
    return json.dumps({"created": 1, "data": [entry] * tiles, **counts}).encode()


@cache
def _error(code: str) -> bytes:
    return json.dumps({"error": {"message": f"no: {code}", "type": "error", "param": None, "code": code}}).encode()
