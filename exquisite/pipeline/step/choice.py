"""Chooses among the candidates of a step: by the metric, then by the gate, with the feather width "auto"."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ...geometry.overlap_score import DEFAULT_GATE, METRICS, Gate, TileScore, interior_gate, worst_of
from .inputs import CanonicalInputs
from .options import AUTO
from .stages import Candidate, commit_tile, seam_scores

__all__ = ["AUTO_WIDTHS", "Choice", "Feathering", "choose", "feather_width", "passes_gates", "ranked"]

AUTO_WIDTHS = (0, 16, 32, 64)
"""Feather widths in pixels that "auto" tries, in ascending order."""

_MENDED_BY_A_FEATHER = {"cast"}


@dataclass(frozen=True)
class Feathering:
    """The narrowest feather of AUTO_WIDTHS with which a candidate passes the gate.

    Attributes:
        feather_px: its width in pixels.
        before: the metric "seam" without the feather.
        after: the metric "seam" with the feather.
    """

    feather_px: int
    before: float
    after: float


@dataclass(frozen=True, eq=False)
class Choice:
    """The candidate to glue, and the reason.

    Attributes:
        chosen: the winner; None when nothing is glued.
        best: the best candidate that passes the gate, or else the best of all; None when none is readable.
        gates: the gate of each seam, that of the frontier first; empty without a gate.
        reason: the reason as a sentence.
        best_by: the candidate that each metric prefers.
        feathers: the feather that "auto" chose for each candidate that passes with one.
        would_pass: (candidate, feather_px) that would pass, when the gate refused every candidate without a feather.
    """

    chosen: int | None
    best: int | None
    gates: tuple[Gate, ...]
    reason: str
    best_by: Mapping[str, int]
    feathers: Mapping[int, Feathering] = field(default_factory=dict)
    would_pass: tuple[int, int] | None = None

    def passes(self, one: Candidate) -> bool:
        """Whether a candidate may be glued: it passes the gates with its feather; without gates, it has no veto."""
        return one.index in self.feathers or passes_gates([seam.score for seam in one.seams], self.gates)


def passes_gates(scores: Sequence[TileScore | None], gates: Sequence[Gate]) -> bool:
    """Whether every seam passes its gate; without gates, whether none has a veto. False for an unreadable candidate."""
    if not gates:
        return all(score is not None and not score.vetoes for score in scores)
    return len(scores) == len(gates) and all(
        score is not None and gate.passes(score) for gate, score in zip(gates, scores, strict=True)
    )


def choose(examined: Sequence[Candidate], inputs: CanonicalInputs) -> Choice:
    """Choose the best candidate by the metric of the options among those that pass the gate, or none.

    Without a gate every candidate without a veto passes. With the feather "auto" a candidate passes if it does so with
    one of AUTO_WIDTHS.
    """
    options = inputs.options
    readable = [one for one in examined if one.score is not None]
    if not readable:
        return Choice(None, None, (), "no candidate could be read: " + "; ".join(_faults(examined)), {})

    in_order = ranked(readable, options.metric)
    best = in_order[0]
    best_by = {metric: ranked(readable, metric)[0].index for metric in METRICS}
    gates = () if options.gate is None else _gates(inputs, options.gate)
    feathers = {}
    if options.feather_px == AUTO:
        feathers = _feathers(in_order, gates or _gates(inputs, DEFAULT_GATE), inputs)
    passing = [
        one
        for one in in_order
        if one.index in feathers or passes_gates([seam.score for seam in one.seams], gates)
    ]
    if passing:
        winner, *others = passing
        reason = _why(winner, others, options.metric) + _how(winner, best, gates, feathers)
        return Choice(winner.index, winner.index, gates, reason, best_by, feathers)
    if not gates:
        return Choice(None, best.index, (), _all_vetoed(in_order), best_by)
    reason = f"the gate refused: the best of {len(examined)}, candidate {best.index}, {_shortfall(best, gates)}"
    would_pass = _would_pass(in_order, gates, inputs)
    if would_pass is not None:
        candidate, width = would_pass
        reason += f"; with feather_px {width} candidate {candidate} passes: accept it so"
    return Choice(None, best.index, gates, reason, best_by, would_pass=would_pass)


def _gates(inputs: CanonicalInputs, factor: float) -> tuple[Gate, ...]:
    """The gate of each seam, the frontier first."""
    return tuple(interior_gate(end.band, end.mode, inputs.contract, factor) for end in inputs.ends)


def _how(winner: Candidate, best: Candidate, gates: Sequence[Gate], feathers: Mapping[int, Feathering]) -> str:
    """The end of the reason for a winner: what the gate had to do with it."""
    beside = "" if winner is best else f", of those that pass the gate; candidate {best.index} does not"
    if not gates:
        return f"{beside}; no gate"
    feather = feathers.get(winner.index)
    if feather is None or not feather.feather_px:
        return beside
    return f"{beside}; the gate asks for a feather of {feather.feather_px} px"


def _would_pass(
    in_order: Sequence[Candidate], gates: Sequence[Gate], inputs: CanonicalInputs
) -> tuple[int, int] | None:
    """The best candidate that would pass with a feather, and its width in pixels, for a step that has none."""
    feathers = _feathers(in_order, gates, inputs) if inputs.options.feather_px == 0 else {}
    return next(((candidate, feather.feather_px) for candidate, feather in feathers.items()), None)


def _all_vetoed(in_order: Sequence[Candidate]) -> str:
    """A sentence with the vetoes of each candidate, and what a person can do."""
    vetoes = (f"candidate {one.index} ({', '.join(one.score.vetoes)})" for one in in_order if one.score is not None)
    return f"nothing is glued, since every candidate is vetoed: {', '.join(vetoes)}; `accept` glues one all the same"


def _shortfall(one: Candidate, gates: Sequence[Gate]) -> str:
    """The score of a candidate's seam, or of the worse of its two, beside the threshold of its gate."""
    pairs = [(seam.score, gate) for seam, gate in zip(one.seams, gates, strict=True) if seam.score is not None]
    score, gate = min(pairs, key=lambda pair: pair[0].metrics["seam"] - pair[1].threshold)
    vetoes = f" and vetoed ({', '.join(score.vetoes)})" if score.vetoes else ""
    return f"scores {score.metrics['seam']:.3f}{vetoes} at the seam; this canvas asks for {gate.threshold:.3f}"


