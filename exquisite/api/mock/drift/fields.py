"""Random fields over a picture."""

from __future__ import annotations

import random
from statistics import NormalDist

from PIL import Image

from ....pixels import LEVELS, combined, mean

__all__ = ["gaussian_bytes", "smooth_noise"]

_MIDDLE, _SIGMA = 128, 40


def gaussian_bytes(count: int, middle: float, sigma: float, seed: str) -> bytes:
    """`count` Gaussian samples, rounded and clipped to 0..255: uniform bytes through the quantiles of the normal
    distribution."""
    quantiles = NormalDist(middle, sigma)
    levels = bytes(max(0, min(255, round(quantiles.inv_cdf((i + 0.5) / LEVELS)))) for i in range(LEVELS))
    return random.Random(seed).randbytes(count).translate(levels)


def smooth_noise(size: tuple[int, int], cell_px: float, seed: str) -> Image.Image:
    """Gaussian noise, bicubic between nodes about `cell_px` apart; mode F, mean 0, root mean square 1."""
    columns, rows = (max(2, round(length / cell_px) + 1) for length in size)
    nodes = Image.frombytes("L", (columns, rows), gaussian_bytes(columns * rows, _MIDDLE, _SIGMA, seed)).convert("F")
    field = nodes.resize(size, Image.Resampling.BICUBIC, box=(0.5, 0.5, columns - 0.5, rows - 0.5))
    middle = mean(field)
    rms = mean(combined(lambda a: (a["v"] - middle) * (a["v"] - middle), v=field)) ** 0.5
    return combined(lambda a: (a["v"] - middle) / max(rms, 1e-6), v=field)  # of a flat field, nothing
