"""Steps in a row whose strokes are drawn anew each time, and what a cut adds to a step: for `make bench-cut`."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from PIL import Image, ImageStat

from exquisite.api.generator import CallLog, RawCandidate, TileRequest
from exquisite.api.mock.drift import random_drift, redraw
from exquisite.contract import CLASSIC, WIDE, Box
from exquisite.geometry.cut import find_cut, join_tile, straightened
from exquisite.geometry.measures.seam_residual import seam_residual
from exquisite.pipeline.session import Session
from exquisite.pipeline.step import Candidate
from exquisite.pixels import laplacian_energy
from tests.support.generators import StoredAnswers
from tests.support.pictures import draw
from tests.support.tiny import png, step_or_accept

__all__ = ["MEASURED", "SOFTEN_PX", "cut_seconds", "in_a_row", "step_cost"]

KINDS = ("ink", "foliage", "painterly")
MEASURED = ("residual", "broken", "tone", "contrast", "sharpness")
SOFTEN_PX = 64
_SEED = 7
_BORDER = 64
_ROUNDS = 7

Record = dict[str, Any]


class Anew:
    """A model that draws every stroke of a known picture 2 px off, others in each step and candidate."""

    def __init__(self, picture: Image.Image) -> None:
        self._picture = picture

    def generate(self, request: TileRequest, calls: CallLog) -> Iterator[RawCandidate]:
        """One PNG a candidate."""
        left, top = (at + _BORDER for at in request.band_origin)
        box = (left, top, left + CLASSIC.tile_px, top + CLASSIC.across_px)
        for number in range(request.candidates):
            drift = random_drift("fine", f"{request.step_index}:{number}")
            yield RawCandidate(png(redraw(self._picture, box, drift)))


def in_a_row(steps: int) -> list[Record]:
    """The measures of each step, means over KINDS, without and with pending zones."""
    rows = [
        {"soften_px": soften_px, "step": number, **record}
        for soften_px in (0, SOFTEN_PX)
        for kind in KINDS
        for number, record in enumerate(_records(kind, soften_px, steps), start=1)
    ]
    return [
        {"soften_px": soften_px, "step": number} | {name: fmean(row[name] for row in group) for name in MEASURED}
        for soften_px in (0, SOFTEN_PX)
        for number in range(1, steps + 1)
        if (group := [row for row in rows if (row["soften_px"], row["step"]) == (soften_px, number)])
    ]


def _picture(kind: str, steps: int) -> Image.Image:
    length = CLASSIC.tile_px + (steps + 2) * CLASSIC.advance_px
    return draw(kind, (length + 2 * _BORDER, CLASSIC.across_px + 2 * _BORDER), _SEED)


def _session(folder: str, picture: Image.Image) -> Session:
    seed = picture.crop((_BORDER, _BORDER, _BORDER + CLASSIC.tile_px, _BORDER + CLASSIC.across_px))
    return Session.create(Path(folder) / "s", seed)


def _records(kind: str, soften_px: int, steps: int) -> Iterator[Record]:
    """The measures of each step of a canvas."""
    picture = _picture(kind, steps)
    with tempfile.TemporaryDirectory() as folder:
        session = _session(folder, picture)
        for _ in range(steps):
            seam, band = session.canvas_size[0], session.frontier("x_ltr")
            step_or_accept(session, "x_ltr", Anew(picture), candidates=1, artifacts="none", soften_px=soften_px)
            (one,) = session.rescore().examined
            growth = Box(seam + _BORDER, _BORDER, seam + _BORDER + CLASSIC.advance_px, _BORDER + CLASSIC.across_px)
            yield {**_seam(one, band), **_beside_truth(one, picture.crop(growth))}


def _seam(one: Candidate, band: Image.Image) -> Record:
    """Bend across the join over the usual bend, and the share of rows that break there."""
    assert one.joined is not None
    assert one.redraw is not None
    frame = CLASSIC.tile_frame("x_ltr")
    if one.cut is None:
        tile, broken = one.joined, find_cut(one.redraw, band, "x_ltr", SOFTEN_PX).straight_breaks
    else:
        tile, broken = straightened(one.joined, "x_ltr", one.cut), one.cut.breaks
    residual = seam_residual(tile.crop(frame.conditioning_half), tile.crop(frame.generated_half), "x_ltr")
    return {"residual": residual, "broken": broken}


def _beside_truth(one: Candidate, truth: Image.Image) -> Record:
    """The largest mean error of a channel, in levels; contrast and sharpness over those of the truth."""
    assert one.joined is not None
    new = one.joined.crop(CLASSIC.tile_frame("x_ltr").growth_in_tile)
    ours, theirs = ImageStat.Stat(new), ImageStat.Stat(truth)
    return {
        "tone": max(abs(a - b) for a, b in zip(ours.mean, theirs.mean, strict=True)),
        "contrast": fmean(ours.stddev) / fmean(theirs.stddev),
        "sharpness": laplacian_energy(new) / laplacian_energy(truth),
    }


def cut_seconds(widths: Sequence[int]) -> dict[str, float]:
    """Median processor time of the cut of one tile through a zone of each width, by its width."""
    picture = _picture("ink", 0)
    box = (_BORDER, _BORDER, _BORDER + WIDE.tile_px, _BORDER + WIDE.across_px)
    new = redraw(picture, box, random_drift("fine", "seconds"))
    band = picture.crop(box).crop(WIDE.tile_frame("x_ltr").conditioning_half)
    return {str(width): _median_seconds(new, band, width) for width in widths}


def _median_seconds(new: Image.Image, band: Image.Image, width: int) -> float:
    times = []
    for _ in range(_ROUNDS):
        start = time.process_time()
        join_tile(new, band, "x_ltr", find_cut(new, band, "x_ltr", width, WIDE), WIDE)
        times.append(time.process_time() - start)
    return statistics.median(times)


def step_cost() -> Record:
    """Median processor time of a step of three candidates without and with a cut, and their median ratio."""
    picture = _picture("foliage", 2)
    left = _BORDER + CLASSIC.advance_px + CLASSIC.tile_px - CLASSIC.band_px
    box = (left, _BORDER, left + CLASSIC.tile_px, _BORDER + CLASSIC.across_px)
    answers = StoredAnswers([png(redraw(picture, box, random_drift("fine", f"cost:{number}"))) for number in range(3)])
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        sessions = {0: _session(one, picture), SOFTEN_PX: _session(other, picture)}
        for soften_px, session in sessions.items():
            step_or_accept(session, "x_ltr", Anew(picture), candidates=1, soften_px=soften_px)

        def seconds(soften_px: int) -> float:
            start = time.process_time()
            sessions[soften_px].step("x_ltr", answers, gate=None, soften_px=soften_px)
            return time.process_time() - start

        pairs = []
        for _ in range(_ROUNDS):
            pairs.append((seconds(0), seconds(SOFTEN_PX)))
            for session in sessions.values():
                session.undo()
    plain, with_cut = (statistics.median(pair[which] for pair in pairs) for which in (0, 1))
    return {"plain": plain, "soft": with_cut, "ratio": statistics.median(b / a for a, b in pairs)}
