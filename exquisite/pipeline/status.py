"""Where a session stands, in numbers: canvas, steps, style and money."""

from __future__ import annotations

from decimal import Decimal

from .journal.ledger import Ledger
from .store import Store
from .store.pieces import pending_width
from .store.records import Record

__all__ = ["session_status"]


def session_status(store: Store, budget: Decimal | None = None) -> Record:
    """Where a session stands, as JSON types, and what is left of `budget` in USD.

    It costs the same at any length of the canvas.
    """
    head = store.head
    record, canvas = store.step(head), store.canvas_box(head)
    return {
        "root": str(store.root),
        "head": head,
        "branch": store.branch,
        "branches": store.branches(),
        "axis": store.axis,
        "canvas_size": list(canvas.size),
        "canvas_origin": list(canvas.origin),
        "pending_px": {side: pending_width(record, side) for side in ("low", "high")},
        "contract": store.contract.as_dict(),
        "steps": record["totals"]["steps"],
        "last_step": store.last_step(head),
        "unfinished": store.pending(),
        **Ledger(store.disk).summary(budget),
        "style": record.get("style", {}).get("trends", {}),
    }
