"""The table of the reference veto: the document shows the last run, which keeps every promise."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.benchmarks import references
from tests.support.documents import RESULTS, marked, read


@pytest.fixture(scope="module")
def recorded() -> dict[str, Any]:
    result: dict[str, Any] = json.loads(references.RESULT.read_text(encoding="utf-8"))
    return result


def test_the_document_shows_the_last_run(recorded: dict[str, Any]) -> None:
    assert marked(read(RESULTS), "bench-references").strip("\n") == references.render(recorded)


def test_the_record_is_of_these_trials(recorded: dict[str, Any]) -> None:
    counts = {contract: sum(count for _, count in record["counts"].values()) for contract, record in recorded.items()}
    trials = references.trials()
    assert counts == {name: sum(trial.contract == name for trial in trials) for name in counts}
    assert set(counts) == {trial.contract for trial in trials}


def test_copies_are_found_and_continuations_pass(recorded: dict[str, Any]) -> None:
    counts = [record["counts"] for record in recorded.values()]
    copies = [record[name] for record in counts for name in references.PLACEMENTS]
    assert sum(caught for caught, _ in copies) >= 0.9 * sum(total for _, total in copies)
    assert [record["truths"][0] for record in counts] == [0] * len(counts)


def test_a_continuation_costs_a_fraction_of_a_copy(recorded: dict[str, Any]) -> None:
    """A coarse comparison rules out most tiles: only a possible copy is compared again at full size."""
    assert recorded["classic"]["truth"] <= 0.4 * recorded["classic"]["copy"]


@pytest.mark.parametrize("placement", ["", "covering the half"])
def test_a_trial_reports_whether_the_veto_was_right(placement: str) -> None:
    reference = "ripples" if placement else "bricks"
    row = references.examine(references.Trial("classic", "bricks", reference, placement))
    assert row["copied"] == bool(placement)
    assert min(row["once"], row["each"]) > 0
