"""Calibration corrects the drift of the band in the whole tile, and changes nothing that it cannot explain."""

import json
import math
from dataclasses import FrozenInstanceError, replace
from functools import lru_cache
from pathlib import Path

import pytest
from PIL import Image, ImageChops, ImageFilter

from exquisite.api.mock.drift import Drift, redraw
from exquisite.contract import CLASSIC, LONG, TALL, Mode, TileContract, from_canonical, to_canonical
from exquisite.errors import CanvasError
from exquisite.geometry.calibration import CLEAR_FALL, FIDELITY_FLOOR, Calibration, calibrate, calibrate_tile
from exquisite.geometry.calibration.calibrate import measured_contract
from exquisite.geometry.calibration.octaves import blurs
from exquisite.geometry.measures.redraw_error import NEW_PX, lost_detail, redraw_error
from exquisite.pixels import as_float, difference, mean, square
from tests.support import pictures
from tests.support.reading import extrema

CONTRACT = TileContract(256, 128, 64, 64)
MIDDLING = TileContract(512, 256, 128, 128)
SMALL = TileContract(64, 32, 16, 16)
BORDER = 48
DRIFT = Drift(shift=(3.25, -2.5), zoom=(1.01, 1.01), gamma=1.1, contrast=0.95, cast=(6, -4, 2), blur=0.5)


def scene(kind: str, drift: Drift, contract: TileContract = CONTRACT) -> tuple[Image.Image, Image.Image, Image.Image]:
    """(raw tile, band, truth), canonical."""
    raw, band, truth = _scene(kind, drift, contract)
    return raw.copy(), band.copy(), truth.copy()


@lru_cache(maxsize=32)
def _scene(kind: str, drift: Drift, contract: TileContract) -> tuple[Image.Image, Image.Image, Image.Image]:
    size = contract.tile_px
    picture = pictures.draw(kind, (size + 2 * BORDER, size + 2 * BORDER), 5)
    box = (BORDER, BORDER, BORDER + size, BORDER + size)
    truth = picture.crop(box)
    return redraw(picture, box, drift), truth.crop((0, 0, contract.band_px, size)), truth


def rms(a: Image.Image, b: Image.Image) -> float:
    counts = ImageChops.difference(a, b).histogram()
    return math.sqrt(sum((k % 256) ** 2 * n for k, n in enumerate(counts)) / sum(counts))


def beyond_the_seam(image: Image.Image, contract: TileContract = CONTRACT) -> Image.Image:
    margin = contract.tile_px // 8
    return image.crop((contract.band_px, margin, contract.band_px + contract.advance_px, contract.tile_px - margin))


@pytest.mark.parametrize("kind", ["cobbles", "ink", "foliage", "clouds"])
def test_the_generated_half_comes_back_to_the_truth(kind: str) -> None:
    raw, band, truth = scene(kind, DRIFT)
    calibration = calibrate_tile(raw, band, "x_ltr", CONTRACT)
    assert calibration.applied
    assert calibration.residual_after < 0.6 * calibration.residual_before
    assert rms(beyond_the_seam(calibration.tile), beyond_the_seam(truth)) < 0.4 * rms(
        beyond_the_seam(raw), beyond_the_seam(truth)
    )


@pytest.mark.parametrize("kind", ["engraving", "pencil"])
def test_a_slight_change_of_tone_is_corrected_among_displaced_strokes(kind: str) -> None:
    """The strokes are nearly all of the residual, which the curves lower by less than CLEAR_FALL."""
    raw, band, truth = scene(kind, Drift(contrast=0.97, fine_px=2.0, fine_cell_px=16, seed=5, noise=0.5))
    calibration = calibrate_tile(raw, band, "x_ltr", CONTRACT)
    assert "tone" in calibration.stages
    before, after, true = (beyond_the_seam(tile).reduce(16) for tile in (raw, calibration.tile, truth))
    assert rms(after, true) < 0.96 * rms(before, true)


