"""Arithmetic on channels: 16-bit samples as two bytes, a transparent colour, transfer functions, primaries."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image, ImageChops

from .encoding import Primaries, Transfer, recoding_table
from .icc import convert_to_srgb, profile_of_primaries

__all__ = ["alpha_of_key", "joined", "merged", "recoded", "rounded_to_8_bits", "to_srgb_primaries"]

_LEVELS_8, _LEVELS_16 = 255, 65535


def rounded_to_8_bits(high: Image.Image, low: Image.Image) -> Image.Image:
    """The nearest 8-bit value of 16-bit samples, from their first and second bytes, all of mode L.

    65535 / 255 = 257, and 256 high + low = 257 high + (low - high). The rounded value is therefore high, or differs
    from it by one where |low - high| exceeds 257 / 2.
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
    """Convert samples with the curve `transfer`, mode L (8 bits) or I (16 bits), to the sRGB curve, mode L."""
    most = _LEVELS_8 if samples.mode == "L" else _LEVELS_16
    return samples.point(recoding_table(transfer, most), "L")


def alpha_of_key(bands: Sequence[Image.Image], key: Sequence[int]) -> Image.Image:
    """An alpha channel: 0 where every band, mode L, equals its value of `key`, 255 elsewhere."""
    alpha = Image.new("L", bands[0].size, 0)
    for band, value in zip(bands, key, strict=True):
        alpha = ImageChops.lighter(alpha, band.point([_LEVELS_8 * (level != value) for level in range(_LEVELS_8 + 1)]))
    return alpha


def merged(bands: Sequence[Image.Image], alpha: Image.Image | None) -> Image.Image:
    """Merge one grey or three colour bands, and an optional alpha, into one picture."""
    mode = "L" if len(bands) == 1 else "RGB"
    if alpha is not None:
        return Image.merge(f"{mode}A", [*bands, alpha])
    return bands[0] if mode == "L" else Image.merge(mode, bands)


def to_srgb_primaries(image: Image.Image, primaries: Primaries) -> Image.Image | None:
    """Convert `image`, RGB or RGBA with the sRGB curve, from `primaries` to those of sRGB; None for no change."""
    alpha = image.getchannel("A") if image.mode == "RGBA" else None
    converted = convert_to_srgb(image.convert("RGB"), profile_of_primaries(primaries))
    if converted is None:
        return None
    if alpha is not None:
        converted[0].putalpha(alpha)
    return converted[0]
