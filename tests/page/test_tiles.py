"""Tiles of the canvas: correct pixels at every level, within bounded time and memory."""

from __future__ import annotations

import io
import time
from pathlib import Path

import pytest
from PIL import Image, ImageChops, ImageStat

from exquisite.contract import Box
from exquisite.page import tiles as tiles_module
from exquisite.page.cache import LruCache
from exquisite.page.strips import StripIndex
from exquisite.page.tiles import TILE_PX, TileMaker
from exquisite.pipeline.store import Store
from tests.support.faulty_files import QuickFiles
from tests.support.tiny import InstantGenerator, grow, make_session, pixels_of


@pytest.fixture(params=[("x_ltr", "x_rtl", "x_ltr"), ("y_btt", "y_ttb", "y_ttb")], ids=["x", "y"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return make_session(tmp_path / "s", request.param, files=QuickFiles()).store


def whole(maker: TileMaker, store: Store, level: int) -> Image.Image:
    """The canvas at a level, put together from its tiles, each asked for until it is complete."""
    canvas = store.canvas_box(store.head)
    shrink = 1 << level
    box = Box(*(round(edge / shrink) for edge in canvas))
    picture = Image.new("RGB", box.size)
    for y in range(box.top // TILE_PX, box.bottom // TILE_PX + 1):
        for x in range(box.left // TILE_PX, box.right // TILE_PX + 1):
            for _ in range(200):
                tile = maker.tile(store.head, level, x, y)
                if tile.complete:
                    break
                time.sleep(0.01)
            assert tile.complete
            with Image.open(io.BytesIO(tile.data)) as image:
                picture.paste(image.convert("RGB"), (x * TILE_PX - box.left, y * TILE_PX - box.top))
    return picture


def unlike(one: Image.Image, other: Image.Image) -> float:
    """Mean difference of two pictures of one size, in levels."""
    return sum(ImageStat.Stat(ImageChops.difference(one, other)).mean) / 3


@pytest.mark.parametrize("level", [0, 1, 2])
def test_the_tiles_are_the_canvas_at_their_level(store: Store, level: int) -> None:
    maker = TileMaker(store, StripIndex(store))
    size, pixels = pixels_of(store.root)
    canvas = Image.frombytes("RGB", size, pixels)
    shrink = 1 << level
    expected = canvas.resize((size[0] // shrink, size[1] // shrink), Image.Resampling.BOX)
    assert unlike(whole(maker, store, level), expected) < 6  # JPEG, on a picture made of edges
    maker.close()


def test_a_tile_over_its_time_budget_is_incomplete_at_first(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tile says that it is incomplete, and a later request within the budget completes it."""
    monkeypatch.setattr(tiles_module, "_BUDGET_S", 0.0)
    maker = TileMaker(store, StripIndex(store))
    first = maker.tile(store.head, 0, 0, 0)
    assert not first.complete
    monkeypatch.setattr(tiles_module, "_BUDGET_S", 5.0)
    assert maker.tile(store.head, 0, 0, 0).complete
    maker.close()


def test_a_new_step_appears_and_an_undone_one_goes(tmp_path: Path) -> None:
    session = make_session(tmp_path / "s", ("x_ltr",), files=QuickFiles())
    store = session.store
    maker = TileMaker(store, StripIndex(store))
    before = maker.tile(session.head, 0, 0, 0)
    grow(session, "x_ltr")
    after = maker.tile(session.head, 0, 0, 0)
    assert after.data != before.data
    session.undo()
    assert maker.tile(session.head, 0, 0, 0).data == before.data
    maker.close()


class TestStripIndex:
    def test_finds_exactly_the_strips_that_overlap(self, store: Store) -> None:
        index = StripIndex(store)
        canvas = store.canvas_box(store.head)
        pieces = [piece for _, piece in store.pieces(store.head)]
        for left, top in ((canvas.left, canvas.top), (0, 0), (canvas.right - 3, canvas.bottom - 3)):
            box = Box(left, top, left + 3, top + 3)
            strips, complete = index.within(store.head, box)
            assert complete
            inside = [p for p in pieces if p.box.left < box.right and p.box.right > box.left
                      and p.box.top < box.bottom and p.box.bottom > box.top]  # fmt: skip
            assert [strip.piece for strip in strips] == inside

    def test_reads_no_further_than_it_must(self, store: Store) -> None:
        """A look at the frontier of a long canvas reads only the records near it."""
        index = StripIndex(store)
        outermost = store.steps.record(store.head)["strip"]
        x, y = outermost["origin"]
        index.within(store.head, Box(x, y, x + 1, y + 1))
        assert len(index._by_step) <= 2

    def test_seams_lie_where_new_pixels_begin(self, store: Store) -> None:
        index = StripIndex(store)
        axis = 0 if store.axis == "x" else 1
        seams = [index.strip(number).seam for number in range(1, store.head + 1)]
        expected = []
        for number in range(1, store.head + 1):
            old, record = store.canvas_box(number - 1), store.steps.record(number)
            expected.append(old[axis + 2] if record["side"] == "high" else old[axis])
        assert seams == expected
        assert index.strip(0).seam is None


class TestLruCache:
    def test_evicts_the_least_recently_used_value(self) -> None:
        cache: LruCache[str] = LruCache(10)
        cache.put("a", "A", 4)
        cache.put("b", "B", 4)
        assert cache.get("a") == "A"
        cache.put("c", "C", 4)
        assert (cache.get("a"), cache.get("b"), cache.get("c")) == ("A", None, "C")
        assert cache.total == 8

    def test_a_value_put_again_counts_once(self) -> None:
        cache: LruCache[str] = LruCache(10)
        cache.put("a", "A", 6)
        cache.put("a", "B", 3)
        assert (cache.get("a"), cache.total) == ("B", 3)


def test_pending_pixels_are_shown_as_they_are(tmp_path: Path) -> None:
    """Pending zones at both ends lie over the committed pixels."""
    session = make_session(tmp_path / "s", ("x_ltr", "x_ltr", "x_rtl"), files=QuickFiles(), soften_px=3)
    store = session.store
    assert session.status().pending_px == {"low": 3, "high": 3}
    maker = TileMaker(store, StripIndex(store))
    size, pixels = pixels_of(store.root)
    assert unlike(whole(maker, store, 0), Image.frombytes("RGB", size, pixels)) < 6
    maker.close()


def test_the_newer_of_two_overlapping_strips_is_shown(tmp_path: Path) -> None:
    """The first step may draw the end of the seed picture anew, which stays in its own strip as it was."""
    session = make_session(tmp_path / "s", files=QuickFiles())
    seed = session.frontier("x_ltr")
    grow(session, "x_ltr", InstantGenerator(drift_px=9), soften_px=7, soften_seed=True)
    store = session.store
    maker = TileMaker(store, StripIndex(store))
    size, pixels = pixels_of(store.root)
    canvas = Image.frombytes("RGB", size, pixels)
    zone = (32 - 7, 0, 32, 32)
    assert unlike(canvas.crop(zone), seed.crop((seed.width - 7, 0, *seed.size))) > 15
    assert unlike(whole(maker, store, 0).crop(zone), canvas.crop(zone)) < 10
    maker.close()
