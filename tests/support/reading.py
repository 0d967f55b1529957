"""Typed access to the pixels of RGB pictures."""

from __future__ import annotations

from PIL import Image

__all__ = ["RGB", "extrema", "rgb_at", "rgb_pixels"]

RGB = tuple[int, int, int]


def rgb_at(image: Image.Image, x: int, y: int) -> RGB:
    """The pixel at (x, y) of an RGB picture."""
    pixel = image.getpixel((x, y))
    assert isinstance(pixel, tuple)
    red, green, blue = pixel
    return red, green, blue


def rgb_pixels(image: Image.Image) -> list[RGB]:
    """Every pixel of an RGB picture, row by row."""
    assert image.mode == "RGB"
    return [(red, green, blue) for red, green, blue in image.get_flattened_data()]  # type: ignore[misc]


def extrema(image: Image.Image) -> list[tuple[int, int]]:
    """(lowest, highest) level of each 8-bit band."""
    bands = image.getextrema()
    pairs = bands if isinstance(bands[0], tuple) else (bands,)
    return [(int(low), int(high)) for low, high in pairs]
