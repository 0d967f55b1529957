"""The damages of the seam benchmark: right size, repeatable, and what their names say."""

import random

import pytest
from PIL import Image, ImageChops, ImageStat

from tests.benchmarks.damages import DAMAGES, Damage, Scene
from tests.support.pictures import draw, noise

SEAM, STRIP, HEIGHT = 260, 64, 128
PICTURE = draw("diagonals", (512, HEIGHT), 3)
BY_NAME = {damage.name: damage for damage in DAMAGES}


def scene(seed: int = 1) -> Scene:
    return Scene(PICTURE, SEAM, STRIP, noise((STRIP, HEIGHT), 9), random.Random(seed))


def truth(dx: int = 0, dy: int = 0) -> Image.Image:
    return PICTURE.crop((SEAM + dx, dy, SEAM + dx + STRIP, dy + HEIGHT))


def make(name: str, strength: float, seed: int = 1) -> Image.Image:
    return BY_NAME[name].make(scene(seed), strength)


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.name)
def test_every_strength_is_an_rgb_strip_unlike_the_truth_and_repeatable(damage: Damage) -> None:
    assert set(damage.visible) <= set(damage.strengths)
    assert len(set(damage.strengths)) > 1 or damage.name.startswith("another")
    for strength in damage.strengths:
        strip = damage.make(scene(), strength)
        assert (strip.mode, strip.size) == ("RGB", (STRIP, HEIGHT))
        assert strip.tobytes() != truth().tobytes()
        assert strip.tobytes() == damage.make(scene(), strength).tobytes()


def test_stronger_is_farther_from_the_truth() -> None:
    for name in ("gamma", "contrast loss", "blur", "noise", "jpeg", "sharpening", "stroke thickening"):
        damage = BY_NAME[name]
        errors = [
            sum(ImageStat.Stat(ImageChops.difference(damage.make(scene(), strength), truth())).rms)
            for strength in damage.strengths
        ]
        assert errors == sorted(errors), name


def test_a_gap_leaves_columns_out() -> None:
    assert make("gap", 6).tobytes() == truth(dx=6).tobytes()


def test_a_mirrored_band_is_mirrored_at_the_seam() -> None:
    before = PICTURE.crop((SEAM - STRIP, 0, SEAM, HEIGHT))
    assert make("mirrored band", 0).tobytes() == before.transpose(Image.Transpose.FLIP_LEFT_RIGHT).tobytes()


def test_a_copied_band_is_the_strip_before_the_seam() -> None:
    assert make("copied band", 1).tobytes() == PICTURE.crop((SEAM - STRIP, 0, SEAM, HEIGHT)).tobytes()


def test_a_smear_repeats_the_last_column() -> None:
    last = PICTURE.crop((SEAM - 1, 0, SEAM, HEIGHT))
    smear = make("smear", 1)
    assert all(smear.crop((x, 0, x + 1, HEIGHT)).tobytes() == last.tobytes() for x in range(STRIP))


def test_noise_has_the_requested_deviation() -> None:
    grey = Image.new("RGB", PICTURE.size, (128, 128, 128))
    strip = BY_NAME["noise"].make(Scene(grey, SEAM, STRIP, truth(), random.Random(1)), 8)
    assert ImageStat.Stat(strip).stddev == pytest.approx([8, 8, 8], rel=0.05)
    assert ImageStat.Stat(strip).mean == pytest.approx([128, 128, 128], abs=0.3)


def test_strokes_grow_dark_or_thin() -> None:
    mean = sum(ImageStat.Stat(truth()).mean)
    assert sum(ImageStat.Stat(make("stroke thickening", 100)).mean) < mean
    assert sum(ImageStat.Stat(make("stroke thinning", 100)).mean) > mean
