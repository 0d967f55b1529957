"""The client over the loopback address, and with the settings of every known server."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import httpx
import pytest

from exquisite.api.answer import answer_bytes_max, decode_tile
from exquisite.api.clock import Clock
from exquisite.api.connection import Connection
from exquisite.api.models import MODEL_DEFAULT
from exquisite.api.openai_client import OpenAITileGeneratorClient
from exquisite.api.paid_call import Outgoing
from exquisite.api.retry import RetryPolicy
from exquisite.api.secret import Secret
from exquisite.api.servers import SERVERS, ServerSettings
from exquisite.errors import (
    OutcomeUnknownError,
    ServerUnavailableError,
)
from tests.support.client_bench import SMALL, request_for
from tests.support.clocks import TestClock
from tests.support.emulator import EMULATOR_KEY, EmulatorServer, MemoryTransport, emulator
from tests.support.memory_log import MemoryCallLog


class TestOverASocket:
    """The same over the loopback address: what only a socket can do."""

    def client(self, server: EmulatorServer, **options: Any) -> OpenAITileGeneratorClient:
        return OpenAITileGeneratorClient(
            EMULATOR_KEY, base_url=server.emulator.base_url, clock=TestClock(), environ={}, **options
        )

    @pytest.mark.parametrize("outcome", ["ok", "drip:0.001", "url", "rate_limit", "data_uri"])
    def test_tiles_arrive_and_are_booked_as_billed(self, outcome: str) -> None:
        with EmulatorServer(emulator([outcome], flat=True, any_size=True)) as server:
            log = MemoryCallLog()
            tiles = list(self.client(server).generate(request_for(), log))
            assert [decode_tile(tile.data, SMALL).size for tile in tiles] == [(64, 64)] * 3
            assert log.counted == server.emulator.billed_usd

    @pytest.mark.parametrize("outcome", ["cut", "cut:head", "cut:body", "status:502"])
    def test_a_broken_connection_is_unknown(self, outcome: str) -> None:
        with EmulatorServer(emulator([outcome], flat=True, any_size=True)) as server:
            log = MemoryCallLog()
            with pytest.raises(OutcomeUnknownError):
                list(self.client(server).generate(request_for(), log))
            assert (log.outcomes, server.emulator.arrivals) == (["unknown"], 1)

    def test_a_huge_body_is_not_read_to_its_end(self) -> None:
        with EmulatorServer(emulator(["huge:200"], flat=True, any_size=True)) as server:
            log = MemoryCallLog()
            with pytest.raises(OutcomeUnknownError, match="cut after"):
                list(self.client(server).generate(request_for(candidates=1), log))
            assert len(log.entries[0].body) == answer_bytes_max(SMALL, 1)

    def test_no_idle_connection_is_kept(self) -> None:
        """A server may close an idle connection at any time, and what is sent on it then is of unknown outcome."""
        with EmulatorServer(emulator(flat=True, any_size=True)) as server:
            accept, connections = server._http.get_request, []
            server._http.get_request = lambda: connections.append(pair := accept()) or pair  # type: ignore[method-assign, func-returns-value]
            settings = ServerSettings("here", server.emulator.base_url)
            with Connection.to(server.emulator.base_url, settings, Secret("k"), Clock()) as connection:
                for _ in range(3):
                    connection.send(Outgoing("GET", f"{server.emulator.base_url}/models", 1000), bytearray())
        assert len(connections) == 3

    def test_without_a_listener_nothing_was_sent(self) -> None:
        with EmulatorServer(emulator(flat=True)) as server:
            client = self.client(server, retry=RetryPolicy(retries=1))
        log = MemoryCallLog()
        with pytest.raises(ServerUnavailableError, match=r"no connection to 127\.0\.0\.1"):
            list(client.generate(request_for(), log))
        assert log.outcomes == ["not_sent", "not_sent"]

    def test_the_loopback_address_ignores_proxies_of_the_environment(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for variable in ("http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(variable, "http://127.0.0.1:9")
        with EmulatorServer(emulator(flat=True, any_size=True)) as server:
            assert len(list(self.client(server).generate(request_for(), MemoryCallLog()))) == 3


class TestServers:
    @pytest.mark.parametrize("flavour", list(SERVERS))
    def test_each_server_accepts_the_request_of_its_recipe(self, flavour: str) -> None:
        endpoint = emulator(flavour=flavour, flat=True, any_size=True)
        client = OpenAITileGeneratorClient(
            EMULATOR_KEY,
            base_url=endpoint.base_url.replace("emulated", MODEL_DEFAULT),  # the name of the deployment
            server=SERVERS[flavour],
            transport=MemoryTransport(endpoint),
            environ={},
        )
        log = MemoryCallLog()
        tiles = list(client.generate(request_for(), log))
        assert [decode_tile(tile.data, SMALL).size for tile in tiles] == [(64, 64)] * 3
        assert (endpoint.arrivals, endpoint.downloads) == (1, [])
        assert log.counted == endpoint.billed_usd

    def test_a_server_without_a_key_gets_none(self) -> None:
        environ = {"OPENAI_API_KEY": EMULATOR_KEY, "OPENAI_BASE_URL": "https://elsewhere/v1"}
        requests: list[httpx.Request] = []

        def handler(request: httpx.Request) -> httpx.Response:
            requests.append(request)
            return httpx.Response(200, json={"data": [{"b64_json": "eHh4"}]})

        client = OpenAITileGeneratorClient(
            server=SERVERS["sd-server"], transport=httpx.MockTransport(handler), environ=environ
        )
        log = MemoryCallLog(budget=Decimal(0))
        assert len(list(client.generate(request_for(candidates=1), log))) == 1
        assert str(requests[0].url) == "http://127.0.0.1:1234/v1/images/edits"
        assert EMULATOR_KEY not in str(requests[0].headers.raw)
