"""The limits of calibration in the generated half, which has no band to be compared with."""

from __future__ import annotations

import pytest
from PIL import Image, ImageChops

from exquisite.geometry.calibration.guard import harm_of_detail, harm_of_levels
from tests.support import pictures

SIZE = (10, 100)
"""A thousand pixels: ten are one per cent."""


def flat(level: int, *, other: int = 0, share: float = 0.0) -> Image.Image:
    """One level, and `other` in a share of the pixels from the top."""
    image = Image.new("RGB", SIZE, (level,) * 3)
    image.paste((other,) * 3, (0, 0, SIZE[0], round(share * SIZE[1])))
    return image


def tile_of(half: Image.Image, new: Image.Image) -> Image.Image:
    """A canonical tile."""
    tile = Image.new("RGB", (half.width + new.width, half.height))
    tile.paste(half, (0, 0))
    tile.paste(new, (half.width, 0))
    return tile


def curve(**levels: float) -> tuple[tuple[float, ...], ...]:
    """Curves that leave every level as it is but for `levels`, such as l200=210."""
    changed = {int(name[1:]): level for name, level in levels.items()}
    return (tuple(changed.get(level, float(level)) for level in range(256)),) * 3


@pytest.mark.parametrize("share", [0.02, 0.03])
@pytest.mark.parametrize("end", [0.0, 255.0])
def test_two_per_cent_of_the_pixels_may_be_clipped(share: float, end: float) -> None:
    new = flat(100, other=200, share=share)
    harm = "would clip the generated half" if share > 0.02 else ""
    assert harm_of_levels(tile_of(flat(100), new), curve(l200=end), flat(200)) == harm


def test_what_the_band_clips_may_be_clipped() -> None:
    new = flat(100, other=200, share=0.5)
    tile = tile_of(flat(100), new)
    assert harm_of_levels(tile, curve(l200=255), flat(200, other=255, share=0.5)) == ""


@pytest.mark.parametrize(("share_of_band", "is_harm"), [(0.3, False), (0.28, False), (0.27, True)])
def test_off_white_paper_becomes_white_where_the_band_shows_it_however_much_the_new_half_has(
    share_of_band: float, is_harm: bool
) -> None:
    tile = tile_of(flat(100, other=250, share=0.3), flat(100, other=250, share=0.9))
    harm = harm_of_levels(tile, curve(l250=255), flat(100, other=255, share=share_of_band))
    assert bool(harm) == is_harm


def test_levels_that_only_the_new_half_has_are_not_clipped_for_the_white_of_the_band() -> None:
    tile = tile_of(flat(100, other=250, share=0.3), flat(100, other=240, share=0.9))
    harm = harm_of_levels(tile, curve(l240=255, l250=255), flat(100, other=255, share=0.3))
    assert harm == "would clip the generated half"


@pytest.mark.parametrize(("to", "share", "is_harm"), [(208, 0.03, False), (209, 0.03, True), (209, 0.02, False)])
def test_levels_that_the_band_lacks_are_changed_as_little_as_those_that_it_has(
    to: int, share: float, is_harm: bool
) -> None:
    """Eight levels more at most, in more than two per cent of the pixels."""
    harm = harm_of_levels(tile_of(flat(100), flat(100, other=200, share=share)), curve(l200=to), flat(100))
    assert harm == ("would change levels that the band does not have" if is_harm else "")


def test_a_single_pixel_of_the_band_is_no_level_of_it() -> None:
    """A curve through one bright pixel of a dark band must not darken a bright generated half."""
    band = flat(20).resize((200, 100))
    band.putpixel((5, 5), (200, 200, 200))
    new = flat(20, other=200, share=0.5).resize((200, 100))
    assert harm_of_levels(tile_of(flat(20).resize((200, 100)), new), curve(l200=160), band) != ""


@pytest.mark.parametrize(
    ("levels", "harm"), [(3, ""), (4, "would draw a halftone"), (5, "would draw a halftone"), (6, "would amplify")]
)
def test_a_checkerboard_over_the_new_half_is_a_halftone_until_it_is_more_than_that(levels: int, harm: str) -> None:
    """With 3 levels it makes 1.48 times the usual share of the fine octave, with 4 levels 1.82 times."""
    before = pictures.draw("foliage", (256, 128), 3)
    board = pictures.checker((128, 128), 1).point([128 + levels if level else 128 - levels for level in range(256)] * 3)
    after = before.copy()
    after.paste(ImageChops.add(before.crop((128, 0, 256, 128)), board, 1, -128), (128, 0))
    message = harm_of_detail(before, after, before.crop((0, 0, 128, 128)))
    assert message.startswith(harm)
    assert bool(message) == bool(harm)


def test_the_halftone_of_the_band_is_no_harm_in_the_new_half() -> None:
    """A checkerboard of 4 levels all over a print: the redraw lost it, and the kernel brings it back."""
    before = pictures.draw("foliage", (256, 128), 3)
    board = pictures.checker(before.size, 1).point([132 if level else 124 for level in range(256)] * 3)
    after = ImageChops.add(before, board, 1, -128)
    assert harm_of_detail(before, after, after.crop((0, 0, 128, 128))) == ""


def test_detail_that_grows_as_it_does_in_the_conditioning_half_is_no_harm() -> None:
    before = pictures.draw("foliage", (256, 128), 3)
    sharper = Image.blend(before.resize((128, 64)).resize(before.size), before, 1.4)
    band = sharper.crop((0, 0, 128, 128))
    assert harm_of_detail(before, sharper, band) == ""
    alone = before.copy()
    alone.paste(sharper.crop((128, 0, 256, 128)), (128, 0))
    assert harm_of_detail(before, alone, band) == "would amplify the detail of the generated half"


def test_the_conditioning_half_gets_no_more_detail_than_the_band_has() -> None:
    before = pictures.draw("foliage", (256, 128), 3)
    sharper = Image.blend(before.resize((128, 64)).resize(before.size), before, 1.4)
    harm = harm_of_detail(before, sharper, before.crop((0, 0, 128, 128)))
    assert harm == "would give the conditioning half more detail than the band has"
