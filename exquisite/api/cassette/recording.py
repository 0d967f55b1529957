"""The file format of recorded HTTP interactions: one JSON file, with its pictures in `blobs/<sha256>.png`.

    {"cassette": 1, "origin": "emulator", "interactions": [
      {"request":  {"method": "POST", "path": "/v1/images/edits", "type": "multipart/form-data", "parts": [
                     {"name": "prompt", "text": ["first line\\n", "second line"]},
                     {"name": "image[]", "filename": "reference.png", "type": "image/png", "blob": "….png"}]},
       "response": {"status": 200, "headers": {"content-type": "application/json"},
                    "body": ["{\\"data\\": [{\\"b64_json\\": \\"", {"base64": "….png"}, "\\"}]}"]},
       "error":    {"class": "ReadError", "message": "…"}}]}

A text is the list of its lines. A body is a list of pieces: text, `{"base64": blob}` for the base64 of a picture, and
`{"blob": blob}` for other bytes. The joined pieces are the body, byte for byte. `error` is the error that ended the
connection, before the response (then there is none) or in its body. Keys and signatures of URLs are never saved.
"""

from __future__ import annotations

import binascii
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ...errors import ReplayError
from ...files import Files
from ..multipart import Part
from .blobs import BLOBS, blob_name, picture_suffix, read_blob
from .redaction import find_secret, redacted

__all__ = ["FORMAT_VERSION", "Interaction", "RecordedRequest", "load_recording", "save_recording"]

FORMAT_VERSION = 1
"""Version of the format."""

_TEXT_MAX = 1 << 16  # bytes; longer texts become blobs, because nobody reads them
_BASE64_RUN = re.compile(rb"[A-Za-z0-9+/]{64,}={0,2}")

@dataclass(frozen=True)
class RecordedRequest:
    """The recorded content of a request.

    Attributes:
        method: such as POST.
        path: path and sorted query; the host is not recorded.
        media: media type of the body; "" without a body.
        parts: the parts of a multipart body; any other body is one part without a name.
    """

    method: str
    path: str
    media: str = ""
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True)
class Interaction:
    """One request with its response, its error, or its incomplete response and error.

    Attributes:
        request: the request.
        status: HTTP status; None without a response.
        headers: recorded headers of the response, names in lower case.
        body: the received bytes of the response.
        error: (class name of the httpx exception, message), or None.
    """

    request: RecordedRequest
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    error: tuple[str, str] | None = None

    @property
    def is_answer(self) -> bool:
        """Whether the response is complete and successful, so that it may have been billed."""
        return self.error is None and self.status is not None and 200 <= self.status < 300

    def redacted(self) -> Interaction:
        """A copy without the signatures of signed URLs."""
        body = redacted(self.body)
        headers = {name: redacted(value.encode()).decode() for name, value in self.headers.items()}
        if body != self.body and "content-length" in headers:
            headers["content-length"] = str(len(body))
        path = redacted(self.request.path.encode()).decode()
        return replace(self, request=replace(self.request, path=path), headers=headers, body=body)


def save_recording(path: Path, origin: str, interactions: Sequence[Interaction], secrets: Iterable[str] = ()) -> None:
    """Save `interactions` to `path` and their pictures beside it. The JSON file is written last, atomically.

    Raises:
        ReplayError: the recording contains text that looks like a key; nothing was written.
        StorageError: a write failed.
    """
    blobs: dict[str, bytes] = {}
    document = {
        "cassette": FORMAT_VERSION,
        "origin": origin,
        "interactions": [_interaction_to_json(interaction, blobs) for interaction in interactions],
    }
    text = (json.dumps(document, indent=1, ensure_ascii=False) + "\n").encode("utf-8")
    secrets = tuple(secrets)
    for name, data in {path.name: text, **blobs}.items():
        if what := find_secret(data, secrets):
            raise ReplayError(f"not saved: {path} would hold {what} in {name}; take it out of the request")
    _write(path, text, blobs)


def _write(path: Path, text: bytes, blobs: Mapping[str, bytes]) -> None:
    """Write the blobs, then the file. Each draft lies in the other folder, so that renames stay on one file system."""
    files = Files()
    folder = path.parent / BLOBS
    for missing in reversed([place for place in (folder, *folder.parents) if not place.exists()]):
        files.make_folder(missing)
    for name, data in blobs.items():
        if not (folder / name).exists():
            files.write_atomic(folder / name, data, path.parent)
    files.write_atomic(path, text, folder)


