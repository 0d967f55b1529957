"""Known tone curves are inverted, and levels without pixels follow them smoothly."""

from collections import Counter
from itertools import pairwise
from random import Random

import pytest
from PIL import Image, ImageChops, ImageFilter

from exquisite.geometry.calibration.tone import equal_histograms, fit_tone, matched_histograms, through, with_tone
from tests.support import pictures
from tests.support.reading import extrema, rgb_pixels

SIZE = (256, 256)


def everything(size: tuple[int, int] = SIZE) -> Image.Image:
    return Image.new("L", size, 255)


def curves_of(gamma: float, contrast: float, cast: tuple[int, int, int]) -> list[int]:
    return [
        min(255, max(0, round(255 * (((v / 255) ** gamma - 0.5) * contrast + 0.5) + c)))
        for c in cast
        for v in range(256)
    ]


@pytest.mark.parametrize(
    ("kind", "common", "rare"), [("gradients", 1, 1), ("painterly", 1, 4), ("ink", 1, 1), ("foliage", 4, 7)]
)
@pytest.mark.parametrize(("gamma", "contrast", "cast"), [(1.18, 1.0, (8, -8, 3)), (0.85, 0.92, (-5, 0, 8))])
def test_a_tone_curve_is_inverted(
    kind: str, common: int, rare: int, gamma: float, contrast: float, cast: tuple[int, int, int]
) -> None:
    """To one level where a level is common; foliage is busy almost everywhere."""
    band = pictures.draw(kind, SIZE, 2)
    lut = curves_of(gamma, contrast, cast)
    redraw = band.point(lut)
    back = with_tone(redraw, fit_tone(redraw, band, everything()))
    many = SIZE[0] * SIZE[1] // 400
    for channel in range(3):
        curve = lut[256 * channel : 256 * (channel + 1)]
        single = {v for v in range(256) if 2 < curve[v] < 253 and curve.count(curve[v]) == 1}
        pairs = Image.merge("RGB", (band.split()[channel], back.split()[channel], Image.new("L", SIZE)))
        counts = Counter(rgb_pixels(pairs))
        errors = [(abs(a - b), common if n >= many else rare) for (a, b, _), n in counts.items() if a in single]
        assert all(error <= most for error, most in errors)


def test_the_same_tone_is_the_identity() -> None:
    band = pictures.draw("painterly", SIZE, 3)
    assert with_tone(band, fit_tone(band, band, everything())).tobytes() == band.tobytes()


