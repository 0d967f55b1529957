"""Registration measures known shifts, zooms and local displacements."""

import math

import pytest
from PIL import Image, ImageChops, ImageFilter

from exquisite.api.mock.drift import Drift, redraw
from exquisite.geometry.calibration import registration
from exquisite.geometry.calibration.blocks import halved
from exquisite.geometry.calibration.displacement import Field, Placement, resample
from exquisite.geometry.calibration.registration import Registration, locate, register
from tests.support import pictures
from tests.support.reading import extrema, rgb_at

SIZE, BAND, BORDER = 256, 128, 48
BOX = (BORDER, BORDER, BORDER + SIZE, BORDER + SIZE)


def picture(kind: str = "cobbles", seed: int = 5) -> Image.Image:
    return pictures.draw(kind, (SIZE + 2 * BORDER, SIZE + 2 * BORDER), seed)


def register_in(tile: Image.Image, band: Image.Image) -> Registration:
    """The registration that starts from the placement of the band."""
    return register(tile, band, locate(tile, band).placement)


def registered(source: Image.Image, drift: Drift) -> Registration:
    band = source.crop((BORDER, BORDER, BORDER + BAND, BORDER + SIZE))
    return register_in(redraw(source, BOX, drift).convert("L").convert("F"), band.convert("L").convert("F"))


def errors(result: Registration, drift: Drift) -> list[float]:
    """Distances in pixels between measured and true displacement along the seam, without its ends."""
    out = []
    for y in range(32, SIZE - 31, 16):
        x_true, y_true = drift.landing(BORDER + BAND, BORDER + y, BOX)
        dx, dy = result.at(BAND, y)
        out.append(math.hypot(BAND + dx - x_true, y + dy - y_true))
    return sorted(out)


@pytest.mark.parametrize("kind", ["cobbles", "ink", "foliage", "clouds"])
@pytest.mark.parametrize("shift", [(3.25, 0.0), (0.0, 3.25), (-3.25, 3.25)])
def test_a_known_shift_is_measured_to_a_twentieth_of_a_pixel(kind: str, shift: tuple[float, float]) -> None:
    result = registered(picture(kind), Drift(shift=shift))
    assert result.at(BAND, SIZE / 2) == pytest.approx(shift, abs=0.05)
    assert result.placement.scale == pytest.approx((1, 1), abs=0.001)


@pytest.mark.parametrize("zoom", [(1.03, 1.03), (0.97, 0.97), (1.02, 0.99)])
def test_a_known_zoom_is_measured_for_each_axis(zoom: tuple[float, float]) -> None:
    result = registered(picture(), Drift(zoom=zoom))
    assert result.placement.scale == pytest.approx(zoom, abs=0.001)


def test_the_farthest_drift_is_found() -> None:
    drift = Drift(shift=(-16, 16), zoom=(1.03, 1.03))
    assert errors(registered(picture("painterly"), drift), drift)[-1] < 0.5


@pytest.mark.parametrize("kind", ["cobbles", "foliage"])
def test_a_smooth_local_displacement_is_followed_along_the_seam(kind: str) -> None:
    size, seam = 512, 256
    box = (BORDER, BORDER, BORDER + size, BORDER + size)
    source = pictures.draw(kind, (size + 2 * BORDER, size + 2 * BORDER), 5)
    drift = Drift(shift=(2, -1), warp_px=3, seed=3)
    band = source.crop((BORDER, BORDER, BORDER + seam, BORDER + size))
    result = register_in(redraw(source, box, drift).convert("L").convert("F"), band.convert("L").convert("F"))
    for y in range(48, size - 47, 32):
        x_true, y_true = drift.landing(BORDER + seam, BORDER + y, box)
        assert result.at(seam, y) == pytest.approx((x_true - seam, y_true - y), abs=0.5)
    assert max(math.dist(result.placement.at(seam, y), result.at(seam, y)) for y in range(0, size, 32)) > 1


def test_the_placement_at_half_size_is_the_start_at_full_size() -> None:
    drift = Drift(shift=(9.25, -7.5), zoom=(1.02, 1.02))
    source = picture("ink")
    band = source.crop((BORDER, BORDER, BORDER + BAND, BORDER + SIZE)).convert("L").convert("F")
    tile = redraw(source, BOX, drift).convert("L").convert("F")
    rough = locate(halved(tile), halved(band)).placement.twice
    assert rough.centre == (BAND, SIZE / 2)
    x, y = drift.landing(BORDER + BAND, BORDER + SIZE / 2, BOX)
    assert rough.shift == pytest.approx((x - BAND, y - SIZE / 2), abs=0.3)
    begun, alone = register(tile, band, rough), register_in(tile, band)
    assert begun.at(BAND, SIZE / 2) == pytest.approx(alone.at(BAND, SIZE / 2), abs=0.02)


