"""A plan whose process is killed and restarted many times.

    python -m tests.support.killed_plan FOLDER STEPS KILLS SEED

Each tile is a paid call, and the server's book is a file that no kill empties. A kill falls on any effect on the disk
but those of a call under way, where nobody can know whether it was billed: `kills` tries these.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from exquisite.api.generator import CallLog, RawCandidate, TileRequest
from exquisite.contract import Mode
from exquisite.pipeline.plan import read_plan, run_plan
from exquisite.pipeline.session import Session

from .children import clean_environment
from .faulty_files import FaultyFiles, QuickFiles
from .tiny import TINY, PayingGenerator, make_session, seed_picture, tree

__all__ = ["killed_plan"]

_OPTIONS = {"candidates": 2, "gate": None, "calibrate": False, "artifacts": "lean"}


def killed_plan(folder: Path, steps: int, kills: int, seed: int) -> dict[str, Any]:
    """Follow a plan of `steps` steps in a process that is killed `kills` times; "problems" says what went wrong."""
    command = [sys.executable, "-m", "tests.support.killed_plan", str(folder), str(steps), str(kills), str(seed)]
    process = subprocess.run(command, env=clean_environment(), capture_output=True, text=True, check=False)
    if process.returncode:
        return {"problems": [process.stderr[-2000:]], "kills": 0}
    report: dict[str, Any] = json.loads(process.stdout)
    return report


class _KillingFiles(FaultyFiles):
    """Kills its own process before effect number `at`, from 0, not counting those while `paused`."""

    def __init__(self, at: int) -> None:
        super().__init__()
        self._left = at
        self.effects = 0
        self._is_paused = False

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Suspend the kills for the duration of a call."""
        self._is_paused = True
        yield
        self._is_paused = False

    def _effect(self, path: Path, run: Callable[[], Any], short: Callable[[], Any] | None = None) -> Any:
        if not self._is_paused:
            if self.effects == self._left:
                os.kill(os.getpid(), signal.SIGKILL)
            self.effects += 1
        return super()._effect(path, run, short)


class _Book(list[tuple[int, int]]):
    """The server's book: a line for each tile that was billed, in a file."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    def append(self, entry: tuple[int, int]) -> None:
        with self._path.open("a") as book:
            book.write(f"{entry[0]}/{entry[1]}\n")


class _CallAtOnce:
    """A paid model whose calls are under way for no effect that may be killed."""

    def __init__(self, book: Path, files: _KillingFiles) -> None:
        self._paying = PayingGenerator(_Book(book))
        self._files = files

    def generate(self, request: TileRequest, calls: CallLog) -> Iterable[RawCandidate]:
        """Yield the tiles, each after its answer is durable."""
        tiles = iter(self._paying.generate(request, calls))
        while True:
            with self._files.paused():
                tile = next(tiles, None)
            if tile is None:
                return
            yield tile


def _run(folder: Path, root: Path, files: _KillingFiles) -> None:
    plan = read_plan(folder / "scroll.toml", TINY, Mode.X_LTR, _OPTIONS)
    session = Session.open(root, files=files)
    for _ in run_plan(session, plan, _CallAtOnce(folder / f"{root.name}.book", files)):
        pass


def _write_plan(folder: Path, steps: int) -> None:
    """Two lines in turns: references and a sketch in one, the other end of the canvas in the other."""
    seed_picture(24, 20).save(folder / "style.png")
    seed_picture(200, 32).save(folder / "sketch.png")
    half = steps // 2
    (folder / "scroll.toml").write_text(
        f'prompt = "rooftops"\n'
        f'[[line]]\nsteps = [1, {half}]\nreferences = ["style.png", "map"]\nscaffold = "sketch.png"\n'
        f'[[line]]\nsteps = [{half + 1}, {steps}]\nmode = "x_rtl"\nclause = "at dusk"\nsoften = 3\n'
    )


def _main(folder: Path, steps: int, kills: int, chance: random.Random) -> dict[str, Any]:
    _write_plan(folder, steps)
    never = 1 << 60
    undisturbed = make_session(folder / "undisturbed", files=QuickFiles())
    whole = _KillingFiles(never)
    _run(folder, undisturbed.root, whole)
    root = make_session(folder / "killed", files=QuickFiles()).root
    problems = []
    deaths = 0
    for number in range(kills):
        child = os.fork()
        if child == 0:
            _run(folder, root, _KillingFiles(chance.randrange(whole.effects // steps)))
            os._exit(0)
        _, status = os.waitpid(child, 0)
        deaths += os.WIFSIGNALED(status)
        chance.random()  # the child has drawn from a copy
        problems += [f"kill {number}: {finding}" for finding in Session.open(root).verify().findings]
    _run(folder, root, _KillingFiles(never))
    one, other = tree(root), tree(undisturbed.root)
    problems += [f"{path} differs from that of the undisturbed run" for path in sorted(_differing(one, other))]
    books = [sorted((folder / f"{name}.book").read_text().split()) for name in ("killed", "undisturbed")]
    if books[0] != books[1]:
        problems.append(f"{len(books[0])} tiles were billed, and {len(books[1])} in the undisturbed run")
    return {"kills": deaths, "steps": steps, "billed": len(books[0]), "problems": problems}


def _differing(one: Any, other: Any) -> set[str]:
    return {path for path in one.keys() | other.keys() if one.get(path) != other.get(path)}


if __name__ == "__main__":
    words = sys.argv[1:]
    print(json.dumps(_main(Path(words[0]), int(words[1]), int(words[2]), random.Random(int(words[3])))))
