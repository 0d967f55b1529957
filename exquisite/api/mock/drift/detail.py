"""Redraws detail: replaces it by other detail of about the same energy.

Detail is what two high-pass filters in a row leave, with G = B B, B the binomial blur of `octaves`:

    detail = (1 - G) (1 - G) v = v - (2 G - G G) v               structures finer than about 2 px

One high-pass filter alone would also take a quarter of structures of 3 px, which real models keep. The local strength r
of detail is its root mean square over cells of 16 px.
"""

from __future__ import annotations

import io
import math
import random

from PIL import Image, ImageFilter

from ....geometry.calibration.octaves import blurs
from ....pixels import as_float, combined, crop_mirrored, difference
from .fields import smooth_noise
from .parameters import Drift

__all__ = ["with_redrawn_detail", "with_redrawn_strokes", "without_blocks"]

_BLURS = 2  # in fourteen redraws by latent models, detail below 2 px correlates by .54, from 2 to 4 px by .95
_REACH_PX = 2 * _BLURS  # each blur reads a pixel more on every side
_CELL_PX = 16  # its strength is a mean of 16 by 16 pixels: known to a tenth
_AUTOENCODER_CELL_PX = 8  # cell of a latent code
_STROKE_CELL_PX = 16  # strokes so near to each other change together
_ELSEWHERE_PX = (24, 64)  # range of the distance from which other detail is copied
_MOST_EXCHANGED = 24.0  # levels; a smaller share of stronger detail is exchanged, so that edges stay edges
_FAINT = 3.0  # levels; weaker detail counts as grain
_LEAST = 0.05  # levels; weaker detail is not exchanged
_SHIFTS_OF_BLOCKS = ((0, 4), (4, 0), (2, 6), (6, 2))  # (x, y): no two of these grids share a boundary


def with_redrawn_detail(image: Image.Image, drift: Drift) -> Image.Image:
    """Apply the parameters of `drift` for detail to an RGB image: coherence, autoencoder and grain."""
    if (drift.coherence, drift.autoencoder, drift.grain) == (1, 0, 1):
        return image
    grey = image.convert("L")
    strength = _strength(difference(as_float(grey), _without_detail(grey)))
    gain = _gain(strength, drift)
    draw = random.Random(f"elsewhere:{drift.seed}")
    angle, far = draw.uniform(0, math.tau), draw.uniform(*_ELSEWHERE_PX)
    dx, dy = round(far * math.cos(angle)), round(far * math.sin(angle))
    other_strength = _seen_from(strength, dx, dy)
    exchanged = (1 - drift.coherence**2) ** 0.5
    channels = []
    for channel in image.split():
        base = _without_detail(channel)
        detail = difference(as_float(channel), base)
        if exchanged:
            detail = _exchanged(detail, _seen_from(detail, dx, dy), strength, other_strength, exchanged)
        redrawn = combined(lambda a: a["b"] + a["g"] * a["d"] + 0.5, b=base, g=gain, d=detail)
        channels.append(redrawn.convert("L"))
    return Image.merge("RGB", channels)


def with_redrawn_strokes(image: Image.Image, amount: float, seed: int | str) -> Image.Image:
    """Make dark strokes of an RGB image thicker in some places and thinner in others, by up to a pixel on each side."""
    if not amount:
        return image
    field = smooth_noise(image.size, _STROKE_CELL_PX, f"strokes:{seed}")
    for sign, around in ((1, ImageFilter.MinFilter(3)), (-1, ImageFilter.MaxFilter(3))):
        mask = combined(lambda a, s=sign: 255.0 * amount * s * a["f"], f=field).convert("L")  # type: ignore[misc]
        image = Image.composite(image.filter(around), image, mask)
    return image


def without_blocks(image: Image.Image, quality: int) -> Image.Image:
    """Remove the blocks of an earlier JPEG compression at `quality`: the mean of compressions with shifted blocks
    (Nosratinia, "Enhancement of JPEG-compressed images by re-application of JPEG", 2001)."""
    if not quality:
        return image
    a, b, c, d = (_compressed(image, quality, dx, dy) for dx, dy in _SHIFTS_OF_BLOCKS)
    return Image.blend(Image.blend(a, b, 0.5), Image.blend(c, d, 0.5), 0.5)


def _compressed(image: Image.Image, quality: int, dx: int, dy: int) -> Image.Image:
    """Compress `image` as JPEG with the grid of blocks shifted by (dx, dy)."""
    buffer = io.BytesIO()
    crop_mirrored(image, (-dx, -dy, *image.size)).save(buffer, "JPEG", quality=quality)
    with Image.open(buffer, formats=("JPEG",)) as opened:
        return opened.convert("RGB").crop((dx, dy, dx + image.width, dy + image.height))


def _without_detail(channel: Image.Image) -> Image.Image:
    """2 G - G G of an image of mode L, mode F, without rounding to levels: faint grain is less than one."""
    around = crop_mirrored(channel, (-_REACH_PX, -_REACH_PX, channel.width + _REACH_PX, channel.height + _REACH_PX))
    _, _, once, _, twice = blurs(as_float(around), 2 * _BLURS)
    base = combined(lambda a: 2.0 * a["o"] - a["t"], o=once, t=twice)
    return base.crop((_REACH_PX, _REACH_PX, _REACH_PX + channel.width, _REACH_PX + channel.height))


def _strength(detail: Image.Image) -> Image.Image:
    """r: local root mean square, mode F, same size."""
    cell = max(1, min(_CELL_PX, *detail.size))
    squares = combined(lambda a: a["d"] * a["d"], d=detail).reduce(cell)
    return combined(lambda a: a["s"] ** 0.5, s=squares).resize(detail.size, Image.Resampling.BILINEAR)


def _seen_from(image: Image.Image, dx: int, dy: int) -> Image.Image:
    return crop_mirrored(image, (dx, dy, image.width + dx, image.height + dy))


def _exchanged(
    detail: Image.Image, other: Image.Image, strength: Image.Image, other_strength: Image.Image, share: float
) -> Image.Image:
    """sqrt(1 - s²) * detail + s * other * r / r_other, with s = min(share, _MOST_EXCHANGED / r): equal energy."""
    part = combined(
        lambda a: a["min"](_MOST_EXCHANGED / a["r"], share), r=combined(lambda a: a["r"] + _LEAST, r=strength)
    )
    return combined(
        lambda a: (1.0 - a["s"] * a["s"]) ** 0.5 * a["d"] + a["s"] * a["o"] * (a["r"] + _LEAST) / (a["q"] + _LEAST),
        s=part,
        d=detail,
        o=other,
        r=strength,
        q=other_strength,
    )


def _gain(strength: Image.Image, drift: Drift) -> Image.Image:
    """Factor on the detail: (k + r² / f²) / (1 + r² / f²) for lost grain, with k = grain and f = _FAINT, and
    1 + a * noise for the autoencoder."""
    share = combined(
        lambda a: (drift.grain + a["r"] * a["r"] / _FAINT**2) / (1.0 + a["r"] * a["r"] / _FAINT**2), r=strength
    )
    if not drift.autoencoder:
        return share
    noise = smooth_noise(strength.size, _AUTOENCODER_CELL_PX, f"autoencoder:{drift.seed}")
    return combined(lambda a: a["k"] * (1.0 + drift.autoencoder * a["n"]), k=share, n=noise)
