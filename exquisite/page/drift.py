"""How the style of the new strips drifts from that of the seed picture along a canvas.

Steps keep that in their records; what older sessions do not keep is measured, a little at a time.
"""

from __future__ import annotations

import threading
import time

from ..contract import Mode
from ..geometry.measures.style import style_of
from ..pipeline.store import SEED, Store
from .strips import CanvasStrip, StripIndex

__all__ = ["StyleDrift"]

_MOST_POINTS = 80
_LEAST = {"sharpness": 0.01, "contrast": 1.0, "lightness": 1.0, "colour": 1.0, "line_density": 0.002}
"""A measure of the seed picture below this counts as this, as in `measures.style`."""


class StyleDrift:
    """The changes of style of strips, each read or measured once; safe for threads."""

    def __init__(self, store: Store, index: StripIndex) -> None:
        self._store = store
        self._index = index
        self._changes: dict[int, dict[str, float]] = {}
        self._seed: dict[str, float] | None = None
        self._measuring = threading.Lock()

    def along(self, head: int, budget_s: float) -> tuple[list[int], dict[str, list[float]], bool]:
        """(steps, change of each measure since the seed picture, whether those are all) of the canvas of `head`.

        At most _MOST_POINTS steps, evenly apart, oldest first; reads and measures what it can in `budget_s` seconds.
        """
        deadline = time.monotonic() + budget_s
        with self._measuring:
            steps = self._steps(head, deadline)
            numbers: list[int] = []
            series: dict[str, list[float]] = {name: [] for name in _LEAST}
            if steps is None:
                return numbers, series, False
            for strip in steps:
                if time.monotonic() > deadline and strip.step not in self._changes:
                    return numbers, series, False
                changes = self._change(strip)
                numbers.append(strip.step)
                for name, values in series.items():
                    values.append(changes[name])
            return numbers, series, True

    def _steps(self, head: int, deadline: float) -> list[CanvasStrip] | None:
        """The strips to show, oldest first; None when there was no time to read them all."""
        strips: list[CanvasStrip] = []
        at: int | None = head
        while at is not None and at != SEED:
            if time.monotonic() > deadline and not self._index.knows(at):
                return None
            strips.append(self._index.strip(at))
            at = strips[-1].parent
        strips.reverse()
        if len(strips) <= _MOST_POINTS:
            return strips
        apart = (len(strips) - 1) / (_MOST_POINTS - 1)
        return [strips[round(index * apart)] for index in range(_MOST_POINTS)]

    def _change(self, strip: CanvasStrip) -> dict[str, float]:
        """How the style of a strip differs from that of the seed picture: as its record says, else measured."""
        change = self._changes.get(strip.step)
        if change is None:
            recorded = self._store.steps.record(strip.step).get("style", {}).get("since_seed", {})
            change = {name: float(recorded[name]) for name in _LEAST} if recorded.keys() >= _LEAST.keys() else None
            change = self._changes[strip.step] = change or self._measured(strip)
        return change

    def _measured(self, strip: CanvasStrip) -> dict[str, float]:
        if self._seed is None:
            self._seed = self._style(self._index.strip(SEED))
        new, first = self._style(strip), self._seed
        return {name: (new[name] - first[name]) / max(first[name], least) for name, least in _LEAST.items()}

    def _style(self, strip: CanvasStrip) -> dict[str, float]:
        mode = Mode.X_LTR if strip.mode is None else Mode(strip.mode)
        return style_of(self._store.read_strip(strip.piece), mode).as_dict()
