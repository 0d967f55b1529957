"""The tables of the cut: the document shows the last run, and each join does what its name says."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from PIL import ImageChops, ImageFilter

from exquisite.contract import TileContract
from exquisite.geometry import cut
from tests.benchmarks import cuts, cuts_table
from tests.benchmarks.cut_choices import CHOICES
from tests.benchmarks.joins import JOINS, Joined, Redrawn, last_known, measure, straight_at, straight_cut
from tests.support import pictures
from tests.support.documents import RESULTS, marked, read

SMALL = TileContract(128, 64, 32, 48)


@pytest.fixture(scope="module")
def recorded() -> dict[str, Any]:
    result: dict[str, Any] = json.loads(cuts.RESULT.read_text("utf-8"))
    return result


@pytest.fixture(scope="module")
def place() -> Redrawn:
    """A picture, and the same a row lower."""
    old = pictures.draw("ink", (128, 128), 5)
    return Redrawn(old, ImageChops.offset(old, 0, 1), SMALL)


def test_the_document_shows_the_last_run(recorded: dict[str, Any]) -> None:
    table = marked(read(RESULTS), "bench-cut").strip("\n")
    assert table == cuts_table.render(recorded), "run `python -m tests.benchmarks.cuts --write`"


def test_every_join_was_measured_under_every_drift(recorded: dict[str, Any]) -> None:
    rows = {(row["drift"], row["join"], row["zone_px"]) for row in recorded["joins"]}
    zones = {(join, width) for join in cuts_table.IN_THE_ZONE for width in cuts.WIDTHS}
    zones |= {(join, cuts.REAL_PX) for join in set(JOINS) - set(cuts_table.IN_THE_ZONE)}
    assert rows == {(drift, join, width) for drift in cuts.DRIFTS for join, width in zones}
    places = len(cuts.SEEDS) * (len(pictures.KINDS) + len(cuts.PICTURES))
    assert {row["places"] for row in recorded["joins"]} == {places}


def test_the_record_shows_the_cut_of_the_package_as_the_best(recorded: dict[str, Any]) -> None:
    rows = {(row["drift"], row["join"]): row for row in recorded["joins"] if row["zone_px"] == cuts.REAL_PX}
    for drift in cuts.DRIFTS:
        straight, cut = rows[drift, "straight"], rows[drift, "cut and ramp"]
        assert cut["broken"] <= straight["broken"]
        assert cut["mismatch"] <= 0.5 * straight["mismatch"]
        assert cut["sharpness"] >= 0.96
    assert rows["fine re-invention", "cross-fade"]["sharpness"] < 0.9
    assert rows["fine re-invention", "cut and ramp"]["broken"] <= 0.005


def test_the_record_shows_no_better_constants(recorded: dict[str, Any]) -> None:
    for row in recorded.get("choices", []):
        if row["join"] == "as it is":
            assert row["worst_kind"] <= 0.005
        assert row["join"] in CHOICES


def test_no_pair_of_a_real_model_got_worse(recorded: dict[str, Any]) -> None:
    explained = [pair for pair in recorded["real"] if pair["kept"] >= cuts.LEAST_EXPLAINED]
    assert len(explained) >= 12
    for pair in explained:
        assert pair["cut"]["broken"] <= 0.005
        assert pair["cut"]["mismatch"] <= pair["straight"]["mismatch"]


@pytest.mark.parametrize("name", JOINS)
def test_a_join_is_old_before_the_zone_and_new_behind_it(name: str, place: Redrawn) -> None:
    result = JOINS[name](place, 16)
    assert result.tile.crop((0, 0, 48, 128)).tobytes() == place.old.crop((0, 0, 48, 128)).tobytes()
    assert result.tile.crop((96, 0, 128, 128)).tobytes() == place.new.crop((96, 0, 128, 128)).tobytes()


def test_at_displaced_strokes_a_straight_join_breaks_and_a_cross_fade_ghosts(place: Redrawn) -> None:
    straight, fade, cut = (measure(JOINS[name], place, 32) for name in ("straight", "cross-fade", "cut and ramp"))
    assert straight.broken > 0.1 > cut.broken
    assert straight.longest > cut.longest
    assert cut.mismatch < straight.mismatch
    assert fade.sharpness < 0.9 < cut.sharpness
    assert straight.residual > cut.residual
    assert measure(last_known, place, 32).mismatch == pytest.approx(straight.mismatch, rel=0.5)


def test_pictures_that_agree_cost_nothing() -> None:
    old = pictures.draw("foliage", (128, 128), 5)
    for join in JOINS.values():
        result = measure(join, Redrawn(old, old, SMALL), 16)
        assert (result.broken, result.longest, result.mismatch, result.sharpness) == (0, 0, 0, 1)


def test_a_path_that_goes_to_and_fro_breaks_strokes_between_the_rows(place: Redrawn) -> None:
    def woven(place: Redrawn, zone_px: int) -> Joined:
        """Every other row new."""
        path = tuple(zone_px * (y % 2) for y in range(place.old.height))
        tile = place.enforced
        left, top, right, bottom = place.contract.tile_frame("x_ltr").zone_in_tile(zone_px)
        for y in range(top, bottom, 2):
            tile.paste(place.new.crop((left, y, right, y + 1)), (left, y))
        return Joined(tile, replace(straight_cut(0, zone_px, len(path)), path=path), 0)

    assert measure(woven, place, 16).between_rows > 0.5
    assert measure(straight_at(4), place, 16).between_rows == 0


@pytest.mark.parametrize("at", [1, 8, 15])
def test_a_soft_picture_makes_no_join_unsharp(at: int) -> None:
    """The zone is as sharp as its sources, whatever the shares of the soft and the crisp one."""
    crisp = pictures.draw("ink", (128, 128), 5)
    soft = Redrawn(crisp, crisp.filter(ImageFilter.GaussianBlur(1)), SMALL)
    assert measure(straight_at(at), soft, 16).sharpness == pytest.approx(1, abs=0.04)


def test_measuring_other_constants_restores_those_of_the_package(place: Redrawn) -> None:
    before = (cut._BEND_WEIGHT, cut.RAMP_PX)
    as_it_is, light = (measure(CHOICES[name], place, 32) for name in ("as it is", "a bend weighs 10"))
    assert before == (cut._BEND_WEIGHT, cut.RAMP_PX)
    assert light.broken >= as_it_is.broken
    assert CHOICES["a ramp of ±1 px"](place, 32).reach == 1
