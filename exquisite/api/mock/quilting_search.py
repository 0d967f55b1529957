"""The patch search of image quilting: it finds source patches that match the overlap with the output.

The search runs from coarse to fine (an image pyramid):

1. It compares every position on a reduced copy of the source picture and keeps the best few, the survivors.
2. It compares the 3x3 neighbourhood of each survivor on the next finer level and keeps the best few again.
3. It draws the patch at random from the best survivors of the finest level, as Efros and Freeman do (section 2).

The error of a patch is the mean difference over its left overlap and, below another patch, its top overlap.
"""

from __future__ import annotations

import math
import random
from bisect import insort
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from typing import NamedTuple

from PIL import Image, ImageChops

from ...pixels import LEVELS

__all__ = ["PatchSearch", "Place", "Position", "Shape"]

_ROOTS = [round(math.sqrt((LEVELS - 1) * value)) for value in range(LEVELS)]
"""Square roots of the differences, scaled to 0 to 255.

The root favours a patch with many exact pixels and few outliers, and keeps small differences apart in 8 bits.
"""
_ROW_PENALTY = 24.0
"""Error added to a patch from `reach` rows above or below its place, in roots of levels (0 to 255).

A tenth of the range: it keeps sky above ground, and a match that is clearly better still wins.
"""
_REUSE_PENALTY = 0.2
"""Share by which each earlier use of an overlapping patch raises the error, against visible repeats:
five uses double it."""
_TOLERANCE = 1.03
"""The draw takes one of the patches within this factor of the smallest error.

The paper uses 1.1 for squared differences; roots of differences lie closer together, so that the factor is smaller.
"""
_OFFSETS = tuple((dx, dy) for dy in (-1, 0, 1) for dx in (-1, 0, 1))
"""The 3x3 neighbourhood. Scales halve from level to level, so that rounding moves a position by at most one pixel."""
_REUSE_LOOKAHEAD = 2
"""The coarsest level collects this many times its survivors, so that enough remain after the reuse penalty."""


class Position(NamedTuple):
    """The (x, y) of a patch's top left corner in the source picture, in pixels."""

    x: int
    y: int


class Shape(NamedTuple):
    """The size of a patch and the widths of its left and top overlaps, in pixels."""

    width: int
    height: int
    left: int
    top: int


@dataclass(frozen=True)
class Place:
    """Where a patch goes: its top left corner in the output, and how many of its rows overlap the patch above."""

    left: int
    top: int
    covered: int