def test_a_deep_band_is_measured_next_to_the_seam_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """The outer columns of the conditioning half stay as they came; the generated half comes back all the same."""
    monkeypatch.setattr(calibrate, "_MOST_MEASURED", 96 * CONTRACT.across_px)
    raw, band, truth = scene("cobbles", DRIFT)
    calibration = calibrate_tile(raw, band, "x_ltr", CONTRACT)
    assert calibration.tile.crop((0, 0, 32, 256)).tobytes() == raw.crop((0, 0, 32, 256)).tobytes()
    assert calibration.sound[0] >= 32
    assert rms(beyond_the_seam(calibration.tile), beyond_the_seam(truth)) < 0.4 * rms(
        beyond_the_seam(raw), beyond_the_seam(truth)
    )
    monkeypatch.undo()
    whole = calibrate_tile(raw, band, "x_ltr", CONTRACT)
    assert calibration.shift == pytest.approx(whole.shift, abs=0.05)


def test_the_overlap_of_the_patch_is_always_measured() -> None:
    assert measured_contract(CLASSIC) == CLASSIC
    assert measured_contract(LONG) == LONG
    assert (measured_contract(TALL).band_px, measured_contract(TALL).tile_px) == (512, 1536)
    assert measured_contract(TileContract(4096, 2048, 1024, 512)).band_px == 1024


def test_the_drift_is_reported() -> None:
    raw, band, _ = scene("cobbles", DRIFT)
    calibration = calibrate_tile(raw, band, "x_ltr", CONTRACT)
    size = CONTRACT.tile_px
    x, y = DRIFT.landing(BORDER + 128, BORDER + 128, (BORDER, BORDER, BORDER + size, BORDER + size))
    assert calibration.shift == pytest.approx((x - 128, y - 128), abs=0.05)
    assert calibration.scale == pytest.approx((1.01, 1.01), abs=0.002)
    assert calibration.softness > 1.2
    assert len(calibration.tone) == 3
    assert calibration.kept > 0.3
    assert json.loads(json.dumps(calibration.as_dict()))["applied"] is True
    assert "tile" not in calibration.as_dict()


FRUIT = Path(__file__).parents[3] / "fixtures" / "pictures" / "fruit.jpg"


def flat_areas(drift: Drift) -> tuple[Image.Image, Image.Image]:
    """(raw tile, band) of a picture in flat colours: little texture, and edges that a wrong tone seems to move."""
    with Image.open(FRUIT) as image:
        picture = image.convert("RGB")
    left, size = 1200, CLASSIC.tile_px
    around = picture.crop((left - BORDER, 0, left + size + BORDER, size))
    box = (BORDER, 0, BORDER + size, size)
    return redraw(around, box, drift), around.crop((BORDER, 0, BORDER + CLASSIC.band_px, size))


@pytest.mark.parametrize("seed", [1, 4])
def test_flat_areas_in_another_tone_are_not_moved(seed: int) -> None:
    drift = Drift.random(seed)
    calibration = calibrate_tile(*flat_areas(drift), "x_ltr")
    x, y = drift.landing(BORDER + 512, 512, (BORDER, 0, BORDER + 1024, 1024))
    assert calibration.local_px == (0, 0)
    assert calibration.shift == pytest.approx((x - 512, y - 512), abs=0.1)


@pytest.mark.parametrize("seed", [2, 3, 5])
def test_hatching_is_not_bent_where_the_model_only_moved_it(seed: int) -> None:
    raw, band, _ = scene("hatching", Drift.random(seed), MIDDLING)
    assert calibrate_tile(raw, band, "x_ltr", MIDDLING).local_px == (0, 0)


def test_a_local_displacement_is_corrected() -> None:
    raw, band, _ = scene("cobbles", replace(DRIFT, warp_px=2), MIDDLING)
    calibration = calibrate_tile(raw, band, "x_ltr", MIDDLING)
    assert max(calibration.local_px) > 1
    assert calibration.residual_after < 0.25 * calibration.residual_before


