"""Random crops of redraws: an exception of calibration is reported with the seed of its crop."""

import pytest

from exquisite.api.mock.drift import PROFILES
from tests.benchmarks import calibration_crops, real
from tests.support.redraws import REDRAWS


@pytest.fixture(autouse=True)
def _one_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibration_crops, "_PICTURES", calibration_crops._PICTURES[:1])


def test_a_picture_is_redrawn_in_every_profile() -> None:
    pairs = list(calibration_crops.pairs(0))
    assert [pair.name for pair in pairs] == [each.name for each in REDRAWS] + [f"picture {name}" for name in PROFILES]
    assert all(pair.original.size == pair.output.size == (384, 384) for pair in pairs)


def test_an_exception_names_its_seed_and_its_crop(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_arguments: object) -> None:
        raise ZeroDivisionError("no hold")

    monkeypatch.setattr(real, "calibrate_tile", broken)
    (only,) = calibration_crops.failures(1, seed=3)
    assert only.startswith("seed 3: ")
    assert only.endswith("ZeroDivisionError('no hold')")
