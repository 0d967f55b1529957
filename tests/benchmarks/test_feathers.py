"""The table of feathers: the document shows the last run, which supports the feather of the package."""

import json
from typing import Any

import pytest
from PIL import Image

from exquisite.contract import CLASSIC
from exquisite.geometry.enforcement import enforce_conditioning_half
from tests.benchmarks import feathers
from tests.support.documents import RESULTS, marked, read
from tests.support.reading import rgb_at


@pytest.fixture(scope="module")
def recorded() -> dict[str, Any]:
    result: dict[str, Any] = json.loads(feathers.RESULT.read_text(encoding="utf-8"))
    return result


def test_the_document_shows_the_last_run(recorded: dict[str, Any]) -> None:
    table = marked(read(RESULTS), "bench-feather").strip("\n")
    assert table == feathers.render(recorded), "run `python -m tests.benchmarks.feathers --write`"


def test_the_record_prefers_the_feather_of_the_package(recorded: dict[str, Any]) -> None:
    assert set(recorded) == set(feathers.REDRAWS)
    assert all(set(figures) == set(feathers.POLICIES) for figures in recorded.values())
    tone, _, after = (recorded[name] for name in feathers.REDRAWS)
    policy = "membrane, 32 px"
    assert tone[policy]["residual"] < tone["none"]["residual"]
    assert after[policy]["mean square"] < 1.02 * after["none"]["mean square"]
    assert after[policy]["mean square"] < after["last column carried straight, 32 px"]["mean square"]


@pytest.mark.parametrize("policy", feathers.POLICIES)
def test_a_policy_changes_new_pixels_only_and_only_where_something_differs(policy: str) -> None:
    model_tile = Image.new("RGB", CLASSIC.tile_size("x_ltr"), (100, 100, 100))
    band = Image.new("RGB", CLASSIC.band_size("x_ltr"), (106, 100, 94))
    enforced = enforce_conditioning_half(model_tile, band, "x_ltr")
    tile = feathers.POLICIES[policy](enforced, model_tile, band)
    assert tile.crop((0, 0, *band.size)).tobytes() == band.tobytes()
    assert tile.getpixel((CLASSIC.tile_px - 1, 5)) == (100, 100, 100)
    red, green, blue = rgb_at(tile, CLASSIC.band_px, CLASSIC.tile_px // 2)
    assert green == 100
    assert (red > 100 and blue < 100) == (policy != "none")
