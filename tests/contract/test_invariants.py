"""Invariants of CONTRACT.md, each in every mode and for contracts of every shape, on pictures of noise."""

from __future__ import annotations

import random
from math import isfinite

import pytest
from PIL import Image, ImageChops

from exquisite.contract import Mode, TileContract, from_canonical, to_canonical
from exquisite.geometry.calibration import calibrate_tile
from exquisite.geometry.enforcement import enforce_conditioning_half
from exquisite.geometry.feather import feather_tile
from exquisite.geometry.overlap_score import extract_scoring_strips, score_strips, score_tile
from exquisite.geometry.reference_tile import SCAFFOLD_FILLS, build_reference_tile_and_mask
from exquisite.geometry.tile_mode import extract_conditioning_band, glue, split_tile

CONTRACTS = [
    TileContract(64, 32, 16, 16),
    TileContract(64, 32, 16, 28),
    TileContract(64, 48, 16, 16),
    TileContract(64, 24, 24, 8),
    TileContract(64, 20, 5, 37),
    TileContract(96, 32, 16, 56, across_px=48),
    TileContract(48, 20, 8, 24, across_px=64),
]

every_case = pytest.mark.parametrize("mode", Mode)
every_contract = pytest.mark.parametrize(
    "contract", CONTRACTS, ids=str
)


def noise(size: tuple[int, int], seed: int) -> Image.Image:
    """Every pixel by chance, the same for the same seed: no two places are alike."""
    return Image.frombytes("RGB", size, random.Random(seed).randbytes(3 * size[0] * size[1]))


def canvas_for(contract: TileContract, mode: Mode) -> Image.Image:
    """A canvas that can grow in `mode`, a little longer than the band."""
    return noise(contract.oriented((contract.band_px + 13, contract.across_px), mode), 1)


@every_case
@every_contract
class TestGluing:
    @pytest.mark.invariant("GROWTH-EXACT")
    def test_the_canvas_grows_by_the_advance_along_one_axis(self, mode: Mode, contract: TileContract) -> None:
        canvas = canvas_for(contract, mode)
        result = glue(canvas, noise(contract.tile_size(mode), 2), mode, contract)
        along, across = contract.oriented(canvas.size, mode)
        assert contract.oriented(result.size, mode) == (along + contract.advance_px, across)

    @pytest.mark.invariant("BAND-ENFORCED")
    def test_an_enforced_conditioning_half_is_the_band(self, mode: Mode, contract: TileContract) -> None:
        canvas, raw = canvas_for(contract, mode), noise(contract.tile_size(mode), 2)
        band = extract_conditioning_band(canvas, mode, contract)
        enforced = enforce_conditioning_half(raw, band, mode, contract)
        conditioning, generated = split_tile(enforced, mode, contract)
        assert conditioning.tobytes() == band.tobytes()
        assert generated.tobytes() == split_tile(raw, mode, contract)[1].tobytes()

    @pytest.mark.invariant("SEAM-INTERIOR")
    @pytest.mark.invariant("OLD-PIXELS")
    def test_the_interior_boundary_leaves_no_trace(self, mode: Mode, contract: TileContract) -> None:
        """Of two canvases, glued with the patch and extended by the growth alone, every pixel is the same."""
        canvas = canvas_for(contract, mode)
        band = extract_conditioning_band(canvas, mode, contract)
        enforced = enforce_conditioning_half(noise(contract.tile_size(mode), 2), band, mode, contract)
        frame = contract.frame(mode, canvas.size)
        result = glue(canvas, enforced, mode, contract)
        plain = Image.new("RGB", frame.grown_size)
        plain.paste(canvas, frame.canvas_origin)
        plain.paste(enforced.crop(frame.growth_in_tile), frame.growth)
        assert result.tobytes() == plain.tobytes()
        inside = (*frame.canvas_origin, *_sum(frame.canvas_origin, canvas.size))
        assert result.crop(inside).tobytes() == canvas.tobytes()

    @pytest.mark.invariant("OLD-PIXELS")
    @pytest.mark.parametrize("feather_px", [0, 1, 5])
    def test_a_feather_of_any_width_leaves_old_pixels(
        self, mode: Mode, contract: TileContract, feather_px: int
    ) -> None:
        canvas, raw = canvas_for(contract, mode), noise(contract.tile_size(mode), 2)
        band = extract_conditioning_band(canvas, mode, contract)
        enforced = enforce_conditioning_half(raw, band, mode, contract)
        feathered = feather_tile(enforced, raw, band, mode, feather_px, contract)
        assert split_tile(feathered, mode, contract)[0].tobytes() == band.tobytes()

    @pytest.mark.invariant("STRIPS-GENERATED")
    def test_the_scored_strip_is_next_to_the_seam_on_the_generated_side(
        self, mode: Mode, contract: TileContract
    ) -> None:
        canvas, tile = canvas_for(contract, mode), noise(contract.tile_size(mode), 2)
        old, new = (to_canonical(strip, mode) for strip in extract_scoring_strips(canvas, tile, mode, contract))
        canonical, generated = to_canonical(canvas, mode), to_canonical(split_tile(tile, mode, contract)[1], mode)
        width, height = contract.overlap_px, contract.across_px
        assert new.tobytes() == generated.crop((0, 0, width, height)).tobytes()
        assert old.tobytes() == canonical.crop((canonical.width - width, 0, canonical.width, height)).tobytes()

    @pytest.mark.invariant("MODES-EQUAL")
    def test_every_mode_is_growth_to_the_right_turned(self, mode: Mode, contract: TileContract) -> None:
        canvas, tile = canvas_for(contract, mode), noise(contract.tile_size(mode), 2)
        right = glue(to_canonical(canvas, mode), to_canonical(tile, mode), Mode.X_LTR, contract)
        assert glue(canvas, tile, mode, contract).tobytes() == from_canonical(right, mode).tobytes()