def load_recording(path: Path) -> tuple[str, list[Interaction]]:
    """Load (origin, interactions) from `path`.

    Raises:
        ReplayError: the file is missing, no regular file or of another version, or the file or a blob is damaged.
    """
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise ReplayError(f"{path} is a device or a pipe: name a cassette")
    try:
        document = json.loads(path.read_bytes())
        version = document["cassette"]
        if version != FORMAT_VERSION:
            raise ReplayError(f"{path} has format {version!r}, this version reads {FORMAT_VERSION}: record it again")
        blobs = path.parent / BLOBS
        return document["origin"], [_interaction_from_json(entry, blobs) for entry in document["interactions"]]
    except FileNotFoundError:
        raise ReplayError(f"there is no cassette at {path}: record one with record mode once") from None
    except OSError as error:
        raise ReplayError(f"the cassette {path} cannot be read: {error.strerror or error}") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ReplayError(f"the cassette {path} is damaged ({error!r}): restore it or record it again") from error


def _interaction_to_json(interaction: Interaction, blobs: dict[str, bytes]) -> dict[str, Any]:
    request = interaction.request
    entry: dict[str, Any] = {
        "request": {
            "method": request.method,
            "path": request.path,
            "type": request.media,
            "parts": [_part_to_json(part, blobs) for part in request.parts],
        }
    }
    if interaction.status is not None:
        body = _to_pieces(interaction.body, blobs)
        entry["response"] = {"status": interaction.status, "headers": dict(interaction.headers), "body": body}
    if interaction.error is not None:
        entry["error"] = dict(zip(("class", "message"), interaction.error, strict=True))
    return entry


def _interaction_from_json(entry: Mapping[str, Any], blobs: Path) -> Interaction:
    request = entry["request"]
    parts = tuple(_part_from_json(part, blobs) for part in request["parts"])
    response, error = entry.get("response"), entry.get("error")
    if response is None and error is None:
        raise ValueError("an interaction without response and error")
    return Interaction(
        RecordedRequest(_text(request["method"]), _text(request["path"]), _text(request["type"]), parts),
        None if response is None else int(response["status"]),
        {} if response is None else {name: _text(value) for name, value in response["headers"].items()},
        b"" if response is None else b"".join(_from_piece(piece, blobs) for piece in response["body"]),
        None if error is None else (_text(error["class"]), _text(error["message"])),
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r:.60} is no text")
    return value


def _part_to_json(part: Part, blobs: dict[str, bytes]) -> dict[str, Any]:
    entry: dict[str, Any] = {"name": part.name}
    if part.filename is not None:
        entry["filename"] = part.filename
    if part.content_type is not None:
        entry["type"] = part.content_type
    text = _as_text(part.content)
    if text is None or part.filename is not None:
        entry["blob"] = _blob(part.content, blobs)
    else:
        entry["text"] = _lines(text)
    return entry


def _part_from_json(entry: Mapping[str, Any], blobs: Path) -> Part:
    content = read_blob(blobs, entry["blob"]) if "blob" in entry else "".join(entry["text"]).encode("utf-8")
    filename, kind = (None if entry.get(key) is None else _text(entry[key]) for key in ("filename", "type"))
    return Part(_text(entry["name"]), content, filename, kind)


def _to_pieces(body: bytes, blobs: dict[str, bytes]) -> list[str | dict[str, str]]:
    """Split `body` into text and references to blobs, which contain pictures and long or binary data."""
    pieces: list[str | dict[str, str]] = []
    position = 0
    for run in _BASE64_RUN.finditer(body):
        picture = _picture_in(run[0])
        if picture or len(run[0]) > _TEXT_MAX:
            pieces += _plain(body[position : run.start()], blobs)
            pieces.append({"base64": _blob(picture, blobs)} if picture else {"blob": _blob(run[0], blobs)})
            position = run.end()
    return pieces + _plain(body[position:], blobs)


def _plain(data: bytes, blobs: dict[str, bytes]) -> list[str | dict[str, str]]:
    text = _as_text(data)
    return [{"blob": _blob(data, blobs)}] if text is None else [*_lines(text)]


def _from_piece(piece: str | Mapping[str, str], blobs: Path) -> bytes:
    if isinstance(piece, str):
        return piece.encode("utf-8")
    if "base64" in piece:
        return binascii.b2a_base64(read_blob(blobs, piece["base64"]), newline=False)
    return read_blob(blobs, piece["blob"])


def _picture_in(coded: bytes) -> bytes:
    """Decode a picture from base64, if encoding gives the same base64 again; else b""."""
    try:
        data = binascii.a2b_base64(coded, strict_mode=True)
    except ValueError:
        return b""
    return data if picture_suffix(data) and binascii.b2a_base64(data, newline=False) == coded else b""


def _as_text(data: bytes) -> str | None:
    """Decode short UTF-8 text without NUL; None for other data."""
    if len(data) > _TEXT_MAX or b"\0" in data:
        return None
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _lines(text: str) -> list[str]:
    return [line for line in re.split(r"(?<=\n)", text) if line]


def _blob(data: bytes, blobs: dict[str, bytes]) -> str:
    name = blob_name(data)
    blobs[name] = data
    return name