def test_the_error_of_a_bent_redraw_is_that_of_the_columns_beside_the_seam() -> None:
    raw, band, _ = scene("cobbles", replace(DRIFT, warp_px=2), MIDDLING)
    calibration = calibrate_tile(raw, band, "x_ltr", MIDDLING)
    assert "bend" in calibration.stages
    left, top, seam, bottom = calibration.sound
    tile = calibration.tile
    redraw_of_band, new = tile.crop(calibration.sound), tile.crop((seam, top, seam + NEW_PX, bottom))
    beside = redraw_error(redraw_of_band, band.crop(calibration.sound), left, None)
    assert calibration.redraw_error == pytest.approx(beside * lost_detail(redraw_of_band, new))


@pytest.mark.parametrize("kind", ["diagonals", "painterly", "night", "clouds"])
def test_strokes_drawn_anew_cause_no_displacement(kind: str) -> None:
    """Each stroke is displaced in a direction of its own: no placement and no bend holds in the generated half."""
    raw, band, truth = scene(kind, Drift(fine_px=2, fine_cell_px=32, seed=1), MIDDLING)
    calibration = calibrate_tile(raw, band, "x_ltr", MIDDLING)
    assert not {"place", "bend"} & set(calibration.stages)
    after, before = (_blurred_rms(tile, truth) for tile in (calibration.tile, raw))
    assert after < 1.01 * before


def _blurred_rms(tile: Image.Image, truth: Image.Image) -> float:
    """The RMS difference of the generated halves at the scale at which models keep detail."""
    blur = ImageFilter.GaussianBlur(2)
    return rms(*(beyond_the_seam(image.filter(blur), MIDDLING) for image in (tile, truth)))


@pytest.mark.parametrize("kind", ["facade", "writing", "night", "roof"])
def test_strokes_drawn_anew_keep_their_energy(kind: str) -> None:
    """Detail that lies beside its place is softened by no fit, and flat areas beside it hold it back no more."""
    raw, band, truth = scene(kind, Drift(fine_px=2, fine_cell_px=16, blur=0.3, seed=2), MIDDLING)
    tile = calibrate_tile(raw, band, "x_ltr", MIDDLING).tile
    energies = [_fine_energy(beyond_the_seam(image, MIDDLING)) for image in (raw, tile, truth)]
    assert energies[0] < 0.75 * energies[2]
    assert 0.8 * energies[2] < energies[1] < 1.15 * energies[2]


def _fine_energy(image: Image.Image) -> float:
    """Mean square of the structures finer than about 4 px, away from the rim."""
    sharp, soft = blurs(as_float(image.convert("L")), 1)
    return mean(square(difference(sharp, soft)).crop((2, 2, image.width - 2, image.height - 2)))


@pytest.mark.parametrize("kind", ["ink", "painterly", "pencil"])
def test_the_levels_of_the_band_are_preserved_so_that_no_canvas_fades(kind: str) -> None:
    raw, band, _ = scene(kind, replace(DRIFT, blur=0.6))
    calibration = calibrate_tile(raw, band, "x_ltr", CONTRACT)
    inner = (8, 24, 120, 232)
    for a, b in zip(calibration.tile.crop(inner).split(), band.crop(inner).split(), strict=True):
        for share in (0.02, 0.1, 0.9, 0.98):
            assert abs(quantile(a, share) - quantile(b, share)) <= 5


def quantile(channel: Image.Image, share: float) -> int:
    counts = channel.histogram()
    return next(level for level in range(256) if sum(counts[: level + 1]) >= share * sum(counts))


def test_a_tile_without_drift_is_passed_on_byte_for_byte() -> None:
    raw, band, truth = scene("cobbles", Drift())
    calibration = calibrate_tile(raw, band, "x_ltr", CONTRACT)
    assert calibration.tile is raw
    assert raw.tobytes() == truth.tobytes()
    assert not calibration.applied
    assert (calibration.rim_px, calibration.fidelity, calibration.residual_before) == (0, 1.0, 0.0)


def test_sharpness_is_corrected_in_part_where_the_whole_correction_would_harm() -> None:
    """The conditioning half alone is soft: the kernel that it asks for would amplify the detail of the other half."""
    raw, band, _ = scene("cobbles", Drift(shift=(1.3, 0.6), cast=(6, -4, 2)))
    raw.paste(raw.filter(ImageFilter.GaussianBlur(0.7)).crop((0, 0, *band.size)), (0, 0))
    calibration = calibrate_tile(raw, band, "x_ltr", CONTRACT)
    assert "sharpness" in calibration.stages
    assert 1.3 < calibration.softness < 2.2  # all of it: 2.8


