"""Cropping and gluing; tests/contract tests that they agree in every mode and for every contract."""

from __future__ import annotations

import pytest
from PIL import Image

from exquisite.contract import Mode, TileContract
from exquisite.errors import CanvasError
from exquisite.geometry.enforcement import enforce_conditioning_half
from exquisite.geometry.tile_mode import extract_conditioning_band, glue, split_tile

SMALL = TileContract(64, 32, 16, 16)
RED, GREEN, BLUE = (200, 0, 0), (0, 200, 0), (0, 0, 200)


def striped(*colours: tuple[int, int, int]) -> Image.Image:
    """16 px wide, 64 px high stripes side by side."""
    picture = Image.new("RGB", (16 * len(colours), 64))
    for number, colour in enumerate(colours):
        picture.paste(colour, (16 * number, 0, 16 * number + 16, 64))
    return picture


def test_the_band_is_the_last_of_the_canvas_at_the_frontier() -> None:
    canvas = striped(RED, GREEN, BLUE, RED)
    assert extract_conditioning_band(canvas, "x_ltr", SMALL).tobytes() == striped(BLUE, RED).tobytes()
    assert extract_conditioning_band(canvas, "x_rtl", SMALL).tobytes() == striped(RED, GREEN).tobytes()


def test_a_tile_falls_into_its_two_halves() -> None:
    tile = striped(RED, GREEN, BLUE, RED)
    conditioning, generated = split_tile(tile, "x_ltr", SMALL)
    assert (conditioning.tobytes(), generated.tobytes()) == (
        striped(RED, GREEN).tobytes(),
        striped(BLUE, RED).tobytes(),
    )
    conditioning, generated = split_tile(tile, "x_rtl", SMALL)
    assert (conditioning.tobytes(), generated.tobytes()) == (
        striped(BLUE, RED).tobytes(),
        striped(RED, GREEN).tobytes(),
    )


def test_glue_pastes_overlap_and_advance() -> None:
    canvas, tile = striped(RED, RED, RED, RED), striped(GREEN, BLUE, GREEN, BLUE)
    assert glue(canvas, tile, "x_ltr", SMALL).tobytes() == striped(RED, RED, RED, BLUE, GREEN).tobytes()
    assert glue(canvas, tile, "x_rtl", SMALL).tobytes() == striped(BLUE, GREEN, RED, RED, RED).tobytes()


def test_inputs_are_not_changed() -> None:
    canvas, tile = striped(RED, RED, RED, RED), striped(GREEN, BLUE, GREEN, BLUE)
    before = canvas.tobytes(), tile.tobytes()
    glue(canvas, tile, "x_ltr", SMALL)
    enforce_conditioning_half(tile, extract_conditioning_band(canvas, "x_ltr", SMALL), "x_ltr", SMALL)
    assert (canvas.tobytes(), tile.tobytes()) == before


@pytest.mark.parametrize("mode", Mode)
class TestRefusals:
    def test_a_tile_of_another_size(self, mode: Mode) -> None:
        tile, band = Image.new("RGB", (64, 63)), Image.new("RGB", SMALL.band_size(mode))
        for call in (
            lambda: split_tile(tile, mode, SMALL),
            lambda: glue(Image.new("RGB", (64, 64)), tile, mode, SMALL),
            lambda: enforce_conditioning_half(tile, band, mode, SMALL),
        ):
            with pytest.raises(CanvasError, match="the tile is 64x63, the contract says 64x64"):
                call()

    def test_a_band_of_another_size(self, mode: Mode) -> None:
        with pytest.raises(CanvasError, match="cut it with extract_conditioning_band"):
            enforce_conditioning_half(Image.new("RGB", (64, 64)), Image.new("RGB", (64, 64)), mode, SMALL)

    def test_pictures_that_are_not_rgb(self, mode: Mode) -> None:
        rgb, rgba = Image.new("RGB", (64, 64)), Image.new("RGBA", (64, 64))
        for call in (
            lambda: extract_conditioning_band(rgba, mode, SMALL),
            lambda: split_tile(rgba, mode, SMALL),
            lambda: glue(rgba, rgb, mode, SMALL),
            lambda: glue(rgb, rgba, mode, SMALL),
        ):
            with pytest.raises(CanvasError, match="has mode RGBA, not RGB"):
                call()
