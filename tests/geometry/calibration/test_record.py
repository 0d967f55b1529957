"""The measurements of a calibration as they are recorded beside the tile."""

from __future__ import annotations

from exquisite.geometry.calibration import Calibration
from tests.support.pictures import constant


def test_numbers_are_recorded_with_six_decimals_however_deep_and_pairs_as_lists() -> None:
    third = 1 / 3
    calibration = Calibration(
        constant((4, 4)), True, "", fidelity=third, redraw_departures={"step": third}, tone=((third, 1.0), (2.0, third))
    )
    record = calibration.as_dict()
    assert record["fidelity"] == 0.333333
    assert record["redraw_departures"] == {"step": 0.333333}
    assert record["tone"] == [[0.333333, 1.0], [2.0, 0.333333]]
    assert record["sound"] == [0, 0, 0, 0]


def test_the_picture_is_not_recorded() -> None:
    assert "tile" not in Calibration(constant((4, 4)), False, "").as_dict()
