"""The style of a picture as five numbers, and how far the style of new pixels drifts from that of the band.

Each number is chosen so that one kind of drift moves it and the others leave it alone: a darker copy is as sharp
as before, a softer one as dense, a greyer one as contrasty.
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
"""A line is what differs from the mean of so many pixels around it on each side."""

_LEAST_LINE = 4.0  # levels; what differs by less is noise, not a line
_MEAN_WEIGHT = 0.3


@dataclass(frozen=True)
class Style:
    """Five measures of a picture, each 0 or more; or their drift, signed and relative: -0.5 is half as much.

    Attributes:
        sharpness: mean |Laplacian| over mean Sobel magnitude of the luminance; contrast cancels out, softness does not.
        contrast: standard deviation of the luminance, in levels (RMS contrast, Peli 1990, equation 5).
        lightness: mean luminance, in levels.
        colour: colourfulness, in levels (Hasler and Süsstrunk 2003, section 4); 0 for greys.
        line_density: edges of dark and of light lines that a scan along rows and columns crosses, per pixel.
    """

    sharpness: float
    contrast: float
    lightness: float
    colour: float
    line_density: float

    def as_dict(self) -> dict[str, float]:
        """The measures by name."""
        return asdict(self)


_LEAST = Style(sharpness=0.01, contrast=1.0, lightness=1.0, colour=1.0, line_density=0.002)
"""A measure of the band below this counts as this, so that a drift from nothing stays finite."""


def style_of(image: Image.Image, mode: Mode | str = Mode.X_LTR) -> Style:
    """The style of an RGB `image`, at least 3 by 3 pixels for its sharpness; the same for a turned image in its mode.

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
    """How the style of `new` differs from that of `band`: (new - band) / band for each measure; RGB, any sizes.

    Raises:
        CanvasError: either is not RGB.
    """
    ours, theirs, least = (style.as_dict() for style in (style_of(new, mode), style_of(band, mode), _LEAST))
    return Style(**{name: (ours[name] - theirs[name]) / max(theirs[name], least[name]) for name in ours})


def _colourfulness(image: Image.Image) -> float:
    """sqrt(σ²(rg) + σ²(yb)) + 0.3 sqrt(μ²(rg) + μ²(yb)), rg = R - G, yb = (R + G) / 2 - B."""
    red, green, blue = (as_float(channel) for channel in image.split())
    red_green = subtract(red, green)
    yellow_blue = subtract(multiply(add(red, green), 0.5), blue)
    means, spreads = zip(*(_moments(field) for field in (red_green, yellow_blue)), strict=True)
    return math.hypot(*spreads) + _MEAN_WEIGHT * math.hypot(*means)


def _line_density(luminance: Image.Image) -> float:
    """Total variation, along rows and columns, of the picture in three values: dark line 0, neither 1, light line 2.

    A pixel is on a line where it differs from its surroundings by more than 4 levels, and by more than half of what
    is usual (the RMS of that difference), so that faint lines count where there are no others.
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
