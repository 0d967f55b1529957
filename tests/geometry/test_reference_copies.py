"""A tile that pastes a reference picture is distinguished from one that continues the canvas."""

from __future__ import annotations

import pytest
from PIL import Image, ImageOps

from exquisite.api.mock.drift import random_drift, redraw
from exquisite.contract import Box, TileContract
from exquisite.geometry.reference_copies import CopySearch
from tests.support.pictures import checker, draw

CONTRACT = TileContract(80, 40, 20, 20)
HALF = CONTRACT.tile_frame("x_ltr").generated_half
REFERENCE = draw("painterly", (75, 62), 5)


def tile_with(pasted: Image.Image, at: tuple[int, int] = (0, 0), kind: str = "foliage") -> Image.Image:
    """A continued picture with something pasted into its generated half."""
    tile = draw(kind, (80, 80), 2)
    half = tile.crop(HALF)
    half.paste(pasted, at)
    tile.paste(half, HALF.origin)
    return tile


def copied(
    tile: Image.Image, references: list[Image.Image], area: Box = HALF, contract: TileContract = CONTRACT
) -> list[int]:
    """The numbers of the references that the new pixels of `tile` copy."""
    return CopySearch(references, area, contract).copied_in(tile)


PLACED = {
    "its own size": tile_with(REFERENCE, (-9, 6)),
    "covering the half": tile_with(ImageOps.fit(REFERENCE, HALF.size)),
    "covering the tile": tile_with(ImageOps.fit(REFERENCE, (80, 80)).crop(HALF)),
}


@pytest.mark.parametrize("placed", PLACED)
def test_a_reference_is_found_wherever_a_model_would_place_it(placed: str) -> None:
    assert copied(PLACED[placed], [draw("ink", (62, 62), 1), REFERENCE]) == [1]


def test_a_copy_is_found_through_the_drift_of_a_model() -> None:
    tile = PLACED["covering the half"]
    drifted = redraw(tile, Box(0, 0, *tile.size), random_drift("smooth", "copy", 0.2))
    assert copied(drifted, [REFERENCE]) == [0]


@pytest.mark.parametrize("kind", ["facade", "hatching", "clouds"])
def test_a_true_continuation_is_no_copy_of_its_beginning(kind: str) -> None:
    """Hatching, bricks and facades repeat themselves, and so does what continues them."""
    contract = TileContract(128, 64, 32, 32)  # with fewer samples a facade resembles itself as a copy does
    picture = draw(kind, (320, 128), 4)
    beginning, tile = picture.crop((0, 0, 128, 128)), picture.crop((130, 0, 258, 128))
    assert copied(tile, [beginning], contract.tile_frame("x_ltr").generated_half, contract) == []


@pytest.mark.parametrize("area", [HALF, Box(30, 0, 70, 80)], ids=["the generated half", "the middle of a loop"])
def test_only_new_pixels_are_compared(area: Box) -> None:
    tile = draw("foliage", (80, 80), 2)
    tile.paste(ImageOps.fit(REFERENCE, (area.left, 80)), (0, 0))
    assert copied(tile, [REFERENCE], area) == []
    tile.paste(ImageOps.fit(REFERENCE, area.size), area)
    assert copied(tile, [REFERENCE], area) == [0]


def test_nothing_resembles_an_empty_picture() -> None:
    blank = Image.new("RGB", (80, 80), "white")
    assert copied(blank, [blank, REFERENCE]) == []
    assert copied(draw("ink", (80, 80), 1), [blank, Image.new("RGB", (1, 1))]) == []


def test_a_tile_too_small_for_a_comparison_is_let_pass() -> None:
    tiny = TileContract(32, 16, 8, 8)
    tile = draw("mosaic", (32, 32), 1)
    assert copied(tile, [tile], tiny.tile_frame("x_ltr").generated_half, tiny) == []


def test_one_search_serves_every_candidate_of_a_step() -> None:
    search = CopySearch([REFERENCE], HALF, CONTRACT)
    tiles = [PLACED["its own size"], draw("foliage", (80, 80), 2), PLACED["covering the tile"]]
    assert [search.copied_in(tile) for tile in tiles] == [[0], [], [0]]


def test_references_of_different_sizes_are_distinguished() -> None:
    """They are compared at once; what lies beside a reference in that comparison is no part of it."""
    wide, high = draw("ink", (190, 25), 1), draw("pencil", (30, 120), 1)
    assert copied(PLACED["covering the half"], [wide, REFERENCE, high]) == [1]


def test_a_reference_that_repeats_itself_everywhere_cannot_be_copied() -> None:
    board = checker((80, 80), 8)
    assert copied(tile_with(board), [board]) == []


def test_detail_that_is_too_fine_for_the_first_look_is_no_copy_of_everything() -> None:
    """A pattern of single cells has no coarse samples at all."""
    assert copied(tile_with(checker((40, 80), 1)), [REFERENCE]) == []
