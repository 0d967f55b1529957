"""The trend: a drift is distinguished from chance, from small changes, and from the picture's own variation."""

from __future__ import annotations

import random

import pytest

from exquisite.geometry.measures.trend import LEAST_DRIFT, TRENDS, Trend, drifting, spread_of, trends_of
from tests.support.pictures import constant, draw

STEADY = dict.fromkeys(TRENDS, 0.01)


def series(steps: int, noise: float = 0.0, **rates: float) -> list[dict[str, float]]:
    """Drifts of so many steps: (1 + rate)^i - 1, and noise."""
    chance = random.Random(5)
    return [
        {name: (1 + rates.get(name, 0.0)) ** i - 1 + chance.gauss(0, noise) for name in TRENDS}
        for i in range(1, steps + 1)
    ]


def trend(name: str, drifts: list[dict[str, float]], spread: dict[str, float] = STEADY) -> Trend:
    return next(one for one in trends_of(drifts, spread) if one.name == name)


def test_a_steady_loss_is_found_with_its_size() -> None:
    contrast = trend("contrast", series(9, contrast=-0.01))
    assert contrast.clear
    assert contrast.change == pytest.approx(0.99**9 - 1, abs=1e-6)
    assert drifting(trends_of(series(9, contrast=-0.01), STEADY)) == "contrast -9 %"


def test_a_loss_is_found_through_noise_as_large_as_that_of_textures() -> None:
    assert trend("sharpness", series(9, 0.006, sharpness=-0.01)).clear


@pytest.mark.parametrize("seed_steps", [5, 9, 32])
def test_noise_alone_is_no_trend(seed_steps: int) -> None:
    assert drifting(trends_of(series(seed_steps, 0.03), STEADY)) == ""


def test_a_small_total_change_is_no_trend() -> None:
    rate = LEAST_DRIFT / 20
    assert not trend("contrast", series(9, contrast=-rate)).clear


def test_a_change_within_the_variation_of_the_seed_picture_is_no_trend() -> None:
    drifts = series(9, lightness=0.02)
    assert trend("lightness", drifts).clear
    assert not trend("lightness", drifts, STEADY | {"lightness": 0.1}).clear


@pytest.mark.parametrize("steps", [0, 1, 2, 4])
def test_few_steps_show_no_trend(steps: int) -> None:
    assert drifting(trends_of(series(steps, contrast=-0.2), STEADY)) == ""
    assert len(trends_of(series(steps), STEADY)) == (len(TRENDS) if steps else 0)


def test_equal_pieces_have_no_spread_and_an_absent_measure_has_spread_1() -> None:
    assert spread_of(constant((64, 16), (90, 90, 90)), "x_ltr", 16)["lightness"] == 0
    assert spread_of(constant((64, 16), (90, 90, 90)), "x_ltr", 16)["contrast"] == 1


def test_a_picture_that_changes_along_its_axis_has_more_spread_along_it() -> None:
    picture = draw("clouds", (256, 64), 3)
    darker = picture.copy()
    darker.paste(picture.crop((128, 0, 256, 64)).point(lambda level: level // 3), (128, 0))
    assert spread_of(darker, "x_ltr", 64)["lightness"] > 0.3
    assert spread_of(darker, "y_ttb", 16)["lightness"] < 0.2
