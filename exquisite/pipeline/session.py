"""A session: a canvas that grows step by step, with the record of every decision."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Unpack

from PIL import Image

from ..api.generator import TileGenerator, describe
from ..contract import CLASSIC, Mode, TileContract
from ..errors import AnswerError, RejectedByServerError, UsageError
from ..files import Files
from ..geometry.measures.trend import Trend
from ..geometry.overlap_score import TileScore
from .export import ExportOptions, ExportOptionValues, export_canvas
from .history.answered import answered_step, inputs_of, request_of
from .history.commit import OpenStep, accept_facts, close_refused, commit, conclude, step_facts, without_choice
from .history.rederive import inputs_on, rederive
from .history.redo import RedoResult, StepChanges, redo_step
from .history.status import Status, session_status
from .history.styles import style_trends
from .journal import Journal
from .journal.ledger import Ledger, numbers_of
from .journal.requests import gather, request_digest, request_record
from .journal.settlement import Evidence, Settlement, reconcile, settle_call
from .labels import Labels
from .labels.agreement import agreement
from .notebook import card, small_png
from .step import Progress, StepInputs, StepOptions, StepResult
from .step.derived import DerivedStep, derive
from .step.options import StepOptionValues
from .step.reference_pictures import store_pictures
from .store import Store
from .store.pieces import Piece, require_open
from .store.records import Record
from .verify import VerifyReport, verify_path

__all__ = ["Session"]

ProgressCallback = Callable[[Progress], None]


class Session:
    """One canvas on disk; `Session.create` makes a session, `Session.open` opens one.

    Reading needs no lock and works beside a writer. `step`, `accept`, `undo` and `branch` hold the session's lock while
    they run.

    Attributes:
        store: the files of the session; changing them requires the lock (`writing`).
    """

    def __init__(self, store: Store) -> None:
        self.store = store

    @classmethod
    def create(
        cls,
        root: Path | str,
        canvas: Image.Image,
        contract: TileContract = CLASSIC,
        *,
        record: Record | None = None,
        files: Files | None = None,
    ) -> Session:
        """Make a session at `root` whose seed picture is `canvas` (RGB, across_px across, at least band_px along).

        Args:
            root: a folder that does not exist, or is empty.
            canvas: the picture to extend; `fit_picture` fits any picture.
            contract: the sizes of every step.
            record: source and changes of the picture, for the record of the seed picture (JSON types).
            files: the file system, for tests.

        Raises:
            SessionExistsError: `root` exists and is not empty.
            CanvasError: the canvas is not RGB or fits no mode of the contract.
        """
        return cls(Store.create(Path(root), canvas, contract, record or {}, files))

    @classmethod
    def open(cls, root: Path | str, *, branch: str | None = None, files: Files | None = None) -> Session:
        """Open the session at `root`, following HEAD or the head of a branch.

        Raises:
            SessionNotFoundError: there is no session.
            SessionDamagedError: the session is unreadable.
            UsageError: there is no such branch.
        """
        return cls(Store(Path(root), branch, files))

    # State

    @property
    def root(self) -> Path:
        """The session's folder."""
        return self.store.root

    @property
    def contract(self) -> TileContract:
        """The sizes of every step."""
        return self.store.contract

    @property
    def head(self) -> int:
        """The number of the last step of the canvas; 0 is the seed picture."""
        return self.store.head

    @property
    def axis(self) -> str | None:
        """ "x" or "y" once the first step is committed, else None."""
        return self.store.axis

    @property
    def canvas_size(self) -> tuple[int, int]:
        """(width, height) of the canvas in pixels."""
        return self.store.canvas_box(self.head).size

    @property
    def canvas_origin(self) -> tuple[int, int]:
        """(x, y) of the canvas's top left pixel from that of the seed picture; never above 0."""
        return self.store.canvas_box(self.head).origin

    def frontier(self, mode: Mode | str) -> Image.Image:
        """The band that a step in `mode` would continue, RGB, in the picture's own orientation.

        Raises:
            CanvasError: the canvas cannot grow in `mode`, or is a loop.
        """
        require_open(self.store.steps.record(self.head))
        return self.store.frontier(self.head, Mode(mode))

    def inputs(self, mode: Mode | str, prompt: str = "", **options: Unpack[StepOptionValues]) -> StepInputs:
        """The inputs of a step in `mode`; arguments and errors as for `step`. Sends and writes nothing."""
        mode, chosen = Mode(mode), StepOptions.from_values(options)
        self.store.require_axis(mode)
        chosen.require_fits(self.contract)
        return inputs_on(self.store, self.head, mode, prompt, chosen)

    def status(self, budget: Decimal | None = None) -> Status:
        """The status of the session, with the rest of `budget` in USD."""
        return session_status(self.store, budget)

    def _repr_html_(self) -> str:
        status, newest = self.status(), self.store.steps.record(self.head)
        if "mode" in newest:
            caption, picture = "the newest end of the canvas", self.store.frontier(self.head, Mode(newest["mode"]))
        else:
            caption, picture = "the seed picture", self.store.read_strip(Piece.from_record(newest["strip"]))
        width, height = status.canvas_size
        text = f"a canvas of {width} × {height} px, steps: {status.steps}"
        money = "; ".join(f"{line.label} {line}" for line in status.money.lines())
        return card(f"session {self.root.resolve().name}", (text, money), (caption, small_png(picture)))

    def trends(self) -> dict[Mode, list[Trend]]:
        """The trends of style since the seed picture, for each mode in which the canvas has grown."""
        return style_trends(self.store.steps.record(self.head))

    def unknown_calls(self) -> dict[int, dict[int, str]]:
        """The calls of unknown outcome in each unfinished step, which only a person may repeat, with their reasons."""
        unknown = {number: self._journal(number).unknown_calls() for number in self.store.steps.unfinished()}
        return {number: calls for number, calls in unknown.items() if calls}

    def log(self, limit: int | None = None) -> Iterator[Record]:
        """The records of the steps of the canvas, newest first, the seed picture last."""
        at: int | None = self.head
        while at is not None and (limit is None or limit > 0):
            record = self.store.steps.record(at)
            yield record
            at = record["parent"]
            limit = None if limit is None else limit - 1

    def agreement(self) -> dict[str, tuple[int, int]]:
        """For each metric the number of agreements with a person, and of candidates that a person accepted."""
        return agreement(self.store)

    def labels(self) -> Labels:
        """People's answers to the blind tests of this session."""
        return Labels(self.root, self.store.files)

    # Changes

    def step(  # noqa: PLR0913 (independent settings, by keyword only)
        self,
        mode: Mode | str,
        generator: TileGenerator,
        *,
        prompt: str = "",
        budget: Decimal | None = None,
        retry_ambiguous: bool = False,
        progress: ProgressCallback | None = None,
        plan: Record | None = None,
        **options: Unpack[StepOptionValues],
    ) -> StepResult:
        """Extend the canvas by one strip in `mode`, or glue nothing when the gate refuses every candidate.

        An unfinished step with an equal request is resumed from its stored answers; nothing is paid twice.

        Args:
            mode: the direction of growth.
            generator: makes the tiles.
            prompt: the user prompt.
            budget: budget of the session in USD; None for no limit.
            retry_ambiguous: True to resend calls of unknown outcome, which may pay twice.
            progress: progress callback.
            plan: the line of a plan that the step follows, for its record (`formats.PlanRecord`).
            options: fields of `StepOptions`.

        Raises:
            CanvasError: the canvas cannot grow in `mode`.
            SessionLockedError: another run is writing.
            StorageError: the disk is full or fails; a rerun resumes the step from its stored answers.
            AnswerNotStoredError: a paid answer could not be stored; it is in doubt unless its draft is complete.
            PaymentError, ServerError: raised by the generator; see `errors`.
            AnswerError: the generator yielded no candidate.
        """
        mode = Mode(mode)
        start = time.monotonic()
        with self.writing():
            base, inputs = self.store.head, self.inputs(mode, prompt, **options)
            request = request_record(inputs, base, describe(generator))
            digest = request_digest(request)
            number = self.store.steps.for_request(digest)
            if number is None:
                beside = {"options": inputs.options.as_dict(), **({} if plan is None else {"plan": plan})}
                number = self.store.steps.begin(digest, {**request, **beside})
            elif self.store.steps.is_finished(number):
                commit(self.store, self.store.steps.record(number), digest)
                scores = tuple(one.score for one in rederive(self.store, number).examined)
                return self._result(number, scores)

            def report(candidate: int, phase: str, urgent: bool = False) -> None:
                if progress is not None:
                    elapsed = time.monotonic() - start
                    progress(Progress(number, candidate, inputs.options.candidates, phase, elapsed, urgent))

            store_pictures(self.store, inputs.options)
            journal = self._journal(number, budget, partial(report, 0))
            opened = OpenStep(self.store, number, base, inputs, digest)
            try:
                raws = gather(journal, generator, inputs, retry_ambiguous, report)
            except RejectedByServerError as error:
                if not journal.has_answers:  # a paid answer keeps the step open, so that a rerun uses it
                    close_refused(opened, str(error))
                raise
            except AnswerError as error:
                if journal.has_answers:  # they hold no tile and cost nothing: a rerun sends a new request
                    close_refused(opened, str(error))
                raise
            derived = derive(inputs, raws, progress=lambda index, phase: report(index + 1, phase))
            record = conclude(opened, derived, step_facts(request_of(self.store, number)))
            report(0, record["status"])
            return self._result(number, tuple(one.score for one in derived.examined))

    def accept(
        self, candidate: int | None, *, step: int | None = None, **options: Unpack[StepOptionValues]
    ) -> StepResult:
        """Glue `candidate` of a step from its stored answers, whatever its score; sends and pays nothing.

        It works on a step that the gate refused, and on the last committed step. The record stores the choice of each
        metric beside the person's.

        Args:
            candidate: its number, from 0; None to choose by metric and gate, as in a step.
            step: the step with the answers; by default the newest one at the end of the canvas.
            options: fields of `StepOptions` to change, such as feather_px.

        Raises:
            UsageError: there is no such step or candidate, or the canvas has grown since.
            AnswerError: the candidate is unreadable.
        """
        with self.writing():
            number = answered_step(self.store, step)
            inputs, base = inputs_of(self.store, number, options)
            head = self.store.head
            if head != base and self.store.steps.record(head)["parent"] != base:
                raise UsageError(
                    f"step {number} continues step {base}, but the canvas is at step {head}: `undo` until "
                    f"it is at {base}, or accept on a branch made at {base}"
                )
            derived = derive(inputs, self._journal(number).candidates(), accepted=candidate)
            if not self.store.steps.is_finished(number):
                digest = request_of(self.store, number)["digest"]
                unfinished = OpenStep(self.store, number, base, inputs, digest)
                conclude(unfinished, without_choice(derived), {"kind": "step"})
            ours = OpenStep(self.store, self.store.steps.new(head), base, inputs)
            conclude(ours, derived, accept_facts(self.store, number, derived, candidate))
            return self._result(ours.number, tuple(one.score for one in derived.examined))

    def rescore(self, *, step: int | None = None, **options: Unpack[StepOptionValues]) -> DerivedStep:
        """Score and choose again from the stored answers of a step with other options; writes nothing.

        Raises:
            UsageError: there is no such step, or it has no stored answers.
        """
        number = answered_step(self.store, step)
        inputs, _ = inputs_of(self.store, number, {**options, "artifacts": "none"})
        return derive(inputs, self._journal(number).candidates())

    def undo(self) -> int:
        """Move the head to the parent of the last step, whose files stay; returns the number of the new head.

        Raises:
            UsageError: the canvas is the seed picture alone.
        """
        with self.writing():
            parent = self.store.steps.record(self.store.head)["parent"]
            if parent is None:
                raise UsageError(f"nothing to undo: {self.root} is at its seed picture")
            self.store.move_head(parent)
            return int(parent)

    def branch(self, name: str, *, at: int | None = None) -> int:
        """Make a branch `name` at step `at` (by default the head); returns that step's number.

        Raises:
            UsageError: the name is invalid or taken, or there is no such committed step.
        """
        with self.writing():
            number = self.store.head if at is None else at
            self.store.make_branch(name, number)
            return number

    def redo(
        self, step: int, generator: TileGenerator, *, branch: str | None = None, **changes: Unpack[StepChanges]
    ) -> RedoResult:
        """Make a step again on a branch, and reuse the answers of the later ones; see `redo.redo_step`."""
        return redo_step(self, step, generator, branch=branch, **changes)

    def on_branch(self, name: str) -> Session:
        """The same session on the branch `name`."""
        return Session.open(self.root, branch=name, files=self.store.files)

    def settle(self, step: int, call: int, billed: bool, reason: str, usd: Decimal | None = None) -> Settlement:
        """Record whether a call in doubt was billed; see `settle_call`.

        `usd` is its cost, if `billed`; None for the reserved amount.
        """
        with self.writing():
            evidence = Evidence(billed, reason, usd)
            return settle_call(self.root, self.store.files, self._ledger, (step, call), evidence)

    # Export and verification

    def export(
        self,
        path: Path | str,
        *,
        progress: Callable[[str, float], None] | None = None,
        **options: Unpack[ExportOptionValues],
    ) -> Path:
        """Write the canvas to `path` (.png or .dzi), streamed; `options` are fields of `ExportOptions`."""
        return export_canvas(self.store, self.head, Path(path), ExportOptions.from_values(options), progress)

    def verify(self, *, repair: bool = False) -> VerifyReport:
        """Check every file of the session, and with `repair` restore damaged files; see `verify_path`."""
        return verify_path(self.root, self.store.files, repair=repair)

    # Implementation

    @property
    def _ledger(self) -> Ledger:
        return Ledger(self.store.disk)

    def _journal(
        self, number: int, budget: Decimal | None = None, progress: Callable[[str, bool], None] | None = None
    ) -> Journal:
        return Journal(self.store.steps, number, self._ledger, budget, progress)

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the lock; first update the ledger from the outcomes on disk."""
        lock = self.store.lock()
        try:
            for number in sorted({numbers_of(key)[0] for key in self._ledger.reserved}):
                self._journal(number).reconcile()
            reconcile(self.root, self._ledger)
            yield
        finally:
            lock.release()

    def _result(self, number: int, scores: tuple[TileScore | None, ...]) -> StepResult:
        record = self.store.steps.record(number)
        return StepResult(
            status=record["status"],
            step_index=number,
            chosen=record["chosen"],
            scores=scores,
            step_dir=self.store.steps.folder(number),
            canvas_size=self.canvas_size,
            message=record["reason"],
            would_pass=tuple(record["would_pass"]) if "would_pass" in record else None,
        )
