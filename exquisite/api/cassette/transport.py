"""Record and replay: an httpx transport that answers from a cassette, or records what another one answers.

| record mode    | no cassette there   | cassette there                                             |
|----------------|---------------------|------------------------------------------------------------|
| `none`         | ReplayError         | replay; an unexpected request is a ReplayError             |
| `once`         | record              | the same as `none`                                         |
| `new_episodes` | record              | replay what is there, send and record the rest             |
| `all`          | record              | send and record everything; the old interactions are gone  |

Each interaction answers once, equal requests in the order in which they were recorded: retries replay as they
happened, broken connections included. Replay is strict both ways: `assert_all_used` fails where the code asks
less than what was recorded. A recording is saved after each interaction.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlencode

from ...errors import ReplayError, UsageError
from ..multipart import Part, parse_content_type, parse_multipart
from ..servers import is_loopback
from .interactions import Cassette, RecordMode
from .recording import Interaction, RecordedRequest, find_secret

__all__ = [
    "Cassette",
    "CassetteSettings",
    "CassetteTransport",
    "RecordMode",
    "cassette_transport",
    "settings_from_environment",
    "transport_from_settings",
    "use_cassette",
]

KEPT_HEADERS = frozenset(
    {
        "content-encoding",
        "content-length",
        "content-type",
        "date",
        "location",
        "openai-processing-ms",
        "retry-after",
        "retry-after-ms",
        "x-request-id",
        "x-should-retry",
    }
)
"""Headers of a response that are recorded. Of a request only the media type of its body is."""

_SECRET_WORDS = ("auth", "key", "token", "secret", "cookie", "password")
_TRUE, _FALSE = ("1", "true", "yes", "on"), ("", "0", "false", "no", "off")


class CassetteTransport(Protocol):
    """What `cassette_transport` returns, besides being an `httpx.BaseTransport`."""

    cassette: Cassette
    may_send: bool
    """Whether any request can leave through it, and so can cost money."""

    def handle_request(self, request: Any) -> Any:
        """Answer an `httpx.Request` with an `httpx.Response`."""

    def assert_all_used(self) -> None:
        """See `Cassette.assert_all_used`."""

    def close(self) -> None:
        """Close the transport that requests were sent through; raise what kept a recording from being saved."""


def cassette_transport(
    path: Path | str,
    record_mode: RecordMode | str = RecordMode.NONE,
    *,
    origin: str = "",
    inner: Any = None,
    block_network: bool = False,
    secrets: Iterable[str] = (),
) -> CassetteTransport:
    """An `httpx.BaseTransport` for `httpx.Client(transport=…)` that replays and records the cassette at `path`.

    Args:
        path: the JSON file; its pictures stand in `blobs/` beside it.
        record_mode: see the table of the module.
        origin: where the answers come from, kept in a new file; by default the first request's host.
        inner: the transport through which requests are sent; by default the network.
        block_network: send nothing, whatever the record mode says.
        secrets: keys that must not be saved, besides those in the headers of each request.

    Raises:
        ReplayError: nothing may be recorded and there is no readable cassette.
    """
    cassette = Cassette(path, record_mode, origin=origin)
    transport: CassetteTransport = _transport_type()(cassette, inner, block_network, tuple(secrets))
    return transport


@contextmanager
def use_cassette(path: Path | str, record_mode: RecordMode | str = RecordMode.NONE, **options: Any) -> Iterator[Any]:
    """`cassette_transport` as a context: leaving it without an error asserts that every interaction was used."""
    transport = cassette_transport(path, record_mode, **options)
    try:
        yield transport
        transport.assert_all_used()
    finally:
        transport.close()


@dataclass(frozen=True)
class CassetteSettings:
    """Which cassette to use, if any.

    Attributes:
        path: the JSON file; None for none.
        record_mode: see the table of the module.
        block_network: a request that no recording answers is a ReplayError instead of being sent.
    """

    path: Path | None = None
    record_mode: RecordMode = RecordMode.NONE
    block_network: bool = False


def settings_from_environment(
    env: Mapping[str, str] | None = None,
    *,
    cassette: Path | str | None = None,
    record_mode: RecordMode | str | None = None,
    block_network: bool | None = None,
) -> CassetteSettings:
    """Settings from EXQUISITE_CASSETTE, EXQUISITE_RECORD_MODE and EXQUISITE_BLOCK_NETWORK in `env`.

    `env` is the process's environment by default. An argument that is not None goes before its variable.

    Raises:
        UsageError: an unknown record mode, or a switch that is neither on nor off.
    """
    env = os.environ if env is None else env
    path = cassette or env.get("EXQUISITE_CASSETTE")
    mode = record_mode or env.get("EXQUISITE_RECORD_MODE") or RecordMode.NONE
    switch = env.get("EXQUISITE_BLOCK_NETWORK", "").strip().lower()
    if block_network is None and switch not in (*_TRUE, *_FALSE):
        raise UsageError(f"EXQUISITE_BLOCK_NETWORK is {switch!r}: use 1 or 0")
    blocked = switch in _TRUE if block_network is None else block_network
    return CassetteSettings(Path(path) if path else None, RecordMode(mode), blocked)


def transport_from_settings(settings: CassetteSettings, *, inner: Any = None, secrets: Iterable[str] = ()) -> Any:
    """The transport that `settings` ask for: a cassette's, one that refuses everything, or `inner`.

    `inner` is None by default, which `httpx.Client` takes for the network.
    """
    if settings.path is None:
        return _transport_type()(None, None, True, ()) if settings.block_network else inner
    return cassette_transport(
        settings.path, settings.record_mode, inner=inner, block_network=settings.block_network, secrets=secrets
    )


@cache
def _transport_type() -> Any:
    """The class of the transport, made when it is first needed, because httpx may be imported only then."""
    import httpx

    class Replayed(httpx.SyncByteStream):
        """A recorded body, and the error that ended it."""

        def __init__(self, interaction: Interaction, request: httpx.Request) -> None:
            self._interaction, self._request = interaction, request

        def __iter__(self) -> Iterator[bytes]:
            yield self._interaction.body
            _raise_recorded(self._interaction, self._request)

    class Recorded(httpx.SyncByteStream):
        """A body on its way through: handed on piece by piece, recorded when it ends, however it ends."""

        def __init__(self, stream: Any, keep: Any) -> None:
            self._stream, self._keep = stream, keep
            self._pieces: list[bytes] = []

        def __iter__(self) -> Iterator[bytes]:
            try:
                for piece in self._stream:
                    self._pieces.append(piece)
                    yield piece
            except httpx.TransportError as error:
                self._finish(error)
                raise
            except (KeyboardInterrupt, SystemExit):
                self._keep = None  # what came so far is no answer that anyone should replay
                raise
            self._finish(None)

        def close(self) -> None:
            self._finish(None)
            self._stream.close()

        def _finish(self, error: Exception | None) -> None:
            keep, self._keep = self._keep, None
            if keep is not None:
                keep(b"".join(self._pieces), error)

    def _raise_recorded(interaction: Interaction, request: httpx.Request) -> None:
        if interaction.error is not None:
            name, message = interaction.error
            kind = getattr(httpx, name, None)
            if not (isinstance(kind, type) and issubclass(kind, httpx.TransportError)):
                kind = httpx.TransportError
            raise kind(message, request=request)

    class Network(httpx.BaseTransport):
        """The network as the client uses it: through the environment's proxies, no idle connection kept."""

        def __init__(self, loopback: bool) -> None:
            limits = httpx.Limits(max_keepalive_connections=0)
            self._client = httpx.Client(limits=limits, trust_env=not loopback)

        def handle_request(self, request: httpx.Request) -> httpx.Response:
            return self._client.send(request, stream=True, follow_redirects=False)

        def close(self) -> None:
            self._client.close()

    class Transport(httpx.BaseTransport):
        def __init__(self, cassette: Cassette | None, inner: Any, blocked: bool, secrets: tuple[str, ...]) -> None:
            self.cassette = cassette
            self.may_send = cassette is not None and cassette.records and not blocked
            self._inner, self._secrets = inner, secrets

        def handle_request(self, request: httpx.Request) -> httpx.Response:
            if self.cassette is None:
                raise ReplayError(f"{request.method} {request.url.path} was not sent: the network is blocked")
            self.cassette.check()
            asked = _recorded(request)
            interaction = self.cassette.find(asked)
            if interaction is None and not self.cassette.records:
                raise self.cassette.unexpected(asked)
            if interaction is None and not self.may_send:
                raise ReplayError(f"{self.cassette.unexpected(asked)}; it was not sent: the network is blocked")
            if interaction is None:
                return self._send(self.cassette, asked, request)
            if interaction.status is None:
                _raise_recorded(interaction, request)
            stream = Replayed(interaction, request)
            return httpx.Response(interaction.status or 0, headers=dict(interaction.headers), stream=stream)

        def _send(self, cassette: Cassette, asked: RecordedRequest, request: httpx.Request) -> httpx.Response:
            secrets = (*self._secrets, *_secrets_in(request))
            for text in (asked.path.encode(), *(part.content for part in asked.parts)):
                if what := find_secret(text, secrets):
                    raise ReplayError(f"not sent, because its recording would hold {what}: {asked.method} request")
            cassette.origin = cassette.origin or f"{request.url.scheme}://{request.url.netloc.decode('ascii')}"
            request.headers["accept-encoding"] = "identity"  # so that the recording can be read
            self._inner = self._inner or Network(is_loopback(str(request.url)))
            try:
                response = self._inner.handle_request(request)
            except httpx.TransportError as error:
                cassette.record(Interaction(asked, error=(type(error).__name__, str(error))), secrets)
                raise
            kept = {name.lower(): value for name, value in response.headers.items() if name.lower() in KEPT_HEADERS}

            def keep(body: bytes, error: Exception | None) -> None:
                broken = None if error is None else (type(error).__name__, str(error))
                cassette.record(Interaction(asked, response.status_code, kept, body, broken), secrets)

            return httpx.Response(
                response.status_code,
                headers=response.headers,
                stream=Recorded(response.stream, keep),
                extensions=response.extensions,
            )

        def assert_all_used(self) -> None:
            if self.cassette is not None:
                self.cassette.assert_all_used()

        def close(self) -> None:
            if self._inner is not None:
                self._inner.close()
            if self.cassette is not None:
                self.cassette.check()

    return Transport


def _recorded(request: Any) -> RecordedRequest:
    """What an `httpx.Request` says, without its headers and host."""
    query = urlencode(sorted(request.url.params.multi_items()))
    path = request.url.path + (f"?{query}" if query else "")
    body: bytes = request.read()
    media, _ = parse_content_type(request.headers.get("content-type", ""))
    if media == "multipart/form-data":
        return RecordedRequest(request.method, path, media, parse_multipart(body, request.headers["content-type"]))
    return RecordedRequest(request.method, path, media, (Part("", body),) if body else ())


def _secrets_in(request: Any) -> list[str]:
    """The keys in the headers of an `httpx.Request`."""
    values = [value for name, value in request.headers.items() if any(word in name for word in _SECRET_WORDS)]
    return [value.split(" ", 1)[-1].strip() for value in values]
