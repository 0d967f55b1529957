"""The table of loops: the document shows the last run, which keeps every promise."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.benchmarks import loops
from tests.support.documents import RESULTS, marked, read


@pytest.fixture(scope="module")
def result() -> dict[str, Any]:
    recorded: dict[str, Any] = json.loads(loops.RESULT.read_text(encoding="utf-8"))
    return recorded


def test_the_document_shows_the_last_run(result: dict[str, Any]) -> None:
    assert marked(read(RESULTS), "bench-loop").strip("\n") == loops.render(result)
    assert {(row["kind"], row["seed"]) for row in result["rows"]} == {(k, s) for k in loops.KINDS for s in loops.SEEDS}
    assert result == loops.summarise(result["rows"])


def test_the_ends_meet_as_well_as_other_strips_do(result: dict[str, Any]) -> None:
    assert result["ratio"] <= 1.05


@pytest.mark.invariant("LOOP-CLOSED")
def test_no_other_pixel_changed(result: dict[str, Any]) -> None:
    assert [row["changed"] for row in result["rows"]] == [0] * len(result["rows"])
