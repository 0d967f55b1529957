"""The records of the candidates of a step: the measurements of each, and the reason for the choice; see FORMAT.md.

Each field is `Annotated` with its meaning and its unit, as in `record_types`.
"""

from __future__ import annotations

from typing import Annotated, Any, NotRequired, TypedDict

__all__ = ["CandidateRecord", "GateRecord", "Json", "ScoreRecord", "SeamRecord"]

Json = dict[str, Any]
"""A JSON object whose fields are listed elsewhere."""


class GateRecord(TypedDict):
    """The gate of a step."""

    factor: Annotated[float, "factor on the seam metric of the band's own columns"]
    threshold: Annotated[float, "smallest seam metric that passes"]
    interior: Annotated[list[float], "seam metric at columns of the band, in the direction of growth"]
    passed: Annotated[bool, "whether the best candidate passes"]


class SeamRecord(TypedDict):
    """One seam of a candidate of a closing step; the candidate's own values are the worse of both."""

    primary: Annotated[float, "primary metric, higher is better"]
    metrics: Annotated[dict[str, float], "every metric, higher is better"]
    vetoes: Annotated[list[str], "names of the vetoes against it"]
    calibration: Annotated[Json, "drift measured at this end: fields of `Calibration`, and `lossy`"]
    cut: NotRequired[Annotated[Json, "the cut through the pending zone: fields of `Cut`, the path as text"]]
    uncut: NotRequired[Annotated[str, "why a pending zone was not cut"]]


class CandidateRecord(TypedDict):
    """`steps/NNNNNN/candidates/K/score.json`, and each entry of the step's `score.json`."""

    candidate: Annotated[int, "number, from 0"]
    error: NotRequired[Annotated[str, "why it is unreadable"]]
    primary: NotRequired[Annotated[float, "primary metric, higher is better"]]
    metrics: NotRequired[Annotated[dict[str, float], "every metric, higher is better"]]
    vetoes: NotRequired[Annotated[list[str], "names of the vetoes against it"]]
    lossy: NotRequired[Annotated[str, "lossy format of the tile, JPEG or WEBP"]]
    calibration: NotRequired[Annotated[Json, "measured drift: fields of `Calibration`, and `lossy`"]]
    cut: NotRequired[Annotated[Json, "the cut through the pending zone: fields of `Cut`, the path as text"]]
    uncut: NotRequired[Annotated[str, "why a pending zone was not cut"]]
    rank: NotRequired[Annotated[int, "rank by the metric of the step, from 1"]]
    verdict: NotRequired[Annotated[str, "why it won or lost"]]
    feather: NotRequired[Annotated[Json, "narrowest feather that passes: width, seam metric before and after it"]]
    anchor: NotRequired[Annotated[dict[str, float], "factors on lightness, contrast and sharpness of the new half"]]
    seams: NotRequired[
        Annotated[list[SeamRecord], "of a closing step: the seam at the frontier, and that at the beginning"]
    ]


class ScoreRecord(TypedDict):
    """`steps/NNNNNN/score.json`: all candidates, and the reason for the choice."""

    metric: Annotated[str, "metric that chose"]
    chosen: Annotated[int | None, "candidate that was glued"]
    best: Annotated[int | None, "best candidate that passes the gate, or else the best of all"]
    reason: Annotated[str, "reason for the choice, as a sentence"]
    gate: Annotated[GateRecord | None, "gate of the step"]
    best_by_metric: Annotated[dict[str, int], "candidate that each metric would have chosen"]
    candidates: Annotated[list[CandidateRecord], "every candidate"]
    feather: NotRequired[Annotated[Json, "seam metric and sharpness of the feather zone, before and after"]]
    far_gate: NotRequired[Annotated[GateRecord, "of a closing step: gate of the seam at the beginning of the canvas"]]
    far_feather: NotRequired[Annotated[Json, "of a closing step: the feather at that seam"]]
