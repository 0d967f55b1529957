"""A copy under another package path works unchanged, with the top-level name out of reach."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from exquisite.cli.vendor import make_copy
from tests.support.children import ROOT, run_python
from tests.support.tiny import seed_picture
from tests.test_imports import HTTPX_USERS

PRELUDE = """
import importlib.abc, pkgutil, sys

class NoTopLevel(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("exquisite", "numpy", "tests"):
            raise ImportError(f"{name} is blocked")

sys.path.pop(0)
sys.path[:] = [entry for entry in sys.path if entry != sys.argv[2]]
sys.path.insert(0, sys.argv[1])
sys.meta_path.insert(0, NoTopLevel())
"""


@pytest.fixture
def host(tmp_path: Path) -> Path:
    """A program that holds a copy as imkerutils.exquisite."""
    package = tmp_path / "host" / "imkerutils"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    shutil.copytree(ROOT / "exquisite", package / "exquisite", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path / "host"


def run(host: Path, code: str, *arguments: str) -> str:
    """Run `code` inside the host program; its standard output."""
    process = run_python(PRELUDE + code, str(host), str(ROOT), *arguments, cwd=host)
    assert process.returncode == 0, process.stderr
    return process.stdout


@pytest.mark.invariant("VENDORED")
def test_every_module_imports_under_another_name(host: Path) -> None:
    late = tuple(".".join(("imkerutils", "exquisite", *parts)) for parts in HTTPX_USERS)
    code = f"""
import importlib, imkerutils.exquisite as package
names = [m.name for m in pkgutil.walk_packages(package.__path__, package.__name__ + ".")]
for name in sorted(names, key={late}.__contains__):
    assert name in {late} or "httpx" not in sys.modules, name
    importlib.import_module(name)
for name in package.__all__:
    getattr(package, name)
assert "exquisite" not in sys.modules
print(len(names))
"""
    modules = [path for path in (ROOT / "exquisite").rglob("*.py") if path.name != "__init__.py"]
    assert int(run(host, code)) >= len(modules)


@pytest.mark.invariant("VENDORED")
def test_a_step_runs_under_another_name(host: Path) -> None:
    seed_picture(64, 64).save(host / "ink.png")
    code = """
from PIL import Image
from imkerutils.exquisite import Session, TileContract, execute_step_mock
session = Session.create("ink", Image.open("ink.png").convert("RGB"), TileContract(64, 32, 16, 16))
result = execute_step_mock(session, "x_ltr", num_candidates=1, gate=None)
print(type(result).__module__, result.status, session.canvas_size)
"""
    assert run(host, code) == "imkerutils.exquisite.pipeline.step.result committed (80, 64)\n"


@pytest.mark.invariant("VENDORED")
def test_the_command_line_runs_under_another_name(host: Path) -> None:
    seed_picture(64, 64).save(host / "ink.png")
    code = """
import runpy
for words in ("init ink ink.png --contract 64/32/16/16", "step ink y_btt --gate none --candidates 1"):
    sys.argv = ["-m", *words.split()]
    try:
        runpy.run_module("imkerutils.exquisite", run_name="__main__", alter_sys=False)
    except SystemExit as end:
        assert end.code == 0, end.code
"""
    assert "step 1 committed: candidate 0 of 1, the canvas is 64x80 now" in run(host, code)


@pytest.mark.invariant("VENDORED")
def test_errors_and_help_speak_the_name_of_the_copy(host: Path) -> None:
    code = """
sys.argv = ["-m", "status", "nowhere"]
from imkerutils.exquisite.cli import main
sys.stderr = sys.stdout
assert main() == 1
sys.argv[1:] = ["--version"]
main()
"""
    assert run(host, code).startswith("imkerutils.exquisite: ")


@pytest.mark.invariant("VENDORED")
def test_licence_and_typing_marker_travel_with_the_folder(tmp_path: Path) -> None:
    copy = make_copy(tmp_path / "imkerutils").path
    assert (copy / "LICENSE").read_text() == (ROOT / "LICENSE").read_text()
    assert (copy / "py.typed").exists()
