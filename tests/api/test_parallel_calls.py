"""Concurrent calls: as fast as one, in order, and each logged, whatever happens meanwhile."""

from __future__ import annotations

import itertools
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from exquisite.api.openai_client import OpenAITileGeneratorClient
from exquisite.api.servers import OPENAI
from exquisite.errors import OutcomeUnknownError, RejectedByServerError
from tests.api.test_outcome_scripts import check
from tests.support.client_bench import Bench, request_for
from tests.support.clocks import TestClock
from tests.support.emulator import EMULATOR_KEY
from tests.support.memory_log import MemoryCallLog
from tests.support.outcome_scripts import OUTCOMES, Driver, ScriptedServer

pytestmark = pytest.mark.invariant("NEVER-TWICE")


class Turns(ScriptedServer):
    """Holds every reply back until all calls under way have asked, then lets `order` choose which comes first."""

    def __init__(self, order: Sequence[int], log: MemoryCallLog) -> None:
        super().__init__()
        self.choices = itertools.chain(order, itertools.repeat(0))
        self.log = log
        self.waiting: list[threading.Event] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        turn = threading.Event()
        with self.lock:
            self.waiting.append(turn)
            self.release_one()
        assert turn.wait(10), "no other call ended"
        return super().handle_request(request)

    def release_one(self) -> None:
        """Release a waiting request when nothing else is on its way."""
        under_way = self.log.outcomes.count("")
        if self.waiting and len(self.waiting) == under_way:
            self.waiting.pop(next(self.choices) % len(self.waiting)).set()

    def thread(self, target: Callable[..., None], **arguments: Any) -> threading.Thread:
        """A thread whose end releases the next request."""

        def run(*values: object) -> None:
            target(*values)
            with self.lock:
                self.release_one()

        return threading.Thread(target=run, **arguments)


def answered_by(handler: Callable[[httpx.Request], httpx.Response]) -> OpenAITileGeneratorClient:
    """A client that makes a call for each tile; `handler` answers them."""
    return OpenAITileGeneratorClient(
        EMULATOR_KEY,
        base_url="http://127.0.0.1:9/v1",
        calls="each",
        transport=httpx.MockTransport(handler),
        clock=TestClock(),
        environ={},
    )


class TestInterleavings:
    def held_together(self, script: Sequence[str], order: Sequence[int], candidates: int) -> None:
        log = MemoryCallLog()
        server = Turns(order, log)
        driver = Driver("each", candidates, server)
        driver.threading = SimpleNamespace(Thread=server.thread)
        check(driver, driver.run(script, candidates, log), log, candidates)

    def test_two_calls_in_every_order_of_every_two_outcomes(self) -> None:
        """Which request meets which outcome is up to the order of release: all pairs are all interleavings."""
        for script in itertools.product(OUTCOMES, repeat=2):
            self.held_together(script, (1, 0) if script > script[::-1] else (0, 0), 2)

    def test_three_calls_in_sampled_orders(self) -> None:
        chance = random.Random(6)
        for _ in range(60):
            self.held_together(chance.choices(OUTCOMES, k=5), [chance.randrange(3) for _ in range(9)], 3)


class TestTime:
    def test_three_calls_are_in_flight_at_the_same_time(self) -> None:
        """Each is answered when all have asked. `python -m tests.benchmarks.bench calls` measures the time."""
        all_asked = threading.Barrier(3)

        def answer(request: httpx.Request) -> httpx.Response:
            all_asked.wait(10)
            return httpx.Response(200, json={"data": [{"b64_json": "eHh4"}]})

        assert len(list(answered_by(answer).generate(request_for(), MemoryCallLog()))) == 3

    def test_a_rate_limit_slows_all_of_them(self) -> None:
        bench = Bench("rate_limit:retry-after=3", "rate_limit:retry-after=7", "ok", calls="each")
        assert len(bench.run()) == 3
        assert bench.waits == [7.0]
        assert bench.call_sizes == [1] * 5

    def test_no_more_calls_are_in_flight_than_allowed(self) -> None:
        bench = Bench(calls="each", concurrency=2, candidates=5)
        bench.run()
        asking = [line for line in bench.log.lines if line.startswith("asking")]
        assert [line.split()[1] for line in asking] == ["2", "2", "for"]


class Arranged:
    """A server that answers three requests in a given order."""

    def __init__(self, order: Sequence[int]) -> None:
        self.order = order
        self.gates = [threading.Event() for _ in order]
        self.places = itertools.count()

    def __call__(self, request: httpx.Request) -> httpx.Response:
        turn = self.order.index(next(self.places))
        if turn:
            self.gates[turn - 1].wait(10)
        self.gates[turn].set()
        return httpx.Response(200, json={"data": [{"b64_json": "eHh4"}]})


