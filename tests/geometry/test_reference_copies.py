"""A tile that pastes a reference picture is told from one that continues the canvas."""

from __future__ import annotations

import pytest
from PIL import Image, ImageOps

from exquisite.api.mock.drift import random_drift, redraw
from exquisite.contract import Box, Mode, TileContract
from exquisite.geometry.reference_copies import copied_references
from tests.support.pictures import draw

CONTRACT = TileContract(128, 64, 32, 32)
HALF = CONTRACT.tile_frame("x_ltr").generated_half
REFERENCE = draw("painterly", (120, 100), 5)


def tile_with(pasted: Image.Image, at: tuple[int, int] = (0, 0), kind: str = "foliage") -> Image.Image:
    """A continued picture with something pasted into its generated half."""
    tile = draw(kind, (128, 128), 2)
    half = tile.crop(HALF)
    half.paste(pasted, at)
    tile.paste(half, HALF.origin)
    return tile


PLACED = {
    "its own size": tile_with(REFERENCE, (-15, 10)),
    "covering the half": tile_with(ImageOps.fit(REFERENCE, HALF.size)),
    "covering the tile": tile_with(ImageOps.fit(REFERENCE, (128, 128)).crop(HALF)),
}


@pytest.mark.parametrize("placed", PLACED)
def test_a_reference_is_found_wherever_a_model_would_place_it(placed: str) -> None:
    assert copied_references(PLACED[placed], [draw("ink", (100, 100), 1), REFERENCE], HALF, CONTRACT) == [1]


def test_a_copy_is_found_through_the_drift_of_a_model() -> None:
    tile = PLACED["covering the half"]
    drifted = redraw(tile, Box(0, 0, *tile.size), random_drift("smooth", "copy", 0.2))
    assert copied_references(drifted, [REFERENCE], HALF, CONTRACT) == [0]


@pytest.mark.parametrize("kind", ["facade", "hatching", "clouds"])
def test_a_true_continuation_is_no_copy_of_its_beginning(kind: str) -> None:
    """Hatching, bricks and facades repeat themselves, and so does what continues them."""
    picture = draw(kind, (320, 128), 4)
    beginning, tile = picture.crop((0, 0, 128, 128)), picture.crop((130, 0, 258, 128))
    assert copied_references(tile, [beginning], HALF, CONTRACT) == []


@pytest.mark.parametrize("mode", [Mode.X_RTL, Mode.Y_TTB])
def test_every_mode_looks_at_its_own_new_pixels(mode: Mode) -> None:
    frame = CONTRACT.tile_frame(mode)
    tile = draw("foliage", (128, 128), 2)
    tile.paste(ImageOps.fit(REFERENCE, frame.conditioning_half.size), frame.conditioning_half)
    assert copied_references(tile, [REFERENCE], frame.generated_half, CONTRACT) == []
    tile.paste(ImageOps.fit(REFERENCE, frame.generated_half.size), frame.generated_half)
    assert copied_references(tile, [REFERENCE], frame.generated_half, CONTRACT) == [0]


def test_nothing_resembles_an_empty_picture() -> None:
    blank = Image.new("RGB", (128, 128), "white")
    assert copied_references(blank, [blank, REFERENCE], HALF, CONTRACT) == []
    assert copied_references(draw("ink", (128, 128), 1), [blank, Image.new("RGB", (1, 1))], HALF, CONTRACT) == []


def test_a_tile_too_small_for_a_comparison_is_let_pass() -> None:
    tiny = TileContract(32, 16, 8, 8)
    tile = draw("mosaic", (32, 32), 1)
    assert copied_references(tile, [tile], tiny.tile_frame("x_ltr").generated_half, tiny) == []
