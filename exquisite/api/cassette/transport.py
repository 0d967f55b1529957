"""The transport of a cassette: replays interactions, or sends requests and records them.

This module imports the HTTP library at its top, so other modules import it only inside functions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from urllib.parse import urlencode

import httpx

from ...errors import ReplayError
from ..bill import COST_HEADER
from ..connection import network_client
from ..multipart import Part, parse_content_type, parse_multipart
from ..servers import is_loopback
from .interactions import Cassette
from .recording import Interaction, RecordedRequest
from .redaction import find_secret, redacted

__all__ = ["RECORDED_HEADERS", "BlockedTransport", "Transport"]

RECORDED_HEADERS = frozenset(
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
        COST_HEADER,
    }
)
"""Recorded headers of a response. Of a request, only the media type of its body is recorded."""

_SECRET_WORDS = ("auth", "key", "token", "secret", "cookie", "password")


class ReplayedBody(httpx.SyncByteStream):
    """A recorded body, followed by the error that ended it."""

    def __init__(self, interaction: Interaction, request: httpx.Request) -> None:
        self._interaction, self._request = interaction, request

    def __iter__(self) -> Iterator[bytes]:
        yield self._interaction.body
        _raise_recorded(self._interaction, self._request)


class RecordedBody(httpx.SyncByteStream):
    """Passes a body on piece by piece, and records it at its end or error."""

    def __init__(
        self, stream: httpx.SyncByteStream, keep: Callable[[bytes, httpx.TransportError | None], None]
    ) -> None:
        self._stream = stream
        self._keep: Callable[[bytes, httpx.TransportError | None], None] | None = keep
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
            self._keep = None  # an incomplete body must not be replayed as an answer
            raise
        self._finish(None)

    def close(self) -> None:
        self._finish(None)
        self._stream.close()

    def _finish(self, error: httpx.TransportError | None) -> None:
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
    """The network as the client uses it: with the proxies of the environment, without reuse of connections."""

    def __init__(self, loopback: bool) -> None:
        self._client = network_client(trust_env=not loopback)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return self._client.send(request, stream=True, follow_redirects=False)

    def close(self) -> None:
        self._client.close()


class BlockedTransport(httpx.BaseTransport):
    """Refuses every request, for a blocked network without a cassette."""

    may_send = False

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Raise ReplayError."""
        raise ReplayError(f"{request.method} {request.url.path} was not sent: the network is blocked")

    def assert_all_used(self) -> None:
        """Do nothing: there are no interactions."""

    def finish(self) -> None:
        """Do nothing: there are no interactions."""

    def abandon(self) -> None:
        """Do nothing: there are no interactions."""


class Transport(httpx.BaseTransport):
    """Answers from `cassette`. Other requests are sent through `inner` and recorded, if the record mode allows it.

    Args:
        cassette: the interactions.
        inner: the transport for requests; None for the network.
        blocked: True to send nothing in any record mode.
        secrets: keys that must not be saved, besides those in the headers of requests.
    """

    def __init__(
        self, cassette: Cassette, inner: httpx.BaseTransport | None, blocked: bool, secrets: tuple[str, ...]
    ) -> None:
        self.cassette = cassette
        self.may_send = cassette.records and not blocked
        self._inner, self._secrets = inner, secrets

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Return the recorded response to `request`, or send it and record the response.

        Raises:
            ReplayError: the request has no interaction and must not be sent, or its recording would contain a key.
            httpx.TransportError: the recorded error, or that of this request.
        """
        self.cassette.check()
        content = _recorded(request)
        interaction = self.cassette.find(content)
        if interaction is None and not self.cassette.records:
            raise self.cassette.unexpected(content)
        if interaction is None and not self.may_send:
            raise ReplayError(f"{self.cassette.unexpected(content)}; it was not sent: the network is blocked")
        if interaction is None:
            return self._send(content, request)
        if interaction.status is None:
            _raise_recorded(interaction, request)
        stream = ReplayedBody(interaction, request)
        return httpx.Response(interaction.status or 0, headers=dict(interaction.headers), stream=stream)

    def _send(self, content: RecordedRequest, request: httpx.Request) -> httpx.Response:
        """Send a request that has no interaction, and record it with its answer once that is read."""
        cassette = self.cassette
        secrets = (*self._secrets, *_secrets_in(request))
        for text in (content.path.encode(), *(part.content for part in content.parts)):
            if what := find_secret(text, secrets):
                raise ReplayError(f"not sent, because its recording would hold {what}: {content.method} request")
        cassette.origin = cassette.origin or f"{request.url.scheme}://{request.url.netloc.decode('ascii')}"
        request.headers["accept-encoding"] = "identity"  # so that recordings are readable
        self._inner = self._inner or Network(is_loopback(str(request.url)))
        try:
            response = self._inner.handle_request(request)
        except httpx.TransportError as error:
            cassette.record(Interaction(content, error=(type(error).__name__, str(error))), secrets)
            raise
        stream = response.stream
        assert isinstance(stream, httpx.SyncByteStream)
        headers = {name.lower(): value for name, value in response.headers.items() if name.lower() in RECORDED_HEADERS}

        def keep(body: bytes, error: httpx.TransportError | None) -> None:
            broken = None if error is None else (type(error).__name__, str(error))
            interaction = Interaction(content, response.status_code, headers, body, broken)
            cassette.record(interaction.redacted(), secrets)

        return httpx.Response(
            response.status_code,
            headers=response.headers,
            stream=RecordedBody(stream, keep),
            extensions=response.extensions,
        )

    def assert_all_used(self) -> None:
        """See `Cassette.assert_all_used`."""
        self.cassette.assert_all_used()

    def finish(self) -> None:
        """See `Cassette.finish`."""
        self.cassette.finish()

    def abandon(self) -> None:
        """See `Cassette.abandon`."""
        self.cassette.abandon()

    def close(self) -> None:
        """Close the inner transport; raise the error of an earlier save."""
        if self._inner is not None:
            self._inner.close()
        self.cassette.check()


def _recorded(request: httpx.Request) -> RecordedRequest:
    """The recorded content of an `httpx.Request`: neither headers nor host."""
    query = urlencode(sorted(request.url.params.multi_items()))
    path = redacted((request.url.path + (f"?{query}" if query else "")).encode()).decode()
    body: bytes = request.read()
    media, _ = parse_content_type(request.headers.get("content-type", ""))
    if media == "multipart/form-data":
        return RecordedRequest(request.method, path, media, parse_multipart(body, request.headers["content-type"]))
    return RecordedRequest(request.method, path, media, (Part("", body),) if body else ())


def _secrets_in(request: httpx.Request) -> list[str]:
    """The keys in the headers of an `httpx.Request`."""
    values = [value for name, value in request.headers.items() if any(word in name for word in _SECRET_WORDS)]
    return [value.split(" ", 1)[-1].strip() for value in values]
