"""Errors of the environment and of TLS: reported before a request, or retried, never both."""

from __future__ import annotations

import ssl
from pathlib import Path

import httpx
import pytest

from exquisite.api.cassette import use_cassette
from exquisite.api.openai_client import OpenAITileGeneratorClient
from exquisite.api.servers import SERVERS
from exquisite.errors import RejectedByServerError, ServerUnavailableError, UsageError
from tests.support.client_bench import request_for
from tests.support.clocks import TestClock
from tests.support.emulator import EMULATOR_KEY, EmulatorServer, emulator
from tests.support.memory_log import MemoryCallLog

ELSEWHERE = "https://server.example/v1"
PASSWORD = "geheim-12345"


def client(base_url: str = ELSEWHERE, transport: httpx.BaseTransport | None = None) -> OpenAITileGeneratorClient:
    return OpenAITileGeneratorClient(
        EMULATOR_KEY, base_url=base_url, transport=transport, clock=TestClock(), environ={}
    )


class TestEnvironment:
    @pytest.mark.parametrize(
        ("variable", "value", "problem"),
        [
            ("ALL_PROXY", "socks5://127.0.0.1:1080", "SOCKS proxy: pip install 'httpx[socks]'"),
            ("all_proxy", "socks5h://127.0.0.1:1080", "SOCKS proxy"),
            ("HTTPS_PROXY", f"http://user:{PASSWORD}@[::1", "holds no address of a proxy: write http://host:port"),
            ("HTTPS_PROXY", f"http://user:{PASSWORD}@host:99999", "holds no address of a proxy"),
            ("https_proxy", "http://host:port", "holds no address of a proxy"),
            ("HTTP_PROXY", "ftp://host:21", "holds no address of a proxy"),
            ("http_proxy", "http://", "holds no address of a proxy"),
            ("NO_PROXY", "localhost,[::1]", "without brackets"),
            ("no_proxy", "[fe80::1]", "without brackets"),
            ("NO_PROXY", "fe80::/10", "write hosts and addresses"),
            ("SSL_CERT_FILE", "/nowhere/ca.pem", "/nowhere/ca.pem cannot be read as certificates: No such file"),
            ("SSL_CERT_FILE", __file__, "cannot be read as certificates"),
            ("SSL_CERT_FILE", str(Path(__file__).parent), "cannot be read as certificates: Is a directory"),
        ],
    )
    def test_an_unusable_variable_is_named_before_anything_is_sent(
        self, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, problem: str
    ) -> None:
        monkeypatch.setattr("importlib.util.find_spec", lambda name: None)  # the package of SOCKS is not there
        monkeypatch.setenv(variable, value)
        log = MemoryCallLog()
        for use in (client().check_connection, lambda: list(client().generate(request_for(), log))):
            with pytest.raises(UsageError) as caught:
                use()
            message = str(caught.value)
            assert message.startswith(variable)
            assert problem in message
            assert "\n" not in message
            assert PASSWORD not in message
        assert log.entries == []

    def test_missing_certificates_are_not_blamed_on_a_proxy(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def unreadable(*_: object, **__: object) -> None:
            raise FileNotFoundError(2, "No such file or directory")

        monkeypatch.setattr(ssl, "create_default_context", unreadable)
        with pytest.raises(UsageError, match="the certificates of this machine cannot be read: No such file"):
            client().check_connection()

    def test_usable_proxies_are_used(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HTTPS_PROXY", "127.0.0.1:3128")
        monkeypatch.setenv("http_proxy", "http://proxy.example:3128")
        monkeypatch.setenv("NO_PROXY", "localhost,::1,10.0.0.0/8,.example.org")
        client().check_connection()

    def test_the_loopback_address_needs_none_of_them(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:1080")
        monkeypatch.setenv("SSL_CERT_FILE", "/nowhere")
        client("http://127.0.0.1:9/v1").check_connection()

    def test_a_recording_that_cannot_reach_the_network_leaves_no_call_in_doubt(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setenv("ALL_PROXY", "http://host:port")
        log = MemoryCallLog()
        with pytest.raises(UsageError, match="ALL_PROXY"), use_cassette(tmp_path / "t.json", "once") as transport:
            list(client(transport=transport).generate(request_for(), log))
        assert log.outcomes == ["not_sent"]

    @pytest.mark.parametrize("variable", ["OPENAI_ORG_ID", "OPENAI_PROJECT_ID"])
    @pytest.mark.parametrize("value", ["org-é", "org\n1"])
    def test_a_variable_that_no_header_can_hold_is_named(self, variable: str, value: str) -> None:
        with pytest.raises(UsageError, match=f"the variable {variable} holds characters that no header can"):
            OpenAITileGeneratorClient(EMULATOR_KEY, environ={variable: value})


class Breaking(httpx.BaseTransport):
    """Every connection fails, caused by `cause`."""

    def __init__(self, cause: Exception) -> None:
        self.cause, self.attempts = cause, 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.attempts += 1
        raise httpx.ConnectError(str(self.cause)) from self.cause


class TestTrust:
    @pytest.mark.parametrize(
        ("cause", "advice"),
        [
            (ssl.SSLCertVerificationError("certificate verify failed: self-signed certificate"), "SSL_CERT_FILE"),
            (ssl.SSLError("wrong version number"), "is it https there?"),
        ],
    )
    def test_an_untrusted_connection_is_tried_once(self, cause: Exception, advice: str) -> None:
        transport, log = Breaking(cause), MemoryCallLog()
        with pytest.raises(ServerUnavailableError, match="gave up after attempt 1") as caught:
            list(client(transport=transport).generate(request_for(), log))
        assert advice in str(caught.value)
        assert str(cause.args[0]) in str(caught.value)
        assert (transport.attempts, log.outcomes) == (1, ["not_sent"])

    @pytest.mark.parametrize("cause", [ssl.SSLEOFError("EOF occurred"), OSError("reset")])
    def test_a_broken_connection_is_retried(self, cause: Exception) -> None:
        transport, log = Breaking(cause), MemoryCallLog()
        with pytest.raises(ServerUnavailableError, match="gave up after attempt 5"):
            list(client(transport=transport).generate(request_for(), log))
        assert (transport.attempts, set(log.outcomes)) == (5, {"not_sent"})

    def test_https_to_a_server_of_plain_http_is_tried_once(self) -> None:
        with EmulatorServer(emulator(flat=True, any_size=True)) as server:
            log = MemoryCallLog()
            with pytest.raises(ServerUnavailableError, match="check the base URL"):
                list(client(server.emulator.base_url.replace("http:", "https:")).generate(request_for(), log))
            assert (log.outcomes, server.emulator.arrivals) == (["not_sent"], 0)


class TestRefusedKey:
    @pytest.mark.parametrize("recipe", ["openai", "azure", "litellm", "deepinfra"])
    def test_the_place_of_the_refused_key_is_named(self, recipe: str, tmp_path: Path) -> None:
        server = SERVERS[recipe]
        file = tmp_path / "my.key"
        file.write_text(EMULATOR_KEY)
        for options, place in (
            ({"environ": {server.key_variable: EMULATOR_KEY}}, f"the variable {server.key_variable}"),
            ({"environ": {}, "key_file": file}, f"the key file {file}"),
            ({"environ": {}, "api_key": EMULATOR_KEY}, "the key that was passed"),
        ):
            refusing = httpx.MockTransport(lambda _: httpx.Response(401, json={"error": {"message": "no"}}))
            refused_client = OpenAITileGeneratorClient(
                server=server, base_url="http://127.0.0.1:9/v1", transport=refusing, **options
            )
            with pytest.raises(RejectedByServerError) as caught:
                list(refused_client.generate(request_for(), MemoryCallLog()))
            assert f"check the key; it comes from {place}" in str(caught.value)

    def test_a_missing_key_is_reported_as_missing(self) -> None:
        refusing = httpx.MockTransport(lambda _: httpx.Response(401, json={"error": {"message": "no"}}))
        keyless_client = OpenAITileGeneratorClient(server=SERVERS["litellm"], transport=refusing, environ={})
        with pytest.raises(RejectedByServerError, match="the variable LITELLM_API_KEY: it is not set"):
            list(keyless_client.generate(request_for(), MemoryCallLog()))
