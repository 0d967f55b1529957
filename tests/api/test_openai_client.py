"""The client of a real model: the outcome of every kind of answer, and the effect of its settings."""

from __future__ import annotations

import gzip
import json
import time
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import httpx
import pytest

from exquisite.api.answer import answer_bytes_max, candidates_in, decode_tile
from exquisite.api.generator import NullCallLog, StoredAnswer, TileGenerator, describe
from exquisite.api.models import MODEL_DEFAULT
from exquisite.api.openai_client import OpenAITileGeneratorClient
from exquisite.api.servers import SERVERS
from exquisite.contract import CLASSIC
from exquisite.errors import (
    AnswerError,
    OutcomeUnknownError,
    UsageError,
)
from tests.support.client_bench import SMALL, Bench, mocked, request_for
from tests.support.clocks import TestClock
from tests.support.emulator import EMULATOR_KEY
from tests.support.memory_log import MemoryCallLog


class TestAnswers:
    def test_one_call_brings_all_tiles(self) -> None:
        bench = Bench()
        assert [tile.meta["image"] for tile in bench.run()] == [0, 1, 2]
        assert bench.call_sizes == [3]
        assert bench.log.outcomes == ["answered"]

    def test_consecutive_calls_make_every_tile_durable_before_the_next_request(self) -> None:
        bench = Bench(calls="each", concurrency=1)
        durable = [list(bench.log.outcomes) for _ in bench.client.generate(request_for(), bench.log)]
        assert durable == [["answered"] * count for count in (1, 2, 3)]
        assert bench.call_sizes == [1, 1, 1]

    @pytest.mark.invariant("ANSWERS-FIRST")
    def test_a_body_is_durable_before_it_is_parsed(self) -> None:
        bench = Bench("html_200")
        bench.fails_with(OutcomeUnknownError, "neither JSON nor an image")
        assert bench.log.outcomes == ["answered"]
        assert b"<html" in bench.log.entries[0].body.lower()

    def test_the_client_yields_the_tiles_of_the_stored_answers(self) -> None:
        for script in (["ok"], ["url"], ["data_uri"], ["too_few", "ok"], ["bad_base64"]):
            bench = Bench(*script)
            tiles = bench.run()
            stored = [
                StoredAnswer(number, entry.body, entry.headers or {})
                for number, entry in enumerate(bench.log.entries)
                if entry.outcome == "answered"
            ]
            assert [(tile.data, dict(tile.meta)) for tile in candidates_in(stored)] == [
                (tile.data, dict(tile.meta)) for tile in tiles
            ]
            assert len(tiles) == 3

    def test_only_missing_tiles_are_requested_again(self) -> None:
        bench = Bench("too_few:1", "too_few:0")
        assert len(bench.run()) == 3
        assert bench.call_sizes == [3, 1]
        bench = Bench("too_few:2", "ok")
        assert len(bench.run()) == 2
        assert bench.call_sizes == [3, 1]  # two more could pass the ceiling, and after that one more could
        assert "agreed to; going on with 2 of 3" in bench.log.lines[-1]

    def test_more_than_ten_tiles_are_requested_in_shares(self) -> None:
        bench = Bench(candidates=12)
        assert len(bench.run()) == 12
        assert bench.call_sizes == [10, 2]

    @pytest.mark.parametrize("outcome", ["no_images", "no_data", "html_200", "empty_200", "cut_json:0", "error_200"])
    def test_an_answer_without_a_tile_is_an_error_and_no_second_request(self, outcome: str) -> None:
        bench = Bench(outcome)
        bench.fails_with(OutcomeUnknownError, "holds no picture", "answers/000.body", "--retry-ambiguous")
        assert bench.call_sizes == [3]
        assert bench.endpoint.strays == []
        bench = Bench("too_few:1", outcome)
        assert len(bench.run()) == 2
        assert bench.call_sizes == [3, 1]
        assert "going on with 2 of 3" in bench.log.lines[-1]

    @pytest.mark.parametrize(
        "outcome", ["wrong_size", "transparent", "grey", "palette", "garbage", "cut_picture"]
    )
    def test_an_unusable_picture_counts_as_delivered_and_the_decoder_says_why(self, outcome: str) -> None:
        bench = Bench(outcome)
        for tile in bench.run():
            with pytest.raises(AnswerError):
                decode_tile(tile.data, SMALL)
        assert bench.call_sizes == [3]

    def test_tiles_beyond_the_requested_number_are_dropped(self) -> None:
        body = {"created": 1, "data": [{"b64_json": "eHh4"}] * 5}
        client = mocked(lambda request: httpx.Response(200, json=body))
        assert len(list(client.generate(request_for(), NullCallLog()))) == 3

    def test_a_body_without_end_is_cut_and_counts_as_answered(self) -> None:
        for outcome in ("huge:200", "flood:200"):
            bench = Bench(outcome, candidates=1)
            bench.fails_with(OutcomeUnknownError, f"cut after {answer_bytes_max(SMALL, 1)} bytes")
            assert bench.log.outcomes == ["answered"]
            assert len(bench.log.entries[0].body) == answer_bytes_max(SMALL, 1)
            assert bench.log.entries[0].counted > 0

    def test_nothing_is_read_beyond_the_limit(self) -> None:
        limit, bytes_read = answer_bytes_max(SMALL, 1), 0

        class Flood(httpx.SyncByteStream):
            def __iter__(self) -> Iterator[bytes]:
                nonlocal bytes_read
                while True:
                    bytes_read += 1 << 16
                    yield b" " * (1 << 16)

        client = mocked(lambda request: httpx.Response(200, stream=Flood()))
        tracemalloc.start()
        try:
            with pytest.raises(OutcomeUnknownError, match="cut after"):
                list(client.generate(request_for(candidates=1), NullCallLog()))
            assert bytes_read < limit + 2 * (1 << 16)
            assert tracemalloc.get_traced_memory()[1] < 4 * limit
        finally:
            tracemalloc.stop()

    def test_an_unrequested_compressed_answer_is_read(self) -> None:
        body = gzip.compress(b'{"data": [{"b64_json": "eHh4"}]}')
        headers = {"content-encoding": "gzip"}
        client = mocked(lambda request: httpx.Response(200, headers=headers, stream=httpx.ByteStream(body)))
        assert [tile.data for tile in client.generate(request_for(candidates=1), NullCallLog())] == [b"xxx"]
        stream = httpx.ByteStream(b"no gzip at all")
        broken_client = mocked(lambda request: httpx.Response(200, headers=headers, stream=stream))
        with pytest.raises(OutcomeUnknownError, match="DecodingError"):
            list(broken_client.generate(request_for(candidates=1), NullCallLog()))

    def test_an_answer_that_drips_for_ever_times_out(self) -> None:
        class Slow(TestClock):
            """Every look at the clock takes 100 s."""

            def ticks(self) -> float:
                self.waits.append(100.0)
                return super().ticks()

        bench = Bench("drip:0", clock=Slow())
        bench.fails_with(OutcomeUnknownError, "longer than 1800 s")
        assert bench.log.outcomes == ["unknown"]

    def test_the_booked_cost_is_the_bill(self) -> None:
        bench = Bench("too_few:1", "rate_limit:retry-after=1", "ok")
        bench.run()
        assert bench.log.counted == bench.endpoint.billed_usd > 0

    @pytest.mark.parametrize("outcome", ["usage_missing", "usage_zero"])
    def test_the_estimate_is_booked_where_the_server_states_no_cost(self, outcome: str) -> None:
        bench = Bench(outcome)
        bench.run()
        (entry,) = bench.log.entries
        assert entry.estimated
        assert bench.endpoint.billed_usd <= entry.counted < entry.reserved


