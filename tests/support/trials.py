"""The operations on a session as trials that sweeps interrupt: a start, an operation, and its repetition."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from exquisite.errors import OutcomeUnknownError
from exquisite.files import Files
from exquisite.pipeline.journal.ledger import Ledger
from exquisite.pipeline.session import Session
from exquisite.pipeline.store.session_files import SessionFiles
from exquisite.pipeline.verify import verify_path

from .faulty_files import FaultyFiles, QuickFiles
from .tiny import PRICE, TINY, PayingGenerator, grow, make_session, pixels_of, seed_picture

__all__ = ["TRIALS", "Till", "Trial", "Undisturbed", "recovered", "undisturbed"]

Operation = Callable[[Path, Files], None]
"""Runs on the folder that holds the session `s`, through a file system."""


@dataclass(frozen=True)
class Trial:
    """One operation.

    Attributes:
        name: for the report.
        start: prepares the session `s` in a folder; nothing for `init`.
        run: the operation.
        is_done: whether it has happened, so that it need not be run again.
    """

    name: str
    start: Operation
    run: Operation
    is_done: Callable[[Path], bool]


def _nothing(folder: Path, files: Files) -> None:
    pass


def _grow(folder: Path, files: Files) -> None:
    make_session(folder / "s", ("x_ltr", "x_rtl"), files=files)


def _rejected(folder: Path, files: Files) -> None:
    session = make_session(folder / "s", ("x_ltr",), files=files)
    grow(session, "x_ltr", candidates=2, gate=1e-9)


def _soft(folder: Path, files: Files) -> None:
    make_session(folder / "s", ("x_ltr", "x_rtl"), files=files, soften_px=3)


def _soft_step(folder: Path, files: Files) -> None:
    grow(Session.open(folder / "s", files=files), "x_ltr", candidates=2, soften_px=5)


def _soft_accept(folder: Path, files: Files) -> None:
    Session.open(folder / "s", files=files).accept(0, soften_px=2)


def _init(folder: Path, files: Files) -> None:
    Session.create(folder / "s", seed_picture(), TINY, files=files)


def _step(artifacts: str) -> Operation:
    def run(folder: Path, files: Files) -> None:
        grow(Session.open(folder / "s", files=files), "x_ltr", candidates=2, artifacts=artifacts)

    return run


def _reference_step(folder: Path, files: Files) -> None:
    grow(Session.open(folder / "s", files=files), "x_ltr", candidates=2, references=("seed", "map"))


def _accept(folder: Path, files: Files) -> None:
    Session.open(folder / "s", files=files).accept(1)


def _undo(folder: Path, files: Files) -> None:
    Session.open(folder / "s", files=files).undo()


def _branch(folder: Path, files: Files) -> None:
    Session.open(folder / "s", files=files).branch("other", at=1)


def _export(folder: Path, files: Files) -> None:
    Session.open(folder / "s", files=files).export(folder / "out.png")


def _moved_from(number: int) -> Callable[[Path], bool]:
    return lambda folder: Session.open(folder / "s").head != number


TRIALS = (
    Trial("init", _nothing, _init, lambda folder: (folder / "s" / "HEAD").is_file()),
    Trial("step", _grow, _step("none"), _moved_from(2)),
    Trial("step, all artifacts", _grow, _step("full"), _moved_from(2)),
    Trial("step with reference pictures", _grow, _reference_step, _moved_from(2)),
    Trial("accept", _rejected, _accept, _moved_from(1)),
    Trial("undo", _grow, _undo, _moved_from(2)),
    Trial("branch", _grow, _branch, lambda folder: (folder / "s" / "heads" / "other").is_file()),
    Trial("export", _grow, _export, lambda folder: (folder / "out.png").is_file() and not any(folder.glob(".out*"))),
    Trial("step from a pending zone", _soft, _soft_step, _moved_from(2)),
    Trial("accept beside pending zones", _soft, _soft_accept, _moved_from(2)),
    Trial("undo beside pending zones", _soft, _undo, _moved_from(2)),
)


@dataclass(frozen=True)
class Till:
    """Both sides of paid calls: what the server billed, and what its log made durable.

    In each run the first answers for the candidates in `breaks_off` break off midway.
    """

    billed: list[tuple[int, int]] = field(default_factory=list)
    durable: list[tuple[int, int]] = field(default_factory=list)
    breaks_off: tuple[int, ...] = ()

    def trial(self) -> Trial:
        """A step of two paid tiles from a pending zone; run again, it resends what is of unknown outcome."""

        def run(folder: Path, files: Files) -> None:
            session = Session.open(folder / "s", files=files)
            generator = PayingGenerator(self.billed, self.durable, self.breaks_off)
            for retry_ambiguous in (False, True):
                with contextlib.suppress(OutcomeUnknownError):
                    grow(session, "x_ltr", generator, candidates=2, soften_px=3, retry_ambiguous=retry_ambiguous)
                    return
            grow(session, "x_ltr", generator, candidates=2, soften_px=3, retry_ambiguous=True)

        return Trial("paid step", _soft, run, _moved_from(2))

    def problems(self, root: Path, durable: list[tuple[int, int]], billed_again: list[tuple[int, int]]) -> list[str]:
        """What was paid twice although its answer was durable, or is not in the session's books.

        Args:
            root: the session.
            durable: what the log had made durable before the disturbance.
            billed_again: what the server billed after it.
        """
        twice = [f"{tile} was paid again" for tile in durable if tile in billed_again]
        ledger = Ledger(SessionFiles(root, QuickFiles()))
        counted, spent = ledger.spent + ledger.doubtful, PRICE * (len(durable) + len(billed_again))
        return twice + ([] if counted >= spent else [f"the ledger counts {counted} of {spent} USD"])


@dataclass(frozen=True)
class Undisturbed:
    """What a trial comes to when nothing goes wrong: number of effects, pixels, and names of all files."""

    start: Path
    effects: int
    pixels: tuple[tuple[int, int], bytes]
    names: frozenset[str]


def undisturbed(trial: Trial, folder: Path) -> Undisturbed:
    """Run a trial once; `start` of the result is a folder to copy for each disturbed run."""
    start, run = folder / "start", folder / "run"
    start.mkdir(parents=True)
    trial.start(start, QuickFiles())
    shutil.copytree(start, run)
    files = FaultyFiles()
    trial.run(run, files)
    return Undisturbed(start, files.count, pixels_of(run / "s"), _names(run))


def recovered(trial: Trial, folder: Path, expected: Undisturbed) -> list[str]:
    """Run the trial again in `folder` after a fault; returns each difference from an undisturbed run in words."""
    problems = []
    if (folder / "s" / "HEAD").is_file():
        problems += [f"after the fault: {finding}" for finding in verify_path(folder / "s").findings]
    if not trial.is_done(folder):
        trial.run(folder, QuickFiles())
    else:
        with_lock = Session.open(folder / "s", files=QuickFiles())
        with_lock.store.lock().release()  # what the next writer does first
    report = verify_path(folder / "s")
    problems += [str(finding) for finding in report.findings] + list(report.notes)
    if pixels_of(folder / "s") != expected.pixels:
        problems.append("the pixels differ from those of the undisturbed run")
    if trial.name == "export":
        with Image.open(folder / "out.png") as exported:
            if (exported.size, exported.convert("RGB").tobytes()) != expected.pixels:
                problems.append("the exported picture is not the canvas")
    litter = {name for name in _names(folder) - expected.names if "/answers/" not in name}
    if litter and not trial.name.startswith("accept"):  # one cut short before HEAD stays as a step not taken
        problems.append(f"litter: {sorted(litter)}")
    return problems


def _names(folder: Path) -> frozenset[str]:
    return frozenset(path.relative_to(folder).as_posix() for path in folder.rglob("*"))