def test_straightened_is_shift_and_zoom_alone() -> None:
    size, seam = 512, 256
    box = (BORDER, BORDER, BORDER + size, BORDER + size)
    source = pictures.draw("cobbles", (size + 2 * BORDER, size + 2 * BORDER), 5)
    band = source.crop((BORDER, BORDER, BORDER + seam, BORDER + size)).convert("L").convert("F")
    result = register_in(redraw(source, box, Drift(warp_px=4, seed=3)).convert("L").convert("F"), band)
    assert result.has_bend
    assert not result.straightened().has_bend
    assert result.straightened().at(seam, 100) == result.placement.at(seam, 100)


def test_a_bend_with_a_small_predicted_fall_is_fitted_only_if_its_first_step_promises_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    size, seam = 512, 256
    box = (BORDER, BORDER, BORDER + size, BORDER + size)
    source = pictures.draw("cobbles", (size + 2 * BORDER, size + 2 * BORDER), 5)
    band = source.crop((BORDER, BORDER, BORDER + seam, BORDER + size)).convert("L").convert("F")
    tile = redraw(source, box, Drift(warp_px=4, seed=3)).convert("L").convert("F")
    start = locate(tile, band).placement
    assert register(tile, band, start, lambda _: False).has_bend, "a large predicted fall needs no promise"
    monkeypatch.setattr(registration, "_SMALL_FALL", 1.0)
    assert register(tile, band, start, lambda first: first.has_bend).has_bend
    assert not register(tile, band, start, lambda _: False).has_bend


def test_no_drift_is_measured_as_none() -> None:
    result = registered(picture(), Drift())
    assert result.at(BAND, SIZE / 2) == pytest.approx((0, 0), abs=0.01)
    assert result.placement.scale == pytest.approx((1, 1), abs=1e-4)


def test_softness_and_noise_do_not_move_the_result() -> None:
    drift = Drift(shift=(3.25, -2.5), blur=1.2, noise=4, seed=1)
    assert registered(picture(), drift).at(BAND, SIZE / 2) == pytest.approx((3.25, -2.5), abs=0.05)


