"""Vetoes against tiles with a perfect seam and wrong content, which no local seam metric detects.

A copied or mirrored band continues its own texture, a smear continues the last column without a step, and a flat fill
has no texture that could disagree. All vetoes are relative to the canvas: the true continuation of a facade may repeat
it, and that of a sky may be flat.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from PIL import Image, ImageChops

from ..pixels import as_float, column_means, combined

__all__ = ["emptiness_vetoes", "resemblance", "resemblance_vetoes"]

_CELL_PX = (4, 8)
"""(width, height) of the cells on which copies are looked for, in pixels."""

_SMOOTH_CELLS = 4
"""Width and height, in cells, of the surroundings that are subtracted from each cell."""

_TEMPLATE_CELLS = 16
"""Width of the searched piece in cells."""

_LEAST_LEVELS = 0.29
"""Standard deviation of the error of rounding to whole levels, 1 / sqrt(12). A strip with less detail has none to copy:
the steps of a smooth slope repeat, so that the true continuation of a sky would pass for a copy of it."""

_COPY_LEAST = 0.6
"""A piece that correlates less with the band is no copy of it."""

_COPY_SHARE = 0.35
"""Nor is a piece a copy that leaves more unexplained than this share of what the band's own best repetition leaves."""

_COPY_FLOOR = 0.06
"""A band that repeats itself up to this much is periodic: nothing can resemble it clearly more."""

_MIRROR_SHARE = 0.1
"""Largest share that a pixel-exact mirrored copy leaves unexplained. A face cut at its middle leaves .3."""

_AXIS_SHARE, _AXIS_PX, _AROUND_PX = 0.4, 3, 64
"""A symmetric subject is level at its axis: its last _AXIS_PX columns change by less than this share of what the last
_AROUND_PX change. A mirrored copy of anything else begins wherever the band ends: .7 and above."""

_EMPTY_SHARE = 0.08
"""Texture below this share of the band's poorest piece is a flat fill or a smear."""