@pytest.mark.parametrize("noise", [0.5, 2.0])
def test_mere_noise_is_no_drift(noise: float) -> None:
    raw, band, _ = scene("cobbles", Drift(noise=noise, seed=2))
    calibration = calibrate_tile(raw, band, "x_ltr", CONTRACT)
    assert calibration.tile is raw
    assert not calibration.applied


@pytest.mark.parametrize("mode", list(Mode))
def test_every_mode_gives_the_same_pixels(mode: Mode) -> None:
    raw, band, _ = scene("ink", DRIFT)
    canonical = calibrate_tile(raw, band, "x_ltr", CONTRACT)
    turned = calibrate_tile(from_canonical(raw, mode), from_canonical(band, mode), mode, CONTRACT)
    assert to_canonical(turned.tile, mode).tobytes() == canonical.tile.tobytes()
    assert turned.as_dict() == canonical.as_dict()


def test_tone_alone_is_corrected_without_a_resampling() -> None:
    raw, band, truth = scene("cobbles", Drift(cast=(8, -6, 4)))
    calibration = calibrate_tile(raw, band, "x_ltr", CONTRACT)
    assert calibration.applied
    inside = truth.point([v if 8 <= v <= 247 else 128 for v in range(256)] * 3)
    wrong = ImageChops.difference(calibration.tile, truth)
    unclipped = ImageChops.difference(inside, truth).point([255 * (v == 0) for v in range(256)] * 3)
    assert max(high for _, high in extrema(ImageChops.multiply(wrong, unclipped))) <= 1


def test_another_picture_stays_unchanged_and_counts_as_unexplained() -> None:
    _, band, _ = scene("foliage", Drift())
    raw, _, _ = scene("facade", Drift())
    calibration = calibrate_tile(raw, band, "x_ltr", CONTRACT)
    assert calibration.tile is raw
    assert not calibration.applied
    assert calibration.kept < 0.25
    true, _, _ = scene("foliage", DRIFT)
    assert calibration.fidelity < FIDELITY_FLOOR < calibrate_tile(true, band, "x_ltr", CONTRACT).fidelity


def test_the_rest_counts_where_half_of_the_band_was_drawn_anew() -> None:
    raw, band, truth = scene("cobbles", DRIFT)
    raw.paste(pictures.draw("foliage", (128, 96), 8), (0, 160))
    calibration = calibrate_tile(raw, band, "x_ltr", CONTRACT)
    assert calibration.applied
    upper = (128, 24, 192, 150)
    assert rms(calibration.tile.crop(upper), truth.crop(upper)) < 0.5 * rms(raw.crop(upper), truth.crop(upper))


