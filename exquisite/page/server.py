"""The HTTP server of the page: local, behind a secret address, with bounded threads, time, bodies and paths.

Access:
- it listens on 127.0.0.1 only, and refuses a foreign Host (DNS rebinding) and a foreign Origin;
- every address begins with a random token; every change repeats the token in a header, which no other page can set;
- no CORS header is sent, and the Content-Security-Policy lets the page load only from itself.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import re
import secrets
import socket
import threading
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from ..errors import ExquisiteError, StorageError
from .replies import Body, Query, RefusedError, Reply, error_reply, json_reply
from .review import Review
from .routes import change, show

__all__ = ["TOKEN_HEADER", "PageServer", "page_html"]

TOKEN_HEADER = "X-Page-Token"
"""Header in which every change repeats the token from the address."""

_HOST = "127.0.0.1"
_PAGE = Path(__file__).with_name("page.html")
_MAX_BODY = 65_536
_MAX_CONNECTIONS = 32
_IDLE_S = 30.0


def page_html() -> tuple[bytes, str]:
    """The page, and its Content-Security-Policy, which allows its own style and script by their hashes."""
    text = _PAGE.read_text("utf-8")

    def hashes(tag: str) -> str:
        parts = re.findall(rf"<{tag}>(.*?)</{tag}>", text, flags=re.DOTALL)
        digests = (base64.b64encode(hashlib.sha256(part.encode()).digest()).decode() for part in parts)
        return " ".join(f"'sha256-{digest}'" for digest in digests)

    policy = (
        f"default-src 'self'; script-src {hashes('script')}; style-src {hashes('style')}; img-src 'self' data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'"
    )
    return text.encode(), policy


class PageServer:
    """Serves one review at `url`.

    Args:
        review: what the page shows and changes; the server closes it.
        port: port on 127.0.0.1; 0 for any free port.

    Raises:
        StorageError: the port is taken.
    """

    def __init__(self, review: Review, port: int = 0) -> None:
        self.review = review
        self.token = secrets.token_urlsafe(24)
        try:
            self._server = _Server((_HOST, port), partial(_Handler, self))
        except OSError as error:
            raise StorageError(f"cannot listen on port {port} of {_HOST}: {error.strerror}; choose another") from error
        self.page, self.policy = page_html()

    @property
    def port(self) -> int:
        """The port on which the server listens."""
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        """The address of the page, with the token in it."""
        return f"http://{_HOST}:{self.port}/{self.token}/"

    @property
    def hosts(self) -> set[str]:
        """The values of the Host header that the server accepts."""
        return {f"{_HOST}:{self.port}", f"localhost:{self.port}"}

    def serve_forever(self, poll_s: float = 0.2) -> None:
        """Answer until the process is interrupted or another thread calls `close`; it checks every `poll_s` seconds."""
        self._server.serve_forever(poll_s)

    def close(self) -> None:
        """Stop answering, wait for a running step, and release the port."""
        self._server.shutdown()
        self.release()

    def release(self) -> None:
        """As `close`, after `serve_forever` has returned."""
        self._server.server_close()
        self.review.close()


class _Server(ThreadingHTTPServer):
    """One thread a connection, at most _MAX_CONNECTIONS of them; a further connection gets status 503."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = _MAX_CONNECTIONS

    def __init__(self, address: tuple[str, int], handler: Any) -> None:
        self._free = threading.BoundedSemaphore(_MAX_CONNECTIONS)
        super().__init__(address, handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Start a thread for a connection, or refuse it when there are too many."""
        if self._free.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            with contextlib.suppress(OSError):
                request.sendall(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve one connection, then free its place."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print nothing when a browser closes its connection."""


class _Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    timeout = _IDLE_S
    server_version = "page"
    sys_version = ""

    def __init__(self, page: PageServer, *arguments: Any) -> None:
        self._page = page
        super().__init__(*arguments)

    def do_GET(self) -> None:
        """Answer a read."""
        self._answer(self._read)

    def do_HEAD(self) -> None:
        """As GET, without the content."""
        self._answer(self._read)

    def do_POST(self) -> None:
        """Answer a change."""
        self._answer(self._change)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Log nothing: the address holds the token."""

    def _answer(self, make: Any) -> None:
        try:
            reply = make()
        except (ExquisiteError, RefusedError) as error:
            self.close_connection = isinstance(error, RefusedError)  # a body may be left unread
            reply = error_reply(error)
        except Exception as error:
            self.close_connection = True
            reply = json_reply({"error": f"a fault of this program ({type(error).__name__})"}, 500)
        with contextlib.suppress(ConnectionError, socket.timeout):
            self._send(reply)

    def _read(self) -> Reply:
        path, query = self._path()
        if path == "":
            return Reply(self._page.page, "text/html; charset=utf-8")
        return show(self._page.review, path, query)

    def _change(self) -> Reply:
        path, _ = self._path()
        token = self.headers.get(TOKEN_HEADER, "")
        if not secrets.compare_digest(token.encode(), self._page.token.encode()):
            raise RefusedError(403, f"a change needs the page's token in the header {TOKEN_HEADER}")
        if self.headers.get_content_type() != "application/json":
            raise RefusedError(415, "the body of a change is application/json")
        length = self.headers.get("Content-Length", "")
        if not length.isdigit():
            raise RefusedError(411, "a change needs a Content-Length header")
        if int(length) > _MAX_BODY:
            raise RefusedError(413, f"a body may hold at most {_MAX_BODY} bytes")
        return change(self._page.review, path, Body(self.rfile.read(int(length))))

    def _path(self) -> tuple[str, Query]:
        """The address after the token, and its query, after checking Host, Origin and token."""
        if self.headers.get("Host", "") not in self._page.hosts:
            raise RefusedError(421, "the Host header does not name this server")
        origin = self.headers.get("Origin")
        if origin is not None and origin not in {f"http://{host}" for host in self._page.hosts}:
            raise RefusedError(403, "the Origin header names another page")
        parts = urlsplit(self.path)
        token, slash, path = parts.path.removeprefix("/").partition("/")
        if not slash or not secrets.compare_digest(token.encode(), self._page.token.encode()):
            raise RefusedError(403, "the address lacks the token: open the address that the command printed")
        return path, Query(parse_qs(parts.query, max_num_fields=20))

    def _send(self, reply: Reply) -> None:
        self.send_response(reply.status)
        headers = {
            "Content-Type": reply.media_type,
            "Content-Length": str(len(reply.content)),
            "Cache-Control": "private, max-age=3600, immutable" if reply.forever else "no-store",
            "Content-Security-Policy": self._page.policy,
            "Cross-Origin-Resource-Policy": "same-origin",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
        }
        for name, value in headers.items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(reply.content)
