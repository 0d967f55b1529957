"""The scorer: strips, metrics, penalties of vetoes, and the gate."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest
from PIL import Image, ImageChops

from exquisite.contract import CLASSIC, Mode, TileContract, from_canonical, to_canonical
from exquisite.errors import CanvasError
from exquisite.geometry.calibration import FIDELITY_FLOOR, calibrate_tile
from exquisite.geometry.overlap_score import (
    DEFAULT_GATE,
    METRICS,
    REDRAW_WEIGHT,
    SEAMLESS_LIMIT,
    SEAMLESS_RESIDUAL,
    VETO_PENALTY,
    VISIBLE_RESIDUAL,
    TileScore,
    allowed_share,
    expected_departures,
    extract_scoring_strips,
    interior_gate,
    score_strips,
    score_tile,
    score_tile_sobel_corr,
)
from exquisite.geometry.seam_cost import expected_cost, interior_costs
from tests.support.pictures import constant, draw, noise, ramp

SMALL = TileContract(64, 32, 16, 16)
MODES = list(Mode)


def scene(picture: Image.Image, contract: TileContract = SMALL, extra: int = 0) -> tuple[Image.Image, Image.Image]:
    """(canvas, tile) cut from a picture that grows to the right, the seam band_px + extra from its left edge."""
    seam = contract.band_px + extra
    tile = picture.crop((extra, 0, extra + contract.tile_px, contract.tile_px))
    return picture.crop((0, 0, seam, contract.tile_px)), tile


def turned(image: Image.Image, mode: Mode) -> Image.Image:
    return from_canonical(image, mode)


@dataclass(frozen=True)
class Redraw:
    """The measurements of a redraw that the scorer uses; by default they change no cost and cause no veto."""

    rim_px: int = 0
    fidelity: float = 30.0
    redraw_error: float = 0.0
    redraw_residual: float = VISIBLE_RESIDUAL
    redraw_departures: Mapping[str, float] = field(default_factory=dict)


class TestStrips:
    @pytest.mark.parametrize("mode", MODES)
    def test_are_the_columns_on_either_side_of_the_seam(self, mode: Mode) -> None:
        canvas, tile = scene(noise((120, 64), 3), extra=20)
        old, new = extract_scoring_strips(turned(canvas, mode), turned(tile, mode), mode, SMALL)
        assert old.size == new.size == SMALL.oriented((16, 64), mode)
        assert to_canonical(old, mode).tobytes() == canvas.crop((36, 0, 52, 64)).tobytes()
        assert to_canonical(new, mode).tobytes() == tile.crop((32, 0, 48, 64)).tobytes()

    @pytest.mark.invariant("STRIPS-GENERATED")
    def test_never_come_from_the_conditioning_half(self) -> None:
        canvas, tile = scene(noise((120, 64), 3))
        other = tile.copy()
        other.paste((1, 2, 3), (0, 0, 32, 64))
        assert score_tile(canvas, tile, "x_ltr", SMALL) == score_tile(canvas, other, "x_ltr", SMALL)

    def test_of_different_sizes_are_refused(self) -> None:
        with pytest.raises(CanvasError, match=r"16x64.*8x64"):
            score_strips(constant((16, 64)), constant((8, 64)), "x_ltr")

    @pytest.mark.parametrize("wrong", ["L", "RGBA", "F"])
    def test_in_another_mode_than_rgb_are_refused(self, wrong: str) -> None:
        with pytest.raises(CanvasError, match=wrong):
            score_strips(constant((16, 64)), Image.new(wrong, (16, 64)), "x_ltr")


class TestScore:
    @pytest.mark.invariant("SCORES-FINITE")
    @pytest.mark.invariant("MODES-EQUAL")
    @pytest.mark.parametrize("mode", MODES)
    def test_has_the_same_value_for_the_turned_input_in_the_turned_mode(self, mode: Mode) -> None:
        canvas, tile = scene(draw("ink", (200, 64), 1), extra=40)
        straight = score_tile(canvas, tile, Mode.X_LTR, SMALL)
        assert score_tile(turned(canvas, mode), turned(tile, mode), mode, SMALL) == straight

    def test_needs_only_the_band(self) -> None:
        canvas, tile = scene(noise((200, 64), 5), extra=77)
        band = canvas.crop((77, 0, 109, 64))
        assert score_tile(canvas, tile, "x_ltr", SMALL) == score_tile(band, tile, "x_ltr", SMALL)

    def test_of_a_tile_is_that_of_its_strips(self) -> None:
        canvas, tile = scene(noise((200, 64), 5))
        strips = extract_scoring_strips(canvas, tile, "x_ltr", SMALL)
        assert score_strips(*strips, "x_ltr") == score_tile(canvas, tile, "x_ltr", SMALL)

    @pytest.mark.parametrize(
        "pair",
        [
            (constant((16, 64)), constant((16, 64))),
            (constant((16, 64), (0, 0, 0)), constant((16, 64), (255, 255, 255))),
            (constant((16, 64)), noise((16, 64))),
            (noise((16, 64)), constant((16, 64))),
            (ramp((16, 64)), ramp((16, 64), "y")),
            (constant((1, 1)), constant((1, 1), (0, 0, 0))),
            (noise((1, 64)), noise((1, 64), 1)),
            (noise((2, 3)), noise((2, 3), 1)),
        ],
        ids=["flat", "black-white", "flat-noise", "noise-flat", "ramps", "one-pixel", "one-column", "tiny"],
    )
    @pytest.mark.invariant("SCORES-FINITE")
    def test_is_finite_for_every_metric(self, pair: tuple[Image.Image, Image.Image]) -> None:
        score = score_strips(pair[0], pair[1], "x_ltr")
        assert all(math.isfinite(value) for value in score.metrics.values())

    def test_of_a_constant_picture_is_perfect(self) -> None:
        score = score_strips(constant((16, 64)), constant((16, 64)), "x_ltr")
        assert score.primary == pytest.approx(0, abs=1e-9)
        assert score.metrics["sobel_corr"] == 1
        assert score.metrics["sobel_nmse"] == 0
        assert score.vetoes == ()

    def test_names_every_metric_and_nothing_else(self) -> None:
        score = score_strips(noise((16, 64)), noise((16, 64), 1), "x_ltr")
        assert tuple(score.metrics) == METRICS
        assert {"primary", "sobel_corr", "sobel_nmse"} < set(METRICS)
        assert score.metrics["primary"] == score.primary

    def test_is_written_in_json_types(self) -> None:
        score = score_strips(noise((16, 64)), noise((16, 64), 1), "x_ltr")
        again = json.loads(json.dumps(score.as_dict()))
        assert again == {"primary": score.primary, "metrics": dict(score.metrics), "vetoes": list(score.vetoes)}

    @pytest.mark.parametrize("kind", ["hatching", "clouds", "facade"])
    def test_prefers_the_truth(self, kind: str) -> None:
        picture = draw(kind, (1100, 1024), 11)
        canvas, tile = scene(picture, CLASSIC)
        truth = score_tile(canvas, tile, "x_ltr")
        for damaged in (
            ImageChops.offset(tile, 0, 6),
            tile.point([max(0, v - 8) for v in range(256)] * 3),
            draw(kind, (1024, 1024), 12),
        ):
            assert score_tile(canvas, damaged, "x_ltr").primary < truth.primary


class TestSobelCorr:
    def test_alone_is_the_metric_of_the_score(self) -> None:
        canvas, tile = scene(noise((64, 64), 9))
        assert score_tile_sobel_corr(canvas, tile, "x_ltr", SMALL) == pytest.approx(
            score_tile(canvas, tile, "x_ltr", SMALL).metrics["sobel_corr"]
        )

    def test_of_a_mirrored_strip_is_one(self) -> None:
        strip = noise((16, 64), 2)
        score = score_strips(strip, strip.transpose(Image.Transpose.FLIP_LEFT_RIGHT), "x_ltr")
        assert score.metrics["sobel_corr"] == pytest.approx(1, abs=1e-6)
        assert score.metrics["sobel_nmse"] == pytest.approx(0, abs=1e-6)

    def test_of_an_edge_against_nothing_is_zero(self) -> None:
        assert score_strips(noise((16, 64)), constant((16, 64)), "x_ltr").metrics["sobel_corr"] == 0

    def test_weighs_the_columns_at_the_seam_most(self) -> None:
        strip = constant((16, 64))
        near, far = strip.copy(), strip.copy()
        near.paste((255, 255, 255), (2, 20, 4, 40))
        far.paste((255, 255, 255), (12, 20, 14, 40))
        assert (
            score_strips(strip, near, "x_ltr").metrics["sobel_nmse"]
            < score_strips(strip, far, "x_ltr").metrics["sobel_nmse"]
            < 0
        )


class TestVetoes:
    def test_take_more_from_the_primary_than_any_seam(self) -> None:
        canvas, _ = scene(noise((64, 64), 9))
        mirrored = Image.new("RGB", (64, 64))
        mirrored.paste(canvas.transpose(Image.Transpose.FLIP_LEFT_RIGHT), (32, 0))
        score = score_tile(canvas, mirrored, "x_ltr", SMALL)
        assert "mirror" in score.vetoes
        assert score.primary < -VETO_PENALTY

    def test_rim_is_one_pixel_beyond_what_calibration_may_leave(self) -> None:
        canvas, tile = scene(noise((64, 64), 9))
        plain = score_tile(canvas, tile, "x_ltr", SMALL)
        passing = score_tile(canvas, tile, "x_ltr", SMALL, Redraw(rim_px=SMALL.max_rim_px))
        failing = score_tile(canvas, tile, "x_ltr", SMALL, Redraw(rim_px=SMALL.max_rim_px + 1))
        assert passing.vetoes == plain.vetoes
        assert passing.primary == plain.primary
        assert failing.vetoes == (*plain.vetoes, "rim")
        assert failing.primary == plain.primary - VETO_PENALTY

    @pytest.mark.parametrize("fidelity", [math.nan, -math.inf, FIDELITY_FLOOR - 1])
    def test_unfaithful_is_a_conditioning_half_that_cannot_be_explained(self, fidelity: float) -> None:
        canvas, tile = scene(noise((64, 64), 9))
        score = score_tile(canvas, tile, "x_ltr", SMALL, Redraw(fidelity=fidelity))
        assert "unfaithful" in score.vetoes
        assert math.isfinite(score.metrics["fidelity"])

    def test_fidelity_is_a_metric_only_where_it_was_measured(self) -> None:
        canvas, tile = scene(noise((64, 64), 9))
        assert "fidelity" not in score_tile(canvas, tile, "x_ltr", SMALL).metrics
        assert score_tile(canvas, tile, "x_ltr", SMALL, Redraw(fidelity=31.5)).metrics["fidelity"] == 31.5

    def test_a_truer_redraw_with_an_equal_seam_is_better(self) -> None:
        canvas, tile = scene(noise((64, 64), 9))
        alone = score_tile(canvas, tile, "x_ltr", SMALL)
        near, far = (score_tile(canvas, tile, "x_ltr", SMALL, Redraw(redraw_error=error)) for error in (1.0, 9.0))
        assert alone.primary == alone.metrics["seam"] == near.metrics["seam"] == far.metrics["seam"]
        assert near.primary == pytest.approx(alone.primary - REDRAW_WEIGHT * math.log(2))
        assert far.primary == pytest.approx(alone.primary - REDRAW_WEIGHT * math.log(10))

    @pytest.mark.parametrize("name", ["step", "straightness"])
    def test_a_component_counts_beyond_the_redraw_departure_if_the_redraw_shows_no_seam(self, name: str) -> None:
        canvas, tile = scene(draw("clouds", (64, 64), 9))
        tile.paste(tile.crop((32, 0, 64, 64)).point(lambda v: min(255, v + 40)), (32, 0))
        values = [
            score_tile(canvas, tile, "x_ltr", SMALL, Redraw(redraw_residual=residual, redraw_departures={name: 0.02}))
            for residual in (0.8, SEAMLESS_RESIDUAL, (SEAMLESS_RESIDUAL + VISIBLE_RESIDUAL) / 2, VISIBLE_RESIDUAL, 3.0)
        ]
        metrics = [value.metrics[name] for value in values]
        assert 0 >= metrics[0] == metrics[1] > metrics[2] > metrics[3] == metrics[4]
        assert metrics[4] == score_tile(canvas, tile, "x_ltr", SMALL).metrics[name]

    def test_departures_of_the_redraw_are_expected(self) -> None:
        assert expected_departures(None) == {}
        between = (SEAMLESS_RESIDUAL + VISIBLE_RESIDUAL) / 2
        for residual, share in ((1.0, 1.0), (between, 0.5), (VISIBLE_RESIDUAL, 0.0)):
            calibration = Redraw(redraw_residual=residual, redraw_departures={"step": 0.2, "turn": 0.1})
            assert expected_departures(calibration) == pytest.approx({"step": 0.2 * share, "turn": 0.1 * share})

    def test_a_seam_may_cost_less_beyond_the_expected_departures(self) -> None:
        """A damage cannot hide in what the redraw excuses."""
        canvas, tile = scene(draw("clouds", (64, 64), 9))
        plain = score_tile(canvas, tile, "x_ltr", SMALL)
        assert plain.metrics["seam"] < 0
        assert not plain.vetoes
        for residual, share in ((1.0, SEAMLESS_LIMIT), (VISIBLE_RESIDUAL, 1.0)):
            calibration = Redraw(redraw_residual=residual, redraw_departures={"step": 1e-9})
            assert allowed_share(calibration) == pytest.approx(share)
            seam = score_tile(canvas, tile, "x_ltr", SMALL, calibration).metrics["seam"]
            assert seam == pytest.approx(plain.metrics["seam"] / share)

    def test_a_calibration_without_expected_departures_does_not_change_the_allowed_cost(self) -> None:
        canvas, tile = scene(draw("clouds", (64, 64), 9))
        calibration = calibrate_tile(tile, canvas, "x_ltr", SMALL)
        assert calibration.redraw_departures
        assert allowed_share(calibration) == allowed_share(Redraw(redraw_residual=1.0)) == allowed_share(None) == 1
        assert score_tile(canvas, tile, "x_ltr", SMALL, calibration).metrics["seam"] == (
            score_tile(canvas, tile, "x_ltr", SMALL).metrics["seam"]
        )

    def test_a_redraw_that_joins_the_band_without_a_seam_is_not_unfaithful(self) -> None:
        """The band of a smooth picture has little but noise, which no redraw explains."""
        canvas, tile = scene(noise((64, 64), 9))
        for residual, vetoes in ((1.0, ()), (VISIBLE_RESIDUAL, ("unfaithful",))):
            calibration = Redraw(fidelity=FIDELITY_FLOOR - 0.1, redraw_residual=residual)
            assert score_tile(canvas, tile, "x_ltr", SMALL, calibration).vetoes == vetoes

    @pytest.mark.parametrize("kind", ["ink", "hatching", "writing", "foliage", "clouds"])
    def test_another_picture_of_the_same_kind_is_unfaithful(self, kind: str) -> None:
        contract = TileContract(256, 128, 64, 64)
        canvas, other = draw(kind, (128, 256), 1), draw(kind, (256, 256), 2)
        calibration = calibrate_tile(other, canvas, "x_ltr", contract)
        assert "unfaithful" in score_tile(canvas, calibration.tile, "x_ltr", contract, calibration).vetoes


class TestGate:
    @pytest.mark.parametrize("mode", MODES)
    def test_is_the_same_for_the_turned_band(self, mode: Mode) -> None:
        band = draw("hatching", (64, 64), 1).crop((0, 0, 32, 64))
        assert interior_gate(turned(band, mode), mode, SMALL) == interior_gate(band, "x_ltr", SMALL)

    def test_needs_only_the_band(self) -> None:
        canvas = noise((100, 64), 4)
        assert interior_gate(canvas, "x_ltr", SMALL) == interior_gate(canvas.crop((68, 0, 100, 64)), "x_ltr", SMALL)

    def test_records_its_inputs(self) -> None:
        gate = interior_gate(noise((512, 1024), 4), "x_ltr", CLASSIC, factor=2.5)
        assert gate.factor == 2.5
        assert len(gate.interior) > 1
        assert max(gate.interior) <= 0
        assert json.loads(json.dumps(gate.as_dict()))["threshold"] == gate.threshold

    def test_is_lower_for_a_larger_factor(self) -> None:
        band = noise((512, 1024), 4)
        thresholds = [interior_gate(band, "x_ltr", CLASSIC, factor).threshold for factor in (0.5, 1, 2)]
        assert thresholds == sorted(thresholds, reverse=True)
        assert len(set(thresholds)) == 3

    def test_passes_at_the_threshold_and_not_below(self) -> None:
        gate = interior_gate(noise((32, 64), 4), "x_ltr", SMALL)
        assert gate.passes(TileScore(0.0, {"seam": gate.threshold}))
        assert not gate.passes(TileScore(0.0, {"seam": math.nextafter(gate.threshold, -math.inf)}))

    def test_never_passes_a_veto(self) -> None:
        gate = interior_gate(noise((32, 64), 4), "x_ltr", SMALL)
        assert not gate.passes(TileScore(0.0, {"seam": 0.0}, ("copy",)))

    def test_passes_the_true_continuation_of_a_constant_picture(self) -> None:
        gate = interior_gate(constant((32, 64)), "x_ltr", SMALL)
        assert gate.passes(score_strips(constant((16, 64)), constant((16, 64)), "x_ltr"))

    @pytest.mark.parametrize("kind", ["facade", "mosaic"])
    def test_passes_what_costs_no_more_than_a_cut_inside_the_band(self, kind: str) -> None:
        band = draw(kind, (512, 1024), 21)
        assert interior_gate(band, "x_ltr").threshold <= min(interior_gate(band, "x_ltr").interior)
        assert interior_gate(band, "x_ltr", factor=2.0).threshold > interior_gate(band, "x_ltr").threshold

    @pytest.mark.parametrize("kind", ["diagonals", "facade", "bricks"])
    def test_passes_the_truth_and_refuses_another_picture(self, kind: str) -> None:
        picture = draw(kind, (1100, 1024), 21)
        canvas, tile = scene(picture, CLASSIC)
        gate = interior_gate(canvas, "x_ltr")
        assert gate.passes(score_tile(canvas, tile, "x_ltr"))
        _, other = scene(draw("writing", (1100, 1024), 21), CLASSIC)
        assert not gate.passes(score_tile(canvas, other, "x_ltr"))


@pytest.mark.parametrize("overlap", [16, 8])
def test_the_gate_of_a_narrow_contract_looks_as_far_as_its_strips(overlap: int) -> None:
    """The same columns count inside the band as at the seam."""
    contract = TileContract(64, 32, overlap, 16)
    band = draw("ink", (32, 64), 3)
    gate = interior_gate(band, Mode.X_LTR, contract, 2.5)
    costs = interior_costs(band, overlap)
    assert gate.interior == tuple(-cost for cost in costs)
    assert gate.threshold == pytest.approx(-2.5 * max(expected_cost(costs), max(costs) / DEFAULT_GATE))
    assert interior_costs(band, 16) != interior_costs(band, 8)
