"""Candidates in place: the band of the canvas with the new pixels of a candidate beside it, at each stage of a step.

    raw          the tile as the model drew it, with its own redraw of the overlap
    calibrated   the same tile without the model's drift
    enforced     the band of the canvas, and the calibrated new pixels
    cut          as enforced, joined along the cut through the pending pixels of the step before
    feathered    as cut, with the remaining difference at the seam faded out over some pixels

Stages come from the files of the step. A step that stores none has them derived again from its answers.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from ..api.answer import decode_tile
from ..api.generator import RawCandidate
from ..contract import Frame, Mode, from_canonical, to_canonical
from ..errors import AnswerError, UsageError
from ..geometry.cut import find_cut
from ..geometry.enforcement import enforce_conditioning_half
from ..geometry.overlap_score import TileScore, score_tile
from ..geometry.tile_mode import glue
from ..pipeline.history.rederive import inputs_on, rederive
from ..pipeline.step import Candidate, ExaminedSeam, commit_tile, joined_along
from ..pipeline.step.derived import DerivedStep
from ..pipeline.step.inputs import CanonicalInputs
from ..pipeline.step.options import StepOptions
from ..pipeline.store import Store
from ..pipeline.store.artifacts import decode_png, encode_png
from ..pipeline.store.records import Record, read_file
from ..pixels import as_float, combined, second_difference
from .cache import LruCache

__all__ = ["TREATMENTS", "Selection", "StepPictures", "step_frame", "worst_rows"]

TREATMENTS = ("raw", "calibrated", "enforced", "cut", "feathered")
"""The stages that the page shows, in order."""

_FILES = {"raw": "tile_out_raw.png", "calibrated": "tile_out_calibrated.png", "enforced": "tile_out_enforced.png"}
_PREVIEW_FRACTION = 8  # a step without a feather is shown with one of overlap_px divided by this
_TILES_BYTES = 24_000_000
_PNG_BYTES = 24_000_000
_ROWS = 8  # rows averaged to one value when the worst rows are looked for


@dataclass(frozen=True)
class Selection:
    """One picture: step, candidate from 0, one of TREATMENTS, and the width of the feather in pixels or None."""

    step: int
    candidate: int
    treatment: str
    feather_px: int | None = None


class StepPictures:
    """The pictures of one session's candidates, in a bounded cache; safe for threads."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._tiles: LruCache[Image.Image] = LruCache(_TILES_BYTES)
        self._pngs: LruCache[bytes] = LruCache(_PNG_BYTES)
        self._derived: tuple[int, DerivedStep] | None = None
        self._deriving = threading.Lock()

    def png(self, selection: Selection) -> bytes:
        """The picture of `in_place` as PNG."""
        return self._cached(selection, lambda: self.in_place(selection))

    def loupe_rows(self, selection: Selection, count: int = 5) -> list[int]:
        """The coordinates along the seam with the largest breaks; see `worst_rows`."""
        return worst_rows(self.in_place(selection), self.frame(selection.step), count)

    def in_place(self, selection: Selection) -> Image.Image:
        """Band and growth strip of a candidate, RGB, of size `Frame.grown_size`, in the picture's own orientation.

        Raises:
            UsageError: there is no such step, candidate or treatment.
            AnswerError: the candidate cannot be read.
        """
        band, tile, frame = self._resolved(selection)
        return glue(band, tile, frame.mode, frame.contract)

    def score(self, selection: Selection) -> TileScore:
        """The score of the selected picture's new pixels beside the band; raises as `in_place`."""
        band, tile, frame = self._resolved(selection)
        enforced = enforce_conditioning_half(tile, band, frame.mode, frame.contract)
        return score_tile(band, enforced, frame.mode, frame.contract)

    def _resolved(self, selection: Selection) -> tuple[Image.Image, Image.Image, Frame]:
        """The band, the tile and the boxes of a selection."""
        store = Store(self._root)
        record = store.steps.record(selection.step) if store.steps.is_finished(selection.step) else {}
        if "mode" not in record:
            raise UsageError(f"step {selection.step} has no candidates: it is the seed picture, or is not finished")
        if selection.treatment not in TREATMENTS:
            raise UsageError(f"unknown treatment {selection.treatment!r}: use one of {', '.join(TREATMENTS)}")
        options = StepOptions.from_values(record["options"])
        mode, contract = Mode(record["mode"]), options.step_contract(store.contract)
        band = store.frontier(record["parent"], mode)
        frame = contract.frame(mode, band.size)
        if selection.treatment in _FILES:
            return band, self._tile(store, selection, selection.treatment), frame
        inputs = inputs_on(store, record["parent"], mode, record["words"], options)
        one = self._joined(store, selection, inputs.canonical)
        width = 0 if selection.treatment == "cut" else selection.feather_px
        if width is None:
            default = options.feather_px
            width = default if isinstance(default, int) and default else contract.overlap_px // _PREVIEW_FRACTION
        return band, inputs.canonical.own(commit_tile(one, inputs.canonical, width)), frame

    def _joined(self, store: Store, selection: Selection, inputs: CanonicalInputs) -> Candidate:
        """A candidate joined to the canvas, along the cuts of the step if it has any."""
        stages = ("enforced", "calibrated")
        enforced, redraw = (inputs.turned(self._tile(store, selection, stage)) for stage in stages)
        score = candidate_score(store, selection.step, selection.candidate)
        cuts = [
            find_cut(redraw, end.band, end.mode, end.zone_px, inputs.contract)
            if end.zone_px and not entry.get("uncut")
            else None
            for end, entry in zip(inputs.ends, score.get("seams", [score]), strict=True)
        ]
        joined = joined_along(cuts, redraw, enforced, inputs)
        seams = tuple(map(ExaminedSeam, cuts))
        return Candidate(selection.candidate, RawCandidate(b"", {}), "", redraw, enforced, joined, seams)

    def frame(self, step: int) -> Frame:
        """The boxes of a step on a canvas that is its band alone."""
        return step_frame(Store(self._root), step)

    def stage_png(self, step: int, candidate: int, treatment: str) -> bytes:
        """The whole tile of a stage as PNG."""
        selection = Selection(step, candidate, treatment)
        return self._cached(("tile", selection), lambda: self._tile(Store(self._root), selection, treatment))

    def _cached(self, key: object, make: Callable[[], Image.Image]) -> bytes:
        data = self._pngs.get(key)
        if data is None:
            data = encode_png(make())
            self._pngs.put(key, data, len(data))
        return data

    def _tile(self, store: Store, selection: Selection, stage: str) -> Image.Image:
        """A candidate's tile at a stage that has a file."""
        key = (selection.step, selection.candidate, stage)
        tile = self._tiles.get(key)
        if tile is None:
            path = store.steps.folder(selection.step) / "candidates" / str(selection.candidate) / _FILES[stage]
            if path.is_file():
                data = read_file(path)
                raw = stage == "raw"
                tile = decode_tile(data, store.contract, self._mode(store, selection)) if raw else decode_png(data)
            else:
                tile = self._derive(store, selection, stage)
            self._tiles.put(key, tile, 4 * tile.width * tile.height)
        return tile

    def _derive(self, store: Store, selection: Selection, stage: str) -> Image.Image:
        """A candidate's tile at a stage, derived from the stored answers."""
        with self._deriving:
            if self._derived is None or self._derived[0] != selection.step:
                self._derived = (selection.step, rederive(store, selection.step))
            examined = self._derived[1].examined
        if not 0 <= selection.candidate < len(examined):
            raise UsageError(f"step {selection.step} has no candidate {selection.candidate}: it has {len(examined)}")
        one = examined[selection.candidate]
        if one.error or one.redraw is None or one.enforced is None:
            raise AnswerError(f"candidate {selection.candidate} of step {selection.step} cannot be read: {one.error}")
        mode = self._mode(store, selection)
        if stage == "raw":
            return decode_tile(one.raw.data, store.contract, mode)
        return from_canonical(one.redraw if stage == "calibrated" else one.enforced, mode)

    @staticmethod
    def _mode(store: Store, selection: Selection) -> Mode:
        return Mode(store.steps.record(selection.step)["mode"])


