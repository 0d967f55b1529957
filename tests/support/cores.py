"""The suite on every core: as many pytest processes as there are cores, which share the test files out as they go.

    python -m tests.support.cores [pytest arguments]        what `make test` runs

Each process knows all tests, every second one from the last file to the first, and runs a file when it is the first
to claim it. Compiled tests are shared, and the files that tests write lie in memory where the system offers it: on a
disk they take as long as the tests do. Both are gone afterwards; run a failed test alone to look at its files.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

__all__ = ["CLAIMS", "Claims", "bytecode", "main", "memory"]

CLAIMS = "SUITE_CLAIMS"
"""Variable of the environment: the folder of the claims, and the number of this process."""

_NO_TESTS = 5  # pytest's exit code
_MEMORY = Path("/dev/shm")  # Linux: a file system in memory for everybody
_ENOUGH = 2 << 30  # bytes that must be free there; the files of a test that has passed are removed at once
_COUNT = re.compile(r"(\d+) (passed|failed|errors?|skipped|xfailed|xpassed)")


class Claims:
    """Which test files this process runs."""

    def __init__(self, folder: Path, process: int) -> None:
        self._folder = folder
        self._mine: dict[Path, bool] = {}
        self.backwards = process % 2 == 1

    @classmethod
    def from_environment(cls) -> Claims | None:
        """The claims that `main` announced; None in a run by plain pytest."""
        folder, _, process = os.environ.pop(CLAIMS, "").rpartition(":")
        return cls(Path(folder), int(process)) if folder else None

    def is_mine(self, path: Path) -> bool:
        """Whether this process runs the tests in `path`; only one process does."""
        if path not in self._mine:
            try:
                (self._folder / str(path).replace(os.sep, "+")).touch(exist_ok=False)
                self._mine[path] = True
            except FileExistsError:
                self._mine[path] = False
        return self._mine[path]


def memory(folder: Path = _MEMORY) -> Path | None:
    """A folder of a file system in memory, if one has room for the files of the tests."""
    roomy = os.access(folder, os.W_OK) and shutil.disk_usage(folder).free >= _ENOUGH
    return folder if roomy else None


def bytecode(folder: Path) -> dict[str, str]:
    """Settings that store compiled modules in `folder` if the caller wants none beside the sources.

    Without them each process, and each program that a test starts, compiles everything anew.
    """
    return {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(folder)} if sys.dont_write_bytecode else {}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the suite; print what each process printed, then one line that counts all tests."""
    options = list(sys.argv[1:] if arguments is None else arguments)
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="suite-", dir=memory(), ignore_cleanup_errors=True) as name:
        folder = Path(name)
        (claims := folder / "claims").mkdir()
        command = [sys.executable, "-m", "pytest", "-q", "--no-header", "-o", "tmp_path_retention_policy=failed"]
        outputs = [folder / f"{process}.txt" for process in range(os.cpu_count() or 1)]
        running = []
        for process, output in enumerate(outputs):
            own = [f"--basetemp={folder / str(process)}", *options]
            environment = {**os.environ, **bytecode(folder / "bytecode"), CLAIMS: f"{claims}:{process}"}
            with output.open("wb") as sink:
                running.append(
                    subprocess.Popen([*command, *own], stdout=sink, stderr=subprocess.STDOUT, env=environment)
                )
        codes = [process.wait() for process in running]
        texts = [output.read_text(errors="replace") for output in outputs]
    print("\n".join(texts))
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update({what: int(number) for number, what in _COUNT.findall(text.rstrip().rpartition("\n")[2])})
    totals = {name: counts[name] for name in ("passed", "failed", "skipped")}
    totals["failed"] += counts["error"] + counts["errors"]
    print(f"{len(codes)} processes, {time.monotonic() - start:.0f} s")
    print(", ".join(f"{number} {name}" for name, number in totals.items()))
    return max((code for code in codes if code != _NO_TESTS), default=_NO_TESTS)


if __name__ == "__main__":
    sys.exit(main())
