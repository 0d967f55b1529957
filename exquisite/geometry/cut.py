"""The cut: the path along which the change from one picture of a place to another picture of it is least visible.

The last pixels of a step are pending until the next one. There both the pending pixels ("old") and the calibrated
redraw of the same place ("new") are known, so the seam need not be a straight line: it may run between the strokes.

    1. error      how far old and new differ at the two columns that a join brings together
    2. bends      how much the joined row would bend, in the whole ramp, beyond what either picture bends there
    3. path       the cheapest way from the first row to the last, by dynamic programming: any number of columns to the
                  side from one row to the next, each paying for the edge that it opens between the rows
    4. ramp       three columns on each side of the path, over which old fades into new

Minimum-error boundaries: Efros and Freeman, "Image quilting", SIGGRAPH 2001, section 2.1. Error of a join as the
difference of both pictures at two neighbouring columns: Kwatra, Schödl, Essa, Turk and Bobick, "Graphcut textures",
SIGGRAPH 2003, section 3. They divide it by the gradients, so that a join prefers busy places; here the bends of both
sources do that, more precisely. RESULTS.md, "What a cut costs", compares this choice with others.

All pictures grow to the right. Columns are those of the pending zone, from 0 to its width; the path gives for each row
the first column that is nearer to new than to old.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from PIL import Image, ImageChops

from ..contract import CLASSIC, Mode, TileContract, from_canonical, to_canonical
from ..errors import UsageError
from ..pixels import as_float, combined, crop_mirrored, moved
from .cheapest_path import cheapest_path
from .enforcement import enforce_conditioning_half, require_band
from .tile_mode import require_tile

__all__ = ["RAMP_PX", "SEEN_BEND", "Cut", "find_cut", "join_tile", "straightened", "with_straightened"]

RAMP_PX = 3
"""Columns on each side of the path over which old fades into new."""

SEEN_BEND = 16
"""A row is broken if it bends at the join by more than this many levels beyond the bend of both pictures there."""

_VISIBLE_LEVELS = 8.0
"""Differences well below this many levels are invisible and hardly count: `_visible`. `make bench-cut` tries others."""

_BEND_WEIGHT = 40.0
"""Cost of each level of a bend of SEEN_BEND levels beside a level of error: RESULTS.md, "What a cut costs"."""

_STEPS = 16
"""Costs are whole numbers of sixteenths of a level, so that equal paths are equal everywhere."""

_MARGIN = RAMP_PX + 2
"""Columns beside the zone that the bends of the ramp reach."""


@dataclass(frozen=True)
class Cut:
    """A path through a pending zone, and the cost of the change from old to new along it.

    Attributes:
        path: for each row across the axis, with growth to the right, the first column of the zone, from 0, that is
            nearer to new than to old; zone_px where nothing of the zone is new.
        zone_px: width of the zone.
        mismatch: mean difference of old and new at the two columns that the path separates, over rows and channels,
            in levels.
        breaks: share of rows that bend at the join by more than SEEN_BEND levels beyond what both pictures bend there.
        straight_mismatch: the same as `mismatch` for a straight join without a ramp at the end of the zone.
        straight_breaks: the same as `breaks` for that.
    """

    path: tuple[int, ...]
    zone_px: int
    mismatch: float
    breaks: float
    straight_mismatch: float
    straight_breaks: float

    def as_dict(self) -> dict[str, object]:
        """The cut in JSON types; the path is text, its columns separated by spaces, so that it stands on one line."""
        return {**vars(self), "path": " ".join(map(str, self.path))}


def find_cut(
    redraw: Image.Image, band: Image.Image, mode: Mode | str, zone_px: int, contract: TileContract = CLASSIC
) -> Cut:
    """The path of least error between the last `zone_px` of an RGB `band` and their redraw, both in own orientation.

    Args:
        redraw: the calibrated tile before enforcement.
        band: the band; its last `zone_px` at the seam are pending.
        mode: direction of growth.
        zone_px: width of the pending zone in pixels, 1 to `contract.max_soften_px`.

    Raises:
        CanvasError: a picture is not RGB or of the wrong size.
        UsageError: `zone_px` is out of range.
    """
    if zone_px < 1:
        raise UsageError(f"there is no cut through a zone of {zone_px} px")
    contract.require_soften(zone_px)
    zone = _Zone.of(require_tile(redraw, mode, contract), require_band(band, mode, contract), mode, zone_px, contract)
    path = zone.path()
    mismatch, breaks = zone.rated(path, zone.ramp_px)
    end = zone.end(min(zone_px, 2))
    straight_mismatch, straight_breaks = end.rated([1] * len(path), 0)
    return Cut(tuple(path), zone_px, mismatch, breaks, straight_mismatch, straight_breaks)


def join_tile(
    redraw: Image.Image, band: Image.Image, mode: Mode | str, cut: Cut, contract: TileContract = CLASSIC
) -> Image.Image:
    """The enforced tile whose pending zone is old before the path of `cut` and new behind it; RGB, own orientation.

    Raises:
        CanvasError: a picture is not RGB or of the wrong size.
    """
    enforced = enforce_conditioning_half(redraw, band, mode, contract)
    box = contract.tile_frame(mode).zone_in_tile(cut.zone_px)
    old, new = (to_canonical(tile.crop(box), mode) for tile in (enforced, redraw))
    joined = Image.composite(new, old, _ramps(cut.path, cut.zone_px, _ramp_px(cut.zone_px)))
    enforced.paste(from_canonical(joined, mode), box)
    return enforced


def straightened(tile: Image.Image, mode: Mode | str, cut: Cut) -> Image.Image:
    """`tile` with every row moved so that the path of `cut` lies at the seam; RGB, own orientation.

    Functions that rate or fade a straight seam thus work for any path. Each row repeats its first pixels where the band
    begins, and loses as many at the outer end of the tile.
    """
    return _moved_rows(tile, mode, [cut.zone_px - at for at in cut.path])


def with_straightened(tile: Image.Image, changed: Image.Image, mode: Mode | str, cut: Cut) -> Image.Image:
    """`tile` with the pixels of `changed`, a straightened copy of it, moved back; RGB, own orientation.

    The outermost zone_px stay as they are in `tile`: the straightened copy lacks some of them.
    """
    out = to_canonical(tile, mode).copy()
    back = to_canonical(_moved_rows(changed, mode, [at - cut.zone_px for at in cut.path]), mode)
    out.paste(back.crop((0, 0, out.width - cut.zone_px, out.height)))
    return from_canonical(out, mode)


def _ramp_px(zone_px: int) -> int:
    """Columns on each side of the path over which old fades into new; fewer where the zone is narrow."""
    return min(RAMP_PX, zone_px // 3)


def _ramps(path: Sequence[int], width: int, ramp_px: int) -> Image.Image:
    """The mask of a join, mode L: 0 where old stays, 255 where new stands, even steps in the ramp."""
    parts = 2 * ramp_px + 1
    ramp = bytes((255 * step + ramp_px) // parts for step in range(1, parts))
    rows = {at: bytes(at - ramp_px) + ramp + b"\xff" * (width - at - ramp_px) for at in set(path)}
    return Image.frombytes("L", (width, len(path)), b"".join(rows[at] for at in path))


def _moved_rows(image: Image.Image, mode: Mode | str, moves: Sequence[int]) -> Image.Image:
    """`image`, RGB, with each canonical row moved right by its number of pixels in `moves`; the ends are repeated."""
    picture = to_canonical(image, mode)
    data, length = picture.tobytes(), 3 * picture.width
    parts: list[bytes] = []
    for start, move in zip(range(0, len(data), length), moves, strict=True):
        stop, by = start + length, 3 * abs(move)
        if move >= 0:
            parts += (data[start : start + by], data[start : stop - by])
        else:
            parts += (data[start + by : stop], data[stop - by : stop])
    return from_canonical(Image.frombytes("RGB", picture.size, b"".join(parts)), mode)


@dataclass(frozen=True, eq=False)
class _Zone:
    """Both sources of a pending zone, canonical RGB, with _MARGIN more columns on each side.

    Behind the zone there is no old: both are new there.
    """

    old: Image.Image
    new: Image.Image
    width: int

    @classmethod
    def of(
        cls, redraw: Image.Image, band: Image.Image, mode: Mode | str, zone_px: int, contract: TileContract
    ) -> _Zone:
        """The zone at the seam of a tile."""
        enforced = enforce_conditioning_half(redraw, band, mode, contract)
        seam, height = contract.band_px, contract.across_px
        around = (seam - zone_px - _MARGIN, 0, seam + _MARGIN, height)
        old, new = (crop_mirrored(to_canonical(tile, mode), around) for tile in (enforced, redraw))
        return cls(old, new, zone_px)

    def end(self, width: int) -> _Zone:
        """The last columns of the zone alone."""
        box = (self.width - width, 0, self.old.width, self.old.height)
        return _Zone(self.old.crop(box), self.new.crop(box), width)

    @property
    def ramp_px(self) -> int:
        """Columns on each side of the path over which old fades into new."""
        return _ramp_px(self.width)

    @cached_property
    def _levels(self) -> tuple[Image.Image, Image.Image]:
        """Luminance of old and new, mode F."""
        return as_float(self.old.convert("L")), as_float(self.new.convert("L"))

    @cached_property
    def _bends(self) -> Image.Image:
        """What either source bends at most, at each column, mode F."""
        old, new = map(_bend, self._levels)
        return combined(lambda a: a["max"](a["v"], a["w"]), v=old, w=new)

    def path(self) -> list[int]:
        """Steps 1 to 3: the path, one column of the zone for each row."""
        reach = self.width - 2 * self.ramp_px + 1  # places for the path, from ramp_px on
        error = self._error()
        first = _MARGIN + self.ramp_px
        joins = combined(lambda a: a["e"] + _BEND_WEIGHT * a["b"], e=self._join_error(error), b=self._join_bends())
        costs = _whole_numbers(joins.crop((first, 0, first + reach, joins.height)))
        edges = _visible(_weighted([error, moved(error, 0, 1)], [0.5, 0.5]))
        crossing = _whole_numbers(edges.crop((first, 0, first + reach - 1, edges.height)), least=1)
        return [at + self.ramp_px for at in cheapest_path(costs, crossing)]

    def rated(self, path: Sequence[int], ramp_px: int) -> tuple[float, float]:
        """(mismatch, breaks) of joining old and new along `path`; see `Cut`."""
        joined = Image.composite(self.new, self.old, self._mask(path, ramp_px))
        excess_bend = combined(lambda a: a["v"] - a["w"], v=_bend(as_float(joined.convert("L"))), w=self._bends)
        error = _weighted([as_float(each) for each in ImageChops.difference(self.old, self.new).split()], [1 / 3] * 3)
        errors, excess = _rows(error), _rows(excess_bend)
        mismatch = broken = 0.0
        for row, at in enumerate(path):
            place = _MARGIN + at
            mismatch += (errors[row][place - 1] + errors[row][place]) / 2
            broken += max(excess[row][place - ramp_px - 1 : place + ramp_px + 1]) > SEEN_BEND
        return mismatch / len(path), broken / len(path)

    def _mask(self, path: Sequence[int], ramp_px: int) -> Image.Image:
        """The mask of a join over the zone and its margins."""
        return _ramps([at + _MARGIN for at in path], self.width + 2 * _MARGIN, ramp_px)

    def _error(self) -> Image.Image:
        """The largest difference of old and new over the channels, mode F."""
        red, green, blue = ImageChops.difference(self.old, self.new).split()
        return as_float(ImageChops.lighter(ImageChops.lighter(red, green), blue))

    def _join_error(self, error: Image.Image) -> Image.Image:
        """For a join before each column: the mean error of the two columns that it separates, if visible."""
        return _visible(_weighted([moved(error, -1), error], [0.5, 0.5]))

    def _join_bends(self) -> Image.Image:
        """For a join before each column: what the bends of its ramp beyond both sources cost.

        1. The joined row at each column of the ramp, for every place of the join at once: the weighted mean of old and
           new, moved so that the column comes to lie at the place of the join.
        2. Its bend there, less the larger bend of the two sources at that column.
        3. Of what is left above 0, b, the sum of b * b² / SEEN_BEND²: a path pays for every column that it disturbs,
           little where nobody sees it, and the more the harder a row breaks.
        """
        ramp, (old, new) = self.ramp_px, self._levels
        faded = {}
        for offset in range(-ramp - 2, ramp + 2):
            share = min(1.0, max(0.0, (offset + ramp + 1) / (2 * ramp + 1)))
            faded[offset] = _weighted([moved(old, offset), moved(new, offset)], [1 - share, share])
        beyond = []
        for offset in range(-ramp - 1, ramp + 1):
            bend = combined(
                lambda a: abs(a["l"] - 2.0 * a["c"] + a["r"]) - a["w"],
                l=faded[offset - 1],
                c=faded[offset],
                r=faded[offset + 1],
                w=moved(self._bends, offset),
            )
            beyond.append(combined(lambda a: a["max"](a["v"], 0.0) ** 3 * (1.0 / SEEN_BEND**2), v=bend))
        return _weighted(beyond, [1.0] * len(beyond))


def _bend(level: Image.Image) -> Image.Image:
    """|left - 2 centre + right| along the rows of an image of mode F, same size; wrong in the outermost columns."""
    return combined(
        lambda a: abs(a["l"] - 2.0 * a["c"] + a["r"]), l=moved(level, -1), c=level, r=moved(level, 1)
    )


def _visible(error: Image.Image) -> Image.Image:
    """e * e² / (e² + _VISIBLE_LEVELS²): a hundred differences that nobody sees do not outweigh one that all see."""
    return combined(lambda a: a["e"] ** 3 / (a["e"] ** 2 + _VISIBLE_LEVELS**2), e=error)


def _weighted(fields: Sequence[Image.Image], weights: Sequence[float]) -> Image.Image:
    """The weighted sum of images of mode F and one size."""
    total = combined(lambda a: a["v"] * weights[0], v=fields[0])
    for field, weight in zip(fields[1:], weights[1:], strict=True):
        total = combined(lambda a: a["t"] + a["v"] * weight, t=total, v=field)  # noqa: B023 (used at once)
    return total


def _whole_numbers(costs: Image.Image, least: int = 0) -> list[list[int]]:
    """The rows of an image of mode F, in whole _STEPS, and `least` more."""
    return _rows(combined(lambda a: a["int"](a["v"] * float(_STEPS) + 0.5) + least, v=costs))


def _rows(image: Image.Image) -> list[list[Any]]:
    """The pixels of an image of mode I or F, row by row; three times as fast as `get_flattened_data`."""
    values, width = memoryview(image.tobytes()).cast("i" if image.mode == "I" else "f"), image.width
    return [values[start : start + width].tolist() for start in range(0, len(values), width)]