@pytest.mark.parametrize("shift", [(0.0, 9.0), (0.0, -9.0), (-9.0, 0.0), (9.0, 9.0)])
def test_no_calibration_leaves_a_black_rim(shift: tuple[float, float]) -> None:
    picture = pictures.draw("clouds", (352, 352), 5).point([200 + v // 5 for v in range(256)] * 3)
    box = (BORDER, BORDER, BORDER + 256, BORDER + 256)
    raw = redraw(picture, box, Drift(shift=shift))
    calibration = calibrate_tile(raw, picture.crop((BORDER, BORDER, BORDER + 128, BORDER + 256)), "x_ltr", CONTRACT)
    assert calibration.applied
    assert min(low for low, _ in extrema(calibration.tile)) > 180


@pytest.mark.parametrize(("shift", "rim"), [((0.0, 9.0), 9), ((0.0, -9.0), 9), ((5.0, 0.0), 0)])
def test_the_rim_has_no_source(shift: tuple[float, float], rim: int) -> None:
    raw, band, _ = scene("cobbles", Drift(shift=shift))
    assert calibrate_tile(raw, band, "x_ltr", CONTRACT).rim_px == pytest.approx(rim, abs=1)


def test_a_shift_beyond_the_margin_leaves_a_rim_ahead() -> None:
    tight = TileContract(256, 128, 64, 126)
    raw, band, _ = scene("cobbles", Drift(shift=(9, 0)), tight)
    assert calibrate_tile(raw, band, "x_ltr", tight).rim_px == pytest.approx(7, abs=1)


@pytest.mark.parametrize("level", [0, 128, 255])
@pytest.mark.parametrize("contract", [SMALL, CONTRACT])
def test_flat_pictures_are_finite(level: int, contract: TileContract) -> None:
    band = Image.new("RGB", contract.band_size("x_ltr"), (level,) * 3)
    for colour in ((level,) * 3, (255 - level,) * 3, (level, 128, 255 - level)):
        calibration = calibrate_tile(Image.new("RGB", contract.tile_size("x_ltr"), colour), band, "x_ltr", contract)
        residuals = calibration.residual_before, calibration.residual_after
        assert all(math.isfinite(value) for value in (calibration.fidelity, *residuals))
        json.dumps(calibration.as_dict(), allow_nan=False)


@pytest.mark.parametrize("kind", ["cobbles", "foliage"])
def test_a_small_contract_is_calibrated(kind: str) -> None:
    raw, band, truth = scene(kind, Drift(shift=(2.25, -1.5), cast=(6, 0, -6)), SMALL)
    calibration = calibrate_tile(raw, band, "x_ltr", SMALL)
    assert calibration.applied
    assert rms(beyond_the_seam(calibration.tile, SMALL), beyond_the_seam(truth, SMALL)) < 0.5 * rms(
        beyond_the_seam(raw, SMALL), beyond_the_seam(truth, SMALL)
    )


@pytest.mark.parametrize("size", [(8, 4, 2, 2), (12, 7, 3, 4), (33, 17, 9, 11), (100, 96, 4, 4)])
def test_every_contract_gives_a_calibration(size: tuple[int, int, int, int]) -> None:
    contract = TileContract(*size)
    raw, band, _ = scene("foliage", Drift(shift=(1.5, 0), cast=(5, 5, 5)), contract)
    assert calibrate_tile(raw, band, "x_ltr", contract).tile.size == contract.tile_size("x_ltr")


@pytest.mark.parametrize("seed", range(4))
def test_a_corrected_tile_has_a_clearly_lower_residual(seed: int) -> None:
    raw, band, _ = scene("night", Drift.random(seed, 0.2), SMALL)
    calibration = calibrate_tile(raw, band, "x_ltr", SMALL)
    assert calibration.applied
    assert calibration.residual_after <= CLEAR_FALL * calibration.residual_before


def test_the_same_input_gives_the_same_pixels() -> None:
    raw, band, _ = scene("painterly", DRIFT)
    first, second = (calibrate_tile(raw, band, "x_ltr", CONTRACT) for _ in range(2))
    assert first.tile.tobytes() == second.tile.tobytes()
    assert first.as_dict() == second.as_dict()


def test_inputs_are_not_changed() -> None:
    raw, band, _ = scene("painterly", DRIFT)
    before = raw.tobytes(), band.tobytes()
    calibrate_tile(raw, band, "x_ltr", CONTRACT)
    assert (raw.tobytes(), band.tobytes()) == before


def test_wrong_pictures_are_refused() -> None:
    raw, band, _ = scene("painterly", Drift())
    with pytest.raises(CanvasError):
        calibrate_tile(raw.convert("L"), band, "x_ltr", CONTRACT)
    with pytest.raises(CanvasError):
        calibrate_tile(raw, band, "y_ttb", CONTRACT)
    with pytest.raises(CanvasError):
        calibrate_tile(raw, band, "x_ltr")


def test_a_calibration_cannot_be_changed() -> None:
    calibration = Calibration(Image.new("RGB", (2, 2)), False, "none")
    with pytest.raises(FrozenInstanceError):
        calibration.rim_px = 3  # type: ignore[misc]


def test_the_redraw_error_is_that_of_the_corrected_tile() -> None:
    """A cast of three levels in one channel is a squared difference of 3, which the correction removes."""
    grey = Image.new("RGB", CONTRACT.band_size("x_ltr"), (100, 100, 100))
    tile = Image.new("RGB", CONTRACT.tile_size("x_ltr"), (103, 100, 100))
    calibration = calibrate_tile(tile, grey, "x_ltr", CONTRACT)
    assert "tone" in calibration.stages
    assert calibration.redraw_error == pytest.approx(0)


def test_the_redraw_error_of_a_tile_that_is_not_corrected_is_its_own() -> None:
    raw, band, _ = scene("cobbles", Drift(noise=2.0, seed=2))
    calibration = calibrate_tile(raw, band, "x_ltr", CONTRACT)
    assert not calibration.applied
    redraw_of_band, new = raw.crop((0, 0, *band.size)), raw.crop((128, 0, 128 + NEW_PX, 256))
    expected = redraw_error(redraw_of_band, band, 0, lambda _: 0.0) * lost_detail(redraw_of_band, new)
    assert calibration.redraw_error == pytest.approx(expected)
    assert expected > 1


def test_pixels_without_a_source_do_not_count_in_the_error() -> None:
    """Moved down and to the right, the redraw lacks what lies above and behind: a rim, whose error is not its own."""
    raw, band, _ = scene("cobbles", Drift(shift=(5.0, 4.0)))
    calibration = calibrate_tile(raw, band, "x_ltr", CONTRACT)
    assert calibration.sound[:2] == (0, 0)
    raw, band, _ = scene("cobbles", Drift(shift=(-5.0, -4.0)))
    calibration = calibrate_tile(raw, band, "x_ltr", CONTRACT)
    left, top, right, bottom = calibration.sound
    assert left >= 5
    assert top == 4
    assert (right, bottom) == band.size
    whole = rms(calibration.tile.crop((0, 0, *band.size)), band) ** 2
    assert calibration.redraw_error < whole / 2


def partly_redrawn(share: float) -> tuple[Image.Image, Image.Image, Image.Image]:
    """(raw tile, band, truth): a moved redraw that is mixed with another picture, by `share`, below its upper third."""
    raw, band, truth = scene("cobbles", Drift(shift=(6.0, -5.0)))
    mixed = Image.blend(raw, pictures.draw("foliage", raw.size, 8), share)
    raw.paste(mixed.crop((0, 77, *raw.size)), (0, 77))
    return raw, band, truth


def test_a_clear_placement_is_corrected_although_most_strokes_differ() -> None:
    raw, band, truth = partly_redrawn(0.6)
    calibration = calibrate_tile(raw, band, "x_ltr", CONTRACT)
    assert 0.15 < calibration.kept < 0.35
    assert "place" in calibration.stages
    upper = (128, 16, 192, 64)
    assert rms(calibration.tile.crop(upper), truth.crop(upper)) < 0.5 * rms(raw.crop(upper), truth.crop(upper))


def test_a_redraw_that_keeps_little_in_no_clear_place_was_recomposed() -> None:
    raw, band, _ = partly_redrawn(0.7)
    calibration = calibrate_tile(raw, band, "x_ltr", CONTRACT)
    assert 0.15 < calibration.kept < 0.35
    assert calibration.tile is raw
    assert calibration.reason.startswith("recomposed")


def test_tone_is_corrected_among_strokes_drawn_anew() -> None:
    """Most of the residual are strokes, which no curve lowers; the means of whole blocks show what the curve does."""
    drift = Drift(shift=(1.3, 0.6), blur=0.9, noise=0.6, cast=(6, -4, 2), fine_px=1.2)
    raw, band, _ = scene("ink", drift, CLASSIC)
    assert "tone" in calibrate_tile(raw, band, "x_ltr").stages


def test_a_tone_of_one_part_alone_is_not_corrected_in_the_others() -> None:
    """An edit lightens half of the band. Curves between both tones would lower the residual, and spoil the new half."""
    raw, band, _ = scene("cobbles", Drift(noise=0.5), MIDDLING)
    light = (0, 0, 256, 256)
    raw.paste(raw.crop(light).point([min(255, level + 40) for level in range(256)] * 3), light)
    calibration = calibrate_tile(raw, band, "x_ltr", MIDDLING)
    assert "tone" not in calibration.stages
    assert "parts of the band that are right" in calibration.reason
