"""From the bytes of an answer to pictures: read leniently, checked strictly.

An answer is JSON of the images/edits endpoint, the same as an event stream, or an image as it came (one that a
`url` named). Of JSON that was cut short the whole pictures are used, because they were paid for. Everything that is
decided later (scores, another choice, other gluing) reads the stored answers through this module alone, so a fresh
answer and a stored one mean the same.
"""

from __future__ import annotations

import binascii
import contextlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..contract import CLASSIC, TileContract
from ..errors import AnswerError
from ..png_chunks import PNG_SIGNATURE
from .generator import RawCandidate, StoredAnswer
from .outcome import request_id
from .png import decode_tile, png_bytes_max

__all__ = [
    "EditAnswer",
    "answer_bytes_max",
    "candidates_in",
    "candidates_of",
    "decode_tile",
    "is_whole_stream",
    "read_body",
]

MAX_JSON_ITEMS = 10_000
"""Values that the JSON of an answer may hold. Counted before parsing: tiny values cost 20 times their bytes."""

MAX_TEXT = 32_000
"""Characters kept of a text that the server sends along, such as a revised prompt."""

_IMAGE_STARTS = (PNG_SIGNATURE, b"\xff\xd8\xff", b"GIF8", b"RIFF", b"BM", b"II*\0", b"MM\0*", b"\0\0\0")
_WHOLE_PICTURE = re.compile(rb'"b64_json"\s*:\s*"((?:[^"\\]|\\/)+)"')
_EVENT_LINE = re.compile(rb"(?:event|data|id|retry)?:")  # WHATWG HTML, 9.2.6: a field, or a comment
_FINAL_EVENTS = ("image_edit.completed", "image_generation.completed")
_FACTS = ("size", "quality", "background", "output_format")


@dataclass(frozen=True)
class EditAnswer:
    """What one body holds.

    Attributes:
        images: place in the answer's `data`, bytes as the server meant them, and a text sent along.
            What is no base64 stays as it came: the decoder says what is wrong with it.
        urls: place and address of each image that must be downloaded.
        usage: tokens as the server counted them; empty when it did not say.
        facts: what the server says of all images: size, quality, background, output_format.
    """

    images: tuple[tuple[int, bytes, str], ...] = ()
    urls: tuple[tuple[int, str], ...] = ()
    usage: Mapping[str, Any] = field(default_factory=dict)
    facts: Mapping[str, str] = field(default_factory=dict)

    @property
    def names_pictures(self) -> bool:
        """Whether it holds a picture, or the address of one."""
        return bool(self.images or self.urls)


def answer_bytes_max(contract: TileContract = CLASSIC, images: int = 1) -> int:
    """The largest body that is read for so many images, in bytes: base64 of the largest PNGs, and 1 MiB."""
    return images * png_bytes_max(contract) * 4 // 3 + (1 << 20)


def candidates_in(answers: Sequence[StoredAnswer]) -> list[RawCandidate]:
    """Every image in stored answers, in order; `meta` names the answer and the place in it.

    An answer that cannot be read does not take the others with it. Addresses are not followed: the client
    downloads them and stores the bytes as answers of their own.

    Raises:
        AnswerError: nothing was found, and at least one body could not be read.
    """
    found: list[RawCandidate] = []
    unread: list[str] = []
    for answer in answers:
        try:
            found += candidates_of(answer.number, read_body(answer.body), answer.headers)
        except AnswerError as error:
            unread.append(f"answer {answer.number}: {error}")
    if unread and not found:
        raise AnswerError("; ".join(unread))
    return found


def candidates_of(call: int, answer: EditAnswer, headers: Mapping[str, str]) -> list[RawCandidate]:
    """Every image in the answer to call number `call`, in order; `meta` says where it stood."""
    shared: dict[str, object] = {**answer.facts}
    if number := request_id(headers):
        shared["request_id"] = number
    if answer.usage:
        shared["usage"] = answer.usage
    candidates = []
    for place, data, text in answer.images:
        own = {"revised_prompt": text} if text else {}
        candidates.append(RawCandidate(data, {"answer": call, "image": place, **own, **shared}, call))
    return candidates


def read_body(body: bytes) -> EditAnswer:
    """What the body of one answer holds; JSON without images is an empty `EditAnswer`.

    Raises:
        AnswerError: neither an image nor the JSON of an answer. No other exception leaves this function.
    """
    if body.startswith(_IMAGE_STARTS):
        return EditAnswer(images=((0, body, ""),))
    if _EVENT_LINE.match(body):
        return _read_document(_final_events(body))
    return _read_document(_parse(body))


