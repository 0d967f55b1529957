"""From the rows of the seam benchmark to figures, and from figures to the Markdown of RESULTS.md and README.md."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from exquisite.geometry.overlap_score import DEFAULT_GATE, METRICS
from tests.benchmarks.damages import DAMAGES

__all__ = ["compared", "render", "render_headline", "summarise"]

TABLE_METRICS = ("primary", "sobel_corr", "sobel_nmse")
FALSE_ALARMS = 0.01


def summarise(rows: Sequence[Any], pictures: Sequence[str]) -> dict[str, Any]:
    """Every figure of the tables, in JSON types."""
    truths, damaged = _matched(rows)
    metrics = {}
    for column, name in enumerate(METRICS):
        alarm = _quantile(sorted(row.metrics[column] for row in rows if not row.damage), FALSE_ALARMS)
        by_damage = {}
        for damage in DAMAGES:
            pairs = [(row, truths[_place(row)]) for row in damaged if row.damage == damage.name]
            by_damage[damage.name] = {
                "wins": _rate([_won(row, truth, column) for row, truth in pairs]),
                "visible_wins": _rate([_won(row, truth, column) for row, truth in pairs if row.visible]),
                "caught": _rate([row.metrics[column] < alarm for row, _ in pairs if row.visible]),
            }
        every = [_won(row, truths[_place(row)], column) for row in damaged]
        metrics[name] = {"damages": by_damage, "overall": _rate(every)}
    return {
        "metrics": metrics,
        "pairs": {damage.name: sum(row.damage == damage.name for row in damaged) for damage in DAMAGES},
        "strengths": {
            damage.name: {
                f"{strength:g}": _rate(
                    [
                        _won(row, truths[_place(row)], 0)
                        for row in damaged
                        if row.damage == damage.name and row.strength == strength
                    ]
                )
                for strength in damage.strengths
            }
            for damage in DAMAGES
        },
        "gate": _gate_figures(rows, damaged),
        "pictures": sorted(set(pictures)),
        "seconds_per_pair": sum(row.seconds for row in rows) / len(rows),
    }


def compared(rows: Sequence[Any]) -> dict[str, Any]:
    """What the scorer knows with each contract, and with the first contract on the same pictures."""
    contracts = list(dict.fromkeys(row.contract for row in rows))
    result = {}
    for contract in contracts:
        pictures = {row.source for row in rows if row.contract == contract}
        result[contract] = {
            "pictures": len(pictures),
            **{
                name: _digest([row for row in rows if row.contract == other and row.source in pictures])
                for name, other in (("own", contract), ("first", contracts[0]))
            },
        }
    return result


def _digest(rows: Sequence[Any]) -> dict[str, Any]:
    """The sums of the tables, of the rows of one contract."""
    result = summarise(rows, [row.source for row in rows])
    refused = result["gate"]["refused"].values()
    return {
        "pairs": sum(result["pairs"].values()),
        "wins": result["metrics"]["primary"]["overall"],
        "caught": result["gate"]["caught_overall"],
        "refused": sum(count for count, _ in refused),
        "truths": sum(total for _, total in refused),
        "seconds": result["seconds_per_pair"],
    }


def _matched(rows: Sequence[Any]) -> tuple[dict[tuple[str, int | None, int], Any], list[Any]]:
    """The truth of every seam, and the damaged strips."""
    return {_place(row): row for row in rows if not row.damage}, [row for row in rows if row.damage]


def _place(row: Any) -> tuple[str, int | None, int]:
    return row.source, row.seed, row.seam


def _gate_figures(rows: Sequence[Any], damaged: Sequence[Any]) -> dict[str, Any]:
    truths = [row for row in rows if not row.damage]
    by_kind = {kind: [row for row in truths if row.source == kind] for kind in sorted({row.source for row in truths})}
    return {
        "factor": DEFAULT_GATE,
        "refused": {kind: [sum(not row.passed for row in own), len(own)] for kind, own in by_kind.items()},
        "vetoed_truths": sum(row.vetoed for row in truths),
        "caught": {
            damage.name: _rate([not row.passed for row in damaged if row.damage == damage.name and row.visible])
            for damage in DAMAGES
        },
        "caught_overall": _rate([not row.passed for row in damaged if row.visible]),
    }


def _won(row: Any, truth: Any, column: int) -> float:
    """1 where the truth has the higher value, 0.5 on a tie."""
    mine, best = row.metrics[column], truth.metrics[column]
    return 1.0 if mine < best else 0.5 if mine == best else 0.0


def _rate(values: Sequence[float]) -> float:
    return round(sum(values) / len(values), 4) if values else 1.0


def _quantile(ordered: Sequence[float], share: float) -> float:
    return ordered[int(share * len(ordered))]


def render(result: dict[str, Any]) -> str:
    """The tables as Markdown, without the markers."""
    metrics, gate = result["metrics"], result["gate"]
    lines = [
        "How often the truth beats the damage (all strengths · visible strengths), on pictures of "
        f"{len(result['pictures'])} kinds that",
        "nothing was tuned on; how many visible damages lie below the worst 1 % of all truths; and how many the gate "
        "refuses:",
        "",
        "| damage | pairs | " + " | ".join(f"{name} | at 1 %" for name in TABLE_METRICS) + " | gate |",
        "|---|---:|" + "---:|" * (2 * len(TABLE_METRICS) + 1),
    ]
    for damage in DAMAGES:
        cells = [damage.name, str(result["pairs"][damage.name])]
        for name in TABLE_METRICS:
            of = metrics[name]["damages"][damage.name]
            cells += [f"{_percent(of['wins'])} · {_percent(of['visible_wins'])}", _percent(of["caught"])]
        lines.append("| " + " | ".join([*cells, _percent(gate["caught"][damage.name])]) + " |")
    overall = [f"**{_percent(metrics[name]['overall'])}** | " for name in TABLE_METRICS]
    pairs = sum(result["pairs"].values())
    lines.append(f"| **all** | {pairs} | " + " | ".join(overall) + f" | **{_percent(gate['caught_overall'])}** |")
    truths = sum(total for _, total in gate["refused"].values())
    refused = sum(count for count, _ in gate["refused"].values())
    lines += [
        "",
        f"One tile with all metrics takes {1000 * result['seconds_per_pair']:.0f} ms on one core. The gate (factor "
        f"{gate['factor']:g}) refuses {refused} of {truths}",
        f"true continuations ({_percent(refused / truths)}), and {gate['vetoed_truths']} of them are vetoed; by kind:",
        "",
        "| picture | truths | refused |",
        "|---|---:|---:|",
        *(f"| {kind} | {total} | {_percent(count / total)} |" for kind, (count, total) in gate["refused"].items()),
        "",
        "Every other metric alone, over all damages:",
        "",
        "| component | truth wins |",
        "|---|---:|",
        *(
            f"| {name} | {_percent(metrics[name]['overall'])} |"
            for name in sorted(metrics, key=lambda name: -metrics[name]["overall"])
            if name not in TABLE_METRICS
        ),
    ]
    lines += _contracts(result.get("contracts", {}))
    return "\n".join(lines)


def _contracts(result: dict[str, Any]) -> list[str]:
    """The table of contracts; nothing where none were compared."""
    if not result:
        return []
    first = next(iter(result))
    lines = [
        "",
        "Each contract on the same pictures, at the same seams; behind the dot "
        f"what `{first}` comes to on the pictures that the contract has room in.",
        "",
        "| contract | pictures | pairs | truth wins | caught | truths refused | a tile, ms |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for name, of in result.items():
        own, other = of["own"], of["first"]
        cells = [f"`{name}`", str(of["pictures"]), str(own["pairs"])]
        cells += [f"{_percent(own[key])} · {_percent(other[key])}" for key in ("wins", "caught")]
        cells += [" · ".join(f"{one['refused']} of {one['truths']}" for one in (own, other))]
        cells += [" · ".join(f"{1000 * one['seconds']:.0f}" for one in (own, other))]
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def render_headline(result: dict[str, Any]) -> str:
    """What the tables come to, in one sentence."""
    gate = result["gate"]
    truths = sum(total for _, total in gate["refused"].values())
    refused = sum(count for count, _ in gate["refused"].values())
    return (
        f"Of {sum(result['pairs'].values()):,} pairs of a true continuation and a damaged one, the primary metric "
        f"prefers the truth\nin {_percent(result['metrics']['primary']['overall'])}; the gate catches "
        f"{_percent(gate['caught_overall'])} of the visible damages and refuses {refused} of {truths:,} truths."
    )


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
