"""The figures beside constants: what the command measures."""

from __future__ import annotations

import pytest

from exquisite.contract import CLASSIC, Mode
from tests.benchmarks import constants
from tests.benchmarks.constants import Redraw, kept_of_others, parts, render, tone_errors
from tests.benchmarks.real import Pair
from tests.support.pictures import constant, draw, noise

SIZE = CLASSIC.tile_size(Mode.X_LTR)


def test_an_error_of_tone_is_what_the_correction_leaves_of_ten_levels() -> None:
    """Of 8 columns of a reach of 128, the mean weight of the correction is (1 - 4/128)², a little more than .93."""
    errors = tone_errors(constant(SIZE, (110,) * 3), constant(SIZE, (100,) * 3))
    assert errors.pop(0) == 10
    assert set(errors) == set(constants.AVERAGED)
    assert all(error == pytest.approx(10 * (1 - (1 - 4 / 128) ** 2), abs=0.3) for error in errors.values())


def test_residuals_are_those_of_seams_that_nobody_can_see() -> None:
    tone = dict.fromkeys((0, *constants.AVERAGED), 1.0)
    rows = [Redraw("gradients", tone, seam=1.0, residual=1 + k / 100, refused=k > 96) for k in range(100)]
    figures = render([*rows, Redraw("ink", tone, seam=1.5, residual=9.0, refused=True)])
    assert "of the 100 whose seam nobody can see: 50% below 1.50, 90% below 1.90, 95% below 1.95" in figures
    assert "of these the gate refuses 3" in figures


def test_a_part_that_the_edit_changed_is_left_out() -> None:
    """The last quarter is another picture."""
    original, other = noise((256, 256), 1, 8), noise((256, 256), 2, 8)
    output = original.copy()
    output.paste(other.crop((128, 128, 256, 256)), (128, 128))
    names = [part.name for part in parts([Pair("pair", Mode.X_LTR, "", original, output)])]
    assert not any("(128, 128, 256, 256)" in name for name in names)
    assert len(names) >= 3


def test_a_picture_keeps_all_of_itself_and_nearly_nothing_of_another_one() -> None:
    one, other = draw("ink", (480, 480), 1), draw("foliage", (480, 480), 2)
    assert kept_of_others([one, one, other]) == [1, pytest.approx(0, abs=0.15), pytest.approx(0, abs=0.15)]
