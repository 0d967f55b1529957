"""What the panorama benchmark's rows come to, and how the document shows it."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from operator import itemgetter
from statistics import fmean, stdev
from typing import Any

__all__ = ["compared", "render", "render_headline", "summarise", "trial_figures"]

_RESAMPLES = 2000
_CLOSE_DB, _ALIKE_DB = 0.5, 0.1
_BY_STEP = (("to natural", 2), ("psnr", 1), ("colour", 2), ("contrast", 3), ("sharpness", 2))
"""What is shown of the first and the last step, and to how many digits."""

_BY_CONTRACT = (("as it came", 2), ("calibrated", 3), ("psnr", 1), ("contrast", 3), ("sharpness", 3))
"""What is shown of each contract, and to how many digits."""

Rows = Sequence[dict[str, Any]]


def summarise(rows: Rows) -> dict[str, Any]:
    """Means over all steps of all runs, rounded; JSON types."""
    plain = [row for row in rows if not row["warped"]]
    arms = {
        "shift, zoom, tone, blur, noise": _arms(plain),
        "the same and a local warp": _arms([row for row in rows if row["warped"]]),
    }
    steps = sorted({row["step"] for row in plain})
    by_step = {
        str(step): {
            arm: {
                name: fmean(row["arms"][arm][name] for row in plain if row["step"] == step)
                for name in ("psnr", "colour", "contrast", "sharpness")
            }
            | {
                "to natural": _to_natural([row for row in plain if row["step"] == step], arm)
            }
            for arm in rows[0]["arms"]
        }
        for step in (steps[0], steps[-1])
    }
    result = {
        "steps": len(rows),
        "runs": list(dict.fromkeys(row["run"] for row in rows)),
        "natural": fmean(row["natural"] for row in rows),
        "arms": arms,
        "by step": by_step,
        "feather": _paired(
            rows, lambda row: row["arms"]["calibrated + feather"]["psnr"] - row["arms"]["calibrated"]["psnr"]
        ),
        "three against one": {
            kind: {
                name: _paired(rows, partial(_chosen_by, kind=kind, value=name))
                for name in ("psnr", "residual")
            }
            for kind in ("calibrated", "raw")
        },
        "choice": {kind: _choice(rows, f"{kind} candidates") for kind in ("calibrated", "raw")},
        "applied": fmean(bool(one["applied"]) for row in rows for one in row["calibrated candidates"]),
        "by run": {
            run: {
                arm: [
                    _to_natural([row for row in rows if row["run"] == run], arm),
                    fmean(row["arms"][arm]["psnr"] for row in rows if row["run"] == run),
                ]
                for arm in rows[0]["arms"]
            }
            for run in dict.fromkeys(row["run"] for row in rows)
        },
    }
    rounded: dict[str, Any] = _rounded(result)
    return rounded


def compared(rows: Rows) -> dict[str, Any]:
    """What each contract makes of its pictures, what the first one makes of the same, and the standard error over the
    pictures of the difference."""
    contracts = list(dict.fromkeys(row["contract"] for row in rows))
    figures = {name: _by_picture([row for row in rows if row["contract"] == name]) for name in contracts}
    result = {}
    for contract, own in figures.items():
        first = {picture: figures[contracts[0]][picture] for picture in own}
        result[contract] = {
            "pictures": len(own),
            "steps": max(row["step"] for row in rows if row["contract"] == contract),
            "own": {measure: fmean(one[measure] for one in own.values()) for measure, _ in _BY_CONTRACT},
            contracts[0]: {measure: fmean(one[measure] for one in first.values()) for measure, _ in _BY_CONTRACT},
            "error": {
                measure: _standard_error([own[picture][measure] - first[picture][measure] for picture in own])
                for measure, _ in _BY_CONTRACT
            },
        }
    rounded: dict[str, Any] = _rounded(result)
    return rounded


def _standard_error(values: Sequence[float]) -> float:
    """Of the mean of some values; of a single one nothing is known."""
    return stdev(values) / math.sqrt(len(values)) if len(values) > 1 else math.inf


def trial_figures(rows: Rows) -> dict[str, Any]:
    """How often the primary metric chooses the calibrated candidate with the least error, and at what loss in PSNR.

    "ceiling" is how often the candidate with the least error in the first half of these columns has it in all of them:
    a metric that chooses as often does not see the new columns worse than one that knows half of their truth.
    """
    kind = "calibrated candidates"
    picked = [max(row[kind], key=partial(_value_of, metric="primary"))["psnr"] for row in rows]
    by_half = [max(row[kind], key=itemgetter("half psnr"))["psnr"] for row in rows]
    best = [max(one["psnr"] for one in row[kind]) for row in rows]
    rounded: dict[str, Any] = _rounded(
        {
            "steps": len(rows),
            "pictures": len({row["run"].split()[0] for row in rows}),
            "best": fmean(one >= top for one, top in zip(picked, best, strict=True)),
            "alike": fmean(one >= top - _ALIKE_DB for one, top in zip(picked, best, strict=True)),
            "close": fmean(one >= top - _CLOSE_DB for one, top in zip(picked, best, strict=True)),
            "psnr": fmean(picked),
            "possible": fmean(best),
            "ceiling": fmean(one >= top for one, top in zip(by_half, best, strict=True)),
        }
    )
    return rounded


def _by_picture(rows: Rows) -> dict[str, dict[str, float]]:
    """The figures of every picture: means over all its steps, and contrast and sharpness at the last."""
    runs: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        runs.setdefault(row["run"], []).append(row)
    return {
        run: {
            "as it came": _to_natural(of, "as it came"),
            "calibrated": _to_natural(of, "calibrated"),
            "psnr": fmean(row["arms"]["calibrated"]["psnr"] for row in of),
            "contrast": of[-1]["arms"]["calibrated"]["contrast"],
            "sharpness": of[-1]["arms"]["calibrated"]["sharpness"],
        }
        for run, of in runs.items()
    }


def _to_natural(rows: Rows, arm: str) -> float:
    return fmean(row["arms"][arm]["residual"] / row["natural"] for row in rows)


def _arms(rows: Rows) -> dict[str, dict[str, float]]:
    """Means of every arm; none where there are no rows."""
    table = {}
    for arm in rows[0]["arms"] if rows else ():
        of = [row["arms"][arm] for row in rows]
        oracles = [row["arms"]["oracle"]["residual"] for row in rows]
        residual = fmean(one["residual"] for one in of)
        table[arm] = {
            "residual": residual,
            "to natural": residual / fmean(row["natural"] for row in rows),
            "to oracle": residual / fmean(oracles),
            "psnr": fmean(one["psnr"] for one in of),
            "strip psnr": fmean(one["strip psnr"] for one in of),
        }
    return table


def _chosen_by(row: dict[str, Any], kind: str, value: str) -> float:
    """How much more of `value` the candidate has that the primary metric chooses than the first candidate."""
    candidates = row[f"{kind} candidates"]
    best = max(candidates, key=lambda one: one["metrics"].get("primary", float("-inf")))
    return float(best[value] - candidates[0][value])


def _value_of(candidate: dict[str, Any], metric: str) -> float:
    return float(candidate["metrics"][metric])


def _choice(rows: Rows, kind: str) -> dict[str, dict[str, float]]:
    """For each metric: how often its choice has the least error, or nearly; and the PSNR of its choices."""
    metrics = dict.fromkeys(name for row in rows for one in row[kind] for name in one["metrics"])
    table = {}
    for metric in metrics:
        picked = [max(row[kind], key=partial(_value_of, metric=metric)) for row in rows]
        best = [max(one["psnr"] for one in row[kind]) for row in rows]
        table[metric] = {
            "best": fmean(one["psnr"] >= top for one, top in zip(picked, best, strict=True)),
            "close": fmean(one["psnr"] >= top - _CLOSE_DB for one, top in zip(picked, best, strict=True)),
            "psnr": fmean(one["psnr"] for one in picked),
        }
    table["(the first)"] = {
        "best": fmean(row[kind][0]["psnr"] >= max(one["psnr"] for one in row[kind]) for row in rows),
        "close": fmean(row[kind][0]["psnr"] >= max(one["psnr"] for one in row[kind]) - _CLOSE_DB for row in rows),
        "psnr": fmean(row[kind][0]["psnr"] for row in rows),
    }
    table["(the truth)"] = {"best": 1.0, "close": 1.0, "psnr": fmean(max(o["psnr"] for o in row[kind]) for row in rows)}
    return table


def _paired(rows: Rows, difference: Callable[[dict[str, Any]], float]) -> list[float]:
    """[mean, low, high] of the paired difference: 95 % bootstrap interval over whole runs."""
    groups: dict[str, list[float]] = {}
    for row in rows:
        groups.setdefault(row["run"], []).append(difference(row))
    of = list(groups.values())
    draw = random.Random("bootstrap")
    means = sorted(fmean(value for group in draw.choices(of, k=len(of)) for value in group) for _ in range(_RESAMPLES))
    return [
        fmean(value for group in of for value in group),
        means[int(0.025 * _RESAMPLES)],
        means[int(0.975 * _RESAMPLES)],
    ]


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_rounded(item) for item in value]
    return round(value, 4) if isinstance(value, float) else value


def render(result: dict[str, Any]) -> str:
    """The tables, in Markdown, from a result as `summarise` gives it."""
    natural = result["natural"]
    first, last = sorted(result["by step"], key=int)
    parts = [
        f"{result['steps']} steps: {', '.join(result['runs'])}. Residual: bend across the seam over the usual bend, "
        f"{natural:.2f} in the true pictures. PSNR: of the first 32 new columns against the truth. "
        f"Calibration was applied to {result['applied']:.0%} of the candidates.",
        *(_arm_table(drift, arms) for drift, arms in result["arms"].items()),
        "Under the local warp each step starts from the true band: where the warp has put the far end of a strip is in "
        "no conditioning half, and the known picture does not go on from there, so that a second step in a row has no "
        "truth.",
        "What the feather adds to calibration: " + _interval(result["feather"], "dB") + ".",
        f"Without a local warp, from step {first} to step {last}: residual over natural; PSNR; largest mean error of a "
        "colour channel over the new strip, in levels; its contrast and sharpness over those of the truth.",
        _table(
            ("canvas", "/ natural", "PSNR, dB", "colour", "contrast", "sharpness"),
            (
                (
                    arm,
                    *(
                        _pair(result["by step"], first, last, arm, name, digits)
                        for name, digits in _BY_STEP
                    ),
                )
                for arm in result["by step"][first]
            ),
        ),
        "Three candidates against the first of them, chosen by the primary metric (mean, 95 % bootstrap interval over "
        "runs):",
        _table(
            ("candidates", "PSNR", "residual"),
            (
                (kind, _interval(v["psnr"], "dB"), _interval(v["residual"], ""))
                for kind, v in result["three against one"].items()
            ),
        ),
        "How often each metric's choice among three has the least error in its first 32 columns, how often within "
        f"{_CLOSE_DB} dB of it, and the mean PSNR of its choices:",
        _table(
            ("metric", "raw: best", "close", "PSNR", "calibrated: best", "close", "PSNR"),
            (
                (
                    f"`{name}`" if name.isidentifier() else name,
                    *_cells(result["choice"]["raw"].get(name)),
                    *_cells(result["choice"]["calibrated"][name]),
                )
                for name in result["choice"]["calibrated"]
            ),
        ),
        *_trials(result.get("trials", {})),
        "Residual over natural, and PSNR in dB, for each picture:",
        _table(
            ("picture", *result["by step"][first]),
            (
                (run, *(f"{ratio:.2f}, {psnr:.1f}" for ratio, psnr in arms.values()))
                for run, arms in result["by run"].items()
            ),
        ),
        *_contracts(result.get("contracts", {})),
    ]
    return "\n\n".join(parts)


def _trials(result: dict[str, Any]) -> list[str]:
    """The sentence about the trial steps; nothing where none were run."""
    if not result:
        return []
    return [
        f"On {result['steps']} more steps of {result['pictures']} pictures, drawn ones from other seeds, the primary "
        f"metric chooses the calibrated candidate with the least error {result['best']:.1%} of the time, one within "
        f"{_ALIKE_DB} dB of it {result['alike']:.1%}, and one within {_CLOSE_DB} dB {result['close']:.1%}. Its choices "
        f"have {result['psnr']:.2f} dB, the best ones {result['possible']:.2f}. The candidate with the least error in "
        f"the first 16 columns has the least error in all 32 of them {result['ceiling']:.1%} of the time: a metric "
        "that knew half of the truth would not choose better than that."
    ]


def _contracts(result: dict[str, Any]) -> list[str]:
    """The table of contracts; nothing where none were compared."""
    if not result:
        return []
    first = next(iter(result))
    return [
        "Each contract beside the first, on the same pictures, grown by the same length from the same seam: residual "
        "over natural, PSNR of the first 32 new columns, contrast and sharpness at the end over those of the truth; "
        f"behind the dot those of `{first}` on the same pictures, and the standard error of the difference.",
        _table(
            ("contract", "pictures", "steps", "as it came", "calibrated", "PSNR, dB", "contrast", "sharpness"),
            (
                (
                    f"`{name}`",
                    str(of["pictures"]),
                    str(of["steps"]),
                    *(
                        f"{of['own'][measure]:.{digits}f} · {of[first][measure]:.{digits}f}"
                        f" ± {of['error'][measure]:.{digits}f}"
                        for measure, digits in _BY_CONTRACT
                    ),
                )
                for name, of in result.items()
            ),
        ),
    ]


def render_headline(result: dict[str, Any]) -> str:
    """What the tables come to, in a few sentences."""
    drift, *_ = result["arms"]
    raw, calibrated = (result["arms"][drift][arm] for arm in ("as it came", "calibrated"))
    last = max(result["by step"], key=int)
    contrast = result["by step"][last]["calibrated"]["contrast"]
    choice = result.get("trials") or result["choice"]["calibrated"]["primary"]
    return (
        f"After {last} steps in a row the bend across the seam is {calibrated['to natural']:.2f} times the picture's "
        f"own\n({raw['to natural']:.1f} uncalibrated), the first new columns lie {calibrated['psnr']:.0f} dB from the "
        f"truth ({raw['psnr']:.0f} dB\nuncalibrated), and {contrast:.1%} of the contrast is left. Of three candidates "
        f"the primary metric\nchooses the one with the least error {choice['best']:.0%} of the time."
    )


def _arm_table(drift: str, arms: dict[str, dict[str, float]]) -> str:
    header = (drift, "residual", "/ natural", "/ oracle", "PSNR, dB", "whole strip, dB")
    names = ("residual", "to natural", "to oracle")
    return _table(
        header,
        (
            (arm, *(f"{v[n]:.2f}" for n in names), f"{v['psnr']:.1f}", f"{v['strip psnr']:.1f}")
            for arm, v in arms.items()
        ),
    )


def _cells(value: dict[str, float] | None) -> tuple[str, str, str]:
    return ("", "", "") if value is None else (f"{value['best']:.0%}", f"{value['close']:.0%}", f"{value['psnr']:.1f}")


def _pair(by_step: dict[str, Any], first: str, last: str, arm: str, name: str, digits: int) -> str:
    return f"{by_step[first][arm][name]:.{digits}f} → {by_step[last][arm][name]:.{digits}f}"


def _interval(value: Sequence[float], unit: str) -> str:
    mean, low, high = value
    return f"{mean:+.2f} [{low:+.2f}, {high:+.2f}] {unit}".strip()


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(header)} |", f"|{'---|' * len(header)}"]
    return "\n".join(lines + [f"| {' | '.join(row)} |" for row in rows])
