"""The result of a step."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ...geometry.overlap_score import TileScore
from ..notebook import card, small_png
from ..store.artifacts import decode_png

__all__ = ["ResultStatus", "StepResult"]

ResultStatus = Literal["committed", "rejected"]
"""The outcome of a step with answers."""

_SEAM_PICTURES = ("seam_after_feather.png", "seam_before_feather.png")


@dataclass(frozen=True, eq=False)
class StepResult:
    """The result of a step.

    Attributes:
        status: "committed", or "rejected" when the gate refused every candidate.
        step_index: number of the step.
        chosen: the glued candidate; None when there is none.
        scores: score of each candidate; None for an unreadable one.
        step_dir: folder with the step's files.
        canvas_size: (width, height) of the canvas after the step, in pixels.
        message: the reason for the choice, one or two lines.
        would_pass: (candidate, feather_px) that would pass the gate, if it refused; None if none would.
    """

    status: ResultStatus
    step_index: int
    chosen: int | None
    scores: tuple[TileScore | None, ...]
    step_dir: Path
    canvas_size: tuple[int, int]
    message: str = ""
    would_pass: tuple[int, int] | None = None

    def _repr_html_(self) -> str:
        width, height = self.canvas_size
        rows = [
            (
                f"{index} (glued)" if index == self.chosen else str(index),
                "unreadable" if score is None else f"{score.primary:.3f}",
                "" if score is None else ", ".join(score.vetoes),
            )
            for index, score in enumerate(self.scores)
        ]
        seam = self._repr_png_()
        return card(
            f"step {self.step_index}: {self.status}",
            (f"the canvas is {width} × {height} px", self.message),
            None if seam is None else (f"the seam of step {self.step_index}", seam),
            [("candidate", "primary", "vetoes"), *rows] if rows else [],
        )

    def _repr_png_(self) -> bytes | None:
        """A small picture of the seam; None when nothing was glued or the picture is not stored."""
        path = next((self.step_dir / name for name in _SEAM_PICTURES if (self.step_dir / name).is_file()), None)
        return None if path is None else small_png(decode_png(path.read_bytes()))
