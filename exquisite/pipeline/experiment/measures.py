"""The measures of one step in an experiment: seam, edge continuation and style drift."""

from __future__ import annotations

from collections.abc import Mapping

from ...api.answer import decode_tile
from ...contract import Mode
from ...geometry.measures.seam_residual import seam_residual
from ...geometry.measures.style import style_drift
from ...geometry.overlap_score import DEFAULT_GATE, interior_gate, worst_of
from ..step import Candidate, StepInputs, along_cut, commit_tile, seam_scores
from ..step.choice import choose, feather_width, passes_gates
from ..store.records import Record

__all__ = ["MEASURES", "gate_verdict", "measure"]

MEASURES: Mapping[str, str] = {
    "seam_raw": "seam residual of the tile as it came; 1 is no seam",
    "seam": "seam residual of what is committed; 1 is no seam",
    "primary": "primary metric of what is committed; higher is better",
    "edges": "edge continuation of what is committed (sobel_corr), 0 to 1",
    "sharpness": "of the new strip against the band, relative: -0.1 is softer by a tenth",
    "contrast": "of the new strip against the band, relative",
    "lightness": "of the new strip against the band, relative",
    "colour": "colourfulness of the new strip against the band, relative",
    "line_density": "lines in the new strip against the band, relative",
}
"""Every measure of a step, and its meaning."""


def measure(one: Candidate, inputs: StepInputs) -> dict[str, float]:
    """Compute the MEASURES of a readable candidate, joined with the options of `inputs`."""
    canonical, growth = inputs.canonical, inputs.canonical.frame.growth_in_tile
    feather_px = feather_width(one.index, canonical, choose([one], canonical))
    tile = commit_tile(one, canonical, feather_px)
    raw = canonical.turned(decode_tile(one.raw.data, inputs.contract, inputs.mode))
    old, straight = along_cut(tile, one.cut, canonical.ends[0], inputs.contract)
    score = one.score
    if score is None or feather_px:
        score = worst_of(seam_scores(tile, one.seams, canonical))
    return {
        "seam_raw": seam_residual(canonical.band, raw.crop(growth), Mode.X_LTR),
        "seam": seam_residual(old, straight.crop(growth), Mode.X_LTR),
        "primary": score.primary,
        "edges": score.metrics["sobel_corr"],
        **style_drift(tile.crop(growth), canonical.band, Mode.X_LTR).as_dict(),
    }


def gate_verdict(one: Candidate, inputs: StepInputs) -> Record:
    """Apply the gate of the options, or the default gate without one, to a candidate."""
    options = inputs.options
    factor = DEFAULT_GATE if options.gate is None else options.gate
    gates = [interior_gate(end.band, end.mode, inputs.contract, factor) for end in inputs.canonical.ends]
    passed = passes_gates([seam.score for seam in one.seams], gates)
    return {"factor": factor, "threshold": gates[0].threshold, "passed": passed, "asked": options.gate is not None}
