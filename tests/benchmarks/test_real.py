"""Calibration on redraws by a real autoencoder: never worse than raw, no more detail than is coherent, no exception."""

import random
from dataclasses import replace
from functools import cache

import pytest

from exquisite.pixels import as_float
from tests.benchmarks.real import Pair, Row, crop, examine, fuzz, summary
from tests.support.redraws import REDRAWS, Redraw

CROPS = 100


def pair(redraw: Redraw) -> Pair:
    return Pair(redraw.name, redraw.mode, "invisible", redraw.shown, redraw.drawn)


@cache
def row(redraw: Redraw) -> Row:
    return examine(pair(redraw))


@pytest.mark.parametrize("redraw", REDRAWS, ids=lambda redraw: redraw.name)
def test_the_new_half_of_a_real_redraw_is_no_worse_than_raw(redraw: Redraw) -> None:
    found = row(redraw)
    assert found.share > 0.5
    assert found.calibrated_db > found.raw_db - 0.3
    assert 0.85 < found.fine < 1.2
    assert not found.falling
    assert found.stages


def test_most_real_redraws_come_nearer_to_the_truth() -> None:
    rows = [row(redraw) for redraw in REDRAWS]
    assert sum(found.calibrated_db > found.raw_db + 1 for found in rows) >= len(rows) // 2


def test_no_crop_of_a_real_redraw_raises() -> None:
    box = (96, 96, 240, 240)
    small = [Pair(r.name, r.mode, "", r.shown.crop(box), r.drawn.crop(box)) for r in REDRAWS]
    assert fuzz(small, CROPS) == []


def test_a_crop_is_the_same_place_of_both_pictures() -> None:
    part = crop(Pair("same", REDRAWS[0].mode, "", REDRAWS[0].shown, REDRAWS[0].shown), random.Random(1))
    assert part.shown.tobytes() == part.drawn.tobytes()
    assert as_float(part.shown.convert("L")).size == part.contract.tile_size(part.mode)


def test_the_summary_counts_what_the_table_shows() -> None:
    good = row(REDRAWS[0])
    lost = replace(good, eye="visible", passes=False, feather=None, calibrated_db=good.raw_db - 1)
    worst = replace(lost, eye="damaged", falling=True, fine=2.0)
    text = summary([good, lost, worst], 1_000, 3)
    assert "| visible | 1 | 0 | 0 |" in text
    assert "Of 3 calibrated pairs, 2 are worse than raw by more than 0.3 dB, and 1 have a falling tone curve." in text
    assert "to 2.00. Calibration failed on 3 of 1,000 random crops." in text
