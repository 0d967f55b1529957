"""The fit of the seam's weights: it finds what tells damages apart, and the package holds what it found."""

import json
import random
from typing import Any

import pytest

from exquisite.geometry.overlap_score import METRICS
from exquisite.geometry.seam_metrics import COMPONENTS, TYPICAL_COST
from tests.benchmarks import seam_weights
from tests.benchmarks.seam_weights import Pair, fit, held_out, pairs_of, scaled, won
from tests.benchmarks.seams import Row


def pairs(*means: float, number: int = 400) -> list[Pair]:
    """Differences around some means, each with a standard deviation of 1; of four kinds of pictures."""
    draw = random.Random(7)
    return [
        Pair(tuple(draw.gauss(mean, 1) for mean in means), 1 / number, "abcd"[k % 4], own=k % 2 == 0)
        for k in range(number)
    ]


def row(costs: float, damage: str = "", **changes: Any) -> Row:
    fields = {"strength": 1.0, "visible": True, "passed": True, "vetoed": False, "seconds": 0.0, "seam": 600}
    metrics = (-costs,) * len(METRICS)
    return Row(**{**fields, "source": "ink", "seed": 1, "damage": damage, "metrics": metrics, **changes})


def test_the_package_holds_the_weights_that_were_fitted() -> None:
    recorded = json.loads(seam_weights.RESULT.read_text(encoding="utf-8"))
    assert {component.name: component.weight for component in COMPONENTS} == recorded["weights"]


def test_what_tells_more_weighs_more_and_nothing_weighs_less_than_nothing() -> None:
    strong, weak, wrong = fit(pairs(2.0, 0.5, -1.0))
    assert strong > weak > 0
    assert wrong == 0


def test_components_that_tell_the_same_share_the_weight() -> None:
    same = [Pair((p.difference[0], p.difference[0]), p.count, p.kind, p.own) for p in pairs(1.0)]
    first, second = fit(same)
    assert first == pytest.approx(second, rel=1e-3)


def test_the_fit_is_the_least_of_its_sum() -> None:
    some = pairs(1.0, 0.3)
    best = fit(some)
    slope, _ = seam_weights._derivatives(some, best)
    assert slope == pytest.approx((0, 0), abs=1e-6)


def test_a_truth_costs_what_is_typical() -> None:
    truths = [row(1.0), row(3.0)]
    weights = scaled([1.0] * len(COMPONENTS), truths)
    assert sum(weights) * 2.0 == pytest.approx(TYPICAL_COST)


def test_damages_count_alike_and_those_that_are_vetoed_or_invisible_do_not() -> None:
    truths = [row(1.0, seam=seam) for seam in range(4)]
    rows = [
        *truths,
        row(2.0, "blur", seam=0),
        row(2.0, "blur", seam=1),
        row(5.0, "noise", seam=2),
        row(9.0, "smear", seam=3, vetoed=True),
        row(9.0, "blur", seam=3, visible=False),
    ]
    found = pairs_of(rows)
    own = [pair for pair in found if pair.own]
    assert [(pair.difference[0], pair.count) for pair in own] == [(1.0, 0.5), (1.0, 0.5), (4.0, 1.0)]
    assert sum(pair.count for pair in found if not pair.own) == pytest.approx(2.0)


def test_wins_are_counted_for_the_own_seam_or_for_others() -> None:
    some = [Pair((1.0,), 0.5, "a", own=True), Pair((-1.0,), 0.5, "b", own=True), Pair((1.0,), 1.0, "a", own=False)]
    assert won(some, [1.0], own=True) == 0.5
    assert won(some, [1.0], own=False) == 1
    assert won(some, {"a": [1.0], "b": [-1.0]}, own=True) == 1


def test_no_kind_is_judged_by_weights_that_have_seen_it() -> None:
    some = pairs(1.0, 0.5)
    found = held_out(some)
    assert set(found) == {"a", "b", "c", "d"}
    assert found["a"] == fit([pair for pair in some if pair.kind != "a"])
