"""Blind tests: where is the seam, and which of two pictures is better. The browser gets only the pictures."""

from __future__ import annotations

import random
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from PIL import Image

from ..contract import Frame, from_canonical, to_canonical
from ..errors import UsageError
from ..pipeline.labels import Labels
from ..pipeline.store.artifacts import encode_png
from ..pipeline.store.records import Record
from .pictures import Selection, StepPictures

__all__ = ["Trials", "now"]

_MAX_OPEN = 40
_NONE_SHARE = 0.25  # share of the strips without a seam
_EDGE_SHARE = 0.1  # share of a strip's length at either end that never holds the seam
_TOLERANCE_SHARE = 1 / 16  # share of a strip's length: a click counts as right within it


@dataclass(frozen=True, eq=False)
class _Trial:
    """One question: its pictures as PNG, and the function that turns an answer into a label."""

    kind: str
    pictures: tuple[bytes, ...]
    answer: Callable[[object], Record]


class Trials:
    """The open questions of one server, at most _MAX_OPEN; safe for threads."""

    def __init__(self, pictures: StepPictures, labels: Labels, chance: random.Random | None = None) -> None:
        self._pictures = pictures
        self._labels = labels
        self.chance = chance or random.Random()
        self._open: OrderedDict[str, _Trial] = OrderedDict()
        self._lock = threading.Lock()

    def find(self, selection: Selection) -> Record:
        """Ask where the seam of a candidate in place is, if there is one; returns the question without its truth."""
        picture, frame = self._pictures.in_place(selection), self._pictures.frame(selection.step)
        turned = to_canonical(picture, frame.mode)
        band = frame.contract.band_px
        window = _window(frame)
        if self.chance.random() < _NONE_SHARE:  # within the last strip of the old canvas
            start = self.chance.randint(max(0, band - frame.contract.advance_px), band - window)
            seam = None
        else:
            edge = round(window * _EDGE_SHARE)
            start = band - self.chance.randint(edge, window - edge)
            seam = band - start
        part = from_canonical(self._across(turned, start, start + window), frame.mode)
        if seam is not None and frame.mode.side == "low":
            seam = window - seam
        tolerance = max(1, round(window * _TOLERANCE_SHARE))

        def answer(value: object) -> Record:
            click = None if value is None else round(_share(value) * window)
            near = seam is not None and click is not None and abs(click - seam) <= tolerance
            return {
                "kind": "find",
                **_about(selection),
                "window_px": window,
                "seam_px": seam,
                "click_px": click,
                "hit": near if seam is not None else click is None,
                "chance": min(1.0, (2 * tolerance + 1) / window),
            }

        return self._ask(_Trial("find", (encode_png(part),), answer)) | {"axis": frame.mode.axis}

    def compare(self, first: Selection, second: Selection) -> Record:
        """Ask which of two pictures of one step is better, in random order; returns the question without its truth."""
        if first.step != second.step or first == second:
            raise UsageError("a comparison needs two different candidates or treatments of one step")
        one, two = self.chance.sample((first, second), 2)
        frame = self._pictures.frame(first.step)
        window, band = _window(frame), frame.contract.band_px
        state = self.chance.getstate()
        cuts = []
        for selection in (one, two):
            self.chance.setstate(state)  # both pictures show the same part
            turned = to_canonical(self._pictures.in_place(selection), frame.mode)
            cuts.append(encode_png(from_canonical(self._across(turned, band - window, band + window), frame.mode)))

        def answer(value: object) -> Record:
            if value not in ("a", "b", "same"):
                raise UsageError(f"{value!r} is not an answer: use a, b or same")
            scores = [self._pictures.score(selection) for selection in (one, two)]
            metrics = {
                name: [scores[0].metrics[name], scores[1].metrics[name]]
                for name in scores[0].metrics.keys() & scores[1].metrics.keys()
            }
            metrics["primary"] = [score.primary for score in scores]
            a, b = ({"candidate": selection.candidate, "treatment": selection.treatment} for selection in (one, two))
            return {"kind": "ab", "time": now(), "step": one.step, "a": a, "b": b, "chosen": value, "metrics": metrics}

        return self._ask(_Trial("ab", tuple(cuts), answer)) | {"axis": frame.mode.axis}

    def picture(self, name: str, index: int) -> bytes:
        """A picture of an open question, as PNG.

        Raises:
            UsageError: there is no such question or picture.
        """
        pictures = self._trial(name).pictures
        if not 0 <= index < len(pictures):
            raise UsageError(f"this question has {len(pictures)} pictures")
        return pictures[index]

    def answer(self, name: str, value: object) -> Record:
        """Store a person's answer; returns the label, with the truth.

        Args:
            name: the question.
            value: the place of the seam as a share of the picture's length, or None for no seam; or "a", "b" or "same".

        Raises:
            UsageError: there is no such open question, or the value is not an answer.
        """
        trial = self._trial(name)
        label = self._labels.append(trial.answer(value))
        with self._lock:
            self._open.pop(name, None)
        return label

    def _ask(self, trial: _Trial) -> Record:
        name = secrets.token_hex(8)
        with self._lock:
            self._open[name] = trial
            while len(self._open) > _MAX_OPEN:
                self._open.popitem(last=False)
        return {"trial": name, "kind": trial.kind, "pictures": len(trial.pictures)}

    def _trial(self, name: str) -> _Trial:
        with self._lock:
            trial = self._open.get(name)
        if trial is None:
            raise UsageError("this question is not open: it was answered, or others have taken its place")
        return trial

    def _across(self, turned: Image.Image, start: int, stop: int) -> Image.Image:
        """Columns [start, stop) of a canonical picture, in a random range of rows twice as high as they are wide."""
        breadth = min(turned.height, 2 * (stop - start))
        top = self.chance.randint(0, turned.height - breadth)
        return turned.crop((max(0, start), top, min(turned.width, stop), top + breadth))


def _window(frame: Frame) -> int:
    """The length of the strip in a question: less than a growth strip, so that it never holds two seams."""
    return max(4, 3 * min(frame.contract.advance_px, frame.contract.overlap_px) // 4)


def _about(selection: Selection) -> Record:
    return {"time": now(), "step": selection.step, "candidate": selection.candidate, "treatment": selection.treatment}


def now() -> str:
    """The time, ISO 8601 in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _share(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise UsageError(f"{value!r} is not a place: send the share of the picture's length, 0 to 1, or null")
    return float(value)
