"""Redrawn detail: displaced parts, strokes, exchanged detail, grain, uneven tone, other content."""

from __future__ import annotations

import io
import math

import pytest
from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageStat

from exquisite.api.mock.drift import Drift, redraw
from exquisite.api.mock.drift.warp import fine_displacements
from exquisite.pixels import as_float, column_means, combined, difference, mean
from tests.support.pictures import noise

BOX = (32, 32, 160, 160)
PICTURE = noise((192, 192), seed=3, cell=3)
TRUTH = PICTURE.crop(BOX)


def detail(image: Image.Image) -> Image.Image:
    grey = image.convert("L")
    return difference(as_float(grey), as_float(grey.filter(ImageFilter.GaussianBlur(1))))


def product(one: Image.Image, other: Image.Image) -> float:
    return mean(combined(lambda a: a["v"] * a["w"], v=one, w=other))


def energy(image: Image.Image) -> float:
    return product(detail(image), detail(image))


def correlation(image: Image.Image) -> float:
    """The correlation of the detail of `image` with that of the truth."""
    return product(detail(image), detail(TRUTH)) / math.sqrt(energy(image) * energy(TRUTH))


def test_displaced_parts_move_by_their_root_mean_square_and_about_nothing() -> None:
    field = fine_displacements("a", 2.0, 8.0, (256, 256))
    displacements = [field.at(x + 0.5, y + 0.5) for y in range(0, 256, 3) for x in range(0, 256, 3)]
    for axis in zip(*displacements, strict=True):
        assert math.sqrt(sum(v * v for v in axis) / len(axis)) == pytest.approx(2, rel=0.08)
        assert abs(sum(axis) / len(axis)) < 0.3


def test_displaced_parts_show_the_same_picture_a_little_elsewhere() -> None:
    spots = Image.new("RGB", (192, 192), "white")
    for y in range(40, 160, 16):
        for x in range(40, 160, 16):
            ImageDraw.Draw(spots).rectangle((x, y, x + 1, y + 1), fill="black")
    drift = Drift(fine_px=2, fine_cell_px=16, seed=4)
    result = redraw(spots, (0, 0, 192, 192), drift).convert("L")
    field = fine_displacements(4, 2, 16, (192, 192))
    for x, y in ((56, 56), (88, 120), (136, 72)):
        at_x, at_y = x + 1.0, y + 1.0
        for _ in range(20):  # where the spot is drawn: the inverse of what is sampled
            dx, dy = field.at(at_x, at_y)
            at_x, at_y = x + 1 - dx, y + 1 - dy
        around = result.crop((x - 7, y - 7, x + 9, y + 9)).point(lambda v: 255 - v).convert("F")
        weights = column_means(around)
        assert sum((i + 0.5) * w for i, w in enumerate(weights)) / sum(weights) + x - 7 == pytest.approx(at_x, abs=0.3)


@pytest.mark.parametrize("coherence", [0.0, 0.5, 0.9])
def test_exchanged_detail_has_the_old_energy_and_the_set_correlation(coherence: float) -> None:
    faint = noise((192, 192), seed=9).point(lambda v: round(128 + (v - 128) * 0.1))
    result = redraw(faint, BOX, Drift(coherence=coherence, seed=1))
    base = as_float(faint.crop(BOX).convert("L").filter(ImageFilter.GaussianBlur(1)))
    new, old = (difference(as_float(image.convert("L")), base) for image in (result, faint.crop(BOX)))
    assert product(new, old) / math.sqrt(product(new, new) * product(old, old)) == pytest.approx(coherence, abs=0.06)
    assert product(new, new) / product(old, old) == pytest.approx(1, abs=0.1)


def test_less_is_exchanged_at_strong_edges() -> None:
    assert correlation(redraw(PICTURE, BOX, Drift(coherence=0.3, seed=1))) > 0.6


