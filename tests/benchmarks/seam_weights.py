"""`make fit-seams`: where the weights of the seam's components come from.

    python -m tests.benchmarks.seam_weights                 collect samples of the tuning half, fit, and print
    python -m tests.benchmarks.seam_weights --real FOLDER   ... and of redraws by real models (as `make bench-real`)
    python -m tests.benchmarks.seam_weights --write         ... and write them into seam_cost.py and seam_weights.json

The gate passes a seam whose cost is at most k * (mean cost inside the band + TYPICAL_COST), k = DEFAULT_GATE / 2, or at
most the largest cost inside the band. The fit uses the first limit alone: the weights w >= 0 and the constant c >= 0
are the least of

    sum of s * log(1 + exp(-margin)) + RIDGE * |w - mean(w)|²

over the margins of every sample, s its share (`SHARES`; the samples of a group share it evenly), with x the costs at
the seam, over what the sample's redraw allows, less k times the mean costs inside the band:

    truths, calibrated redraws        c - w . x
    damages to either                 w . x - c
    damages beside their own truth    w . (x_damage - x_truth)

A step alone may refuse nothing, so that its weight is held at MOST_STEP * c where it would be larger: a flat picture
has no steps inside, beside which any step is large.

Then all weights are scaled so that c = k * TYPICAL_COST. The floors are those of COMPONENTS: floors that were searched
with the weights told truths from damages worse on pictures that the fit had not seen. Pictures are held out in turn
(`FOLDS`), and each pair of a real model by itself, so that the figures are of pictures that the fit has not seen.
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import PIL

from exquisite import __version__
from exquisite.geometry import seam_cost
from exquisite.geometry.calibration.linear import solve
from exquisite.geometry.overlap_score import DEFAULT_GATE
from exquisite.geometry.seam_cost import COMPONENTS, TYPICAL_COST
from tests.benchmarks import seam_samples, seams
from tests.benchmarks.seam_samples import Sample

__all__ = ["MODULE", "RESULT", "Fit", "Row", "fit", "held_out", "main", "refused", "rows_of", "with_fit", "won"]

RESULT = Path(__file__).with_name("seam_weights.json")
MODULE = Path(seam_cost.__file__)

SHARES: Mapping[str, float] = {
    "truth": 20.0,
    "redraw": 8.0,
    "real": 2.0,
    "damage": 9.0,
    "damaged redraw": 10.0,
    seam_samples.VISIBLE: 0.2,
    "beside its truth": 6.0,
}
"""What the samples of each pool count for together; damages of every kind alike. On pictures of other seeds the weights
refuse less than one truth and three redraws in a hundred, and catch nine damages in ten, to truths and redraws alike.
With more for damages they refuse twice as many truths."""

MOST_STEP = 0.92
"""Largest weight of "step", the first of COMPONENTS, as a share of what a seam may cost in a band that costs nothing.
The rest is room for what else such a seam costs."""

FOLDS = 4
RIDGE = 0.01
"""Draws the weights together where the samples do not tell them apart."""

_K = DEFAULT_GATE / 2
_ROUNDS = 12
_FLOORS = tuple(component.floor for component in COMPONENTS)


@dataclass(frozen=True)
class Row:
    """A margin that should be positive, as coefficients of the weights and the constant, and what it counts for."""

    coefficients: tuple[float, ...]
    share: float


@dataclass(frozen=True)
class Fit:
    """Weights, one for each of COMPONENTS; a seam may cost k * mean interior + `constant`."""

    weights: tuple[float, ...]
    constant: float = _K * TYPICAL_COST

    def passes(self, sample: Sample) -> bool:
        """Whether the gate passes a sample."""
        inside = [self._total(cut) for cut in sample.interior]
        cost = self.cost(sample)
        return cost <= self.constant + _K * fmean(inside) or cost <= max(inside)

    def cost(self, sample: Sample) -> float:
        """What the seam of a sample costs."""
        return self._total(sample.seam) / sample.allowed

    def _total(self, cut: seam_samples.Departures) -> float:
        return math.fsum(w * x for w, x in zip(self.weights, _costs(cut), strict=True))

    def scaled(self) -> Fit:
        """The same fit with the constant of the package."""
        factor = _K * TYPICAL_COST / self.constant
        return Fit(tuple(weight * factor for weight in self.weights))


def _costs(cut: seam_samples.Departures) -> list[float]:
    return [departure.cost(floor) for departure, floor in zip(cut, _FLOORS, strict=True)]


def _beyond_the_band(sample: Sample) -> list[float]:
    """x of a sample."""
    inside = zip(*map(_costs, sample.interior), strict=True)
    costs = zip(_costs(sample.seam), inside, strict=True)
    return [cost / sample.allowed - _K * fmean(usual) for cost, usual in costs]


def _pool(sample: Sample) -> str:
    """The samples with which this one shares what they count for."""
    if sample.group == "real":
        return seam_samples.VISIBLE if sample.damage else "real"
    if sample.group == "truth":
        return "damage" if sample.damage else "truth"
    return "damaged redraw" if sample.damage else "redraw"


def rows_of(samples: Sequence[Sample]) -> list[Row]:
    """Every margin of these samples."""
    numbers = Counter((_pool(sample), sample.damage) for sample in samples)
    kinds = Counter(pool for pool, _ in numbers)
    truths = {sample.picture + sample.place: sample for sample in samples if _pool(sample) == "truth"}
    rows = []
    for sample in samples:
        pool = _pool(sample)
        even = 1 / numbers[pool, sample.damage] / kinds[pool]
        sign = 1.0 if sample.damage else -1.0
        rows.append(Row((*(sign * x for x in _beyond_the_band(sample)), -sign), even * SHARES[pool]))
        truth = truths.get(sample.picture + sample.place) if pool == "damage" else None
        if truth is not None:
            beside = zip(_costs(sample.seam), _costs(truth.seam), strict=True)
            rows.append(Row((*(a - b for a, b in beside), 0.0), even * SHARES["beside its truth"]))
    return rows


def least(rows: Sequence[Row]) -> tuple[list[float], float]:
    """The weights and the constant, 0 or more, and the least sum: Newton's steps on those that are not held at 0."""
    values = [2.0] * len(rows[0].coefficients)
    size = len(values)
    for _ in range(_ROUNDS):
        slope, curvature = _derivatives(rows, values)
        free = [i for i in range(size) if values[i] > 0 or slope[i] < 0]
        matrix = [[curvature[i][j] + (1e-9 if i == j else 0.0) for j in free] for i in free]
        step = dict(zip(free, solve(matrix, [slope[i] for i in free]), strict=True))
        new = [max(0.0, value - step.get(i, 0.0)) for i, value in enumerate(values)]
        change = max(abs(a - b) for a, b in zip(new, values, strict=True))
        values = new
        if change < 1e-4:
            break
    return values, _sum(rows, values)


