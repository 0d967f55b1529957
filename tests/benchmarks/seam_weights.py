"""`make fit-seams`: where the weights of the seam's components come from.

    python -m tests.benchmarks.seam_weights            run the tuning half of the seam benchmark, fit, and print
    python -m tests.benchmarks.seam_weights --write    ... and record in seam_weights.json what the package must hold

Logistic regression on differences of costs x, weights w >= 0: the least of

    sum of log(1 + exp(-w . (x_damage - x_truth))) + RIDGE * |w - mean(w)|²

over every damage beside the truth at its own seam (does the scorer know the truth?) and beside the truths at some
seams of other pictures (is one threshold enough?). Every damage counts alike, however many strips it has; damages
that a veto meets, or that nobody sees, are left out. The scale is chosen so that a truth costs TYPICAL_COST on average.

Kinds of pictures are held out in turn (`FOLDS`), so that the figures are of pictures that the fit has not seen.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from exquisite.geometry.calibration.linear import solve
from exquisite.geometry.overlap_score import METRICS
from exquisite.geometry.seam_metrics import COMPONENTS, TYPICAL_COST
from tests.benchmarks import seams

__all__ = ["RESULT", "Pair", "fit", "held_out", "main", "pairs_of", "scaled", "won"]

RESULT = Path(__file__).with_name("seam_weights.json")

FOLDS = 4
OTHER_TRUTHS = 2
"""Truths at other seams that a damage is held against, besides the one at its own."""
RIDGE = 0.03
"""Draws the weights together where the pairs do not tell them apart. Of .0001 to .1 the one that does best on kinds of
pictures that the fit has not seen."""

_ROUNDS = 40
_COLUMNS = [METRICS.index(component.name) for component in COMPONENTS]


@dataclass(frozen=True)
class Pair:
    """How much more a damage costs than a truth, component by component; what the pair counts; whose picture it is."""

    difference: tuple[float, ...]
    count: float
    kind: str
    own: bool


def costs(row: seams.Row) -> tuple[float, ...]:
    """The cost of each component, unweighted."""
    return tuple(-row.metrics[column] for column in _COLUMNS)


def pairs_of(rows: Sequence[seams.Row]) -> list[Pair]:
    """Every visible damage that no veto meets beside the truth at its seam, and beside others."""
    draw = random.Random("pairs")
    truths = {(row.source, row.seed, row.seam): row for row in rows if not row.damage}
    others = list(truths.values())
    damaged = [row for row in rows if row.damage and row.visible and not row.vetoed]
    numbers = Counter(row.damage for row in damaged)
    pairs = []
    for row in damaged:
        share = 1 / numbers[row.damage]
        beside = [truths[row.source, row.seed, row.seam], *draw.sample(others, OTHER_TRUTHS)]
        for number, truth in enumerate(beside):
            difference = tuple(a - b for a, b in zip(costs(row), costs(truth), strict=True))
            own = number == 0
            pairs.append(Pair(difference, share if own else share / OTHER_TRUTHS, row.source, own))
    return pairs


def fit(pairs: Sequence[Pair]) -> list[float]:
    """The weights, 0 or more: Newton's steps on those that are not held at 0."""
    size = len(pairs[0].difference)
    weights = [0.5] * size
    for _ in range(_ROUNDS):
        slope, curvature = _derivatives(pairs, weights)
        free = [i for i in range(size) if weights[i] > 0 or slope[i] < 0]
        matrix = [[curvature[i][j] + (1e-9 if i == j else 0.0) for j in free] for i in free]
        step = dict(zip(free, solve(matrix, [slope[i] for i in free]), strict=True))
        new = [max(0.0, weight - step.get(i, 0.0)) for i, weight in enumerate(weights)]
        if max(abs(a - b) for a, b in zip(new, weights, strict=True)) < 1e-6:
            return new
        weights = new
    return weights


def _derivatives(pairs: Iterable[Pair], weights: Sequence[float]) -> tuple[list[float], list[list[float]]]:
    """Gradient and Hessian of what `fit` makes least."""
    size = len(weights)
    middle = fmean(weights)
    slope = [2 * RIDGE * (weight - middle) for weight in weights]
    curvature = [[2 * RIDGE * ((i == j) - 1 / size) for j in range(size)] for i in range(size)]
    for pair in pairs:
        margin = sum(w * d for w, d in zip(weights, pair.difference, strict=True))
        wrong = 1 / (1 + math.exp(min(50.0, margin)))
        bend = pair.count * wrong * (1 - wrong)
        for i, a in enumerate(pair.difference):
            slope[i] -= pair.count * wrong * a
            line, factor = curvature[i], bend * a
            for j, b in enumerate(pair.difference):
                line[j] += factor * b
    return slope, curvature


def scaled(weights: Sequence[float], truths: Iterable[seams.Row]) -> list[float]:
    """The weights with which a truth costs TYPICAL_COST on average."""
    mean = fmean(sum(w * x for w, x in zip(weights, costs(row), strict=True)) for row in truths)
    return [weight * TYPICAL_COST / mean for weight in weights]


def won(pairs: Iterable[Pair], weights: Mapping[str, Sequence[float]] | Sequence[float], *, own: bool) -> float:
    """How often the damage costs more, each damage counting alike; `weights` for all kinds, or for each."""
    right = total = 0.0
    for pair in pairs:
        if pair.own == own:
            of = weights[pair.kind] if isinstance(weights, Mapping) else weights
            total += pair.count
            right += pair.count * (sum(w * d for w, d in zip(of, pair.difference, strict=True)) > 0)
    return right / total


def held_out(pairs: Sequence[Pair]) -> dict[str, list[float]]:
    """For each kind of picture the weights that were fitted without it."""
    kinds = sorted({pair.kind for pair in pairs})
    found = {}
    for fold in range(FOLDS):
        left_out = set(kinds[fold::FOLDS])
        weights = fit([pair for pair in pairs if pair.kind not in left_out])
        found.update(dict.fromkeys(left_out, weights))
    return found


def main(argv: list[str] | None = None) -> int:
    """Run, fit, and print the weights beside those of the package."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.seam_weights", allow_abbrev=False, description=__doc__
    )
    parser.add_argument("--write", action="store_true", help="write seam_weights.json")
    parser.add_argument("--quick", action="store_true", help="few pictures and cuts, for a first look; never written")
    parser.add_argument("--workers", type=int, default=2, help="processes (2)")
    options = parser.parse_args(argv)
    rows = seams.run(seams.TUNING(), options.workers, quick=options.quick)
    pairs = pairs_of(rows)
    weights = scaled(fit(pairs), [row for row in rows if not row.damage])
    present = [component.weight for component in COMPONENTS]
    print(f"{'component':14} {'fitted':>7} {'package':>8}")
    for component, weight in zip(COMPONENTS, weights, strict=True):
        print(f"{component.name:14} {weight:7.2f} {component.weight:8.2f}")
    arms: dict[str, Mapping[str, Sequence[float]] | Sequence[float]] = {
        "fitted": weights,
        "fitted, kind not seen": held_out(pairs),
        "package": present,
    }
    wins = {name: [won(pairs, of, own=own) for own in (True, False)] for name, of in arms.items()}
    print(f"{'truth wins':28} {'own seam':>9} {'others':>8}")
    for name, (at_own, at_others) in wins.items():
        print(f"{name:28} {at_own:9.2%} {at_others:8.2%}")
    if options.write and not options.quick:
        fitted = {component.name: round(weight, 2) for component, weight in zip(COMPONENTS, weights, strict=True)}
        RESULT.write_text(json.dumps({"weights": fitted, "wins": wins}, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
