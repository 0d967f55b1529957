"""The constants of the cut, each varied by itself: for `make bench-cut`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from unittest.mock import patch

from exquisite.geometry import cut

from .joins import JOINS, Join, Joined, Redrawn

__all__ = ["CHOICES"]


def _with(**constants: Any) -> Join:
    """The cut with other constants of its module."""

    def join(place: Redrawn, zone_px: int) -> Joined:
        with patch.multiple(cut, **constants):
            result = JOINS["cut and ramp"](place, zone_px)
            return replace(result, reach=cut.RAMP_PX)

    return join


CHOICES: Mapping[str, Join] = {
    "as it is": JOINS["cut and ramp"],
    **{f"a bend weighs {weight}": _with(_BEND_WEIGHT=float(weight)) for weight in (10, 20, 80)},
    **{f"visible from {levels} levels": _with(_VISIBLE_LEVELS=float(levels)) for levels in (2, 4, 16)},
    **{f"a ramp of ±{columns} px": _with(RAMP_PX=columns, _MARGIN=columns + 2) for columns in (1, 2, 5)},
}
"""The cut as the package makes it, and with one constant changed."""
