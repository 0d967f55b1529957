"""Arithmetic on the channels of a picture: 16 bits as two bytes, a transparent colour, a curve, primaries."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image, ImageChops

from .encoding import Primaries, Transfer, recoding_table
from .icc import convert_to_srgb, profile_of_primaries

__all__ = ["alpha_of_key", "joined", "merged", "recoded", "rounded_to_8_bits", "to_srgb_primaries"]

_LEVELS_8, _LEVELS_16 = 255, 65535


def rounded_to_8_bits(high: Image.Image, low: Image.Image) -> Image.Image:
    """The nearest 8-bit value of 16-bit samples, from their first and second bytes, all of mode L.

    65535 / 255 = 257, and 256 high + low = 257 high + (low - high): the rounded value is high, or one beside it
    where low - high exceeds 257 / 2.
    """
    half = 257 // 2

    def exceeds(a: Image.Image, b: Image.Image) -> Image.Image:
        return ImageChops.subtract(a, b).point(lambda difference: int(difference > half))

    up, down = exceeds(low, high), exceeds(high, low)
    return ImageChops.subtract(ImageChops.add(high, up), down)


def joined(high: Image.Image, low: Image.Image) -> Image.Image:
    """16-bit samples, mode I, from their first and second bytes."""
    samples = bytearray(2 * high.width * high.height)
    samples[0::2], samples[1::2] = low.tobytes(), high.tobytes()
    return Image.frombytes("I;16", high.size, bytes(samples)).convert("I")


def recoded(samples: Image.Image, transfer: Transfer) -> Image.Image:
    """Samples on the curve `transfer`, mode L (8 bits) or I (16 bits), on the curve of sRGB, mode L."""
    most = _LEVELS_8 if samples.mode == "L" else _LEVELS_16
    return samples.point(recoding_table(transfer, most), "L")


def alpha_of_key(bands: Sequence[Image.Image], key: Sequence[int]) -> Image.Image:
    """0 where every band, mode L, has its value of `key`, else 255."""
    alpha = Image.new("L", bands[0].size, 0)
    for band, value in zip(bands, key, strict=True):
        alpha = ImageChops.lighter(alpha, band.point([_LEVELS_8 * (level != value) for level in range(_LEVELS_8 + 1)]))
    return alpha


def merged(bands: Sequence[Image.Image], alpha: Image.Image | None) -> Image.Image:
    """One grey or three colour bands, and alpha where there is one, as one picture."""
    mode = "L" if len(bands) == 1 else "RGB"
    if alpha is not None:
        return Image.merge(f"{mode}A", [*bands, alpha])
    return bands[0] if mode == "L" else Image.merge(mode, bands)


def to_srgb_primaries(image: Image.Image, primaries: Primaries) -> Image.Image | None:
    """`image` on the curve of sRGB with other primaries, RGB or RGBA, in sRGB; None where nothing would change."""
    alpha = image.getchannel("A") if image.mode == "RGBA" else None
    converted = convert_to_srgb(image.convert("RGB"), profile_of_primaries(primaries))
    if converted is None:
        return None
    if alpha is not None:
        converted[0].putalpha(alpha)
    return converted[0]
