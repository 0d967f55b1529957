"""Extends a picture to the right by image quilting.

Efros and Freeman, "Image Quilting for Texture Synthesis and Transfer" (SIGGRAPH 2001): the output is filled with
patches of the source picture. Each patch matches its overlap with earlier patches (section 2), and a cut along the
path of least difference joins them (section 2.1). This module differs from the paper in four points:

- A column of narrow patches starts the output, because narrow patches match the seam more closely than large ones;
  `quilting_seam` then fits it to the source. Several patch heights are tried until the seam is inconspicuous.
- A patch comes from about its own row, so that sky stays sky and ground stays ground.
- The patch that would continue its neighbour in the source is excluded, and reuse costs extra. Otherwise the output
  would be a copy of the source.
- A patch takes the brightness and colour of a smooth overlap, so that gradients continue.

Patches are filled column by column, because the output is extended to the right.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from operator import add

from PIL import Image, ImageChops, ImageStat

from ...contract import require_rgb
from ...geometry.seam_cost import REACH_PX, costs_at_seam, expected_cost, interior_costs, total_cost
from ...pixels import LEVELS
from .quilting_seam import fit_at_seam
from .quilting_search import PatchSearch, Place, Position, Shape

__all__ = ["continue_by_quilting", "minimum_error_cut"]

_NARROW_SURVIVORS = {2: 8, 1: 4}
_LARGE_SURVIVORS = {8: 8, 4: 4, 2: 2, 1: 2}
"""Number of positions that the search keeps on each level, by its scale; more on coarse levels, whose errors are
less reliable."""
_NARROW_HEIGHTS = (4, 6, 3, 2)
"""Heights of the narrow patches to try in turn, in eighths of a large patch."""
_GOOD_ENOUGH = 1.5
"""A start is accepted when its seam costs at most this factor of an interior column; the gate of a step allows more
(`overlap_score.DEFAULT_GATE`)."""
_TONE_DEVIATION = 14.0
"""Standard deviation of the difference over an overlap, in levels, at which a patch takes half of its smooth part."""
_TONE_NODES = 8
"""Nodes along each edge of the coarse grid that carries the smooth part."""
_NEARER_TO_TOP = Image.frombytes(
    "L",
    (_TONE_NODES, _TONE_NODES),
    bytes(
        round((LEVELS - 1) * (x + 0.5) ** 2 / ((x + 0.5) ** 2 + (y + 0.5) ** 2))
        for y in range(_TONE_NODES)
        for x in range(_TONE_NODES)
    ),
)
"""Blend of the top and the left overlap's tone: x² / (x² + y²) is the weight of the top, 0 at the left edge."""
_COARSE_CUT = 16
"""Overlaps at least this wide, in pixels, are cut at half resolution: a quarter of the pixels."""
_CUT_COSTS = [min(LEVELS - 1, value + value * value // 64) for value in range(LEVELS)]
"""Cost of a difference in levels. The square makes the cut avoid one strong difference rather than many weak ones."""


def continue_by_quilting(source: Image.Image, room: int, seed: int | str = 0) -> Image.Image:
    """Synthesize `room` columns that continue an RGB `source` picture to the right; same height.

    Equal arguments give equal pixels.

    Raises:
        CanvasError: `source` is not RGB.
    """
    require_rgb(source, "the picture to continue")
    draw = random.Random(f"quilt:{seed}")
    # 1. Derive all sizes from the picture: a patch is an eighth of its height at most, its overlap a quarter.
    block = max(4, min(source.height // 8, source.width // 4))
    strip = max(1, block // 4)
    margin = min(max(4, strip // 4), source.width - strip)
    step = block - strip
    columns = max(1, -(-(room - strip) // step))
    # 2. Begin the output with the source's last columns, which the first patches overlap.
    output = Image.new("RGB", (margin + strip + columns * step, source.height))
    output.paste(source.crop((source.width - margin, 0, source.width, source.height)), (0, 0))
    search = PatchSearch(source, Shape(block, block, left=strip, top=strip), _LARGE_SURVIVORS, block)
    heights = (max(min(8, block), block * share // 16 * 2) for share in _NARROW_HEIGHTS)
    narrow = [Shape(margin + strip, height, margin, min(max(4, margin // 2), height // 2)) for height in heights]

    # 3. Fill the first column of large patches behind narrow ones, then the other columns.
    output, first = _best_start(source, output, narrow, search, draw)
    positions = [first]
    for number in range(1, columns):
        column = _Column(output, search.shape, margin + number * step)
        positions.append(column.fill(source, search, positions, draw))
    return output.crop((margin, 0, margin + room, source.height))


def _best_start(
    source: Image.Image, output: Image.Image, narrow: Sequence[Shape], search: PatchSearch, draw: random.Random
) -> tuple[Image.Image, list[Position]]:
    """(output with its first columns of patches, source positions of the large ones).

    The function tries each narrow shape: narrow patches at the seam, large ones behind them. It stops at the first
    start whose seam cost (`seam_cost`) is acceptable, and otherwise returns the cheapest.
    """
    margin, block, strip = narrow[0].left, search.shape.width, search.shape.left
    limit = _GOOD_ENOUGH * expected_cost(interior_costs(source, min(REACH_PX, source.width // 2)))
    starts = []
    for shape in narrow:
        start = _narrow_start(source, output, shape, block * 3 // 4, draw)
        column = _Column(start, search.shape, margin, guard_px=strip // 2).fill(source, search, [], draw)
        cost = total_cost(costs_at_seam(source, start.crop((margin, 0, margin + block, source.height))))
        starts.append((cost, start, column))
        if cost <= limit:
            break
    _, start, column = min(starts, key=lambda each: each[0])
    return start, column


def _narrow_start(
    source: Image.Image, output: Image.Image, shape: Shape, reach: int, draw: random.Random
) -> Image.Image:
    """A copy of `output` with one column of narrow patches, fitted to the source columns at its left."""
    output, context = output.copy(), output.crop((0, 0, shape.left, output.height))
    column = _Column(output, shape, 0, context=context)
    column.fill(source, PatchSearch(source, shape, _NARROW_SURVIVORS, reach, colour=False), [], draw)
    fit_at_seam(output, context)
    return output


@dataclass(frozen=True)
class _Column:
    """One column of patches.

    Attributes:
        output: the picture to fill, in place.
        shape: size of the patches and their overlaps.
        left: x of their left edges in the output.
        guard_px: columns at the left of the overlap that a patch may not replace.
        context: collects the left overlaps of the patches in place of the output, which keeps the source's pixels;
            None behind the seam.
    """

    output: Image.Image
    shape: Shape
    left: int
    guard_px: int = 0
    context: Image.Image | None = None

    def fill(
        self, source: Image.Image, search: PatchSearch, earlier: Sequence[Sequence[Position]], draw: random.Random
    ) -> list[Position]:
        """Choose and paste the patches from top to bottom; return their source positions.

        Args:
            source: the picture that the patches come from.
            search: search in that picture, for patches of this shape.
            earlier: source positions of the columns before this one, for the reuse penalty.
            draw: source of randomness.
        """
        width, height, left, top = self.shape
        tops = _tops(self.output.height, height, top)
        sources = [at for column in earlier for at in column]
        positions: list[Position] = []
        for row, y in enumerate(tops):
            # Exclude the positions that continue the left or the upper neighbour in the source.
            excluded = []
            if earlier:
                excluded.append(Position(earlier[-1][row].x + width - left, earlier[-1][row].y))
            if row:
                excluded.append(Position(positions[-1].x, positions[-1].y + y - tops[row - 1]))
            place = Place(self.left, y, tops[row - 1] + height - y if row else 0)
            at = search.choose(self.output, place, excluded, sources + positions, draw)
            self._lay(source.crop((at.x, at.y, at.x + width, at.y + height)), place)
            positions.append(at)
        return positions

    def _lay(self, patch: Image.Image, place: Place) -> None:
        """Paste `patch` at `place`, cut through its top and left overlaps.

        1. Match the tone of the patch to the overlap.
        2. Cut the top overlap. The cut function works on vertical seams, so the overlap is transposed.
        3. At the seam, paste the left overlap into the context; elsewhere, cut it beside the guard columns.
        """
        width, height, overlap, _ = self.shape
        below = self.output.crop((place.left, place.top, place.left + width, place.top + height))
        left, top = (0, 0, overlap, height), (0, 0, width, place.covered)
        patch = _match_tone(patch, below, place, overlap)
        mask = Image.new("L", patch.size, LEVELS - 1)
        if place.covered:
            turn = Image.Transpose.TRANSPOSE
            old = below.crop(top)
            if self.context is not None:
                old.paste(self.context.crop((0, place.top, overlap, place.top + place.covered)), (0, 0))
            mask.paste(minimum_error_cut(old.transpose(turn), patch.crop(top).transpose(turn)).transpose(turn), (0, 0))
        if self.context is not None:
            self.context.paste(patch.crop(left), (0, place.top), mask.crop(left))
            mask.paste(0, left)
        else:
            free = (self.guard_px, 0, overlap, height)
            mask.paste(0, (0, 0, self.guard_px, height))
            mask.paste(ImageChops.darker(minimum_error_cut(below.crop(free), patch.crop(free)), mask.crop(free)), free)
        self.output.paste(patch, (place.left, place.top), mask)


def _tops(height: int, patch: int, overlap: int) -> list[int]:
    """The y of each patch of a column that covers `height`; neighbours overlap by at least `overlap`."""
    count = max(1, -(-(height - overlap) // (patch - overlap)))
    return [round(i * (height - patch) / max(1, count - 1)) for i in range(count)]


def _match_tone(patch: Image.Image, below: Image.Image, place: Place, overlap: int) -> Image.Image:
    """Add the smooth part of the overlap's difference to `patch`, as far as it explains the difference.

        field = difference over the overlaps, averaged to _TONE_NODES and interpolated
        share = 1 / (1 + (deviation of (difference - field) / _TONE_DEVIATION)²)
    """
    # 1. Average the difference along the left overlap and, below a patch, along the top one; blend both.
    width, height = patch.size
    difference = ImageChops.subtract(below, patch, 1, 128)
    left = difference.crop((0, 0, overlap, height))
    field = left.resize((1, _TONE_NODES), Image.Resampling.BOX).resize((_TONE_NODES, _TONE_NODES))
    overlap_mask = Image.new("L", patch.size, 0)
    overlap_mask.paste(LEVELS - 1, (0, 0, overlap, height))
    if place.covered:
        top = difference.crop((0, 0, width, place.covered))
        across = top.resize((_TONE_NODES, 1), Image.Resampling.BOX).resize((_TONE_NODES, _TONE_NODES))
        field = Image.composite(across, field, _NEARER_TO_TOP)
        overlap_mask.paste(LEVELS - 1, (0, 0, width, place.covered))
    # 2. Add the share of the field that fits each channel: a textured residual means that tone explains little.
    smooth = field.resize(patch.size, Image.Resampling.BICUBIC)
    residual = ImageStat.Stat(ImageChops.subtract(difference, smooth, 1, 128), overlap_mask)
    curve: list[int] = []
    for deviation in residual.stddev:
        share = 1 / (1 + (deviation / _TONE_DEVIATION) ** 2)
        curve += [round(128 + share * (value - 128)) for value in range(LEVELS)]
    return ImageChops.add(patch, smooth.point(curve), 1, -128)


def minimum_error_cut(old: Image.Image, new: Image.Image) -> Image.Image:
    """The minimum error boundary cut of two equal overlaps (section 2.1): mask L, 0 for `old`, 255 for `new`.

        E[y, x] = e[y, x] + min(E[y-1, x-1], E[y-1, x], E[y-1, x+1])
    """
    # 1. Compute the cost e of each pixel, at half resolution where that is enough.
    scale = 2 if min(old.size) >= _COARSE_CUT else 1
    difference = ImageChops.difference(old, new).convert("L").point(_CUT_COSTS)
    difference = difference.reduce(scale) if scale > 1 else difference
    (width, height), values = difference.size, difference.tobytes()
    # 2. Accumulate the costs E from top to bottom. `map` runs the inner loop in C.
    costs: list[Sequence[int]] = [values[:width]]
    for y in range(1, height):
        above, row = costs[-1], values[y * width : (y + 1) * width]
        costs.append(list(map(add, row, map(min, (above[0], *above), above, (*above[1:], above[-1])))))
    # 3. Trace the cheapest path from bottom to top; the pixel on the path is half of each.
    x = min(range(width), key=costs[-1].__getitem__)
    lines = []
    for cost in reversed(costs):
        x = min(range(max(0, x - 1), min(width, x + 2)), key=cost.__getitem__)
        lines.append(bytes(x) + b"\x80" + b"\xff" * (width - x - 1))
    path = Image.frombytes("L", (width, height), b"".join(reversed(lines)))
    return path if scale == 1 else path.resize(old.size, Image.Resampling.NEAREST)