def ranked(examined: Sequence[Candidate], metric: str) -> list[Candidate]:
    """Sort by `metric`, best first; vetoed candidates after all others, unreadable ones last."""

    def rank(one: Candidate) -> tuple[bool, bool, float]:
        return (one.score is not None, one.score is not None and not one.score.vetoes, one.value(metric))

    return sorted(examined, key=rank, reverse=True)


def feather_width(candidate: int, inputs: CanonicalInputs, choice: Choice) -> int:
    """Width in pixels of the feather with which a candidate is glued; 0 when no width of "auto" passes."""
    if inputs.options.feather_px != AUTO:
        return int(inputs.options.feather_px)
    feather = choice.feathers.get(candidate)
    return 0 if feather is None else feather.feather_px


def _feathers(in_order: Sequence[Candidate], gates: Sequence[Gate], inputs: CanonicalInputs) -> dict[int, Feathering]:
    """The narrowest feather of AUTO_WIDTHS for each candidate that passes with one, in the given order."""
    feathers = {one.index: _feathering(one, gates, inputs) for one in in_order}
    return {index: feather for index, feather in feathers.items() if feather is not None}


def _feathering(one: Candidate, gates: Sequence[Gate], inputs: CanonicalInputs) -> Feathering | None:
    if one.score is None or one.joined is None or set(one.score.vetoes) - _MENDED_BY_A_FEATHER:
        return None
    for width in AUTO_WIDTHS:
        if width <= inputs.contract.advance_px:
            scores = seam_scores(commit_tile(one, inputs, width), one.seams, inputs)
            if passes_gates(scores, gates):
                return Feathering(width, one.value("seam"), worst_of(scores).metrics["seam"])
    return None


def _why(best: Candidate, others: Sequence[Candidate], metric: str) -> str:
    value = best.value(metric)
    if not others:
        return f"candidate {best.index} is the only one; {metric} {value:.3f}"
    second = others[0]
    return (
        f"candidate {best.index} has the best {metric}, {value:.3f}, "
        f"{value - second.value(metric):.3f} above candidate {second.index}"
    )


def _faults(examined: Sequence[Candidate]) -> list[str]:
    return [f"candidate {one.index}: {one.error}" for one in examined if one.error]
