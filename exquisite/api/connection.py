"""The connection of the client: a request goes out, a reply or one of two failures comes back.

This module imports the HTTP library at its top, so nothing imports it before a client needs the network.
Proxies and certificate settings of the environment apply, except to the loopback address.
"""

from __future__ import annotations

import importlib.util
import os
import ssl
from urllib.parse import urlsplit

import httpx

from ..errors import UsageError
from .answer import is_whole_stream
from .clock import Clock
from .outcome import Reply
from .paid_call import BrokenOff, NotSent, Outgoing
from .secret import Secret
from .servers import ServerSettings, is_loopback

__all__ = ["MAX_ERROR_BYTES", "Connection", "network_client"]

MAX_ERROR_BYTES = 1 << 20
"""Bytes that are read of an answer with an error status."""

_PROXIES = ("https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY")
_PROXY_SCHEMES = ("http", "https", "socks5", "socks5h")  # what the HTTP library takes


class Connection:
    """Sends requests to one server, follows nothing, and keeps no idle connection, on which a request could be lost.

    Args:
        server: the time-outs, the header of the key, and further headers that may hold secrets.
        secret: the key; empty for none.
        transport: an httpx transport in place of the network; it is not closed.
        trust_env: whether proxies and certificate settings of the environment apply.
        clock: measures how long an answer takes.

    Raises:
        UsageError: a variable of the environment that cannot be used; see `network_client`.
    """

    def __init__(
        self,
        server: ServerSettings,
        secret: Secret,
        transport: httpx.BaseTransport | None = None,
        trust_env: bool = True,
        clock: Clock | None = None,
    ) -> None:
        waits = server.timeouts
        self._timeout = httpx.Timeout(
            connect=waits.connect_s, read=waits.read_s, write=waits.write_s, pool=waits.connect_s
        )
        self._server = server
        self._secret = secret
        self._secrets = (secret, *map(Secret, server.extra_headers.values()))
        self._clock = clock or Clock()
        self._owned = transport is None
        self._http = httpx.Client(transport=transport, trust_env=False) if transport else network_client(trust_env)

    @classmethod
    def to(cls, base_url: str, server: ServerSettings, secret: Secret, clock: Clock) -> Connection:
        """A connection over the network to the server at `base_url`."""
        return cls(server, secret, trust_env=not is_loopback(base_url), clock=clock)

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        if self._owned:
            self._http.close()

    def send(self, outgoing: Outgoing, arrived: bytearray) -> Reply:
        """The reply to `outgoing`. When this raises, `arrived` holds what came of the answer, without the key.

        Raises:
            NotSent: the request certainly did not reach the server.
            BrokenOff: it left, or may have left, and no whole answer came.
        """
        problem: Exception
        try:
            query = self._server.extra_query if outgoing.method == "POST" else {}
            asked = httpx.Request(
                outgoing.method,
                httpx.URL(outgoing.url).copy_merge_params(query) if query else outgoing.url,
                headers=outgoing.headers,
                content=outgoing.content or None,
                extensions={"timeout": self._timeout.as_dict()},
            )
            auth = None if outgoing.foreign else self._authorized
            response = self._http.send(asked, stream=True, auth=auth, follow_redirects=False)
            try:
                return self._received(response, outgoing.limit, arrived)
            except BaseException:
                arrived[:] = self.without_secrets(bytes(arrived))
                raise
            finally:
                response.close()
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError) as error:
            advice = _certificate_advice(error)
            reason = f"no connection to {urlsplit(outgoing.url).hostname}: {self._hidden(error)}{advice}"
            problem = NotSent(reason, final=bool(advice))
        except (httpx.UnsupportedProtocol, httpx.InvalidURL) as error:
            problem = NotSent(f"the address cannot be used: {self._hidden(error)}")
        except httpx.HTTPError as error:
            problem = BrokenOff(f"{type(error).__name__}: {self._hidden(error)}")
        # raised out here, so that no traceback leads to the request and its headers
        raise problem

    def _received(self, response: httpx.Response, limit: int, body: bytearray) -> Reply:
        """The body of `response`, read into `body`, up to `limit` bytes."""
        good = 200 <= response.status_code < 300
        limit = limit if good else min(limit, MAX_ERROR_BYTES)
        answer_s = self._server.timeouts.answer_s
        until = self._clock.ticks() + answer_s
        try:
            for piece in response.iter_bytes():
                body += piece
                if len(body) > limit or (piece.endswith(b"\n") and is_whole_stream(body)):
                    break
                if self._clock.ticks() > until:
                    raise httpx.ReadTimeout(f"the answer took longer than {answer_s:.0f} s")
        except httpx.HTTPError as error:
            if good and not is_whole_stream(body):
                raise type(error)(f"{error} (after {len(body)} bytes of an answer with status 200)") from None
        headers = {name.lower(): self._hidden(value) for name, value in response.headers.items()}
        whole, data = len(body) <= limit, self.without_secrets(bytes(body[:limit]))
        return Reply(response.status_code, headers, data, whole, self._secret.source)

    def _authorized(self, asked: httpx.Request) -> httpx.Request:
        """`asked` with the key in its header: the one place that reveals it."""
        if self._secret:
            bearer = self._server.auth_header.lower() == "authorization"
            asked.headers[self._server.auth_header] = ("Bearer " if bearer else "") + self._secret.reveal()
        return asked

    def _hidden(self, text: object) -> str:
        """`text` in words, without secrets."""
        return self.without_secrets(str(text).encode("utf-8", "replace")).decode("utf-8", "replace")

    def without_secrets(self, data: bytes) -> bytes:
        """`data` with the key and every further header hidden."""
        for secret in self._secrets:
            data = secret.hidden_in(data)
        return data