def test_levels_that_do_not_occur_are_carried_on_smoothly() -> None:
    band = Image.linear_gradient("L").point([64 + v // 2 for v in range(256)])
    redraw = band.point([min(255, v + 10) for v in range(256)])
    (curve,) = fit_tone(redraw, band, everything())
    assert curve[30] == pytest.approx(20, abs=1)
    assert curve[230] == pytest.approx(220, abs=1)


def test_displaced_detail_in_the_dark_does_not_darken_light_levels() -> None:
    """Redraw and band show the same dark sky and other stars: their tone is equal, but the means have a lower slope."""
    sky = _grain(6, 1)
    band, redraw = (ImageChops.add(sky, _grain(4, seed), 1, -232) for seed in (2, 3))
    (curve,) = fit_tone(redraw, band)
    assert curve[16] > 17  # at levels that occur, the curve passes through the means
    assert curve[32] < 31
    assert all(abs(curve[level] - level) < 4 for level in range(100, 256))  # continued from the means alone: up to 9


def _grain(levels: float, seed: int) -> Image.Image:
    """Mid-grey with grain two pixels wide; its standard deviation is `levels`."""
    draw = Random(seed)
    small = Image.new("L", (SIZE[0] // 2, SIZE[1] // 2))
    small.putdata([round(draw.gauss(128, levels)) for _ in range(small.width * small.height)])
    return small.resize(SIZE, Image.Resampling.BICUBIC)


@pytest.mark.parametrize("softness", [0, 0.6, 1.2])
def test_edges_do_not_pull_paper_and_ink_towards_grey(softness: float) -> None:
    """Of squares drawn a pixel off, every sixteenth white pixel lies on black: the means alone take off 15 levels."""
    squares = Image.new("L", SIZE, 255)
    for left in range(0, SIZE[0], 32):
        for top in range(0, SIZE[1], 32):
            squares.paste(0, (left, top, left + 16, top + 16))
    redraw = squares.point([10 + round(v * 0.9) for v in range(256)]).filter(ImageFilter.GaussianBlur(softness))
    (curve,) = fit_tone(ImageChops.offset(redraw, 1, 0), squares, everything())
    assert curve[10] == pytest.approx(0, abs=1)
    assert curve[240] == pytest.approx(255, abs=1)


def test_pixels_that_do_not_count_change_nothing() -> None:
    band = pictures.draw("painterly", SIZE, 3)
    redraw = band.point(curves_of(1.1, 1, (4, 4, 4)))
    redraw.paste((255, 0, 255), (128, 0, 256, 256))
    counted = everything()
    counted.paste(0, (128, 0, 256, 256))
    back = with_tone(redraw, fit_tone(redraw, band, counted)).crop((0, 0, 128, 256))
    alone = fit_tone(redraw.crop((0, 0, 128, 256)), band.crop((0, 0, 128, 256)), everything((128, 256)))
    assert back.tobytes() == with_tone(redraw.crop((0, 0, 128, 256)), alone).tobytes()


def test_a_flat_picture_keeps_its_level() -> None:
    redraw, band = pictures.constant(SIZE, (100, 0, 255)), pictures.constant(SIZE, (90, 5, 250))
    assert with_tone(redraw, fit_tone(redraw, band, everything())).getpixel((3, 3)) == (90, 5, 250)


def test_without_counting_pixels_the_curve_is_the_identity() -> None:
    band = pictures.draw("painterly", SIZE, 3)
    nothing = Image.new("L", SIZE, 0)
    assert with_tone(band, fit_tone(band, band, nothing)).tobytes() == band.tobytes()


def test_matched_histograms_undo_a_gamma_without_registration() -> None:
    band = pictures.draw("foliage", SIZE, 4).convert("L")
    redraw = band.point([round(255 * (v / 255) ** 1.2) for v in range(256)]).transpose(Image.Transpose.ROTATE_180)
    curve = matched_histograms(redraw, band)
    for level in (60, 120, 180):
        assert curve[round(255 * (level / 255) ** 1.2)] == pytest.approx(level, abs=1.5)
    assert all(a <= b for a, b in pairwise(curve))


def test_only_counting_pixels_have_their_histogram_matched() -> None:
    band = pictures.draw("foliage", SIZE, 4).convert("L")
    redraw = band.point([v // 2 + 40 for v in range(256)])
    counted = everything()
    redraw.paste(255, (0, 0, 256, 128))
    counted.paste(0, (0, 0, 256, 128))
    assert matched_histograms(redraw, band, counted)[40 + 50] == pytest.approx(100, abs=1.5)
    assert matched_histograms(redraw, band)[40 + 50] < 90


def test_remaining_softness_changes_no_black_and_white() -> None:
    band = pictures.draw("ink", SIZE, 4)
    soft = band.filter(ImageFilter.GaussianBlur(0.6))
    even = with_tone(soft, equal_histograms(soft, band, everything()))
    for a, b in zip(even.split(), band.split(), strict=True):
        counts, expected = a.histogram(), b.histogram()
        for levels in (slice(0, 32), slice(224, 256)):
            assert sum(counts[levels]) == pytest.approx(sum(expected[levels]), rel=0.25)
    assert with_tone(band, equal_histograms(band, band, everything())).tobytes() == band.tobytes()


def test_a_few_more_pixels_of_one_flat_colour_change_no_other_level() -> None:
    band = pictures.constant(SIZE, (40, 90, 200))
    band.paste((180, 90, 60), (0, 0, 100, 256))
    redraw = band.copy()
    redraw.paste((180, 90, 60), (0, 0, 104, 256))
    curves = equal_histograms(redraw, band, everything())
    assert curves[0][40] == pytest.approx(40, abs=1)
    assert curves[0][180] == pytest.approx(180, abs=4)


def test_every_second_pixel_is_enough() -> None:
    band = pictures.draw("painterly", SIZE, 3)
    redraw = band.point(curves_of(1.1, 0.95, (4, -4, 2)))
    few, all_of_them = (fit_tone(redraw, band, enough=count) for count in (1 << 13, 1 << 20))
    for channel, (a, b) in zip(band.split(), zip(few, all_of_them, strict=True), strict=True):
        ((low, high),) = extrema(channel)
        assert all(abs(x - y) < 1 for x, y in zip(a[low + 9 : high - 9], b[low + 9 : high - 9], strict=True))


def test_a_curve_keeps_its_fractions_on_the_way_to_float() -> None:
    grey = Image.new("L", (4, 4), 10)
    assert through(grey, [v * 0.5 + 0.25 for v in range(256)]).getpixel((1, 1)) == pytest.approx(5.25)
