"""The style of a canvas, step by step: its record, its trend, and the anchor of the next step.

A record carries the style of the seed picture, the drifts of the last steps in each mode and the trends fitted to them.
Both a step and `status` therefore read only one record, at any length of the canvas. Every reader of a record parses
all of it, but only a step needs the drifts. They are text, one line a step, because JSON parses a line five times as
fast as five numbers: the record of the ten-thousandth step is read as fast as that of the tenth.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

from ...contract import Mode
from ...geometry.anchor import Anchor
from ...geometry.measures.signature import Signature, signature_of
from ...geometry.measures.trend import TRENDS, Trend, spread_of, trends_of
from ..store import SEED, Store
from ..store.pieces import Piece
from ..store.records import Record

__all__ = ["TREND_STEPS", "anchor_for", "style_record", "style_trends"]

TREND_STEPS = 32
"""Largest number of steps in the fit of a trend."""


def style_record(store: Store, base: int, mode: Mode, strip: Signature, band: Signature) -> Record:
    """The style in the record of a step: of its `strip`, and its differences from the seed picture and from `band`.

    Args:
        base: the parent step.
        band: signature of the last pixels of the canvas before the step, as long as the strip or the whole band.
    """
    seed = _seed(store, base, mode)
    since_seed = strip.drift_from(Signature.from_record(seed["signature"]))
    before = store.steps.record(base).get("style", {})
    drifts = {**before.get("drifts", {})}
    drifts[mode] = [*drifts.get(mode, []), _line(since_seed)][-TREND_STEPS:]
    trends = trends_of([_drift(line) for line in drifts[mode]], seed["spread"])
    return {
        "strip": strip.as_dict(),
        "since_seed": since_seed,
        "against_band": strip.drift_from(band),
        "seed": seed,
        "drifts": drifts,
        "trends": {**before.get("trends", {}), mode: [asdict(trend) for trend in trends]},
    }


def anchor_for(store: Store, base: int, mode: Mode, share: float) -> Anchor | None:
    """The anchor of a step in `mode` on top of step `base`, which corrects at most `share`; None for 0."""
    if share == 0:
        return None
    seed = _seed(store, base, mode)
    lines = store.steps.record(base).get("style", {}).get("drifts", {}).get(mode, [])
    recent = tuple(_drift(line) for line in reversed(lines))
    return Anchor(share, Signature.from_record(seed["signature"]), seed["spread"], recent)


def style_trends(record: Record) -> dict[Mode, list[Trend]]:
    """The trends since the seed picture in the record of a step, for each mode in which its canvas has grown."""
    trends = record.get("style", {}).get("trends", {})
    return {Mode(mode): [Trend(**trend) for trend in of_mode] for mode, of_mode in trends.items()}


def _line(drift: Mapping[str, float]) -> str:
    """The values of TRENDS with four decimals: a warning needs a drift of 0.03 (`trend.LEAST_DRIFT`)."""
    return " ".join(f"{drift[name]:.4f}" for name in TRENDS)


def _drift(line: str) -> dict[str, float]:
    """Parse the drift that `_line` wrote."""
    return dict(zip(TRENDS, map(float, line.split()), strict=True))


def _seed(store: Store, base: int, mode: Mode) -> Record:
    """Signature and spread of the seed picture, from the record of the step before or measured."""
    record = store.steps.record(base)
    if "style" in record:
        seed: Record = record["style"]["seed"]
        return seed
    picture = store.read_strip(Piece.from_record(store.steps.record(SEED)["strip"]))
    right = Mode.X_LTR if mode.axis == "x" else Mode.Y_TTB
    spread = spread_of(picture, right, store.contract.advance_px)
    return {
        "signature": signature_of(picture, right).as_dict(),
        "spread": {name: round(value, 6) for name, value in spread.items()},
    }
