"""Calibration of a closing tile: the drift differs at its two ends, and is interpolated between them."""

from __future__ import annotations

import math

import pytest
from PIL import Image, ImageChops, ImageStat

from exquisite.api.mock.drift import Drift, redraw
from exquisite.contract import Mode, TileContract, from_canonical
from exquisite.geometry.calibration import Calibration, calibrate, calibrate_closing_tile
from exquisite.geometry.calibration.closing import _placed
from exquisite.geometry.calibration.displacement import Field
from exquisite.geometry.closing import blended
from tests.support.pictures import draw

CONTRACT = TileContract(384, 128, 64, 128, across_px=128).closing
BOX = (32, 32, 32 + CONTRACT.tile_px, 32 + CONTRACT.across_px)
PICTURE = draw("cobbles", (BOX[2] + 32, BOX[3] + 32), 5)
TRUTH = PICTURE.crop(BOX)
BANDS = TRUTH.crop((0, 0, 128, 128)), TRUTH.crop((256, 0, 384, 128))
ZOOMED = Drift(shift=(1.5, -1.25), zoom=(1.01, 0.995), gamma=1.12)


def calibrate_both_ends(raw: Image.Image, mode: Mode = Mode.X_LTR) -> tuple[Calibration, Calibration]:
    first, second = (from_canonical(band, mode) for band in BANDS)
    return calibrate_closing_tile(from_canonical(raw, mode), (first, second), mode, CONTRACT)


def psnr(tile: Image.Image, left: int, right: int) -> float:
    """In dB, of the columns of the middle, without the rows that a shift leaves without a source."""
    box = (left, 8, right, CONTRACT.across_px - 8)
    rms = ImageStat.Stat(ImageChops.difference(tile.crop(box), TRUTH.crop(box))).rms
    return 10 * math.log10(255**2 / (sum(value * value for value in rms) / 3))


def test_each_end_has_its_own_displacement() -> None:
    near, far = calibrate_both_ends(redraw(PICTURE, BOX, ZOOMED))
    assert near.shift == pytest.approx((1.5 - 0.64, -1.25), abs=0.15)
    assert far.shift == pytest.approx((-1.5 - 0.64, -1.25), abs=0.15)  # mirrored: growth is to the left there
    assert near.tile is far.tile


def test_the_middle_is_as_exact_as_between_equal_ends() -> None:
    raw = redraw(PICTURE, BOX, ZOOMED)
    tile = calibrate_both_ends(raw)[0].tile
    for left in (128, 176, 224):
        assert psnr(tile, left, left + 32) > psnr(raw, left, left + 32) + 8


def test_a_change_of_tone_along_the_tile_is_corrected_along_it() -> None:
    dark, light = (redraw(PICTURE, BOX, Drift(gamma=gamma)) for gamma in (1.25, 0.8))
    raw = blended(dark, light, "x_ltr", CONTRACT)
    near, far = calibrate_both_ends(raw)
    assert near.stages == far.stages == ("tone",)
    for left in (128, 224):
        assert psnr(near.tile, left, left + 32) > 38 > 28 > psnr(raw, left, left + 32)
    assert psnr(near.tile, 128, 256) > 36


