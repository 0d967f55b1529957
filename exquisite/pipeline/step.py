"""The way of a step, from raw answer bytes to the pixels that are committed: pure, whoever made the bytes.

    decode → calibrate → anchor → enforce → cut → strips → score        for each candidate, on all cores
    select (metric) → gate → feather → growth strip                     for the one that wins: `choice`

Nothing here touches the disk or the network; a session stores the answers before, and the results after.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType

from PIL import Image

from ..api.answer import decode_tile
from ..api.generator import RawCandidate, TileRequest
from ..api.prompt import build_prompt
from ..contract import Mode, TileContract
from ..errors import AnswerError
from ..geometry.anchor import Anchor, Correction, anchored_tile
from ..geometry.calibration import LEAST_KEPT, Calibration, calibrate_tile
from ..geometry.cut import Cut, find_cut, join_tile, straightened, with_straightened
from ..geometry.enforcement import enforce_conditioning_half
from ..geometry.feather import feather_tile
from ..geometry.overlap_score import TileScore, score_tile
from ..geometry.reference_tile import ReferenceTile, build_reference_tile_and_mask
from .artifacts import decode_png
from .notebook import card, small_png
from .options import StepOptions

__all__ = [
    "Examined",
    "Progress",
    "StepInputs",
    "StepOptions",
    "StepResult",
    "along_cut",
    "commit_tile",
    "examine_all",
    "score_along",
]

_SEAM_PICTURES = ("seam_after_feather.png", "seam_before_feather.png")


@dataclass(frozen=True, eq=False)
class StepInputs:
    """What decides a step before any answer.

    Attributes:
        mode, contract: direction and sizes.
        band: RGB, own orientation.
        words: the user prompt.
        options: every knob.
        zone_px: how many of the last pixels of the band are pending, so that the step may cut inside them.
        anchor: what the style of the new half is corrected towards; None for nothing.
    """

    mode: Mode
    contract: TileContract
    band: Image.Image
    words: str
    options: StepOptions
    zone_px: int = 0
    anchor: Anchor | None = None

    @property
    def prompt(self) -> str:
        """The full text for the model."""
        return build_prompt(self.mode, self.words, self.contract, self.options.prompt_strength)

    @property
    def band_sha256(self) -> str:
        """Hash of the band's pixels."""
        return hashlib.sha256(self.band.tobytes()).hexdigest()

    def request(
        self, candidates: int, step_index: int, first_candidate: int = 0, band_origin: tuple[int, int] = (0, 0)
    ) -> TileRequest:
        """What is asked of a generator, for `candidates` tiles; the others as in `TileRequest`."""
        reference = self.reference_tile()
        return TileRequest(
            mode=self.mode,
            contract=self.contract,
            band=self.band,
            reference=reference.image,
            mask=reference.mask,
            prompt=self.prompt,
            candidates=candidates,
            step_index=step_index,
            first_candidate=first_candidate,
            band_origin=band_origin,
        )

    def reference_tile(self) -> ReferenceTile:
        """What the model sees, and the mask."""
        return build_reference_tile_and_mask(
            self.band,
            self.mode,
            self.contract,
            scaffold_fill=self.options.scaffold_fill,
            continuation_cue=self.options.continuation_cue,
            soft_px=self.zone_px if self.options.soft_mask else 0,
        )


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
        would_pass: (candidate, feather_px) with which the gate would have passed; None where it passed, or none would.
    """

    status: str
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
        """The pixels on both sides of the seam, small; None where nothing was glued or no picture was kept."""
        path = next((self.step_dir / name for name in _SEAM_PICTURES if (self.step_dir / name).is_file()), None)
        return None if path is None else small_png(decode_png(path.read_bytes()))


@dataclass(frozen=True, eq=False)
class Examined:
    """A candidate after the stages that need no other candidate.

    Attributes:
        index: its number, from 0.
        raw: as it came.
        error: why it could not be read; everything below is None then.
        redraw: the calibrated tile.
        enforced: the same with the band put back.
        joined: the same with the pending zone cut: what is glued, but for the feather. Without a cut, `enforced`.
        cut: where old pixels end and new ones begin in the pending zone; None for the straight seam.
        uncut: why there is no cut in a pending zone.
        calibration: None where none was asked for.
        score: of `joined`, along the cut.
        seconds: what the stages took.
    """

    index: int
    raw: RawCandidate
    error: str = ""
    redraw: Image.Image | None = None
    enforced: Image.Image | None = None
    joined: Image.Image | None = None
    cut: Cut | None = None
    uncut: str = ""
    calibration: Calibration | None = None
    score: TileScore | None = None
    correction: Correction | None = None
    seconds: Mapping[str, float] = field(default_factory=dict)

    def value(self, metric: str) -> float:
        """The candidate's value in a metric, higher is better; minus infinity without a score."""
        if self.score is None:
            return float("-inf")
        return self.score.primary if metric == "primary" else self.score.metrics[metric]


