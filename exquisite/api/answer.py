"""Parses the body of an answer into images: lenient about the envelope, strict about the images.

A body is JSON of the images/edits endpoint, the same as an event stream, or an image file (from a URL in an answer).
Complete images in truncated JSON are used, because they are paid. Fresh and stored answers go through this module
alone, so both give the same images.
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
    "MAX_JSON_ITEMS",
    "EditAnswer",
    "answer_bytes_max",
    "candidates_in",
    "candidates_of",
    "decode_tile",
    "is_whole_stream",
    "read_body",
]

MAX_JSON_ITEMS = 10_000
"""Largest number of JSON values of an answer, counted before parsing: tiny values cost 20 times their bytes."""

_MAX_TEXT = 32_000
"""Largest length of a text beside the images, such as a revised prompt, in characters."""

_IMAGE_STARTS = (PNG_SIGNATURE, b"\xff\xd8\xff", b"GIF8", b"RIFF", b"BM", b"II*\0", b"MM\0*", b"\0\0\0")
_WHOLE_PICTURE = re.compile(rb'"b64_json"\s*:\s*"((?:[^"\\]++|\\/)++)"')
"""`++` never backtracks, and takes a run of characters at once: 5 ms for a picture of 1 MB, not 108 ms."""
_EVENT_LINE = re.compile(rb"(?:event|data|id|retry)?:")  # WHATWG HTML, 9.2.6: a field, or a comment
_FINAL_EVENTS = ("image_edit.completed", "image_generation.completed")
_EXCERPT_BYTES = 60  # length of an excerpt in a message: it fits on one line
_FACTS = ("size", "quality", "background", "output_format")


@dataclass(frozen=True)
class EditAnswer:
    """The content of one body.

    Attributes:
        images: for each image its index in `data`, its bytes, and the text beside it. Text that is no base64 is kept as
            bytes; the image decoder reports it.
        urls: for each image to download its index in `data`, and its URL.
        usage: token counts of the server; empty when it stated none.
        facts: properties that the server states for all images: size, quality, background, output_format.
    """

    images: tuple[tuple[int, bytes, str], ...] = ()
    urls: tuple[tuple[int, str], ...] = ()
    usage: Mapping[str, Any] = field(default_factory=dict)
    facts: Mapping[str, str] = field(default_factory=dict)

    @property
    def names_pictures(self) -> bool:
        """Whether it contains an image, or the URL of one."""
        return bool(self.images or self.urls)


def answer_bytes_max(contract: TileContract = CLASSIC, images: int = 1) -> int:
    """Largest size of a body with that number of images, in bytes: base64 of the largest PNGs, and 1 MiB."""
    return images * png_bytes_max(contract) * 4 // 3 + (1 << 20)


def candidates_in(answers: Sequence[StoredAnswer]) -> list[RawCandidate]:
    """All images in stored answers, in order; `meta` contains the number of the answer and the index in it.

    An unreadable answer does not affect the others. URLs are ignored: the client downloads these images and stores them
    as answers of their own.

    Raises:
        AnswerError: there are no images, and at least one body is unreadable.
    """
    candidates: list[RawCandidate] = []
    problems: list[str] = []
    for answer in answers:
        try:
            candidates += candidates_of(answer.number, read_body(answer.body), answer.headers)
        except AnswerError as error:
            problems.append(f"answer {answer.number}: {error}")
    if problems and not candidates:
        raise AnswerError("; ".join(problems))
    return candidates


def candidates_of(call: int, answer: EditAnswer, headers: Mapping[str, str]) -> list[RawCandidate]:
    """All images in the answer to call number `call`, in order; `meta` contains the index of each."""
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
    """Parse the body of one answer; JSON without images is an empty `EditAnswer`.

    Raises:
        AnswerError: neither an image nor the JSON of an answer. No other exception leaves this function.
    """
    if body.startswith(_IMAGE_STARTS):
        return EditAnswer(images=((0, body, ""),))
    if _EVENT_LINE.match(body):
        return _read_document(_final_events(body))
    return _read_document(_parse(body))


def is_whole_stream(body: bytes | bytearray) -> bool:
    """Whether `body` ends with the complete event of a finished image. Nothing is parsed."""
    end = max(body.rfind(b"\n\n"), body.rfind(b"\r\n\r\n"))
    return _EVENT_LINE.match(body) is not None and 0 <= body.rfind(b".completed") < end


def _read_document(document: Mapping[str, Any]) -> EditAnswer:
    """Pictures, URLs and usage of a decoded answer; entries of another form are ignored."""
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
    """Convert the final events of a stream to the document of a plain answer, with one entry of `data` per image.

    An event is a block of lines that an empty line ends; its `data:` lines form JSON with the type of the event (WHATWG
    HTML, 9.2.6). Previews and truncated events are ignored.
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
        raise AnswerError("the event stream contains no finished image")
    return document


def _parse(body: bytes) -> dict[str, Any]:
    """Parse the JSON object in `body`; of truncated JSON, return the complete images as `data`."""
    if not body.strip():
        raise AnswerError("the body is empty")
    if not body.lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"{", b"[")):
        raise AnswerError(f"the body is neither JSON nor an image: it begins with {body[:_EXCERPT_BYTES]!r}")
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
    """Decode base64 or a data: URI; missing padding, white space and the URL-safe alphabet are accepted."""
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
    """Keep the token counts of a `usage`: integers, and one level of details."""
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
    """Return a string of bounded length without lone surrogates; "" for other types."""
    return value[:_MAX_TEXT].encode("utf-8", "replace").decode("utf-8") if isinstance(value, str) else ""
