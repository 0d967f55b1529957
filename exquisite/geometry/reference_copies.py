"""Detects tiles that copy a reference picture into their generated half.

A model may paste a reference picture instead of continuing the canvas. Its seam can still be good, so that no seam
metric notices. The copy may lie anywhere in the generated half, at one of the sizes at which a model would place the
picture: its own, or one that fits, covers or fills the tile or the generated half.

    1. Square pieces of the generated half, each overlapping the next by half, are reduced to band-passed samples.
    2. The reference is reduced to cells, two for each sample along both axes, at each of those sizes. A piece at the
       nearest cell is therefore at most a quarter of a sample off. The cells of all sizes lie on one sheet, so that a
       piece is compared with all of them at once.
    3. The similarity of a piece is its largest normalized cross-correlation over all positions.
    4. The best matching part of the reference is compared with the rest of the reference in the same way. The pieces
       are copies when they leave clearly less unexplained than the reference's own repetitions do: a facade resembles
       another part of the same facade without being a copy of it.
    5. Steps 1 to 4 run twice: with coarse samples and a lenient rule, in a sixteenth of the time, and with fine samples
       for the sizes at which the coarse ones matched. Most tiles hold no copy and need the first comparison only.

`make bench-references` measures how many copies this detects, how many true continuations it takes for copies, and how
long it takes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import accumulate
from typing import Any

from PIL import Image

from ..contract import Box, TileContract
from ..pixels import add, as_float, combined, moved, multiply, square, subtract

__all__ = ["CopySearch"]

_SAMPLES = 16  # along each edge of a piece; with 8, a tenth of the true continuations is as similar as a copy
_SAMPLES_LEAST = 8  # with fewer, unrelated noise is as similar as a copy
_PIECE_SHARE = 4  # the tile's shorter edge divided by the edge of a piece
_MOST_PIECES = 24  # a classic tile has 21
_COARSER = 8  # cells: the band-pass removes structures coarser than four samples
_LEAST_ENERGY = 1.0  # squared levels for each sample: a piece with less has no content
_CONTRAST_SHARE = 0.05  # a part with less than this share of the piece's energy is no copy of it
_SAME_SIZE = 0.02  # relative: less than a cell over the length of a piece

_COPY_FLOOR = 0.06
"""A reference that repeats itself up to this much is periodic: nothing can resemble it clearly more."""

Size = tuple[int, int]
Samples = list[list[float]]


@dataclass(frozen=True)
class _Rule:
    """The thresholds between copies of a reference and other pieces.

    Attributes:
        least: a piece that correlates less with the reference is no copy of it.
        share: pieces are no copies either when they leave more than this share of what the reference's best repetition
            leaves unexplained.
    """

    least: float
    share: float


_COARSE_RULE = _Rule(0.7, 1.0)  # copies: a share of up to .80; most true continuations: no such piece, or a larger one
_FINE_RULE = _Rule(0.8, 0.35)  # true continuations: a similarity of up to .82


class CopySearch:
    """A search for copies of reference pictures in the tiles of one step; made once, for all candidates.

    All pictures are canonical.

    Args:
        references: RGB, of any size.
        area: the box of the new pixels in a tile.
        contract: the sizes of the tiles.
    """

    def __init__(self, references: Sequence[Image.Image], area: Box, contract: TileContract) -> None:
        self._area = area
        boxes = (contract.tile_size("x_ltr"), area.size)
        grid = _Grid.of(contract)
        places = [
            (index, reference, size)
            for index, reference in enumerate(references)
            for size in _different(_sizes(reference.size, boxes))
            if grid.samples >= _SAMPLES_LEAST
        ]
        self._reference_of = [index for index, _, _ in places]
        self._comparisons = [
            _Comparison(rule, one, [one.with_margin(reference, size) for _, reference, size in places])
            for rule, one in ((_COARSE_RULE, grid.coarser), (_FINE_RULE, grid))
        ]

    def copied_in(self, tile: Image.Image) -> list[int]:
        """The indices of the references of which the new pixels of `tile` contain a copy.

        Args:
            tile: RGB, of the contract's size.
        """
        places = list(range(len(self._reference_of)))
        for comparison in self._comparisons:
            places = comparison.copied(tile, self._area, places) if places else []
        return sorted({self._reference_of[place] for place in places})


@dataclass(frozen=True)
class _Grid:
    """The resolution of the comparison: cells of `cell_px`, samples of two by two cells, `samples` along a piece."""

    cell_px: int
    samples: int

    @classmethod
    def of(cls, contract: TileContract) -> _Grid:
        piece_px = min(contract.tile_px, contract.across_px) // _PIECE_SHARE
        cell_px = max(1, piece_px // (2 * _SAMPLES))
        return cls(cell_px, min(_SAMPLES, piece_px // (2 * cell_px)))

    @property
    def coarser(self) -> _Grid:
        """Cells twice as large, for pieces of the same size."""
        return _Grid(2 * self.cell_px, self.samples // 2)

    @property
    def piece_px(self) -> int:
        """Edge of a piece in pixels."""
        return 2 * self.samples * self.cell_px

    def cells(self, picture: Image.Image, size: Size) -> Image.Image:
        """`picture` at `size` in pixels: luminance in cells, each the mean of a sample, band-passed, mode F."""
        shape = _shape(size, self.cell_px)
        fine = as_float(picture.convert("L")).resize(shape, Image.Resampling.BOX)
        around = fine.resize(_shape(shape, _COARSER), Image.Resampling.BOX).resize(shape, Image.Resampling.BILINEAR)
        detail = subtract(fine, around)
        pairs = add(detail, moved(detail, 1))
        return multiply(add(pairs, moved(pairs, 0, 1)), 0.25).crop((0, 0, shape[0] - 1, shape[1] - 1))

    def samples_of(self, piece: Image.Image) -> Samples:
        """The samples of a piece, row by row."""
        return _sampled(self.cells(piece, (self.piece_px, self.piece_px)), (0, 0), self.samples)

    def with_margin(self, picture: Image.Image, size: Size) -> Image.Image:
        """The cells of `picture` at `size`, with an empty margin of a quarter of a piece."""
        cells, margin = self.cells(picture, size), self.samples // 2
        return cells.crop((-margin, -margin, cells.width + margin, cells.height + margin))


def _shape(size: Size, cell: int) -> Size:
    """`size` in cells, at least 2 each way."""
    width, height = (max(2, round(edge / cell)) for edge in size)
    return width, height


def _sampled(cells: Image.Image, origin: Size, count: int) -> Samples:
    """`count` by `count` samples, row by row: every second cell from `origin` on."""
    span = 2 * count - 1
    left, top = origin
    values = cells.crop((left, top, left + span, top + span)).get_flattened_data()
    return [list(values[2 * row * span : (2 * row + 1) * span : 2]) for row in range(count)]  # type: ignore[arg-type]


class _Comparison:
    """A comparison of tiles with the references at one resolution.

    Args:
        rule: the thresholds.
        grid: the resolution.
        places: the cells of each reference at each plausible size, with a margin, mode F.
    """

    def __init__(self, rule: _Rule, grid: _Grid, places: Sequence[Image.Image]) -> None:
        self._rule, self._grid, self._places = rule, grid, places

    def copied(self, tile: Image.Image, area: Box, indices: Sequence[int]) -> list[int]:
        """The indices, among `indices`, of the places of which `area` of `tile` contains a copy."""
        places = [self._places[index] for index in indices]
        sheet, tops = _sheet(places, 2 * self._grid.samples)
        span = 2 * self._grid.samples - 2
        matches: list[list[_Match]] = [[] for _ in places]
        for piece in self._pieces(tile, area):
            correlations = _correlations(piece, sheet)
            for place, top, matching in zip(places, tops, matches, strict=True):
                width, height = (max(0, edge - span) for edge in place.size)  # where a piece may begin
                similarity, at = _largest(correlations.crop((0, top, width, top + height)))
                if similarity >= self._rule.least:
                    matching.append(_Match(similarity, at))
        triples = zip(indices, places, matches, strict=True)
        return [index for index, place, matching in triples if self._are_copies(matching, place)]

    def _pieces(self, tile: Image.Image, area: Box) -> Iterator[Samples]:
        """The pieces of `area` that have content."""
        for box in _spread(area, self._grid.piece_px):
            piece = self._grid.samples_of(tile.crop(box))
            if _energy(piece) >= _LEAST_ENERGY * len(piece) ** 2:
                yield piece

    def _are_copies(self, matching: Sequence[_Match], place: Image.Image) -> bool:
        """Whether the pieces that resemble parts of `place` are copies, and not repetitions."""
        unexplained = sum(1 - match.similarity for match in matching)
        unlike = sum(1 - _similarity_of_rest(place, match.at, self._grid.samples) for match in matching)
        return unlike >= _COPY_FLOOR * len(matching) > 0 and unexplained <= self._rule.share * unlike


@dataclass(frozen=True)
class _Match:
    """The similarity of a piece to its best matching part of a place, and the cell at which that part begins."""

    similarity: float
    at: Size


def _sheet(places: Sequence[Image.Image], apart: int) -> tuple[Image.Image, list[int]]:
    """The `places` below each other, `apart` cells between them so that no part touches two, and the row of each."""
    tops = list(accumulate((place.height + apart for place in places[:-1]), initial=0))
    sheet = Image.new("F", (max(place.width for place in places), tops[-1] + places[-1].height))
    for place, top in zip(places, tops, strict=True):
        sheet.paste(place, (0, top))
    return sheet, tops


def _spread(area: Box, edge: int) -> list[Box]:
    """Squares of `edge` pixels over `area`, each overlapping the next by half unless that is too many."""
    room = max(0, area.size[0] - edge), max(0, area.size[1] - edge)
    columns, rows = (1 + -(-2 * pixels // edge) for pixels in room)
    while columns * rows > _MOST_PIECES:
        columns, rows = (columns - 1, rows) if columns > rows else (columns, rows - 1)
    return [
        Box(x, y, x + edge, y + edge)
        for x in _evenly(area.left, room[0], columns)
        for y in _evenly(area.top, room[1], rows)
    ]


def _evenly(start: int, room: int, count: int) -> list[int]:
    """`count` coordinates from `start` to `start + room`."""
    return [start + room * number // max(1, count - 1) for number in range(count)]


def _sizes(size: Size, boxes: Sequence[Size]) -> Iterator[Size]:
    """`size` as it is, and fitted into, covering and filling each of `boxes`, keeping its ratio but for the last."""
    yield size
    for box in boxes:
        scales = [edge / own for edge, own in zip(box, size, strict=True)]
        for scale in (min(scales), max(scales)):
            yield max(1, round(size[0] * scale)), max(1, round(size[1] * scale))
        yield box


def _different(sizes: Iterator[Size]) -> list[Size]:
    """Those of the `sizes` that differ from all before by more than _SAME_SIZE."""
    different: list[Size] = []
    for size in sizes:
        if not any(_nearly(size, other) for other in different):
            different.append(size)
    return different


def _nearly(one: Size, other: Size) -> bool:
    return all(abs(a - b) <= _SAME_SIZE * b for a, b in zip(one, other, strict=True))


def _similarity_of_rest(place: Image.Image, at: Size, samples: int) -> float:
    """The largest correlation of the part of `place` at cell `at` with parts that overlap it by half at most."""
    correlations = _correlations(_sampled(place, at, samples), place)
    x, y = at
    correlations.paste(0, (max(0, x - samples + 1), max(0, y - samples + 1), x + samples, y + samples))
    return _largest(correlations)[0]


def _largest(correlations: Image.Image) -> tuple[float, Size]:
    """(largest correlation, its position); (0, (0, 0)) where there is no position."""
    width, height = correlations.size
    if 0 in (width, height):
        return 0.0, (0, 0)
    most = correlations.getextrema()[1]
    at = correlations.get_flattened_data().index(most)
    return float(most), (at % width, at // width)  # type: ignore[arg-type]


def _correlations(piece: Samples, cells: Image.Image) -> Image.Image:
    """The normalized correlation of `piece` with the part of `cells` at each position, mode F; empty for none.

        sum(p q) / sqrt(sum(p²) max(sum(q²), share sum(p²))),   p a sample of the piece, q of the part
    """
    width, height = (max(0, edge - 2 * len(piece) + 2) for edge in cells.size)
    if 0 in (width, height):
        return Image.new("F", (width, height))
    products: Image.Image | float = 0.0
    for y, row in enumerate(piece):
        line = cells.crop((0, 2 * y, cells.width, 2 * y + height))
        shifted = {f"at{x}": line.crop((2 * x, 0, 2 * x + width, height)) for x in range(len(row))}

        def with_row(terms: Mapping[str, Any], row: list[float] = row) -> Any:
            total = terms["so_far"]
            for x, value in enumerate(row):
                total = total + terms[f"at{x}"] * value
            return total

        products = combined(with_row, so_far=products, **shifted)
    squares = _summed(_summed(square(cells), len(piece), (2, 0)), len(piece), (0, 2)).crop((0, 0, width, height))
    own = _energy(piece)
    least = _CONTRAST_SHARE * own

    def normalized(at: Mapping[str, Any]) -> Any:
        larger = (at["squares"] + least + abs(at["squares"] - least)) / 2
        return at["products"] / (own * larger) ** 0.5

    return combined(normalized, products=products, squares=squares)


def _summed(image: Image.Image, count: int, step: Size) -> Image.Image:
    """The sum of `count` copies of `image`, each moved by `step` more than the one before; 0 beyond its edges."""
    return reduce(add, (moved(image, step[0] * number, step[1] * number) for number in range(count)))


def _energy(piece: Samples) -> float:
    return math.fsum(value * value for row in piece for value in row)
