"""Calls that are refused, not sent or ambiguous: nothing is paid twice."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import httpx
import pytest

from exquisite.api.retry import RetryPolicy
from exquisite.errors import (
    OutcomeUnknownError,
    PaymentError,
    RejectedByServerError,
    ReplayError,
    ServerUnavailableError,
)
from tests.support.client_bench import Bench, mocked, request_for
from tests.support.emulator import EMULATOR_KEY
from tests.support.memory_log import MemoryCallLog


class TestRefusals:
    @pytest.mark.parametrize(
        ("outcome", "words"),
        [
            ("moderation_blocked", ("moderation_blocked", "change the words")),
            ("billing_hard_limit", ("billing_hard_limit_reached", "add credit")),
            ("insufficient_quota", ("add credit",)),
            ("credit_balance_exhausted", ("add credit",)),
            ("spend_limit", ("add credit",)),
            ("error_string", ("prompt required",)),
            ("detail", ("prompt required",)),
            ("redirect_here", ("status 307", "redirects are not followed")),
            ("redirect_elsewhere", ("status 307", "redirects are not followed")),
        ],
    )
    def test_a_permanent_refusal_is_final(self, outcome: str, words: tuple[str, ...]) -> None:
        bench = Bench(outcome)
        bench.fails_with(RejectedByServerError, *words)
        assert bench.call_sizes == [3]
        assert bench.log.outcomes == ["refused"]
        assert bench.endpoint.strays == []
        assert bench.log.counted == bench.endpoint.billed_usd == 0

    def test_a_refusal_of_the_key_does_not_show_it(self) -> None:
        bench = Bench(api_key="sk-wrong-wrong-wrong")
        bench.fails_with(RejectedByServerError, "status 401", "check the key")

    @pytest.mark.parametrize("outcome", ["rate_limit", "slow_down", "overloaded"])
    @pytest.mark.parametrize(
        ("how", "wait"), [("retry-after=7", 7.0), ("retry-after-ms=250", 0.25), ("message=1m12s", 72.0), ("", 8.0)]
    )
    def test_a_temporary_refusal_is_retried_after_a_wait(self, outcome: str, how: str, wait: float) -> None:
        bench = Bench(f"{outcome}:{how}")
        assert len(bench.run()) == 3
        assert bench.waits == [wait]
        assert bench.log.outcomes == ["refused", "answered"]
        assert f"waiting {wait:.1f} s, then attempt 2" in " ".join(bench.log.lines)

    def test_a_wait_may_end_at_a_date(self) -> None:
        bench = Bench("rate_limit:date=30")
        bench.run()
        assert 25 < bench.waits[0] <= 31

    def test_retries_end_after_their_number(self) -> None:
        bench = Bench(*["overloaded"] * 9, retry=RetryPolicy(retries=3))
        bench.fails_with(ServerUnavailableError, "server_is_overloaded", "attempt 4", "nothing was billed", "later")
        assert bench.waits == [8.0, 16.0, 32.0]
        assert bench.log.outcomes == ["refused"] * 4
        assert bench.log.counted == 0

    def test_too_long_a_wait_is_an_error(self) -> None:
        bench = Bench("rate_limit:retry-after=3600")
        bench.fails_with(ServerUnavailableError, "requests a wait of 3600 s")
        assert bench.waits == []

    def test_a_server_may_forbid_a_retry(self) -> None:
        body = {"error": {"message": "no", "code": "rate_limit_exceeded"}}
        client = mocked(lambda request: httpx.Response(429, json=body, headers={"x-should-retry": "false"}))
        log = MemoryCallLog()
        with pytest.raises(ServerUnavailableError):
            list(client.generate(request_for(), log))
        assert log.outcomes == ["refused"]

    @pytest.mark.parametrize("outcome", ["connect_error", "connect_timeout", "pool_timeout"])
    def test_an_unsent_request_is_sent_again(self, outcome: str) -> None:
        bench = Bench(outcome, outcome)
        assert len(bench.run()) == 3
        assert bench.log.outcomes == ["not_sent", "not_sent", "answered"]
        assert bench.waits == [0.5, 1.0]

    def test_nothing_is_sent_over_the_budget(self) -> None:
        bench = Bench(budget=Decimal("0.0001"))
        bench.fails_with(PaymentError, "left")
        assert bench.endpoint.calls == []


class TestAmbiguous:
    @pytest.mark.parametrize(
        "outcome",
        [
            *("timeout", "cut", "cut:head", "cut:body", "overloaded_html"),
            *(f"status:{code}" for code in (408, 409, 500, 502, 504, 520, 524)),
            "status:500,unbilled",
        ],
    )
    def test_a_call_that_may_have_been_billed_is_never_repeated(self, outcome: str) -> None:
        bench = Bench(outcome)
        bench.fails_with(OutcomeUnknownError, "may have been billed", "--retry-ambiguous")
        assert bench.call_sizes == [3]
        assert bench.waits == []
        assert bench.log.outcomes == ["unknown"]
        assert bench.log.counted >= bench.endpoint.billed_usd

    def test_an_answer_cut_at_any_byte_is_unknown(self) -> None:
        for place in range(0, 100_000, 7):
            bench = Bench(f"cut:{place}", candidates=1)
            try:
                bench.run()
            except OutcomeUnknownError:
                assert (bench.call_sizes, bench.log.outcomes) == ([1], ["unknown"])
            else:
                break
        assert place > 300
        assert bench.log.outcomes == ["answered"]  # the whole answer fits before the cut

    @pytest.mark.parametrize(
        "end", [httpx.ReadError("reset"), httpx.ReadTimeout("timed out"), KeyboardInterrupt(), SystemExit()]
    )
    def test_the_part_of_a_broken_answer_that_arrived_is_stored(self, end: BaseException) -> None:
        def body() -> Iterator[bytes]:
            yield b'{"data": [{"b64_'
            yield b'json": "iVBORw0KGgo'
            raise end

        log = MemoryCallLog()
        with pytest.raises((OutcomeUnknownError, type(end))) as caught:
            list(mocked(lambda request: httpx.Response(200, content=body())).generate(request_for(), log))
        assert log.outcomes == ["unknown"]
        assert log.entries[0].partial == b'{"data": [{"b64_json": "iVBORw0KGgo'
        if isinstance(caught.value, OutcomeUnknownError):
            assert "the 35 bytes that arrived are kept" in str(caught.value)

    def test_the_page_of_an_ambiguous_status_is_stored_in_full(self) -> None:
        page = b"<html>" + b"gateway " * 1000
        log = MemoryCallLog()
        with pytest.raises(OutcomeUnknownError):
            list(mocked(lambda request: httpx.Response(504, content=page)).generate(request_for(), log))
        assert log.entries[0].partial == page

    @pytest.mark.invariant("SECRETS-KEPT")
    @pytest.mark.parametrize("length", range(1, len(EMULATOR_KEY) + 1))
    def test_a_key_that_an_answer_echoes_is_not_in_its_stored_part(self, length: int) -> None:
        def body() -> Iterator[bytes]:
            yield b"your key is " + EMULATOR_KEY[:length].encode()
            raise httpx.ReadError("reset")

        log = MemoryCallLog()
        with pytest.raises(OutcomeUnknownError):
            list(mocked(lambda request: httpx.Response(200, content=body())).generate(request_for(), log))
        assert log.entries[0].partial.startswith(b"your key is ")
        assert EMULATOR_KEY[: max(length, 12)].encode() not in log.entries[0].partial

    @pytest.mark.parametrize("error", [httpx.WriteError, httpx.WriteTimeout, httpx.ReadError, httpx.CloseError])
    def test_a_request_that_broke_while_it_was_sent_is_unknown(self, error: type[httpx.TransportError]) -> None:
        def handler(request: httpx.Request) -> httpx.Response:
            raise error("broken pipe")

        log = MemoryCallLog()
        with pytest.raises(OutcomeUnknownError, match="broken pipe"):
            list(mocked(handler).generate(request_for(), log))
        assert log.outcomes == ["unknown"]

    @pytest.mark.parametrize("interruption", [KeyboardInterrupt, SystemExit, MemoryError])
    def test_an_interruption_is_logged(self, interruption: type[BaseException]) -> None:
        def handler(request: httpx.Request) -> httpx.Response:
            raise interruption

        log = MemoryCallLog()
        with pytest.raises(interruption):
            list(mocked(handler).generate(request_for(), log))
        assert log.outcomes == ["unknown"]

    def test_a_request_missing_in_a_recording_was_not_sent(self) -> None:
        def handler(request: httpx.Request) -> httpx.Response:
            raise ReplayError("not recorded")

        log = MemoryCallLog()
        with pytest.raises(ReplayError):
            list(mocked(handler).generate(request_for(), log))
        assert log.outcomes == ["not_sent"]

    def test_earlier_tiles_are_yielded(self) -> None:
        bench = Bench("ok", "timeout", calls="each", concurrency=1)
        bench.fails_with(OutcomeUnknownError)
        assert len(bench.tiles) == 1
        assert bench.log.outcomes == ["answered", "unknown"]
