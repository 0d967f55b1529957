"""The kept share of the band: displaced strokes count as kept, other content does not."""

from __future__ import annotations

from functools import cache

import pytest
from PIL import Image

from exquisite.api.mock.drift import random_drift, redraw
from exquisite.geometry.calibration import LEAST_KEPT
from exquisite.geometry.calibration.blocks import BLOCK_PX
from exquisite.geometry.calibration.holdout import HoldoutResidual
from tests.support.pictures import draw

EDGE = 512
BORDER = 32
TEXTURES = ("hatching", "ink", "engraving", "pencil", "writing")


def part(scene: Image.Image) -> Image.Image:
    return scene.crop((BORDER, BORDER, BORDER + EDGE, BORDER + EDGE))


def scene_of(kind: str, seed: int) -> Image.Image:
    return draw(kind, (EDGE + 2 * BORDER, EDGE + 2 * BORDER), seed)


def kept_share(band: Image.Image, half: Image.Image) -> float:
    return HoldoutResidual(band, BLOCK_PX, [1.0] * (EDGE // BLOCK_PX) ** 2).kept_share(half)


@cache
def kept_anew(kind: str, seed: int) -> float:
    """The kept share of a redraw that draws every stroke anew, 2 px off."""
    scene = scene_of(kind, seed)
    half = redraw(scene, (BORDER, BORDER, BORDER + EDGE, BORDER + EDGE), random_drift("fine", f"cut:{kind}:{seed}"))
    return kept_share(part(scene), half)


@pytest.mark.parametrize("kind", TEXTURES)
@pytest.mark.parametrize("seed", [101, 102])
def test_a_redraw_with_every_stroke_anew_counts_as_kept(kind: str, seed: int) -> None:
    assert kept_anew(kind, seed) > 2 * LEAST_KEPT


@pytest.mark.parametrize(
    ("kind", "other"), [(kind, other) for kind in TEXTURES for other in ("writing", "hatching") if kind != other]
)
def test_another_picture_keeps_less_than_half_of_that(kind: str, other: str) -> None:
    assert kept_share(part(scene_of(kind, 101)), part(scene_of(other, 131))) < kept_anew(kind, 101) / 2


def test_from_a_column_on_all_blocks_count_and_none_before_it() -> None:
    """A half that differs only in its first columns has no residual from there on; fits leave out those after it."""
    band = scene_of("cobbles", 1).crop((0, 0, 128, 128))
    holdout = HoldoutResidual(band, 16, (1.0,) * 64)
    half = band.copy()
    half.paste((0, 0, 0), (0, 0, 64, 128))
    assert holdout.attainable(half) > 0
    assert holdout.attainable(half, 64) == 0
    assert holdout.attainable(half, 48) > 0
    assert holdout.before(64).getbbox()[2] <= 64  # type: ignore[index]
