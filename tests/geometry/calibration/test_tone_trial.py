"""Tone curves are a clear correction if the attainable residual falls, or that of block means among other strokes."""

from __future__ import annotations

import pytest
from PIL import Image, ImageChops

from exquisite.geometry.calibration.holdout import HoldoutResidual
from exquisite.geometry.calibration.tone_trial import ToneTrial
from tests.support.pictures import checker, constant

BLOCK_PX, EDGE = 16, 80
SIZE = (EDGE, EDGE)


def trial(tile: Image.Image, band: Image.Image, gain: float, offset: float) -> ToneTrial:
    """The trial of curves with `gain` and `offset`, in levels."""
    holdout = HoldoutResidual(band, BLOCK_PX, [1.0] * (EDGE // BLOCK_PX) ** 2)
    return ToneTrial(tile, (tuple(gain * level + offset for level in range(256)),) * 3, holdout)


def strokes(light: int, dark: int) -> Image.Image:
    """Squares of 8 px in two levels, the top left one dark."""
    return Image.merge("RGB", [checker(SIZE).getchannel(0).point([dark] * 128 + [light] * 128)] * 3)


def test_both_halves_and_both_residuals_are_those_without_and_with_the_curves() -> None:
    result = trial(constant(SIZE, (90,) * 3), constant(SIZE, (100,) * 3), 1, 7)
    assert [half.getpixel((0, 0)) for half in result.halves] == [(90,) * 3, (97,) * 3]
    assert result.tile.tobytes() == result.halves[1].tobytes()
    assert result.attainable == result.tonal == pytest.approx((10, 3))


@pytest.mark.parametrize(("level", "clear"), [(0, False), (1, False), (2, True)])
def test_the_attainable_residual_must_fall_by_two_percent(level: int, clear: bool) -> None:
    assert trial(constant(SIZE, (0,) * 3), constant(SIZE, (75,) * 3), 1, level).is_clear() is clear


def test_among_other_strokes_the_residual_of_block_means_decides() -> None:
    """Dark squares where the band has light ones: their residual, 60 levels, hides 4 levels of tone.

    These fall to 0, which is .9 of 4 levels less 3.6.
    """
    other = ImageChops.offset(strokes(126, 66), 8, 0)
    correction = trial(other, strokes(130, 70), 1, 4)
    before, after = correction.attainable
    assert 0.98 * before < after < before
    assert correction.tonal == pytest.approx((4, 0))
    assert correction.is_clear(3.5)
    assert not correction.is_clear(3.7)


def test_a_risen_attainable_residual_is_no_correction_whatever_the_block_means() -> None:
    """Curves that make the redraw flat match the means, and lose the strokes."""
    flat = trial(strokes(126, 66), strokes(130, 70), 0, 100)
    assert flat.tonal == pytest.approx((4, 0))
    assert not flat.is_clear()
