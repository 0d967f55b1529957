"""Derives the choice, the strip and all files of a step from its stored answers.

The same inputs give the same bytes. A later choice is therefore free, and a damaged file can be derived again and
checked against its recorded hash.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from PIL import Image

from ...api.generator import RawCandidate
from ...api.lossy import lossy_format, other_format
from ...errors import UsageError
from ...geometry.anchor import Correction
from ...geometry.measures.signature import Signature, signature_of
from ...geometry.overlap_score import METRICS
from ..store.artifacts import encode_png
from ..store.records import pretty
from .choice import Choice, choose, feather_width, ranked
from .inputs import CanonicalInputs, StepInputs
from .options import StepOptions
from .seam_files import by_seam, seam_files
from .stages import Candidate, ExaminedSeam, commit_tile, examine_all

__all__ = ["DerivedStep", "derive"]


@dataclass(frozen=True, eq=False)
class DerivedStep:
    """The result of a step's inputs and answers.

    Attributes:
        examined: every candidate with its score.
        choice: the chosen candidate, and the reason.
        strip: PNG of the committed pixels; None when nothing is glued.
        pending: PNG of the pixels left pending; None when there are none.
        files: content of every derived file, by its path inside the step's folder.
        signatures: style of the growth strip, and of the last old pixels beside it; None when nothing is glued.
    """

    examined: tuple[Candidate, ...]
    choice: Choice
    strip: bytes | None
    pending: bytes | None = None
    files: dict[str, bytes] = field(default_factory=dict)
    signatures: tuple[Signature, Signature] | None = None


def derive(
    inputs: StepInputs,
    raws: Sequence[RawCandidate],
    *,
    accepted: int | None = None,
    progress: Callable[[int, str], None] = lambda _candidate, _phase: None,
) -> DerivedStep:
    """Derive the growth strip and all files from stored answers.

    Args:
        inputs: the inputs of the step.
        raws: the candidates in the stored answers, in order.
        accepted: the candidate that a person accepted, which skips the gate; None to choose by metric and gate.
        progress: callback with the candidate and its phase.

    Raises:
        UsageError: there is no candidate `accepted`.
        AnswerError: the accepted candidate is unreadable.
    """
    canonical, options = inputs.canonical, inputs.options
    if accepted is not None and not 0 <= accepted < len(raws):
        raise UsageError(f"there is no candidate {accepted}: this step has {len(raws)}, numbered from 0")
    examined = tuple(examine_all(raws, canonical, progress))
    choice = choose(examined, canonical)
    if accepted is not None:
        choice = replace(choice, chosen=accepted, would_pass=None, reason=f"a person accepted candidate {accepted}")
    strip = pending = None
    files: dict[str, bytes] = {}
    tile = signatures = None
    feather_px = 0
    if choice.chosen is not None:
        progress(choice.chosen, "gluing")
        winner = examined[choice.chosen]
        lossy = lossy_format(winner.raw.data)
        remarks = (winner.uncut, f"it came as {lossy}, which loses detail" if lossy else "")
        choice = replace(choice, reason="; ".join(filter(None, (choice.reason, *remarks))))
        feather_px = feather_width(winner.index, canonical, choice)
        tile = commit_tile(winner, canonical, feather_px)
        frame = canonical.frame
        strip = encode_png(canonical.own(tile.crop(frame.strip_in_tile(*inputs.zones))))
        signatures = signature_of(tile.crop(frame.growth_in_tile)), signature_of(_last_old_pixels(canonical))
        if options.soften_px:
            pending = encode_png(canonical.own(tile.crop(frame.pending_in_tile(options.soften_px))))
    if options.artifacts != "none":
        files = _files(inputs, examined, choice, tile, feather_px)
    return DerivedStep(examined, choice, strip, pending, files, signatures)


def _last_old_pixels(inputs: CanonicalInputs) -> Image.Image:
    """The part of the band next to the seam that is as long as the growth, or the whole band if that is shorter."""
    left = max(0, inputs.band.width - inputs.contract.advance_px)
    return inputs.band.crop((left, 0, *inputs.band.size))


def _files(
    inputs: StepInputs, examined: Sequence[Candidate], choice: Choice, tile: Image.Image | None, feather_px: int
) -> dict[str, bytes]:
    """The content of every derived file by its path; `tile` is the committed tile, None when nothing is glued."""
    options = inputs.options
    files: dict[str, bytes | Image.Image] = {"prompt_full.txt": inputs.prompt.encode()}
    if options.artifacts == "full":
        reference = inputs.reference_tile()
        files |= {"ref_tile.png": reference.image, "mask.png": reference.mask}
    for one in examined:
        if options.artifacts == "full" or one.index == choice.chosen:
            own = _candidate_files(one, inputs.canonical)
            files |= {f"candidates/{one.index}/{name}": content for name, content in own.items()}
    summary = _score_summary(examined, choice, options)
    if choice.chosen is not None and tile is not None:
        pictures, feathers = seam_files(inputs, examined[choice.chosen], tile, feather_px)
        files |= pictures
        summary |= feathers
    files["score.json"] = pretty(summary)
    files["score_metric.json"] = pretty({"metric": options.metric, "metrics": METRICS})
    return _encoded(files)


def _encoded(files: Mapping[str, bytes | Image.Image]) -> dict[str, bytes]:
    """Encode every picture as PNG on all cores: the encoder releases Python's global lock."""
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        contents = pool.map(lambda one: encode_png(one) if isinstance(one, Image.Image) else one, files.values())
        return dict(zip(files, contents, strict=True))


