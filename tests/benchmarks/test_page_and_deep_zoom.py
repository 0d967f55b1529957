"""The tables of the page and of Deep Zoom: the document shows the last runs, which keep every promise."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.benchmarks import deep_zoom, page
from tests.support.documents import RESULTS, marked, read


@pytest.fixture(scope="module")
def page_times() -> dict[str, Any]:
    result: dict[str, Any] = json.loads(page.RESULT.read_text(encoding="utf-8"))
    return result


@pytest.fixture(scope="module")
def exported() -> dict[str, Any]:
    result: dict[str, Any] = json.loads(deep_zoom.RESULT.read_text(encoding="utf-8"))
    return result


def test_the_document_shows_the_last_runs(page_times: dict[str, Any], exported: dict[str, Any]) -> None:
    assert marked(read(RESULTS), "bench-page").strip("\n") == page.render(page_times)
    assert marked(read(RESULTS), "bench-deep-zoom").strip("\n") == deep_zoom.render(exported)


def test_the_page_is_fast_on_ten_thousand_strips(page_times: dict[str, Any]) -> None:
    assert page_times["strips"] >= 9_990
    assert page_times["keys_ms"] <= 1000
    assert max(times["median_ms"] for times in page_times["tiles"].values()) <= 50
    assert page_times["peak_bytes"] <= 150e6


def test_a_deep_zoom_picture_is_small_fast_and_equal_to_the_canvas(exported: dict[str, Any]) -> None:
    width, height = exported["canvas_size"]
    assert (width, height) == (1_000_192, 1024)
    png, jpeg, tiles = exported["exports"].values()
    assert jpeg["bytes"] <= 200e6
    assert max(jpeg["seconds"], tiles["seconds"]) <= 2 * png["seconds"]
    assert exported["tiles_equal"] == -(-width // 512) * 2
    assert exported["drafts_left"] == []
