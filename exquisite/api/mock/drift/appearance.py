"""The appearance of a redraw: blur or sharpening, then for each channel, for v in 0..1,

    (v^gamma - 0.5) * contrast + 0.5 + cast / 255

then the unevenness of the tone, then noise.
"""

from __future__ import annotations

from PIL import Image, ImageChops, ImageFilter

from ....pixels import LEVELS, as_float, combined
from .fields import gaussian_bytes, smooth_noise
from .parameters import Drift

__all__ = ["with_drifted_appearance"]

_UNEVEN_CELLS = 3  # the tone varies over about a third of the picture
_OWN_SHARE = 0.36  # share of the variance of the unevenness that is independent in each channel


def with_drifted_appearance(image: Image.Image, drift: Drift) -> Image.Image:
    """Apply tone, sharpness and noise of `drift` to an RGB image; returns the image itself when there are none."""
    if drift.blur:
        image = image.filter(ImageFilter.GaussianBlur(drift.blur))
    if drift.sharpen:
        image = image.filter(ImageFilter.UnsharpMask(1, round(100 * drift.sharpen), 0))
    if (drift.gamma, drift.contrast, drift.cast) != (1, 1, (0, 0, 0)):
        image = image.point([level for cast in drift.cast for level in _curve(drift.gamma, drift.contrast, cast)])
    if drift.uneven:
        image = _uneven(image, drift.uneven, drift.seed)
    if drift.noise:
        samples = gaussian_bytes(image.width * image.height * 3, 128, drift.noise, f"noise:{drift.seed}")
        image = ImageChops.add(image, Image.frombytes("RGB", image.size, samples), 1, -128)
    return image


def _curve(gamma: float, contrast: float, cast: float) -> list[int]:
    values = (((level / 255) ** gamma - 0.5) * contrast + 0.5 + cast / 255 for level in range(LEVELS))
    return [max(0, min(255, round(255 * value))) for value in values]


def _uneven(image: Image.Image, levels: float, seed: int | str) -> Image.Image:
    """Add a slow field with a root mean square of `levels` to `image`, mostly common to the channels."""
    cell = max(image.size) / _UNEVEN_CELLS
    common = smooth_noise(image.size, cell, f"uneven:{seed}")
    channels = []
    for name, channel in zip(image.getbands(), image.split(), strict=True):
        own = smooth_noise(image.size, cell, f"uneven:{seed}:{name}")
        raised = combined(
            lambda a: a["v"] + levels * ((1 - _OWN_SHARE) ** 0.5 * a["c"] + _OWN_SHARE**0.5 * a["o"]) + 0.5,
            v=as_float(channel),
            c=common,
            o=own,
        )
        channels.append(raised.convert("L"))
    return Image.merge("RGB", channels)
