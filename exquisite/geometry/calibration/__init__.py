"""Measures the drift of a redrawn band and undoes it in the whole tile."""

from .calibrate import FIDELITY_FLOOR, FILTER_MAY_COST, LEAST_KEPT, STAGES, Calibration, calibrate_tile
from .closing import calibrate_closing_tile
from .colour_registration import LOCAL_FALL
from .holdout import CLEAR_FALL

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
