"""The scripted outcomes of a request, by name. A script entry is `name` or `name:argument`.

| entry                                  | what the client meets                                             | billed |
|----------------------------------------|-------------------------------------------------------------------|--------|
| ok                                     | n pictures                                                        | yes    |
| too_few[:K], no_images, no_data        | n − K pictures (K = 1); an empty list; only `created`             | yes    |
| stingy                                 | one picture, billed like n                                        | yes    |
| cost_header:USD                        | n pictures, no usage, and a proxy's header that says the cost     | yes    |
| usage_missing, usage_zero              | n pictures, and no word of what they cost; tokens that are all 0  | yes    |
| wrong_size[:WxH]                       | pictures of another size (half as wide)                           | yes    |
| jpeg, webp, webp_lossless              | JPEG or WebP bytes                                                | yes    |
| rgba, transparent, grey, palette       | RGBA, opaque or not; PNG of mode L or P                           | yes    |
| garbage, cut_picture, bad_base64       | bytes that are no picture; half a PNG; text that is no base64     | yes    |
| data_uri, url, url_elsewhere           | `data:` in place of base64; an address here; one on another host  | yes    |
| html_200, empty_200, accepted_202      | status 200 with a page, with nothing; 202 with nothing            | yes    |
| error_200                              | status 200 with an error object                                   | yes    |
| cut_json[:K]                           | JSON that ends after K whole pictures (half of it), as if whole   | yes    |
| event_stream                           | the answer as events, though none were asked for                  | yes    |
| huge[:MB], flood[:MB]                  | 200 MB, announced by Content-Length or not                        | yes    |
| drip[:SECONDS]                         | a whole answer in 20 pieces, each after a pause                   | yes    |
| cut[:BYTE], cut:head, cut:body         | the connection ends after BYTE bytes (0), in the head or body     | yes    |
| timeout                                | silence                                                           | yes    |
| status:CODE[,unbilled]                 | an error; a page where an edge sends it (502, 504, 520, 524)      | yes    |
| rate_limit[:HOW]                       | 429; HOW: retry-after=S, retry-after-ms=MS, date=S or message=12s | no     |
| slow_down, overloaded[:HOW]            | 429 and 503 with a JSON error                                     | no     |
| overloaded_html                        | 503 with a page: nobody knows                                     | yes    |
| insufficient_quota, spend_limit        | 429 for good                                                      | no     |
| credit_balance_exhausted               | 429 for good                                                      | no     |
| billing_hard_limit                     | 400 for good                                                      | no     |
| moderation_blocked                     | 400 as an object                                                  | no     |
| error_string, detail                   | 400 as a string, as `detail`                                      | no     |
| redirect_here, redirect_elsewhere      | 307 to another path, to another host                              | no     |
| connect_error, connect_timeout         | the request does not leave (in memory only)                       | no     |
| pool_timeout                           | the same                                                          | no     |
"""

from __future__ import annotations

import base64
import email.utils
import io
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Protocol

from PIL import Image

from .emulator_replies import NEVER_SENT, Reply, event_reply, html_reply, json_reply
from .emulator_rules import Edit

__all__ = ["OUTCOMES", "Scene", "play", "valid_entry"]

_EDGE_PAGES = {502: "Bad gateway", 504: "Gateway time-out", 520: "Unknown error", 524: "A timeout occurred"}


class Scene(Protocol):
    """What an outcome may use: the request, the pictures for it, and the till."""

    edit: Edit
    elsewhere: str

    def pictures(self, count: int) -> list[bytes]:
        """`count` redrawn tiles as PNG."""

    def bill(self, count: int) -> dict[str, object]:
        """Bill `count` pictures; return the answer's `usage`."""

    def charge(self, usd: Decimal) -> None:
        """Bill this amount instead."""

    def publish(self, data: bytes) -> str:
        """Put a picture at an address on this server; return the path."""

    def entry(self, data: bytes) -> dict[str, str]:
        """A picture as an entry of `data`, the way in which this server delivers."""

    @property
    def here(self) -> str:
        """Scheme and host of this server."""

    def envelope(self, entries: list[dict[str, str]], usage: dict[str, object]) -> Reply:
        """An answer with `entries` as its data."""


Outcome = Callable[[Scene, str], Reply]


def valid_entry(entry: str) -> str:
    """`entry`, if there is such an outcome.

    Raises:
        ValueError: there is none.
    """
    if entry.partition(":")[0] not in OUTCOMES:
        raise ValueError(f"unknown outcome {entry!r}: use one of {', '.join(OUTCOMES)}")
    return entry


def play(entry: str, scene: Scene) -> Reply:
    """The reply of the script entry `entry`."""
    name, _, argument = entry.partition(":")
    return OUTCOMES[name](scene, argument)


def _base64_entry(data: bytes) -> dict[str, str]:
    return {"b64_json": base64.b64encode(data).decode("ascii")}


def _ok(scene: Scene, argument: str) -> Reply:
    return _answer(scene, scene.pictures(scene.edit.n))


def _answer(scene: Scene, pictures: list[bytes]) -> Reply:
    return scene.envelope([scene.entry(data) for data in pictures], scene.bill(len(pictures)))


