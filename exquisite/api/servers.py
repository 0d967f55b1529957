"""Settings for servers with an images/edits endpoint, and the rules for their URLs."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from ipaddress import ip_address
from types import MappingProxyType
from typing import Literal
from urllib.parse import urljoin, urlsplit

from ..errors import UsageError
from .models import FREE
from .prices import Prices

__all__ = [
    "OPENAI",
    "SERVERS",
    "ServerSettings",
    "Timeouts",
    "check_base_url",
    "is_loopback",
    "is_openai",
    "may_fetch",
    "same_server",
]

_THIS_MACHINE = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class Timeouts:
    """Time-outs of a client, in seconds.

    Attributes:
        connect_s: for a connection.
        read_s: for the next bytes of an answer. One edit takes from 20 to more than 120 s, and the server sends nothing
            before its end. OpenAI's own client library waits 600 s too.
        write_s: for sending the next bytes of a request.
        answer_s: for a complete answer, also one that arrives slowly but steadily.
    """

    connect_s: float = 5.0
    read_s: float = 600.0
    write_s: float = 120.0
    answer_s: float = 1800.0


@dataclass(frozen=True)
class ServerSettings:
    """Settings of one server.

    Attributes:
        name: the name of the recipe.
        base_url: the URL up to "/images/edits"; the user replaces words in braces.
        note: short description.
        model: default model of the server; "" for the default of the package.
        key_variable: environment variable of the key; "" for a server without keys, so that it never receives the key
            of another server.
        auth_header: header of the key; in "Authorization" it is a bearer token.
        image_field, mask_field: names of the two files.
        mask: "send" the mask, or "omit" it for a server that refuses one; enforcement restores the band anyway.
        extra_headers, extra_query, extra_fields: part of every request; an extra field replaces a default one.
        omit_fields: names of fields and files that requests leave out.
        priced_as: registry entry with the prices; "" for that of the model.
        prices: prices of the server, in place of those of the registry.
        free: True when the server bills nobody: costs are neither estimated nor reserved.
        fetch_from: further hosts of images that answers reference by URL; they never receive the key.
        timeouts: time-outs of the client.
        stream: request an event stream, so that no proxy closes a silent connection; implies one tile per call.
        lossy: "accept" a JPEG or WebP answer with a warning, or "refuse" it.
    """

    name: str = "openai"
    base_url: str = "https://api.openai.com/v1"
    note: str = ""
    model: str = ""
    key_variable: str = "OPENAI_API_KEY"
    auth_header: str = "Authorization"
    image_field: str = "image[]"
    mask_field: str = "mask"
    mask: Literal["send", "omit"] = "send"
    extra_headers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), repr=False)
    extra_query: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), repr=False)
    extra_fields: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    omit_fields: tuple[str, ...] = ()
    priced_as: str = ""
    prices: Prices | None = None
    free: bool = False
    fetch_from: tuple[str, ...] = ()
    timeouts: Timeouts = Timeouts()
    stream: bool = False
    lossy: Literal["accept", "refuse"] = "accept"

    @property
    def takes_many(self) -> bool:
        """Whether a request may hold several pictures: the name of their field is that of a list, such as image[]."""
        return self.image_field.endswith("[]")

    def counted_as(self, model: str) -> str:
        """The argument `model` of the cost functions in `models`, for calls of `model` on this server."""
        if self.free:
            return FREE
        return str(self.prices) if self.prices else self.priced_as or model


OPENAI = ServerSettings()
"""The server whose settings are the defaults."""

_LITELLM = ServerSettings(
    name="litellm",
    base_url="http://127.0.0.1:4000/v1",
    note="a proxy; refuses image together with image[]; it is told not to send a call again by itself",
    key_variable="LITELLM_API_KEY",
    extra_headers=MappingProxyType({"x-litellm-num-retries": "0"}),
)

SERVERS: Mapping[str, ServerSettings] = MappingProxyType(
    {
        server.name: server
        for server in (
            OPENAI,
            ServerSettings(
                name="azure",
                base_url="https://{resource}.openai.azure.com/openai/v1",
                note="model is the name of the deployment",
                key_variable="AZURE_OPENAI_API_KEY",
                auth_header="api-key",
            ),
            ServerSettings(
                name="azure-deployment",
                base_url="https://{resource}.openai.azure.com/openai/deployments/{deployment}",
                note="the older path: the deployment stands in it, so no model is sent",
                key_variable="AZURE_OPENAI_API_KEY",
                auth_header="api-key",
                extra_query={"api-version": "2025-04-01-preview"},
                omit_fields=("model",),
            ),
            ServerSettings(
                name="azure-entra",
                base_url="https://{resource}.openai.azure.com/openai/v1",
                note="the same with a token of Entra ID: az account get-access-token "
                "--resource https://cognitiveservices.azure.com",
                key_variable="AZURE_OPENAI_AD_TOKEN",
            ),
            ServerSettings(
                name="sd-server",
                base_url="http://127.0.0.1:1234/v1",
                note="stable-diffusion.cpp; reads the mask's luminance, which ours carries too; sends no usage",
                key_variable="",
                free=True,
            ),
            ServerSettings(
                name="xinference",
                base_url="http://127.0.0.1:9997/v1",
                note="answers addresses unless asked for base64; white in the mask is edited, as ours says",
                key_variable="",
                extra_fields={"response_format": "b64_json"},
                free=True,
            ),
            ServerSettings(
                name="vllm-omni",
                base_url="http://127.0.0.1:8000/v1",
                note="has another name for the mask",
                key_variable="",
                mask_field="mask_image",
                free=True,
            ),
            ServerSettings(
                name="sglang",
                base_url="http://127.0.0.1:30000/v1",
                note="accepts the mask and ignores it: calibration and enforcement do the rest",
                key_variable="",
                free=True,
            ),
            ServerSettings(
                name="nvidia-nim",
                base_url="http://127.0.0.1:8000/v1",
                note="NIM for Visual Generative AI on a machine of your own; edits follow the words, without a mask",
                key_variable="",
                image_field="image",
                mask="omit",
                extra_fields={"response_format": "b64_json"},
                omit_fields=("quality", "background", "output_format"),
                free=True,
            ),
            _LITELLM,
            replace(
                _LITELLM,
                name="litellm-unmasked",
                note="the same proxy before Gemini, FLUX or Stability, which refuse a mask, quality and background",
                mask="omit",
                omit_fields=("quality", "background", "output_format"),
            ),
            ServerSettings(
                name="deepinfra",
                base_url="https://api.deepinfra.com/v1/openai",
                note="edits follow the words, without a mask; answers JPEG; the price is that of Qwen-Image-Edit",
                model="Qwen/Qwen-Image-Edit",
                key_variable="DEEPINFRA_TOKEN",
                image_field="image",
                mask="omit",
                omit_fields=("quality", "background", "output_format"),
                prices=Prices(per_picture=Decimal("0.025")),
            ),
            ServerSettings(
                name="nano-gpt",
                base_url="https://nano-gpt.com/api/v1",
                note="takes the mask for models that inpaint; --model as its list names it, prices from there, too",
                key_variable="NANOGPT_API_KEY",
                extra_fields={"response_format": "b64_json"},
            ),
            ServerSettings(
                name="imagerouter",
                base_url="https://api.imagerouter.io/v1/openai",
                note="a router; --model as its list names it, such as openai/gpt-image-2, prices from there, too",
                key_variable="IMAGEROUTER_API_KEY",
                mask_field="mask[]",
                extra_fields={"response_format": "b64_json"},
                omit_fields=("background",),
            ),
        )
    }
)
"""Recipes by name, from the documentation of the servers; modify one with `dataclasses.replace`."""


def check_base_url(url: str, allow_insecure_http: bool = False) -> str:
    """Check a base URL; return it without a trailing slash.

    Raises:
        UsageError: no http(s) URL, words in braces, credentials, or plain http to another machine without
            `allow_insecure_http`.
    """
    if "{" in url:
        raise UsageError(f"base URL {url!r}: fill in the words in braces")
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise UsageError(f"the base URL cannot be read: {error}") from None
    if parts.username or parts.password:
        raise UsageError("the base URL holds a user name or password: pass the key by its variable or a file instead")
    if parts.scheme not in ("http", "https") or not host or not url.isascii() or not url.isprintable() or " " in url:
        raise UsageError(f"base URL {url!r} must look like https://host/v1")
    if parts.query or parts.fragment:
        raise UsageError(f"base URL {url.partition('?')[0]!r} must have no query: use extra_query")
    if parts.scheme == "http" and not is_loopback(url) and not allow_insecure_http:
        raise UsageError(
            f"base URL {url!r} would send the key and the picture unencrypted: use https, "
            f"or allow it with --allow-insecure-http"
        )
    return url.rstrip("/")


def is_loopback(url: str) -> bool:
    """Whether the host of `url` is this machine."""
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def is_openai(url: str) -> bool:
    """Whether the host of `url` is OpenAI's, whose models are in the registry."""
    host = urlsplit(url).hostname or ""
    return host == "api.openai.com" or host.endswith(".api.openai.com")


def same_server(url: str, address: str) -> str | None:
    """Resolve `address` against `url`; None when scheme, host or port differ.

    The names of this machine (localhost, 127.0.0.1, ::1) are the same host.
    """
    try:
        whole = urljoin(url, address)
        here, there = urlsplit(url), urlsplit(whole)
        same = (here.scheme, _host(here.hostname), here.port) == (there.scheme, _host(there.hostname), there.port)
    except ValueError:
        return None
    return whole if same and not (there.username or there.password) else None


def may_fetch(address: str, hosts: Collection[str], allow_insecure_http: bool) -> bool:
    """Whether downloads from `address` are allowed: its host must be one of `hosts`, with any port."""
    try:
        there = urlsplit(address)
        named = _host(there.hostname) in {_host(host.lower()) for host in hosts}
    except ValueError:
        return False
    safe = there.scheme == "https" or (there.scheme == "http" and (allow_insecure_http or is_loopback(address)))
    return named and safe and not (there.username or there.password)


def _host(name: str | None) -> str:
    """Normalize the name of a host: all names of this machine become one."""
    return "localhost" if name in _THIS_MACHINE else name or ""
