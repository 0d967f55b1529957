"""The replies of the emulator: an HTTP response byte by byte, and the faults of its delivery."""

from __future__ import annotations

import http
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

__all__ = ["NEVER_SENT", "Reply", "event_reply", "html_reply", "json_reply"]

NEVER_SENT = ("connect_error", "connect_timeout", "pool_timeout")
"""Outcomes in which the request does not leave; only the in-memory transport can play them."""

_PIECE = 1 << 16


@dataclass(frozen=True)
class Reply:
    """One response.

    Attributes:
        status: HTTP status.
        headers: besides Content-Length, which is computed.
        body: its bytes, or a function that yields them.
        length: bytes of the body where it is a function; None leaves the length out (chunked).
        cut_at: the connection is closed after so many bytes, counted from the status line's first.
        silent: nothing is ever sent.
        pause: seconds of silence before each piece of the body.
        piece: bytes of one piece.
        never_sent: one of NEVER_SENT, or "".
    """

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | Callable[[], Iterator[bytes]] = b""
    length: int | None = None
    cut_at: int | None = None
    silent: bool = False
    pause: float = 0.0
    piece: int = _PIECE
    never_sent: str = ""

    @property
    def whole(self) -> bool:
        """Whether a client without timeouts receives every byte."""
        return not (self.silent or self.never_sent or self.cut_at is not None)

    @property
    def chunked(self) -> bool:
        """Whether the body is sent in chunks, without its length in advance."""
        return callable(self.body) and self.length is None

    def all_headers(self) -> dict[str, str]:
        """The headers as sent."""
        if self.chunked:
            return {**self.headers, "transfer-encoding": "chunked"}
        length = len(self.body) if isinstance(self.body, bytes) else self.length
        return {**self.headers, "content-length": str(length)}

    def head(self) -> bytes:
        """Status line and headers as sent, with the empty line that ends them."""
        lines = [f"HTTP/1.1 {self.status} {_phrase(self.status)}"]
        lines += [f"{name}: {value}" for name, value in self.all_headers().items()]
        return "\r\n".join([*lines, "", ""]).encode("latin-1")

    def pieces(self) -> Iterator[bytes]:
        """The body, whole, in pieces of at most `piece` bytes."""
        for block in (self.body,) if isinstance(self.body, bytes) else self.body():
            for start in range(0, len(block), self.piece):
                yield block[start : start + self.piece]

    def cut_pieces(self) -> Iterator[bytes]:
        """The part of the body that is sent before the cut."""
        left = None if self.cut_at is None else max(0, self.cut_at - len(self.head()))
        for piece in self.pieces():
            if left is not None:
                piece = piece[:left]
                left -= len(piece)
                if not piece:
                    return
            yield piece


def _phrase(status: int) -> str:
    try:
        return http.HTTPStatus(status).phrase
    except ValueError:
        return "Unassigned"


def json_reply(status: int, content: object, headers: Mapping[str, str] | None = None) -> Reply:
    """A reply with the JSON of `content`."""
    body = json.dumps(content, separators=(",", ":")).encode("ascii")
    return Reply(status, {"content-type": "application/json", **(headers or {})}, body)


def event_reply(events: Sequence[Mapping[str, object]]) -> Reply:
    """An event stream with a finished picture for each of `events`; a comment before them keeps connections alive."""
    blocks = [": still at work\n\n"]
    for event in events:
        content = json.dumps({"type": "image_edit.completed", **event}, separators=(",", ":"))
        blocks.append(f"event: image_edit.completed\ndata: {content}\n\n")
    return Reply(200, {"content-type": "text/event-stream"}, "".join(blocks).encode("ascii"))


def html_reply(status: int, title: str) -> Reply:
    """An HTML page as a proxy in front of a server sends it."""
    page = f"<!DOCTYPE html>\n<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>\n"
    return Reply(status, {"content-type": "text/html; charset=utf-8", "server": "edge"}, page.encode("utf-8"))
