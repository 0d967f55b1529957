"""The scorer: rates how well a tile continues the canvas. The whole package uses this one scorer.

Two strips meet at the seam: the canvas strip (the last `overlap_px` of the canvas) and the tile strip (the first
`overlap_px` of the GENERATED half; enforcement makes the conditioning half equal to the band, so scoring it is
meaningless). Higher is better for all metrics, and every value is finite. The metric "seam" is minus the seam's cost
(`seam_cost`), minus a fixed penalty for each veto (`vetoes`, `straight_edges`). The gate compares it with the same
metric at cuts inside the band. The metric "primary", which chooses among candidates, is "seam" minus a penalty for the
estimated error of the redraw.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol

from PIL import Image

from ..contract import CLASSIC, Mode, TileContract, require_rgb, to_canonical
from ..errors import CanvasError
from ..pixels import column_means, combined, sobel_magnitude
from .calibration import FIDELITY_FLOOR
from .seam_cost import COMPONENTS, REACH_PX, costs_at_seam, expected_cost, interior_costs, total_cost
from .straight_edges import straight_edge_vetoes
from .tile_mode import extract_conditioning_band, require_tile
from .vetoes import emptiness_vetoes, resemblance_vetoes

__all__ = [
    "DEFAULT_GATE",
    "METRICS",
    "REDRAW_WEIGHT",
    "SEAMLESS_LIMIT",
    "SEAMLESS_RESIDUAL",
    "SOBEL_COLUMNS",
    "SOBEL_FALL_PX",
    "VETO_PENALTY",
    "VISIBLE_RESIDUAL",
    "Fidelity",
    "Gate",
    "TileScore",
    "allowed_share",
    "expected_departures",
    "extract_scoring_strips",
    "interior_gate",
    "score_strips",
    "score_tile",
    "score_tile_sobel_corr",
    "vetoed",
    "worst_of",
]

METRICS = ("primary", "seam", "sobel_corr", "sobel_nmse", *(component.name for component in COMPONENTS))
"""Names of the metrics that every score has, calibrated or not, in the order of `TileScore.metrics`."""

DEFAULT_GATE = 2.75
"""Factor of the gate; RESULTS.md, "Seam metrics and gate", has its shares of refused truths and refused damages."""

VETO_PENALTY = 100.0
"""Penalty of one veto on the metrics "seam" and "primary": more than the cost of any seam."""

REDRAW_WEIGHT = 80.0
"""Penalty on the primary metric for each unit of ln(1 + redraw_error).

Two calibrated seams may cost the same while one redraw is much nearer to the truth, and the redrawn band shows which:
RESULTS.md, "Many steps in a row", compares this choice with that of every other metric.
"""

SEAMLESS_LIMIT = 0.73
"""Limit of the cost beyond expected departures, as a share of the limit where none are expected.

Where departures are expected, invisible differences cost less, and so do some faults, which pass with a larger share.
With a smaller one the gate refuses more seams that nobody can see; `make bench-constants` counts them.
"""

SEAMLESS_RESIDUAL, VISIBLE_RESIDUAL = 1.15, 1.4
"""Up to the first `redraw_residual`, `redraw_departures` are expected in full, from the second on not at all.

