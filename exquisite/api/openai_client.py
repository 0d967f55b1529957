"""The client of a real model: POST /v1/images/edits, paid safely.

Every request is written into the call log before it leaves, every body before it is parsed. What was
certainly not sent or certainly refused is asked again; an ambiguous outcome never is (see `paid_call`).
The HTTP library is imported, with `connection`, when the first request is made.
"""

from __future__ import annotations

import contextlib
import os
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from .._version import __version__
from ..contract import TileContract
from ..errors import AnswerError, UsageError
from .answer import answer_bytes_max, candidates_in, read_body
from .download import Download, fetch_all
from .edit_form import EditForm, Part, edit_form, picture_parts
from .generator import CallLog, OwedPicture, RawCandidate, StoredAnswer, TileRequest
from .models import MODEL_DEFAULT, QUALITY_DEFAULT, check_model, check_options, estimate_usd, usage_usd, worst_case_usd
from .outcome import said_by
from .paid_call import Outgoing, PaidCall, Waiting, kept_headers
from .png import png_bytes_max
from .retry import RetryPolicy
from .secret import find_key
from .servers import OPENAI, ServerSettings, check_base_url, is_loopback, is_openai, same_server

if TYPE_CHECKING:
    import httpx

    from .connection import Connection

__all__ = ["OpenAITileGeneratorClient"]

MAX_N = 10
"""Pictures that the endpoint makes in one call."""

_USER_AGENT = f"{(__package__ or 'tiles').split('.')[-2:][0]}/{__version__}"


