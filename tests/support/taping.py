"""A server with scripted answers, requests to it, and their recording."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import httpx
from PIL import Image

from exquisite.api.cassette import use_cassette

__all__ = ["FIELDS", "KEY", "URL", "Server", "answer", "edit", "picture", "png", "record"]

URL = "https://server.example/v1/images/edits"
KEY = "k-3f9a-not-a-real-one-77"
FIELDS = {"model": "some-model", "prompt": "Extend this picture.\nMore rain.", "n": "1"}


def png(image: Image.Image, **options: object) -> bytes:
    """`image` as PNG."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG", **options)
    return buffer.getvalue()


def picture(level: int = 10, size: tuple[int, int] = (8, 8)) -> Image.Image:
    """An RGB ramp that begins at `level`."""
    ramp = Image.linear_gradient("L").resize(size)
    return Image.merge("RGB", (ramp, ramp.point(lambda value: value // 2), Image.new("L", size, level)))


def answer(*pictures: bytes) -> bytes:
    """The JSON of an answer with `pictures`."""
    return json.dumps({"created": 1, "data": [{"b64_json": base64.b64encode(p).decode()} for p in pictures]}).encode()


class Server(httpx.BaseTransport):
    """Plays replies in order: bodies, (status, headers, body), errors, or (first bytes, error)."""

    def __init__(self, *replies: Any) -> None:
        self.replies: list[Any] = list(replies)
        self.requests: list[httpx.Request] = []
        self.closed = False

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        reply = self.replies.pop(0)
        if isinstance(reply, Exception):
            raise reply
        if isinstance(reply, bytes):
            return httpx.Response(200, headers={"content-type": "application/json"}, content=reply)
        if len(reply) == 2:
            return httpx.Response(200, stream=Broken(*reply))
        status, headers, body = reply
        return httpx.Response(status, headers=headers, content=body)

    def close(self) -> None:
        self.closed = True


class Broken(httpx.SyncByteStream):
    """A body that ends with an error."""

    def __init__(self, start: bytes, error: Exception) -> None:
        self.start, self.error = start, error

    def __iter__(self) -> Iterator[bytes]:
        yield self.start
        raise self.error


def sending(transport: object, **options: Any) -> httpx.Client:
    """A client that sends through `transport`, of any type."""
    return httpx.Client(transport=cast(httpx.BaseTransport, transport), **options)


def edit(transport: object, *, image: bytes | None = None, mask: bytes | None = None, **fields: str) -> httpx.Response:
    """One request for an edit through `transport`."""
    files = {
        "image[]": ("reference.png", image or png(picture()), "image/png"),
        "mask": ("mask.png", mask or png(Image.new("RGBA", (8, 8))), "image/png"),
    }
    client = sending(transport, headers={"authorization": f"Bearer {KEY}"})
    return client.post(URL, data={**FIELDS, **fields}, files=files)


def record(path: Path, *replies: Any, ask: Callable[..., httpx.Response] = edit) -> None:
    """Record one request for each of `replies`."""
    with use_cassette(path, "once", inner=Server(*replies)) as transport:
        for _ in replies:
            try:
                ask(transport)
            except httpx.TransportError:
                continue