def test_lost_grain_leaves_strong_edges() -> None:
    grainy = ImageChops.add(
        Image.new("RGB", (192, 192), (60, 60, 60)), noise((192, 192), seed=5).point(lambda v: v // 64), 1, 0
    )
    ImageDraw.Draw(grainy).rectangle((96, 0, 191, 191), fill=(220, 220, 220))
    result, truth = redraw(grainy, BOX, Drift(grain=0.2)), grainy.crop(BOX)
    flat, edge = (0, 0, 48, 128), (60, 0, 68, 128)
    assert energy(result.crop(flat)) < 0.15 * energy(truth.crop(flat))
    assert energy(result.crop(edge)) > 0.9 * energy(truth.crop(edge))


def test_an_autoencoder_gives_detail_back_more_here_and_less_there() -> None:
    result = redraw(PICTURE, BOX, Drift(autoencoder=0.3, seed=2))
    ratios = [
        energy(result.crop((x, y, x + 8, y + 8))) / energy(TRUTH.crop((x, y, x + 8, y + 8)))
        for y in range(0, 128, 8)
        for x in range(0, 128, 8)
    ]
    assert min(ratios) < 0.75 < 1.25 < max(ratios)
    assert correlation(result) > 0.9


def test_uneven_tone_has_its_size_and_keeps_the_mean_and_the_detail() -> None:
    grey = Image.new("RGB", (192, 192), (128, 128, 128))
    uneven = redraw(grey, BOX, Drift(uneven=4, seed=6))
    assert ImageStat.Stat(uneven).stddev == pytest.approx([4, 4, 4], abs=1)
    assert ImageStat.Stat(uneven).mean == pytest.approx([128, 128, 128], abs=1)
    assert energy(uneven) < 0.2


def test_strokes_become_thicker_and_thinner_by_a_pixel_at_most() -> None:
    lines = Image.new("RGB", (192, 192), "white")
    for x in range(8, 192, 16):
        ImageDraw.Draw(lines).rectangle((x, 0, x + 2, 191), fill="black")
    box = (0, 0, 192, 192)
    result = redraw(lines, box, Drift(strokes=1, seed=3)).convert("L")
    assert ImageChops.lighter(result, lines.convert("L").filter(ImageFilter.MinFilter(3))) == result
    assert ImageChops.darker(result, lines.convert("L").filter(ImageFilter.MaxFilter(3))) == result
    plain = column_means(as_float(lines.convert("L")))
    changes = [new - old for new, old in zip(column_means(as_float(result)), plain, strict=True)]
    assert min(changes) < -10 < 10 < max(changes)


def test_blocks_of_an_earlier_compression_are_not_repeated() -> None:
    buffer = io.BytesIO()
    PICTURE.filter(ImageFilter.GaussianBlur(2)).save(buffer, "JPEG", quality=20)
    blocky = Image.open(buffer).convert("RGB")

    def step_at(image: Image.Image, remainder: int) -> float:
        grey = as_float(image.convert("L"))
        width, height = grey.size
        left, right = grey.crop((0, 0, width - 1, height)), grey.crop((1, 0, width, height))
        jumps = column_means(combined(lambda a: abs(a["v"] - a["w"]), v=left, w=right))
        jumps_at = [jump for x, jump in enumerate(jumps, start=1) if x % 8 == remainder]
        return sum(jumps_at) / len(jumps_at)

    result = redraw(blocky, (0, 0, 192, 192), Drift(jpeg=20))
    assert step_at(blocky, 0) > 1.5 * step_at(blocky, 4)
    assert step_at(result, 0) < 1.2 * step_at(result, 4)


@pytest.mark.parametrize("share", [0.3, 0.6])
def test_a_recomposition_shows_something_else_in_its_share(share: float) -> None:
    whole = noise((512, 512), seed=8, cell=8)
    result = redraw(whole, (0, 0, 512, 512), Drift(recomposed=share, seed=2))
    change = ImageChops.difference(result, whole).convert("L")
    share_changed = 1 - change.point(lambda v: 255 if v > 2 else 0).histogram()[0] / (512 * 512)
    assert share_changed == pytest.approx(share, abs=0.15)


def test_every_part_is_decided_by_the_seed() -> None:
    drift = {"fine_px": 1.0, "strokes": 0.4, "coherence": 0.7, "autoencoder": 0.2, "uneven": 2.0, "recomposed": 0.3}
    for name, value in drift.items():
        one, again, other = (redraw(PICTURE, BOX, Drift(seed=seed, **{name: value})) for seed in (1, 1, 2))  # type: ignore[arg-type]
        assert one.tobytes() == again.tobytes()
        assert one.tobytes() != other.tobytes()