def _candidate_files(one: Candidate, inputs: CanonicalInputs) -> dict[str, bytes | Image.Image]:
    """The files of one candidate, by name: its stages as pictures, its score, and what the generator reported."""
    files: dict[str, bytes | Image.Image] = {
        "score.json": pretty(_candidate_score(one)),
        "model_response_meta.json": pretty(dict(one.raw.meta)),
    }
    if one.enforced is None or one.redraw is None:
        return {"tile_out_raw.bin": one.raw.data, **files}
    kind = other_format(one.raw.data)
    changed = one.correction is not None or (one.calibration is not None and one.calibration.applied)
    strips = {
        f"{prefix}tile_strip.png": inputs.own(one.enforced.crop(inputs.contract.tile_frame(end.mode).tile_strip))
        for prefix, end in by_seam(inputs.ends)
    }
    return {
        f"tile_out_raw.{(kind or 'png').lower()}": one.raw.data,
        "tile_out_calibrated.png": inputs.own(one.redraw) if changed or kind else one.raw.data,
        "tile_out_enforced.png": inputs.own(one.enforced),
        **strips,
        **files,
    }


def _candidate_score(one: Candidate) -> dict[str, Any]:
    """The record of the score of one candidate."""
    if one.score is None:
        return {"candidate": one.index, "error": one.error}
    first, *others = one.seams
    lossy = {"lossy": kind} if (kind := lossy_format(one.raw.data)) else {}
    score = {"candidate": one.index, **one.score.as_dict(), **_measured(first, lossy, one.correction), **lossy}
    if others:
        scores = (seam.score.as_dict() if seam.score else {} for seam in one.seams)
        score["seams"] = [{**own, **_measured(seam, lossy)} for own, seam in zip(scores, one.seams, strict=True)]
    return score


def _measured(
    seam: ExaminedSeam, lossy: Mapping[str, str], correction: Correction | None = None
) -> dict[str, Any]:
    """The fields of a seam's record besides its score, with the mark of a lossy tile and the anchor's correction."""
    calibration: dict[str, Any] = {"applied": False, "reason": "not asked for"}
    if seam.calibration is not None:
        calibration = {**seam.calibration.as_dict(), **lossy}
    optional = {"anchor": correction, "cut": seam.cut}
    measured = {name: value.as_dict() for name, value in optional.items() if value is not None}
    return {"calibration": calibration, **measured, **({"uncut": seam.uncut} if seam.uncut else {})}


def _score_summary(examined: Sequence[Candidate], choice: Choice, options: StepOptions) -> dict[str, Any]:
    """The content of score.json of the step, but for its feathers."""
    rank = {one.index: place for place, one in enumerate(ranked(examined, options.metric), start=1)}
    gates: dict[str, Any] = {"gate": None}
    if choice.best is not None:
        passed = choice.passes(examined[choice.best])
        gates |= {f"{prefix}gate": {**gate.as_dict(), "passed": passed} for prefix, gate in by_seam(choice.gates)}
    return {
        "metric": options.metric,
        "chosen": choice.chosen,
        "best": choice.best,
        "reason": choice.reason,
        **gates,
        "best_by_metric": dict(choice.best_by),
        "candidates": [
            {
                **_candidate_score(one),
                "rank": rank[one.index],
                "verdict": _verdict(one, examined, choice, options),
                **_feathering(one, choice),
            }
            for one in examined
        ],
    }


def _feathering(one: Candidate, choice: Choice) -> dict[str, Any]:
    """The feather that "auto" chose for a candidate, as a record; empty without one."""
    feather = choice.feathers.get(one.index)
    return {} if feather is None else {"feather": asdict(feather)}


def _verdict(one: Candidate, examined: Sequence[Candidate], choice: Choice, options: StepOptions) -> str:
    """The reason why this candidate won or lost, as a sentence."""
    if one.score is None:
        return f"cannot be read: {one.error}"
    if one.index == choice.chosen:
        return "glued"
    if choice.chosen is None and one.index == choice.best:
        return "the best, refused by the gate"
    barred = f"vetoed: {', '.join(one.score.vetoes)}; " if one.score.vetoes else ""
    if not barred and not choice.passes(one):
        barred = "refused by the gate; "
    ahead = choice.best if choice.chosen is None else choice.chosen
    if ahead is None or examined[ahead].score is None:
        return barred + "not chosen"
    behind = examined[ahead].value(options.metric) - one.value(options.metric)
    return f"{barred}{options.metric} {abs(behind):.4g} {'below' if behind >= 0 else 'above'} candidate {ahead}"
