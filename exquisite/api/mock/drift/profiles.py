"""Drift profiles: the ranges of the drift parameters for each kind of model.

The ranges at strength 1 are those of 66 pairs of pictures and their redraws by twelve models. The strength scales each
value between the identity (0) and the sampled value (1), and beyond.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ....errors import UsageError
from .parameters import Drift

__all__ = ["PROFILES", "PROFILE_DEFAULT", "random_drift"]

PROFILE_DEFAULT = "smooth"
"""The default profile of the simulated model."""

_STRETCHED_ONE_IN = 3  # most redraws zoom both axes alike


@dataclass(frozen=True)
class _Ranges:
    """(least, most) of each parameter of a `Drift`.

    Attributes:
        others: parameters of `Drift` by name, except shift, zoom and cast.
        shift_px: shift of each axis, in either direction.
        zoom: zoom of both axes, as the difference from 1.
        stretch: zoom of one axis alone, in either direction, in one redraw of _STRETCHED_ONE_IN.
    """

    others: Mapping[str, tuple[float, float]]
    shift_px: float = 0.5
    zoom: tuple[float, float] = (0.0, 0.0)
    stretch: float = 0.0


_TONE = {"contrast": (0.95, 1.09), "uneven": (0.4, 4.0), "noise": (0.0, 1.0)}
_PROFILES: Mapping[str, _Ranges] = {
    "latent": _Ranges(
        {
            **_TONE,
            "warp_px": (0.2, 1.0),
            "fine_px": (0.02, 0.1),
            "fine_cell_px": (8, 32),
            "coherence": (0.05, 0.95),
            "autoencoder": (0.0, 0.3),
            "grain": (0.6, 1.0),
            "blur": (0.0, 0.3),
            "sharpen": (0.0, 0.2),
        },
        stretch=0.05,
    ),
    "fine": _Ranges({**_TONE, "fine_px": (2, 2), "fine_cell_px": (8, 32), "strokes": (0.0, 0.3)}),
    "gemini": _Ranges(
        {
            **_TONE,
            "fine_px": (0.2, 3.0),
            "fine_cell_px": (64, 128),
            "coherence": (0.05, 0.95),
            "strokes": (0.0, 0.3),
            "grain": (0.6, 1.0),
            "sharpen": (0.0, 0.5),
            "jpeg": (60, 95),
        },
        shift_px=20,
    ),
    "gpt-image-2": _Ranges(
        {
            **_TONE,
            "fine_px": (0.1, 0.5),
            "fine_cell_px": (8, 32),
            "coherence": (0.05, 0.95),
            "grain": (0.2, 1.0),
            "sharpen": (0.0, 0.3),
        },
        shift_px=64,
        zoom=(-0.08, 0.08),
    ),
    "gpt-image-1": _Ranges(
        {**_TONE, "fine_px": (19, 31), "fine_cell_px": (128, 240), "recomposed": (0.4, 0.6), "strokes": (0.3, 0.8)},
        shift_px=8,
    ),
}
_CAST = (-13.0, 10.0)
_SHARES = ("coherence", "grain", "recomposed", "strokes")

PROFILES = (PROFILE_DEFAULT, *_PROFILES)
"""Names of the profiles.

smooth: place, tone, blur and noise alone (`Drift.random`). latent: editors of latent models, whose autoencoder
redraws detail. fine: every stroke redrawn, 2 px off. gemini: objects displaced one by one, shifts up to 20 px.
gpt-image-2: the whole picture reframed, by up to 64 px and 8 %. gpt-image-1: the layout kept, the pixels not.
"""


def random_drift(profile: str, seed: int | str, strength: float = 1.0, *, warp_px: float = 0.0) -> Drift:
    """A random drift of one of PROFILES; at strength 0 only a smooth warp of `warp_px`.

    Raises:
        UsageError: the profile is unknown.
    """
    if profile == PROFILE_DEFAULT:
        return Drift.random(seed, strength, warp_px=warp_px)
    if profile not in _PROFILES:
        raise UsageError(f"unknown drift profile {profile!r}: use one of {', '.join(PROFILES)}")
    ranges = _PROFILES[profile]
    draw = random.Random(f"drift:{profile}:{seed}")
    zooms = [1 + draw.uniform(*ranges.zoom) * strength] * 2
    if draw.randrange(_STRETCHED_ONE_IN) == 0:
        zooms[draw.randrange(2)] += draw.uniform(-ranges.stretch, ranges.stretch) * strength
    values = {name: _scaled(name, draw.uniform(*limits), strength) for name, limits in ranges.others.items()}
    shift_x, shift_y = (draw.uniform(-ranges.shift_px, ranges.shift_px) * strength for _ in range(2))
    red, green, blue = (draw.uniform(*_CAST) * strength for _ in range(3))
    drift = Drift(shift=(shift_x, shift_y), zoom=(zooms[0], zooms[1]), cast=(red, green, blue), seed=seed, **values)
    return replace(drift, warp_px=drift.warp_px + warp_px)


def _scaled(name: str, value: float, strength: float) -> Any:
    """`value` of a parameter with its distance from the identity scaled; sizes and qualities are not scaled."""
    if name == "jpeg":
        return round(value) if strength else 0
    if name == "fine_cell_px":
        return value
    unchanged = getattr(Drift(), name)
    scaled = unchanged + (value - unchanged) * strength
    return min(1.0, max(0.0, scaled)) if name in _SHARES else scaled
