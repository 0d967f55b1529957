"""The emulator behind a socket of the loopback address."""

from __future__ import annotations

import select
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, cast

from .emulator_core import Emulator
from .emulator_replies import Reply

__all__ = ["EmulatorServer"]

_POLL = 0.02
_HANG_MAX = 3600.0


class EmulatorServer:
    """Serves an emulator from a thread, as a context manager. The emulator's `base_url` then leads here."""

    def __init__(self, emulator: Emulator, port: int = 0, latency: float = 0.0) -> None:
        """Bind to `port` of 127.0.0.1 (0: any free one); each answer waits `latency` seconds."""
        self.emulator = emulator
        self._http = _Server(("127.0.0.1", port), _Handler)
        self._elsewhere = _Server(("127.0.0.1", 0), _Handler)  # another port is another server
        for server in (self._http, self._elsewhere):
            server.emulator, server.latency = emulator, latency
        self.port: int = self._http.server_address[1]
        emulator.here = f"http://127.0.0.1:{self.port}"
        emulator.elsewhere = f"http://127.0.0.1:{self._elsewhere.server_address[1]}"
        self._threads = [
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": _POLL}, daemon=True)
            for server in (self._http, self._elsewhere)
        ]

    def expect_resets(self) -> None:
        """Print nothing about connections that killed clients reset."""
        self._http.tell_errors = False

    def __enter__(self) -> EmulatorServer:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for server in (self._http, self._elsewhere):
            server.closing.set()
            server.shutdown()
            server.server_close()
        for thread in self._threads:
            thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = True

    emulator: Emulator
    latency: float = 0.0
    tell_errors: bool = True

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        self.closing = threading.Event()
        super().__init__(address, handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print the traceback of a request that failed, unless failures are expected."""
        if self.tell_errors:
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 30
    disable_nagle_algorithm = True  # head and body are written apart

    def do_POST(self) -> None:
        self._serve()

    def do_GET(self) -> None:
        self._serve()

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing: the emulator records every call in `calls`."""

    def _serve(self) -> None:
        server = cast(_Server, self.server)
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        time.sleep(server.latency)
        reply = server.emulator.reply(self.command, self.path, dict(self.headers.items()), body)
        self.close_connection = self.close_connection or not reply.whole
        try:
            if reply.silent:
                self._wait_for_the_client(server.closing)
            else:
                self._send(reply, server.closing)
        except OSError:  # the client has seen enough
            self.close_connection = True

    def _send(self, reply: Reply, closing: threading.Event) -> None:
        head = reply.head()
        self.wfile.write(head if reply.cut_at is None else head[: reply.cut_at])
        for piece in reply.cut_pieces():
            if reply.pause and closing.wait(reply.pause):
                return
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece) if reply.chunked else piece)
        if reply.chunked:
            self.wfile.write(b"0\r\n\r\n")
        self.wfile.flush()

    def _wait_for_the_client(self, closing: threading.Event) -> None:
        """Return once the client has closed the connection."""
        self.close_connection = True
        until = time.monotonic() + _HANG_MAX
        while not closing.is_set() and time.monotonic() < until:
            readable, _, _ = select.select([self.connection], [], [], _POLL)
            if readable and not self.connection.recv(1, socket.MSG_PEEK):
                return
