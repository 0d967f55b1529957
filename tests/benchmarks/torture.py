"""Thousands of faults, power cuts, kills, damages and hostile inputs: the trials of each promise.

    python -m tests.benchmarks.torture                   all of it, on two cores
    python -m tests.benchmarks.torture --quick           a hundredth of it
    python -m tests.benchmarks.torture --share 0.1       a tenth of it
    python -m tests.benchmarks.torture --write           also the table in RESULTS.md, and its sum in README.md
    python -m tests.benchmarks.torture kills --write     one set again; the other rows stay as they were

The same trials run in the suite, fewer of each. Results go to torture.json beside this file.

A set is cut into parts that the two processes share out as they go. Where there is a file system in memory the
sessions that are disturbed lie there: the trials decide themselves what a disk has kept, so none of them needs one.
The export and the endless session, which are measured, stay on the disk, and the export has both cores alone.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import multiprocessing
import os
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from exquisite.api.answer import decode_tile, read_body
from exquisite.errors import AnswerError, ExquisiteError
from exquisite.pipeline.verify import verify_path
from tests.api import test_hostile as hostile
from tests.support.damage import KINDS as DAMAGE_KINDS
from tests.support.damage import damaged_session, random_damage
from tests.support.documents import ROOT, write_marked
from tests.support.faulty_files import KINDS, Fault, FaultyFiles, PowerLossFiles, QuickFiles
from tests.support.killed_plan import killed_plan
from tests.support.kills import killed_session
from tests.support.long_steps import CALLS, ENDINGS, LongStep
from tests.support.tiny import TINY, tree
from tests.support.trials import TRIALS, Till, Trial, Undisturbed, recovered, undisturbed

from .calibration_crops import failures
from .endless import endless_session, long_exports

__all__ = ["SETS", "headline", "main", "table"]

_RECORD = Path(__file__).with_name("torture.json")
_PAID = {"a paid step": (), "a paid step whose second answer breaks off": (1,)}
_MEMORY = Path("/dev/shm")
_MEMORY_LEAST = 1 << 30

Outcome = dict[str, Any]
"""tried: how many; problems: in words; and what else was counted or measured."""


@dataclass(frozen=True)
class Part:
    """One of the parts that a set is cut into, and the share of everything that is tried in all of them."""

    share: float
    number: int = 0
    of: int = 1

    def of_many(self, values: Sequence[Any]) -> Sequence[Any]:
        """This part's values from a share of `values`, spread evenly; at least seven of them in all parts."""
        step = max(1, min(round(1 / self.share), len(values) // 7 or 1))
        return values[::step][self.number :: self.of]

    def count(self, total: int) -> int:
        """This part's number of trials of `total`."""
        return len(range(self.number, int(total * self.share), self.of))

    def chance(self, seed: int) -> random.Random:
        """Random numbers, different in each part."""
        return random.Random(1000 * seed + self.number)


def faults(folder: Path, part: Part) -> Outcome:
    """Every effect of every operation, in every way, once and for ever."""
    problems: list[str] = []
    count = 0
    for trial, expected in _trials(folder):
        every = itertools.product(range(1, expected.effects + 1), KINDS, (False, True))
        for fault in itertools.starmap(Fault, part.of_many(list(every))):
            count += 1
            with _copy(expected, folder) as run:
                with contextlib.suppress(ExquisiteError, KeyboardInterrupt):
                    trial.run(run, FaultyFiles(fault))
                problems += [f"{trial.name}, {fault}: {problem}" for problem in recovered(trial, run, expected)]
    return {"tried": count, "problems": problems}


def compound_faults(folder: Path, part: Part) -> Outcome:
    """A second and a third fault, during the recoveries from the ones before."""
    problems: list[str] = []
    chance = part.chance(21)
    trials = list(_trials(folder))
    count = part.count(900)
    for number in range(count):
        trial, expected = trials[number % len(trials)]
        with _copy(expected, folder) as run:
            for _ in range(3):
                fault = Fault(chance.randint(1, expected.effects), chance.choice(KINDS), chance.random() < 0.5)
                with contextlib.suppress(ExquisiteError, KeyboardInterrupt):
                    if not trial.is_done(run):
                        trial.run(run, FaultyFiles(fault))
            problems += [f"{trial.name}, sample {number}: {problem}" for problem in recovered(trial, run, expected)]
    return {"tried": count, "problems": problems}


def paid_faults(folder: Path, part: Part) -> Outcome:
    """A fault at each effect of a paid step, with and without an answer that breaks off: no stored answer is paid
    again."""
    problems: list[str] = []
    count = 0
    for name, breaks_off in _PAID.items():
        expected = undisturbed(Till(breaks_off=breaks_off).trial(), folder / name)
        every = itertools.product(range(1, expected.effects + 1), KINDS, (False, True))
        for fault in part.of_many(list(every)):
            count += 1
            till = Till(breaks_off=breaks_off)
            with _copy(expected, folder) as run:
                with contextlib.suppress(ExquisiteError, KeyboardInterrupt):
                    till.trial().run(run, FaultyFiles(Fault(*fault)))
                durable, billed = list(till.durable), len(till.billed)
                trial_problems = recovered(till.trial(), run, expected)
                trial_problems += till.problems(run / "s", durable, till.billed[billed:])
                problems += [f"{name}, {fault}: {problem}" for problem in trial_problems]
    return {"tried": count, "problems": problems}


def power_cuts(folder: Path, part: Part) -> Outcome:
    """After every effect of every operation: no unsynced name, all of them, and three times any of them."""
    problems: list[str] = []
    count = 0
    paid = [Till(breaks_off=breaks_off).trial() for breaks_off in _PAID.values()]
    for trial, expected in _trials(folder, [*TRIALS, *paid]):
        if trial.name == "export":
            continue  # writes nothing into the session, and nothing that a rerun needs
        effects = itertools.count()
        every = max(1, round(0.1 / part.share)) * part.of

        def cut(files: PowerLossFiles, effects: Iterator[int] = effects, every: int = every) -> None:
            effect = next(effects)
            if effect % every != part.number * every // part.of:
                return
            for seed in (0, 1, *(2 + 5 * effect + more for more in range(3))):
                place = folder / "left" / f"effect {effect} seed {seed}"
                place.mkdir(parents=True)
                files.survive(place, seed)

        with _copy(expected, folder) as run:
            trial.run(run, PowerLossFiles(run, cut))
        for place in sorted((folder / "left").glob("*")):
            count += 1
            problems += [f"{trial.name}, {place.name}: {problem}" for problem in recovered(trial, place, expected)]
        shutil.rmtree(folder / "left", ignore_errors=True)
    return {"tried": count, "problems": problems}


def kills(folder: Path, part: Part) -> Outcome:
    """SIGKILL at random moments of paid steps; the emulator counts what was billed. Each part has its own session."""
    report = killed_session(folder / "s", part.count(1000), seed=3100 + part.number)
    return {"tried": report["kills"], "steps": report["steps"], "problems": report["problems"]}


def plans(folder: Path, part: Part) -> Outcome:
    """SIGKILL of a process that follows a plan, at any effect on the disk, as often as the plan has steps."""
    kills = max(2, part.count(40))
    report = killed_plan(folder, steps=kills, kills=kills, seed=7)
    return {"tried": report["kills"], "steps": kills, "problems": report["problems"]}


def long_steps(folder: Path, part: Part) -> Outcome:
    """Every outcome of the thousandth call of a step or of a call beside it: nothing is lost or paid twice."""
    step = LongStep(folder)
    trials = part.of_many(ENDINGS)
    return {"tried": len(trials), "problems": [problem for trial in trials for problem in step.problems(*trial)]}


def damages(folder: Path, part: Part) -> Outcome:
    """Random damages: found, named, and repaired to what was recorded or not at all."""
    before = damaged_session(folder / "s")
    chance = part.chance(41)
    problems: list[str] = []
    count, repairs, mended = part.count(3000), 0, 0
    for number in range(count):
        damage = random_damage(before, DAMAGE_KINDS[number % len(DAMAGE_KINDS)], chance)
        with damage.done_to(folder / "s", before):
            findings = verify_path(folder / "s").findings
            if not damage.is_named_by(findings):
                problems.append(f"{damage} was missed")
            if number % 3:
                continue
            report = verify_path(folder / "s", QuickFiles(), repair=True)
            repairs += 1
            mended += report.ok
            after = tree(folder / "s")
            changed = {name for name in before if after.get(name) != before[name]} - {"HEAD", "ledger.json"}
            changed -= {finding.path for finding in report.findings if "resumes the step" in finding.consequence}
            if report.ok and changed:
                problems.append(f"{damage}: called whole, but {sorted(changed)} differ")
    return {"tried": count, "repairs": repairs, "mended": mended, "problems": problems}


def inputs(folder: Path, part: Part) -> Outcome:
    """Hostile pictures and answers, and mutations of tiles, records and recordings."""
    problems = []
    for name, data in hostile.PICTURES.items():
        with contextlib.suppress(AnswerError):
            decode_tile(data, TINY)
            problems.append(f"{name} was taken for a tile")
    for data in hostile.ANSWERS.values():
        with contextlib.suppress(AnswerError):
            read_body(data)
    kinds = len(hostile.PICTURES) + len(hostile.ANSWERS)
    count = part.count(20_000)
    problems += hostile.mutate_tiles(count * 3 // 5, seed=51)
    problems += hostile.mutate_records(count // 5, seed=52)
    problems += hostile.mutate_cassettes(count // 5, folder, seed=53)
    return {"tried": kinds + count // 5 * 5, "kinds": kinds, "problems": problems}


def crops(folder: Path, part: Part) -> Outcome:
    """Random crops of redraws, in random modes and contracts."""
    count = part.count(2_000)
    return {"tried": count, "problems": failures(count, seed=part.number)}


def length(folder: Path, part: Part) -> Outcome:
    """Thousands of strips: a step, undo, status and frontier cost what they cost at the tenth."""
    results = endless_session(folder / "s", part.count(10_000))
    names = {"step_s": "a step", "step_bytes": "its memory", "undo_s": "undo", "status_s": "status"}
    ratios = ", ".join(f"{word} {results[name]['ratio']:.2f}" for name, word in names.items())
    problems = [f"{names[name]} is {results[name]['ratio']:.2f} x" for name in names if results[name]["ratio"] > 1.25]
    return {"tried": results["strips"], "ratios": ratios, "problems": problems, **results}


def export(folder: Path, part: Part) -> Outcome:
    """A canvas far larger than memory, along both axes: every row is compared with its strips."""
    results = long_exports(folder, part.count(1_000_000))
    sizes = "; ".join(
        f"{each['size'][0]} x {each['size'][1]} px in {each['seconds']:.0f} s with {each['peak_bytes'] / 1e6:.0f} MB"
        for each in results
    )
    problems = [f"left behind: {each['left_behind']}" for each in results if each["left_behind"]]
    problems += [
        f"{each['size']} took too much" for each in results if each["peak_bytes"] > 200e6 or each["seconds"] > 180
    ]
    rows = sum(each["rows_checked"] for each in results)
    return {"tried": rows, "sizes": sizes, "problems": problems}


@dataclass(frozen=True)
class Set:
    """Trials of one promise.

    Attributes:
        promise: what is promised.
        run: tries one part in a folder.
        says: what was tried, as a format of what `run` counts.
        parts: how many parts the whole of it is cut into; None for what is measured with both cores to itself.
        on_disk: whether its sessions belong on a disk.
    """

    promise: str
    run: Callable[[Path, Part], Outcome]
    says: str
    parts: int | None
    on_disk: bool = False

    def cut(self, share: float) -> list[Part]:
        """The parts of a share of it."""
        of = max(1, round((self.parts or 1) * min(1.0, share)))
        return [Part(share, number, of) for number in range(of)]


SETS = {
    "export": Set(
        "a canvas of any length can be written as one PNG",
        export, "rows of exports decoded and compared: {sizes}", None, on_disk=True,
    ),
    "length": Set(
        "the ten-thousandth step costs what the tenth did",
        length, "strips; beside the tenth: {ratios}", 1, on_disk=True,
    ),
    "faults": Set(
        "a disk that fails at any moment costs nothing: HEAD is before or after a step, a rerun ends it",
        faults, "faults of single effects", 12,
    ),
    "kills": Set(
        "a killed run loses no pixel and pays nothing twice",
        kills, "kills in {steps:,} steps of two paid calls at the same time", 10,
    ),
    "plans": Set(
        "a plan that is killed at every step ends byte for byte as the undisturbed one, and pays once",
        plans, "kills in a plan of {steps} steps", 1,
    ),
    "long_steps": Set(
        "a step may have more than a thousand calls",
        long_steps, f"steps of {CALLS:,} calls and more, with everything that the last ones can meet", 2,
    ),
    "power_cuts": Set(
        "a power cut costs nothing that was committed, and no paid answer",
        power_cuts, "states after a power cut", 4,
    ),
    "compound_faults": Set(
        "nor does a disk that fails again during the recovery",
        compound_faults, "faults during the recovery from faults", 4,
    ),
    "paid_faults": Set("what has been answered is never paid again", paid_faults, "faults of a paid step", 4),
    "damages": Set(
        "every damage is found and named; repair accepts only what was recorded",
        damages, "damages, all found; of {repairs:,} that repair was tried on it mended {mended:,}", 6,
    ),
    "inputs": Set(
        "no answer and no file brings it down",
        inputs, "hostile inputs: {kinds} made by hand, the others mutations", 1,
    ),
    "crops": Set(
        "calibration answers every redraw, in every mode and contract",
        crops, "random crops of redraws, by an autoencoder and by each kind of the simulated model", 4,
    ),
}  # fmt: skip


def _trials(folder: Path, trials: Sequence[Trial] = TRIALS) -> Iterator[tuple[Trial, Undisturbed]]:
    for number, trial in enumerate(trials):
        yield trial, undisturbed(trial, folder / f"undisturbed-{number}")


@contextlib.contextmanager
def _copy(expected: Undisturbed, folder: Path) -> Iterator[Path]:
    shutil.copytree(expected.start, folder / "run")
    try:
        yield folder / "run"
    finally:
        shutil.rmtree(folder / "run")


def _run(name: str, part: Part) -> Outcome:
    start = time.monotonic()
    place = None if SETS[name].on_disk else _memory()
    with tempfile.TemporaryDirectory(prefix="torture-", dir=place) as folder:
        outcome = SETS[name].run(Path(folder), part)
    return {**outcome, "seconds": round(time.monotonic() - start, 1)}


def _memory() -> Path | None:
    """The folder of a file system in memory with room for sessions, if there is one."""
    with contextlib.suppress(OSError):
        if os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free > _MEMORY_LEAST:
            return _MEMORY
    return None


def _merged(name: str, outcomes: Sequence[Outcome]) -> Outcome:
    """The outcomes of all parts of a set as one: numbers and lists added up, words as in the first."""
    whole: Outcome = {"name": name, "promise": SETS[name].promise, **outcomes[0]}
    for outcome in outcomes[1:]:
        whole |= {key: whole[key] + value for key, value in outcome.items() if isinstance(value, int | float | list)}
    return whole | {"what": SETS[name].says.format(**whole), "seconds": round(whole["seconds"], 1)}


def _outcomes(names: Sequence[str], share: float) -> Iterator[Outcome]:
    """Run the sets; each as soon as all of its parts are done."""
    for name in names:
        if SETS[name].parts is None:
            yield _merged(name, [_run(name, part) for part in SETS[name].cut(share)])
    parts = {name: SETS[name].cut(share) for name in names if SETS[name].parts is not None}
    finished: dict[str, list[Outcome]] = {name: [] for name in parts}
    with ProcessPoolExecutor(max_workers=2, mp_context=multiprocessing.get_context("spawn")) as pool:
        jobs = {pool.submit(_run, name, part): name for name in parts for part in parts[name]}
        for job in as_completed(jobs):
            name = jobs[job]
            finished[name].append(job.result())
            if len(finished[name]) == len(parts[name]):
                yield _merged(name, finished[name])


def table(outcomes: Sequence[Outcome]) -> str:
    """The outcomes as a Markdown table."""
    lines = ["| promise | tried with | broken |", "|---|---|---|"]
    for each in outcomes:
        lines.append(f"| {each['promise']} | {each['tried']:,} {each['what']} | {len(each['problems'])} |")
    return "\n".join(lines)


def headline(outcomes: Sequence[Outcome]) -> str:
    """The table in one sentence."""
    counts = {outcome["name"]: outcome["tried"] for outcome in outcomes}
    broken = sum(len(outcome["problems"]) for outcome in outcomes)
    faults = counts["faults"] + counts["compound_faults"] + counts["paid_faults"]
    return (
        f"{counts['kills']:,} kills, {counts['power_cuts']:,} power cuts, {faults:,} failures of the disk, "
        f"{counts['damages']:,} damages\nand {counts['inputs']:,} hostile inputs broke {broken or 'no'} promises."
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the sets on two cores; print the table, keep it as JSON, and end with 1 when a promise was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.torture", allow_abbrev=False)
    parser.add_argument("sets", nargs="*", metavar="SET", help=f"which sets: {', '.join(SETS)} (default: all)")
    parser.add_argument("--quick", action="store_true", help="a hundredth of everything; nothing is kept")
    parser.add_argument("--share", type=float, default=1.0, help="so much of everything (default: %(default)s)")
    parser.add_argument("--write", action="store_true", help="put the table into RESULTS.md and README.md")
    options = parser.parse_args(arguments)
    if unknown := [name for name in options.sets if name not in SETS]:
        parser.error(f"no such set: {unknown[0]}; there are {', '.join(SETS)}")
    share = 0.01 if options.quick else options.share
    names = options.sets or list(SETS)
    finished: dict[str, Outcome] = {}
    start = time.monotonic()
    for outcome in _outcomes(names, share):
        finished[outcome["name"]] = outcome
        print(
            f"{outcome['name']}: {outcome['tried']:,} {outcome['what']}, {outcome['seconds']:.0f} s of a process",
            file=sys.stderr,
        )
        for problem in outcome["problems"][:20]:
            print(f"  BROKEN {problem}", file=sys.stderr)
    outcomes = [finished[name] for name in SETS if name in finished]
    print(table(outcomes))
    print(f"{time.monotonic() - start:.0f} s in all", file=sys.stderr)
    if not options.quick and (options.write or not options.sets):
        recorded = {} if not options.sets else {one["name"]: one for one in json.loads(_RECORD.read_text("utf-8"))}
        results = recorded | finished
        outcomes = [results[name] for name in SETS if name in results]
        _RECORD.write_text(json.dumps(outcomes, indent=2) + "\n", encoding="utf-8")
        if options.write:
            write_marked("torture", table(outcomes))
            write_marked("torture", headline(outcomes), ROOT / "README.md")
    return 1 if any(outcome["problems"] for outcome in outcomes) else 0


if __name__ == "__main__":
    sys.exit(main())