class OpenAITileGeneratorClient:
    """A TileGenerator that asks an images/edits endpoint.

    Args:
        api_key, key_file: the key, or a file with it; else the server's environment variable is read.
        model: the name that the request carries; default: the server's, else `MODEL_DEFAULT`.
        base_url: what stands before "/images/edits"; default: the server's, or OPENAI_BASE_URL for OpenAI.
        server: how the server differs from OpenAI's; see `servers.SERVERS`.
        quality, complexity, input_fidelity: as the registry allows them for the model.
        calls: "batch" asks for all tiles in one call: one input is paid, and all tiles come together after
            one long silence. "each" makes one call a tile: the input is paid each time, and every tile is
            durable as soon as it is there.
        retry: when to ask again after what certainly cost nothing.
        allow_insecure_http: allow plain http to another machine than this one.
        transport: an httpx transport in place of the network (a recording, an emulator); it is not closed.
            One that says `may_send = False` cannot reach anybody: no key is needed, and no wait is waited.
        sleep, chance, now, clock, today, environ: replaced by tests.

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
        retry: RetryPolicy | None = None,
        allow_insecure_http: bool = False,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] | None = None,
        chance: Callable[[], float] = random.random,
        now: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
        today: date | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        environ = os.environ if environ is None else environ
        if calls not in ("batch", "each"):
            raise UsageError(f"unknown style of calls {calls!r}: use batch or each")
        from_environment = environ.get("OPENAI_BASE_URL", "") if server.name == OPENAI.name else ""
        self.base_url = check_base_url(base_url or from_environment or server.base_url, allow_insecure_http)
        self.model = model or server.model or MODEL_DEFAULT
        self._may_send = transport is None or bool(getattr(transport, "may_send", True))
        own_models = is_openai(self.base_url) and self._may_send  # a recording outlives the model that it recorded
        self.warning = check_model(self.model, today or date.today(), custom_base_url=not own_models)
        self.quality = quality
        self.complexity = complexity
        self.input_fidelity = input_fidelity
        self.calls = calls
        self._server = server
        self._priced_as = server.counted_as(self.model)
        self._secret = find_key(api_key, key_file, server.key_variable, environ)
        self._headers = self._own_headers(environ)
        self._clock = clock
        self._transport = transport
        sleep = sleep or (time.sleep if self._may_send else _no_wait)
        self._waiting = Waiting(retry or RetryPolicy(), sleep, chance, now)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(model={self.model!r}, quality={self.quality!r}, base_url={self.base_url!r})"

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
        shares = self._shares(request.candidates)
        form = self._form(request, shares[0], picture_parts(request, self._server))
        estimates = [estimate_usd(self._priced_as, self.quality, n, request.contract, request.prompt) for n in shares]
        return {
            **self._summary(form),
            "body_bytes": len(form.body),
            "tiles_per_call": shares,
            "estimate_usd": str(sum(estimates, Decimal(0))),
            "worst_case_usd": str(sum((self._worst_case(request, n) for n in shares), Decimal(0))),
            "warning": self.warning,
        }

    def generate(self, request: TileRequest, calls: CallLog) -> Iterator[RawCandidate]:
        """Yield up to `request.candidates` tiles, each answer durable in `calls` before it is parsed.

        Where an answer holds fewer tiles than it was asked for, the missing ones are asked for again. An
        answer without any tile ends the asking: what never comes is not bought again and again.

        Raises:
            UsageError: no key, or a request that breaks a rule of the model; nothing was sent.
            PaymentError, RejectedByServerError, ServerUnavailableError, OutcomeUnknownError: see `paid_call`.
            AnswerError: no tile came at all.
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
        parts = picture_parts(request, self._server)
        missing = request.candidates
        with self._connected() as connection:
            while missing:
                try:
                    form = self._form(request, self._shares(missing)[0], parts)
                    answers = self._ask(connection, request, form, calls)
                    tiles = candidates_in(answers)[:missing]
                    if not tiles:
                        raise AnswerError(self._why_empty(answers[0].body))
                except AnswerError as error:
                    if missing == request.candidates:
                        raise
                    calls.progress(f"{error}; going on with {request.candidates - missing} of {request.candidates}")
                    return
                for tile in tiles:
                    missing -= 1
                    calls.progress(f"tile {request.candidates - missing} of {request.candidates}")
                    yield tile

    def _ask(self, connection: Connection, request: TileRequest, form: EditForm, calls: CallLog) -> list[StoredAnswer]:
        """One paid call, and the downloads that its answer names."""
        n = form.n
        headers = {"Content-Type": form.content_type, **self._headers}
        limit = answer_bytes_max(request.contract, n)
        outgoing = Outgoing("POST", self._edits_url, limit, headers, form.body)
        what = f"{n} tile{'s' * (n > 1)} of {request.size_text} px by {self.model}, quality {self.quality}"
        calls.progress(f"asking for {what}")
        call, reply = PaidCall(
            usd=self._worst_case(request, n),
            what=what,
            summary={**self._summary(form), "body_bytes": len(outgoing.content)},
            send=partial(connection.send, outgoing),
        ).make(calls, self._waiting)
        if not reply.whole:
            raise AnswerError(f"the answer has more than {limit} bytes, and was cut there; it was billed nevertheless")
        found = read_body(reply.body)
        usd = usage_usd(self._priced_as, found.usage)
        if usd is not None:
            calls.book(call, usd)
        answer = StoredAnswer(call, reply.body, kept_headers(reply.headers))
        owed = [OwedPicture(request.step_index, call, place, url) for place, url in found.urls[:n]]
        return [answer, *self._fetched(connection, owed, request.contract, calls)]

    def _fetched(
        self, connection: Connection, owed: Sequence[OwedPicture], contract: TileContract, calls: CallLog
    ) -> list[StoredAnswer]:
        """The pictures that answers name by address, each made durable as an answer of its own."""
        downloads = []
        for picture in owed:
            url = same_server(self._edits_url, picture.url)
            if url is None:
                calls.progress("the answer names a picture on another server; it is not fetched from there")
                continue
            outgoing = Outgoing("GET", url, png_bytes_max(contract), self._headers)
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
        headers = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": _USER_AGENT}
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

    def _shares(self, tiles: int) -> list[int]:
        """How many tiles each call asks for, if every call brings all of its own."""
        most = 1 if self.calls == "each" else MAX_N
        return [min(most, tiles - start) for start in range(0, tiles, most)]

    def _form(self, request: TileRequest, n: int, parts: tuple[Part, ...]) -> EditForm:
        return edit_form(
            request,
            n,
            parts,
            model=self.model,
            quality=self.quality,
            complexity=self.complexity,
            input_fidelity=self.input_fidelity,
            server=self._server,
        )

    def _summary(self, form: EditForm) -> dict[str, object]:
        """What logs and people may see of a request; `priced_as` is the model for `models.usage_usd`."""
        address = {"method": "POST", "url": self._edits_url, "model": self.model, "priced_as": self._priced_as}
        return {**address, **form.summary()}

    def _worst_case(self, request: TileRequest, n: int) -> Decimal:
        return worst_case_usd(self._priced_as, self.quality, n, request.contract, request.prompt)

    def _why_empty(self, body: bytes) -> str:
        if read_body(body).urls:
            return "the answer names pictures on another server only: ask for base64 (response_format=b64_json)"
        said = said_by(body).words
        return "the answer holds no picture" + (f": the server says {said}" if said else "")


def _no_wait(seconds: float) -> None:
    """A recording is not busy."""