class TestOrder:
    def test_tiles_come_in_the_order_of_the_calls_whatever_arrives_first(self) -> None:
        for order in itertools.permutations(range(3)):
            client = answered_by(Arranged(order))
            assert [tile.call for tile in client.generate(request_for(), MemoryCallLog())] == [0, 1, 2]

    def test_as_many_calls_are_sent_as_the_budget_covers(self) -> None:
        bench = Bench(calls="each")
        preview = bench.client.request_preview(request_for())
        one = Decimal(str(preview["worst_case_usd"])) / 3
        bench = Bench(calls="each", budget=one * Decimal("2.5"))
        bench.run()
        asking = [line.split()[1] for line in bench.log.lines if line.startswith("asking")]
        assert asking == ["3", "for"]
        assert bench.call_sizes == [1, 1, 1]
        assert bench.log.counted == bench.endpoint.billed_usd


class TestErrors:
    def test_an_unknown_outcome_is_raised_before_a_refusal(self) -> None:
        bench = Bench("moderation_blocked", "timeout", "ok", calls="each")
        bench.fails_with(OutcomeUnknownError)
        assert (len(bench.tiles), sorted(bench.log.outcomes)) == (1, ["answered", "refused", "unknown"])

    def test_nothing_is_sent_after_a_permanent_refusal(self) -> None:
        bench = Bench("moderation_blocked", calls="each", candidates=4, concurrency=2)
        bench.fails_with(RejectedByServerError)
        assert bench.call_sizes == [1, 1]


class TestInterruption:
    def test_ctrl_c_waits_for_nothing_and_every_call_has_its_outcome(self) -> None:
        """One answer is there, one is half there, one is silent; each is in the log when the run ends."""
        barrier, hold = threading.Barrier(3), threading.Event()
        places = itertools.count()

        class Half(httpx.SyncByteStream):
            def __iter__(self) -> Iterator[bytes]:
                yield b'{"data": [{"b64_json": "eHh'
                barrier.wait(5)
                hold.wait(30)

        def handler(request: httpx.Request) -> httpx.Response:
            place = next(places)
            if place == 0:
                return httpx.Response(200, json={"data": [{"b64_json": "eHh4"}]})
            if place == 1:
                return httpx.Response(200, stream=Half())
            barrier.wait(5)
            hold.wait(30)
            return httpx.Response(200)

        client = answered_by(handler)
        log = MemoryCallLog()

        def press() -> None:
            barrier.wait(5)
            while log.outcomes.count("answered") < 1:
                time.sleep(0.001)
            time.sleep(0.05)
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        presser = threading.Thread(target=press)
        presser.start()
        start = time.monotonic()
        try:
            with pytest.raises(KeyboardInterrupt):
                list(client.generate(request_for(), log))
            assert time.monotonic() - start < 5
        finally:
            signal.signal(signal.SIGINT, before)
            hold.set()
            presser.join()
        assert sorted(log.outcomes) == ["answered", "unknown", "unknown"]
        assert sorted(entry.partial for entry in log.entries)[-1] == b'{"data": [{"b64_json": "eHh'


class TestStreaming:
    def bench(self, *script: str) -> Bench:
        return Bench(*script, server=replace(OPENAI, stream=True))

    def test_each_tile_is_a_stream_of_its_own(self) -> None:
        bench = self.bench()
        assert len(bench.run()) == 3
        edits = [call.edit for call in bench.endpoint.calls if call.edit is not None]
        assert [(edit.n, edit.fields["stream"], edit.fields["partial_images"]) for edit in edits] == [
            (1, "true", "0")
        ] * 3
        assert all(entry.body.startswith(b": still at work") for entry in bench.log.entries)
        assert bench.log.counted == bench.endpoint.billed_usd

    def test_streaming_does_not_change_the_identity(self) -> None:
        assert self.bench().client.identity() == Bench().client.identity()

    @pytest.mark.parametrize("outcome", ["cut:body", "cut:head", "timeout"])
    def test_a_stream_without_its_last_event_is_ambiguous(self, outcome: str) -> None:
        bench = self.bench(outcome)
        bench.fails_with(OutcomeUnknownError)
        assert "unknown" in bench.log.outcomes

    def test_a_connection_may_break_after_the_last_event(self) -> None:
        class Breaks(httpx.SyncByteStream):
            def __iter__(self) -> Iterator[bytes]:
                yield b': hello\n\ndata: {"type":"image_edit.completed","b64_json":"eHh4"}\n\n: bye'
                raise httpx.RemoteProtocolError("peer closed connection")

        headers = {"content-type": "text/event-stream"}
        transport = httpx.MockTransport(lambda request: httpx.Response(200, headers=headers, stream=Breaks()))
        client = OpenAITileGeneratorClient(
            EMULATOR_KEY, base_url="http://127.0.0.1:9/v1", transport=transport, clock=TestClock(), environ={}
        )
        log = MemoryCallLog()
        assert [tile.data for tile in client.generate(request_for(candidates=1), log)] == [b"xxx"]
        assert log.outcomes == ["answered"]
