"""Generators for tests: the true continuation of a known picture, and a paid one that fails on demand."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal

from PIL import Image, ImageChops

from exquisite.api.generator import CallLog, RawCandidate, TileRequest


def png(image: Image.Image) -> bytes:
    """`image` as PNG bytes."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def true_tile(picture: Image.Image, origin: tuple[int, int], request: TileRequest) -> Image.Image:
    """The true tile of `request`, cut from `picture`; `origin` is the place of the seed canvas in it."""
    frame = request.contract.tile_frame(request.mode)
    x = origin[0] + request.band_origin[0] - frame.conditioning_half.left
    y = origin[1] + request.band_origin[1] - frame.conditioning_half.top
    width, height = request.tile_size
    return picture.crop((x, y, x + width, y + height))


def moved_rows(tile: Image.Image) -> Image.Image:
    """A square `tile` whose right half is moved down by almost half: below the gate, and without a veto."""
    half = tile.crop((tile.width // 2, 0, *tile.size))
    out = tile.copy()
    out.paste(ImageChops.offset(half, 0, tile.height * 29 // 64), (tile.width // 2, 0))
    return out


@dataclass
class StoredAnswers:
    """A generator that takes no time: it gives the same answers to every request."""

    answers: list[bytes]

    def generate(self, request: TileRequest, calls: CallLog) -> Iterator[RawCandidate]:
        """The first of the stored answers, as many as the request has candidates."""
        for data in self.answers[: request.candidates]:
            yield RawCandidate(data)


@dataclass
class Truth:
    """Yields the true continuation of `picture`, each candidate changed by `damage(tile, number)`; counts requests."""

    picture: Image.Image
    origin: tuple[int, int]
    damage: Callable[[Image.Image, int], Image.Image] = lambda tile, _number: tile
    requests: list[TileRequest] = field(default_factory=list)

    def identity(self) -> dict[str, object]:
        """The same for every instance."""
        return {"generator": "truth"}

    def generate(self, request: TileRequest, calls: CallLog) -> Iterator[RawCandidate]:
        """One PNG a candidate."""
        self.requests.append(request)
        tile = true_tile(self.picture, self.origin, request)
        for number in range(request.first_candidate, request.first_candidate + request.candidates):
            yield RawCandidate(png(self.damage(tile, number)), {"number": number})


@dataclass
class Paid(Truth):
    """`Truth`, but every candidate is a paid call of one dollar whose answer is JSON, logged as the client does.

    `fail` is called before each answer, with the number of `payments` so far, and may raise.
    """

    fail: Callable[[int, CallLog, int], None] = lambda _number, _calls, _call: None
    payments: int = 0

    def generate(self, request: TileRequest, calls: CallLog) -> Iterator[RawCandidate]:
        """One call a candidate."""
        self.requests.append(request)
        tile = png(true_tile(self.picture, self.origin, request))
        for _ in range(request.candidates):
            calls.reserve(Decimal(1), "a test call")
            call = calls.intend({"model": "free"})
            self.payments += 1
            self.fail(self.payments, calls, call)
            body = json.dumps({"created": 1, "data": [{"b64_json": base64.b64encode(tile).decode()}]}).encode()
            calls.answered(call, body, {"content-type": "application/json"}, Decimal(1))
            yield RawCandidate(tile, {"answer": call, "image": 0}, call)