def examine_all(
    raws: Sequence[RawCandidate],
    inputs: StepInputs,
    tell: Callable[[int, str], None] = lambda _candidate, _phase: None,
) -> list[Examined]:
    """Examine every candidate, on as many cores as there are; `tell(candidate, phase)` hears of progress."""

    def examine(index: int) -> Examined:
        tell(index, "examining")
        return _examine(index, raws[index], inputs)

    with ThreadPoolExecutor(max_workers=max(1, min(len(raws), os.cpu_count() or 1))) as pool:
        return list(pool.map(examine, range(len(raws))))


def _examine(index: int, raw: RawCandidate, inputs: StepInputs) -> Examined:
    band, mode, contract = inputs.band, inputs.mode, inputs.contract
    try:
        tile = decode_tile(raw.data, contract, mode)
    except AnswerError as error:
        return Examined(index, raw, str(error))
    calibration = calibrate_tile(tile, band, mode, contract) if inputs.options.calibrate else None
    redraw = tile if calibration is None else calibration.tile
    correction = None
    if inputs.anchor is not None:
        redraw, correction = anchored_tile(redraw, mode, contract, inputs.anchor)
    enforced = enforce_conditioning_half(redraw, band, mode, contract)
    uncut = _uncut(calibration) if inputs.zone_px else ""
    cut = find_cut(redraw, band, mode, inputs.zone_px, contract) if inputs.zone_px and not uncut else None
    joined = enforced if cut is None else join_tile(redraw, band, mode, cut, contract)
    score = score_along(joined, cut, inputs, calibration)
    return Examined(index, raw, "", redraw, enforced, joined, cut, uncut, calibration, score, correction)


def _uncut(calibration: Calibration | None) -> str:
    """Why a pending zone is not cut: its redraw does not show the same place. Empty where it does, or nobody looked."""
    if calibration is None or calibration.kept >= LEAST_KEPT:
        return ""
    return f"straight seam, since the redraw is not the same place: {calibration.reason}"


def along_cut(tile: Image.Image, cut: Cut | None, inputs: StepInputs) -> tuple[Image.Image, Image.Image]:
    """(band, tile) with every row moved so that the path of `cut` is a straight seam; as they are without a cut."""
    if cut is None:
        return inputs.band, tile
    tile = straightened(tile, inputs.mode, cut)
    return tile.crop(inputs.contract.tile_frame(inputs.mode).conditioning_half), tile


def score_along(
    tile: Image.Image, cut: Cut | None, inputs: StepInputs, calibration: Calibration | None = None
) -> TileScore:
    """The score of a tile that is joined along `cut`, with the metrics "cut_mismatch" and "cut_breaks" of the cut."""
    band, straight = along_cut(tile, cut, inputs)
    score = score_tile(band, straight, inputs.mode, inputs.contract, calibration)
    if cut is None:
        return score
    metrics = {**score.metrics, "cut_mismatch": -cut.mismatch, "cut_breaks": -cut.breaks}
    return replace(score, metrics=MappingProxyType(metrics))


def commit_tile(winner: Examined, inputs: StepInputs, feather_px: int) -> Image.Image:
    """The tile whose growth box is committed: the winner's joined tile, feathered along its cut.

    Args:
        winner: a candidate that could be read.
        inputs: what decided the step.
        feather_px: width of the feather in pixels, 0 for none.

    Raises:
        AnswerError: the candidate could not be read.
    """
    if winner.enforced is None or winner.redraw is None or winner.joined is None:
        raise AnswerError(f"candidate {winner.index} cannot be glued: {winner.error}")
    if feather_px == 0:
        return winner.joined
    mode, contract, cut = inputs.mode, inputs.contract, winner.cut
    if cut is None:
        return feather_tile(winner.joined, winner.redraw, inputs.band, mode, feather_px, contract)
    band, _ = along_cut(winner.enforced, cut, inputs)
    joined, redraw = (straightened(tile, mode, cut) for tile in (winner.joined, winner.redraw))
    return with_straightened(winner.joined, feather_tile(joined, redraw, band, mode, feather_px, contract), mode, cut)
