"""Calibration on redraws by a real autoencoder: never worse than raw, no more detail than is coherent, no exception."""

import random
from dataclasses import replace
from functools import cache

import pytest
from PIL import Image, ImageChops, ImageFilter

from exquisite.pixels import as_float
from tests.benchmarks.real import Pair, Row, _fine, crop, examine, fuzz, summary
from tests.support import pictures
from tests.support.redraws import REDRAWS, Redraw

CROPS = 100


def pair(redraw: Redraw) -> Pair:
    return Pair(redraw.name, redraw.mode, "invisible", redraw.original, redraw.output)


@cache
def row(redraw: Redraw) -> Row:
    return examine(pair(redraw))


@pytest.mark.parametrize("redraw", REDRAWS, ids=lambda redraw: redraw.name)
def test_the_new_half_of_a_real_redraw_is_no_worse_than_raw(redraw: Redraw) -> None:
    result = row(redraw)
    assert result.share > 0.5
    assert result.calibrated_db > result.raw_db - 0.3
    assert 0.85 < result.fine < 1.2
    assert not result.falling
    assert result.stages


def test_fine_energy_is_measured_apart_from_the_rim_of_the_new_half() -> None:
    """A blur is wrong beside the rim of its picture, and the same in redraw and truth: neither may look like detail."""
    truth = pictures.draw("foliage", (128, 128), 3)
    everywhere = Image.new("L", truth.size, 255)
    soft = truth.filter(ImageFilter.GaussianBlur(0.5))
    share = energy_share(soft, truth)
    assert 0.2 < share < 0.8
    assert _fine(truth, soft, truth, everywhere) == pytest.approx(share, rel=0.01)


def energy_share(image: Image.Image, reference: Image.Image) -> float:
    """The variance of the difference to a 3 by 3 binomial blur, in both pictures without two pixels at the rim."""
    kernel = ImageFilter.Kernel((3, 3), (1, 2, 1, 2, 4, 2, 1, 2, 1), 16)
    energies = []
    for grey in (image.convert("L"), reference.convert("L")):
        inner = (2, 2, grey.width - 2, grey.height - 2)
        counts = ImageChops.difference(grey, grey.filter(kernel)).crop(inner).histogram()
        energies.append(sum(count * level**2 for level, count in enumerate(counts)))
    return energies[0] / energies[1]


def test_most_real_redraws_come_nearer_to_the_truth() -> None:
    rows = [row(redraw) for redraw in REDRAWS]
    assert sum(one.calibrated_db > one.raw_db + 1 for one in rows) >= len(rows) // 2


def test_no_crop_of_a_real_redraw_raises() -> None:
    box = (96, 96, 240, 240)
    small = [Pair(r.name, r.mode, "", r.original.crop(box), r.output.crop(box)) for r in REDRAWS]
    assert fuzz(small, CROPS) == []


def test_a_crop_is_the_same_place_of_both_pictures() -> None:
    part = crop(Pair("same", REDRAWS[0].mode, "", REDRAWS[0].original, REDRAWS[0].original), random.Random(1))
    assert part.original.tobytes() == part.output.tobytes()
    assert as_float(part.original.convert("L")).size == part.contract.tile_size(part.mode)


def test_the_summary_counts_what_the_table_shows() -> None:
    good = row(REDRAWS[0])
    damaged = replace(good, eye="visible", passes=False, feather=None, calibrated_db=good.raw_db - 1)
    worst = replace(damaged, eye="damaged", falling=True, fine=2.0)
    text = summary([good, damaged, worst], 1_000, 3)
    assert "| visible | 1 | 0 | 0 |" in text
    assert "Of 3 calibrated pairs, 2 are worse than raw by more than 0.3 dB, and 1 have a falling tone curve." in text
    assert "to 2.00. Calibration failed on 3 of 1,000 random crops." in text
