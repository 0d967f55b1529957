"""A picture continued to the right by image quilting: patches of it, laid so that their overlaps agree.

Efros and Freeman, "Image Quilting for Texture Synthesis and Transfer" (SIGGRAPH 2001): patches in raster order,
each a piece of the known picture whose overlap with what is laid already agrees well (section 2), joined along
the path of least difference through the overlap (section 2.1). Differences from the paper:

- the first columns behind the known picture are laid in narrow patches, which find closer matches than large
  ones, and fitted to it (`quilting_seam`); several starts are tried, with patches of several heights, until the
  seam is inconspicuous; the large patches come behind them;
- patches come from about the row where they are laid, so that sky stays sky and ground stays ground;
- a patch that would merely carry on its neighbour is refused and one used before is dearer, else the result is
  one copy of the picture;
- where the overlap is smooth a patch takes on its brightness and colour, so that gradients go on.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from operator import add

from PIL import Image, ImageChops, ImageStat

from ...contract import require_rgb
from ...geometry.seam_metrics import REACH_PX, costs_at_seam, expected_cost, interior_costs, total_cost
from ...pixels import LEVELS
from .quilting_seam import fit_at_seam
from .quilting_search import PatchSearch, Place, Position, Shape

__all__ = ["continue_by_quilting"]

_NARROW_KEPT = {2: 8, 1: 4}
_LARGE_KEPT = {8: 8, 4: 4, 2: 2, 1: 2}
"""Positions that survive each level of the search, by its scale."""
_NARROW_HEIGHTS = (4, 6, 3, 2)
"""Heights of the narrow patches of one start after the other, in eighths of a large patch."""
_GOOD_ENOUGH = 1.5
"""A start is kept, and no other tried, whose seam costs at most so many times what a seam without fault would."""
_SMOOTH = 14.0
"""Deviation of the difference over an overlap, in levels, at which half of its smooth part is taken on."""
_TONE_NODES = 8
_NEARER_TO_TOP = Image.frombytes(
    "L",
    (_TONE_NODES, _TONE_NODES),
    bytes(
        round((LEVELS - 1) * (x + 0.5) ** 2 / ((x + 0.5) ** 2 + (y + 0.5) ** 2))
        for y in range(_TONE_NODES)
        for x in range(_TONE_NODES)
    ),
)
_COARSE_CUT = 16
"""Overlaps at least this wide, in pixels, are cut on half the pixels."""
_CUT_COST = [min(LEVELS - 1, value + value * value // 64) for value in range(LEVELS)]


def continue_by_quilting(known: Image.Image, room: int, seed: int | str = 0) -> Image.Image:
    """`room` columns of new texture that continue an RGB `known` picture to the right; same height.

    Raises:
        CanvasError: `known` is not RGB.
    """
    require_rgb(known, "the picture to continue")
    draw = random.Random(f"quilt:{seed}")
    block = max(4, min(known.height // 8, known.width // 4))
    strip = max(1, block // 4)
    margin = min(max(4, strip // 4), known.width - strip)
    step = block - strip
    columns = max(1, -(-(room - strip) // step))
    laid = Image.new("RGB", (margin + strip + columns * step, known.height))
    laid.paste(known.crop((known.width - margin, 0, known.width, known.height)), (0, 0))
    search = PatchSearch(known, Shape(block, block, left=strip, top=strip), _LARGE_KEPT, block)
    heights = (max(min(8, block), block * share // 16 * 2) for share in _NARROW_HEIGHTS)
    narrow = [Shape(margin + strip, height, margin, min(max(4, margin // 2), height // 2)) for height in heights]

    laid, first = _best_start(known, laid, narrow, search, draw)
    used = [first]
    for number in range(1, columns):
        used.append(_Column(laid, search.shape, margin + number * step).fill(known, search, used, draw))
    return laid.crop((margin, 0, margin + room, known.height))


def _best_start(
    known: Image.Image, laid: Image.Image, narrow: Sequence[Shape], search: PatchSearch, draw: random.Random
) -> tuple[Image.Image, list[Position]]:
    """`laid`, which begins with the last columns of the `known` picture, with its first columns of patches: narrow ones
    at the seam, and large ones behind them; and where these come from.

    One start after the other, until the seam of one costs little enough; else the cheapest (`seam_metrics`).
    """
    margin, block, strip = narrow[0].left, search.shape.width, search.shape.left
    enough = _GOOD_ENOUGH * expected_cost(interior_costs(known, min(REACH_PX, known.width // 2)))
    starts = []
    for shape in narrow:
        begun = _begun(known, laid, shape, block * 3 // 4, draw)
        column = _Column(begun, search.shape, margin, kept=strip // 2).fill(known, search, [], draw)
        cost = total_cost(costs_at_seam(known, begun.crop((margin, 0, margin + block, known.height))))
        starts.append((cost, begun, column))
        if cost <= enough:
            break
    _, begun, column = min(starts, key=lambda start: start[0])
    return begun, column


def _begun(known: Image.Image, laid: Image.Image, shape: Shape, reach: int, draw: random.Random) -> Image.Image:
    """`laid`, which begins with the last columns of the `known` picture, with a column of patches fitted to them."""
    laid, context = laid.copy(), laid.crop((0, 0, shape.left, laid.height))
    column = _Column(laid, shape, 0, context=context)
    column.fill(known, PatchSearch(known, shape, _NARROW_KEPT, reach, colour=False), [], draw)
    fit_at_seam(laid, context)
    return laid


@dataclass(frozen=True)
class _Column:
    """One column of patches.

    Attributes:
        laid: the picture that they are laid into.
        shape: of the patches.
        left: where their left edges lie.
        kept: columns of their overlap at the left that stay as they are laid.
        context: at the seam, where the known picture stays whole: takes what the patches show in its place.
    """

    laid: Image.Image
    shape: Shape
    left: int
    kept: int = 0
    context: Image.Image | None = None

    def fill(
        self, known: Image.Image, search: PatchSearch, earlier: Sequence[Sequence[Position]], draw: random.Random
    ) -> list[Position]:
        """Choose and lay every patch, top to bottom; return where they come from. `earlier`: the columns before."""
        width, height, left, top = self.shape
        tops = _tops(self.laid.height, height, top)
        used = [at for column in earlier for at in column]
        chosen: list[Position] = []
        for row, y in enumerate(tops):
            carried_on = []
            if earlier:
                carried_on.append(Position(earlier[-1][row].x + width - left, earlier[-1][row].y))
            if row:
                carried_on.append(Position(chosen[-1].x, chosen[-1].y + y - tops[row - 1]))
            place = Place(self.left, y, tops[row - 1] + height - y if row else 0)
            at = search.choose(self.laid, place, carried_on, used + chosen, draw)
            self._lay(known.crop((at.x, at.y, at.x + width, at.y + height)), place)
            chosen.append(at)
        return chosen

    def _lay(self, patch: Image.Image, place: Place) -> None:
        """Paste `patch` behind the cuts through its overlaps."""
        width, height, overlap, _ = self.shape
        under = self.laid.crop((place.left, place.top, place.left + width, place.top + height))
        left, top = (0, 0, overlap, height), (0, 0, width, place.covered)
        patch = _toned(patch, under, place, overlap)
        mask = Image.new("L", patch.size, LEVELS - 1)
        if place.covered:
            turn = Image.Transpose.TRANSPOSE
            old = under.crop(top)
            if self.context is not None:
                old.paste(self.context.crop((0, place.top, overlap, place.top + place.covered)), (0, 0))
            mask.paste(_cut(old.transpose(turn), patch.crop(top).transpose(turn)).transpose(turn), (0, 0))
        if self.context is not None:
            self.context.paste(patch.crop(left), (0, place.top), mask.crop(left))
            mask.paste(0, left)
        else:
            free = (self.kept, 0, overlap, height)
            mask.paste(0, (0, 0, self.kept, height))
            mask.paste(ImageChops.darker(_cut(under.crop(free), patch.crop(free)), mask.crop(free)), free)
        self.laid.paste(patch, (place.left, place.top), mask)


def _tops(height: int, patch: int, overlap: int) -> list[int]:
    """Top rows of patches that cover `height`, each overlapping the one above by at least `overlap`."""
    count = max(1, -(-(height - overlap) // (patch - overlap)))
    return [round(i * (height - patch) / max(1, count - 1)) for i in range(count)]


def _toned(patch: Image.Image, under: Image.Image, place: Place, overlap: int) -> Image.Image:
    """`patch` with the smooth part of the difference over its overlaps taken on, as far as that explains it."""
    width, height = patch.size
    difference = ImageChops.subtract(under, patch, 1, 128)
    left = difference.crop((0, 0, overlap, height))
    field = left.resize((1, _TONE_NODES), Image.Resampling.BOX).resize((_TONE_NODES, _TONE_NODES))
    covered = Image.new("L", patch.size, 0)
    covered.paste(LEVELS - 1, (0, 0, overlap, height))
    if place.covered:
        top = difference.crop((0, 0, width, place.covered))
        across = top.resize((_TONE_NODES, 1), Image.Resampling.BOX).resize((_TONE_NODES, _TONE_NODES))
        field = Image.composite(across, field, _NEARER_TO_TOP)
        covered.paste(LEVELS - 1, (0, 0, width, place.covered))
    smooth = field.resize(patch.size, Image.Resampling.BICUBIC)
    rest = ImageStat.Stat(ImageChops.subtract(difference, smooth, 1, 128), covered)
    curve: list[int] = []
    for deviation in rest.stddev:
        share = 1 / (1 + (deviation / _SMOOTH) ** 2)
        curve += [round(128 + share * (value - 128)) for value in range(LEVELS)]
    return ImageChops.add(patch, smooth.point(curve), 1, -128)


def _cut(old: Image.Image, new: Image.Image) -> Image.Image:
    """Mask (L) that shows `old` at the left and `new` at the right of the path of least difference, top to bottom."""
    scale = 2 if min(old.size) >= _COARSE_CUT else 1
    difference = ImageChops.difference(old, new).convert("L").point(_CUT_COST)
    difference = difference.reduce(scale) if scale > 1 else difference
    (width, height), values = difference.size, difference.tobytes()
    costs: list[Sequence[int]] = [values[:width]]
    for y in range(1, height):
        above, row = costs[-1], values[y * width : (y + 1) * width]
        costs.append(list(map(add, row, map(min, (above[0], *above), above, (*above[1:], above[-1])))))
    x = min(range(width), key=costs[-1].__getitem__)
    lines = []
    for cost in reversed(costs):
        x = min(range(max(0, x - 1), min(width, x + 2)), key=cost.__getitem__)
        lines.append(bytes(x) + b"\x80" + b"\xff" * (width - x - 1))
    path = Image.frombytes("L", (width, height), b"".join(reversed(lines)))
    return path if scale == 1 else path.resize(old.size, Image.Resampling.NEAREST)
