"""SVG drawings for the page and the report.

Each drawing has a title and a description for screen readers. Colour alone never carries a meaning: lines also differ
by their dashes. Colours are classes of the page's style sheet.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from ..pipeline.formats.record_types import StepStatus

__all__ = ["TONE_AT", "TreeNode", "displacement", "drift_chart", "tone_curve", "tree"]

TONE_AT = (32, 128, 224)
"""Levels of the redraw for which a calibration record holds the levels of the band."""

_TOP_LEVEL = 255
_GRID = 5
_MAX_ARROW = 16.0  # length in px of the drawing
_MAX_ARROW_SCALE = 8.0  # arrow length per pixel of displacement; the loupe enlarges by the same factor
_DASHES = ("", "7 3", "2 3", "9 3 2 3", "4 2", "1 2")
_NODE_GAP = (46, 40)


@dataclass(frozen=True)
class TreeNode:
    """A step in the tree: its number, its parent step, its status, and the heads that point at it."""

    step: int
    parent: int | None
    status: StepStatus
    heads: tuple[str, ...] = ()
    by_person: bool = False


def tone_curve(tone: Sequence[Sequence[float]]) -> str:
    """Draw the tone curve of each channel: levels of the band over levels of the redraw, beside the diagonal."""
    size, margin = 140, 8

    def at(x: float, y: float) -> str:
        scale = (size - 2 * margin) / _TOP_LEVEL
        return f"{margin + x * scale:.1f},{size - margin - y * scale:.1f}"

    parts = [f'<polyline class="faint" points="{at(0, 0)} {at(_TOP_LEVEL, _TOP_LEVEL)}"/>']
    words = []
    for name, dash, levels in zip(("red", "green", "blue"), _DASHES, tone, strict=False):
        points = " ".join(at(x, y) for x, y in zip(TONE_AT, levels, strict=False))
        parts.append(f'<polyline class="line {name}" stroke-dasharray="{dash}" points="{points}"/>')
        changes = ", ".join(f"{x} to {y:.0f}" for x, y in zip(TONE_AT, levels, strict=False))
        words.append(f"{name}: {changes}")
    return _svg((size, size), "Tone curve", "; ".join(words) or "no tone was measured", parts)


def displacement(shift: Sequence[float], scale: Sequence[float], local_px: Sequence[float] = (0.0, 0.0)) -> str:
    """Draw the displacement of the redraw as enlarged arrows over the conditioning half, with growth to the right.

    Args:
        shift: (along, across) in pixels at the middle of the seam.
        scale: (along, across), factors.
        local_px: largest displacement beyond these, in pixels; the description states it, no arrow shows it.
    """
    width, height, margin, reach = 140, 140, 16, 100.0
    vectors = []
    for row in range(_GRID):
        for column in range(_GRID):
            along, across = -(_GRID - 1 - column) / (_GRID - 1), row / (_GRID - 1) - 0.5
            dx = shift[0] + (scale[0] - 1) * along * 5 * reach
            dy = shift[1] + (scale[1] - 1) * across * 5 * reach * 2
            vectors.append((column, row, dx, dy))
    longest = max(math.hypot(dx, dy) for *_, dx, dy in vectors)
    factor = min(_MAX_ARROW_SCALE, _MAX_ARROW / longest) if longest > 0 else 0.0
    parts = [f'<line class="seam" x1="{width - margin}" y1="4" x2="{width - margin}" y2="{height - 4}"/>']
    for column, row, dx, dy in vectors:
        x = margin + column * (width - 2 * margin) / (_GRID - 1)
        y = margin + row * (height - 2 * margin) / (_GRID - 1)
        end_x, end_y = x + dx * factor, y + dy * factor
        parts.append(f'<line class="line" x1="{x:.1f}" y1="{y:.1f}" x2="{end_x:.1f}" y2="{end_y:.1f}"/>')
        parts.append(f'<circle class="dot" cx="{end_x:.1f}" cy="{end_y:.1f}" r="1.8"/>')
    words = (
        f"off by {shift[0]:+.2f} px along and {shift[1]:+.2f} px across at the seam, "
        f"size {scale[0]:.4f} along and {scale[1]:.4f} across, "
        f"up to {max(map(abs, local_px), default=0):.1f} px more locally; arrows {factor:.1f} times as long"
    )
    return _svg((width, height), "Displacement of the redraw", words, parts)


def drift_chart(steps: Sequence[int], series: Mapping[str, Sequence[float]]) -> str:
    """Draw the relative change of each style measure against the seed picture, one point a step; 0.1 is 10 % more.

    Args:
        steps: numbers of the steps, in the order of the canvas.
        series: one value a step for each measure.
    """
    width, height, left, right, top, bottom = 720, 260, 46, 120, 12, 26
    values = [value for line in series.values() for value in line]
    if not values:
        return _svg((width, height), "Drift along the canvas", "no step to draw yet", [])
    reach = max(0.1, *(abs(value) for value in values))
    across = max(1, len(steps) - 1)

    def at(index: int, value: float) -> tuple[float, float]:
        x = left + index * (width - left - right) / across
        return x, top + (1 - value / reach) * (height - top - bottom) / 2

    parts = []
    for level in (-reach, 0.0, reach):
        _, y = at(0, level)
        parts.append(f'<line class="faint" x1="{left}" y1="{y:.1f}" x2="{width - right}" y2="{y:.1f}"/>')
        where = f'x="{left - 6}" y="{y + 4:.1f}" text-anchor="end"'
        parts.append(f'<text class="label" {where}>{_percent(level)}</text>')
    words: list[str] = []
    occupied: list[float] = []
    for place, (name, line) in enumerate(series.items()):
        points = [at(index, value) for index, value in enumerate(line)]
        dash = _DASHES[place % len(_DASHES)]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        parts.append(f'<polyline class="line s{place}" stroke-dasharray="{dash}" points="{path}"/>')
        x, y = points[-1]
        label_y = _free(y + 4, occupied)
        occupied.append(label_y)
        caption = escape(name.replace("_", " "))
        parts.append(f'<text class="label" x="{width - right + 8}" y="{label_y:.1f}">{caption}</text>')
        words.append(f"{name} {line[-1]:+.1%}")
    for index in {0, len(steps) - 1}:
        x, _ = at(index, 0)
        label = f'<text class="label" x="{x:.1f}" y="{height - 8}" text-anchor="middle">step {steps[index]}</text>'
        parts.append(label)
    return _svg((width, height), "Drift along the canvas", f"at step {steps[-1]}: {', '.join(words)}", parts)


def tree(nodes: Sequence[TreeNode], current: int | None = None) -> str:
    """Draw steps and branches, oldest at the left: circle for committed, cross for rejected, ring for a head."""
    lanes, depths = _layout(nodes)
    gap_x, gap_y = _NODE_GAP
    width = (max(depths.values(), default=0) + 1) * gap_x + 24
    height = (max(lanes.values(), default=0) + 1) * gap_y + 24

    def at(step: int) -> tuple[float, float]:
        return 26 + depths[step] * gap_x, 34 + lanes[step] * gap_y

    parts = []
    for node in nodes:
        if node.parent in depths:
            (x1, y1), (x2, y2) = at(node.parent), at(node.step)
            parts.append(f'<path class="edge" d="M{x1},{y1} C{x1 + 22},{y1} {x2 - 22},{y2} {x2},{y2}"/>')
    for node in nodes:
        parts.append(_node(node, *at(node.step), node.step == current))
    heads = "; ".join(f"{', '.join(node.heads)} at step {node.step}" for node in nodes if node.heads)
    return _svg((width, height), "Steps and branches", f"{len(nodes)} steps; {heads}", parts, "group")


def _node(node: TreeNode, x: float, y: float, current: bool) -> str:
    name = "seed picture" if node.parent is None else f"step {node.step}, {node.status}"
    if node.by_person:
        name += ", chosen by a person"
    if node.heads:
        name += f", head of {', '.join(node.heads)}"
    shape = f'<circle class="node {"person" if node.by_person else ""}" cx="{x}" cy="{y}" r="9"/>'
    if node.status != "committed":
        shape = f'<path class="cross" d="M{x - 6},{y - 6} l12,12 M{x - 6},{y + 6} l12,-12"/>'
    ring = f'<circle class="ring" cx="{x}" cy="{y}" r="13"/>' if node.heads else ""
    here = f'<rect class="here" x="{x - 18}" y="{y - 18}" width="36" height="36" rx="6"/>' if current else ""
    label = f'<text class="label" x="{x}" y="{y + 4}" text-anchor="middle">{node.step}</text>'
    if node.status != "committed":
        label = f'<text class="label" x="{x}" y="{y + 19}" text-anchor="middle">{node.step}</text>'
    head = ""
    if node.heads:
        head = f'<text class="head" x="{x}" y="{y - 18}" text-anchor="middle">{escape(", ".join(node.heads))}</text>'
    return f'<a href="#/step/{node.step}" aria-label="{escape(name)}">{here}{ring}{shape}{label}{head}</a>'


def _layout(nodes: Sequence[TreeNode]) -> tuple[dict[int, int], dict[int, int]]:
    """The lane and the depth of each step. The first committed child stays in the lane of its parent."""
    lanes: dict[int, int] = {}
    depths: dict[int, int] = {}
    continued: set[int] = set()
    occupied: dict[int, set[int]] = {}
    for node in sorted(nodes, key=lambda one: one.step):
        parent = node.parent if node.parent in depths else None
        depth = 0 if parent is None else depths[parent] + 1
        lanes_at_depth = occupied.setdefault(depth, set())
        lane = 0 if parent is None else lanes[parent]
        straight = parent not in continued and node.status == "committed"
        if parent is not None and straight:
            continued.add(parent)
        elif parent is not None:
            lane += 1
        while lane in lanes_at_depth:
            lane += 1
        lanes_at_depth.add(lane)
        lanes[node.step], depths[node.step] = lane, depth
    return lanes, depths


def _percent(value: float) -> str:
    return f"{value:+.0%}" if value else "0%"


def _free(y: float, occupied: Sequence[float]) -> float:
    """The first height from `y` downwards at which a label overlaps no other label."""
    while any(abs(y - other) < 14 for other in occupied):
        y += 14
    return y


def _svg(size: tuple[float, float], title: str, words: str, parts: Sequence[str], role: str = "img") -> str:
    width, height = size
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}" '
        f'height="{height:g}" role="{role}" aria-label="{escape(title)}: {escape(words)}">'
        f"<title>{escape(title)}</title><desc>{escape(words)}</desc>{''.join(parts)}</svg>"
    )
