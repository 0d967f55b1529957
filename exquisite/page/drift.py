"""How the style of the new strips drifts from that of the seed picture along a canvas, measured a little at a time."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping

from ..contract import Mode
from ..geometry.measures.style import Style, style_of
from ..pipeline.store import SEED, Store
from .strips import CanvasStrip, StripIndex

__all__ = ["StyleDrift"]

_MOST_POINTS = 80
_LEAST = {"sharpness": 0.01, "contrast": 1.0, "lightness": 1.0, "colour": 1.0, "line_density": 0.002}
"""A measure of the seed picture below this counts as this, as in `measures.style`."""


class StyleDrift:
    """The style of strips, each measured once; safe for threads."""

    def __init__(self, store: Store, index: StripIndex) -> None:
        self._store = store
        self._index = index
        self._styles: dict[str, Style] = {}
        self._measuring = threading.Lock()

    def along(self, head: int, budget_s: float) -> tuple[list[int], dict[str, list[float]], bool]:
        """(steps, change of each measure against the seed picture, whether those are all) of the canvas of `head`.

        At most _MOST_POINTS steps, evenly apart, oldest first; measures what it can within `budget_s` seconds.
        """
        deadline = time.monotonic() + budget_s
        with self._measuring:
            strips: list[CanvasStrip] = []
            at: int | None = head
            while at is not None:
                if time.monotonic() > deadline and not self._index.knows(at):
                    return [], {}, False
                strips.append(self._index.strip(at))
                at = None if at == SEED else strips[-1].parent
            strips.reverse()
            seed, steps = strips[0], strips[1:]
            if len(steps) > _MOST_POINTS:
                apart = (len(steps) - 1) / (_MOST_POINTS - 1)
                steps = [steps[round(index * apart)] for index in range(_MOST_POINTS)]
            first = self._style(seed).as_dict()
            numbers: list[int] = []
            series: dict[str, list[float]] = {name: [] for name in first}
            for strip in steps:
                if time.monotonic() > deadline and strip.piece.sha256 not in self._styles:
                    return numbers, series, False
                numbers.append(strip.step)
                for name, change in _changes(self._style(strip).as_dict(), first).items():
                    series[name].append(change)
            return numbers, series, True

    def _style(self, strip: CanvasStrip) -> Style:
        style = self._styles.get(strip.piece.sha256)
        if style is None:
            mode = Mode.X_LTR if strip.mode is None else Mode(strip.mode)
            style = self._styles[strip.piece.sha256] = style_of(self._store.read_strip(strip.piece), mode)
        return style


def _changes(new: Mapping[str, float], first: Mapping[str, float]) -> dict[str, float]:
    return {name: (new[name] - first[name]) / max(first[name], _LEAST[name]) for name in first}