def _margin(row: Row, values: Sequence[float]) -> float:
    return sum(a * b for a, b in zip(row.coefficients, values, strict=True))


def _sum(rows: Iterable[Row], values: Sequence[float]) -> float:
    """What `least` makes least."""
    middle = fmean(values[:-1])
    ridge = RIDGE * sum((value - middle) ** 2 for value in values[:-1])
    return ridge + sum(row.share * math.log1p(math.exp(min(50.0, -_margin(row, values)))) for row in rows)


def _derivatives(rows: Iterable[Row], values: Sequence[float]) -> tuple[list[float], list[list[float]]]:
    """Gradient and Hessian of `_sum`."""
    size, middle, count = len(values), fmean(values[:-1]), len(values) - 1
    slope = [*(2 * RIDGE * (value - middle) for value in values[:-1]), 0.0]
    ridge = [[2 * RIDGE * ((i == j) - 1 / count) for j in range(count)] + [0.0] for i in range(count)]
    curvature = [*ridge, [0.0] * size]
    for row in rows:
        wrong = 1 / (1 + math.exp(min(50.0, _margin(row, values))))
        bend = row.share * wrong * (1 - wrong)
        for i, a in enumerate(row.coefficients):
            slope[i] -= row.share * wrong * a
            line, factor = curvature[i], bend * a
            for j, b in enumerate(row.coefficients[: i + 1]):
                line[j] += factor * b
    return slope, [[curvature[max(i, j)][min(i, j)] for j in range(size)] for i in range(size)]


def fit(samples: Sequence[Sample]) -> Fit:
    """The weights for these samples."""
    rows = rows_of(samples)
    values, _ = least(rows)
    if values[0] > MOST_STEP * values[-1]:
        others, _ = least([_with_most_step(row) for row in rows])
        values = [MOST_STEP * others[-1], *others]
    return Fit(tuple(values[:-1]), values[-1]).scaled()


def _with_most_step(row: Row) -> Row:
    """The margin as coefficients of the other weights and the constant, with the weight of "step" at its most."""
    step, *others, constant = row.coefficients
    return Row((*others, constant + MOST_STEP * step), row.share)


def refused(samples: Iterable[Sample], of: Callable[[Sample], Fit]) -> dict[str, tuple[int, int]]:
    """How many samples the gate refuses, of how many, for each pool, and the natural redraws for each profile."""
    numbers: dict[str, tuple[int, int]] = {}
    for sample in samples:
        name = sample.group if _pool(sample) == "redraw" else _pool(sample)
        no, count = numbers.get(name, (0, 0))
        numbers[name] = no + (not of(sample).passes(sample)), count + 1
    return numbers


