"""The search of image quilting: where in a known picture is a patch that agrees with what is laid already.

Exhaustive on a reduced copy of the picture, then refined level by level around the best, down to single pixels.
Patches are compared over the overlap at their left and, where there is one, the overlap at their top.
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
"""A difference counts with its square root: many exact pixels are worth a few wrong ones, and small ones resolve."""
_ROW_PENALTY = 24.0
"""What a patch from `reach` rows above or below is charged, in roots of levels (0..255)."""
_REUSE_PENALTY = 0.2
"""Share by which each earlier use of the same place raises the difference of a patch."""
_TOLERANCE = 1.03
"""The best patches within this factor of the least difference are drawn from by chance."""
_OFFSETS = tuple((dx, dy) for dy in (-1, 0, 1) for dx in (-1, 0, 1))
_CHARGED = 2
"""So many times the positions that a level keeps are looked at for earlier use."""


class Position(NamedTuple):
    """Top left corner of a patch in the known picture, in pixels."""

    x: int
    y: int


class Shape(NamedTuple):
    """Size of a patch and of its overlaps, in pixels."""

    width: int
    height: int
    left: int
    top: int


@dataclass(frozen=True)
class Place:
    """Where a patch is laid: its top left corner, and how many of its upper rows are laid already."""

    left: int
    top: int
    covered: int


class _Area(NamedTuple):
    """A part of a patch, half-open, in reduced pixels."""

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
        """The same part of a patch whose corner lies at (x, y)."""
        return _Area(self.left + x, self.top + y, self.right + x, self.bottom + y)


class PatchSearch:
    """The search for patches of one shape in one known picture.

    Args:
        known: RGB, at least as large as a patch.
        shape: of the patches.
        kept: positions that survive each level, by its scale, coarsest first; scales that the overlaps are too
            small for are left out.
        reach: rows above and below its place from which a patch may come.
        colour: whether the coarsest level is searched in colour.
    """

    def __init__(
        self, known: Image.Image, shape: Shape, kept: dict[int, int], reach: int, *, colour: bool = True
    ) -> None:
        self.shape, self.reach = shape, reach
        fits = [s for s in kept if s == 1 or (all(edge % s == 0 for edge in shape) and min(shape[2:]) // s >= 2)]
        self.kept = {scale: kept[scale] for scale in fits}
        self.levels = {scale: _reduced(known, scale) for scale in fits}
        self.limit = Position(known.width - shape.width, known.height - shape.height)
        self.coarsest = fits[0]
        self.mode = "RGB" if colour else "L"
        self.counts = (self.limit.x // self.coarsest + 1, self.limit.y // self.coarsest + 1)
        self.windows = self._windows(self._areas(self.coarsest)[0])

    def choose(
        self,
        laid: Image.Image,
        place: Place,
        refused: Sequence[Position],
        used: Sequence[Position],
        draw: random.Random,
    ) -> Position:
        """The patch to lay at `place`: one that agrees well with what is `laid`, by chance among the best."""
        template = laid.crop((place.left, place.top, place.left + self.shape.width, place.top + self.shape.height))
        found: list[tuple[float, Position]] = []
        for scale, kept in self.kept.items():
            if scale == self.coarsest:
                around = (self.shape.left // scale + 1) * (self.shape.top // scale + 1)
                candidates = self._everywhere(template, place, _CHARGED * kept + len(refused) * around)
            else:
                candidates = self._around(template, place, [at for _, at in found], scale)
            allowed = [one for one in sorted(candidates) if not any(self._near(one[1], other) for other in refused)]
            found = self._cheapest(allowed or sorted(candidates), kept, place, used)
        return draw.choice([at for error, at in found if error <= found[0][0] * _TOLERANCE])

    def _cheapest(
        self, candidates: Sequence[tuple[float, Position]], kept: int, place: Place, used: Sequence[Position]
    ) -> list[tuple[float, Position]]:
        """The `kept` cheapest of `candidates`, which come in rising order, with what row and reuse are charged."""
        wide, high = self.shape.width // 2, self.shape.height // 2
        found: list[tuple[float, Position]] = []
        for error, at in candidates:
            if len(found) == kept and error >= found[-1][0]:
                break
            left, top = at
            uses = len([1 for x, y in used if -wide < x - left < wide and -high < y - top < high])
            insort(found, (error * (1 + _REUSE_PENALTY * uses) + self._row_penalty(top, place), at))
            del found[kept:]
        return found

    def _row_penalty(self, top: int, place: Place) -> float:
        return _ROW_PENALTY * abs(top - place.top) / self.reach

    def _near(self, a: Position, b: Position) -> bool:
        return abs(a.x - b.x) <= self.shape.left // 2 and abs(a.y - b.y) <= self.shape.top // 2

    def _areas(self, scale: int) -> list[_Area]:
        """The overlaps at the left and, beside it, at the top of a patch."""
        width, height, left, top = (edge // scale for edge in self.shape)
        return [_Area(0, 0, left, height), _Area(left, 0, width, top)]

    def _windows(self, area: _Area) -> Image.Image:
        """`area` of the patch at every position of the coarsest level: a row of windows for each row of positions.

        Along a row come the windows that lie side by side in the picture: positions 0, w, 2w …, then 1, w + 1 …
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
        """The `count` best positions of the coarsest level within reach of the place's row, with their differences.

        Chosen by the overlap at the left; the overlap at the top counts in their differences.
        """
        scale, columns = self.coarsest, self.counts[0]
        first = max(0, place.top - self.reach) // scale
        last = min(self.limit.y, place.top + self.reach) // scale
        left, top = self._areas(scale)
        width, height = left.size
        reduced = _reduced(template, scale)
        rows = self.windows.crop((0, first * height, self.windows.width, (last + 1) * height))
        differences = _mean_differences(rows, reduced.crop(left).convert(self.mode))
        penalties = bytes(round(self._row_penalty(y * scale, place)) for y in range(first, last + 1))
        penalty = Image.frombytes("L", (1, len(penalties)), penalties).resize(differences.size)
        best = _least(ImageChops.add(differences, penalty), count)
        errors = differences.tobytes()
        order = [x for phase in range(width) for x in range(phase, columns, width)]
        found = [Position(order[i % columns] * scale, (first + i // columns) * scale) for i in best]
        if not place.covered:
            return [(errors[i], at) for i, at in zip(best, found, strict=True)]
        windows = Image.new("RGB", (top.size[0], top.size[1] * len(found)))
        for i, (x, y) in enumerate(found):
            windows.paste(self.levels[scale].crop(top.at(x // scale, y // scale)), (0, i * top.size[1]))
        beside = _mean_differences(windows, reduced.crop(top)).tobytes()
        share = left.pixels / (left.pixels + top.pixels)
        return [(share * errors[i] + (1 - share) * e, at) for i, e, at in zip(best, beside, found, strict=True)]

    def _around(
        self, template: Image.Image, place: Place, positions: Sequence[Position], scale: int
    ) -> list[tuple[float, Position]]:
        """The 3 by 3 positions of `scale` around each of `positions`, with their differences."""
        level, reduced = self.levels[scale], _reduced(template, scale)
        areas = self._areas(scale)[: 2 if place.covered else 1]
        total = sum(area.pixels for area in areas)
        sums: dict[Position, float] = {}
        for area in areas:
            width, height = area.size
            field = Image.new("RGB", (width + 2, (height + 2) * len(positions)))
            for i, (x, y) in enumerate(positions):
                left, top, right, bottom = area.at(x // scale, y // scale)
                field.paste(level.crop((left - 1, top - 1, right + 1, bottom + 1)), (0, i * (height + 2)))
            shifted = Image.new("RGB", (width, len(_OFFSETS) * field.height))
            for i, (dx, dy) in enumerate(_OFFSETS):
                part = field.crop((dx + 1, dy + 1, dx + 1 + width, dy + 1 + field.height))
                shifted.paste(part, (0, i * field.height))
            spaced = Image.new("RGB", (width, height + 2))
            spaced.paste(reduced.crop(area), (0, 0))
            counted = _rows_that_count(width, height, len(_OFFSETS) * len(positions))
            means = iter(_mean_differences(shifted, spaced, counted).tobytes())
            share = width * (height + 2) / total
            for dx, dy in _OFFSETS:
                for x, y in positions:
                    at = Position(x + dx * scale, y + dy * scale)
                    sums[at] = sums.get(at, 0.0) + share * next(means)
        return [(error, at) for at, error in sums.items() if 0 <= at.x <= self.limit.x and 0 <= at.y <= self.limit.y]


def _reduced(image: Image.Image, scale: int) -> Image.Image:
    return image if scale == 1 else image.reduce(scale)


def _mean_differences(windows: Image.Image, template: Image.Image, counted: Image.Image | None = None) -> Image.Image:
    """Mean difference of each of the `windows`, which lie in a grid, from `template`: a pixel each, in roots of levels.

    Where the mask `counted` (size of the windows) is 0, there is no difference.
    """
    columns, rows = windows.width // template.width, windows.height // template.height
    difference = ImageChops.difference(windows, _repeated(template, columns, rows))
    difference = (difference if difference.mode == "L" else difference.convert("L")).point(_ROOTS)
    if counted is not None:
        difference = ImageChops.darker(difference, counted)
    return difference.reduce(template.size)


@lru_cache(maxsize=32)
def _rows_that_count(width: int, height: int, count: int) -> Image.Image:
    """A mask of `count` windows, one below the other: `height` rows that count and two that do not."""
    one = Image.new("L", (width, height + 2), 0)
    one.paste(LEVELS - 1, (0, 0, width, height))
    return _repeated(one, 1, count)


def _least(values: Image.Image, count: int) -> list[int]:
    """Indices of the `count` least pixels of `values` (mode L), row by row, the least first."""
    limit = next((level for level, number in enumerate(accumulate(values.histogram())) if number >= count), LEVELS - 1)
    levels = values.tobytes()
    within = levels.translate(bytes(level <= limit for level in range(LEVELS)))
    found, at = [], within.find(1)
    while at >= 0:
        found.append(at)
        at = within.find(1, at + 1)
    return sorted(found, key=levels.__getitem__)[:count]


def _repeated(image: Image.Image, columns: int, rows: int) -> Image.Image:
    """`image` beside and below itself, by doubling."""
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
