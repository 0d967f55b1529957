"""Reference pictures: pictures in a request besides the reference tile and its mask."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from functools import cached_property

from PIL import Image

from ..contract import require_rgb

__all__ = ["REFERENCE_KINDS", "ReferencePicture", "picture_sha256"]

REFERENCE_KINDS = ("seed", "map", "file")
"""Kinds of reference pictures: a part of the seed picture; the scaled-down canvas with the tile framed; a file."""


@dataclass(frozen=True, eq=False)
class ReferencePicture:
    """One reference picture of a request.

    Attributes:
        kind: one of REFERENCE_KINDS.
        data: the PNG in the request.
        size: (width, height) in pixels.
        sha256: `picture_sha256` of its pixels.
    """

    kind: str
    data: bytes
    size: tuple[int, int]
    sha256: str

    @classmethod
    def from_image(cls, kind: str, image: Image.Image) -> ReferencePicture:
        """The reference picture of RGB pixels."""
        buffer = io.BytesIO()
        require_rgb(image, "a reference picture").save(buffer, "PNG", compress_level=1)
        return cls(kind, buffer.getvalue(), image.size, picture_sha256(image))

    @cached_property
    def image(self) -> Image.Image:
        """The pixels, RGB."""
        with Image.open(io.BytesIO(self.data), formats=("PNG",)) as image:
            return image.convert("RGB")

    def as_record(self) -> dict[str, object]:
        """Kind, hash and size in JSON types."""
        return {"kind": self.kind, "sha256": self.sha256, "size": list(self.size)}


def picture_sha256(image: Image.Image) -> str:
    """SHA-256 of the size and the pixels of an RGB picture, which does not depend on the encoder."""
    return hashlib.sha256(f"{image.width}x{image.height} ".encode() + image.tobytes()).hexdigest()
