"""The fast metrics agree with their definitions; the curves do what their names say."""

import pytest
from PIL import Image

from exquisite.geometry.overlap_score import SOBEL_COLUMNS, SOBEL_FALL_PX, score_strips
from exquisite.geometry.seam_cost import (
    COMPONENTS,
    Component,
    Departure,
    component_costs,
    costs_at_seam,
    departures,
    departures_at_seam,
    expected_cost,
    redraw_departures,
    total_cost,
)
from exquisite.geometry.seam_curves import seam_curves
from tests.support import reference_metrics as reference
from tests.support.pictures import checker, constant, draw, noise, ramp

REACH, HEIGHT = 32, 40
SIZE = (2 * REACH, HEIGHT)


def edge_in_one_pixel() -> Image.Image:
    image = constant(SIZE, (10, 20, 30))
    image.putpixel((REACH, HEIGHT // 2), (250, 0, 128))
    return image


def saturated() -> Image.Image:
    return noise(SIZE, 3).point([255 if v > 127 else 0 for v in range(256)] * 3)


PICTURES = {
    "random": noise(SIZE, 1),
    "smooth random": noise(SIZE, 2, cell=7),
    "saturated": saturated(),
    "flat": constant(SIZE),
    "ramp": ramp(SIZE),
    "checker": checker(SIZE, 3),
    "one-pixel edge": edge_in_one_pixel(),
}


@pytest.mark.parametrize("name", PICTURES)
def test_components_agree_with_their_definitions(name: str) -> None:
    picture = PICTURES[name]
    fast = component_costs(departures(seam_curves(picture, REACH), REACH, REACH))
    plain = reference.costs(reference.Picture(picture), REACH, REACH)
    assert fast == pytest.approx(plain, rel=1e-6, abs=1e-6)
    assert total_cost(fast) == pytest.approx(total_cost(plain), rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("name", PICTURES)
def test_sobel_metrics_agree_with_their_definitions(name: str) -> None:
    width = min(SOBEL_COLUMNS, REACH)
    past, future = PICTURES[name].crop((0, 0, width, HEIGHT)), PICTURES[name].crop((REACH, 0, REACH + width, HEIGHT))
    metrics = score_strips(past, future, "x_ltr").metrics
    corr, nmse = reference.sobel_metrics(reference.Picture(past), reference.Picture(future), SOBEL_FALL_PX, width)
    assert metrics["sobel_corr"] == pytest.approx(corr, rel=1e-6)
    assert metrics["sobel_nmse"] == pytest.approx(nmse, rel=1e-6)


def test_weights_and_floors_are_positive() -> None:
    assert all(component.weight > 0 and component.floor > 0 and component.span > 0 for component in COMPONENTS)


def test_a_constant_picture_costs_nothing() -> None:
    assert total_cost(component_costs(departures(seam_curves(constant(SIZE), REACH), REACH, REACH))) == 0


def test_the_cost_of_a_departure_is_bounded_and_a_half_where_it_is_noticeable() -> None:
    assert Departure(0.0, 1.0).cost(1.0) == 0
    assert Departure(5.0, 4.0).cost(3.0) == pytest.approx(0.5)
    assert 0.99 < Departure(1e3, 4.0).cost(3.0) < 1


def test_a_component_counts_departures_on_its_side_of_the_curve() -> None:
    curves = {"c": [0.0, 2.0] * REACH}
    curves["c"][REACH] = 4.0
    rise, fall = (Component("c", 1.0, 1.0, 2, sign=sign) for sign in (1, -1))
    assert rise.departure(curves, REACH, REACH) == pytest.approx((3.0, 1.0), abs=0.05)
    assert fall.departure(curves, REACH, REACH) == pytest.approx((0.0, 1.0), abs=0.05)


def test_the_mean_of_a_centred_curve_is_zero() -> None:
    curves = {"c": [2.0] * (2 * REACH)}
    plain, centred = (Component("c", 1.0, 1.0, 2, centred=centred) for centred in (False, True))
    assert plain.departure(curves, REACH, REACH) == (0, 0)
    assert centred.departure(curves, REACH, REACH) == (2, 2)


def test_the_total_is_the_weighted_sum() -> None:
    costs = {component.name: 0.0 for component in COMPONENTS} | {COMPONENTS[0].name: 0.5}
    assert total_cost(costs) == pytest.approx(COMPONENTS[0].weight / 2)


def test_a_faultless_seam_costs_halfway_between_the_band_and_what_is_typical() -> None:
    assert expected_cost([5.0]) == pytest.approx((5.0 + 3.0) / 2)
    assert expected_cost([1.0, 2.0, 6.0]) == pytest.approx((3.0 + 3.0) / 2)


GREY = noise((2 * REACH, 64), 5).convert("L").point(lambda level: 96 + level // 4)
"""Grey texture, as fine as pixels."""


def cost_of(component: str, before: Image.Image, behind: Image.Image) -> float:
    """Cost where the left half of one picture meets the right half of another."""
    left, right = before.convert("RGB"), behind.convert("RGB")
    return costs_at_seam(left.crop((0, 0, REACH, 64)), right.crop((REACH, 0, 2 * REACH, 64)))[component]


def test_grain_counts_where_only_the_new_half_has_it() -> None:
    flat = Image.new("L", GREY.size, 112)
    assert cost_of("grain", flat, GREY) > 0.9
    assert cost_of("grain", GREY, flat) == 0
    assert cost_of("grain", GREY, GREY) < 0.2


def test_invisible_grain_counts_little() -> None:
    """Even noise of 3 and of 33 levels, beside a flat picture: standard deviations of .8 and 9.5 levels."""
    flat = constant(GREY.size, (112, 112, 112))
    faint, visible = (noise(GREY.size, 7).point([112 + v * wide // 256 for v in range(256)] * 3) for wide in (3, 33))
    assert cost_of("grain", flat, faint) < 0.5
    assert cost_of("grain", flat, visible) > 0.9


def test_colour_detail_counts_where_the_new_half_lacks_it() -> None:
    coloured = noise(GREY.size, 6)
    assert cost_of("colour_detail", coloured, coloured.convert("L")) > 0.9
    assert cost_of("colour_detail", coloured.convert("L"), coloured) == 0
    assert cost_of("colour_detail", coloured, coloured) < 0.2


def test_a_cast_under_texture_is_a_step_in_colour() -> None:
    redder = GREY.convert("RGB").point([*(min(255, level + 8) for level in range(256)), *range(256), *range(256)])
    assert cost_of("colour_step", GREY, redder) > 0.5
    assert cost_of("colour_step", GREY, GREY.point(lambda level: level + 8)) == 0


def test_a_step_hardly_larger_than_those_beside_it_is_not_noticeable() -> None:
    """Stripes of one column, 4 levels apart in each channel; darker by a level in one and in three channels."""
    stripes = Image.new("RGB", GREY.size)
    for x in range(stripes.width):
        stripes.paste((100 + 4 * (x % 2),) * 3, (x, 0, x + 1, stripes.height))
    one, three = (
        stripes.point([max(0, level - (channel < darker)) for channel in range(3) for level in range(256)])
        for darker in (1, 3)
    )
    assert cost_of("step", stripes, stripes) == 0
    assert cost_of("step", stripes, one) < 0.5
    assert cost_of("step", stripes, three) > 0.8


def test_tone_is_compared_over_columns_so_that_texture_hides_no_step() -> None:
    assert cost_of("tone", GREY, GREY.point(lambda level: level + 30)) > 0.4
    assert cost_of("tone", GREY, GREY) < 0.1


def test_the_expected_departure_of_a_component_does_not_count() -> None:
    past, future = ramp((32, 40)), ramp((32, 40)).point(lambda v: min(255, v + 60))
    full, less, none = (departures_at_seam(past, future, {"step": step}) for step in (0.0, 0.01, 1.0))
    assert full == departures_at_seam(past, future)
    assert full["step"].beyond > 0.01
    assert less["step"] == pytest.approx(Departure(full["step"].beyond - 0.01, full["step"].spread))
    assert none["step"].beyond == 0
    assert {**less, "step": None} == {**full, "step": None}
    assert max(departures_at_seam(past, future, dict.fromkeys(full, 1e9)).values()).beyond == 0


NAMES = [component.name for component in COMPONENTS if component.name != "tone"]
"""The components whose departures a redraw shows."""


class TestRedrawDepartures:
    def test_are_0_for_an_exact_redraw_and_for_too_narrow_a_band(self) -> None:
        for band, redraw in ((noise((64, 64), 1), noise((64, 64), 1)), (noise((3, 64), 1), noise((3, 64), 2))):
            assert redraw_departures(band, redraw, REACH) == dict.fromkeys(NAMES, 0.0)

    def test_of_a_flat_band_is_measured_exactly(self) -> None:
        """Steps of 2 levels in three channels beside none: (6 + .3) / (6 + .6), and .3 / .6 in the band."""
        flat, lighter = constant((64, 64), (100, 100, 100)), constant((64, 64), (102, 102, 102))
        values = redraw_departures(flat, lighter, REACH)
        assert values["step"] == pytest.approx(6.3 / 6.6 - 0.5)
        assert {name for name, departure in values.items() if departure} <= {"step", "straightness"}

    def test_count_the_side_that_counts_at_a_seam(self) -> None:
        """Grain counts where the redraw adds it, detail in colour where the redraw lacks it."""
        flat, grain = constant(GREY.size, (112, 112, 112)), GREY.convert("RGB")
        assert redraw_departures(flat, grain, REACH)["grain"] > 0.1
        assert redraw_departures(grain, flat, REACH)["grain"] == 0
        coloured = noise(GREY.size, 6)
        assert redraw_departures(coloured, coloured.convert("L").convert("RGB"), REACH)["colour_detail"] > 0.1
        assert redraw_departures(flat, coloured, REACH)["colour_detail"] == 0

    @pytest.mark.parametrize("kind", ["ink", "foliage", "cobbles"])
    def test_rise_with_the_offset_of_the_redraw(self, kind: str) -> None:
        picture = draw(kind, (160, 256), 2)
        band, slightly, far = (picture.crop((16, 16 + dy, 144, 230 + dy)) for dy in (0, 1, 4))
        near, off = (redraw_departures(band, redraw, 64) for redraw in (slightly, far))
        assert 0 < near["step"] < off["step"]

    def test_are_the_departures_from_the_curves_at_cuts_in_the_band(self) -> None:
        """Single cuts vary; their mean agrees."""
        picture = draw("foliage", (288, 256), 2)
        band, redraw = picture.crop((0, 0, 256, 256)), picture.crop((0, 1, 256, 256)).resize((256, 256))
        cuts = [
            departures_at_seam(band.crop((x - 64, 0, x, 256)), redraw.crop((x, 0, x + 64, 256)))
            for x in range(64, 193, 8)
        ]
        means = {name: sum(cut[name].beyond for cut in cuts) / len(cuts) for name in NAMES}
        values = redraw_departures(band, redraw, 64)
        for name in ("step", "colour_step", "turn", "straightness"):
            assert values[name] == pytest.approx(means[name], abs=0.02)
