"""Opens a picture file: only regular files, only formats that run no program, only sizes that fit into memory."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import stat
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from ...errors import PictureError
from ...png_chunks import PNG_SIGNATURE
from .orientation import upright_size
from .pillow_file import PillowFile
from .png_file import PngFile
from .signatures import advice_for

__all__ = ["open_picture", "pillow_quiet"]

CheckSize = Callable[[tuple[int, int]], object]
"""A callback with the (width, height) of the upright picture before decoding; raises PictureError to refuse it."""

_MEMORY_BYTES = 1_000_000_000
"""Limit for the memory that opening and fitting a picture may take."""


def open_picture(path: Path | str, check_size: CheckSize | None = None) -> Image.Image:
    """The picture in a file, decoded, with its own mode, orientation and ICC profile.

    `info["source"]` holds the file's name, format, SHA-256, stored size and stored mode; `info["changes"]` holds
    sentences about the conversion of its samples to 8 bits in sRGB. An animation gives its first frame.

    Args:
        path: the file.
        check_size: callback before decoding.

    Raises:
        PictureError: the file is missing, not a picture, damaged, too large, or refused by `check_size`.
    """
    path = Path(path)
    data = _read(path)
    with pillow_quiet():
        try:
            file = (PngFile if data.startswith(PNG_SIGNATURE) else PillowFile).parse(data)
            _require_memory(file, data)
            if check_size is not None:
                check_size(upright_size(file.metadata(), file.size))
            changes: list[str] = []
            image = file.decode(changes)
        except PictureError as error:
            raise PictureError(f"{path}: {error}") from error
        except UnidentifiedImageError:
            raise PictureError(f"{path} is not a supported picture ({advice_for(data)})") from None
        except Image.DecompressionBombError:
            limit = 2 * (Image.MAX_IMAGE_PIXELS or 0)
            raise PictureError(f"{path} holds more than {limit:,} pixels: scale it down or cut it first") from None
        except MemoryError:
            raise PictureError(f"{path} does not fit into memory: scale it down or cut it first") from None
        except Exception as error:  # decoders raise OSError, SyntaxError, ValueError, struct.error and more
            raise PictureError(f"{path} cannot be decoded, perhaps it is damaged: {error}") from error
    name = path.name.encode("utf-8", "backslashreplace").decode()  # a name may hold bytes that are not UTF-8
    image.info["source"] = {"name": name, "format": file.format, "sha256": hashlib.sha256(data).hexdigest()}
    image.info["changes"] = changes
    return image


@contextlib.contextmanager
def pillow_quiet() -> Iterator[None]:
    """Suppress Pillow's warnings in the block: of large sizes and of unusual metadata.

    Where no program handles log records, Python prints errors among them; a handler that does nothing prevents that.
    """
    logger, handler = logging.getLogger("PIL"), logging.NullHandler()
    logger.addHandler(handler)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.removeHandler(handler)


def _read(path: Path) -> bytes:
    """The bytes of a regular file.

    Raises:
        PictureError: the path is missing, a folder, a device or a pipe, or the file is empty, unreadable or too long.
    """
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise PictureError(f"{path} is a folder: name a picture file")
        if not stat.S_ISREG(status.st_mode):
            raise PictureError(f"{path} is a device or a pipe: name a picture file")
        if status.st_size > _MEMORY_BYTES:
            raise PictureError(f"{path} has {status.st_size:,} bytes: scale it down or cut it first")
        data = path.read_bytes()
    except FileNotFoundError:
        raise PictureError(f"there is no file {path}: check the path") from None
    except PictureError:
        raise
    except (OSError, ValueError) as error:  # ValueError: a path with a zero byte
        reason = getattr(error, "strerror", None) or error
        raise PictureError(f"{path} cannot be read: {reason}") from error
    if not data:
        raise PictureError(f"{path} is empty (0 bytes): copy or download it again")
    return data


def _require_memory(file: PngFile | PillowFile, data: bytes) -> None:
    width, height = file.size
    most = (_MEMORY_BYTES - len(data)) // file.pixel_bytes
    if width * height > most:
        raise PictureError(
            f"it holds more than {most:,} pixels ({width}x{height}), and would take more than "
            f"{_MEMORY_BYTES // 1_000_000:,} MB of memory: scale it down or cut it first"
        )
