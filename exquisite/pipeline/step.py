"""The way of a step, from raw answer bytes to the pixels that are committed: pure, whoever made the bytes.

    decode → calibrate → enforce → strips → score        for each candidate, on all cores
    select (metric) → gate → feather → growth strip      for the one that wins

Nothing here touches the disk or the network; a session stores the answers before, and the results after.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from PIL import Image

from ..api.answer import decode_tile
from ..api.generator import RawCandidate
from ..contract import CLASSIC, Mode, TileContract
from ..errors import AnswerError, UsageError
from ..geometry.calibration import Calibration, calibrate_tile
from ..geometry.enforcement import enforce_conditioning_half
from ..geometry.feather import feather_tile
from ..geometry.overlap_score import DEFAULT_GATE, METRICS, Gate, TileScore, interior_gate, score_tile
from ..geometry.reference_tile import SCAFFOLD_FILLS
from .artifacts import require_artifacts

__all__ = [
    "Choice",
    "Examined",
    "Progress",
    "StepOptions",
    "StepResult",
    "choose",
    "commit_tile",
    "examine_all",
    "ranked",
]


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


@dataclass(frozen=True)
class Progress:
    """Where a step is: step number, candidate (from 1; 0 when none is meant), phase, seconds since its start."""

    step: int
    candidate: int
    candidates: int
    phase: str
    elapsed: float


@dataclass(frozen=True, eq=False)
class StepResult:
    """What a step did.

    Attributes:
        status: "committed", or "rejected" when the gate glued nothing.
        step_index: number of the step.
        chosen: candidate that was glued; None when none was.
        scores: score of each candidate; None for one that could not be read.
        step_dir: folder with the step's files.
        canvas_size: (width, height) of the canvas now, in pixels.
        message: one or two lines for a person.
    """

    status: str
    step_index: int
    chosen: int | None
    scores: tuple[TileScore | None, ...]
    step_dir: Path
    canvas_size: tuple[int, int]
    message: str = ""


@dataclass(frozen=True, eq=False)
class Examined:
    """A candidate after the stages that need no other candidate; `error` says why one could not be read."""

    index: int
    raw: RawCandidate
    error: str = ""
    redraw: Image.Image | None = None
    enforced: Image.Image | None = None
    calibration: Calibration | None = None
    score: TileScore | None = None
    seconds: Mapping[str, float] = field(default_factory=dict)

    def value(self, metric: str) -> float:
        """The candidate's value in a metric, higher is better; minus infinity without a score."""
        if self.score is None:
            return float("-inf")
        return self.score.primary if metric == "primary" else self.score.metrics[metric]


@dataclass(frozen=True, eq=False)
class Choice:
    """Which candidate is glued, and why.

    Attributes:
        chosen: the winner; None when nothing is glued.
        best: the best candidate that passes the gate, else the best of all; None when none could be read.
        gate: the gate that was asked; None when there was none.
        reason: for a person.
        best_by: what each metric would have chosen.
    """

    chosen: int | None
    best: int | None
    gate: Gate | None
    reason: str
    best_by: Mapping[str, int]


def examine_all(
    raws: Sequence[RawCandidate],
    band: Image.Image,
    mode: Mode,
    contract: TileContract,
    options: StepOptions,
    tell: Callable[[int, str], None] = lambda _candidate, _phase: None,
) -> list[Examined]:
    """Examine every candidate, on as many cores as there are; `tell(candidate, phase)` hears of progress."""

    def examine(index: int) -> Examined:
        tell(index, "examining")
        return _examine(index, raws[index], band, mode, contract, options.calibrate)

    with ThreadPoolExecutor(max_workers=max(1, min(len(raws), os.cpu_count() or 1))) as pool:
        return list(pool.map(examine, range(len(raws))))


def _examine(
    index: int, raw: RawCandidate, band: Image.Image, mode: Mode, contract: TileContract, calibrate: bool
) -> Examined:
    try:
        tile = decode_tile(raw.data, contract)
    except AnswerError as error:
        return Examined(index, raw, str(error))
    calibration = calibrate_tile(tile, band, mode, contract) if calibrate else None
    redraw = tile if calibration is None else calibration.tile
    enforced = enforce_conditioning_half(redraw, band, mode, contract)
    score = score_tile(band, enforced, mode, contract, calibration)
    return Examined(index, raw, "", redraw, enforced, calibration, score)


def choose(
    examined: Sequence[Examined], band: Image.Image, mode: Mode, contract: TileContract, options: StepOptions
) -> Choice:
    """Select by the metric of `options`: the best that passes the gate, and nothing when none does."""
    readable = [one for one in examined if one.score is not None]
    if not readable:
        return Choice(None, None, None, "no candidate could be read: " + "; ".join(_faults(examined)), {})

    best, *others = in_order = ranked(readable, options.metric)
    best_by = {metric: ranked(readable, metric)[0].index for metric in METRICS}
    if options.gate is None:
        return Choice(best.index, best.index, None, f"{_why(best, others, options.metric)}; no gate", best_by)
    gate = interior_gate(band, mode, contract, options.gate)
    passing = [one for one in in_order if one.score is not None and gate.passes(one.score)]
    if passing:
        winner, *others = passing
        reason = _why(winner, others, options.metric)
        if winner is not best:
            reason += f", of those that pass the gate; candidate {best.index} does not"
        return Choice(winner.index, winner.index, gate, reason, best_by)
    vetoes = f" and vetoed ({', '.join(best.score.vetoes)})" if best.score and best.score.vetoes else ""
    refusal = (
        f"the gate refused: the best of {len(examined)}, candidate {best.index}, scores "
        f"{best.value('seam'):.3f}{vetoes} at the seam; this canvas asks for {gate.threshold:.3f}"
    )
    return Choice(None, best.index, gate, refusal, best_by)


def ranked(examined: Sequence[Examined], metric: str) -> list[Examined]:
    """Best first: by `metric`, the vetoed after all others, those that could not be read last."""

    def rank(one: Examined) -> tuple[bool, bool, float]:
        return (one.score is not None, one.score is not None and not one.score.vetoes, one.value(metric))

    return sorted(examined, key=rank, reverse=True)


def _why(best: Examined, others: Sequence[Examined], metric: str) -> str:
    value = best.value(metric)
    if not others:
        return f"candidate {best.index} is the only one; {metric} {value:.3f}"
    second = others[0]
    return (
        f"candidate {best.index} has the best {metric}, {value:.3f}, "
        f"{value - second.value(metric):.3f} above candidate {second.index}"
    )


def _faults(examined: Sequence[Examined]) -> list[str]:
    return [f"candidate {one.index}: {one.error}" for one in examined if one.error]


def commit_tile(
    winner: Examined, band: Image.Image, mode: Mode, feather_px: int, contract: TileContract = CLASSIC
) -> Image.Image:
    """The tile whose growth box is committed: the winner's enforced tile, feathered when `feather_px` > 0."""
    if winner.enforced is None or winner.redraw is None:
        raise AnswerError(f"candidate {winner.index} cannot be glued: {winner.error}")
    if feather_px == 0:
        return winner.enforced
    return feather_tile(winner.enforced, winner.redraw, band, mode, feather_px, contract)
