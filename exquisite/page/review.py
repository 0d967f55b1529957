"""Everything that the page reads and changes of a session, without HTTP.

Reads take no lock, so that another process can extend the session meanwhile. Each change is one call of `Session`,
which takes the writer's lock. A change names the head that the person saw and is refused when the head has moved.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..api.generator import TileGenerator
from ..contract import Box, Mode
from ..errors import UsageError
from ..geometry.overlap_score import METRICS
from ..pipeline.labels import Labels
from ..pipeline.session import Session
from ..pipeline.step import StepResult
from ..pipeline.step.options import StepOptions
from ..pipeline.store import SEED, Store
from ..pipeline.store.records import Record
from . import drawings
from .drift import StyleDrift
from .facts import MARGINS, from_one, gate_margin, read_score, step_facts
from .jobs import Payment, StepJobs
from .pictures import Selection, StepPictures
from .strips import StripIndex
from .tiles import LEVELS, TILE_PX, TileMaker
from .trials import Trials, now

__all__ = ["Review", "margin_word"]

_MAX_SEAMS = 200
_MAX_NODES = 200
_LOOK_BACK = 20  # newest steps searched for one that waits for a choice, and for questions
_DRIFT_S = 0.25
_MAX_REASON = 500
_FREE_OPTIONS = ("feather_px", "metric", "gate", "soften_px")


class Review:
    """What the page shows and changes of one session.

    Args:
        root: the session's folder.
        generator: makes the tiles of steps started from the page; None for a page that runs no steps.
        payment: whether such steps may cost money.
    """

    def __init__(self, root: Path, generator: TileGenerator | None = None, payment: Payment | None = None) -> None:
        self.root = root
        store = Store(root)
        index = StripIndex(store)
        self._store, self._index = store, index
        self.tiles = TileMaker(store, index)
        self.pictures = StepPictures(root)
        self.labels = Labels(root, store.files)
        self.trials = Trials(self.pictures, self.labels)
        self.jobs = StepJobs(self.session, generator, payment or Payment())
        self._drift = StyleDrift(store, index)
        self._changing = threading.Lock()

    def session(self, branch: str | None = None) -> Session:
        """The session on a branch, or on the main head."""
        return Session.open(self.root, branch=branch)

    def close(self) -> None:
        """Wait for a running step, and end the threads."""
        self.jobs.join()
        self.tiles.close()

    # Looking

    def state(self, branch: str | None) -> Record:
        """The state of the session: canvas, head, branches, money, the step that waits for a choice, the job."""
        status = self.session(branch).status(self.jobs.budget)
        money = status.money.as_dict()
        return {
            "name": self.root.resolve().name,
            **{key: value for key, value in status.as_dict().items() if key not in ("root", *money)},
            "money": money | {"lines": [asdict(line) for line in status.money.lines()]},
            "modes": [mode for mode in Mode if status.axis in (None, mode.axis) and not status.closed],
            "waiting": self._waiting(status.head, status.last_step),
            "generator": self.jobs.generator(),
            "job": self.jobs.state(),
            "tile_px": TILE_PX,
            "levels": LEVELS,
            "metrics": ["primary", *(name for name in METRICS if name != "primary")],
        }

    def step(self, number: int, branch: str | None) -> Record:
        """The facts of one step, and whether one of its candidates can be glued now."""
        facts = step_facts(self._store, number)
        head = self.session(branch).head
        base = facts["parent"]
        facts["choosable"] = base is not None and base in (head, self._index.strip(head).parent)
        facts["on_head"] = number == head
        facts["head"] = head
        return facts

    def seams(self, head: int, low: int, high: int) -> Record:
        """The seams between two coordinates along the axis: step, coordinate and margin to the gate of each."""
        canvas = self._index.strip(head).canvas
        axis_x = self._axis(head) == "x"
        box = Box(low, canvas.top, high, canvas.bottom) if axis_x else Box(canvas.left, low, canvas.right, high)
        strips, _ = self._index.within(head, box)
        seams: list[Record] = []
        for strip in strips:
            if strip.seam is None or not low <= strip.seam <= high or strip.piece in strip.pending:
                continue
            if len(seams) == _MAX_SEAMS:
                return {"seams": seams, "more": True}
            margin = gate_margin(read_score(self._store, strip.step))
            seams.append({"step": strip.step, "at": strip.seam, "margin": margin, "word": margin_word(margin)})
        return {"seams": seams, "more": False}

    def tree_svg(self, branch: str | None, current: int | None = None) -> str:
        """The newest steps and their branches as SVG."""
        return drawings.tree(self.nodes(branch), current)

    def nodes(self, branch: str | None) -> list[drawings.TreeNode]:
        """The newest _MAX_NODES finished steps, oldest first, with the heads that point at them."""
        session = self.session(branch)
        heads: dict[int, list[str]] = {}
        for name in (None, *session.status().branches):
            heads.setdefault(self._store.read_head(name), []).append(name or "main")
        last = self._store.steps.last(session.head)
        numbers = {*range(max(SEED, last - _MAX_NODES + 1), last + 1), *heads}
        nodes = []
        for number in sorted(numbers):
            if not self._store.steps.is_finished(number):
                continue
            record = self._store.steps.record(number)
            by_person = (record.get("accepted") or {}).get("candidate") is not None
            names = tuple(heads.get(number, ()))
            nodes.append(drawings.TreeNode(number, record["parent"], record["status"], names, by_person))
        return nodes

    def drift(self, head: int, budget_s: float = _DRIFT_S) -> Record:
        """The drift chart of a canvas, and whether every step in it has been measured."""
        steps, series, complete = self._drift.along(head, budget_s)
        return {"svg": drawings.drift_chart(steps, series), "steps": steps, "series": series, "complete": complete}

    def drawing(self, number: int, candidate: int, name: str) -> str:
        """The tone curve or the displacement of a candidate's calibration, as SVG.

        Raises:
            UsageError: there is no such drawing, or the candidate has no calibration record.
        """
        candidates = step_facts(self._store, number)["candidates"]
        calibration = candidates[candidate].get("calibration") if candidate < len(candidates) else None
        if not calibration:
            raise UsageError(f"step {number} has no calibration record of candidate {candidate}")
        if name == "tone":
            return drawings.tone_curve(calibration.get("tone") or ())
        if name == "displacement":
            shift, scale = calibration.get("shift") or (0.0, 0.0), calibration.get("scale") or (1.0, 1.0)
            return drawings.displacement(shift, scale, calibration.get("local_px") or (0.0, 0.0))
        raise UsageError(f"unknown drawing {name!r}: use tone or displacement")

    def _axis(self, head: int) -> str:
        mode = self._index.strip(head).mode
        return "x" if mode is None else mode[0]

    def _waiting(self, head: int, last: int) -> int | None:
        """The newest rejected step whose parent is the head; None when no choice is open."""
        for number in range(last, max(head, last - _LOOK_BACK), -1):
            if self._store.steps.is_finished(number):
                record = self._store.steps.record(number)
                if record["status"] == "rejected" and record["parent"] == head:
                    return number
        return None

    # Changing

    def accept(self, branch: str | None, head: int, step: int, candidate: int | None, options: Record) -> Record:
        """Glue a candidate of a step from its stored answers, as `Session.accept` does."""
        with self._changing:
            session = self._unmoved(branch, head)
            return _result(session.accept(candidate, step=step, **_free_options(options)))

    def rescore(self, branch: str | None, step: int, options: Record) -> Record:
        """The choice that metric and gate make with other options; changes nothing."""
        again = self.session(branch).rescore(step=step, **_free_options(options))
        scores = [
            None if one.score is None else {**one.score.as_dict(), "candidate": one.index} for one in again.examined
        ]
        choice = again.choice
        return {"chosen": choice.chosen, "best": choice.best, "reason": from_one(choice.reason), "scores": scores}

    def reject(self, step: int, candidate: int, reason: str) -> Record:
        """Record why a person rejects a candidate; its files stay."""
        reason = " ".join(reason.split())[:_MAX_REASON]
        if not reason:
            raise UsageError("say why the candidate is rejected")
        facts = step_facts(self._store, step)
        if candidate not in {one["candidate"] for one in facts["candidates"]}:
            raise UsageError(f"step {step} has no candidate {candidate}")
        label = {"kind": "reject", "time": now(), "step": step, "candidate": candidate, "reason": reason}
        return self.labels.append(label)

    def undo(self, branch: str | None, head: int) -> Record:
        """Move the head back by one step."""
        with self._changing:
            return {"head": self._unmoved(branch, head).undo()}

    def branch(self, branch: str | None, name: str, at: int | None) -> Record:
        """Make a branch."""
        with self._changing:
            return {"branch": name, "step": self.session(branch).branch(name, at=at)}

    def find(self, branch: str | None, treatment: str) -> Record:
        """Ask where the seam of a random step is."""
        number, chosen = self._any_step(branch)
        return self.trials.find(Selection(number, chosen, treatment))

    def compare(self, branch: str | None, treatments: tuple[str, str] | None) -> Record:
        """Ask which picture is better: two candidates of a random step, or one candidate under two treatments."""
        number, chosen = self._any_step(branch, 1 if treatments else 2)
        if treatments:
            first, second = (Selection(number, chosen, treatment) for treatment in treatments)
            return self.trials.compare(first, second)
        count = int(self._store.steps.record(number)["candidates"])
        one, two = self.trials.chance.sample(range(count), 2)
        return self.trials.compare(Selection(number, one, "enforced"), Selection(number, two, "enforced"))

    def _any_step(self, branch: str | None, candidates: int = 1) -> tuple[int, int]:
        """A random step among the newest with at least `candidates` candidates, and its glued candidate."""
        at: int | None = self.session(branch).head
        steps: list[tuple[int, int]] = []
        while at is not None and at != SEED and len(steps) < _LOOK_BACK:
            record = self._store.steps.record(at)
            if record.get("candidates", 0) >= candidates and record.get("chosen") is not None:
                steps.append((at, int(record["chosen"])))
            at = record["parent"]
        if not steps:
            raise UsageError(f"no step of the canvas has {candidates} or more candidates to ask about yet")
        return self.trials.chance.choice(steps)

    def _unmoved(self, branch: str | None, head: int) -> Session:
        session = self.session(branch)
        if session.head != head:
            raise UsageError(
                f"nothing was changed: the canvas now ends with step {session.head}, no longer with step {head}; "
                f"look again, then decide"
            )
        return session


def margin_word(margin: float | None) -> str:
    """The margin to the gate in one word: unknown, below, near or clear."""
    if margin is None:
        return "unknown"
    return next((word for word, least in MARGINS.items() if margin < least), "clear")


def _free_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options, checked: a later choice may change only _FREE_OPTIONS."""
    fields = StepOptions.__dataclass_fields__
    unknown = [name for name in options if name not in _FREE_OPTIONS or name not in fields]
    if unknown:
        raise UsageError(f"{unknown[0]!r} cannot be changed in a later choice: use {', '.join(_FREE_OPTIONS)}")
    return dict(options)


def _result(result: StepResult) -> Record:
    return {
        "status": result.status,
        "step": result.step_index,
        "chosen": result.chosen,
        "message": from_one(result.message),
        "canvas_size": list(result.canvas_size),
    }
