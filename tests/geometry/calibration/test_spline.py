"""The bending spline."""

import math

import pytest

from exquisite.geometry.calibration.spline import Spline, fit_spline

SIZE = (128, 256)


def points() -> list[tuple[float, float]]:
    return [(x + 0.5, y + 0.5) for x in range(8, 128, 16) for y in range(8, 256, 16)]


def fitted(displacement, stiffness: float) -> Spline:  # type: ignore[no-untyped-def]
    blocks = []
    for x, y in points():
        dx, dy = displacement(x, y)
        blocks.append((x, y, (2.0, 0.5, 1.0, 2.0 * dx + 0.5 * dy, 0.5 * dx + dy)))
    return fit_spline(Spline.flat(SIZE, 64), blocks, stiffness)


def test_the_flat_spline_is_zero_everywhere_and_beyond() -> None:
    flat = Spline.flat(SIZE, 64)
    assert flat.at(0, 0) == flat.at(128, 256) == flat.at(-5, 300) == (0, 0)
    assert flat.cell_px == (64, 64)


@pytest.mark.parametrize("stiffness", [0.01, 1e6])
def test_shift_zoom_and_shear_bend_nothing(stiffness: float) -> None:
    def affine(x: float, y: float) -> tuple[float, float]:
        return 1 + 0.02 * x - 0.01 * y, -2 + 0.03 * y

    spline = fitted(affine, stiffness)
    for x, y in ((0, 0), (64, 100), (128, 256)):
        assert spline.at(x, y) == pytest.approx(affine(x, y), abs=0.02)


def test_a_slow_wave_is_followed_and_a_stiff_spline_flattens_it() -> None:
    def wave(x: float, y: float) -> tuple[float, float]:
        return 3 * math.sin(math.tau * y / 256), 0.0

    assert fitted(wave, 1e-3).at(64, 64)[0] == pytest.approx(3, abs=0.1)
    assert abs(fitted(wave, 1e6).at(64, 64)[0]) < 1.5


def test_the_error_is_measured_about_the_present_displacement() -> None:
    first = fitted(lambda x, y: (2.0, 1.0), 1e-3)
    settled = fit_spline(first, [(x, y, (2.0, 0.5, 1.0, 0.0, 0.0)) for x, y in points()], 1e-3)
    assert settled.at(64, 128) == pytest.approx((2, 1), abs=1e-3)


def test_a_refined_spline_is_the_same_displacement() -> None:
    spline = fitted(lambda x, y: (x * y / 5000, math.sin(y / 30)), 1e-3)
    fine = spline.refined()
    assert fine.cell_px == (32, 32)
    for x, y in ((0, 0), (17, 33), (64, 128), (100, 201), (128, 256)):
        assert fine.at(x, y) == pytest.approx(spline.at(x, y))


def test_along_one_axis_only_the_other_component_is_zero() -> None:
    spline = fitted(lambda x, y: (x / 50, y / 40), 1e-3)
    x, y = spline.at(70, 90)
    assert spline.along((True, False)).at(70, 90) == pytest.approx((x, 0))
    assert spline.along((False, True)).at(70, 90) == pytest.approx((0, y))
    assert spline.along((True, True)) is spline


def test_grid_and_point_agree() -> None:
    spline = fitted(lambda x, y: (x * y / 5000, y * y / 9000), 1e-3)
    assert spline.over((3, 77), (9, 200))[1][0] == pytest.approx(spline.at(3, 200))
