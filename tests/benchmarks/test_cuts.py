"""The joins of `make bench-cut` do what they are called."""

from __future__ import annotations

import pytest
from PIL import ImageChops

from exquisite.contract import TileContract
from tests.benchmarks.joins import JOINS, Redrawn, last_known, measure
from tests.support import pictures

SMALL = TileContract(128, 64, 32, 48)


@pytest.fixture(scope="module")
def place() -> Redrawn:
    """A picture, and the same a row lower."""
    old = pictures.draw("ink", (128, 128), 5)
    return Redrawn(old, ImageChops.offset(old, 0, 1), SMALL)


@pytest.mark.parametrize("name", JOINS)
def test_a_join_is_old_before_the_zone_and_new_behind_it(name: str, place: Redrawn) -> None:
    joined = JOINS[name](place, 16)
    assert joined.tile.crop((0, 0, 48, 128)).tobytes() == place.old.crop((0, 0, 48, 128)).tobytes()
    assert joined.tile.crop((96, 0, 128, 128)).tobytes() == place.new.crop((96, 0, 128, 128)).tobytes()


def test_a_straight_join_of_strokes_that_were_moved_breaks_and_a_cross_fade_ghosts(place: Redrawn) -> None:
    straight, fade, cut = (measure(JOINS[name], place, 32) for name in ("straight", "cross-fade", "cut and ramp"))
    assert straight.broken > 0.1 > cut.broken
    assert straight.longest > cut.longest
    assert cut.mismatch < straight.mismatch
    assert fade.sharpness < 0.9 < cut.sharpness
    assert straight.residual > cut.residual
    assert measure(last_known, place, 32).mismatch == pytest.approx(straight.mismatch, rel=0.5)


def test_pictures_that_agree_cost_nothing() -> None:
    old = pictures.draw("foliage", (128, 128), 5)
    for join in JOINS.values():
        found = measure(join, Redrawn(old, old, SMALL), 16)
        assert (found.broken, found.longest, found.mismatch, found.sharpness) == (0, 0, 0, 1)
