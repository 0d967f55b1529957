"""Registration uses the luminance, unless it hides edges that another grey picture shows."""

import pytest
from PIL import Image, ImageChops

from exquisite.contract import TileContract
from exquisite.geometry.calibration import calibrate_tile
from exquisite.geometry.calibration.grey import _OTHERS, LUMINANCE, registration_grey
from tests.support import pictures

SIZE = (128, 256)
RED, GREEN = (200, 60, 60), (60, 131, 60)  # of one luminance, 101


def bands(*colours: tuple[int, int, int], edges: tuple[int, ...], size: tuple[int, int] = SIZE) -> Image.Image:
    """Horizontal areas, from above, that meet at `edges`."""
    picture = Image.new("RGB", size, colours[-1])
    for colour, edge in reversed(list(zip(colours, edges, strict=False))):
        picture.paste(colour, (0, 0, size[0], edge))
    return picture


@pytest.mark.parametrize("kind", ["ink", "cobbles", "foliage", "night", "clouds"])
def test_luminance_shows_the_edges_of_usual_pictures(kind: str) -> None:
    assert registration_grey(pictures.draw(kind, SIZE, 3)) == LUMINANCE


def test_a_picture_without_edges_uses_its_luminance() -> None:
    assert registration_grey(Image.new("RGB", SIZE, RED)) == LUMINANCE
    assert registration_grey(Image.new("RGB", (4, 4), RED)) == LUMINANCE


def test_the_weights_of_luminance_are_those_of_pillow() -> None:
    picture = pictures.draw("foliage", SIZE, 3)
    apart = ImageChops.difference(picture.convert("L"), picture.convert("L", LUMINANCE))
    assert apart.getextrema()[1] <= 1  # type: ignore[operator]


@pytest.mark.parametrize("weights", _OTHERS)
def test_a_neutral_grey_keeps_its_level_or_becomes_mid_grey(weights: tuple[float, float, float, float]) -> None:
    """A difference of two channels is 0 on every neutral level, and at most 127.5 on any colour."""
    levels = [sum(weights[:3]) * level + weights[3] for level in (0, 100, 255)]
    assert levels in ([0, 100, 255], [127.5] * 3)
    assert sum(map(abs, weights[:3])) == 1


def test_an_edge_between_colours_of_one_luminance_shows_in_another_grey() -> None:
    picture = bands(RED, GREEN, edges=(120,))
    low, high = picture.convert("L").getextrema()
    assert low == high
    weights = registration_grey(picture)
    low, high = picture.convert("L", weights).getextrema()
    assert high - low > 60  # type: ignore[operator]


def test_such_an_edge_determines_the_placement() -> None:
    """One edge in the luminance, one in colour alone: together they tell shift and zoom along their normal."""
    contract = TileContract(256, 128, 64, 64)
    picture = bands((230, 230, 240), RED, GREEN, edges=(60, 200), size=(256, 256))
    tile = bands((230, 230, 240), RED, GREEN, edges=(64, 204), size=(256, 256))
    calibration = calibrate_tile(tile, picture.crop((0, 0, *SIZE)), "x_ltr", contract)
    assert calibration.shift == pytest.approx((0, 4), abs=0.25)
    assert calibration.scale[1] == pytest.approx(1, abs=0.003)
