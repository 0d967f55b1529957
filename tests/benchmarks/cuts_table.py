"""The tables of `make bench-cut`, in Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean, median
from typing import Any

from exquisite.geometry.cut import SEEN_BEND

__all__ = ["IN_THE_ZONE", "render"]

IN_THE_ZONE = ("cross-fade", "cut", "cut and ramp")
"""The joins that depend on the width of the zone."""

Record = Mapping[str, Any]


def render(result: Record) -> str:
    """Every table of a run."""
    parts = [_joins(result["joins"]), _in_a_row(result["in_a_row"]), _cost(result["step"], result["seconds"])]
    if "choices" in result:
        parts.append(_choices(result["choices"]))
    if "real" in result:
        parts.append(_real(result["real"]))
    return "\n\n".join(parts)


def _table(header: Sequence[str], rows: Iterator[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(header)} |", f"|{'---|' * len(header)}", *(f"| {' | '.join(row)} |" for row in rows)]
    return "\n".join(lines)


_COLUMNS = ("broken", "worst kind", "longest run", "mismatch", "sharpness", "residual")


def _joins(rows: Sequence[Record]) -> str:
    places = rows[0]["places"]
    tables = [
        f"Means over {places} places a drift. Broken: rows that bend at the join by more than {SEEN_BEND} levels "
        "beyond what both pictures bend there, in all and of the worst kind of picture; longest run of such rows; "
        "mismatch: mean difference of both pictures along the join, in levels; sharpness of the zone over that of its "
        "sources; residual: bend across the join over the usual bend."
    ]
    for drift in dict.fromkeys(row["drift"] for row in rows):
        lines = (
            (row["join"], str(row["zone_px"]) if row["join"] in IN_THE_ZONE else "", *_cells(row))
            for row in rows
            if row["drift"] == drift
        )
        tables.append(_table((f"{drift}: join", "zone, px", *_COLUMNS), lines))
    return "\n\n".join(tables)


def _cells(row: Record) -> Sequence[str]:
    """The cells of _COLUMNS."""
    return (
        f"{row['broken']:.2%}",
        f"{row['worst_kind']:.2%}",
        str(row["longest"]),
        f"{row['mismatch']:.1f}",
        f"{row['sharpness']:.2f}",
        f"{row['residual']:.2f}",
    )


def _choices(rows: Sequence[Record]) -> str:
    text = (
        f"The cut with a ramp through {rows[0]['zone_px']} px under {rows[0]['drift']}, with one of its constants "
        "changed. Between rows: rows that bend by more than that towards the rows above and below, beside the path."
    )
    lines = ((row["join"], *_cells(row), f"{row['between_rows']:.1%}") for row in rows)
    return f"{text}\n\n{_table(('cut', *_COLUMNS, 'between rows'), lines)}"


def _in_a_row(rows: Sequence[Record]) -> str:
    text = (
        "Steps in a row, every stroke drawn anew in each: bend across the join over the usual bend, broken rows, "
        "largest mean error of a channel in levels, contrast and sharpness over those of the truth."
    )
    header = ("step", "soften_px", "residual", "broken", "tone", "contrast", "sharpness")
    lines = (
        (
            str(row["step"]),
            str(row["soften_px"]),
            f"{row['residual']:.2f}",
            f"{row['broken']:.2%}",
            f"{row['tone']:.2f}",
            f"{row['contrast']:.3f}",
            f"{row['sharpness']:.2f}",
        )
        for row in sorted(rows, key=lambda row: (row["step"], row["soften_px"]))
    )
    return f"{text}\n\n{_table(header, lines)}"


def _cost(step: Record, seconds: Record) -> str:
    times = ", ".join(f"{value:.2f} s through {width} px" for width, value in seconds.items())
    return (
        f"The cut of a tile of 1024 px across takes {times}, of processor time. "
        f"A step of three candidates takes {step['soft']:.2f} s of processor time with a cut of 64 px and "
        f"{step['plain']:.2f} s without: {step['ratio']:.2f} times as long."
    )


def _real(pairs: Sequence[Record]) -> str:
    explained = [pair for pair in pairs if pair["kept"] >= 0.5]
    before, after = ([pair[join]["broken"] for pair in explained] for join in ("straight", "cut"))
    ratios = [pair["cut"]["mismatch"] / pair["straight"]["mismatch"] for pair in explained]
    text = (
        f"Of {len(pairs)} redraws by real models, {len(explained)} explain at least half of the band. On these a cut "
        f"through 64 px takes the broken rows from {fmean(before):.1%} (at most {max(before):.1%}) to "
        f"{fmean(after):.2%} (at most {max(after):.2%}), and the mismatch to {median(ratios):.2f} of the straight "
        f"join's in the median, {max(ratios):.2f} at most. `DIR` of `make bench-cut` names their folder."
    )
    header = ("model", "explained", "broken", "longest run", "mismatch", "residual", "sharpness")
    lines = (
        (
            pair["model"],
            f"{pair['kept']:.0%}",
            f"{pair['straight']['broken']:.1%} → {pair['cut']['broken']:.1%}",
            f"{pair['straight']['longest']} → {pair['cut']['longest']}",
            f"{pair['straight']['mismatch']:.1f} → {pair['cut']['mismatch']:.1f}",
            f"{pair['straight']['residual']:.2f} → {pair['cut']['residual']:.2f}",
            f"{pair['cut']['sharpness']:.2f}",
        )
        for pair in sorted(pairs, key=lambda pair: -pair["kept"])
    )
    return f"{text}\n\n{_table(header, lines)}"
