"""Joins of old pixels and a redraw of the same place, and the measures of a join: for `make bench-cut`.

Everything grows to the right. `old` is a tile of which all is known, `new` its redraw; a join goes over from one to the
other in the last pixels before the seam, or at it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from PIL import Image, ImageChops

from exquisite.contract import Box, TileContract
from exquisite.geometry.cut import RAMP_PX, SEEN_BEND, Cut, find_cut, join_tile, straightened
from exquisite.geometry.enforcement import enforce_conditioning_half
from exquisite.geometry.feather import feather_tile
from exquisite.geometry.measures.seam_residual import seam_residual
from exquisite.pixels import absolute, as_float, combined, laplacian, mean, moved

__all__ = [
    "FEATHER_PX",
    "JOINS",
    "Joined",
    "Measures",
    "Redrawn",
    "last_known",
    "measure",
    "straight_at",
    "straight_cut",
]

FEATHER_PX = 32
_AROUND_PX = RAMP_PX + 3  # beside the zone, where a join may bend


@dataclass(frozen=True, eq=False)
class Redrawn:
    """A place in two pictures.

    Attributes:
        old: the tile as it is, RGB, known behind the seam, too.
        new: its calibrated redraw.
        contract: the sizes.
    """

    old: Image.Image
    new: Image.Image
    contract: TileContract

    @property
    def band(self) -> Image.Image:
        """The old pixels up to the seam."""
        return self.old.crop(self.contract.tile_frame("x_ltr").conditioning_half)

    @property
    def enforced(self) -> Image.Image:
        """The redraw with the band of the old picture."""
        return enforce_conditioning_half(self.new, self.band, "x_ltr", self.contract)


@dataclass(frozen=True, eq=False)
class Joined:
    """What a join made of a tile.

    Attributes:
        tile: old on the left, new on the right.
        cut: where one becomes the other.
        reach: columns on each side of the path whose pixels are of both.
    """

    tile: Image.Image
    cut: Cut
    reach: int


@dataclass(frozen=True)
class Measures:
    """What a join costs.

    Attributes:
        broken: share of rows that bend at the join by more than SEEN_BEND levels beyond what both pictures bend there.
        longest: length of the longest run of such rows.
        between_rows: share of rows that bend so much beside the path towards the rows above and below.
        mismatch: mean difference of both pictures at the two columns that the path separates, in levels.
        sharpness: of the zone, over that of the picture that each pixel of it shows, or of both where both show.
        residual: bend across the join over the usual bend; 1 is no seam.
    """

    broken: float
    longest: int
    between_rows: float
    mismatch: float
    sharpness: float
    residual: float


Join = Callable[[Redrawn, int], Joined]
"""(a place in two pictures, width of the zone) to the joined tile."""


def straight_cut(at: int, zone_px: int, rows: int) -> Cut:
    """A straight path."""
    return Cut((at,) * rows, zone_px, 0.0, 0.0, 0.0, 0.0)


def _straight(place: Redrawn, zone_px: int) -> Joined:
    return Joined(place.enforced, straight_cut(zone_px, zone_px, place.old.height), 0)


def _feathered(place: Redrawn, zone_px: int) -> Joined:
    enforced = place.enforced
    tile = feather_tile(enforced, place.new, place.band, "x_ltr", FEATHER_PX, place.contract)
    return Joined(tile, straight_cut(zone_px, zone_px, place.old.height), 0)


def _ramp(place: Redrawn, zone_px: int) -> Joined:
    cut = straight_cut(zone_px - RAMP_PX, zone_px, place.old.height)
    return Joined(join_tile(place.new, place.band, "x_ltr", cut, place.contract), cut, RAMP_PX)


def _cross_fade(place: Redrawn, zone_px: int) -> Joined:
    weights = bytes(255 * (2 * x + 1) // (2 * zone_px) for x in range(zone_px))
    box = place.contract.tile_frame("x_ltr").zone_in_tile(zone_px)
    mask = Image.frombytes("L", (zone_px, 1), weights).resize(box.size)
    return Joined(
        _composed(place, mask, box), straight_cut(zone_px // 2, zone_px, place.old.height), zone_px // 2 - 1
    )


def _cut(place: Redrawn, zone_px: int) -> Joined:
    cut = find_cut(place.new, place.band, "x_ltr", zone_px, place.contract)
    return Joined(join_tile(place.new, place.band, "x_ltr", cut, place.contract), cut, RAMP_PX)


def _cut_without_ramp(place: Redrawn, zone_px: int) -> Joined:
    return _hard(place, find_cut(place.new, place.band, "x_ltr", zone_px, place.contract))


def straight_at(at: int) -> Join:
    """The straight join before column `at` of the zone."""
    return lambda place, zone_px: _hard(place, straight_cut(at, zone_px, place.old.height))


def last_known(place: Redrawn, zone_px: int) -> Joined:
    """The straight join one column before the seam, the last whose two columns both pictures have."""
    return straight_at(zone_px - 1)(place, zone_px)


def _hard(place: Redrawn, cut: Cut) -> Joined:
    box = place.contract.tile_frame("x_ltr").zone_in_tile(cut.zone_px)
    rows = b"".join(bytes(at) + b"\xff" * (cut.zone_px - at) for at in cut.path)
    return Joined(_composed(place, Image.frombytes("L", box.size, rows), box), cut, 0)


def _composed(place: Redrawn, mask: Image.Image, box: Box) -> Image.Image:
    tile = place.enforced
    tile.paste(Image.composite(place.new.crop(box), place.old.crop(box), mask), box)
    return tile


JOINS: Mapping[str, Join] = {
    "straight": _straight,
    f"straight, feather {FEATHER_PX} px": _feathered,
    "straight, ramp": _ramp,
    "cross-fade": _cross_fade,
    "cut": _cut_without_ramp,
    "cut and ramp": _cut,
}
"""Every join by its name; the first three are the same for every zone."""


def measure(join: Join, place: Redrawn, zone_px: int) -> Measures:
    """The measures of a join at a place."""
    result = join(place, zone_px)
    broken = _broken_rows(result, place)
    frame = place.contract.tile_frame("x_ltr")
    tile = straightened(result.tile, "x_ltr", result.cut)
    return Measures(
        broken=sum(broken) / len(broken),
        longest=max((len(list(run)) for is_broken, run in groupby(broken) if is_broken), default=0),
        between_rows=_broken_between_rows(result, place),
        mismatch=_mismatch(result.cut, place),
        sharpness=_sharpness(result, place, frame.zone_in_tile(zone_px)),
        residual=seam_residual(tile.crop(frame.conditioning_half), tile.crop(frame.generated_half), "x_ltr"),
    )


def _sharpness(result: Joined, place: Redrawn, zone: Box) -> float:
    """Mean |Laplacian| of the zone, over that of old and new, each weighed by its share in every pixel."""
    new_tile, old, new = (_laplacians(tile, zone) for tile in (result.tile, place.old, place.new))
    share = as_float(_shares(result).crop((0, 1, result.cut.zone_px, result.tile.height - 1)))
    mixture = combined(lambda a: a["o"] + (a["n"] - a["o"]) * a["s"] * (1 / 255), o=old, n=new, s=share)
    there = mean(mixture)
    return mean(new_tile) / there if there else 1.0


def _laplacians(tile: Image.Image, zone: Box) -> Image.Image:
    """|Laplacian| of the luminance in the zone, without its first and last row, mode F."""
    levels = absolute(laplacian(as_float(tile.convert("L"))))
    return levels.crop((zone.left, zone.top + 1, zone.right, zone.bottom - 1))


def _shares(result: Joined) -> Image.Image:
    """The share of new in each pixel of the zone, mode L: 255 for all."""
    width, parts = result.cut.zone_px, 2 * result.reach + 1
    rows = {
        at: bytes(min(255, max(0, 255 * (x - at + result.reach + 1) // parts)) for x in range(width))
        for at in set(result.cut.path)
    }
    return Image.frombytes("L", (width, len(result.cut.path)), b"".join(rows[at] for at in result.cut.path))


def _broken_rows(result: Joined, place: Redrawn) -> list[bool]:
    """For each row whether it bends at the join beyond both pictures."""
    beyond = _beyond_both(result, place, ((-1, 0), (1, 0)))
    reach = result.reach
    return [
        max(row[_AROUND_PX + at - reach - 1 : _AROUND_PX + at + reach + 1]) > SEEN_BEND
        for row, at in zip(beyond, result.cut.path, strict=True)
    ]


def _broken_between_rows(result: Joined, place: Redrawn) -> float:
    """The share of rows that bend beyond both pictures towards the rows beside them, where the path passes."""
    beyond, path = _beyond_both(result, place, ((0, -1), (0, 1))), result.cut.path
    broken = 0
    for y, row in enumerate(beyond[1:-1], start=1):
        near = path[y - 1 : y + 2]
        first, last = min(near) - result.reach - 1, max(near) + result.reach + 1
        broken += max(row[_AROUND_PX + first : _AROUND_PX + last]) > SEEN_BEND
    return broken / (len(path) - 2)


def _beyond_both(result: Joined, place: Redrawn, sides: Sequence[tuple[int, int]]) -> list[tuple[float, ...]]:
    """The bend of the joined tile between neighbours beyond that of old and new, in the zone and _AROUND_PX beside."""
    left = place.contract.band_px - result.cut.zone_px - _AROUND_PX
    box = (left, 0, place.contract.band_px + result.reach + _AROUND_PX, place.old.height)
    bends, old, new = (_bends(tile.crop(box), sides) for tile in (result.tile, place.old, place.new))
    return _rows(combined(lambda a: a["m"] - a["max"](a["o"], a["n"]), m=bends, o=old, n=new))


def _bends(picture: Image.Image, sides: Sequence[tuple[int, int]]) -> Image.Image:
    """|one side - 2 centre + other side| of the luminance, mode F, same size; wrong in the outermost pixels."""
    level = as_float(picture.convert("L"))
    one, other = (moved(level, dx, dy) for dx, dy in sides)
    return combined(lambda a: abs(a["a"] - 2.0 * a["c"] + a["b"]), a=one, c=level, b=other)


def _mismatch(cut: Cut, place: Redrawn) -> float:
    start = place.contract.band_px - cut.zone_px - 1
    box = (start, 0, place.contract.band_px + 1, place.old.height)
    channels = ImageChops.difference(place.old.crop(box), place.new.crop(box)).split()
    rows = [_rows(as_float(channel)) for channel in channels]
    sums = (row[at] + row[at + 1] for channel in rows for row, at in zip(channel, cut.path, strict=True))
    return sum(sums) / (2 * len(rows) * len(cut.path))


def _rows(image: Image.Image) -> list[tuple[float, ...]]:
    values: tuple[float, ...] = image.get_flattened_data()  # type: ignore[assignment]
    return [values[start : start + image.width] for start in range(0, len(values), image.width)]
