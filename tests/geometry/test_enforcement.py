"""Enforcement puts back every pixel of the band, and changes no other pixel."""

from __future__ import annotations

import pytest
from PIL import Image, ImageChops

from exquisite.contract import Mode, TileContract
from exquisite.errors import CanvasError
from exquisite.geometry.enforcement import enforce_conditioning_half, require_band
from exquisite.geometry.tile_mode import split_tile

SMALL = TileContract(64, 20, 8, 30)


@pytest.mark.invariant("BAND-ENFORCED")
@pytest.mark.parametrize("mode", Mode)
def test_the_band_replaces_the_conditioning_half_and_nothing_else(mode: Mode) -> None:
    tile = Image.effect_noise((64, 64), 40).convert("RGB")
    band = Image.radial_gradient("L").resize(SMALL.band_size(mode)).convert("RGB")
    conditioning, generated = split_tile(enforce_conditioning_half(tile, band, mode, SMALL), mode, SMALL)
    assert conditioning.tobytes() == band.tobytes()
    assert generated.tobytes() == split_tile(tile, mode, SMALL)[1].tobytes()


def test_the_input_tile_is_not_changed() -> None:
    tile = Image.new("RGB", (64, 64), "red")
    enforced = enforce_conditioning_half(tile, Image.new("RGB", (20, 64), "blue"), "x_ltr", SMALL)
    assert tile.getcolors() == [(64 * 64, (255, 0, 0))]
    assert ImageChops.difference(tile, enforced).getbbox() == (0, 0, 20, 64)


def test_a_band_lies_in_the_orientation_of_its_mode() -> None:
    assert require_band(Image.new("RGB", (64, 20)), "y_btt", SMALL).size == (64, 20)
    with pytest.raises(CanvasError, match="the band is 20x64, growth in y_btt needs 64x20"):
        require_band(Image.new("RGB", (20, 64)), "y_btt", SMALL)
    with pytest.raises(CanvasError, match="the band has mode L, not RGB"):
        require_band(Image.new("L", (64, 20)), "y_btt", SMALL)