def _too_few(scene: Scene, argument: str) -> Reply:
    return _answer(scene, scene.pictures(max(0, scene.edit.n - int(argument or 1))))


def _no_images(scene: Scene, argument: str) -> Reply:
    return _answer(scene, [])


def _no_data(scene: Scene, argument: str) -> Reply:
    scene.bill(0)
    return json_reply(200, {"created": 1})


def _usage_missing(scene: Scene, argument: str) -> Reply:
    pictures = scene.pictures(scene.edit.n)
    scene.bill(len(pictures))
    return scene.envelope([scene.entry(data) for data in pictures], {})


def _stingy(scene: Scene, argument: str) -> Reply:
    return scene.envelope([scene.entry(data) for data in scene.pictures(1)], scene.bill(scene.edit.n))


def _cost_header(scene: Scene, argument: str) -> Reply:
    reply = _usage_missing(scene, "")
    scene.charge(Decimal(argument or "0.01"))
    return replace(reply, headers={**reply.headers, "x-litellm-response-cost": argument or "0.01"})


def _usage_zero(scene: Scene, argument: str) -> Reply:
    pictures = scene.pictures(scene.edit.n)
    zero: dict[str, object] = {name: 0 for name in scene.bill(len(pictures)) if name.endswith("tokens")}
    return scene.envelope([scene.entry(data) for data in pictures], zero)


def _with_alteration(alter: Callable[[bytes, str], bytes]) -> Outcome:
    """Every picture changed by `alter(png, argument)`."""

    def outcome(scene: Scene, argument: str) -> Reply:
        return _answer(scene, [alter(data, argument) for data in scene.pictures(scene.edit.n)])

    return outcome


