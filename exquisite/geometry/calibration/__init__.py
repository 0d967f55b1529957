"""Measures the drift of a redrawn band and undoes it in the whole tile."""

from .calibrate import (
    CLEAR_FALL,
    FIDELITY_FLOOR,
    FILTER_MAY_COST,
    LEAST_KEPT,
    LOCAL_FALL,
    STAGES,
    Calibration,
    calibrate_tile,
)
from .closing import calibrate_closing_tile

__all__ = [
    "CLEAR_FALL",
    "FIDELITY_FLOOR",
    "FILTER_MAY_COST",
    "LEAST_KEPT",
    "LOCAL_FALL",
    "STAGES",
    "Calibration",
    "calibrate_closing_tile",
    "calibrate_tile",
]
