"""Vetoes: copies, mirrors, smears and flat fills, relative to the canvas's own repetitions."""

import random
from functools import cache

import pytest
from PIL import Image, ImageDraw, ImageFilter

from exquisite.geometry.vetoes import emptiness_vetoes, resemblance_vetoes
from tests.support.pictures import checker, draw, noise

WIDTH, HEIGHT = 256, 1024


@cache
def pieces(kind: str, seed: int = 5) -> tuple[Image.Image, Image.Image]:
    """(band of 512, true strip of 256) of a drawn picture, as luminance."""
    picture = draw(kind, (3 * WIDTH, HEIGHT), seed).convert("L")
    return picture.crop((0, 0, 2 * WIDTH, HEIGHT)), picture.crop((2 * WIDTH, 0, 3 * WIDTH, HEIGHT))


def grey(size: tuple[int, int], level: int = 128) -> Image.Image:
    return Image.new("L", size, level)


def mirrored(band: Image.Image) -> Image.Image:
    return band.transpose(Image.Transpose.FLIP_LEFT_RIGHT).crop((0, 0, WIDTH, HEIGHT))


@pytest.mark.parametrize("kind", ["foliage", "clouds", "hatching"])
class TestResemblance:
    def test_lets_the_truth_pass(self, kind: str) -> None:
        assert resemblance_vetoes(*pieces(kind)) == ()

    def test_refuses_a_mirrored_band(self, kind: str) -> None:
        band, _ = pieces(kind)
        assert "mirror" in resemblance_vetoes(band, mirrored(band))

    @pytest.mark.parametrize("start", [0, WIDTH])
    def test_refuses_a_copied_band(self, kind: str, start: int) -> None:
        band, _ = pieces(kind)
        assert "copy" in resemblance_vetoes(band, band.crop((start, 0, start + WIDTH, HEIGHT)))


def face(width: int) -> Image.Image:
    """Half of a symmetric subject, `width` columns up to its axis: smooth ovals, one in the other."""
    subject = Image.new("L", (2 * width, HEIGHT), 90)
    pen = ImageDraw.Draw(subject)
    for number in range(12):
        box = (40 * number, 40 * number, 2 * width - 40 * number, HEIGHT - 40 * number)
        if box[0] < box[2]:
            pen.ellipse(box, fill=(200, 120, 60)[number % 3])
    for left in (0.35, 0.6):
        pen.ellipse((2 * width * left, 400, 2 * width * (left + 0.05), 440), fill=10)
    return subject.filter(ImageFilter.GaussianBlur(3)).crop((0, 0, width, HEIGHT))


class TestSmoothSlopes:
    """Every piece of an even slope looks like every other, and its rounded levels repeat: that is no copy."""

    @pytest.mark.parametrize("grain", [0.0, 0.4])
    @pytest.mark.parametrize(
        ("along", "across"), [(-63, 11), (107, 14), (55, -63), (64, -34), (51, -119), (-116, -42), (73, -78), (0, 120)]
    )
    def test_may_go_on(self, along: float, across: float, grain: float) -> None:
        chance = random.Random(f"slope:{along}:{across}")
        levels = bytes(
            round(128 + along * (x / 256 - 0.5) + across * (y / 256 - 0.5) + chance.gauss(0, grain))
            for y in range(256)
            for x in range(192)
        )
        slope = Image.frombytes("L", (192, 256), levels)
        assert resemblance_vetoes(slope.crop((0, 0, 128, 256)), slope.crop((128, 0, 192, 256))) == ()


class TestSymmetricSubjects:
    def test_may_be_cut_at_their_axis(self) -> None:
        half = face(2 * WIDTH)
        assert resemblance_vetoes(half, mirrored(half)) == ()

    def test_with_slightly_unlike_sides_may_be_cut_at_their_axis(self) -> None:
        band, _ = pieces("foliage")
        other, _ = pieces("foliage", 6)
        alike = Image.blend(mirrored(band), other.crop((0, 0, WIDTH, HEIGHT)), 0.4)
        assert resemblance_vetoes(band, alike) == ()

    @pytest.mark.parametrize("skipped", range(0, 9))
    def test_mirrored_bands_are_refused_wherever_the_mirror_stands(self, skipped: int) -> None:
        band, _ = pieces("clouds")
        copy = band.transpose(Image.Transpose.FLIP_LEFT_RIGHT).crop((skipped, 0, skipped + WIDTH, HEIGHT))
        assert resemblance_vetoes(band, copy) == ("mirror",)


