"""The stages of a step, from the bytes of an answer to the committed pixels, as pure functions.

    decode → turn → calibrate → anchor → enforce → cut → strips → score    for each candidate, on all cores
    choose (metric) → gate → feather → growth strip                        for the chosen one: `choice`

From the second stage to the last, pictures are canonical: growth is to the right (`CanonicalInputs`). This module uses
neither disk nor network; the session stores the answers before, and the results after.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from types import MappingProxyType

from PIL import Image

from ...api.answer import decode_tile
from ...api.generator import RawCandidate
from ...api.lossy import jpeg_quantizer
from ...contract import Mode, TileContract
from ...errors import AnswerError
from ...geometry.anchor import Correction, anchored_tile
from ...geometry.calibration import LEAST_KEPT, Calibration, calibrate_closing_tile, calibrate_tile
from ...geometry.calibration.deblocking import deblocked
from ...geometry.cut import Cut, find_cut, join_tile, straightened, with_straightened
from ...geometry.enforcement import enforce_conditioning_half
from ...geometry.feather import feather_tile
from ...geometry.overlap_score import TileScore, score_tile, vetoed, worst_of
from ...geometry.reference_copies import CopySearch
from .inputs import CanonicalInputs, TileEnd

__all__ = ["Candidate", "ExaminedSeam", "along_cut", "commit_tile", "examine_all", "joined_along", "seam_scores"]


@dataclass(frozen=True, eq=False)
class ExaminedSeam:
    """The results at one seam of a candidate.

    Attributes:
        cut: the cut through the pending zone; None for the straight seam.
        uncut: why a pending zone has no cut.
        calibration: the calibration at this seam; None without calibration.
        score: the score of the joined tile, along the cut.
    """

    cut: Cut | None = None
    uncut: str = ""
    calibration: Calibration | None = None
    score: TileScore | None = None


@dataclass(frozen=True, eq=False)
class Candidate:
    """A candidate after the stages that need no other candidate; its pictures are canonical.

    Attributes:
        index: its number, from 0.
        raw: the candidate as received.
        error: why it is unreadable; the following attributes are then empty.
        redraw: the calibrated tile.
        enforced: `redraw` with the band put back.
        joined: `redraw` joined along the cuts, without feather; `enforced` without a cut.
        seams: the results at each seam, that of the frontier first; a step that closes a loop has two.
        score: the worst score of its seams.
        correction: the correction towards the anchor; None without an anchor.
    """

    index: int
    raw: RawCandidate
    error: str = ""
    redraw: Image.Image | None = None
    enforced: Image.Image | None = None
    joined: Image.Image | None = None
    seams: tuple[ExaminedSeam, ...] = ()
    score: TileScore | None = None
    correction: Correction | None = None

    @property
    def calibration(self) -> Calibration | None:
        """The calibration at the frontier."""
        return self.seams[0].calibration if self.seams else None

    @property
    def cut(self) -> Cut | None:
        """The cut at the frontier."""
        return self.seams[0].cut if self.seams else None

    @property
    def uncut(self) -> str:
        """Why a pending zone has no cut."""
        return "; ".join(seam.uncut for seam in self.seams if seam.uncut)

    def value(self, metric: str) -> float:
        """The candidate's value in a metric, higher is better; minus infinity without a score."""
        if self.score is None:
            return float("-inf")
        return self.score.primary if metric == "primary" else self.score.metrics[metric]


def examine_all(
    raws: Sequence[RawCandidate],
    inputs: CanonicalInputs,
    progress: Callable[[int, str], None] = lambda _candidate, _phase: None,
) -> list[Candidate]:
    """Examine every candidate, on all cores; `progress` gets the candidate and its phase."""
    frame = inputs.frame
    area = frame.growth_in_tile if inputs.closes else frame.generated_half
    copies = CopySearch(inputs.references, area, inputs.contract)

    def examine(index: int) -> Candidate:
        progress(index, "examining")
        return _examine(index, raws[index], inputs, copies)

    with ThreadPoolExecutor(max_workers=max(1, min(len(raws), os.cpu_count() or 1))) as pool:
        return list(pool.map(examine, range(len(raws))))


