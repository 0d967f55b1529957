"""Measures the style of a picture in five numbers, and the drift of new pixels from the style of the band.

Each number responds to one kind of drift and ignores the others: darkening does not change sharpness, blur does not
change line density, and desaturation does not change contrast.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

from PIL import Image, ImageChops, ImageFilter

from ...contract import Mode, require_rgb, to_canonical
from ...pixels import (
    LEVELS,
    add,
    as_float,
    column_means,
    laplacian_energy,
    moved,
    multiply,
    sobel_magnitude,
    square,
    subtract,
)

__all__ = ["LOCAL_PX", "Style", "style_drift", "style_of"]

LOCAL_PX = 8
"""Radius in pixels of the local mean that a line differs from; wider than a pen's stroke."""

_LEAST_LINE = 4.0  # levels; smaller differences are noise
_MEAN_WEIGHT = 0.3  # Hasler and Süsstrunk 2003, section 4


@dataclass(frozen=True)
class Style:
    """Five measures of a picture, each 0 or more; or their drift, signed and relative: -0.5 is half as much.

    Attributes:
        sharpness: mean |Laplacian| over mean Sobel magnitude of the luminance; contrast cancels out, softness does not.
        contrast: standard deviation of the luminance, in levels (RMS contrast, Peli 1990, equation 5).
        lightness: mean luminance, in levels.
        colour: colourfulness, in levels (Hasler and Süsstrunk 2003, section 4); 0 for greys.
        line_density: number of edges of dark and light lines per pixel, along rows and along columns, summed.
    """

    sharpness: float
    contrast: float
    lightness: float
    colour: float
    line_density: float

    def as_dict(self) -> dict[str, float]:
        """The measures by name."""
        return asdict(self)

    def relative_to(self, reference: Style) -> Style:
        """The drift of each measure from that of `reference`, over that of `reference`: -0.5 is half as much."""
        ours, theirs, least = (style.as_dict() for style in (self, reference, _LEAST))
        return Style(**{name: (ours[name] - theirs[name]) / max(theirs[name], least[name]) for name in ours})


_LEAST = Style(sharpness=0.01, contrast=1.0, lightness=1.0, colour=1.0, line_density=0.002)
"""Lower bounds of the denominators, which keep a relative drift finite."""


def style_of(image: Image.Image, mode: Mode | str = Mode.X_LTR) -> Style:
    """The style of an RGB `image`; its sharpness is 0 below 3 by 3 pixels. Turning with the mode changes nothing.

    Raises:
        CanvasError: not RGB.
    """
    image = to_canonical(require_rgb(image, "the picture"), mode)
    luminance = image.convert("L")
    level = as_float(luminance)
    edges = _mean(sobel_magnitude(luminance))
    mean, contrast = _moments(level)
    return Style(
        sharpness=laplacian_energy(image) / edges if edges > 0 else 0.0,
        contrast=contrast,
        lightness=mean,
        colour=_colourfulness(image),
        line_density=_line_density(luminance),
    )


def style_drift(new: Image.Image, band: Image.Image, mode: Mode | str) -> Style:
    """The relative drift (new - band) / band of each measure; RGB, any sizes.

    Raises:
        CanvasError: either is not RGB.
    """
    return style_of(new, mode).relative_to(style_of(band, mode))


def _colourfulness(image: Image.Image) -> float:
    """sqrt(σ²(rg) + σ²(yb)) + 0.3 sqrt(μ²(rg) + μ²(yb)), rg = R - G, yb = (R + G) / 2 - B."""
    red, green, blue = (as_float(channel) for channel in image.split())
    red_green = subtract(red, green)
    yellow_blue = subtract(multiply(add(red, green), 0.5), blue)
    means, spreads = zip(*(_moments(field) for field in (red_green, yellow_blue)), strict=True)
    return math.hypot(*spreads) + _MEAN_WEIGHT * math.hypot(*means)


def _line_density(luminance: Image.Image) -> float:
    """Total variation along rows and columns of a map with three values: dark line 0, background 1, light line 2.

    A pixel is on a line when it differs from its local mean by more than 4 levels and by more than half of the RMS of
    that difference. The relative threshold detects faint lines in a picture without strong ones.
    """
    around = luminance.filter(ImageFilter.BoxBlur(LOCAL_PX))
    squared = square(subtract(as_float(luminance), as_float(around)))
    least = max(_LEAST_LINE, math.sqrt(_mean(squared)) / 2)
    on_line = [int(value > least) for value in range(LEVELS)]
    dark = ImageChops.subtract(around, luminance).point(on_line)
    light = ImageChops.subtract(luminance, around).point(on_line)
    neither = Image.new("L", luminance.size, 1)
    values = ImageChops.subtract(ImageChops.add(neither, light), dark)
    width, height = luminance.size
    total = 0.0
    for dx, dy in ((1, 0), (0, 1)):
        size = (width - dx, height - dy)
        if min(size) > 0:
            changes = ImageChops.difference(values, moved(values, dx, dy)).crop((0, 0, *size))
            total += _mean(as_float(changes))
    return total


def _moments(field: Image.Image) -> tuple[float, float]:
    """(mean, standard deviation) of an image of mode F."""
    mean = _mean(field)
    variance = _mean(square(subtract(field, mean)))
    return mean, math.sqrt(max(0.0, variance))


def _mean(field: Image.Image) -> float:
    return math.fsum(column_means(field)) / field.width
