"""Addresses of servers, recipes, and the key."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from exquisite.api.models import FREE
from exquisite.api.prices import Prices
from exquisite.api.servers import OPENAI, SERVERS, check_base_url, is_loopback, is_openai, same_server
from exquisite.errors import UsageError

KEY = "sk-not-a-real-key-000000"


class TestBaseUrl:
    @pytest.mark.parametrize(
        "url",
        [
            "https://api.openai.com/v1",
            "https://host:8443/openai/deployments/my-image",
            "http://127.0.0.1:8000/v1",
            "http://127.3.2.1/v1",
            "http://localhost:1234",
            "http://[::1]:1234/v1",
        ],
    )
    def test_https_and_this_machine_are_allowed(self, url: str) -> None:
        assert check_base_url(url) == url
        assert check_base_url(url + "/") == url

    @pytest.mark.parametrize("url", ["http://host/v1", "http://10.0.0.2/v1", "http://127.0.0.1.evil.com/v1"])
    def test_plain_http_to_another_machine_needs_a_flag(self, url: str) -> None:
        with pytest.raises(UsageError, match="unencrypted"):
            check_base_url(url)
        assert check_base_url(url, allow_insecure_http=True) == url

    @pytest.mark.parametrize(
        ("url", "problem"),
        [
            ("", "must look like"),
            ("api.openai.com/v1", "must look like"),
            ("ftp://host/v1", "must look like"),
            ("file:///etc/passwd", "must look like"),
            ("https://", "must look like"),
            ("https://ho st/v1", "must look like"),
            ("https://host/\nv1", "must look like"),
            ("https://host:port/v1", "cannot be read"),
            ("https://[host/v1", "cannot be read"),
            ("https://host/v1?api-version=1", "extra_query"),
            ("https://{resource}.openai.azure.com/openai/v1", "fill in"),
        ],
    )
    def test_anything_else_is_refused(self, url: str, problem: str) -> None:
        with pytest.raises(UsageError, match=problem):
            check_base_url(url)

    def test_credentials_in_an_address_are_refused_and_not_repeated(self) -> None:
        with pytest.raises(UsageError) as caught:
            check_base_url(f"https://user:{KEY}@host/v1")
        assert KEY not in str(caught.value)

    def test_servers_of_openai_and_of_this_machine_are_recognized(self) -> None:
        assert is_openai("https://api.openai.com/v1")
        assert is_openai("https://eu.api.openai.com/v1")
        assert not is_openai("https://api.openai.com.evil.com/v1")
        assert not is_openai("https://resource.openai.azure.com/openai/v1")
        assert is_loopback("http://localhost")
        assert not is_loopback("http://localhost.evil.com")


    @pytest.mark.parametrize(
        ("address", "whole"),
        [
            ("https://host/files/1.png?t=1", "https://host/files/1.png?t=1"),
            ("https://HOST/1.png", "https://HOST/1.png"),
            ("/files/1.png", "https://host/files/1.png"),
            ("1.png", "https://host/v1/images/1.png"),
            ("http://host/1.png", None),
            ("https://host:444/1.png", None),
            ("https://host.evil.com/1.png", None),
            ("//evil.com/1.png", None),
            ("https://host@evil.com/1.png", None),
            ("https://evil@host/1.png", None),
            ("file:///etc/passwd", None),
            ("https://[host/1.png", None),
            ("https://host:port/1.png", None),
        ],
    )
    def test_a_picture_is_fetched_from_the_same_server_only(self, address: str, whole: str | None) -> None:
        assert same_server("https://host/v1/images/edits", address) == whole


class TestRecipes:
    def test_each_recipe_has_the_name_of_its_server(self) -> None:
        assert {name: server.name for name, server in SERVERS.items()} == {name: name for name in SERVERS}
        assert list(SERVERS) == [
            "openai",
            "azure",
            "azure-deployment",
            "azure-entra",
            "sd-server",
            "xinference",
            "vllm-omni",
            "sglang",
            "nvidia-nim",
            "litellm",
            "litellm-unmasked",
            "deepinfra",
            "nano-gpt",
            "imagerouter",
        ]

    def test_a_proxy_is_asked_not_to_retry(self) -> None:
        for name in ("litellm", "litellm-unmasked"):
            assert SERVERS[name].extra_headers["x-litellm-num-retries"] == "0"

    @pytest.mark.parametrize(
        ("changes", "counted_as"),
        [
            ({}, "gpt-image-2"),
            ({"priced_as": "gpt-image-1.5"}, "gpt-image-1.5"),
            ({"prices": Prices(per_picture=Decimal(2)), "priced_as": "gpt-image-1.5"}, "per_picture=2"),
            ({"free": True, "prices": Prices(per_picture=Decimal(2))}, FREE),
        ],
    )
    def test_the_settings_decide_how_calls_are_counted(self, changes: dict[str, Any], counted_as: str) -> None:
        assert replace(OPENAI, **changes).counted_as("gpt-image-2") == counted_as

    def test_the_key_of_openai_is_sent_to_nobody_else(self) -> None:
        assert [name for name, server in SERVERS.items() if server.key_variable == "OPENAI_API_KEY"] == ["openai"]

    def test_an_address_is_complete_or_has_a_placeholder(self) -> None:
        for server in SERVERS.values():
            if "{" not in server.base_url:
                assert check_base_url(server.base_url) == server.base_url

    def test_possible_secrets_are_not_in_the_repr(self) -> None:
        assert "2025-04-01-preview" not in repr(SERVERS["azure-deployment"])
