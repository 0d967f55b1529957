"""The HTTP connection of a client: sends a request, and returns a reply or raises one of two errors.

It is the part of the client that sends, and the only one besides the cassettes that needs the HTTP library. It imports
that at its top, so other modules import this one only inside functions. Proxy and certificate settings of the
environment apply, except for the loopback address.
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
"""Largest size of an answer with an error status, in bytes."""

_PROXIES = ("https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY")
_PROXY_SCHEMES = ("http", "https", "socks5", "socks5h")  # schemes that the HTTP library supports


class Connection:
    """Sends requests to one server. It follows no redirects, and reuses no connection: a server may close an idle one
    while a request is on its way.

    Args:
        server: time-outs, name of the header of the key, and further headers, which may be secret.
        secret: the key; empty for none.
        transport: an httpx transport in place of the network; the caller closes it.
        trust_env: True to apply proxy and certificate settings of the environment.
        clock: measures the duration of an answer.

    Raises:
        UsageError: invalid environment variable; see `network_client`.
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
        """Make a connection over the network to the server at `base_url`."""
        return cls(server, secret, trust_env=not is_loopback(base_url), clock=clock)

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        if self._owned:
            self._http.close()

    def send(self, outgoing: Outgoing, received: bytearray) -> Reply:
        """Send a request and return the reply. After an error `received` contains the bytes so far, without secrets.

        Raises:
            NotSent: the request certainly did not reach the server.
            BrokenOff: the request was sent, or may have been, and no complete answer arrived.
        """
        problem: Exception
        try:
            query = self._server.extra_query if outgoing.method == "POST" else {}
            request = httpx.Request(
                outgoing.method,
                httpx.URL(outgoing.url).copy_merge_params(query) if query else outgoing.url,
                headers=outgoing.headers,
                content=outgoing.content or None,
                extensions={"timeout": self._timeout.as_dict()},
            )
            auth = None if outgoing.foreign else self._authorized
            response = self._http.send(request, stream=True, auth=auth, follow_redirects=False)
            try:
                return self._read(response, outgoing.limit, received)
            except BaseException:
                received[:] = self.without_secrets(bytes(received))
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
        # outside of the handlers, so that no traceback leads to the request and its headers
        raise problem

    def _read(self, response: httpx.Response, limit: int, body: bytearray) -> Reply:
        """Read up to `limit` bytes of `response` into `body`; return the reply."""
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

    def _authorized(self, request: httpx.Request) -> httpx.Request:
        """Add the key to the headers of `request`. No other function reveals it."""
        if self._secret:
            bearer = self._server.auth_header.lower() == "authorization"
            request.headers[self._server.auth_header] = ("Bearer " if bearer else "") + self._secret.reveal()
        return request

    def _hidden(self, text: object) -> str:
        """Format `text` without secrets."""
        return self.without_secrets(str(text).encode("utf-8", "replace")).decode("utf-8", "replace")

    def without_secrets(self, data: bytes) -> bytes:
        """Replace the key and the values of all extra headers in `data`."""
        for secret in self._secrets:
            data = secret.hidden_in(data)
        return data


def network_client(trust_env: bool) -> httpx.Client:
    """Make an HTTP client that reuses no connection.

    With `trust_env`, proxy and certificate settings of the environment apply.

    Raises:
        UsageError: invalid environment variable; the message names it and the reason.
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
    """Raise UsageError for the first invalid proxy of the environment; its address may contain a password."""
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
    """Advice after a TLS error, which no retry can fix; "" for other errors."""
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return "; name the certificate of its authority in SSL_CERT_FILE, if you trust it"
        if isinstance(error, ssl.SSLError) and not isinstance(error, ssl.SSLEOFError):
            return "; check the base URL: is it https there?"
        error = error.__cause__ or error.__context__
    return ""
