"""The model's input: the band, a scaffold in the other half, a cue only inside the band, and the mask."""

from __future__ import annotations

import random

import pytest
from PIL import Image, ImageChops

from exquisite.contract import Mode, TileContract, from_canonical, to_canonical
from exquisite.errors import CanvasError, UsageError
from exquisite.geometry.reference_tile import SCAFFOLD_FILLS, build_reference_tile_and_mask
from tests.support.reading import extrema

SMALL = TileContract(64, 32, 16, 16)


def noisy_band(mode: Mode | str = "x_ltr") -> Image.Image:
    """A band without two equal places, brighter than 100 everywhere."""
    width, height = SMALL.band_size(mode)
    chance = random.Random(4)
    return Image.frombytes("RGB", (width, height), bytes(chance.randrange(100, 250) for _ in range(3 * width * height)))


def scaffold(fill: str, band: Image.Image | None = None) -> Image.Image:
    """The generated half of a reference tile for growth to the right."""
    tile = build_reference_tile_and_mask(band or noisy_band(), "x_ltr", SMALL, scaffold_fill=fill).image
    return tile.crop((32, 0, 64, 64))


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("fill", SCAFFOLD_FILLS)
class TestEveryScaffold:
    def test_the_band_is_shown_as_it_is(self, mode: Mode, fill: str) -> None:
        band = noisy_band(mode)
        reference = build_reference_tile_and_mask(band, mode, SMALL, scaffold_fill=fill)
        assert (reference.image.mode, reference.image.size) == ("RGB", (64, 64))
        half = reference.image.crop(SMALL.frame(mode, (64, 64)).conditioning_half)
        assert half.tobytes() == band.tobytes()

    def test_nothing_is_black_by_accident(self, mode: Mode, fill: str) -> None:
        reference = build_reference_tile_and_mask(noisy_band(mode), mode, SMALL, scaffold_fill=fill)
        assert min(low for low, _ in extrema(reference.image)) >= 100

    @pytest.mark.invariant("MODES-EQUAL")
    @pytest.mark.parametrize("cue", [False, True])
    def test_every_mode_shows_the_same_turned(self, mode: Mode, fill: str, cue: bool) -> None:
        band = noisy_band(mode)
        own = build_reference_tile_and_mask(band, mode, SMALL, scaffold_fill=fill, continuation_cue=cue)
        right = build_reference_tile_and_mask(
            to_canonical(band, mode), "x_ltr", SMALL, scaffold_fill=fill, continuation_cue=cue
        )
        for one, other in zip(own, right, strict=True):
            assert one.tobytes() == from_canonical(other, mode).tobytes()

    @pytest.mark.invariant("NO-CUE-COMPOSITED")
    def test_a_cue_marks_the_conditioning_half_alone(self, mode: Mode, fill: str) -> None:
        plain, marked = (
            build_reference_tile_and_mask(noisy_band(mode), mode, SMALL, scaffold_fill=fill, continuation_cue=cue)
            for cue in (False, True)
        )
        changed = ImageChops.difference(plain.image, marked.image).getbbox()
        half = SMALL.frame(mode, (64, 64)).conditioning_half
        assert changed is not None
        assert half.left <= changed[0] <= changed[2] <= half.right
        assert half.top <= changed[1] <= changed[3] <= half.bottom
        assert plain.mask.tobytes() == marked.mask.tobytes()


class TestFills:
    def test_grey_is_neutral(self) -> None:
        assert scaffold("grey").getcolors() == [(32 * 64, (128, 128, 128))]

    def test_edge_carries_the_last_column_on(self) -> None:
        band, filled = noisy_band(), scaffold("edge")
        last = band.crop((31, 0, 32, 64)).tobytes()
        for x in range(32):
            assert filled.crop((x, 0, x + 1, 64)).tobytes() == last

    def test_mirror_begins_as_the_band_ends_and_softens_outwards(self) -> None:
        """In the first column the blur has hardly begun; in the last ones hardly any contrast is left."""
        band, filled = noisy_band(), scaffold("mirror")
        first = ImageChops.difference(filled.crop((0, 0, 1, 64)), band.crop((31, 0, 32, 64)))
        assert max(high for _, high in extrema(first)) < 40
        near, far = (extrema(filled.crop((x, 0, x + 4, 64)).convert("L"))[0] for x in (0, 28))
        assert far[1] - far[0] < (near[1] - near[0]) / 2

    @pytest.mark.parametrize("fill", ["edge", "mirror"])
    def test_a_flat_band_stays_flat(self, fill: str) -> None:
        assert scaffold(fill, Image.new("RGB", (32, 64), (9, 80, 200))).getcolors() == [(32 * 64, (9, 80, 200))]


def test_unknown_fills_and_other_bands_are_refused() -> None:
    with pytest.raises(UsageError, match="unknown scaffold fill 'black': use one of grey, edge, mirror"):
        build_reference_tile_and_mask(noisy_band(), "x_ltr", SMALL, scaffold_fill="black")
    with pytest.raises(CanvasError, match="the band is 32x64, growth in y_ttb needs 64x32"):
        build_reference_tile_and_mask(noisy_band(), "y_ttb", SMALL)