class TestPeriodicPictures:
    @pytest.mark.parametrize("kind", ["facade", "hatching", "bricks", "diagonals"])
    @pytest.mark.parametrize("seed", [5, 6])
    def test_may_repeat_themselves(self, kind: str, seed: int) -> None:
        assert resemblance_vetoes(*pieces(kind, seed)) == ()

    def test_may_repeat_themselves_exactly(self) -> None:
        tile = noise((32, HEIGHT), 1).convert("L")
        band, strip = Image.new("L", (2 * WIDTH, HEIGHT)), Image.new("L", (WIDTH, HEIGHT))
        for image in (band, strip):
            for left in range(0, image.width, 32):
                image.paste(tile, (left, 0))
        assert resemblance_vetoes(band, strip) == ()


class TestEmptiness:
    @pytest.mark.parametrize("kind", ["hatching", "foliage", "clouds", "gradients"])
    def test_lets_the_truth_pass(self, kind: str) -> None:
        assert emptiness_vetoes(*pieces(kind)) == ()

    @pytest.mark.parametrize("kind", ["hatching", "foliage", "clouds", "gradients"])
    def test_refuses_a_smear(self, kind: str) -> None:
        band, _ = pieces(kind)
        smear = band.crop((2 * WIDTH - 1, 0, 2 * WIDTH, HEIGHT)).resize((WIDTH, HEIGHT))
        assert "smear" in emptiness_vetoes(band, smear)

    @pytest.mark.parametrize("kind", ["hatching", "foliage", "clouds"])
    def test_refuses_a_flat_fill(self, kind: str) -> None:
        band, _ = pieces(kind)
        assert emptiness_vetoes(band, grey((WIDTH, HEIGHT))) == ("smear", "flat")

    def test_lets_a_flat_picture_stay_flat(self) -> None:
        assert emptiness_vetoes(grey((64, 64)), grey((32, 64))) == ()

    def test_lets_a_flat_piece_of_the_picture_go_on(self) -> None:
        band = noise((64, 64)).convert("L")
        band.paste(9, (40, 0, 64, 64))
        assert emptiness_vetoes(band, grey((32, 64), 9)) == ()


@pytest.mark.parametrize("size", [(1, 1), (1, 64), (2, 2), (5, 3), (16, 64)])
def test_every_size_is_judged(size: tuple[int, int]) -> None:
    assert isinstance(resemblance_vetoes(noise(size).convert("L"), noise(size, 1).convert("L")), tuple)
    assert isinstance(emptiness_vetoes(noise(size).convert("L"), noise(size, 1).convert("L")), tuple)


@pytest.mark.parametrize(
    ("own", "likeness", "vetoed"),
    [
        (0.5, 0.83, True),  # leaves .17 where the band's own best repetition leaves .5: less than 35 % of it
        (0.5, 0.82, False),
        (0.9, 0.97, True),
        (0.9, 0.96, False),
        (0.93, 0.98, True),
        (0.95, 1.0, False),  # a band that repeats itself so exactly is periodic
        (0.0, 0.66, True),
        (0.0, 0.64, False),
        (-0.5, 0.59, False),  # nothing that correlates less than .6 is a copy
        (-0.5, 0.61, True),
    ],
)
def test_a_copy_explains_much_more_than_the_band_does(
    monkeypatch: pytest.MonkeyPatch, own: float, likeness: float, vetoed: bool
) -> None:
    likenesses = iter([{"copy": likeness, "mirror": 0.0}, {"copy": own, "mirror": 0.0}])
    monkeypatch.setattr("exquisite.geometry.vetoes.resemblance", lambda *_: next(likenesses))
    band, strip = noise((64, 64)).convert("L"), noise((32, 64)).convert("L")
    assert resemblance_vetoes(band, strip) == (("copy",) if vetoed else ())


@pytest.mark.parametrize(("contrast", "vetoed"), [(6, True), (10, False)])
def test_a_fill_has_less_than_eight_per_cent_of_the_texture_of_the_band(contrast: int, vetoed: bool) -> None:
    """A checker of 100 levels before the seam, and one of so many behind it."""

    def checkered(width: int, high: int) -> Image.Image:
        return checker((width, 64), 1).convert("L").point(lambda value: high * (value > 100))

    band, strip = checkered(64, 100), checkered(32, contrast)
    assert emptiness_vetoes(band, strip) == (("smear", "flat") if vetoed else ())
