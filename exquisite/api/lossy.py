"""Reads tiles in lossy formats: JPEG and WebP, which some servers send although the request says PNG.

They are paid, so they are used, with a warning and a mark in the records. Lossless WebP is treated like PNG.

RIFF and WebP: https://developers.google.com/speed/webp/docs/riff_container; JPEG: ITU-T T.81, B.1.
"""

from __future__ import annotations

import io
import struct

from PIL import Image

from ..errors import AnswerError

__all__ = ["decode_lossy", "jpeg_quantizer", "lossy_format", "other_format"]

_JPEG_START = b"\xff\xd8\xff"
_RIFF_HEAD, _CHUNK_HEAD = 12, 8  # bytes of "RIFF", size and "WEBP"; of a chunk's name and size


def other_format(data: bytes) -> str:
    """ "JPEG" or "WEBP" according to the first bytes of a picture; "" for other data."""
    if data.startswith(_JPEG_START):
        return "JPEG"
    return "WEBP" if data[:4] == b"RIFF" and data[8:12] == b"WEBP" else ""


def lossy_format(data: bytes) -> str:
    """The lossy format of a picture, "JPEG" or "WEBP"; "" for lossless ones."""
    kind = other_format(data)
    if kind == "WEBP" and b"VP8 " not in _chunk_names(data):
        return ""
    return kind


def jpeg_quantizer(data: bytes) -> int:
    """The step by which a JPEG quantizes the mean luminance of its blocks (T.81, B.2.4.1); 0 for any other format."""
    if other_format(data) != "JPEG":
        return 0
    with Image.open(io.BytesIO(data), formats=("JPEG",)) as image:
        tables: dict[int, list[int]] = getattr(image, "quantization", {})
    return tables[min(tables)][0] if tables else 0


def decode_lossy(data: bytes, size: tuple[int, int]) -> Image.Image:
    """Decode a JPEG or WebP of exactly `size`, as RGB; opaque alpha is dropped.

    Raises:
        AnswerError: the data is anything else; the message describes it. No other exception leaves this function.
    """
    kind = other_format(data)
    try:
        with Image.open(io.BytesIO(data), formats=(kind,)) as image:
            if image.size != size:
                raise AnswerError(
                    f"the picture is {image.width}x{image.height}, the contract says {size[0]}x{size[1]}; nothing is "
                    f"scaled, because that would change line widths: use a model that keeps the size"
                )
            if image.mode not in ("RGB", "RGBA") or getattr(image, "n_frames", 1) > 1:
                raise AnswerError(f"the {kind} is {image.mode}, or an animation; only one RGB picture is taken")
            image.load()
            if image.mode == "RGBA" and image.getchannel("A").getextrema() != (255, 255):
                raise AnswerError("the picture has transparent pixels; the request must ask for background=opaque")
            tile = image.convert("RGB")
    except AnswerError:
        raise
    except Exception as error:  # a decoder may raise anything; the caller gets one kind
        raise AnswerError(f"the {kind} cannot be decoded: {error or type(error).__name__}") from error
    tile.info.clear()
    return tile


def _chunk_names(data: bytes) -> set[bytes]:
    """The names of the chunks of a RIFF file, also of a truncated one."""
    names, at = set(), _RIFF_HEAD
    while at + _CHUNK_HEAD <= len(data):
        name, length = struct.unpack_from("<4sI", data, at)
        names.add(name)
        at += _CHUNK_HEAD + length + length % 2
    return names
