"""Results go to standard output, everything else to standard error; only a terminal gets animation."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from ..json_types import JsonMapping
from ..pipeline.step import Progress

__all__ = ["Output", "ProgressLine", "command_name", "package_name", "short_name", "table"]

_TICK_S = 0.5


def package_name() -> str:
    """The name under which this package was imported, a vendored one included."""
    return (__package__ or "").rpartition(".")[0]


def short_name() -> str:
    """The name of the program in its help, such as "exquisite" or "python -m exquisite"."""
    called = Path(sys.argv[0])
    return f"python -m {package_name()}" if called.stem in ("__main__", "-m", "-c", "") else called.name


def command_name() -> str:
    """The command that runs this program again: as `short_name`, with the path of the current interpreter."""
    if not short_name().startswith("python -m"):
        return short_name()
    python = Path(sys.executable)
    for name in ("python", "python3", python.name):
        path = shutil.which(name)
        if path and Path(path) == python:
            return f"{name} -m {package_name()}"
    short = python.relative_to(Path.cwd()) if python.is_relative_to(Path.cwd()) else python
    return f"{shlex.quote(str(short))} -m {package_name()}"


class Output:
    """The two streams of one run.

    Args:
        as_json: results as JSON, one object a line, instead of text.
        quiet: no progress and no suggestions; results and errors only.
        out, err: the streams; standard output and standard error by default.
    """

    def __init__(
        self, as_json: bool = False, quiet: bool = False, *, out: TextIO | None = None, err: TextIO | None = None
    ) -> None:
        self.as_json = as_json
        self.quiet = quiet
        self.out = out or sys.stdout
        self.err = err or sys.stderr
        self.drawing = threading.Lock()

    def result(self, text: str, data: JsonMapping) -> None:
        """Print a result: `text`, or `data` with --json."""
        if self.as_json:
            plain = not (self.out.encoding or "").lower().startswith("utf")
            text = json.dumps(data, default=str, ensure_ascii=plain)
        print(text, file=self.out, flush=True)

    def say(self, text: str) -> None:
        """Print a message to standard error."""
        print(text, file=self.err, flush=True)

    def warn(self, text: str) -> None:
        """Print a message on which a person must act, also with --quiet, above the progress line."""
        with self.drawing:
            self.erase()
            self.say(text)

    def note(self, text: str) -> None:
        """Print a message unless --quiet is set."""
        if not self.quiet:
            self.say(text)

    def suggest(self, *words: object) -> None:
        """Print the command to run next."""
        self.note(f"next: {command_name()} {shlex.join(str(word) for word in words)}")

    @property
    def animated(self) -> bool:
        """Whether standard error is a terminal that can redraw a line."""
        return self.err.isatty() and os.environ.get("TERM") != "dumb" and not self.quiet

    @property
    def can_ask(self) -> bool:
        """Whether input and messages go to a terminal, so that a person can answer."""
        return sys.stdin.isatty() and self.err.isatty()

    def ask(self, question: str) -> bool:
        """Ask a yes-or-no question; the progress line waits meanwhile."""
        with self.drawing:
            self.erase()
            print(f"{question} [y/N] ", end="", file=self.err, flush=True)
            return sys.stdin.readline().strip().lower() in ("y", "yes")

    def draw(self, line: str) -> None:
        """Replace the current line by `line`; the caller holds `drawing`."""
        width = shutil.get_terminal_size().columns - 1
        self.err.write(f"\r{line[:width]:<{width}}\r")
        self.err.flush()

    def erase(self) -> None:
        """Erase the current line."""
        if self.animated:
            self.draw("")


class ProgressLine:
    """Shows the progress of a step: one redrawn line on a terminal, elsewhere one line for each new phase.

    A context manager; call it with a `Progress`, or call `fraction`.
    """

    def __init__(self, output: Output, label: str = "step") -> None:
        self._output = output
        self._label = label
        self._text = ""
        self._start = time.monotonic()
        self._stop = threading.Event()
        self._ticker: threading.Thread | None = None

    def __enter__(self) -> ProgressLine:
        if self._output.animated:
            self._ticker = threading.Thread(target=self._tick, daemon=True)
            self._ticker.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        if self._ticker is not None:
            self._ticker.join()
            self._output.erase()

    def __call__(self, progress: Progress) -> None:
        """Show the progress of a step; an urgent message has a line of its own."""
        which = f", candidate {progress.candidate} of {progress.candidates}" if progress.candidate else ""
        show = self._output.warn if progress.urgent else self._show
        show(f"{self._label} {progress.step}{which}: {progress.phase}")

    def fraction(self, phase: str, share: float) -> None:
        """Show the finished share of a long task, 0 to 1."""
        percent = f" {int(100 * share)} %" if self._output.animated else ""
        self._show(f"{self._label}: {phase}{percent}")

    def _show(self, text: str) -> None:
        with self._output.drawing:
            changed, self._text = text != self._text, text
            if self._output.animated:
                self._output.draw(f"{text} ({self._elapsed})")
            elif changed:
                self._output.note(f"{text} ({self._elapsed})")

    def _tick(self) -> None:
        while not self._stop.wait(_TICK_S):
            with self._output.drawing:
                if self._text:
                    self._output.draw(f"{self._text} ({self._elapsed})")

    @property
    def _elapsed(self) -> str:
        seconds = time.monotonic() - self._start
        return f"{seconds:.1f} s" if seconds < 60 else f"{int(seconds // 60)} min {int(seconds % 60)} s"


def table(rows: Sequence[Sequence[object]]) -> str:
    """Rows of cells as aligned columns; the first row is the header."""
    cells = [[str(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in cells)
    return "\n".join(line.rstrip() for line in lines)
