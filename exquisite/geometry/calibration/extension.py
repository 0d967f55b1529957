"""Extends a displacement from the conditioning half, where it is measured, into the generated half."""

from __future__ import annotations

import math

from ...contract import TileContract
from .displacement import Field
from .registration import Registration

__all__ = ["extended", "rim_px", "unmoved", "valid_box"]

_EXACT_PX = 0.05  # the placement is known to about .01 px; a row that lacks a twentieth of its source is complete
_TREND_PX = 96  # distance into the generated half over which the local displacement follows its slope at the seam


def extended(registration: Registration, contract: TileContract) -> Field:
    """The displacement over the whole canonical tile.

    Shift and zoom continue in the generated half. The local displacement continues from its value at the seam and adds
    s * r * (1 - e^(-x / r)) at the distance x, with its slope s at the seam and r = _TREND_PX.
    """
    step, seam = registration.block_px, contract.band_px
    along, across = contract.tile_px, contract.across_px
    before_seam = [float(x) for x in (*range(0, seam, step), seam)]
    behind_seam = [float(x) for x in (*range(seam + step, along, step), along)]
    ys = [float(y) for y in (*range(0, across, step), across)]
    nodes = []
    trends = registration.local.over((seam - step / 2, seam), ys)
    for y, row, (inner, at_seam) in zip(ys, registration.field(before_seam, ys).nodes, trends, strict=True):
        slope = [2 * (b - a) / step for a, b in zip(inner, at_seam, strict=True)]
        new = []
        for x in behind_seam:
            px, py = registration.placement.at(x, y)
            run = _TREND_PX * (1 - math.exp((seam - x) / _TREND_PX))
            new.append((px + at_seam[0] + slope[0] * run, py + at_seam[1] + slope[1] * run))
        nodes.append((*row, *new))
    return Field((*before_seam, *behind_seam), tuple(ys), tuple(nodes))


def unmoved(contract: TileContract) -> Field:
    """The field without displacement."""
    along, across = (0.0, float(contract.tile_px)), (0.0, float(contract.across_px))
    return Field.sampled(along, across, lambda _x, _y: (0.0, 0.0))


def valid_box(field: Field, contract: TileContract) -> tuple[int, int, int, int]:
    """The valid box: the part of the conditioning half with its source inside the raw tile; at least one pixel.

    Returns:
        (left, top, right, bottom), growth to the right.
    """
    before = max(-(field.xs[0] + row[0][0]) for row in field.nodes)
    above = max(-dy for _, dy in field.nodes[0])
    below = max(dy for _, dy in field.nodes[-1])
    left = min(contract.band_px - 1, _whole_px(before))
    top = min(contract.across_px - 1, _whole_px(above))
    bottom = max(top + 1, contract.across_px - _whole_px(below))
    return left, top, contract.band_px, bottom


def rim_px(field: Field, contract: TileContract) -> int:
    """The width of the widest rim of new pixels whose source lies beyond the raw tile: above, below or ahead."""
    seam, end = contract.band_px, contract.band_px + contract.advance_px
    columns = (seam, *(x for x in field.xs if seam < x < end), end)
    above = max(-field.at(x, 0)[1] for x in columns)
    below = max(field.at(x, contract.across_px)[1] for x in columns)
    ahead = max(end + field.at(end, y)[0] for y in field.ys) - contract.tile_px
    return _whole_px(max(above, below, ahead))


def _whole_px(beyond: float) -> int:
    """The number of rows or columns without a source, when the outermost source lies so far beyond the tile."""
    return max(0, math.ceil(beyond - _EXACT_PX))
