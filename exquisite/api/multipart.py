"""Parses multipart/form-data bodies strictly and compares them canonically.

Bodies are canonically equal when names, file names, types, texts and pixels are equal. The boundary, the order of text
fields and the encoding of pictures do not matter.

Form: RFC 7578 over RFC 2046 section 5.1; quoting of names as browsers do it (WHATWG HTML, "multipart form data").
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from PIL import Image, ImageChops

from ..errors import UsageError

__all__ = ["Part", "canonical", "difference", "parse_content_type", "parse_multipart", "picture_digest"]

_DISPOSITION = re.compile(r'form-data; name="([^"]*)"(?:; filename="([^"]*)")?')
_PARAMETER = re.compile(r';\s*([A-Za-z-]+)=(?:"([^"]*)"|([^\s;"]+))')
_PICTURES = ("PNG", "JPEG", "WEBP")
_EXCERPT_BYTES = 60  # length of an excerpt in a message: it fits on one line


@dataclass(frozen=True)
class Part:
    """One part of a body.

    Attributes:
        name: name of the field.
        content: the bytes as sent.
        filename: name of the file; None for a text field.
        content_type: its Content-Type; None for a part without one, such as a text field.
    """

    name: str
    content: bytes
    filename: str | None = None
    content_type: str | None = None

    @property
    def digest(self) -> str:
        """A hash of the content that is equal for pictures with equal pixels, in any encoding."""
        return picture_digest(self.content) or hashlib.sha256(self.content).hexdigest()


def parse_content_type(header: str) -> tuple[str, dict[str, str]]:
    """(media type in lower case, parameters) of a Content-Type header."""
    media, _, rest = header.partition(";")
    parameters = {name.lower(): quoted or plain for name, quoted, plain in _PARAMETER.findall(";" + rest)}
    return media.strip().lower(), parameters


def parse_multipart(body: bytes, content_type: str) -> tuple[Part, ...]:
    """Parse the parts of `body`, in order; `content_type` is the request's header with its boundary.

    Raises:
        UsageError: the body violates RFC 7578; the message says how and where.
    """
    media, parameters = parse_content_type(content_type)
    if media != "multipart/form-data":
        raise UsageError(f"the body is {media or 'of no type'}, not multipart/form-data")
    boundary = parameters.get("boundary", "")
    if not 1 <= len(boundary) <= 70:  # RFC 2046, 5.1.1
        raise UsageError(f"the boundary {boundary!r} must have 1 to 70 characters")
    delimiter = b"\r\n--" + boundary.encode("latin-1", "replace")
    head, *sections = (b"\r\n" + body).split(delimiter)
    if head or not sections:
        raise UsageError("the body does not begin with its boundary")
    if sections[-1] not in (b"--", b"--\r\n"):
        raise UsageError(f"the body does not end with its boundary: {sections[-1][-_EXCERPT_BYTES:]!r}")
    return tuple(_part(number, section) for number, section in enumerate(sections[:-1]))


def _part(number: int, section: bytes) -> Part:
    """Parse one section between two boundaries."""
    head, blank, content = section.partition(b"\r\n\r\n")
    if not blank or not head.startswith(b"\r\n"):
        raise UsageError(f"part {number} has no headers, or no empty line after them: {section[:_EXCERPT_BYTES]!r}")
    headers: dict[str, str] = {}
    for line in head[2:].decode("utf-8", "replace").split("\r\n"):
        name, colon, value = line.partition(":")
        if not colon or name.lower() in headers:
            raise UsageError(f"part {number} has a header that is malformed or there twice: {line!r}")
        headers[name.lower()] = value.strip()
    disposition = _DISPOSITION.fullmatch(headers.pop("content-disposition", ""))
    if disposition is None:
        raise UsageError(f"part {number} has no Content-Disposition of the form form-data; name=\"…\"; filename=\"…\"")
    kind = headers.pop("content-type", None)
    if headers:
        raise UsageError(f"part {number} has a header that no part may have: {', '.join(headers)}")
    field, filename = (None if text is None else _unquoted(text) for text in disposition.groups())
    return Part(field or "", content, filename, kind)


def _unquoted(text: str) -> str:
    return text.replace("%22", '"').replace("%0D", "\r").replace("%0A", "\n")


def canonical(parts: Sequence[Part]) -> tuple[tuple[str, str, str, str], ...]:
    """`parts` as (name, file name, type, digest), sorted by name; parts of equal name keep their order."""
    described = ((part.name, part.filename or "", part.content_type or "", part.digest) for part in parts)
    return tuple(sorted(described, key=lambda item: item[0]))


@lru_cache(maxsize=64)
def picture_digest(data: bytes) -> str:
    """Mode, size and SHA-256 of the pixels of a PNG, JPEG or WebP; "" for other data."""
    picture = _picture(data)
    if picture is None:
        return ""
    return f"{picture.mode} {picture.width}x{picture.height} {hashlib.sha256(picture.tobytes()).hexdigest()}"


def _picture(data: bytes) -> Image.Image | None:
    if not data.startswith((b"\x89PNG", b"\xff\xd8\xff", b"RIFF")):
        return None
    try:
        with Image.open(io.BytesIO(data), formats=_PICTURES) as image:
            image.load()
            if image.mode == "P":  # a palette is a property of the encoding, not of the picture
                return image.convert("RGBA" if "transparency" in image.info else "RGB")
            return image.copy()
    except Exception:  # a damaged picture is compared by its bytes
        return None


def difference(ours: Sequence[Part], theirs: Sequence[Part]) -> list[str]:
    """List the differences of the request `ours` from the recorded `theirs`, one line each; [] when equal."""
    lines: list[str] = []
    for name in sorted({part.name for part in (*ours, *theirs)}):
        our_parts, their_parts = ([part for part in parts if part.name == name] for parts in (ours, theirs))
        if len(our_parts) != len(their_parts):
            lines.append(f"part {name!r} is there {_times(len(our_parts))}, recorded {_times(len(their_parts))}")
            continue
        for place, (one, other) in enumerate(zip(our_parts, their_parts, strict=True)):
            label = f"part {name!r}" + (f" ({place + 1} of {len(our_parts)})" if len(our_parts) > 1 else "")
            lines += [f"{label} {line}" for line in _part_difference(one, other)]
    return lines


def _times(count: int) -> str:
    return f"{count} time{'' if count == 1 else 's'}"


def _part_difference(one: Part, other: Part) -> list[str]:
    lines = []
    if one.filename != other.filename:
        lines.append(f"has the file name {one.filename!r}, recorded {other.filename!r}")
    if one.content_type != other.content_type:
        lines.append(f"has the type {one.content_type!r}, recorded {other.content_type!r}")
    if one.content != other.content and one.digest != other.digest:
        lines.append(_content_difference(one.content, other.content))
    return lines


def _content_difference(one: bytes, other: bytes) -> str:
    first, second = _picture(one), _picture(other)
    if first is None or second is None:
        at = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
        start = max(0, at - _EXCERPT_BYTES // 3)
        ours, recorded = (data[start : at + _EXCERPT_BYTES].decode("utf-8", "replace") for data in (one, other))
        return f"differs from byte {at}: {ours!r}, recorded {recorded!r}"
    if (first.mode, first.size) != (second.mode, second.size):
        described = (f"{image.mode} of {image.width}x{image.height}" for image in (first, second))
        return "is {}, recorded {}".format(*described)
    delta = ImageChops.difference(first.convert("RGBA"), second.convert("RGBA"))
    most = max(channel.getextrema()[1] for channel in delta.split())
    return f"has other pixels, in the box {delta.getbbox(alpha_only=False)} and by up to {most} of 255"
