"""The tables of contracts and of the anchor: the document shows the last runs, which keep every promise."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.benchmarks import anchors, strides
from tests.support.documents import RESULTS, marked, read


@pytest.fixture(scope="module")
def contracts() -> dict[str, Any]:
    result: dict[str, Any] = json.loads(strides.RESULT.read_text(encoding="utf-8"))
    return result


@pytest.fixture(scope="module")
def shares() -> dict[str, Any]:
    result: dict[str, Any] = json.loads(anchors.RESULT.read_text(encoding="utf-8"))
    return result


def test_the_document_shows_the_last_runs(contracts: dict[str, Any], shares: dict[str, Any]) -> None:
    assert marked(read(RESULTS), "bench-strides").strip("\n") == strides.render(contracts)
    assert marked(read(RESULTS), "bench-anchor").strip("\n") == anchors.render(shares)


@pytest.mark.parametrize("name", ["long", "tall"])
def test_a_longer_stride_is_no_worse_and_half_as_slow_per_pixel(contracts: dict[str, Any], name: str) -> None:
    classic, other = (contracts["one step"][key] for key in ("classic", name))
    assert other["calibrated"] <= 1.01 * classic["calibrated"]
    assert other["first"] >= classic["first"] - 0.5
    assert other["seconds"] <= 0.5 * classic["seconds"]


@pytest.mark.parametrize("name", ["long", "tall"])
def test_longer_strides_in_a_row_are_no_worse(contracts: dict[str, Any], name: str) -> None:
    classic, other = (contracts["in a row"][key] for key in ("classic", name))
    assert other["residual"] <= 1.03 * classic["residual"]  # 8 seams of one candidate each, with drifts of their own
    assert other["contrast"] >= classic["contrast"] - 0.01
    assert other["sharpness"] >= classic["sharpness"] - 0.02  # of 2 pictures; `bench-panorama` compares 17 and 22


@pytest.mark.parametrize("kind", anchors.KINDS)
def test_an_anchor_keeps_a_fading_model_within_4_percent(shares: dict[str, Any], kind: str) -> None:
    free, anchored = shares[kind]["0"], shares[kind]["0.25"]
    for name in ("contrast", "sharpness"):
        assert anchored[name] == pytest.approx(1.0, abs=0.04)
        assert free[name] < 0.9
    assert anchored["seam"] <= 1.01 * free["seam"]
    assert free["warned"] < 10