class TestSettings:
    def make(self, **options: Any) -> OpenAITileGeneratorClient:
        return OpenAITileGeneratorClient(**{"environ": {}, "clock": TestClock(), **options})

    def test_key_and_address_come_from_the_environment(self) -> None:
        client = self.make(environ={"OPENAI_API_KEY": EMULATOR_KEY, "OPENAI_BASE_URL": "https://eu.api.openai.com/v1/"})
        assert client.base_url == "https://eu.api.openai.com/v1"
        assert client.model == MODEL_DEFAULT

    def test_without_a_key_nothing_is_reserved_or_sent(self) -> None:
        log = MemoryCallLog()
        with pytest.raises(UsageError, match="set OPENAI_API_KEY"):
            self.make().generate(request_for(CLASSIC), log)
        assert log.entries == []

    def test_a_replay_needs_no_key_and_does_not_wait(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def never(seconds: float) -> None:
            pytest.fail(f"waited {seconds} s")

        monkeypatch.setattr(time, "sleep", never)
        bodies = [httpx.Response(429), httpx.Response(200, json={"data": [{"b64_json": "eHh4"}]})]
        replay = httpx.MockTransport(lambda request: bodies.pop(0))
        replay.may_send = False  # type: ignore[attr-defined]
        log = MemoryCallLog()
        assert len(list(self.make(transport=replay, clock=None).generate(request_for(CLASSIC, 1), log))) == 1
        assert log.outcomes == ["refused", "answered"]

    def test_a_recording_outlives_its_model(self) -> None:
        replay = httpx.MockTransport(lambda request: httpx.Response(400))
        replay.may_send = False  # type: ignore[attr-defined]
        assert self.make(transport=replay, model="gpt-image-1").warning == ""
        replay.may_send = True  # type: ignore[attr-defined]
        with pytest.raises(UsageError, match="was shut down"):
            self.make(transport=replay, model="gpt-image-1")

    def test_a_recording_that_may_send_needs_a_key(self) -> None:
        recorder = httpx.MockTransport(lambda request: pytest.fail("sent"))
        recorder.may_send = True  # type: ignore[attr-defined]
        with pytest.raises(UsageError, match="there is no key"):
            self.make(transport=recorder).generate(request_for(CLASSIC, 1), MemoryCallLog())

    @pytest.mark.parametrize(
        ("options", "problem"),
        [
            ({"model": "gpt-image-1"}, r"shut down on 2026-10-23: use gpt-image-2\.6-sunburst"),
            ({"model": "gpt-image-9"}, "unknown model"),
            ({"calls": "all"}, "use batch or each"),
            ({"base_url": "http://example.com/v1"}, "unencrypted"),
            ({"api_key": "two words"}, "characters that no key has"),
            ({"server": SERVERS["azure"]}, "fill in"),
        ],
    )
    def test_unusable_settings_are_refused_at_once(self, options: dict[str, Any], problem: str) -> None:
        with pytest.raises(UsageError, match=problem):
            self.make(**options)

    def test_a_model_that_retires_soon_is_named_in_the_progress(self) -> None:
        client = self.make(model="gpt-image-1.5", api_key=EMULATOR_KEY)
        log = MemoryCallLog()
        client.generate(request_for(CLASSIC), log)
        assert log.lines == ["gpt-image-1.5 is shut down on 2026-12-01: change to gpt-image-2.6-sunburst before"]

    @pytest.mark.parametrize(
        ("change", "problem"),
        [
            ({"contract": SMALL}, "64x64 is not accepted"),
            ({"prompt": ""}, "0 characters"),
            ({"prompt": "x" * 32_001}, "32001 characters"),
            ({"candidates": 0}, "at least 1"),
        ],
    )
    def test_a_request_that_breaks_a_rule_is_not_sent(self, change: dict[str, Any], problem: str) -> None:
        client = self.make(transport=httpx.MockTransport(lambda _: pytest.fail("sent")), api_key=EMULATOR_KEY)
        request = replace(request_for(CLASSIC), **change)
        with pytest.raises(UsageError, match=problem):
            list(client.generate(request, MemoryCallLog()))
        with pytest.raises(UsageError, match=problem):
            client.request_preview(request)

    def test_the_preview_equals_the_request(self) -> None:
        bench = Bench(complexity="low")
        preview = bench.client.request_preview(request_for())
        bench.run()
        summary = dict(bench.log.entries[0].summary)
        assert {name: preview[name] for name in summary} == summary
        assert preview["tiles_per_call"] == [3]
        assert Decimal(str(preview["worst_case_usd"])) == bench.log.entries[0].reserved
        assert 0 < Decimal(str(preview["estimate_usd"])) < Decimal(str(preview["worst_case_usd"]))
        json.dumps(preview)

    def test_the_preview_counts_every_call(self) -> None:
        each = Bench(calls="each").client.request_preview(request_for())
        batch = Bench().client.request_preview(request_for())
        assert each["tiles_per_call"] == [1, 1, 1]
        assert Decimal(str(each["estimate_usd"])) > Decimal(str(batch["estimate_usd"]))

    def test_the_identity_has_every_setting_that_changes_an_answer(self) -> None:
        batch, each = Bench().client, Bench(calls="each").client
        assert isinstance(batch, TileGenerator)
        assert describe(batch) == describe(each) == batch.identity()
        assert describe(Bench(quality="low").client) != describe(batch)
        assert describe(Bench(model="gpt-image-2").client) != describe(batch)
        json.dumps(batch.identity())
