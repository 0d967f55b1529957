"""The signature of a picture: its style in numbers that can be compared over hundreds of steps.

A strip differs a little from the band before it, and thirty strips later the picture is another one. What
changes then is tone (lightness, contrast), sharpness, octave by octave, the density of lines, and the palette.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from PIL import Image, ImageStat

from ...contract import Mode, require_rgb, to_canonical
from ...pixels import as_float, combined, difference, mean
from .style import Style, style_of

__all__ = ["OCTAVES_PX", "Signature", "signature_of"]

OCTAVES_PX = (1, 2, 4, 8)
"""Sizes of the details whose energies are told apart, in pixels."""

_LEAST_LEVELS = 1.0  # a reference below this counts as this, so that a drift from nothing stays finite
_LEAST_SHARPNESS = 0.01
_LEAST_LINES = 0.002


@dataclass(frozen=True)
class Signature:
    """The style of one picture.

    Attributes:
        style: sharpness, contrast, lightness, colour and line density (`style.Style`).
        octaves: for each of OCTAVES_PX the RMS in levels of what is about that large.
        palette: mean level of red, green and blue, 0 to 255.
    """

    style: Style
    octaves: tuple[float, ...]
    palette: tuple[float, ...]

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Signature:
        """The signature that `as_dict` wrote."""
        named = {name: value for name, value in record.items() if name not in ("octaves", "palette")}
        return cls(Style(**named), tuple(record["octaves"]), tuple(record["palette"]))

    def as_dict(self) -> dict[str, Any]:
        """Every number, by name, in JSON types, to six digits after the point."""
        numbers = {name: round(value, 6) for name, value in asdict(self.style).items()}
        several = {"octaves": self.octaves, "palette": self.palette}
        return {**numbers, **{name: [round(value, 6) for value in values] for name, values in several.items()}}

    def drift_from(self, reference: Signature) -> dict[str, float]:
        """How this style differs from that of `reference`, by name; 0 where it does not.

        All but "palette" are relative: -0.1 is a tenth less. "octave_1", "octave_2" and "octave_4" compare the energy
        of each octave over that of the coarsest, so that contrast cancels out. "palette" is the distance of the two
        mean colours, each less its own mean over the channels, over 255.
        """
        ours, theirs = asdict(self.style), asdict(reference.style)
        least = {"sharpness": _LEAST_SHARPNESS, "line_density": _LEAST_LINES}
        found = {
            name: (ours[name] - theirs[name]) / max(theirs[name], least.get(name, _LEAST_LEVELS)) for name in ours
        }
        for size, own, other in zip(OCTAVES_PX[:-1], self._relative, reference._relative, strict=True):
            found[f"octave_{size}"] = own / other - 1
        found["palette"] = math.dist(self._tints, reference._tints) / 255
        return {name: round(value, 6) for name, value in found.items()}

    @property
    def _relative(self) -> tuple[float, ...]:
        """The energy of each octave but the coarsest over that of the coarsest; a flat picture's count as 1."""
        *fine, coarsest = (max(energy, _LEAST_LEVELS) for energy in self.octaves)
        return tuple(energy / coarsest for energy in fine)

    @property
    def _tints(self) -> tuple[float, ...]:
        """What each channel is above the mean of all, in levels."""
        middle = sum(self.palette) / len(self.palette)
        return tuple(level - middle for level in self.palette)


def signature_of(image: Image.Image, mode: Mode | str = Mode.X_LTR) -> Signature:
    """The signature of an RGB `image`; the same for a turned image in its mode.

    Raises:
        CanvasError: not RGB.
    """
    canonical = to_canonical(require_rgb(image, "the picture"), mode)
    return Signature(style_of(canonical), _octaves(canonical), tuple(ImageStat.Stat(canonical).mean))


def _octaves(image: Image.Image) -> tuple[float, ...]:
    """RMS of the luminance minus itself at half the size, level by level (Laplacian pyramid, Burt and Adelson 1983)."""
    level = as_float(image.convert("L"))
    energies = []
    for _ in OCTAVES_PX:
        half = level.reduce(2)
        rest = difference(level, half.resize(level.size, Image.Resampling.BILINEAR))
        energies.append(math.sqrt(mean(combined(lambda a: a["r"] * a["r"], r=rest))))
        level = half
    return tuple(energies)
