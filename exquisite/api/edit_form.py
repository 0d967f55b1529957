"""Builds the form of an images/edits request: explicit fields, PNG files, and equal bytes for equal requests."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass

from PIL import Image

from ..errors import UsageError
from .generator import TileRequest
from .servers import ServerSettings

__all__ = ["MAX_PROMPT", "EditForm", "FilePart", "ModelSettings", "edit_form", "picture_parts"]

MAX_PROMPT = 32_000
"""Largest length of a prompt in characters; the smallest is 1."""


@dataclass(frozen=True)
class FilePart:
    """A file of the form, always image/png."""

    name: str
    filename: str
    data: bytes


@dataclass(frozen=True)
class EditForm:
    """Text fields and files, in the order of the body; `n` is the number of requested tiles."""

    n: int
    fields: tuple[tuple[str, str], ...]
    parts: tuple[FilePart, ...]

    @property
    def boundary(self) -> str:
        """A boundary that depends only on the content, so that equal forms have equal bytes."""
        digest = hashlib.sha256(repr(self.fields).encode("utf-8", "replace"))
        for part in self.parts:
            digest.update(part.data)
        return digest.hexdigest()[:32]  # 128 bits: no part contains it by chance

    @property
    def content_type(self) -> str:
        """The Content-Type header, with the boundary."""
        return f"multipart/form-data; boundary={self.boundary}"

    @property
    def body(self) -> bytes:
        """The form as multipart/form-data (RFC 7578): one text part per field, then the files."""
        head = f'--{self.boundary}\r\nContent-Disposition: form-data; name='
        texts = ((f'{head}"{_quoted(name)}"', text.encode()) for name, text in self.fields)
        files = (
            (f'{head}"{_quoted(part.name)}"; filename="{part.filename}"\r\nContent-Type: image/png', part.data)
            for part in self.parts
        )
        sections = (b"%s\r\n\r\n%s\r\n" % (start.encode(), content) for start, content in (*texts, *files))
        return b"".join(sections) + f"--{self.boundary}--\r\n".encode()

    def summary(self) -> dict[str, object]:
        """Describe the form for logs and people: fields with values, files by name, type, size in bytes and digest."""
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


@dataclass(frozen=True)
class ModelSettings:
    """The model, and the fields that only some models know; None leaves a field out."""

    name: str
    quality: str
    complexity: str | None = None
    input_fidelity: str | None = None


def picture_parts(request: TileRequest, server: ServerSettings) -> tuple[FilePart, ...]:
    """Encode the pictures of `request`, with the field names of `server`, for all calls of a step.

    The reference tile comes first, because the mask applies to the first picture. Then come the reference pictures in
    their order, and the mask.

    Raises:
        UsageError: there are reference pictures, and the server takes one picture.
    """
    if request.references and not server.takes_many:
        raise UsageError(
            f"the server {server.name} takes one picture, as the field {server.image_field!r}: leave the "
            f"{len(request.references)} references out, or set image_field=image[] if it takes several"
        )
    parts = [FilePart(server.image_field, "reference.png", _png(request.reference))]
    for number, picture in enumerate(request.references, start=1):
        parts.append(FilePart(server.image_field, f"reference-{number}-{picture.kind}.png", picture.data))
    if server.mask == "send":
        parts.append(FilePart(server.mask_field, "mask.png", _png(request.mask)))
    return tuple(part for part in parts if part.name not in server.omit_fields)


def edit_form(
    request: TileRequest,
    n: int,
    parts: tuple[FilePart, ...],
    model: ModelSettings,
    server: ServerSettings,
) -> EditForm:
    """Build the form that requests `n` tiles of `server`, with the `picture_parts` of `request`.

    Raises:
        UsageError: the prompt is empty or too long.
    """
    if not 0 < len(request.prompt) <= MAX_PROMPT:
        raise UsageError(f"the prompt has {len(request.prompt)} characters; 1 to {MAX_PROMPT} are allowed")
    values = {
        "model": model.name,
        "prompt": request.prompt,
        "n": str(n),
        "size": request.size_text,
        "quality": model.quality,
        "complexity": model.complexity,
        "input_fidelity": model.input_fidelity,
        "background": "opaque",
        "output_format": "png",
        **server.extra_fields,
    }
    fields = tuple((k, v) for k, v in values.items() if v is not None and k not in server.omit_fields)
    return EditForm(n, fields, parts)


def _quoted(name: str) -> str:
    """Escape a name for a quoted header value, as browsers do (WHATWG HTML, "multipart form data")."""
    return name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")


def _png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()