def _encode(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def _resized(data: bytes, argument: str) -> bytes:
    image = Image.open(io.BytesIO(data))
    size = tuple(int(edge) for edge in argument.split("x")) if argument else (image.width // 2, image.height)
    return _encode(image.resize((size[0], size[1])))


def _converted(mode: str, alpha: int = 255) -> Callable[[bytes, str], bytes]:
    def alter(data: bytes, argument: str) -> bytes:
        image = Image.open(io.BytesIO(data)).convert(mode)
        if mode == "RGBA":
            image.putalpha(alpha)
        return _encode(image)

    return alter


def _entries(make: Callable[[Scene, bytes], dict[str, str]]) -> Outcome:
    """Every picture delivered as `make` says."""

    def outcome(scene: Scene, argument: str) -> Reply:
        pictures = scene.pictures(scene.edit.n)
        return scene.envelope([make(scene, data) for data in pictures], scene.bill(len(pictures)))

    return outcome


def _html_200(scene: Scene, argument: str) -> Reply:
    scene.bill(scene.edit.n)
    return html_reply(200, "Please stand by")


def _empty_200(scene: Scene, argument: str) -> Reply:
    scene.bill(scene.edit.n)
    return Reply(200, {"content-type": "application/json"})


def _accepted_202(scene: Scene, argument: str) -> Reply:
    scene.bill(scene.edit.n)
    return Reply(202, {"content-type": "application/json"})


def _error_200(scene: Scene, argument: str) -> Reply:
    scene.bill(scene.edit.n)
    return _error(200, "upstream_failed", "The upstream server failed.")


def _cut_json(scene: Scene, argument: str) -> Reply:
    reply = _ok(scene, "")
    assert isinstance(reply.body, bytes)
    if not argument:
        return replace(reply, body=reply.body[: len(reply.body) // 2])
    whole = [match.end() for match in re.finditer(rb'"b64_json":"[^"]*"', reply.body)]
    return replace(reply, body=reply.body[: [reply.body.index(b"[") + 20, *whole][int(argument)]])


def _event_stream(scene: Scene, argument: str) -> Reply:
    pictures = scene.pictures(scene.edit.n)
    usage = scene.bill(len(pictures))
    return event_reply([{**_base64_entry(data), "usage": usage} for data in pictures])


def _huge(scene: Scene, argument: str) -> Reply:
    size = int(argument or 200) << 20
    scene.bill(scene.edit.n)

    def body() -> Iterator[bytes]:
        yield b'{"created":1,"data":[{"b64_json":"'
        yield from (b"A" * (1 << 20) for _ in range(size >> 20))

    return Reply(200, {"content-type": "application/json"}, body, length=size + 34)


def _flood(scene: Scene, argument: str) -> Reply:
    return replace(_huge(scene, argument), length=None)


def _drip(scene: Scene, argument: str) -> Reply:
    reply = _ok(scene, "")
    return replace(reply, pause=float(argument or 0.001), piece=len(reply.body) // 20 + 1)  # type: ignore[arg-type]


def _cut(scene: Scene, argument: str) -> Reply:
    reply = _ok(scene, "")
    head = len(reply.head())
    places = {"": 0, "head": head // 2, "body": head + len(reply.body) // 2}  # type: ignore[arg-type]
    return replace(reply, cut_at=places[argument] if argument in places else int(argument))


def _timeout(scene: Scene, argument: str) -> Reply:
    scene.bill(scene.edit.n)
    return Reply(silent=True)


def _status(scene: Scene, argument: str) -> Reply:
    code, _, bill = argument.partition(",")
    if bill != "unbilled":
        scene.bill(scene.edit.n)
    status = int(code)
    if status in _EDGE_PAGES:
        return html_reply(status, _EDGE_PAGES[status])
    return _error(status, None, "The server had an error while processing your request. Sorry about that!")


def _error(status: int, code: str | None, message: str, kind: str = "server_error") -> Reply:
    return json_reply(status, {"error": {"message": message, "type": kind, "param": None, "code": code}})


def _later(status: int, code: str, message: str) -> Outcome:
    """A temporary refusal; the argument says where the reply states the wait."""

    def outcome(scene: Scene, argument: str) -> Reply:
        how, _, value = argument.partition("=")
        text = f"{message} Please try again in {value}." if how == "message" else message
        reply = _error(status, code, text, "requests")
        if how == "date":
            headers = {"retry-after": email.utils.formatdate(time.time() + float(value), usegmt=True)}
        else:
            headers = {how: value} if how in ("retry-after", "retry-after-ms") else {}
        return replace(reply, headers={**reply.headers, **headers})

    return outcome


def _never(status: int, code: str, message: str) -> Outcome:
    """A permanent refusal."""
    return lambda scene, argument: _error(status, code, message, code)


def _overloaded_html(scene: Scene, argument: str) -> Reply:
    scene.bill(scene.edit.n)
    return html_reply(503, "Service Temporarily Unavailable")


def _redirect(scene: Scene, target: str) -> Reply:
    return Reply(307, {"location": target})


def _never_sent(name: str) -> Outcome:
    return lambda scene, argument: Reply(never_sent=name)


OUTCOMES: dict[str, Outcome] = {
    "ok": _ok,
    "too_few": _too_few,
    "no_images": _no_images,
    "no_data": _no_data,
    "stingy": _stingy,
    "cost_header": _cost_header,
    "usage_missing": _usage_missing,
    "usage_zero": _usage_zero,
    "wrong_size": _with_alteration(_resized),
    "jpeg": _with_alteration(lambda data, argument: _encode(Image.open(io.BytesIO(data)).convert("RGB"), "JPEG")),
    "webp": _with_alteration(lambda data, argument: _encode(Image.open(io.BytesIO(data)).convert("RGB"), "WEBP")),
    "webp_lossless": _with_alteration(
        lambda data, argument: _encode(Image.open(io.BytesIO(data)).convert("RGB"), "WEBP", lossless=True)
    ),
    "rgba": _with_alteration(_converted("RGBA")),
    "transparent": _with_alteration(_converted("RGBA", 0)),
    "grey": _with_alteration(_converted("L")),
    "palette": _with_alteration(_converted("P")),
    "garbage": _with_alteration(lambda data, argument: b"this is no picture " * 8),
    "cut_picture": _with_alteration(lambda data, argument: data[: len(data) // 2]),
    "bad_base64": _entries(lambda scene, data: {"b64_json": "!no base64!"}),
    "data_uri": _entries(lambda scene, data: {"b64_json": "data:image/png;base64," + _base64_entry(data)["b64_json"]}),
    "url": _entries(lambda scene, data: {"url": scene.here + scene.publish(data)}),
    "url_elsewhere": _entries(lambda scene, data: {"url": scene.elsewhere + scene.publish(data)}),
    "html_200": _html_200,
    "empty_200": _empty_200,
    "accepted_202": _accepted_202,
    "error_200": _error_200,
    "event_stream": _event_stream,
    "cut_json": _cut_json,
    "huge": _huge,
    "flood": _flood,
    "drip": _drip,
    "cut": _cut,
    "timeout": _timeout,
    "status": _status,
    "rate_limit": _later(429, "rate_limit_exceeded", "Rate limit reached for input-images per min: Limit 5, Used 5."),
    "slow_down": _later(429, "slow_down", "Please slow down."),
    "overloaded": _later(503, "server_is_overloaded", "The server is currently overloaded."),
    "overloaded_html": _overloaded_html,
    "insufficient_quota": _never(429, "insufficient_quota", "You exceeded your current quota."),
    "credit_balance_exhausted": _never(429, "credit_balance_exhausted", "Your credit balance is exhausted."),
    "spend_limit": _never(429, "project_spend_limit_exceeded", "The project's spend limit is reached."),
    "billing_hard_limit": _never(400, "billing_hard_limit_reached", "Billing hard limit has been reached."),
    "moderation_blocked": _never(400, "moderation_blocked", "Your request was rejected by the safety system."),
    "error_string": lambda scene, argument: json_reply(400, {"error": "prompt required"}),
    "detail": lambda scene, argument: json_reply(400, {"detail": "prompt required"}),
    "redirect_here": lambda scene, argument: _redirect(scene, scene.here + "/v2/images/edits"),
    "redirect_elsewhere": lambda scene, argument: _redirect(scene, scene.elsewhere + "/v1/images/edits"),
    **{name: _never_sent(name) for name in NEVER_SENT},
}
"""Every outcome by name."""
