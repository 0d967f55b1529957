"""The table of the torture run: the documents show the last run, which broke no promise."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.benchmarks import torture
from tests.support.documents import RESULTS, marked, read

RECORDED = json.loads((Path(__file__).parent / "torture.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize(("document", "render"), [(RESULTS, torture.table), ("README.md", torture.headline)])
def test_the_document_shows_the_last_run(document: str, render: Callable[..., str]) -> None:
    table = marked(read(document), "torture").strip("\n")
    assert table == render(RECORDED), "run `python -m tests.benchmarks.torture --write`"


def test_the_last_run_covers_every_set_without_a_broken_promise() -> None:
    assert {outcome["name"] for outcome in RECORDED} == set(torture.SETS)
    assert [outcome["name"] for outcome in RECORDED if outcome["problems"]] == []


def test_the_headline_counts_broken_promises() -> None:
    outcomes = [{**outcome, "problems": []} for outcome in RECORDED]
    outcomes[0]["problems"] = ["a row differs", "another row differs"]
    assert "broke 2 promises" in torture.headline(outcomes)
