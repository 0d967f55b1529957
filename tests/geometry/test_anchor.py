"""The anchor corrects a share of the drift since the seed: nothing at the seam, little where content varies."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PIL import Image, ImageChops

from exquisite.contract import Mode, TileContract, from_canonical
from exquisite.errors import CanvasError
from exquisite.geometry.anchor import Anchor, Correction, anchored_tile
from exquisite.geometry.measures.signature import signature_of
from exquisite.geometry.measures.style import style_of
from exquisite.geometry.measures.trend import TRENDS
from exquisite.pixels import as_float, column_means
from tests.support.fading import restyled
from tests.support.pictures import draw

CONTRACT = TileContract(512, 128, 64, 320, across_px=192)
PICTURE = draw("foliage", (1024, 192), 5)
SEED = signature_of(PICTURE.crop((0, 0, 512, 192)))
STEADY = dict.fromkeys(TRENDS, 0.0)
TRUTH = PICTURE.crop((384, 0, 896, 192))
GROWTH = (128 + 64, 0, 128 + 320, 192)
"""Beyond the ramp."""


def faded(contrast: float, sharpness: float) -> Image.Image:
    """The true tile with its new half restyled."""
    tile = TRUTH.copy()
    tile.paste(restyled(TRUTH.crop((128, 0, 512, 192)), contrast, sharpness), (128, 0))
    return tile


def own_anchor(share: float) -> Anchor:
    """An anchor of which the true growth does not deviate at all."""
    return Anchor(share, signature_of(TRUTH.crop((128, 0, 448, 192))), STEADY)


def test_a_tile_without_deviation_is_left_alone() -> None:
    tile, correction = anchored_tile(TRUTH, "x_ltr", CONTRACT, own_anchor(1.0))
    assert correction == Correction()
    assert tile.tobytes() == TRUTH.tobytes()


@pytest.mark.parametrize("share", [0.25, 0.5, 1.0])
def test_a_share_of_lost_contrast_and_sharpness_is_restored(share: float) -> None:
    raw = faded(0.9, 0.9)
    tile, correction = anchored_tile(raw, "x_ltr", CONTRACT, own_anchor(share))
    assert correction.contrast == pytest.approx(0.9**-share, rel=0.02)
    assert correction.sharpness == pytest.approx(0.9**-share, rel=0.02)
    before, after, true = (style_of(one.crop(GROWTH)) for one in (raw, tile, TRUTH))
    for name in ("contrast", "sharpness"):
        gained = getattr(after, name) / getattr(before, name)
        assert gained == pytest.approx(0.9**-share, rel=0.25 * (0.9**-share - 1) + 0.005), name
    assert true.contrast * 1.01 >= after.contrast > before.contrast


def test_the_correction_moves_no_detail() -> None:
    """Black stripes of one pixel keep their columns; a half pasted a column aside would swap dark and light."""
    stripes = faded(0.8, 0.9)
    for x in range(128, 512, 2):
        stripes.paste((0, 0, 0), (x, 0, x + 1, 192))
    tile, correction = anchored_tile(stripes, "x_ltr", CONTRACT, own_anchor(0.25))
    assert correction != Correction()
    columns = column_means(as_float(tile.convert("L").crop((GROWTH[0], 0, *tile.size))))
    assert all(dark < light for dark, light in zip(columns[0::2], columns[1::2], strict=True))


def test_a_half_that_is_too_hard_is_softened() -> None:
    raw = faded(1.1, 1.1)
    tile, correction = anchored_tile(raw, "x_ltr", CONTRACT, own_anchor(0.5))
    assert correction.contrast < 1
    assert correction.sharpness < 1
    before, after = (style_of(one.crop(GROWTH)) for one in (raw, tile))
    assert after.contrast < before.contrast
    assert after.sharpness < before.sharpness


def test_the_band_and_the_first_column_stay_and_the_correction_fades_in() -> None:
    raw = faded(0.8, 0.8)
    tile, _ = anchored_tile(raw, "x_ltr", CONTRACT, own_anchor(0.5))
    left, _, _, _ = ImageChops.difference(tile, raw).getbbox() or (0, 0, 0, 0)
    assert left > CONTRACT.band_px
    first, second, third = column_means(as_float(ImageChops.difference(tile, raw).convert("L")).reduce((32, 1)))[4:7]
    assert first < second < third


def test_black_and_white_stay_when_contrast_is_taken_away() -> None:
    paper = TRUTH.copy()
    paper.paste((255, 255, 255), (300, 0, 340, 192))
    paper.paste((0, 0, 0), (340, 0, 380, 192))
    contrasty = replace(own_anchor(1.0), recent=[{**dict.fromkeys(TRENDS, 0.0), "contrast": 1.0}] * 7)
    tile, correction = anchored_tile(paper, "x_ltr", CONTRACT, replace(contrasty, spread=STEADY | {"contrast": 0.1}))
    assert correction.contrast < 1
    assert tile.getpixel((320, 90)) == (255, 255, 255)
    assert tile.getpixel((360, 90)) == (0, 0, 0)


def test_where_the_content_varies_as_much_little_is_corrected() -> None:
    strip = signature_of(faded(0.9, 1.0).crop((128, 0, 448, 192)))
    steady, varied = own_anchor(0.5), replace(own_anchor(0.5), spread=dict.fromkeys(TRENDS, 0.5))
    assert steady.correction(strip).contrast > 1.04
    assert varied.correction(strip).contrast == pytest.approx(1.0, abs=0.005)


def test_varied_content_is_judged_by_several_strips() -> None:
    """Seven strips before it were a tenth flatter, this one is not: the mean of all eight decides."""
    flat = [{**dict.fromkeys(TRENDS, 0.0), "contrast": -0.1}] * 7
    anchor = replace(own_anchor(1.0), recent=flat, spread=STEADY | {"contrast": 0.05})
    strip = signature_of(TRUTH.crop((128, 0, 448, 192)))
    assert anchor.correction(strip).contrast > 1.05
    assert replace(anchor, spread=STEADY).correction(strip).contrast == 1.0


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.invariant("MODES-EQUAL")
def test_every_mode_is_growth_to_the_right_turned(mode: Mode) -> None:
    raw = faded(0.9, 0.9)
    right, _ = anchored_tile(raw, "x_ltr", CONTRACT, own_anchor(0.5))
    turned, _ = anchored_tile(from_canonical(raw, mode), mode, CONTRACT, own_anchor(0.5))
    assert turned.tobytes() == from_canonical(right, mode).tobytes()


def test_a_flat_half_is_no_error() -> None:
    flat = Image.new("RGB", (512, 192), (90, 90, 90))
    tile, _ = anchored_tile(flat, "x_ltr", CONTRACT, own_anchor(0.5))
    assert tile.size == flat.size


def test_another_size_is_refused() -> None:
    with pytest.raises(CanvasError, match="the tile is 512x192"):
        anchored_tile(TRUTH, "y_ttb", CONTRACT, own_anchor(0.5))
