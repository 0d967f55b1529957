"""A displacement continues in the generated half: shift and zoom fully, the slope at the seam for a while."""

from __future__ import annotations

import math

import pytest

from exquisite.contract import CLASSIC, TileContract
from exquisite.geometry.calibration.displacement import Placement
from exquisite.geometry.calibration.extension import extended, rim_px, unmoved, valid_box
from exquisite.geometry.calibration.registration import Registration
from exquisite.geometry.calibration.spline import Spline, fit_spline

CONTRACT = TileContract(256, 128, 64, 64)
BLOCK_PX = 32
TREND_PX = 96
STILL = Placement((0.0, 0.0), (1.0, 1.0), (128.0, 128.0))
FLAT = Spline.flat((CONTRACT.band_px, CONTRACT.across_px), 64)


def sheared() -> Spline:
    """Over the conditioning half, 1 px up for every 32 px to the right: exact, since a slope bends nothing."""
    size = (CONTRACT.band_px, CONTRACT.across_px)
    points = [(x + 0.5, y + 0.5) for x in range(8, size[0], 16) for y in range(8, size[1], 16)]
    blocks = [(x, y, (1.0, 0.0, 1.0, 0.0, x / 32)) for x, y in points]
    return fit_spline(Spline.flat(size, 64), blocks, 0.01)


def test_a_slope_at_the_seam_fades_out_over_its_length() -> None:
    """It adds s r (1 - e^(-x / r)) to the value at the seam, r = 96 px: two thirds of s r at the distance r."""
    registration = Registration(STILL, sheared(), BLOCK_PX, ())
    field = extended(registration, CONTRACT)
    for ahead in (32, 64, 128):
        expected = CONTRACT.band_px / 32 + TREND_PX / 32 * (1 - math.exp(-ahead / TREND_PX))
        assert field.at(CONTRACT.band_px + ahead, 100)[1] == pytest.approx(expected, abs=0.02)
        assert field.at(CONTRACT.band_px + ahead, 100)[0] == pytest.approx(0, abs=0.02)
    assert field.at(64, 100)[1] == pytest.approx(2, abs=0.02)


def test_the_unmoved_field_has_no_displacement() -> None:
    field = unmoved(CONTRACT)
    assert field.at(0, 0) == field.at(200, 255) == (0, 0)


def test_the_largest_reframing_leaves_a_rim_that_is_permitted() -> None:
    """64 px down and 8 % larger: the last row of the new half lies 64 + .08 * 512 = 105 px below the redraw."""
    middle = (float(CLASSIC.band_px), CLASSIC.across_px / 2)
    placement = Placement((0.0, 64.0), (1.08, 1.08), middle)
    flat = Spline.flat((CLASSIC.band_px, CLASSIC.across_px), 64)
    field = extended(Registration(placement, flat, BLOCK_PX, ()), CLASSIC)
    assert rim_px(field, CLASSIC) == 105
    assert CLASSIC.max_rim_px >= 105


def test_shift_and_zoom_continue_to_the_end_of_the_tile() -> None:
    """A shift by (3, -2), and a zoom by 2 %: 2.56 px more at the end of the tile, 128 px behind the seam."""
    placement = Placement((3.0, -2.0), (1.02, 1.0), STILL.centre)
    field = extended(Registration(placement, FLAT, BLOCK_PX, ()), CONTRACT)
    assert field.xs == (*range(0, 257, BLOCK_PX),)
    for x, dx in ((0, 0.44), (128, 3), (160, 3.64), (256, 5.56)):
        assert field.at(x, 77) == pytest.approx((dx, -2))


def test_the_valid_box_leaves_out_what_a_shift_brings_in_from_beyond_the_tile() -> None:
    """At a shift of (-5, 2.5) the first 5 columns have no source, nor have the last 3 rows, one of them in part."""
    placement = Placement((-5.0, 2.5), (1.0, 1.0), STILL.centre)
    field = extended(Registration(placement, FLAT, BLOCK_PX, ()), CONTRACT)
    assert valid_box(field, CONTRACT) == (5, 0, CONTRACT.band_px, CONTRACT.across_px - 3)
    assert rim_px(field, CONTRACT) == 3
