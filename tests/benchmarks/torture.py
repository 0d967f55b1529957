"""Faults, power cuts, kills, damages and hostile input by the thousand: what each promise was tried with.

    python -m tests.benchmarks.torture                   all of it, on two cores
    python -m tests.benchmarks.torture --quick           a hundredth of it
    python -m tests.benchmarks.torture --share 0.1       a tenth of it
    python -m tests.benchmarks.torture --write           also the table in README.md

The same trials run in the suite, fewer of each. Results go to torture.json beside this file.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import multiprocessing
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

from exquisite.errors import AnswerError, ExquisiteError
from exquisite.pipeline.verify import verify_path
from tests.api import test_hostile as hostile
from tests.support.damage import KINDS as DAMAGE_KINDS
from tests.support.damage import damaged_session, random_damage
from tests.support.faulty_files import KINDS, Fault, FaultyFiles, PowerLossFiles, QuickFiles
from tests.support.kills import killed_session
from tests.support.tiny import tree
from tests.support.trials import TRIALS, Till, Trial, Undisturbed, recovered, undisturbed

from .endless import endless_session, long_export

__all__ = ["SETS", "main", "table"]

MARKERS = ("<!-- torture:begin -->", "<!-- torture:end -->")
_HERE = Path(__file__).parent

Outcome = dict[str, Any]
"""tried: how many; what: of what; problems: in words; and what else was measured."""


def faults(folder: Path, share: float) -> Outcome:
    """Every effect of every operation, in every way, once and for ever."""
    problems: list[str] = []
    tried = 0
    for trial, expected in _trials(folder):
        every = [
            Fault(at, kind, forever)
            for at in range(1, expected.effects + 1)
            for kind in KINDS
            for forever in (False, True)
        ]
        for fault in _part(every, share):
            tried += 1
            with _copy(expected, folder) as run:
                with contextlib.suppress(ExquisiteError, KeyboardInterrupt):
                    trial.run(run, FaultyFiles(fault))
                problems += [f"{trial.name}, {fault}: {problem}" for problem in recovered(trial, run, expected)]
    return {"tried": tried, "what": "faults of single effects", "problems": problems}


def compound_faults(folder: Path, share: float) -> Outcome:
    """A second and a third fault, during the recoveries from the ones before."""
    problems: list[str] = []
    chance = random.Random(21)
    trials = list(_trials(folder))
    tried = int(900 * share)
    for number in range(tried):
        trial, expected = trials[number % len(trials)]
        with _copy(expected, folder) as run:
            for _ in range(3):
                fault = Fault(chance.randint(1, expected.effects), chance.choice(KINDS), chance.random() < 0.5)
                with contextlib.suppress(ExquisiteError, KeyboardInterrupt):
                    if not trial.done(run):
                        trial.run(run, FaultyFiles(fault))
            problems += [f"{trial.name}, sample {number}: {problem}" for problem in recovered(trial, run, expected)]
    return {"tried": tried, "what": "faults during the recovery from faults", "problems": problems}


def paid_faults(folder: Path, share: float) -> Outcome:
    """A fault at each effect of a paid step: what was kept is not paid again."""
    problems: list[str] = []
    expected = undisturbed(Till().trial(), folder / "undisturbed")
    every = [
        (at, kind, forever) for at in range(1, expected.effects + 1) for kind in KINDS for forever in (False, True)
    ]
    chosen = _part(every, share)
    for fault in chosen:
        till = Till()
        with _copy(expected, folder) as run:
            with contextlib.suppress(ExquisiteError, KeyboardInterrupt):
                till.trial().run(run, FaultyFiles(Fault(*fault)))
            kept, billed = list(till.kept), len(till.billed)
            found = recovered(till.trial(), run, expected)
            found += till.problems(run / "s", kept, till.billed[billed:])
            problems += [f"{fault}: {problem}" for problem in found]
    return {"tried": len(chosen), "what": "faults of a paid step", "problems": problems}


def power_cuts(folder: Path, share: float) -> Outcome:
    """After every effect of every operation: no unsynced name, all of them, and three times any of them."""
    problems: list[str] = []
    tried = 0
    for trial, expected in [*_trials(folder), (Till().trial(), undisturbed(Till().trial(), folder / "paid"))]:
        if trial.name == "export":
            continue  # writes nothing into the session, and nothing that a rerun needs
        places: list[Path] = []
        effects = iter(range(expected.effects))

        def cut(files: PowerLossFiles, places: list[Path] = places, effects: Iterator[int] = effects) -> None:
            if next(effects, 0) % max(1, round(0.1 / share)):
                return
            for seed in (0, 1, *(2 + len(places) + more for more in range(3))):
                place = folder / "left" / str(len(places))
                place.mkdir(parents=True)
                files.survive(place, seed)
                places.append(place)

        with _copy(expected, folder) as run:
            trial.run(run, PowerLossFiles(run, cut))
        for place in places:
            tried += 1
            problems += [f"{trial.name}, {place.name}: {problem}" for problem in recovered(trial, place, expected)]
        shutil.rmtree(folder / "left")
    return {"tried": tried, "what": "states after a power cut", "problems": problems}


def kills(folder: Path, share: float) -> Outcome:
    """SIGKILL at random moments of paid steps; the emulator counts what was billed."""
    report = killed_session(folder / "s", int(1000 * share), seed=31)
    return {"tried": report["kills"], "what": f"kills in {report['steps']} paid steps", **report}


def damages(folder: Path, share: float) -> Outcome:
    """Random damages: found, named, and repaired to what was recorded or not at all."""
    before = damaged_session(folder / "s")
    chance = random.Random(41)
    problems: list[str] = []
    tried, mended = int(3000 * share), 0
    for number in range(tried):
        damage = random_damage(before, DAMAGE_KINDS[number % len(DAMAGE_KINDS)], chance)
        with damage.done_to(folder / "s", before):
            findings = verify_path(folder / "s").findings
            if not all(any(name in str(found) for found in findings) for name in damage.changes):
                problems.append(f"{damage} was missed")
            if number % 3:
                continue
            report = verify_path(folder / "s", QuickFiles(), repair=True)
            mended += report.ok
            after = tree(folder / "s")
            changed = {name for name in before if after.get(name) != before[name]} - {"HEAD", "ledger.json"}
            changed -= {found.path for found in report.findings if "resumes the step" in found.consequence}
            if report.ok and changed:
                problems.append(f"{damage}: called whole, but {sorted(changed)} differ")
    what = f"damages, all found; of {len(range(0, tried, 3))} that repair was tried on it mended {mended}"
    return {"tried": tried, "what": what, "problems": problems}


def inputs(folder: Path, share: float) -> Outcome:
    """Hostile pictures and answers, and mutations of tiles, records and recordings."""
    problems = []
    for name, data in hostile.PICTURES.items():
        with contextlib.suppress(AnswerError):
            hostile.decode_tile(data, hostile.TINY)
            problems.append(f"{name} was taken for a tile")
    for data in hostile.ANSWERS.values():
        with contextlib.suppress(AnswerError):
            hostile.read_body(data)
    kinds = len(hostile.PICTURES) + len(hostile.ANSWERS)
    count = int(20_000 * share)
    problems += hostile.mutate_tiles(count * 3 // 5, seed=51)
    problems += hostile.mutate_records(count // 5, seed=52)
    problems += hostile.mutate_cassettes(count // 5, folder, seed=53)
    what = f"hostile inputs: {kinds} made by hand, the others mutations"
    return {"tried": kinds + count // 5 * 5, "what": what, "problems": problems}


def length(folder: Path, share: float) -> Outcome:
    """Thousands of strips: a step, undo, status and frontier cost what they cost at the tenth."""
    found = endless_session(folder / "s", int(10_000 * share))
    names = {"step_s": "a step", "step_bytes": "its memory", "undo_s": "undo", "status_s": "status"}
    ratios = ", ".join(f"{word} {found[name]['ratio']:.2f}" for name, word in names.items())
    what = f"strips; beside the tenth: {ratios}"
    problems = [f"{names[name]} is {found[name]['ratio']:.2f} x" for name in names if found[name]["ratio"] > 1.25]
    return {"tried": found["strips"], "what": what, "problems": problems, **found}


def export(folder: Path, share: float) -> Outcome:
    """A canvas far larger than memory should be, along both axes, every row compared with its strips."""
    found = [long_export(folder, axis, int(1_000_000 * share)) for axis in ("x", "y")]
    sizes = "; ".join(
        f"{each['size'][0]} x {each['size'][1]} px in {each['seconds']:.0f} s with {each['peak_bytes'] / 1e6:.0f} MB"
        for each in found
    )
    problems = [f"left behind: {each['left_behind']}" for each in found if each["left_behind"]]
    problems += [
        f"{each['size']} took too much" for each in found if each["peak_bytes"] > 200e6 or each["seconds"] > 180
    ]
    rows = sum(each["rows_checked"] for each in found)
    return {"tried": rows, "what": f"rows of exports decoded and compared: {sizes}", "problems": problems}


SETS: dict[str, tuple[str, Callable[[Path, float], Outcome]]] = {
    "export": ("a canvas of any length can be written as one PNG", export),
    "length": ("the ten-thousandth step costs what the tenth did", length),
    "faults": (
        "a disk that fails at any moment costs nothing: HEAD is before or after a step, a rerun ends it",
        faults,
    ),
    "kills": ("a killed run loses no pixel and pays nothing twice", kills),
    "power_cuts": ("a power cut costs nothing that was committed, and no paid answer", power_cuts),
    "compound_faults": ("nor does a disk that fails again during the recovery", compound_faults),
    "paid_faults": ("what has been answered is never paid again", paid_faults),
    "damages": ("every damage is found and named; repair accepts only what was recorded", damages),
    "inputs": ("no answer and no file brings it down", inputs),
}


def _trials(folder: Path) -> Iterator[tuple[Trial, Undisturbed]]:
    for number, trial in enumerate(TRIALS):
        yield trial, undisturbed(trial, folder / f"undisturbed-{number}")


@contextlib.contextmanager
def _copy(expected: Undisturbed, folder: Path) -> Iterator[Path]:
    shutil.copytree(expected.start, folder / "run")
    try:
        yield folder / "run"
    finally:
        shutil.rmtree(folder / "run")


def _part(values: Sequence[Any], share: float) -> Sequence[Any]:
    """A share of `values`, spread evenly; at least seven of them."""
    return values[:: max(1, min(round(1 / share), len(values) // 7 or 1))]


def _run(name: str, share: float) -> Outcome:
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="torture-") as folder:
        outcome = SETS[name][1](Path(folder), share)
    return {"name": name, "promise": SETS[name][0], **outcome, "seconds": round(time.monotonic() - start, 1)}


def table(outcomes: Sequence[Outcome]) -> str:
    """The outcomes as a Markdown table."""
    lines = ["| promise | tried with | broken |", "|---|---|---|"]
    for each in outcomes:
        lines.append(f"| {each['promise']} | {each['tried']:,} {each['what']} | {len(each['problems'])} |")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the sets on two cores; print the table, keep it as JSON, and end with 1 when a promise was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.torture", allow_abbrev=False)
    parser.add_argument("sets", nargs="*", metavar="SET", help=f"which sets: {', '.join(SETS)} (default: all)")
    parser.add_argument("--quick", action="store_true", help="a hundredth of everything; nothing is kept")
    parser.add_argument("--share", type=float, default=1.0, help="so much of everything (default: %(default)s)")
    parser.add_argument("--write", action="store_true", help="put the table into README.md, between its markers")
    options = parser.parse_args(arguments)
    if unknown := [name for name in options.sets if name not in SETS]:
        parser.error(f"no such set: {unknown[0]}; there are {', '.join(SETS)}")
    share = 0.01 if options.quick else options.share
    chosen = options.sets or list(SETS)
    done: dict[str, Outcome] = {}
    start = time.monotonic()
    with ProcessPoolExecutor(max_workers=2, mp_context=multiprocessing.get_context("spawn")) as pool:
        for future in as_completed([pool.submit(_run, name, share) for name in chosen]):
            outcome = future.result()
            done[outcome["name"]] = outcome
            print(
                f"{outcome['name']}: {outcome['tried']:,} {outcome['what']}, {outcome['seconds']:.0f} s",
                file=sys.stderr,
            )
            for problem in outcome["problems"][:20]:
                print(f"  BROKEN {problem}", file=sys.stderr)
    outcomes = [done[name] for name in SETS if name in done]
    print(table(outcomes))
    print(f"{time.monotonic() - start:.0f} s in all", file=sys.stderr)
    if not options.quick and not options.sets:
        (_HERE / "torture.json").write_text(json.dumps(outcomes, indent=2) + "\n", encoding="utf-8")
        if options.write:
            _write(_HERE.parents[1] / "README.md", table(outcomes))
    return 1 if any(outcome["problems"] for outcome in outcomes) else 0


def _write(path: Path, content: str) -> None:
    text = path.read_text(encoding="utf-8")
    before, begin, rest = text.partition(MARKERS[0])
    _, end, after = rest.partition(MARKERS[1])
    if not (begin and end):
        raise SystemExit(f"{path} lacks the markers {MARKERS[0]} and {MARKERS[1]}")
    path.write_text(f"{before}{begin}\n{content}\n{end}{after}", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
