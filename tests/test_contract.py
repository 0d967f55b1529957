"""The contract: modes, sizes, boxes, and what it refuses; CONTRACT.md's tables are compared in tests/contract."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest
from PIL import Image

from exquisite.contract import (
    CLASSIC,
    LONG,
    TALL,
    WIDE,
    Box,
    Mode,
    TileContract,
    from_canonical,
    require_rgb,
    to_canonical,
)
from exquisite.errors import CanvasError, ContractError, UsageError

SMALL = TileContract(64, 32, 16, 16)
BROAD = TileContract(48, 20, 8, 24, across_px=64)
"""Wider across the axis of growth than long."""


class TestMode:
    @pytest.mark.parametrize("mode", Mode)
    def test_a_mode_may_be_given_by_its_name(self, mode: Mode) -> None:
        assert Mode(mode.value) is mode
        assert SMALL.frame(mode.value, (64, 64)) == SMALL.frame(mode, (64, 64))

    def test_an_unknown_mode_is_refused_with_the_four_names(self) -> None:
        with pytest.raises(UsageError, match="unknown mode 'left': use one of x_ltr, x_rtl, y_ttb, y_btt"):
            Mode("left")


class TestCanonical:
    @pytest.mark.parametrize("mode", Mode)
    @pytest.mark.parametrize("kind", ["RGB", "RGBA", "L", "1", "I", "F"])
    def test_turning_there_and_back_loses_nothing(self, mode: Mode, kind: str) -> None:
        picture = Image.linear_gradient("L").crop((0, 0, 7, 200)).convert(kind)
        assert from_canonical(to_canonical(picture, mode), mode).tobytes() == picture.tobytes()

    @pytest.mark.parametrize(
        ("mode", "corner"), [("x_ltr", (8, 0)), ("x_rtl", (0, 0)), ("y_ttb", (0, 5)), ("y_btt", (0, 0))]
    )
    def test_the_growing_side_comes_to_the_right(self, mode: str, corner: tuple[int, int]) -> None:
        picture = Image.new("L", (9, 6))
        picture.paste(
            255, (*corner, corner[0] + (1 if mode[0] == "x" else 9), corner[1] + (6 if mode[0] == "x" else 1))
        )
        turned = to_canonical(picture, mode)
        assert turned.crop((turned.width - 1, 0, turned.width, turned.height)).getextrema() == (255, 255)
        assert turned.crop((0, 0, turned.width - 1, turned.height)).getextrema() == (0, 0)


class TestTileContract:
    def test_it_cannot_be_changed(self) -> None:
        with pytest.raises(FrozenInstanceError):
            CLASSIC.tile_px = 2048  # type: ignore[misc]

    @pytest.mark.parametrize("value", [0, -1, 1.5, "64", None, True])
    def test_sizes_are_whole_numbers_above_zero(self, value: object) -> None:
        with pytest.raises(ContractError, match=r"band_px=.* must be a whole number of pixels above 0"):
            TileContract(64, value, 16, 16)  # type: ignore[arg-type]

    def test_every_broken_rule_is_named_at_once(self) -> None:
        with pytest.raises(ContractError) as refused:
            TileContract(64, 64, 65, 1)
        assert str(refused.value).count(";") == 3

    def test_the_presets_have_these_margins(self) -> None:
        assert (CLASSIC.margin_px, WIDE.margin_px) == (256, 64)

    def test_without_a_size_across_it_is_square(self) -> None:
        assert SMALL.across_px == 64
        assert TileContract(64, 32, 16, 16, across_px=64) == SMALL
        with pytest.raises(ContractError, match=r"^invalid contract: tile_px=0 must be [^;]*$"):
            TileContract(0, 32, 16, 16)

    @pytest.mark.parametrize("value", [0, -1, 1.5, "64", True])
    def test_a_size_across_is_a_whole_number_too(self, value: object) -> None:
        with pytest.raises(ContractError, match=r"across_px=.* must be a whole number of pixels above 0"):
            TileContract(64, 32, 16, 16, value)  # type: ignore[arg-type]

    def test_a_rectangle_lies_along_the_axis_of_growth(self) -> None:
        assert (LONG.tile_size("x_rtl"), LONG.tile_size("y_ttb")) == ((3072, 1024), (1024, 3072))
        assert (LONG.band_size("x_ltr"), LONG.strip_size("y_btt")) == ((1024, 1024), (1024, 1984))
        assert LONG.tile_area == 3072 * 1024

    def test_a_square_contract_is_recorded_as_in_earlier_versions(self) -> None:
        assert CLASSIC.as_dict() == {"tile_px": 1024, "band_px": 512, "overlap_px": 256, "advance_px": 256}
        assert list(LONG.as_dict())[-1] == "across_px"
        assert all(TileContract(**one.as_dict()) == one for one in (CLASSIC, WIDE, LONG, TALL))

    @pytest.mark.parametrize("contract", [CLASSIC, WIDE, LONG, TALL, SMALL, BROAD])
    def test_the_text_of_a_contract_parses_to_the_same_contract(self, contract: TileContract) -> None:
        assert TileContract.parse(str(contract)) == contract

    def test_a_contract_is_parsed_from_its_name_or_its_sizes(self) -> None:
        assert TileContract.parse("long") is LONG
        assert str(LONG) == "3072x1024/1024/256/1984"
        assert TileContract.parse("64x48/32/16/16") == TileContract(64, 32, 16, 16, 48)

    @pytest.mark.parametrize("text", ["", "tal", "64/32/16", "64/32/16/16/48", "x48/32/16/16", "64x/3/1/1", "6./3/1/1"])
    def test_an_invalid_text_is_refused_with_both_notations(self, text: str) -> None:
        with pytest.raises(ContractError, match=r"use classic, wide, long, tall, or TILE/BAND/OVERLAP.* TILExACROSS"):
            TileContract.parse(text)

    @pytest.mark.parametrize(("mode", "size"), [("x_ltr", (16, 64)), ("y_btt", (64, 16))])
    def test_a_strip_lies_across_the_axis(self, mode: str, size: tuple[int, int]) -> None:
        assert SMALL.strip_size(mode) == size
        assert SMALL.band_size(mode) == tuple(2 * edge if edge == 16 else edge for edge in size)


class TestCanvas:
    def test_a_wrong_size_across_names_the_right_one_and_the_way(self) -> None:
        with pytest.raises(
            CanvasError, match=r"100x60 cannot grow in x_rtl: its height must be 64 px, not 60; `init`"
        ):
            SMALL.frame("x_rtl", (100, 60))
        with pytest.raises(CanvasError, match="60x100 cannot grow in y_ttb: its width must be 64 px, not 60"):
            SMALL.frame("y_ttb", (60, 100))

    def test_too_short_a_canvas_names_the_least_length(self) -> None:
        with pytest.raises(CanvasError, match=r"its width must be at least 32 px, not 31; .* --fit pad"):
            SMALL.frame("x_ltr", (31, 64))
        assert SMALL.frame("x_ltr", (32, 64)).grown_size == (48, 64)

    @pytest.mark.parametrize("mode", ["L", "RGBA", "P", "CMYK", "I;16"])
    def test_a_canvas_of_another_mode_is_refused(self, mode: str) -> None:
        with pytest.raises(CanvasError, match=f"the canvas has mode {mode}, not RGB"):
            require_rgb(Image.new(mode, (4, 4)), "the canvas")


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("contract", [CLASSIC, WIDE, LONG, SMALL, TileContract(64, 20, 5, 37), BROAD])
class TestFrame:
    def test_boxes_in_the_tile_fit_together(self, mode: Mode, contract: TileContract) -> None:
        frame = contract.tile_frame(mode)
        halves = frame.conditioning_half, frame.generated_half
        assert sum(width * height for width, height in (half.size for half in halves)) == contract.tile_area
        assert contract.oriented(frame.patch.size, mode)[0] == contract.overlap_px + contract.advance_px
        assert frame.growth_in_tile.size == contract.strip_size(mode)
        assert frame.tile_strip.size == frame.canvas_strip.size

    def test_boxes_in_the_grown_canvas_meet_at_the_seam(self, mode: Mode, contract: TileContract) -> None:
        canvas = contract.oriented((contract.tile_px + 7, contract.across_px), mode)
        frame = contract.frame(mode, canvas)
        left, top = frame.canvas_origin
        old = Box(left, top, left + canvas[0], top + canvas[1])
        edges = {"x": (0, 2), "y": (1, 3)}[mode.axis]
        assert frame.seam in [old[edge] for edge in edges]
        assert frame.seam in [frame.growth[edge] for edge in edges]
        assert Box(*map(min, old[:2], frame.growth[:2]), *map(max, old[2:], frame.growth[2:])) == (
            0,
            0,
            *frame.grown_size,
        )
        assert frame.paste_origin == frame.patch_in_canvas.origin
        assert frame.patch_in_canvas.size == frame.patch.size


@pytest.mark.parametrize(
    ("sizes", "most"),
    [((64, 32, 16, 16), 15), ((64, 32, 16, 24), 16), ((64, 16, 16, 24), 8)],
    ids=["less than the advance", "the overlap", "half of the band"],
)
def test_the_widest_pending_zone(sizes: tuple[int, int, int, int], most: int) -> None:
    contract = TileContract(*sizes)
    assert contract.max_soften_px == most
    contract.require_soften(most)
    with pytest.raises(UsageError, match=f"soften_px must be 0 to {most} with these sizes, not {most + 1}"):
        contract.require_soften(most + 1)