Of 119 simulated redraws with an invisible seam, 90 % have at most the first, and 99 % at most 1.38. Real redraws with a
seam that a viewer saw have 1.47 and more, and those without 1.02 to 1.89 (`make bench-constants`).
"""

SOBEL_FALL_PX = 8
"""The Sobel metrics weigh a column at distance d from the seam with e^(-d / SOBEL_FALL_PX)."""

SOBEL_COLUMNS = 36
"""Number of columns that count; farther ones would weigh less than 1.2 %."""


class Fidelity(Protocol):
    """The part of a calibration that the scorer uses (`calibration.Calibration`)."""

    @property
    def rim_px(self) -> int:
        """Pixels at the outer edge of the tile without a source."""

    @property
    def fidelity(self) -> float:
        """How well the redrawn conditioning half is explained; higher is better."""

    @property
    def redraw_error(self) -> float:
        """Squared difference of calibrated redraw and band, in levels²; 0 or more."""

    @property
    def redraw_residual(self) -> float:
        """Seam residual where the band meets its calibrated redraw; about 1 without a seam."""

    @property
    def redraw_departures(self) -> Mapping[str, float]:
        """The mean departure of each component there; 0 or more."""


@dataclass(frozen=True)
class TileScore:
    """The score of one candidate.

    Attributes:
        primary: higher is better, finite: "seam", and with a calibration the penalty for the estimated error.
        metrics: every metric by name, higher is better, finite: "seam" is the seam with the vetoes alone; "fidelity"
            only with a calibration, "cut_mismatch" and "cut_breaks" only along a cut.
        vetoes: names of the vetoes, each of which rules the candidate out.
    """

    primary: float
    metrics: Mapping[str, float]
    vetoes: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, object]:
        """The score in JSON types."""
        return {"primary": self.primary, "metrics": dict(self.metrics), "vetoes": list(self.vetoes)}


def worst_of(scores: Sequence[TileScore]) -> TileScore:
    """The score of a tile with several seams: the worst value of each metric, and all vetoes."""
    if len(scores) == 1:
        return scores[0]
    names = dict.fromkeys(name for score in scores for name in score.metrics)
    metrics = {name: min(score.metrics.get(name, math.inf) for score in scores) for name in names}
    vetoes = dict.fromkeys(veto for score in scores for veto in score.vetoes)
    return TileScore(metrics["primary"], MappingProxyType(metrics), tuple(vetoes))


@dataclass(frozen=True)
class Gate:
    """The score that a candidate must reach to be glued.

    Attributes:
        threshold: smallest value of the metric "seam" that passes.
        interior: the metric "seam" at interior columns of the band, left to right in growth direction.
        factor: largest ratio of the seam's cost to the cost expected from the interior, unless a cut of the interior
            costs more (`interior_gate`).
    """

    threshold: float
    interior: tuple[float, ...]
    factor: float

    def passes(self, score: TileScore) -> bool:
        """Whether a candidate with this score may be glued."""
        return not score.vetoes and score.metrics["seam"] >= self.threshold

    def as_dict(self) -> dict[str, object]:
        """The gate in JSON types."""
        return {"threshold": self.threshold, "interior": list(self.interior), "factor": self.factor}


def extract_scoring_strips(
    canvas: Image.Image, tile: Image.Image, mode: Mode | str, contract: TileContract = CLASSIC
) -> tuple[Image.Image, Image.Image]:
    """(canvas strip, tile strip): `overlap_px` on either side of the seam, own orientation.

    Raises:
        CanvasError: either picture is not RGB or of the wrong size.
    """
    require_tile(tile, mode, contract)
    frame = contract.frame(mode, require_rgb(canvas, "the canvas").size)
    return canvas.crop(frame.canvas_strip), tile.crop(frame.tile_strip)


def score_strips(canvas_strip: Image.Image, tile_strip: Image.Image, mode: Mode | str) -> TileScore:
    """Score two strips that meet at the seam; RGB, one size, own orientation.

    Raises:
        CanvasError: not RGB, or of different sizes.
    """
    require_rgb(canvas_strip, "the canvas strip")
    require_rgb(tile_strip, "the tile strip")
    if canvas_strip.size != tile_strip.size:
        raise CanvasError(
            f"the canvas strip is {canvas_strip.width}x{canvas_strip.height}, the tile strip "
            f"{tile_strip.width}x{tile_strip.height}: cut both with extract_scoring_strips"
        )
    new = to_canonical(tile_strip, mode)
    return _score(to_canonical(canvas_strip, mode), new, new)


def score_tile(
    canvas: Image.Image,
    tile: Image.Image,
    mode: Mode | str,
    contract: TileContract = CLASSIC,
    calibration: Fidelity | None = None,
) -> TileScore:
    """Score a tile against an RGB canvas, of which only the band is used (the band alone gives the same score).

    It is the score of the strips, with vetoes relative to the whole band instead of the canvas strip. With
    `calibration` it has the metric "fidelity" and the vetoes "rim" and "unfaithful", every component counts only beyond
    its `expected_departures`, the seam may cost only its `allowed_share`, and `primary` includes the estimated error
    from the redrawn band: -REDRAW_WEIGHT * ln(1 + redraw_error).

    Raises:
        CanvasError: either picture is not RGB or of the wrong size.
    """
    band = extract_conditioning_band(canvas, mode, contract)
    _, tile_strip = extract_scoring_strips(band, tile, mode, contract)
    frame = contract.tile_frame(Mode(mode))
    added = tile.crop(frame.growth_in_tile) if contract.advance_px > contract.overlap_px else tile_strip
    past, future, growth = (to_canonical(image, mode) for image in (band, tile_strip, added))
    score = _score(past, future, growth, calibration)
    return score if calibration is None else _with_fidelity(score, calibration, contract)


def score_tile_sobel_corr(
    canvas: Image.Image, tile: Image.Image, mode: Mode | str, contract: TileContract = CLASSIC
) -> float:
    """The metric "sobel_corr" alone, 0 to 1."""
    old, new = extract_scoring_strips(canvas, tile, mode, contract)
    return _sobel_metrics(*(to_canonical(strip, mode).convert("L") for strip in (old, new)))["sobel_corr"]


def vetoed(score: TileScore, veto: str) -> TileScore:
    """`score` with one more veto, and its penalty in "primary" and "seam"."""
    metrics = {name: score.metrics[name] - VETO_PENALTY for name in ("primary", "seam")}
    return TileScore(metrics["primary"], MappingProxyType({**score.metrics, **metrics}), (*score.vetoes, veto))


def interior_gate(
    canvas_or_band: Image.Image, mode: Mode | str, contract: TileContract = CLASSIC, factor: float = DEFAULT_GATE
) -> Gate:
    """The gate of one step, from the band at the frontier of `mode`; the same for every candidate.

    threshold = -max(factor * expected cost of a faultless seam, factor / DEFAULT_GATE * largest cost inside the band)

    The expected cost is `seam_cost.expected_cost`. At the default factor, a seam that costs no more than a cut inside
    the band passes: the true continuation of a facade may begin with the edge of a window.

    Raises:
        CanvasError: not RGB, or too small.
    """
    band = to_canonical(extract_conditioning_band(canvas_or_band, mode, contract), mode)
    costs = interior_costs(band, min(REACH_PX, contract.overlap_px))
    limit = max(factor * expected_cost(costs), factor / DEFAULT_GATE * max(costs))
    return Gate(-limit, tuple(-cost for cost in costs), factor)


def _score(
    past: Image.Image, future: Image.Image, added: Image.Image, calibration: Fidelity | None = None
) -> TileScore:
    """Score the new strip `future` after `past` (a strip or a band), all RGB, growth to the right.

    `added` is the whole growth if it is wider than `future`; the veto on bars covers all of it.
    """
    costs = costs_at_seam(past, future, expected_departures(calibration))
    levels = past.convert("L"), future.convert("L")
    vetoes = (*resemblance_vetoes(*levels), *emptiness_vetoes(*levels), *straight_edge_vetoes(past, added))
    primary = -total_cost(costs) / allowed_share(calibration) - VETO_PENALTY * len(vetoes)
    metrics = {
        "primary": primary,
        "seam": primary,
        **_sobel_metrics(*levels),
        **{name: -cost for name, cost in costs.items()},
    }
    return TileScore(primary, MappingProxyType(metrics), vetoes)


def _with_fidelity(score: TileScore, calibration: Fidelity, contract: TileContract) -> TileScore:
    """`score` with the metric and the vetoes of the calibration."""
    vetoes = [
        name
        for name, holds in (
            ("rim", calibration.rim_px > contract.max_rim_px),
            ("unfaithful", _seamless(calibration) < 0.5 and not calibration.fidelity >= FIDELITY_FLOOR),
        )
        if holds
    ]
    fidelity = calibration.fidelity if math.isfinite(calibration.fidelity) else -VETO_PENALTY
    seam = score.primary - VETO_PENALTY * len(vetoes)
    primary = seam - REDRAW_WEIGHT * math.log1p(calibration.redraw_error)
    metrics = {**score.metrics, "primary": primary, "seam": seam, "fidelity": fidelity}
    return TileScore(primary, MappingProxyType(metrics), (*score.vetoes, *vetoes))


def expected_departures(calibration: Fidelity | None) -> dict[str, float]:
    """The expected departure of each component at the seam, by name, as the redraw of the band shows it.

    It is empty without a calibration, and 0 for every component where the redraw shows a visible seam.

    Fine detail that a model draws anew, and grain that it loses, depart a little at the seam. They depart by as much at
    every cut inside the band, where the true continuation is known. This distinguishes a seam that nobody can see from
    a fault of the same cost.
    """
    if calibration is None:
        return {}
    share = _seamless(calibration)
    return {name: share * departure for name, departure in calibration.redraw_departures.items()}


def allowed_share(calibration: Fidelity | None) -> float:
    """What a seam may cost beyond its expected departures, from SEAMLESS_LIMIT to 1 where nothing is expected.

    Nothing is expected without a calibration, where the redraw shows a visible seam, and where it equals the band.
    """
    if calibration is None or not any(expected_departures(calibration).values()):
        return 1.0
    return 1 - (1 - SEAMLESS_LIMIT) * _seamless(calibration)


def _seamless(calibration: Fidelity) -> float:
    """1 for a `redraw_residual` up to SEAMLESS_RESIDUAL, 0 from VISIBLE_RESIDUAL on, and linear between them."""
    share = (VISIBLE_RESIDUAL - calibration.redraw_residual) / (VISIBLE_RESIDUAL - SEAMLESS_RESIDUAL)
    return max(0.0, min(1.0, share))


def _sobel_metrics(past: Image.Image, future: Image.Image) -> dict[str, float]:
    """Agreement of the Sobel magnitudes a, b of two strips MIRRORED at the seam, w = e^(-d/8), d the distance from it.

    sobel_corr = sum(w a b) / sqrt(sum(w a²) sum(w b²)), 0 to 1; two strips without any edge agree (1)
    sobel_nmse = -sum(w (a - b)²) / sum(w), at most 0, in squared Sobel units of 8-bit luminance
    """
    columns = min(SOBEL_COLUMNS, future.width)
    old = sobel_magnitude(past.crop((past.width - columns, 0, past.width, past.height)))
    new = sobel_magnitude(future.crop((0, 0, columns, future.height)))
    old = old.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    weights = [math.exp(-d / SOBEL_FALL_PX) for d in range(columns)]

    def weighted(a: Image.Image, b: Image.Image) -> float:
        means = column_means(combined(lambda v: v["a"] * v["b"], a=a, b=b))
        return math.fsum(w * m for w, m in zip(weights, means, strict=True))

    difference = combined(lambda v: v["a"] - v["b"], a=old, b=new)
    energies = weighted(old, old), weighted(new, new)
    if min(energies) > 0:
        corr = weighted(old, new) / math.sqrt(energies[0] * energies[1])
    else:
        corr = 1.0 if max(energies) == 0 else 0.0
    return {"sobel_corr": corr, "sobel_nmse": -weighted(difference, difference) / math.fsum(weights)}