@dataclass(frozen=True)
class _Cells:
    """How a band and a strip are reduced for their comparison.

    Attributes:
        size: (width, height) of a cell in pixels.
        rim: cells (across, along the seam) that are left out at each end, of band and strip alike.
    """

    size: tuple[int, int]
    rim: tuple[int, int]

    @classmethod
    def of(cls, strip: Image.Image) -> _Cells:
        """Smaller cells for a narrow strip, and no rim there: few pixels resemble many places by chance."""
        width, height = (
            max(1, min(cell, size // _TEMPLATE_CELLS)) for cell, size in zip(_CELL_PX, strip.size, strict=True)
        )
        rim = _SMOOTH_CELLS // 2
        return cls((width, height), (rim * (width == _CELL_PX[0]), rim * (height == _CELL_PX[1])))

    def detail(self, image: Image.Image) -> Image.Image:
        """Luminance in cells, minus its surroundings four times coarser, mode F.

        Cells beside the rim have surroundings on one side only, which makes every slope the same pattern there.
        """
        cells = as_float(image).reduce(self.size)
        coarse = (max(1, cells.width // _SMOOTH_CELLS), max(1, cells.height // _SMOOTH_CELLS))
        smooth = cells.resize(coarse, Image.Resampling.BOX).resize(cells.size, Image.Resampling.BILINEAR)
        left, top = self.rim
        detail = combined(lambda a: a["v"] - a["s"], v=cells, s=smooth)
        return detail.crop((left, top, cells.width - left, cells.height - top))


def resemblance_vetoes(past: Image.Image, future: Image.Image) -> tuple[str, ...]:
    """"copy" and "mirror": the new strip resembles the canvas clearly more than the canvas resembles itself.

    Args:
        past: luminance of the canvas before the seam, mode L, growth to the right.
        future: luminance of the new strip after the seam, same height.
    """
    cells = _Cells.of(future)
    old, new = (cells.detail(image) for image in (past, future))
    width = min(_TEMPLATE_CELLS, new.width, old.width // 2)
    if width < 1:
        return ()
    first, last = new.crop((0, 0, width, new.height)), old.crop((old.width - width, 0, old.width, old.height))
    earlier = old.crop((0, 0, old.width - width, old.height))
    if _energy(first) < first.width * _LEAST_LEVELS**2:
        return ()
    match, own = resemblance(first, old), None
    names = []
    for name, likeness in match.items():
        if likeness < _COPY_LEAST:
            continue
        own = own or resemblance(last, earlier)
        unlike = 1 - own[name]
        if unlike < _COPY_FLOOR or 1 - likeness > _COPY_SHARE * unlike:
            continue
        if likeness <= match["mirror"] and _level_at_the_seam(past):
            continue
        if name == "copy" or _mirrored(future, old, cells) <= _MIRROR_SHARE * unlike:
            names.append(name)
    return tuple(names)


def _mirrored(future: Image.Image, old: Image.Image, cells: _Cells) -> float:
    """1 - the similarity of the mirrored new strip, aligned to the pixel, to the cells `old` of the band."""
    likenesses = [0.0]
    for skipped in range(cells.size[0]):
        new = cells.detail(future.crop((skipped, 0, future.width, future.height)))
        width = min(_TEMPLATE_CELLS, new.width, old.width)
        likenesses.append(resemblance(new.crop((0, 0, width, new.height)), old)["mirror"])
    return 1 - max(likenesses)


def _level_at_the_seam(past: Image.Image) -> bool:
    """Whether the last columns before the seam change much less than the columns before them."""
    if past.width <= _AXIS_PX:
        return False
    near = past.crop((max(0, past.width - _AROUND_PX - 1), 0, past.width, past.height))
    left, right = near.crop((0, 0, near.width - 1, near.height)), near.crop((1, 0, near.width, near.height))
    changes = column_means(as_float(ImageChops.difference(left, right)))
    return sum(changes[-_AXIS_PX:]) / _AXIS_PX < _AXIS_SHARE * sum(changes) / len(changes)


def resemblance(piece: Image.Image, place: Image.Image) -> dict[str, float]:
    """The best cosine between `piece`, as it is ("copy") or mirrored ("mirror"), and any part of `place`; 0..1.

    Both are mode F, of zero mean and one height. A piece or part without content resembles nothing: 0. Each column
    of the piece meets the whole place once; every position is then a sum along a diagonal of these products.
    """
    width = piece.width
    squares = column_means(combined(lambda a: a["v"] * a["v"], v=place))
    energy = _energy(piece)
    products = [
        column_means(combined(lambda a: a["p"] * a["q"], p=_widened(piece, column, place.width), q=place))
        for column in range(width)
    ]
    best = {"copy": 0.0, "mirror": 0.0}
    for left in range(place.width - width + 1):
        norm = math.sqrt(energy * sum(squares[left : left + width]))
        if norm > 0:
            straight = sum(products[i][left + i] for i in range(width))
            mirrored = sum(products[width - 1 - i][left + i] for i in range(width))
            best = {"copy": max(best["copy"], straight / norm), "mirror": max(best["mirror"], mirrored / norm)}
    return best


def _energy(cells: Image.Image) -> float:
    """The sum over the columns of an image of mode F of their mean squares."""
    return math.fsum(column_means(combined(lambda a: a["v"] * a["v"], v=cells)))


def _widened(image: Image.Image, column: int, width: int) -> Image.Image:
    """One column of `image`, repeated `width` times."""
    return image.crop((column, 0, column + 1, image.height)).resize((width, image.height), Image.Resampling.NEAREST)


def emptiness_vetoes(past: Image.Image, future: Image.Image) -> tuple[str, ...]:
    """"smear" (no change across the seam) and "flat" (none along it), relative to the poorest piece of the past.

    The arguments are those of `resemblance_vetoes`.
    """
    piece = max(1, min(past.width, future.width) // 4)
    names = []
    for name, dx, dy in (("smear", 1, 0), ("flat", 0, 1)):
        old = min(_activity(past, dx, dy, piece))
        new = max(_activity(future, dx, dy, piece))
        if new < _EMPTY_SHARE * old:
            names.append(name)
    return tuple(names)


def _activity(image: Image.Image, dx: int, dy: int, piece: int) -> Iterator[float]:
    """Mean absolute difference to the neighbour at (dx, dy) for each run of `piece` columns."""
    if image.width <= dx or image.height <= dy:
        yield 0.0
        return
    width, height = image.width - dx, image.height - dy
    change = ImageChops.difference(image.crop((0, 0, width, height)), image.crop((dx, dy, dx + width, dy + height)))
    columns = column_means(as_float(change))
    piece = min(piece, len(columns))
    for left in range(0, len(columns) - piece + 1, piece):
        yield sum(columns[left : left + piece]) / piece