def network_client(trust_env: bool) -> httpx.Client:
    """A client of the network that keeps no idle connection.

    `trust_env` says whether proxies and certificate settings of the environment apply.

    Raises:
        UsageError: naming the variable of the environment that cannot be used, and why.
    """
    if trust_env:
        _check_proxies()
    try:
        return httpx.Client(limits=httpx.Limits(max_keepalive_connections=0), trust_env=trust_env)
    except (OSError, ValueError, httpx.InvalidURL) as error:
        problem = error
    if isinstance(problem, OSError):
        file, reason = os.environ.get("SSL_CERT_FILE"), problem.strerror or str(problem)
        if file:
            raise UsageError(f"SSL_CERT_FILE: {file} cannot be read as certificates: {reason}; correct or unset it")
        raise UsageError(f"the certificates of this machine cannot be read: {reason}; name others in SSL_CERT_FILE")
    name = "no_proxy" if os.environ.get("no_proxy") else "NO_PROXY"
    raise UsageError(f"{name} cannot be read ({problem}): write hosts and addresses without brackets, commas between")


def _check_proxies() -> None:
    """Raise UsageError for the first proxy of the environment that cannot be used; its address may hold a password."""
    for name in _PROXIES:
        address = os.environ.get(name, "")
        if not address:
            continue
        try:
            parts = urlsplit(address if "://" in address else f"http://{address}")
            usable = bool(parts.hostname) and parts.port != 0 and parts.scheme in _PROXY_SCHEMES
        except ValueError:
            usable = False
        if not usable:
            raise UsageError(f"{name} holds no address of a proxy: write http://host:port, or unset it")
        if parts.scheme.startswith("socks") and importlib.util.find_spec("socksio") is None:
            raise UsageError(f"{name} names a SOCKS proxy: pip install 'httpx[socks]', or unset the variable")


def _certificate_advice(error: BaseException | None) -> str:
    """What to do where a connection failed for want of trust, which no further attempt mends; "" elsewhere."""
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return "; name the certificate of its authority in SSL_CERT_FILE, if you trust it"
        if isinstance(error, ssl.SSLError) and not isinstance(error, ssl.SSLEOFError):
            return "; check the base URL: is it https there?"
        error = error.__cause__ or error.__context__
    return ""
