"""The command line inside the test's own process, in an empty folder with one small picture."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from exquisite.cli import main
from tests.support.emulator import Emulator, EmulatorServer, emulator
from tests.support.tiny import InstantGenerator, seed_picture

SIZES = "64/32/16/16"
"""A contract whose steps take milliseconds, as the command line takes it."""


@dataclass(frozen=True)
class Result:
    """The result of one run: exit code, standard output, standard error."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> list[dict[str, Any]]:
        """Standard output of a run with --json."""
        return [json.loads(line) for line in self.out.splitlines()]


Cli = Callable[..., Result]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder with the picture ink.png, 64x64, as the current one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["exquisite"])
    seed_picture(64, 64).save("ink.png")
    return tmp_path


@pytest.fixture
def cli(folder: Path, capsys: pytest.CaptureFixture[str]) -> Cli:
    """Runs the command line with the given words."""

    def run(*words: object) -> Result:
        code = main([str(word) for word in words])
        captured = capsys.readouterr()
        return Result(code, captured.out, captured.err)

    return run


@pytest.fixture
def instant(monkeypatch: pytest.MonkeyPatch) -> None:
    """The simulated model makes tiles in no time, for tests of everything else."""
    monkeypatch.setattr("exquisite.api.mock.MockTileGenerator", lambda **_: InstantGenerator())


@pytest.fixture
def session(cli: Cli, instant: None) -> Cli:
    """`cli` with a session "ink" already there, and an instant model."""
    assert cli("init", "ink", "ink.png", "--contract", SIZES).code == 0
    return cli


def everything(folder: Path) -> dict[str, bytes]:
    """Every file below `folder` with its content, which a refused run must not change."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def wide_picture(path: Path, size: tuple[int, int] = (400, 400)) -> Path:
    """A picture for the simulated model to continue, written to `path`."""
    seed_picture(64, 64).resize(size, Image.Resampling.BICUBIC).save(path)
    return path


@pytest.fixture
def endpoint() -> Iterator[Emulator]:
    """An emulator behind a socket, which draws flat tiles of any size."""
    model = emulator(flat=True, any_size=True)
    with EmulatorServer(model):
        yield model