class _Area(NamedTuple):
    """A half-open box inside a patch, in pixels of one level."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def size(self) -> tuple[int, int]:
        return self.right - self.left, self.bottom - self.top

    @property
    def pixels(self) -> int:
        return self.size[0] * self.size[1]

    def at(self, x: int, y: int) -> _Area:
        """The box in the picture, for a patch at (x, y)."""
        return _Area(self.left + x, self.top + y, self.right + x, self.bottom + y)


class PatchSearch:
    """Searches one source picture for patches of one shape.

    Args:
        source: RGB, at least as large as a patch.
        shape: size of the patches and their overlaps.
        survivors: number of positions to keep on each level, by its scale, coarsest first. The search skips a scale
            that does not divide the shape, or that reduces an overlap to less than 2 pixels.
        reach: largest distance in rows between a patch's source and its place.
        colour: whether the coarsest level compares colours; else it compares luminance, which is faster.
    """

    def __init__(
        self, source: Image.Image, shape: Shape, survivors: dict[int, int], reach: int, *, colour: bool = True
    ) -> None:
        self.shape, self.reach = shape, reach
        fits = [s for s in survivors if s == 1 or (all(edge % s == 0 for edge in shape) and min(shape[2:]) // s >= 2)]
        self.survivors = {scale: survivors[scale] for scale in fits}
        self.levels = {scale: _reduced(source, scale) for scale in fits}
        self.limit = Position(source.width - shape.width, source.height - shape.height)
        self.coarsest = fits[0]
        self.mode = "RGB" if colour else "L"
        self.counts = (self.limit.x // self.coarsest + 1, self.limit.y // self.coarsest + 1)
        self.windows = self._windows(self._areas(self.coarsest)[0])

    def choose(
        self,
        output: Image.Image,
        place: Place,
        excluded: Sequence[Position],
        earlier: Sequence[Position],
        draw: random.Random,
    ) -> Position:
        """Draw the source position of the patch for `place` among those that match the `output` best.

        Args:
            output: the synthesized picture so far, RGB.
            place: where the patch goes.
            excluded: source positions that may not be chosen, nor their close neighbours.
            earlier: source positions of earlier patches; reuse raises the error.
            draw: source of randomness.
        """
        template = output.crop((place.left, place.top, place.left + self.shape.width, place.top + self.shape.height))
        matches: list[tuple[float, Position]] = []
        for scale, survivors in self.survivors.items():
            # 1. Collect candidates with their errors: all positions, then neighbours of the survivors.
            if scale == self.coarsest:
                # Each excluded position removes up to `around` candidates, so the search collects that many more.
                around = (self.shape.left // scale + 1) * (self.shape.top // scale + 1)
                candidates = self._everywhere(template, place, _REUSE_LOOKAHEAD * survivors + len(excluded) * around)
            else:
                candidates = self._around(template, place, [at for _, at in matches], scale)
            # 2. Drop the excluded ones, unless nothing else is left, and keep the best after penalties.
            allowed = [one for one in sorted(candidates) if not any(self._near(one[1], other) for other in excluded)]
            matches = self._cheapest(allowed or sorted(candidates), survivors, place, earlier)
        # 3. Draw among near equals. Always taking the best would repeat the same patches.
        return draw.choice([at for error, at in matches if error <= matches[0][0] * _TOLERANCE])

    def _cheapest(
        self, candidates: Sequence[tuple[float, Position]], survivors: int, place: Place, earlier: Sequence[Position]
    ) -> list[tuple[float, Position]]:
        """The `survivors` candidates of least error after row and reuse penalties, from `candidates` sorted by error.

        Penalties only raise an error, so the scan stops at the first candidate that is worse without any.
        """
        wide, high = self.shape.width // 2, self.shape.height // 2
        matches: list[tuple[float, Position]] = []
        for error, at in candidates:
            if len(matches) == survivors and error >= matches[-1][0]:
                break
            left, top = at  # patches that overlap by more than half of their width and height count as reuse
            uses = len([1 for x, y in earlier if -wide < x - left < wide and -high < y - top < high])
            insort(matches, (error * (1 + _REUSE_PENALTY * uses) + self._row_penalty(top, place), at))
            del matches[survivors:]
        return matches

    def _row_penalty(self, top: int, place: Place) -> float:
        return _ROW_PENALTY * abs(top - place.top) / self.reach

    def _near(self, a: Position, b: Position) -> bool:
        return abs(a.x - b.x) <= self.shape.left // 2 and abs(a.y - b.y) <= self.shape.top // 2

    def _areas(self, scale: int) -> list[_Area]:
        """The left overlap, and the top overlap without the corner that both share."""
        width, height, left, top = (edge // scale for edge in self.shape)
        return [_Area(0, 0, left, height), _Area(left, 0, width, top)]

    def _windows(self, area: _Area) -> Image.Image:
        """A mosaic of `area` at every position of the coarsest level: one row of windows for each row of positions.

        One `reduce` of such a mosaic compares all positions at once, in Pillow's C code instead of a Python loop.
        Windows at x = 0, w, 2w … lie side by side in the source, so one paste copies all of them; the runs that
        start at 1, 2 … w - 1 follow. `_everywhere` undoes this order.
        """
        level = self.levels[self.coarsest].convert(self.mode)
        width, height = area.size
        windows = Image.new(self.mode, (self.counts[0] * width, self.counts[1] * height))
        for y in range(self.counts[1]):
            at = 0
            for phase in range(min(width, self.counts[0])):
                run = len(range(phase, self.counts[0], width)) * width
                left, top = area.left + phase, area.top + y
                windows.paste(level.crop((left, top, left + run, top + height)), (at, y * height))
                at += run
        return windows

    def _everywhere(self, template: Image.Image, place: Place, count: int) -> list[tuple[float, Position]]:
        """(error, position) of the `count` best positions of the coarsest level within reach of the place's row.

        The left overlap alone selects them; their errors include the top overlap.
        """
        # 1. Select the rows of the mosaic within reach.
        scale, columns = self.coarsest, self.counts[0]
        first = max(0, place.top - self.reach) // scale
        last = min(self.limit.y, place.top + self.reach) // scale
        left, top = self._areas(scale)
        width, height = left.size
        reduced = _reduced(template, scale)
        rows = self.windows.crop((0, first * height, self.windows.width, (last + 1) * height))
        # 2. Compute the error of the left overlap at every position, plus the row penalty.
        differences = _window_errors(rows, reduced.crop(left).convert(self.mode))
        penalties = bytes(round(self._row_penalty(y * scale, place)) for y in range(first, last + 1))
        penalty = Image.frombytes("L", (1, len(penalties)), penalties).resize(differences.size)
        # 3. Take the smallest, and translate the mosaic's column order back into x.
        best = _smallest(ImageChops.add(differences, penalty), count)
        errors = differences.tobytes()
        order = [x for phase in range(width) for x in range(phase, columns, width)]
        matches = [Position(order[i % columns] * scale, (first + i // columns) * scale) for i in best]
        if not place.covered:
            return [(errors[i], at) for i, at in zip(best, matches, strict=True)]
        # 4. Compare the top overlap of these few, and average both errors by their areas.
        windows = Image.new("RGB", (top.size[0], top.size[1] * len(matches)))
        for i, (x, y) in enumerate(matches):
            windows.paste(self.levels[scale].crop(top.at(x // scale, y // scale)), (0, i * top.size[1]))
        top_errors = _window_errors(windows, reduced.crop(top)).tobytes()
        share = left.pixels / (left.pixels + top.pixels)
        return [(share * errors[i] + (1 - share) * e, at) for i, e, at in zip(best, top_errors, matches, strict=True)]

    def _around(
        self, template: Image.Image, place: Place, positions: Sequence[Position], scale: int
    ) -> list[tuple[float, Position]]:
        """(error, position) of the 3x3 neighbourhood of each of `positions` on level `scale`, without duplicates."""
        level, reduced = self.levels[scale], _reduced(template, scale)
        areas = self._areas(scale)[: 2 if place.covered else 1]
        total = sum(area.pixels for area in areas)
        sums: dict[Position, float] = {}
        for area in areas:
            # 1. Stack the windows of all positions, each with a border of one pixel.
            width, height = area.size
            field = Image.new("RGB", (width + 2, (height + 2) * len(positions)))
            for i, (x, y) in enumerate(positions):
                left, top, right, bottom = area.at(x // scale, y // scale)
                field.paste(level.crop((left - 1, top - 1, right + 1, bottom + 1)), (0, i * (height + 2)))
            # 2. Stack nine shifted copies of that stack, so that one comparison covers all neighbours.
            shifted = Image.new("RGB", (width, len(_OFFSETS) * field.height))
            for i, (dx, dy) in enumerate(_OFFSETS):
                part = field.crop((dx + 1, dy + 1, dx + 1 + width, dy + 1 + field.height))
                shifted.paste(part, (0, i * field.height))
            # 3. Compare. Two border rows separate the windows; the mask removes them from the means, and the share
            #    below compensates for their area.
            spaced = Image.new("RGB", (width, height + 2))
            spaced.paste(reduced.crop(area), (0, 0))
            row_mask = _row_mask(width, height, len(_OFFSETS) * len(positions))
            means = iter(_window_errors(shifted, spaced, row_mask).tobytes())
            share = width * (height + 2) / total
            for dx, dy in _OFFSETS:
                for x, y in positions:
                    at = Position(x + dx * scale, y + dy * scale)
                    sums[at] = sums.get(at, 0.0) + share * next(means)
        return [(error, at) for at, error in sums.items() if 0 <= at.x <= self.limit.x and 0 <= at.y <= self.limit.y]


def _reduced(image: Image.Image, scale: int) -> Image.Image:
    return image if scale == 1 else image.reduce(scale)


def _window_errors(windows: Image.Image, template: Image.Image, row_mask: Image.Image | None = None) -> Image.Image:
    """Mean error of each window in the grid `windows` against `template`: one pixel each, mode L, in roots of levels.

    Pixels where `row_mask` (mode L, size of the grid) is 0 count as equal.
    """
    columns, rows = windows.width // template.width, windows.height // template.height
    difference = ImageChops.difference(windows, _tile_grid(template, columns, rows))
    difference = (difference if difference.mode == "L" else difference.convert("L")).point(_ROOTS)
    if row_mask is not None:
        difference = ImageChops.darker(difference, row_mask)
    return difference.reduce(template.size)


@lru_cache(maxsize=32)
def _row_mask(width: int, height: int, count: int) -> Image.Image:
    """A mask for a stack of `count` windows: in each, `height` rows of 255 and two border rows of 0."""
    one = Image.new("L", (width, height + 2), 0)
    one.paste(LEVELS - 1, (0, 0, width, height))
    return _tile_grid(one, 1, count)


def _smallest(values: Image.Image, count: int) -> list[int]:
    """Row-major indices of the `count` smallest pixels of `values` (mode L), smallest first.

    The histogram gives a threshold, and only pixels below it are sorted.
    """
    limit = next((level for level, number in enumerate(accumulate(values.histogram())) if number >= count), LEVELS - 1)
    levels = values.tobytes()
    within = levels.translate(bytes(level <= limit for level in range(LEVELS)))
    matches, at = [], within.find(1)
    while at >= 0:
        matches.append(at)
        at = within.find(1, at + 1)
    return sorted(matches, key=levels.__getitem__)[:count]


def _tile_grid(image: Image.Image, columns: int, rows: int) -> Image.Image:
    """A grid of copies of `image`. Each paste doubles the filled part, so that few pastes suffice."""
    out = Image.new(image.mode, (image.width * columns, image.height * rows))
    out.paste(image, (0, 0))
    width, height = image.size
    while width < out.width:
        out.paste(out.crop((0, 0, width, image.height)), (width, 0))
        width *= 2
    while height < out.height:
        out.paste(out.crop((0, 0, out.width, height)), (0, height))
        height *= 2
    return out
