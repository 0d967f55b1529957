"""The form of one images/edits request: every field explicit, two PNG parts, the same bytes every time."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass

from PIL import Image

from ..errors import UsageError
from .generator import TileRequest
from .servers import ServerSettings

__all__ = ["MAX_PROMPT", "EditForm", "Part", "edit_form", "picture_parts"]

MAX_PROMPT = 32_000
"""Characters that the endpoint takes as a prompt; at least one is needed."""


@dataclass(frozen=True)
class Part:
    """A file of the form, always image/png."""

    name: str
    filename: str
    data: bytes


@dataclass(frozen=True)
class EditForm:
    """Text fields and file parts, in the order in which they are sent; `n` is the number of tiles asked for."""

    n: int
    fields: tuple[tuple[str, str], ...]
    parts: tuple[Part, ...]

    @property
    def boundary(self) -> str:
        """A boundary that depends on the content alone, so that equal forms are equal bytes."""
        digest = hashlib.sha256(repr(self.fields).encode("utf-8", "replace"))
        for part in self.parts:
            digest.update(part.data)
        return digest.hexdigest()[:32]

    @property
    def content_type(self) -> str:
        """The header that names the boundary."""
        return f"multipart/form-data; boundary={self.boundary}"

    @property
    def body(self) -> bytes:
        """The form as multipart/form-data (RFC 7578): a text part for each field, then the files."""
        head = f'--{self.boundary}\r\nContent-Disposition: form-data; name='
        texts = ((f'{head}"{_quoted(name)}"', text.encode()) for name, text in self.fields)
        files = (
            (f'{head}"{_quoted(part.name)}"; filename="{part.filename}"\r\nContent-Type: image/png', part.data)
            for part in self.parts
        )
        sections = (b"%s\r\n\r\n%s\r\n" % (start.encode(), content) for start, content in (*texts, *files))
        return b"".join(sections) + f"--{self.boundary}--\r\n".encode()

    def summary(self) -> dict[str, object]:
        """Fields as they are, parts by name, type, size in bytes and digest: what logs and people see."""
        return {
            "fields": dict(self.fields),
            "parts": [
                {
                    "name": part.name,
                    "filename": part.filename,
                    "type": "image/png",
                    "bytes": len(part.data),
                    "sha256": hashlib.sha256(part.data).hexdigest(),
                }
                for part in self.parts
            ],
        }


def picture_parts(request: TileRequest, server: ServerSettings) -> tuple[Part, ...]:
    """The reference and the mask of `request` as `server` names them; encoded once for every call of a step."""
    pictures = {server.image_field: ("reference.png", request.reference)}
    if server.mask == "send":
        pictures[server.mask_field] = ("mask.png", request.mask)
    return tuple(
        Part(name, filename, _png(picture))
        for name, (filename, picture) in pictures.items()
        if name not in server.omit_fields
    )


def edit_form(
    request: TileRequest,
    n: int,
    parts: tuple[Part, ...],
    *,
    model: str,
    quality: str,
    complexity: str | None,
    input_fidelity: str | None,
    server: ServerSettings,
) -> EditForm:
    """The form that asks `server` for `n` tiles, with the `picture_parts` of `request`.

    Raises:
        UsageError: the prompt is empty or too long.
    """
    if not 0 < len(request.prompt) <= MAX_PROMPT:
        raise UsageError(f"the prompt has {len(request.prompt)} characters; 1 to {MAX_PROMPT} are allowed")
    ours = {
        "model": model,
        "prompt": request.prompt,
        "n": str(n),
        "size": request.size_text,
        "quality": quality,
        "complexity": complexity,
        "input_fidelity": input_fidelity,
        "background": "opaque",
        "output_format": "png",
        **server.extra_fields,
    }
    fields = tuple((k, v) for k, v in ours.items() if v is not None and k not in server.omit_fields)
    return EditForm(n, fields, parts)


def _quoted(name: str) -> str:
    """`name` between quotes of a header, as browsers write it (WHATWG HTML, "multipart form data")."""
    return name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")


def _png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()
