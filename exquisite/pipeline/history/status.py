"""The status of a session: canvas, steps, style and money."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal
from pathlib import Path

from ...contract import Mode, TileContract
from ...geometry.measures.trend import Trend
from ...json_types import JsonObject
from ..journal.ledger import Ledger
from ..journal.money import Money
from ..store import Store
from ..store.pieces import is_closed, pending_width
from .styles import style_trends

__all__ = ["Status", "session_status"]


@dataclass(frozen=True)
class Status:
    """The status of a session.

    Attributes:
        root: the session's folder.
        head: the last step of the canvas; 0 is the seed picture.
        branch: the followed branch; None for the main head.
        branches: every other head.
        axis: "x" or "y" once the first step is committed, else None.
        canvas_size: (width, height) in pixels.
        canvas_origin: (x, y) of the canvas's top left pixel from that of the seed picture.
        closed: whether the canvas is a loop, which no step continues.
        pending_px: pixels that are pending at the ends "low" and "high".
        contract: the sizes of every step.
        steps: steps on the canvas.
        last_step: the highest number of a step on any branch.
        unfinished: steps that were started and not finished.
        money: the costs of the session.
        trends: how style changes along the canvas, for each mode in which it has grown.
    """

    root: Path
    head: int
    branch: str | None
    branches: tuple[str, ...]
    axis: str | None
    canvas_size: tuple[int, int]
    canvas_origin: tuple[int, int]
    closed: bool
    pending_px: Mapping[str, int]
    contract: TileContract
    steps: int
    last_step: int
    unfinished: tuple[int, ...]
    money: Money
    trends: Mapping[Mode, list[Trend]]

    def as_dict(self) -> JsonObject:
        """The status as JSON types; the fields of `money` are on the top level, and the trends are called "style"."""
        return {
            "root": str(self.root),
            "head": self.head,
            "branch": self.branch,
            "branches": list(self.branches),
            "axis": self.axis,
            "canvas_size": list(self.canvas_size),
            "canvas_origin": list(self.canvas_origin),
            "closed": self.closed,
            "pending_px": dict(self.pending_px),
            "contract": self.contract.as_dict(),
            "steps": self.steps,
            "last_step": self.last_step,
            "unfinished": list(self.unfinished),
            **self.money.as_dict(),
            "style": {mode.value: [asdict(trend) for trend in trends] for mode, trends in self.trends.items()},
        }


def session_status(store: Store, budget: Decimal | None = None) -> Status:
    """The status of a session, with the rest of `budget` in USD; takes the same time at any length of the canvas."""
    head = store.head
    record, canvas = store.steps.record(head), store.canvas_box(head)
    return Status(
        root=store.root,
        head=head,
        branch=store.branch,
        branches=tuple(store.branches()),
        axis=store.axis,
        canvas_size=canvas.size,
        canvas_origin=canvas.origin,
        closed=is_closed(record),
        pending_px={side: pending_width(record, side) for side in ("low", "high")},
        contract=store.contract,
        steps=record["totals"]["steps"],
        last_step=store.steps.last(head),
        unfinished=tuple(store.steps.unfinished()),
        money=Ledger(store.disk).money(budget),
        trends=style_trends(record),
    )
