"""The client of a real model: POST /v1/images/edits, paid safely.

Every request is written into the call log before it leaves, every body before it is parsed. What was
certainly not sent or certainly refused is asked again; an ambiguous outcome never is (see `paid_call`).
The HTTP library is imported, with `connection`, when the first request is made.
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
from .edit_form import EditForm, Part, edit_form, picture_parts
from .generator import CallLog, OwedPicture, RawCandidate, StoredAnswer, TileRequest
from .models import MODEL_DEFAULT, QUALITY_DEFAULT, check_model, check_options, estimate_usd, worst_case_usd
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

MAX_N = 10
"""Pictures that the endpoint makes in one call."""

_USER_AGENT = f"{(__package__ or 'tiles').split('.')[-2:][0]}/{__version__}"


_STREAM_FIELDS = {"stream": "true", "partial_images": "0"}


@runtime_checkable
class Recording(Protocol):
    """A transport that answers from a recording, or makes one."""

    may_send: bool
    """Whether any request can leave through it."""


class OpenAITileGeneratorClient:
    """A TileGenerator that asks an images/edits endpoint.

    Args:
        api_key, key_file: the key, or a file with it; else the server's environment variable is read.
        model: the name that the request carries; default: the server's, else `MODEL_DEFAULT`.
        base_url: what stands before "/images/edits"; default: the server's, or OPENAI_BASE_URL for OpenAI.
        server: how the server differs from OpenAI's; see `servers.SERVERS`.
        quality, complexity, input_fidelity: as the registry allows them for the model.
        calls: "each" makes one call a tile, all at the same time: the input is paid each time, every tile is
            durable as soon as it is there, and the whole takes as long as the slowest. "batch" asks for all
            tiles in one call: one input is paid, and all tiles come together after one long silence.
        concurrency: calls of "each" that are under way at the same time, at least 1; None for all.
        retry: when to ask again after what certainly cost nothing.
        allow_insecure_http: allow plain http to another machine than this one.
        transport: an httpx transport in place of the network (a recording, an emulator); it is not closed.
            Through a `Recording` calls go one after another, so that they replay in the order of the tiles;
            through one that may not send no key is needed, and no wait is waited.
        clock, environ: replaced by tests.

    Raises:
        UsageError: a value that cannot be used, or a retired model.
    """

    def __init__(
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
        own_models = is_openai(self.base_url) and self._may_send  # a recording outlives the model that it recorded
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
        """What decides the answer, besides the request; how many calls are made does not."""
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
        """Make sure that the network can be used as the environment describes it; nothing is sent.

        Raises:
            UsageError: naming the variable that cannot be used.
        """
        from .connection import network_client

        network_client(trust_env=not is_loopback(self.base_url)).close()

    def request_preview(self, request: TileRequest) -> dict[str, object]:
        """The calls that `generate` would make if all goes well: what `--dry-run` shows. Nothing is sent.

        Raises:
            UsageError: the request breaks a rule of the model.
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
        """Yield up to `request.candidates` tiles, each answer durable in `calls` before it is parsed.

        Where an answer holds fewer tiles than it was asked for, the missing ones are asked for again, as long
        as all calls together cost no more than `request_preview` says at most. An answer without any tile ends
        the asking: what never comes is not bought again and again.

        Raises:
            UsageError: no key, or a request that breaks a rule of the model; nothing was sent.
            PaymentError, RejectedByServerError, ServerUnavailableError, OutcomeUnknownError: see `purchase`.
        """
        self._check(request)
        self._require_key()
        if self.warning:
            calls.progress(self.warning)
        return self._tiles(request, calls)

    def fetch(self, owed: Sequence[OwedPicture], contract: TileContract, calls: CallLog) -> None:
        """Fetch pictures that stored answers name by address; see `FetchesPictures`.

        Raises:
            UsageError: no key; nothing was sent.
            OutcomeUnknownError: at least one did not come.
        """
        self._require_key()
        with self._connected() as connection:
            self._fetched(connection, owed, contract, calls)

    def _tiles(self, request: TileRequest, calls: CallLog) -> Iterator[RawCandidate]:
        with self._connected() as connection:
            log = SharedLog(calls, connection.without_secrets)
            parts = picture_parts(request, self._server)

            @cache
            def call(n: int) -> PaidCall:
                return self._call(connection, request, self._form(request, n, parts))

            def fetch(number: int, answer: EditAnswer) -> list[RawCandidate]:
                owed = [OwedPicture(request.step_index, number, place, url) for place, url in answer.urls]
                return candidates_in(self._fetched(connection, owed[: request.candidates], request.contract, log))

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
        """The call that sends `form`."""
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
        """The pictures that answers name by address, each made durable as an answer of its own."""
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
        """The connection of one run of calls."""
        from .connection import Connection

        if self._transport is not None:
            yield Connection(self._server, self._secret, self._transport, clock=self._clock)
            return
        with Connection.to(self.base_url, self._server, self._secret, self._clock) as connection:
            yield connection

    def _own_headers(self, environ: Mapping[str, str]) -> dict[str, str]:
        accepted = "application/json, text/event-stream" if self._server.stream else "application/json"
        headers = {"Accept": accepted, "Accept-Encoding": "identity", "User-Agent": _USER_AGENT}
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
            check_options(self.model, request.tile_size, quality=self.quality, **options)

    @property
    def _most(self) -> int:
        """Tiles that one call may ask for."""
        return 1 if self.calls == "each" else MAX_N

    def _form(self, request: TileRequest, n: int, parts: tuple[Part, ...]) -> EditForm:
        server = self._server
        if server.stream:  # not part of the settings, because it does not decide the answer
            server = replace(server, extra_fields={**_STREAM_FIELDS, **server.extra_fields})
        return edit_form(
            request,
            n,
            parts,
            model=self.model,
            quality=self.quality,
            complexity=self.complexity,
            input_fidelity=self.input_fidelity,
            server=server,
        )

    def _summary(self, request: TileRequest, form: EditForm) -> dict[str, object]:
        """What logs and people may see of a request; by `priced_as` and `estimate_usd` its answer is counted."""
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
        return estimate_usd(self._priced_as, self.quality, n, request.contract, request.prompt)

    def _worst_case(self, request: TileRequest, n: int) -> Decimal:
        return worst_case_usd(self._priced_as, self.quality, n, request.contract, request.prompt)
