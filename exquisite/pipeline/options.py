"""Every knob of a step, with its default and its range."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from ..errors import UsageError
from ..geometry.overlap_score import DEFAULT_GATE, METRICS
from ..geometry.reference_tile import SCAFFOLD_FILLS
from .artifacts import require_artifacts

__all__ = ["StepOptions"]


@dataclass(frozen=True)
class StepOptions:
    """Every knob of a step, with its default.

    Attributes:
        candidates: tiles to ask for, 1 to 10.
        feather_px: width in pixels of the feather beyond the seam, 0 for none, at most advance_px.
        calibrate: undo the model's drift before enforcement.
        gate: factor of the relative gate; None glues the best candidate whatever its score.
        metric: the metric that selects the winner: "primary", or one of the scorer's others.
        scaffold_fill: what fills the generated half of the reference tile.
        continuation_cue: draw marks at the seam inside the conditioning half of the reference tile.
        prompt_strength: how much is said around the person's words, 0 to 3.
        artifacts: "full", "lean" (answers and the winner's files) or "none" (answers and the strip).

    Raises:
        UsageError: a value outside its range, or a field that does not exist.
    """

    candidates: int = 3
    feather_px: int = 0
    calibrate: bool = True
    gate: float | None = DEFAULT_GATE
    metric: str = "primary"
    scaffold_fill: str = "grey"
    continuation_cue: bool = False
    prompt_strength: int = 1
    artifacts: str = "full"

    def __post_init__(self) -> None:
        if not 1 <= self.candidates <= 10:
            raise UsageError(f"candidates must be 1 to 10, not {self.candidates}")
        if self.feather_px < 0:
            raise UsageError(f"feather_px must be 0 or more, not {self.feather_px}")
        if self.gate is not None and not self.gate > 0:
            raise UsageError(f"gate must be a factor above 0, or None for no gate, not {self.gate!r}")
        if self.metric not in METRICS:
            raise UsageError(f"unknown metric {self.metric!r}: use one of {', '.join(METRICS)}")
        if self.scaffold_fill not in SCAFFOLD_FILLS:
            raise UsageError(f"unknown scaffold_fill {self.scaffold_fill!r}: use one of {', '.join(SCAFFOLD_FILLS)}")
        if not 0 <= self.prompt_strength <= 3:
            raise UsageError(f"prompt_strength must be 0 to 3, not {self.prompt_strength}")
        require_artifacts(self.artifacts)

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> StepOptions:
        """Options from names and values, as a caller or a record gives them."""
        known = {option.name for option in fields(cls)}
        if unknown := sorted(set(values) - known):
            raise UsageError(f"unknown step option {unknown[0]!r}: use one of {', '.join(sorted(known))}")
        return cls(**values)

    def as_dict(self) -> dict[str, Any]:
        """The options as JSON types."""
        return asdict(self)
