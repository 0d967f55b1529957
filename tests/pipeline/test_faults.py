"""Every effect on the disk fails once, in every operation: what is there stays whole, and a rerun finishes it."""

from __future__ import annotations

import contextlib
import math
import random
import shutil
from pathlib import Path
from typing import Any

import pytest

from exquisite.errors import ExquisiteError, StorageError
from exquisite.pipeline.session import Session
from exquisite.pipeline.verify import verify_path
from tests.support.faulty_files import KINDS, Fault, FaultyFiles, QuickFiles
from tests.support.tiny import InstantGenerator, PayingGenerator, grow, make_session, pixels_of, tree
from tests.support.trials import TRIALS, Till, Trial, Undisturbed, recovered, undisturbed

pytestmark = [
    pytest.mark.invariant("HEAD-ATOMIC"),
    pytest.mark.invariant("STEPS-WHOLE"),
    pytest.mark.invariant("NO-LITTER"),
]

EVERY = {
    "step": 5,
    "step, all artifacts": 11,
    "paid step": 7,
    "step with reference pictures": 7,
    "step from a pending zone": 5,
    "accept": 5,
    "accept beside pending zones": 5,
}
"""Of operations with many effects every n-th fails here, and each of them in `make torture`.

The kinds of faults take turns, so n has no divisor in common with their number.
"""


def problems_after(trial: Trial, expected: Undisturbed, folder: Path, *faults: Fault) -> list[str]:
    """The problems after a trial with `faults` and its repetition."""
    shutil.copytree(expected.start, folder)
    with contextlib.suppress(ExquisiteError, KeyboardInterrupt):
        trial.run(folder, FaultyFiles(*faults))
    problems = recovered(trial, folder, expected)
    shutil.rmtree(folder)
    return [f"{faults}: {problem}" for problem in problems]


def test_the_samples_meet_every_kind_of_fault() -> None:
    assert {math.gcd(every, len(KINDS)) for every in EVERY.values()} == {1}


@pytest.mark.parametrize("trial", TRIALS, ids=lambda trial: trial.name)
def test_any_effect_may_fail(trial: Trial, tmp_path: Path) -> None:
    """Effect k fails, for every k, in another way each time, once and for ever in turns."""
    expected = undisturbed(trial, tmp_path / "undisturbed")
    problems = []
    for at in range(1, expected.effects + 1, EVERY.get(trial.name, 1)):
        fault = Fault(at, KINDS[at % len(KINDS)], forever=at // len(KINDS) % 2 == 0)
        problems += problems_after(trial, expected, tmp_path / "run", fault)
    assert expected.effects >= 10
    assert problems == []


def test_a_second_fault_may_hit_the_recovery(tmp_path: Path) -> None:
    """Compound faults, sampled: the rerun is disturbed, too, and the one after it succeeds."""
    chance = random.Random(5)
    trial = next(trial for trial in TRIALS if trial.name == "step")
    expected = undisturbed(trial, tmp_path / "undisturbed")
    problems = []
    for _ in range(15):
        folder = tmp_path / "run"
        shutil.copytree(expected.start, folder)
        for _ in range(2):
            fault = Fault(chance.randint(1, expected.effects), chance.choice(KINDS), chance.random() < 0.5)
            try:
                if not trial.is_done(folder):
                    trial.run(folder, FaultyFiles(fault))
            except (ExquisiteError, KeyboardInterrupt):
                pass
        problems += recovered(trial, folder, expected)
        shutil.rmtree(folder)
    assert problems == []


@pytest.mark.invariant("NEVER-TWICE")
@pytest.mark.invariant("ANSWERS-FIRST")
@pytest.mark.parametrize("breaks_off", [(), (1,)], ids=["whole answers", "one breaks off"])
def test_a_stored_answer_is_never_bought_again(breaks_off: tuple[int, ...], tmp_path: Path) -> None:
    """A paid step with a fault at each effect: no answer that the log kept is asked for again."""
    expected = undisturbed(Till(breaks_off=breaks_off).trial(), tmp_path / "undisturbed")
    assert len(list((tmp_path / "undisturbed").rglob("*.partial"))) == len(breaks_off)
    problems = []
    for at in range(1, expected.effects + 1, EVERY["paid step"]):
        till = Till(breaks_off=breaks_off)
        folder = tmp_path / "run"
        shutil.copytree(expected.start, folder)
        with contextlib.suppress(ExquisiteError, KeyboardInterrupt):
            till.trial().run(folder, FaultyFiles(Fault(at, KINDS[at % len(KINDS)], at % 4 == 0)))
        durable, billed = list(till.durable), len(till.billed)
        trial_problems = recovered(till.trial(), folder, expected)
        trial_problems += till.problems(folder / "s", durable, till.billed[billed:])
        problems += [f"effect {at}: {problem}" for problem in trial_problems]
        shutil.rmtree(folder)
    assert problems == []


def test_a_finished_step_whose_head_was_not_moved_is_not_paid_again(tmp_path: Path) -> None:
    """The run ends between step.json and HEAD: the same command only moves HEAD."""
    make_session(tmp_path / "s", files=QuickFiles())
    till: list[tuple[int, int]] = []

    class Interrupted(FaultyFiles):
        def replace(self, source: Path, target: Path) -> None:
            if target.name == "HEAD":
                raise KeyboardInterrupt
            super().replace(source, target)

    with pytest.raises(KeyboardInterrupt):
        grow(Session.open(tmp_path / "s", files=Interrupted()), "x_ltr", PayingGenerator(till))
    assert Session.open(tmp_path / "s").head == 0
    result = grow(Session.open(tmp_path / "s"), "x_ltr", PayingGenerator(till))
    assert (result.status, result.step_index, till) == ("committed", 1, [(1, 0)])
    assert verify_path(tmp_path / "s").ok


def test_undo_on_a_full_disk_is_reported_and_leaves_the_canvas(tmp_path: Path) -> None:
    """The message names the path and what to do; the session stands as it stood."""
    make_session(tmp_path / "s", ("x_ltr",), files=QuickFiles())
    before = tree(tmp_path / "s")
    with pytest.raises(StorageError, match=r"could not write .*free some space"):
        Session.open(tmp_path / "s", files=FaultyFiles(Fault(8, "ENOSPC", forever=True))).undo()
    assert tree(tmp_path / "s")["HEAD"] == before["HEAD"]
    assert pixels_of(tmp_path / "s")[0] == (40, 32)


def test_a_step_that_lacks_only_its_head_reports_the_scores_that_it_was_chosen_by(tmp_path: Path) -> None:
    """A crash between step.json and HEAD: the rerun asks nobody, and scores the stored answers anew."""

    class StopsAtHead(QuickFiles):
        def replace(self, source: Path, target: Path) -> None:
            if target.name == "HEAD":
                raise KeyboardInterrupt
            super().replace(source, target)

    options: dict[str, Any] = {"candidates": 3, "calibrate": True}
    whole = grow(make_session(tmp_path / "whole", files=QuickFiles()), "x_ltr", **options)
    make_session(tmp_path / "s", files=QuickFiles())
    with pytest.raises(KeyboardInterrupt):
        grow(Session.open(tmp_path / "s", files=StopsAtHead()), "x_ltr", **options)
    generator = InstantGenerator()
    again = grow(Session.open(tmp_path / "s", files=QuickFiles()), "x_ltr", generator, **options)
    assert (again.status, again.chosen, generator.candidates) == (whole.status, whole.chosen, [])
    assert [score.primary for score in again.scores if score] == [score.primary for score in whole.scores if score]
    assert len(again.scores) == 3
    assert None not in again.scores
