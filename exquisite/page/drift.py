"""The drift of style along a canvas: how the strip of each step differs from the seed picture.

Step records hold these changes. Records of older sessions do not; their strips are measured, a few at each request.
"""

from __future__ import annotations

import threading
import time

from ..contract import Mode
from ..geometry.measures.style import style_of
from ..pipeline.store import SEED, Store
from .strips import CanvasStrip, StripIndex

__all__ = ["StyleDrift"]

_MAX_POINTS = 80
_MIN_DIVISOR = {"sharpness": 0.01, "contrast": 1.0, "lightness": 1.0, "colour": 1.0, "line_density": 0.002}
"""Smallest divisor of each measure, as in `measures.style`: relative changes of tiny values mean nothing."""


class StyleDrift:
    """Style changes of strips, cached: each is read or measured once. Safe for threads."""

    def __init__(self, store: Store, index: StripIndex) -> None:
        self._store = store
        self._index = index
        self._changes: dict[int, dict[str, float]] = {}
        self._seed: dict[str, float] | None = None
        self._measuring = threading.Lock()

    def along(self, head: int, budget_s: float) -> tuple[list[int], dict[str, list[float]], bool]:
        """Steps along the canvas of `head`, the changes of each measure at them, and whether the lists are complete.

        At most _MAX_POINTS steps, evenly spaced, oldest first. Reading and measuring stop after `budget_s` seconds.
        """
        deadline = time.monotonic() + budget_s
        with self._measuring:
            steps = self._steps(head, deadline)
            numbers: list[int] = []
            series: dict[str, list[float]] = {name: [] for name in _MIN_DIVISOR}
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
        """The strips to show, oldest first; None when reading them takes longer than the deadline allows."""
        strips: list[CanvasStrip] = []
        at: int | None = head
        while at is not None and at != SEED:
            if time.monotonic() > deadline and not self._index.knows(at):
                return None
            strips.append(self._index.strip(at))
            at = strips[-1].parent
        strips.reverse()
        if len(strips) <= _MAX_POINTS:
            return strips
        apart = (len(strips) - 1) / (_MAX_POINTS - 1)
        return [strips[round(index * apart)] for index in range(_MAX_POINTS)]

    def _change(self, strip: CanvasStrip) -> dict[str, float]:
        """The relative change of each style measure since the seed picture, from the step record or measured."""
        change = self._changes.get(strip.step)
        if change is None:
            recorded = self._store.steps.record(strip.step).get("style", {}).get("since_seed", {})
            if recorded.keys() >= _MIN_DIVISOR.keys():
                change = {name: float(recorded[name]) for name in _MIN_DIVISOR}
            else:
                change = self._measure(strip)
            self._changes[strip.step] = change
        return change

    def _measure(self, strip: CanvasStrip) -> dict[str, float]:
        if self._seed is None:
            self._seed = self._style(self._index.strip(SEED))
        new, first = self._style(strip), self._seed
        return {name: (new[name] - first[name]) / max(first[name], least) for name, least in _MIN_DIVISOR.items()}

    def _style(self, strip: CanvasStrip) -> dict[str, float]:
        mode = Mode.X_LTR if strip.mode is None else Mode(strip.mode)
        return style_of(self._store.read_strip(strip.piece), mode).as_dict()