def test_content_that_was_drawn_anew_does_not_count() -> None:
    source = picture()
    band = source.crop((BORDER, BORDER, BORDER + BAND, BORDER + SIZE))
    drift = Drift(shift=(3.25, -2.5))
    tile = redraw(source, BOX, drift)
    other = pictures.draw("foliage", (BAND, SIZE // 3), 9)
    tile.paste(other, (0, SIZE // 2))
    result = register_in(tile.convert("L").convert("F"), band.convert("L").convert("F"))
    x_true, y_true = drift.landing(BORDER + BAND, BORDER + SIZE / 4, BOX)
    assert result.at(BAND, SIZE / 4) == pytest.approx((x_true - BAND, y_true - SIZE / 4), abs=0.15)
    columns = BAND // result.block_px
    anew = [w for k, w in enumerate(result.weights) if SIZE // 2 + 16 < (k // columns + 0.5) * result.block_px < 208]
    same = [w for k, w in enumerate(result.weights) if 16 < (k // columns + 0.5) * result.block_px < SIZE // 2 - 16]
    assert sum(anew) / len(anew) < sum(same) / len(same) / 3


@pytest.mark.parametrize("value", [0, 128, 255])
def test_a_flat_picture_has_no_displacement_and_no_error(value: int) -> None:
    flat = Image.new("F", (SIZE, SIZE), value)
    assert register_in(flat, flat.crop((0, 0, BAND, SIZE))).at(BAND, 10) == pytest.approx((0, 0), abs=1e-6)


def test_stripes_are_not_moved_along_themselves() -> None:
    stripes = Image.new("L", (SIZE + 2 * BORDER, 1))
    stripes.putdata([128 + round(100 * math.sin(x / 9) * math.cos(x / 31)) for x in range(stripes.width)])
    source = stripes.resize((SIZE + 2 * BORDER, SIZE + 2 * BORDER)).convert("RGB")
    dx, dy = registered(source, Drift(shift=(3.25, 0))).at(BAND, SIZE / 2)
    assert dx == pytest.approx(3.25, abs=0.05)
    assert dy == pytest.approx(0, abs=0.01)


def field(at: tuple[float, float], step: int = 16, size: int = 64) -> Field:
    line = tuple(float(v) for v in range(0, size + 1, step))
    return Field(line, line, tuple(tuple(at for _ in line) for _ in line))


def test_resampling_by_nothing_changes_nothing() -> None:
    image = pictures.draw("ink", (64, 64), 1)
    assert resample(image, field((0, 0)), (0, 0, 64, 64), 1).tobytes() == image.tobytes()


def test_a_resampled_ramp_lies_where_the_field_says() -> None:
    ramp = Image.linear_gradient("L").crop((0, 64, 64, 192)).resize((64, 64), Image.Resampling.BILINEAR)
    ramp = Image.merge("RGB", [ramp] * 3)
    for shift in (0.25, 0.5, 2.75):
        result = resample(ramp, field((0, shift)), (0, 0, 64, 64))
        for y in (20, 32, 40):
            assert rgb_at(result, 32, y)[0] - rgb_at(ramp, 32, y)[0] == pytest.approx(2 * shift, abs=1)


def test_shift_and_zoom_are_one_lanczos() -> None:
    image = pictures.draw("ink", (96, 96), 1)
    line = tuple(float(v) for v in range(0, 65, 16))
    zoomed = Field.sampled(line, line, lambda x, y: (16.3 + x * 0.02, 16.0 - 0.7 - y * 0.01))
    expected = image.resize((64, 64), Image.Resampling.LANCZOS, box=(16.3, 15.3, 16.3 + 65.28, 15.3 + 63.36))
    assert zoomed.separable
    difference = ImageChops.difference(resample(image, zoomed, (0, 0, 64, 64)), expected)
    assert all(largest <= 1 for _, largest in extrema(difference))


def test_pieces_of_different_slope_meet_without_a_step() -> None:
    """Where rows are stretched the picture goes on: a ramp stays a broken line."""
    ramp = Image.linear_gradient("L").crop((0, 64, 64, 192)).resize((64, 64), Image.Resampling.BILINEAR)
    ramp = Image.merge("RGB", [ramp] * 3)
    line = (0.0, 16.0, 32.0, 48.0, 64.0)
    stretched = Field.sampled(line, line, lambda _, y: (0.0, -5 * min(1.0, y / 16)))
    assert stretched.separable
    result = resample(ramp, stretched, (0, 0, 64, 64))
    for y in range(4, 60):
        expected = rgb_at(ramp, 32, 0)[0] + 2 * (y + stretched.at(32, y + 0.5)[1])
        assert rgb_at(result, 32, y)[0] == pytest.approx(expected, abs=1)


def test_a_local_displacement_is_not_separable() -> None:
    line = (0.0, 32.0, 64.0)
    bend = Field.sampled(line, line, lambda x, y: (x * y / 4096, 0.0))
    assert not bend.separable


def test_no_black_enters_from_beyond_the_edge() -> None:
    white = Image.new("RGB", (64, 64), (255, 255, 255))
    for shift in ((-20.0, 0.0), (20.0, 0.0), (0.0, -20.0), (7.5, 20.0)):
        assert resample(white, field(shift), (0, 0, 64, 64)).getextrema() == ((255, 255),) * 3


def test_a_field_is_linear_between_its_nodes() -> None:
    line = (0.0, 10.0)
    corners = Field(line, line, (((0.0, 0.0), (4.0, 0.0)), ((0.0, 8.0), (4.0, 8.0))))
    assert corners.at(5, 5) == (2.0, 4.0)
    assert corners.at(-3, 20) == (0.0, 8.0)
    assert corners.largest == (4.0, 8.0)


def test_placement_is_shift_and_zoom_about_the_centre() -> None:
    placement = Placement((1.0, -2.0), (1.1, 0.9), (100.0, 50.0))
    assert placement.at(100, 50) == (1.0, -2.0)
    assert placement.at(110, 40) == pytest.approx((2.0, -1.0))


def test_blur_of_the_band_itself_is_no_displacement() -> None:
    source = picture("foliage")
    band = source.crop((BORDER, BORDER, BORDER + BAND, BORDER + SIZE)).convert("L")
    tile = source.crop(BOX).convert("L").filter(ImageFilter.GaussianBlur(1.5))
    assert register_in(tile.convert("F"), band.convert("F")).at(BAND, SIZE / 2) == pytest.approx((0, 0), abs=0.05)
