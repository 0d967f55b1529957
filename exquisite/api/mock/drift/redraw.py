"""One redraw: geometry, then recomposed parts, then detail, then tone."""

from __future__ import annotations

import math
import random
from statistics import NormalDist

from PIL import Image, ImageOps

from ....contract import require_rgb
from ....pixels import combined, crop_mirrored
from .appearance import with_drifted_appearance
from .detail import with_redrawn_detail, with_redrawn_strokes, without_blocks
from .fields import smooth_noise
from .parameters import Drift
from .warp import Displacements, fine_displacements, sampled, slow_warp

__all__ = ["redraw"]

_LANCZOS_SUPPORT = 3  # pixels on each side that the filter reads
_OBJECT_SHARE = 10  # recomposed patches are about a tenth of the picture
_EDGE_OF_OBJECTS = 0.1  # width of a patch's soft edge, in standard deviations of the field


def redraw(picture: Image.Image, box: tuple[int, int, int, int], drift: Drift) -> Image.Image:
    """Redraw picture[box] with `drift`: RGB, the size of `box`.

    The drift may sample the picture beyond the box; beyond the picture it is mirrored. The identity returns the crop
    itself, pixel for pixel.

    Raises:
        CanvasError: the picture is not RGB.
    """
    require_rgb(picture, "the picture to redraw")
    image = _recomposed(_geometry(picture, box, drift), drift)
    image = with_redrawn_strokes(image, drift.strokes, drift.seed)
    return with_drifted_appearance(with_redrawn_detail(image, drift), drift)


def _geometry(picture: Image.Image, box: tuple[int, int, int, int], drift: Drift) -> Image.Image:
    """picture[box] shifted, zoomed and warped; RGB, the size of `box`."""
    size = (box[2] - box[0], box[3] - box[1])
    parts = _displaced_parts(drift, size)
    straight = Drift(drift.shift, drift.zoom)
    left, top = straight.position(0, 0, box)
    right, bottom = straight.position(*size, box)
    reach = math.ceil(_LANCZOS_SUPPORT / min(1, *drift.zoom) + abs(drift.warp_px) + parts.largest) + 1
    region = (math.floor(left) - reach, math.floor(top) - reach, math.ceil(right) + reach, math.ceil(bottom) + reach)
    source = without_blocks(crop_mirrored(picture, region), drift.jpeg)
    if not (drift.warp_px or drift.fine_px):
        window = (left - region[0], top - region[1], right - region[0], bottom - region[1])
        return source.resize(size, Image.Resampling.LANCZOS, box=window)

    def place(x: float, y: float) -> tuple[float, float]:
        (at_x, at_y), (dx, dy) = drift.position(x, y, box), parts.at(x, y)
        return at_x + dx - region[0], at_y + dy - region[1]

    return sampled(source, parts, place)


def _displaced_parts(drift: Drift, size: tuple[int, int]) -> Displacements:
    """The separate displacements of parts, over the grid on which the picture is sampled."""
    if drift.fine_px:
        return fine_displacements(drift.seed, drift.fine_px, drift.fine_cell_px, size)
    return slow_warp(drift.seed, 0.0, size)


def _recomposed(image: Image.Image, drift: Drift) -> Image.Image:
    """Replace the share `drift.recomposed` of `image` by another part of it, mirrored."""
    if not drift.recomposed:
        return image
    draw = random.Random(f"recomposed:{drift.seed}")
    width, height = image.size
    left, top = draw.randrange(width // 4, 3 * width // 4), draw.randrange(height // 4, 3 * height // 4)
    other = crop_mirrored(ImageOps.mirror(image), (left, top, left + width, top + height))
    field = smooth_noise(image.size, max(image.size) / _OBJECT_SHARE, f"objects:{drift.seed}")
    level = NormalDist().inv_cdf(1 - min(drift.recomposed, 1 - 1e-6))
    mask = combined(lambda a: 255.0 * ((a["f"] - level) / _EDGE_OF_OBJECTS + 0.5), f=field).convert("L")
    return Image.composite(other, image, mask)