def won(samples: Sequence[Sample], of: Callable[[Sample], Fit]) -> float:
    """How often a damage costs more than the truth at its own seam; a tie counts half."""
    truths = {sample.picture + sample.place: sample for sample in samples if _pool(sample) == "truth"}
    pairs = [(s, truths.get(s.picture + s.place)) for s in samples if _pool(s) == "damage"]
    costs = [(of(damage).cost(damage), of(damage).cost(truth)) for damage, truth in pairs if truth is not None]
    return fmean((a > b) + (a == b) / 2 for a, b in costs)


def held_out(samples: Sequence[Sample], workers: int) -> dict[str, Fit]:
    """For each picture the fit without it: drawn pictures and photographs in FOLDS, each real pair by itself."""
    pictures = sorted({sample.picture for sample in samples if sample.group != "real"})
    pairs = sorted({sample.picture for sample in samples if sample.group == "real"})
    left_out = [set(pictures[fold::FOLDS]) for fold in range(FOLDS)] + [{pair} for pair in pairs]
    training = [[sample for sample in samples if sample.picture not in out] for out in left_out]
    with multiprocessing.Pool(workers) as pool:
        fits = pool.map(fit, training, chunksize=1)
    return {picture: one for out, one in zip(left_out, fits, strict=True) for picture in out}


def collect(folder: Path | None, workers: int, *, quick: bool) -> list[Sample]:
    """The samples of the tuning half, and of the pairs in `folder`."""
    every = 6 if quick else 1
    sources, redrawn = seams.TUNING()[::every], seam_samples.REDRAWN()[::every]
    with multiprocessing.Pool(workers) as pool:
        parts = [*pool.imap(seam_samples.of_truths, sources), *pool.imap(seam_samples.of_redraws, redrawn)]
    pairs = seam_samples.of_pairs(folder) if folder else []
    return [sample for part in parts for sample in part] + pairs


def main(argv: list[str] | None = None) -> int:
    """Collect, fit, and print the weights beside those of the package."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.seam_weights", allow_abbrev=False, description=__doc__
    )
    parser.add_argument("--real", type=Path, metavar="FOLDER", help="pairs by real models count too")
    parser.add_argument("--write", action="store_true", help="write seam_cost.py and seam_weights.json")
    parser.add_argument("--quick", action="store_true", help="few pictures, for a first look; never written")
    parser.add_argument("--workers", type=int, default=2, help="processes (2)")
    options = parser.parse_args(argv)
    samples = collect(options.real, options.workers, quick=options.quick)
    best = fit(samples)
    unseen = held_out(samples, options.workers)
    print(f"{'component':14} {'weight':>7} {'package':>8}")
    for component, weight in zip(COMPONENTS, best.weights, strict=True):
        print(f"{component.name:14} {weight:7.2f} {component.weight:8.2f}")
    arms: dict[str, Callable[[Sample], Fit]] = {
        "fitted": lambda _: best,
        "picture not seen": lambda sample: unseen[sample.picture],
    }
    figures = {
        name: {"refused": refused(samples, of), "truth wins": round(won(samples, of), 4)} for name, of in arms.items()
    }
    for name, values in figures.items():
        print(f"{name}: {json.dumps(values)}")
    if options.write and not options.quick:
        record = _record(best, samples, figures)
        RESULT.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
        MODULE.write_text(with_fit(MODULE.read_text(encoding="utf-8"), record), encoding="utf-8")
    return 0


def with_fit(source: str, record: Mapping[str, Any]) -> str:
    """The source of a module with the weights of a record in its COMPONENTS."""
    for name, weight in record["weights"].items():
        source = re.sub(rf'(Component\("{name}", )[^,]+,', rf"\g<1>{weight},", source)
    return source


def _record(best: Fit, samples: Sequence[Sample], figures: Mapping[str, object]) -> dict[str, Any]:
    """What seam_weights.json holds: the fit, and what it was fitted on."""
    names = [component.name for component in COMPONENTS]
    return {
        "weights": dict(zip(names, (round(weight, 2) for weight in best.weights), strict=True)),
        "fitted on": {
            "samples": dict(Counter(map(_pool, samples))),
            "pictures": sorted({sample.picture for sample in samples if sample.group != "real"}),
            "seeds": {"truths": list(seams.TUNING_SEEDS), "redraws": list(seam_samples.REDRAW_SEEDS)},
            "exquisite": __version__,
            "Pillow": PIL.__version__,
        },
        "figures": figures,
    }


if __name__ == "__main__":
    sys.exit(main())
