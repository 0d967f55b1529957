"""The style of a canvas, step by step: what each record keeps of it, its trend, and the anchor of the next step.

A record carries the style of the seed picture and the drifts of the last steps in each mode, so that neither a step nor
`status` reads more than one record for it, whatever the length of the canvas.
"""

from __future__ import annotations

from collections.abc import Mapping

from ..contract import Mode
from ..geometry.anchor import Anchor
from ..geometry.measures.signature import Signature, signature_of
from ..geometry.measures.trend import TRENDS, Trend, spread_of, trends_of
from .store import SEED, Store
from .store.pieces import Piece
from .store.records import Record

__all__ = ["TREND_STEPS", "anchor_for", "style_record", "style_trends"]

TREND_STEPS = 32
"""A trend is followed over at most so many steps."""


def style_record(store: Store, base: int, mode: Mode, strip: Signature, band: Signature) -> Record:
    """What the record of a step says of style: its `strip`, and how that differs from seed picture and `band`.

    Args:
        base: the step that it continues.
        band: signature of the last pixels of the canvas before the step, as wide as the strip or the whole band.
    """
    seed = _seed(store, base, mode)
    since_seed = strip.drift_from(Signature.from_record(seed["signature"]))
    before = store.step(base).get("style", {}).get("recent", {})
    ours = [*before.get(mode, []), [since_seed[name] for name in TRENDS]]
    return {
        "strip": strip.as_dict(),
        "since_seed": since_seed,
        "against_band": strip.drift_from(band),
        "seed": seed,
        "recent": {**before, mode: ours[-TREND_STEPS:]},
    }


def anchor_for(store: Store, base: int, mode: Mode, share: float) -> Anchor | None:
    """The anchor of a step in `mode` on top of step `base`, which corrects at most `share`; None where that is 0."""
    if share == 0:
        return None
    seed = _seed(store, base, mode)
    recent = tuple(reversed(_drifts(store.step(base)).get(mode, [])))
    return Anchor(share, Signature.from_record(seed["signature"]), seed["spread"], recent)


def style_trends(store: Store, number: int) -> dict[Mode, list[Trend]]:
    """The trends since the seed picture, for each mode in which the canvas of step `number` has grown."""
    record = store.step(number)
    return {mode: trends_of(drifts, record["style"]["seed"]["spread"]) for mode, drifts in _drifts(record).items()}


def _drifts(record: Record) -> dict[Mode, list[Mapping[str, float]]]:
    """The drifts since the seed picture of the last steps in each mode, oldest first; none in records without style."""
    recent = record.get("style", {}).get("recent", {})
    return {Mode(mode): [dict(zip(TRENDS, values, strict=True)) for values in rows] for mode, rows in recent.items()}


def _seed(store: Store, base: int, mode: Mode) -> Record:
    """Signature and spread of the seed picture: as the step before says, else measured."""
    record = store.step(base)
    if "style" in record:
        seed: Record = record["style"]["seed"]
        return seed
    picture = store.read_strip(Piece.from_record(store.step(SEED)["strip"]))
    right = Mode.X_LTR if mode.axis == "x" else Mode.Y_TTB
    spread = spread_of(picture, right, store.contract.advance_px)
    return {
        "signature": signature_of(picture, right).as_dict(),
        "spread": {name: round(value, 6) for name, value in spread.items()},
    }