@every_case
class TestReferenceTile:
    @pytest.mark.invariant("MASK-POLARITY")
    @pytest.mark.parametrize("fill", SCAFFOLD_FILLS)
    @pytest.mark.parametrize("cue", [False, True])
    @every_contract
    def test_the_mask_keeps_the_band_alone(self, mode: Mode, contract: TileContract, fill: str, cue: bool) -> None:
        band = extract_conditioning_band(canvas_for(contract, mode), mode, contract)
        mask = build_reference_tile_and_mask(band, mode, contract, scaffold_fill=fill, continuation_cue=cue).mask
        frame = contract.tile_frame(mode)
        assert (mask.mode, mask.size) == ("RGBA", contract.tile_size(mode))
        conditioning = contract.across_px * contract.band_px
        assert mask.crop(frame.conditioning_half).getcolors() == [(conditioning, (0, 0, 0, 255))]
        generated = contract.across_px * (contract.tile_px - contract.band_px)
        assert mask.crop(frame.generated_half).getcolors() == [(generated, (255, 255, 255, 0))]


class TestScores:
    @pytest.mark.invariant("SCORES-FINITE")
    @pytest.mark.parametrize("size", [(16, 64), (5, 64), (1, 64), (16, 3), (1, 1), (40, 2)])
    def test_every_metric_is_finite_for_every_pair(self, size: tuple[int, int]) -> None:
        ramp = Image.linear_gradient("L").resize(size).convert("RGB")
        pictures = [Image.new("RGB", size), Image.new("RGB", size, "white"), noise(size, 1), noise(size, 2), ramp]
        for old in pictures:
            for new in pictures:
                score = score_strips(old, new, "x_ltr")
                assert isfinite(score.primary)
                assert all(isfinite(value) for value in score.metrics.values()), score.metrics

    @pytest.mark.invariant("SCORES-FINITE")
    @pytest.mark.invariant("MODES-EQUAL")
    @every_case
    def test_a_turned_pair_has_the_same_score(self, mode: Mode) -> None:
        old, new = noise((16, 64), 1), noise((16, 64), 2)
        score = score_strips(from_canonical(old, mode), from_canonical(new, mode), mode)
        assert score == score_strips(old, new, Mode.X_LTR)

    @pytest.mark.invariant("STRIPS-GENERATED")
    @every_case
    def test_the_conditioning_half_of_a_tile_does_not_change_its_score(self, mode: Mode) -> None:
        contract = CONTRACTS[0]
        canvas = canvas_for(contract, mode)
        one, other = noise(contract.tile_size(mode), 2), noise(contract.tile_size(mode), 3)
        other.paste(split_tile(one, mode, contract)[1], contract.tile_frame(mode).generated_half)
        assert score_tile(canvas, one, mode, contract) == score_tile(canvas, other, mode, contract)


@pytest.mark.invariant("CALIBRATION-SAFE")
@every_case
@every_contract
def test_a_tile_without_drift_passes_calibration_byte_for_byte(mode: Mode, contract: TileContract) -> None:
    tile = noise(contract.tile_size(mode), 2)
    calibration = calibrate_tile(tile, split_tile(tile, mode, contract)[0], mode, contract)
    assert not ImageChops.difference(calibration.tile, tile).getbbox()
    assert not calibration.applied


def _sum(one: tuple[int, int], other: tuple[int, int]) -> tuple[int, int]:
    return (one[0] + other[0], one[1] + other[1])