def _examine(index: int, raw: RawCandidate, inputs: CanonicalInputs, copies: CopySearch) -> Candidate:
    """Run the stages on one candidate; one that cannot be decoded has an `error` instead of pictures."""
    contract = inputs.contract
    try:
        tile = decode_tile(raw.data, contract, inputs.mode)
    except AnswerError as error:
        return Candidate(index, raw, str(error))
    if inputs.options.calibrate:
        tile = deblocked(tile, jpeg_quantizer(raw.data))
    tile = inputs.turned(tile)
    calibrations = _calibrations(tile, inputs)
    redraw = tile if calibrations[0] is None else calibrations[0].tile
    correction = None
    if inputs.anchor is not None:
        redraw, correction = anchored_tile(redraw, Mode.X_LTR, contract, inputs.anchor, inputs.closes)
    enforced = redraw
    for end in inputs.ends:
        enforced = enforce_conditioning_half(enforced, end.band, end.mode, contract)
    pairs = zip(inputs.ends, calibrations, strict=True)
    seams = [_with_cut(redraw, end, calibration, contract) for end, calibration in pairs]
    joined = joined_along([seam.cut for seam in seams], redraw, enforced, inputs)
    scores = seam_scores(joined, seams, inputs)
    scored = tuple(replace(seam, score=score) for seam, score in zip(seams, scores, strict=True))
    score = worst_of(scores)
    if copies.copied_in(joined):
        score = vetoed(score, "reference")
    return Candidate(index, raw, "", redraw, enforced, joined, scored, score, correction)


def _calibrations(tile: Image.Image, inputs: CanonicalInputs) -> Sequence[Calibration | None]:
    """The calibration at each end of a tile; None for each without calibration."""
    if not inputs.options.calibrate:
        return [None for _ in inputs.ends]
    if inputs.closes:
        near, far = (end.band for end in inputs.ends)
        return calibrate_closing_tile(tile, (near, far), Mode.X_LTR, inputs.contract)
    return [calibrate_tile(tile, inputs.band, Mode.X_LTR, inputs.contract)]


def _with_cut(
    redraw: Image.Image, end: TileEnd, calibration: Calibration | None, contract: TileContract
) -> ExaminedSeam:
    """A seam with the cut through its pending zone, unless the redraw is recomposed."""
    if not end.zone_px:
        return ExaminedSeam(calibration=calibration)
    if calibration is not None and calibration.kept < LEAST_KEPT:
        uncut = f"straight seam, since the redraw is not the same place: {calibration.reason}"
        return ExaminedSeam(None, uncut, calibration)
    return ExaminedSeam(find_cut(redraw, end.band, end.mode, end.zone_px, contract), "", calibration)


def joined_along(
    cuts: Sequence[Cut | None], redraw: Image.Image, enforced: Image.Image, inputs: CanonicalInputs
) -> Image.Image:
    """The calibrated tile `redraw` joined along the cut at each end; `enforced` itself without cuts."""
    if not any(cuts):
        return enforced
    joined = redraw
    for end, cut in zip(inputs.ends, cuts, strict=True):
        if cut is None:
            joined = enforce_conditioning_half(joined, end.band, end.mode, inputs.contract)
        else:
            joined = join_tile(joined, end.band, end.mode, cut, inputs.contract)
    return joined


def along_cut(
    tile: Image.Image, cut: Cut | None, end: TileEnd, contract: TileContract
) -> tuple[Image.Image, Image.Image]:
    """The band and the tile with every row shifted so that the cut is a straight seam; unchanged without a cut."""
    if cut is None:
        return end.band, tile
    tile = straightened(tile, end.mode, cut)
    return tile.crop(contract.tile_frame(end.mode).conditioning_half), tile


def seam_scores(tile: Image.Image, seams: Sequence[ExaminedSeam], inputs: CanonicalInputs) -> list[TileScore]:
    """The score of each seam of a joined tile, with the metrics "cut_mismatch" and "cut_breaks" of its cut."""
    scores = []
    for end, seam in zip(inputs.ends, seams, strict=True):
        band, straight = along_cut(tile, seam.cut, end, inputs.contract)
        score = score_tile(band, straight, end.mode, inputs.contract, seam.calibration)
        if seam.cut is not None:
            metrics = {**score.metrics, "cut_mismatch": -seam.cut.mismatch, "cut_breaks": -seam.cut.breaks}
            score = replace(score, metrics=MappingProxyType(metrics))
        scores.append(score)
    return scores


def commit_tile(winner: Candidate, inputs: CanonicalInputs, feather_px: int) -> Image.Image:
    """The tile whose growth box is committed: the winner's joined tile, feathered at its seams along their cuts.

    Args:
        winner: a readable candidate.
        inputs: the inputs of the step.
        feather_px: width of the feather in pixels, 0 for none.

    Raises:
        AnswerError: the candidate is unreadable.
    """
    if winner.enforced is None or winner.redraw is None or winner.joined is None:
        raise AnswerError(f"candidate {winner.index} cannot be glued: {winner.error}")
    if feather_px == 0:
        return winner.joined
    tile = winner.joined
    for end, seam in zip(inputs.ends, winner.seams, strict=True):
        mode, contract, cut = end.mode, inputs.contract, seam.cut
        if cut is None:
            tile = feather_tile(tile, winner.redraw, end.band, mode, feather_px, contract)
            continue
        band, _ = along_cut(winner.enforced, cut, end, contract)
        joined, redraw = (straightened(one, mode, cut) for one in (tile, winner.redraw))
        tile = with_straightened(tile, feather_tile(joined, redraw, band, mode, feather_px, contract), mode, cut)
    return tile
