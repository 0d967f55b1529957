"""The client of a real model: POST /v1/images/edits.

The call log stores every request before it is sent, and every body before it is parsed. Retryable calls are repeated,
ambiguous ones are not (see `paid_call`). The HTTP library is imported with `connection`, by the first request.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable
from urllib.parse import urlsplit

from .._version import __version__
from ..contract import TileContract
from ..errors import UsageError
from .answer import EditAnswer, answer_bytes_max, candidates_in
from .clock import Clock, StoppedClock
from .download import Download, Forbidden, fetch_all
from .edit_form import EditForm, FilePart, ModelSettings, edit_form, picture_parts
from .generator import CallLog, OwedPicture, RawCandidate, StoredAnswer, TileRequest
from .models import (
    MODEL_DEFAULT,
    QUALITY_DEFAULT,
    CallContent,
    check_model,
    check_options,
    estimate_usd,
    worst_case_usd,
)
from .paid_call import Outgoing, PaidCall, Waiting
from .png import png_bytes_max
from .purchase import Purchase, Terms, shares_of
from .retry import RetryPolicy
from .secret import find_key
from .servers import OPENAI, ServerSettings, check_base_url, is_loopback, is_openai, may_fetch, same_server
from .shared_log import SharedLog

if TYPE_CHECKING:
    import httpx

    from .connection import Connection

__all__ = ["OpenAITileGeneratorClient", "Recording"]

_MAX_N = 10
"""Largest number of pictures of one call."""

_USER_AGENT = f"{(__package__ or 'tiles').split('.')[-2:][0]}/{__version__}"


_STREAM_FIELDS = {"stream": "true", "partial_images": "0"}


@runtime_checkable
class Recording(Protocol):
    """A transport that replays a recording, or records."""

    may_send: bool
    """Whether a request can reach the network through it."""


class OpenAITileGeneratorClient:
    """A TileGenerator for an images/edits endpoint.

    Args:
        api_key, key_file: the key, or a file with the key; default: the environment variable of the server.
        model: name of the model in requests; default: the server's, else `MODEL_DEFAULT`.
        base_url: the URL up to "/images/edits"; default: the server's, or OPENAI_BASE_URL for OpenAI.
        server: settings of the server; see `servers.SERVERS`.
        quality, complexity, input_fidelity: values that the registry allows for the model.
        calls: "each" makes one call per tile, all at the same time: every call pays for the input, every tile is
            durable as soon as it arrives, and all take as long as the slowest. "batch" requests all tiles in one call:
            the input is paid once, and all tiles arrive together.
        concurrency: largest number of calls of "each" under way at the same time, at least 1; None for no limit.
        retry: the policy for retryable calls.
        allow_insecure_http: allow plain http to another machine.
        transport: an httpx transport in place of the network (a recording, an emulator); the caller closes it.
            Calls through a `Recording` are sequential, so that they replay in the order of the tiles. A `Recording`
            that cannot send needs no key and no waits.
        clock, environ: for tests.

    Raises:
        UsageError: an invalid value, or a retired model.
    """

    def __init__(  # noqa: PLR0913 (independent settings, by keyword only)
        self,
        api_key: str | None = None,
        *,
        key_file: str | Path | None = None,
        model: str | None = None,
        base_url: str | None = None,
        server: ServerSettings = OPENAI,
        quality: str = QUALITY_DEFAULT,
        complexity: str | None = None,
        input_fidelity: str | None = None,
        calls: str = "batch",
        concurrency: int | None = None,
        retry: RetryPolicy | None = None,
        allow_insecure_http: bool = False,
        transport: httpx.BaseTransport | None = None,
        clock: Clock | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        environ = os.environ if environ is None else environ
        if calls not in ("batch", "each"):
            raise UsageError(f"unknown style of calls {calls!r}: use batch or each")
        if concurrency is not None and concurrency < 1:
            raise UsageError(f"concurrency must be 1 or more, not {concurrency}")
        from_environment = environ.get("OPENAI_BASE_URL", "") if server.name == OPENAI.name else ""
        self.base_url = check_base_url(base_url or from_environment or server.base_url, allow_insecure_http)
        self.model = model or server.model or MODEL_DEFAULT
        recording = transport if isinstance(transport, Recording) else None
        self._may_send = recording is None or recording.may_send
        own_models = is_openai(self.base_url) and self._may_send  # recordings of retired models still replay
        self._clock = clock or (Clock() if self._may_send else StoppedClock())
        self.warning = check_model(self.model, self._clock.today(), custom_base_url=not own_models)
        self.quality = quality
        self.complexity = complexity
        self.input_fidelity = input_fidelity
        self.calls = "each" if server.stream else calls
        self._concurrency = 1 if self.calls == "batch" or recording is not None else concurrency
        self._server = server
        self._priced_as = server.counted_as(self.model)
        self._secret = find_key(api_key, key_file, server.key_variable, environ)
        self._headers = self._own_headers(environ)
        self._transport = transport
        self._allow_insecure_http = allow_insecure_http
        self._waiting = Waiting(retry or RetryPolicy(), self._clock)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(model={self.model!r}, quality={self.quality!r}, base_url={self.base_url!r})"

    @property
    def lossy(self) -> str:
        """See `JudgesFormats`."""
        return self._server.lossy

    def identity(self) -> dict[str, object]:
        """The settings that determine the answer besides the request; the number of calls is not one of them."""
        return {
            "generator": "openai",
            "server": self._server.name,
            "host": urlsplit(self.base_url).hostname or "",
            "model": self.model,
            "quality": self.quality,
            "complexity": self.complexity,
            "input_fidelity": self.input_fidelity,
            "extra_fields": dict(self._server.extra_fields),
            **({"mask": "omit"} if self._server.mask == "omit" else {}),
        }

    def check_connection(self) -> None:
        """Check the proxy and certificate settings of the environment; nothing is sent.

        Raises:
            UsageError: an invalid variable; the message names it.
        """
        from .connection import network_client

        network_client(trust_env=not is_loopback(self.base_url)).close()

    def request_preview(self, request: TileRequest) -> dict[str, object]:
        """Describe the calls that `generate` makes when every call succeeds, with their cost. Nothing is sent.

        Raises:
            UsageError: the request violates a rule of the model.
        """
        self._check(request)
        shares = shares_of(request.candidates, self._most)
        form = self._form(request, shares[0], picture_parts(request, self._server))
        return {
            **self._summary(request, form),
            "tiles_per_call": shares,
            "estimate_usd": str(sum((self._estimate(request, n) for n in shares), Decimal(0))),
            "worst_case_usd": str(sum((self._worst_case(request, n) for n in shares), Decimal(0))),
            "warning": self.warning,
        }

    def generate(self, request: TileRequest, calls: CallLog) -> Iterator[RawCandidate]:
        """Yield up to `request.candidates` tiles; each answer is durable in `calls` before it is parsed.

        When an answer has fewer tiles than requested, further calls request the missing ones, as long as all calls
        together cost no more than the worst case of `request_preview`. An answer without tiles ends the purchase.

        Raises:
            UsageError: no key, or the request violates a rule of the model; nothing was sent.
            PaymentError, RejectedByServerError, ServerUnavailableError, OutcomeUnknownError: see `purchase`.
        """
        self._check(request)
        self._require_key()
        if self.warning:
            calls.progress(self.warning)
        return self._tiles(request, calls)

    def fetch(self, owed: Sequence[OwedPicture], contract: TileContract, calls: CallLog) -> None:
        """Download pictures that stored answers reference by URL; see `FetchesPictures`.

        Raises:
            UsageError: no key; nothing was sent.
            OutcomeUnknownError: at least one download failed.
        """
        self._require_key()
        with self._connected() as connection:
            self._fetched(connection, owed, contract, calls)

    def _tiles(self, request: TileRequest, calls: CallLog) -> Iterator[RawCandidate]:
        """Buy the tiles over one connection."""
        with self._connected() as connection:
            log = SharedLog(calls, connection.without_secrets)
            parts = picture_parts(request, self._server)

            @cache
            def call(n: int) -> PaidCall:
                return self._call(connection, request, self._form(request, n, parts))

            def fetch(number: int, answer: EditAnswer) -> list[RawCandidate]:
                pictures = [OwedPicture(request.step_index, number, place, url) for place, url in answer.urls]
                return candidates_in(self._fetched(connection, pictures[: request.candidates], request.contract, log))

            terms = Terms(
                most=self._most,
                concurrency=self._concurrency,
                waiting=self._waiting,
                worst_case=partial(self._worst_case, request),
                call=call,
                fetch=fetch,
            )
            yield from Purchase(request.candidates, terms, log).tiles()

    def _call(self, connection: Connection, request: TileRequest, form: EditForm) -> PaidCall:
        """Make the call that sends `form`."""
        n = form.n
        headers = {"Content-Type": form.content_type, **self._headers}
        limit = answer_bytes_max(request.contract, n)
        outgoing = Outgoing("POST", self._edits_url, limit, headers, form.body)
        return PaidCall(
            usd=self._worst_case(request, n),
            what=f"{n} tile{'s' * (n > 1)} of {request.size_text} px by {self.model}, quality {self.quality}",
            summary=self._summary(request, form),
            priced_as=self._priced_as,
            estimate=self._estimate(request, n),
            send=partial(connection.send, outgoing),
        )

    def _fetched(
        self, connection: Connection, owed: Sequence[OwedPicture], contract: TileContract, calls: CallLog
    ) -> list[StoredAnswer]:
        """Download pictures that answers reference by URL; each is durable as an answer of its own."""
        downloads: list[Download | Forbidden] = []
        for picture in owed:
            url, foreign = same_server(self._edits_url, picture.url), False
            if url is None and may_fetch(picture.url, self._server.fetch_from, self._allow_insecure_http):
                url, foreign = picture.url, True
            if url is None:
                downloads.append(Forbidden(picture))
                continue
            headers = {"User-Agent": _USER_AGENT} if foreign else self._headers
            outgoing = Outgoing("GET", url, png_bytes_max(contract), headers, foreign=foreign)
            downloads.append(Download(picture, url, partial(connection.send, outgoing)))
        return fetch_all(downloads, calls, self._waiting)

    @contextlib.contextmanager
    def _connected(self) -> Iterator[Connection]:
        """Open a connection for one purchase or download."""
        from .connection import Connection

        if self._transport is not None:
            yield Connection(self._server, self._secret, self._transport, clock=self._clock)
            return
        with Connection.to(self.base_url, self._server, self._secret, self._clock) as connection:
            yield connection

    def _own_headers(self, environ: Mapping[str, str]) -> dict[str, str]:
        media_types = "application/json, text/event-stream" if self._server.stream else "application/json"
        headers = {"Accept": media_types, "Accept-Encoding": "identity", "User-Agent": _USER_AGENT}
        if is_openai(self.base_url):
            for header, variable in (("OpenAI-Organization", "OPENAI_ORG_ID"), ("OpenAI-Project", "OPENAI_PROJECT_ID")):
                if value := environ.get(variable, "").strip():
                    if not (value.isascii() and value.isprintable()):
                        raise UsageError(f"the variable {variable} holds characters that no header can: correct it")
                    headers[header] = value
        return {**headers, **self._server.extra_headers}

    @property
    def _edits_url(self) -> str:
        return f"{self.base_url}/images/edits"

    def _require_key(self) -> None:
        if self._may_send and not self._secret and is_openai(self.base_url):
            raise UsageError(f"there is no key: set {self._server.key_variable}, or name a key file")

    def _check(self, request: TileRequest) -> None:
        if request.candidates < 1:
            raise UsageError(f"candidates={request.candidates} must be at least 1")
        if is_openai(self.base_url):
            options: dict[str, Any] = {"complexity": self.complexity, "input_fidelity": self.input_fidelity}
            pictures = 1 + len(request.references)
            check_options(self.model, request.tile_size, quality=self.quality, pictures=pictures, **options)

    @property
    def _most(self) -> int:
        """Largest number of tiles of one call."""
        return 1 if self.calls == "each" else _MAX_N

    def _form(self, request: TileRequest, n: int, parts: tuple[FilePart, ...]) -> EditForm:
        server = self._server
        if server.stream:  # not in `extra_fields` of the settings: those are part of the identity
            server = replace(server, extra_fields={**_STREAM_FIELDS, **server.extra_fields})
        settings = ModelSettings(self.model, self.quality, self.complexity, self.input_fidelity)
        return edit_form(request, n, parts, settings, server)

    def _summary(self, request: TileRequest, form: EditForm) -> dict[str, object]:
        """Describe a request for logs and people; its bill is computed with `priced_as` and `estimate_usd`."""
        return {
            "method": "POST",
            "url": self._edits_url,
            "model": self.model,
            "priced_as": self._priced_as,
            "estimate_usd": str(self._estimate(request, form.n)),
            **form.summary(),
            "body_bytes": len(form.body),
        }

    def _estimate(self, request: TileRequest, n: int) -> Decimal:
        return estimate_usd(self._priced_as, self.quality, n, _priced_content(request))

    def _worst_case(self, request: TileRequest, n: int) -> Decimal:
        return worst_case_usd(self._priced_as, self.quality, n, _priced_content(request))


def _priced_content(request: TileRequest) -> CallContent:
    return CallContent(request.contract, request.prompt, [picture.size for picture in request.references])
