"""The emulator without sockets: an httpx transport that breaks where a socket would."""

from __future__ import annotations

import time
from collections.abc import Iterator

import httpx

from .emulator_core import Emulator
from .emulator_replies import Reply

__all__ = ["MemoryTransport"]

_NEVER_SENT = {
    "connect_error": httpx.ConnectError("[Errno 111] Connection refused"),
    "connect_timeout": httpx.ConnectTimeout("timed out"),
    "pool_timeout": httpx.PoolTimeout(""),
}


class MemoryTransport(httpx.BaseTransport):
    """Carries requests to an emulator in this process. A time-out takes no time."""

    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        target = request.url.raw_path.decode("ascii")
        reply = self.emulator.reply(request.method, target, dict(request.headers), request.read())
        if reply.never_sent:
            raise type(_NEVER_SENT[reply.never_sent])(str(_NEVER_SENT[reply.never_sent]))
        if reply.silent:
            raise httpx.ReadTimeout("timed out")
        if reply.cut_at is not None and reply.cut_at < len(reply.head()):
            what = "without sending a response" if reply.cut_at == 0 else "inside the headers"
            raise httpx.RemoteProtocolError(f"Server disconnected {what}.")
        return httpx.Response(reply.status, headers=reply.all_headers(), stream=_Body(reply))


class _Body(httpx.SyncByteStream):
    def __init__(self, reply: Reply) -> None:
        self._reply = reply

    def __iter__(self) -> Iterator[bytes]:
        size = 0
        for piece in self._reply.cut_pieces():
            if self._reply.pause:
                time.sleep(self._reply.pause)
            size += len(piece)
            yield piece
        if isinstance(self._reply.body, bytes) and size < len(self._reply.body):
            raise httpx.RemoteProtocolError(
                "peer closed connection without sending complete message body "
                f"(received {size} bytes, expected {len(self._reply.body)})"
            )
