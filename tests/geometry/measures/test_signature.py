"""The signature: octaves and palette beside the five measures of style, and the distance of two signatures."""

from __future__ import annotations

import json

import pytest
from PIL import Image, ImageFilter

from exquisite import Mode
from exquisite.contract import from_canonical
from exquisite.errors import CanvasError
from exquisite.geometry.measures.signature import OCTAVES_PX, Signature, signature_of
from tests.support.pictures import checker, constant, draw

PICTURE = draw("foliage", (128, 128), 1)


def test_a_checker_has_its_energy_in_the_octave_of_its_fields() -> None:
    """Fields of n px: the mean over 2n x 2n px is grey, 127.5 levels from every pixel."""
    for octave, size in enumerate(OCTAVES_PX[:3]):
        energies = signature_of(checker((64, 64), size)).octaves
        assert max(energies) == energies[octave]
        assert energies[octave] == pytest.approx(127.5, rel=0.03)
        assert energies[octave + 1 :] == pytest.approx([0.0] * (len(OCTAVES_PX) - octave - 1), abs=1.0)


def test_the_palette_is_the_mean_colour() -> None:
    assert signature_of(constant((16, 16), (200, 30, 90))).palette == (200, 30, 90)


def test_no_picture_differs_from_itself() -> None:
    own = signature_of(PICTURE)
    assert set(own.drift_from(own).values()) == {0.0}


def test_a_flatter_copy_loses_contrast_and_no_octave() -> None:
    drift = signature_of(PICTURE.point(lambda level: 64 + level // 2)).drift_from(signature_of(PICTURE))
    assert drift["contrast"] == pytest.approx(-0.5, abs=0.01)
    assert [drift[f"octave_{size}"] for size in OCTAVES_PX[:3]] == pytest.approx([0.0] * 3, abs=0.02)


def test_a_softer_copy_loses_the_finest_octave_most() -> None:
    softer = signature_of(PICTURE.filter(ImageFilter.GaussianBlur(1)))
    drift = softer.drift_from(signature_of(PICTURE))
    assert drift["octave_1"] < drift["octave_2"] < drift["octave_4"] < 0


def test_another_tint_is_a_distance_of_palettes() -> None:
    grey, warm = (signature_of(constant((16, 16), colour)) for colour in ((120, 120, 120), (150, 120, 90)))
    assert warm.drift_from(grey)["palette"] == pytest.approx((30**2 + 30**2) ** 0.5 / 255, abs=1e-6)


def test_a_flat_picture_has_a_finite_drift_from_any_other() -> None:
    flat = signature_of(constant((16, 16), (0, 0, 0)))
    for one, other in ((flat, signature_of(PICTURE)), (signature_of(PICTURE), flat)):
        assert all(abs(value) < 1e6 for value in one.drift_from(other).values())


@pytest.mark.parametrize("mode", Mode)
def test_a_turned_picture_has_the_same_signature_in_its_mode(mode: Mode) -> None:
    turned = signature_of(from_canonical(PICTURE, mode), mode)
    assert turned == signature_of(PICTURE)


def test_a_signature_is_restored_from_its_record() -> None:
    own = signature_of(PICTURE)
    record = json.loads(json.dumps(own.as_dict()))
    assert Signature.from_record(record).as_dict() == own.as_dict()


def test_only_rgb_has_a_signature() -> None:
    with pytest.raises(CanvasError, match="mode L, not RGB"):
        signature_of(Image.new("L", (8, 8)))
