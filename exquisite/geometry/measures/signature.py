"""The signature of a picture: numbers for its style that are comparable over hundreds of steps.

Small differences between a strip and its band accumulate over many strips. The signature measures what drifts: tone
(lightness, contrast), sharpness in each octave, line density, and palette.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from PIL import Image, ImageStat

from ...contract import Mode, require_rgb, to_canonical
from ...json_types import JsonMapping, JsonObject
from ...pixels import as_float, mean, square, subtract
from .style import Style, style_of

__all__ = ["OCTAVES_PX", "Signature", "signature_of"]

OCTAVES_PX = (1, 2, 4, 8)
"""Detail sizes in pixels, one for each octave of the pyramid, finest first."""

_LEAST_LEVELS = 1.0  # lower bound of the RMS of an octave, which keeps a relative drift finite


@dataclass(frozen=True)
class Signature:
    """The style of one picture.

    Attributes:
        style: sharpness, contrast, lightness, colour and line density (`style.Style`).
        octaves: for each of OCTAVES_PX the RMS in levels of detail of that size.
        palette: mean level of red, green and blue, 0 to 255.
    """

    style: Style
    octaves: tuple[float, ...]
    palette: tuple[float, ...]

    @classmethod
    def from_record(cls, record: JsonMapping) -> Signature:
        """Read the signature that `as_dict` wrote."""
        named = {name: value for name, value in record.items() if name not in ("octaves", "palette")}
        return cls(Style(**named), tuple(record["octaves"]), tuple(record["palette"]))

    def as_dict(self) -> JsonObject:
        """All numbers by name, as JSON types, rounded to six decimals."""
        numbers = {name: round(value, 6) for name, value in self.style.as_dict().items()}
        several = {"octaves": self.octaves, "palette": self.palette}
        return {**numbers, **{name: [round(value, 6) for value in values] for name, values in several.items()}}

    def drift_from(self, reference: Signature) -> dict[str, float]:
        """The difference of this style from that of `reference`, by name; 0 for equal styles.

        All but "palette" are relative: -0.1 is a tenth less. "octave_1", "octave_2" and "octave_4" compare the energy
        of each octave relative to the coarsest, so that contrast cancels out. "palette" is the distance between the
        two mean colours in 0 to 1, after subtracting the mean over the channels from each.
        """
        drift = self.style.relative_to(reference.style).as_dict()
        for size, own, other in zip(OCTAVES_PX[:-1], self._relative, reference._relative, strict=True):
            drift[f"octave_{size}"] = own / other - 1
        drift["palette"] = math.dist(self._tints, reference._tints) / 255
        return {name: round(value, 6) for name, value in drift.items()}

    @property
    def _relative(self) -> tuple[float, ...]:
        """The energy of each octave relative to that of the coarsest, which is left out; a flat picture gives ones."""
        *fine, coarsest = (max(energy, _LEAST_LEVELS) for energy in self.octaves)
        return tuple(energy / coarsest for energy in fine)

    @property
    def _tints(self) -> tuple[float, ...]:
        """The difference of each channel from the mean over the channels, in levels."""
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
    """RMS of each level of the luminance's Laplacian pyramid (Burt and Adelson 1983), in levels, finest first."""
    level = as_float(image.convert("L"))
    energies = []
    for _ in OCTAVES_PX:
        half = level.reduce(2)
        detail = subtract(level, half.resize(level.size, Image.Resampling.BILINEAR))
        energies.append(math.sqrt(mean(square(detail))))
        level = half
    return tuple(energies)