def candidate_score(store: Store, number: int, candidate: int) -> Record:
    """`score.json` of a candidate; empty when the step has no such file."""
    try:
        path = store.steps.folder(number) / "candidates" / str(candidate) / "score.json"
        return dict(json.loads(path.read_bytes()))
    except (OSError, ValueError):
        return {}


def step_frame(store: Store, number: int) -> Frame:
    """The boxes of step `number` on a canvas that is its band alone."""
    record = store.steps.record(number)
    mode = Mode(record["mode"])
    contract = StepOptions.from_values(record["options"]).step_contract(store.contract)
    return contract.frame(mode, contract.band_size(mode))


def worst_rows(picture: Image.Image, frame: Frame, count: int) -> list[int]:
    """Coordinates along the seam with the largest second difference across it, largest first, at least 4 runs apart.

    The second difference is |left - 2 middle + right| of the luminance, at the two columns that touch the seam,
    averaged over runs of _ROWS pixels.

    Args:
        picture: a grown canvas, RGB.
        frame: the step that grew it.
        count: how many at most.
    """
    turned = to_canonical(picture, frame.mode)
    seam = turned.width - frame.contract.advance_px
    near = as_float(turned.crop((seam - 2, 0, seam + 2, turned.height)).convert("L"))
    difference = combined(lambda a: abs(a["v"]), v=second_difference(near))
    runs = difference.reduce((difference.width, _ROWS)).get_flattened_data()
    best: list[int] = []
    ranked = sorted(((float(value), run) for run, value in enumerate(runs)), reverse=True)  # type: ignore[arg-type]
    for _, run in ranked:
        if all(abs(run - other) >= 4 for other in best):
            best.append(run)
        if len(best) == count:
            break
    return [min(turned.height - 1, run * _ROWS + _ROWS // 2) for run in best]
