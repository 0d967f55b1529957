"""The power goes off after each effect and takes what was not synced: what is left is whole, a rerun finishes it."""

from __future__ import annotations

import itertools
import shutil
from pathlib import Path

import pytest

from exquisite.files import Files
from tests.support.faulty_files import PowerLossFiles
from tests.support.tiny import make_session
from tests.support.trials import TRIALS, Till, Trial, recovered, undisturbed

EVERY = {
    "step": 5,
    "step, all artifacts": 31,
    "accept": 3,
    "step with reference pictures": 8,
    "paid step": 5,
}
"""Of operations with many effects the power goes off after every n-th here, and after each in `make torture`."""

pytestmark = [
    pytest.mark.invariant("HEAD-ATOMIC"),
    pytest.mark.invariant("STEPS-WHOLE"),
    pytest.mark.invariant("NO-LITTER"),
]


@pytest.mark.parametrize("trial", [*TRIALS[:6], TRIALS[7]], ids=lambda trial: trial.name)
def test_no_unsynced_content_is_needed(trial: Trial, tmp_path: Path) -> None:
    """After each effect: no unsynced name there, all of them, and any of them, with unsynced content cut."""
    expected = undisturbed(trial, tmp_path / "undisturbed")
    left: list[Path] = []
    effects = itertools.count()

    def power_off(files: PowerLossFiles) -> None:
        for seed in (0, 1, 2 + len(left)):
            place = tmp_path / "left" / f"{len(left)}"
            place.mkdir(parents=True)
            files.survive(place, seed)
            left.append(place)

    def sometimes(files: PowerLossFiles) -> None:
        if next(effects) % EVERY.get(trial.name, 1) == 0:
            power_off(files)

    run = tmp_path / "run"
    shutil.copytree(expected.start, run)
    trial.run(run, files := PowerLossFiles(run, sometimes))
    power_off(files)  # after the last effect: content that is unsynced now stays unsynced
    assert all(map(trial.is_done, left[-3:]))
    assert len(left) >= 15
    assert [f"{place.name}: {problem}" for place in left for problem in recovered(trial, place, expected)] == []


@pytest.mark.invariant("NEVER-TWICE")
@pytest.mark.invariant("ANSWERS-FIRST")
@pytest.mark.parametrize("breaks_off", [(), (0,)], ids=["whole answers", "one breaks off"])
def test_a_paid_answer_survives_once_it_is_stored(breaks_off: tuple[int, ...], tmp_path: Path) -> None:
    """What the log said it keeps is there after the power cut, and is not paid again."""
    till = Till(breaks_off=breaks_off)
    expected = undisturbed(Till(breaks_off=breaks_off).trial(), tmp_path / "undisturbed")
    left: list[tuple[Path, list[tuple[int, int]]]] = []
    effects = itertools.count()

    def power_off(files: PowerLossFiles) -> None:
        if next(effects) % EVERY["paid step"] == 0:
            place = tmp_path / "left" / f"{len(left)}"
            place.mkdir(parents=True)
            files.survive(place, len(left) % 3)
            left.append((place, list(till.durable)))

    run = tmp_path / "run"
    shutil.copytree(expected.start, run)
    till.trial().run(run, PowerLossFiles(run, power_off))
    problems = []
    for place, durable in left:
        again = Till(breaks_off=breaks_off)
        problems += recovered(again.trial(), place, expected)
        problems += again.problems(place / "s", durable, again.billed)
    assert len(left) >= 15
    assert problems == []


def test_the_simulated_power_cut_loses_unsynced_content(tmp_path: Path) -> None:
    """A file system that never syncs loses the session: the model can fail."""

    class Careless(PowerLossFiles):
        def sync(self, handle: object) -> None:
            pass

        def sync_folder(self, path: Path) -> None:
            pass

    (tmp_path / "run").mkdir()
    files: Files = Careless(tmp_path / "run")
    make_session(tmp_path / "run" / "s", ("x_ltr",), files=files)
    assert isinstance(files, PowerLossFiles)
    (tmp_path / "left").mkdir()
    files.survive(tmp_path / "left", 0)
    assert list((tmp_path / "left").iterdir()) == []
