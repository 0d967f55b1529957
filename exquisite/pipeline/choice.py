"""The choice among examined candidates: metric, then gate, and how wide a feather the gate asks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ..geometry.overlap_score import DEFAULT_GATE, METRICS, Gate, TileScore, interior_gate
from .options import AUTO
from .step import Examined, StepInputs, commit_tile, score_along

__all__ = ["AUTO_WIDTHS", "Choice", "Feathering", "choose", "feather_width", "ranked"]

AUTO_WIDTHS = (0, 16, 32, 64)
"""Widths of the feather in pixels that "auto" tries, the narrowest first."""

_MENDED_BY_A_FEATHER = {"cast"}


@dataclass(frozen=True)
class Feathering:
    """The narrowest feather of AUTO_WIDTHS with which a candidate passes the gate.

    Attributes:
        feather_px: its width.
        before: the metric "seam" without a feather.
        after: the same with it.
    """

    feather_px: int
    before: float
    after: float


@dataclass(frozen=True, eq=False)
class Choice:
    """Which candidate is glued, and why.

    Attributes:
        chosen: the winner; None when nothing is glued.
        best: the best candidate that passes the gate, else the best of all; None when none could be read.
        gate: the gate that was asked; None when there was none.
        reason: for a person.
        best_by: what each metric would have chosen.
        feathers: what "auto" found for each candidate that passes.
        would_pass: (candidate, feather_px) with which the gate would have passed, where it refused without a feather.
    """

    chosen: int | None
    best: int | None
    gate: Gate | None
    reason: str
    best_by: Mapping[str, int]
    feathers: Mapping[int, Feathering] = field(default_factory=dict)
    would_pass: tuple[int, int] | None = None

    def passes(self, one: Examined) -> bool:
        """Whether a candidate passes the gate, with the feather that "auto" found for it; True without a gate."""
        if self.gate is None or one.index in self.feathers:
            return True
        return one.score is not None and self.gate.passes(one.score)


def choose(examined: Sequence[Examined], inputs: StepInputs) -> Choice:
    """Select by the metric of the options: the best that passes the gate, and nothing when none does.

    With the feather "auto" a candidate passes when one of AUTO_WIDTHS lets it pass.
    """
    options = inputs.options
    readable = [one for one in examined if one.score is not None]
    if not readable:
        return Choice(None, None, None, "no candidate could be read: " + "; ".join(_faults(examined)), {})

    best, *others = in_order = ranked(readable, options.metric)
    best_by = {metric: ranked(readable, metric)[0].index for metric in METRICS}
    factor = DEFAULT_GATE if options.gate is None else options.gate
    gate = interior_gate(inputs.band, inputs.mode, inputs.contract, factor)
    feathers = _feathers(in_order, gate, inputs) if options.feather_px == AUTO else {}
    if options.gate is None:
        reason = f"{_why(best, others, options.metric)}; no gate"
        return Choice(best.index, best.index, None, reason, best_by, feathers)
    passing = [one for one in in_order if one.index in feathers or (one.score is not None and gate.passes(one.score))]
    if passing:
        winner, *others = passing
        reason = _why(winner, others, options.metric)
        if winner is not best:
            reason += f", of those that pass the gate; candidate {best.index} does not"
        if (found := feathers.get(winner.index)) and found.feather_px:
            reason += f"; the gate asks for a feather of {found.feather_px} px"
        return Choice(winner.index, winner.index, gate, reason, best_by, feathers)
    vetoes = f" and vetoed ({', '.join(best.score.vetoes)})" if best.score and best.score.vetoes else ""
    refusal = (
        f"the gate refused: the best of {len(examined)}, candidate {best.index}, scores "
        f"{best.value('seam'):.3f}{vetoes} at the seam; this canvas asks for {gate.threshold:.3f}"
    )
    would_pass = None
    for candidate, found in (_feathers(in_order, gate, inputs) if options.feather_px == 0 else {}).items():
        would_pass = candidate, found.feather_px
        refusal += f"; with feather_px {found.feather_px} candidate {candidate} passes: accept it so"
        break
    return Choice(None, best.index, gate, refusal, best_by, would_pass=would_pass)


def ranked(examined: Sequence[Examined], metric: str) -> list[Examined]:
    """Best first: by `metric`, the vetoed after all others, those that could not be read last."""

    def rank(one: Examined) -> tuple[bool, bool, float]:
        return (one.score is not None, one.score is not None and not one.score.vetoes, one.value(metric))

    return sorted(examined, key=rank, reverse=True)


def feather_width(candidate: int, inputs: StepInputs, choice: Choice) -> int:
    """Width in pixels of the feather with which a candidate is glued; where "auto" found none that passes, 0."""
    if inputs.options.feather_px != AUTO:
        return int(inputs.options.feather_px)
    found = choice.feathers.get(candidate)
    return 0 if found is None else found.feather_px


def _feathers(in_order: Sequence[Examined], gate: Gate, inputs: StepInputs) -> dict[int, Feathering]:
    """For each candidate that passes with one of AUTO_WIDTHS the narrowest, in the order of the candidates."""
    found = {one.index: _feathering(one, gate, inputs) for one in in_order}
    return {index: feathering for index, feathering in found.items() if feathering is not None}


def _feathering(one: Examined, gate: Gate, inputs: StepInputs) -> Feathering | None:
    if one.score is None or one.joined is None or set(one.score.vetoes) - _MENDED_BY_A_FEATHER:
        return None
    before = one.score.metrics["seam"]
    for width in AUTO_WIDTHS:
        if width <= inputs.contract.advance_px:
            score = one.score if width == 0 else _feathered_score(one, width, inputs)
            if gate.passes(score):
                return Feathering(width, before, score.metrics["seam"])
    return None


def _feathered_score(one: Examined, width: int, inputs: StepInputs) -> TileScore:
    return score_along(commit_tile(one, inputs, width), one.cut, inputs, one.calibration)


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
