"""The pictures of the seams of the chosen candidate, with and without its feather."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

from PIL import Image

from ...geometry.cut import Cut
from ...geometry.overlap_score import extract_scoring_strips
from ...geometry.tile_mode import glue
from ...json_types import JsonObject
from ...pixels import laplacian_energy
from ..store.artifacts import bounds_overlay, cut_overlay
from .inputs import CanonicalInputs, StepInputs, TileEnd
from .stages import Candidate, commit_tile, seam_scores

__all__ = ["by_seam", "seam_files"]

_PREVIEW_FRACTION = 8
"""Divisor of overlap_px that gives the width of the feather preview in pixels."""

_PREFIXES = ("", "far_")
"""Prefixes of file names: for the seam at the frontier, and for the far seam of a step that closes a loop."""

_One = TypeVar("_One")


def by_seam(ones: Iterable[_One]) -> Iterator[tuple[str, _One]]:
    """Pair each item with the file name prefix of its seam, the frontier first."""
    return zip(_PREFIXES, ones, strict=False)


def seam_files(
    inputs: StepInputs, winner: Candidate, tile: Image.Image, feather_px: int
) -> tuple[dict[str, Image.Image], JsonObject]:
    """The pictures of each seam with and without the feather; a step without a feather gets a preview of one.

    Args:
        inputs: the inputs of the step.
        winner: the candidate that is glued.
        tile: its canonical tile with the feather (`commit_tile`).
        feather_px: width of its feather, in pixels.

    Returns:
        Pictures in their own orientation by the names of their files, and the fields of score.json on the feather.
    """
    canonical, applied, joined = inputs.canonical, feather_px > 0, winner.joined
    assert joined is not None
    zone_px = feather_px or max(1, inputs.contract.overlap_px // _PREVIEW_FRACTION)
    after = tile if applied else commit_tile(winner, canonical, zone_px)
    scores = seam_scores(after, winner.seams, canonical)
    pictures: dict[str, Image.Image] = {}
    feathers: JsonObject = {}
    overlays = by_seam(_bounds(inputs, end, canonical.own(tile)) for end in inputs.ends)
    for prefix, overlay in overlays:
        pictures |= {f"{prefix}{name}": picture for name, picture in overlay.items()}
    for prefix, (end, seam, score) in by_seam(zip(canonical.ends, winner.seams, scores, strict=True)):
        frame = inputs.contract.tile_frame(end.mode)
        around = frame.beside_seam(inputs.contract.overlap_px)
        before = 0.0 if seam.score is None else seam.score.metrics["seam"]
        measured = {}
        for name, value, picture in (("before", before, joined), ("after", score.metrics["seam"], after)):
            zone = canonical.own(picture.crop(frame.feather_zone(zone_px)))
            measured[name] = {"seam": value, "sharpness": laplacian_energy(zone)}
        feathers[f"{prefix}feather"] = {"applied": applied, "feather_px": zone_px, **measured}
        beside_seam = {
            "seam_before_feather.png": joined.crop(around),
            "seam_after_feather.png": after.crop(around),
            **_cut_pictures(canonical, end, seam.cut, winner),
        }
        pictures |= {f"{prefix}{name}": canonical.own(picture) for name, picture in beside_seam.items()}
    return pictures, feathers


def _bounds(inputs: StepInputs, end: TileEnd, tile: Image.Image) -> dict[str, Image.Image]:
    """The old scoring strip at one end, and the bounds drawn over the glued pixels there; all in own orientation.

    A line between two pixels is drawn on the one with the larger coordinate, so that the overlay cannot be turned.
    """
    canvas_strip, _ = extract_scoring_strips(end.band, tile, end.mode, inputs.contract)
    glued = glue(end.band, tile, end.mode, inputs.contract)
    frame = inputs.contract.frame(end.mode, end.band.size)
    overlay = bounds_overlay(glued, frame, end.zone_px, inputs.options.soften_px)
    return {"canvas_strip.png": canvas_strip, "bounds_overlay.png": overlay}


def _cut_pictures(inputs: CanonicalInputs, end: TileEnd, cut: Cut | None, winner: Candidate) -> dict[str, Image.Image]:
    """The pictures of the cut at one end, canonical; none without a cut."""
    if cut is None or winner.enforced is None or winner.redraw is None or winner.joined is None:
        return {}
    frame = inputs.contract.tile_frame(end.mode)
    zone, seam = frame.zone_in_tile(end.zone_px), frame.beside_seam(end.zone_px)
    return {
        "cut_old.png": winner.enforced.crop(zone),
        "cut_new.png": winner.redraw.crop(zone),
        "cut_overlay.png": cut_overlay(winner.joined.crop(zone), cut.path, end.mode),
        "seam_before_cut.png": winner.enforced.crop(seam),
        "seam_after_cut.png": winner.joined.crop(seam),
    }