def too_light_below(picture: Image.Image) -> Image.Image:
    """`picture` two levels too dark above and two too light below, as no tone curve can correct it."""
    half = Image.new("RGB", (picture.width, picture.height // 2), (2, 2, 2))
    out = ImageChops.subtract(picture, Image.new("RGB", picture.size, (2, 2, 2)))
    out.paste(ImageChops.add(picture.crop((0, half.height, *picture.size)), half), (0, half.height))
    return out


def test_slow_variation_of_tone_is_undone_at_both_seams() -> None:
    """As on an ordinary tile from either end: the first new columns have the right tone, above and below."""
    raw = too_light_below(redraw(PICTURE, BOX, Drift(gamma=1.25)))
    near, far = calibrate_both_ends(raw)
    assert all("slow variation of tone undone" in end.reason for end in (near, far))
    for left in (128, 248):
        for top in (0, 96):
            box = (left, top, left + 8, top + 32)
            means = [ImageStat.Stat(tile.crop(box)).mean for tile in (near.tile, TRUTH)]
            assert means[0] == pytest.approx(means[1], abs=0.8)


def test_a_reason_mentions_no_correction_that_its_end_lacks() -> None:
    """Where the far end is exact, nothing is undone beside its seam."""
    raw = blended(too_light_below(redraw(PICTURE, BOX, Drift(gamma=1.25))), TRUTH, "x_ltr", CONTRACT)
    near, far = calibrate_both_ends(raw)
    assert "slow variation" in near.reason
    assert "slow variation" not in far.reason


def test_deep_bands_are_measured_next_to_their_seams(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = calibrate_both_ends(redraw(PICTURE, BOX, ZOOMED))
    monkeypatch.setattr(calibrate, "_MOST_MEASURED", 96 * CONTRACT.across_px)
    near, far = calibrate_both_ends(redraw(PICTURE, BOX, ZOOMED))
    for ours, theirs in zip((near, far), whole, strict=True):
        assert ours.shift == pytest.approx(theirs.shift, abs=0.1)
    assert psnr(near.tile, 128, 256) > psnr(whole[0].tile, 128, 256) - 2


def test_a_drift_at_one_end_is_corrected_there() -> None:
    raw = blended(TRUTH, redraw(PICTURE, BOX, Drift(gamma=0.8)), "x_ltr", CONTRACT)
    near, far = calibrate_both_ends(raw)
    assert near.applied
    assert far.applied
    assert psnr(near.tile, 224, 256) > psnr(raw, 224, 256) + 5


@pytest.mark.parametrize("ends", [(0.0, 4.0), (3.0, 1.0)])
@pytest.mark.parametrize("axis", [0, 1])
def test_halfway_between_the_ends_both_displacements_count_half(axis: int, ends: tuple[float, float]) -> None:
    """In the middle, columns or rows move by the mean of the displacements at the ends: two pixels."""
    edges = (0.0, float(CONTRACT.tile_px)), (0.0, float(CONTRACT.across_px))
    near, far = (Field(*edges, (((px, 0.0) if axis == 0 else (0.0, px),) * 2,) * 2) for px in ends)
    placed = _placed(TRUTH, near, far, CONTRACT)
    middle = CONTRACT.tile_px // 2
    here = placed.crop((middle - 1, 8, middle + 1, 96))
    away = []
    for px in range(5):
        dx, dy = (px, 0) if axis == 0 else (0, px)
        there = TRUTH.crop((middle - 1 + dx, 8 + dy, middle + 1 + dx, 96 + dy))
        away.append(sum(ImageStat.Stat(ImageChops.difference(here, there)).mean))
    assert min(range(5), key=away.__getitem__) == 2


@pytest.mark.invariant("MODES-EQUAL")
@pytest.mark.parametrize("mode", Mode)
def test_every_mode_is_the_one_to_the_right_turned(mode: Mode) -> None:
    raw = redraw(PICTURE, BOX, ZOOMED)
    right, turned = calibrate_both_ends(raw), calibrate_both_ends(raw, mode)
    assert turned[0].tile.tobytes() == from_canonical(right[0].tile, mode).tobytes()
    assert [one.as_dict() for one in turned] == [one.as_dict() for one in right]


@pytest.mark.invariant("CALIBRATION-SAFE")
def test_a_tile_without_drift_passes_byte_for_byte() -> None:
    near, far = calibrate_both_ends(TRUTH)
    assert not near.applied
    assert not far.applied
    assert near.tile.tobytes() == TRUTH.tobytes()


def test_an_exact_end_stays_unchanged() -> None:
    raw = blended(TRUTH, redraw(PICTURE, BOX, Drift(gamma=1.2)), "x_ltr", CONTRACT)
    near, far = calibrate_both_ends(raw)
    assert near.tile.crop((0, 0, 128, 128)).tobytes() == BANDS[0].tobytes()
    assert near.residual_after == 0
    assert far.residual_after < 0.3 * far.residual_before