def is_whole_stream(body: bytes | bytearray) -> bool:
    """Whether the last event of a stream, the one with the finished picture, has arrived whole; nothing is parsed."""
    end = max(body.rfind(b"\n\n"), body.rfind(b"\r\n\r\n"))
    return _EVENT_LINE.match(body) is not None and 0 <= body.rfind(b".completed") < end


def _read_document(document: Mapping[str, Any]) -> EditAnswer:
    images: list[tuple[int, bytes, str]] = []
    urls: list[tuple[int, str]] = []
    entries = document.get("data")
    for place, entry in enumerate(entries if isinstance(entries, list) else ()):
        if not isinstance(entry, dict):
            continue
        coded, url = entry.get("b64_json"), entry.get("url")
        if not (isinstance(coded, str) and coded) and isinstance(url, str) and url.startswith("data:"):
            coded = url
        if isinstance(coded, str) and coded:
            images.append((place, _decoded(coded), _text(entry.get("revised_prompt"))))
        elif isinstance(url, str) and url:
            urls.append((place, url))
    facts = {name: text for name in _FACTS if (text := _text(document.get(name)))}
    return EditAnswer(tuple(images), tuple(urls), _usage(document.get("usage")), facts)


def _final_events(body: bytes) -> dict[str, Any]:
    """The document that the last events of a stream amount to: one entry of `data` for each finished picture.

    An event is a block of lines up to an empty one; its `data:` lines together are JSON that names its type (WHATWG
    HTML, 9.2.6). Previews are left out, and so is an event that was cut short.
    """
    document: dict[str, Any] = {"data": []}
    blocks = [block for block in re.split(rb"\r?\n\r?\n", body) if b".completed" in block]
    for block in blocks[:MAX_JSON_ITEMS]:
        lines = [line[5:].strip() for line in block.splitlines() if line.startswith(b"data:")]
        with contextlib.suppress(AnswerError):
            event = _parse(b"\n".join(lines))
            if event.get("type", _FINAL_EVENTS[0]) not in _FINAL_EVENTS:
                continue
            document["data"] += event.get("data") or [event]
            document |= {name: event[name] for name in ("usage", *_FACTS) if name in event}
    if not document["data"]:
        raise AnswerError("the event stream ends without a finished picture")
    return document


def _parse(body: bytes) -> dict[str, Any]:
    """The JSON object in `body`; of one that was cut short, its whole pictures as its `data`."""
    if not body.strip():
        raise AnswerError("the body is empty")
    if not body.lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"{", b"[")):
        raise AnswerError(f"the body is neither JSON nor an image: it begins with {body[:60]!r}")
    if sum(body.count(mark) for mark in (b",", b"[", b"{")) > MAX_JSON_ITEMS:
        raise AnswerError(f"the JSON holds more than {MAX_JSON_ITEMS} values")
    try:
        document = json.loads(body.decode("utf-8-sig"), parse_constant=lambda name: None)
    except (ValueError, RecursionError) as error:
        if whole := _WHOLE_PICTURE.findall(body):
            texts = (text.replace(b"\\/", b"/").decode("utf-8", "replace") for text in whole)
            return {"data": [{"b64_json": text} for text in texts]}
        raise AnswerError(f"the JSON cannot be read, perhaps it was cut short: {error}") from error
    if not isinstance(document, dict):
        raise AnswerError(f"the JSON is no object, but a {type(document).__name__}")
    return document


def _decoded(coded: str) -> bytes:
    """The bytes behind base64 or a data: URI, as lenient as can be without guessing."""
    text = coded.partition(",")[2] if coded.startswith("data:") else coded
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except ValueError:
        pass
    plain = "".join(text.split()).rstrip("=").translate({ord("-"): "+", ord("_"): "/"})
    try:
        return binascii.a2b_base64(plain + "=" * (-len(plain) % 4), strict_mode=True)
    except ValueError:
        return coded.encode("utf-8", "replace")


def _usage(value: object, depth: int = 0) -> dict[str, Any]:
    """Token counts only: whole numbers, and one level of details."""
    if not isinstance(value, dict):
        return {}
    counts: dict[str, Any] = {}
    for name, count in value.items():
        if isinstance(count, int) and not isinstance(count, bool) and 0 <= count < 10**9:
            counts[_text(name)] = count
        elif isinstance(count, dict) and depth == 0 and (details := _usage(count, 1)):
            counts[_text(name)] = details
    return counts


def _text(value: object) -> str:
    """A string that any file can hold, of bounded length; "" for what is no string."""
    return value[:MAX_TEXT].encode("utf-8", "replace").decode("utf-8") if isinstance(value, str) else ""
