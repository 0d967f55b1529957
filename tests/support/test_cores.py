"""The suite on every core runs each test file once, whichever process comes first."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import cores
from tests.support.children import clean_environment
from tests.support.cores import CLAIMS, Claims, bytecode, main, memory


def test_a_file_belongs_to_the_first_process_that_claims_it(tmp_path: Path) -> None:
    first, second = Claims(tmp_path, 0), Claims(tmp_path, 1)
    assert first.is_mine(Path("tests/test_a.py"))
    assert not second.is_mine(Path("tests/test_a.py"))
    assert second.is_mine(Path("tests/test_b.py"))
    assert first.is_mine(Path("tests/test_a.py"))


def test_plain_pytest_runs_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(CLAIMS, raising=False)
    assert Claims.from_environment() is None


def test_processes_go_through_the_files_from_both_ends(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for process, backwards in ((0, False), (1, True)):
        monkeypatch.setenv(CLAIMS, f"{tmp_path}:{process}")
        claims = Claims.from_environment()
        assert claims is not None
        assert claims.backwards is backwards


def test_files_lie_in_memory_where_there_is_room(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(cores, "_ENOUGH", 0)
    assert memory(tmp_path) == tmp_path
    assert memory(tmp_path / "missing") is None
    monkeypatch.setattr(cores, "_ENOUGH", 1 << 80)
    assert memory(tmp_path) is None


def test_compiled_modules_lie_elsewhere_if_the_caller_disables_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    code = "import sys; print(sys.dont_write_bytecode, sys.pycache_prefix)"
    environment = clean_environment(**bytecode(tmp_path))
    process = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert process.stdout.split() == ["False", str(tmp_path)]
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    assert bytecode(tmp_path) == {}


@pytest.mark.parametrize("process", [0, 1])
def test_every_second_process_collects_the_last_file_first(
    process: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = "pytest_make_collect_report"
    (tmp_path / "conftest.py").write_text(f"from tests.conftest import {names}\n")
    for name in "ab":
        (tmp_path / f"test_{name}.py").write_text("def test_one(): pass\ndef test_two(): pass\n")
    command = [sys.executable, "-m", "pytest", "-q", "--collect-only", "--rootdir", str(tmp_path), "-c", "/dev/null"]
    environment = clean_environment(**{CLAIMS: f"{tmp_path}:{process}"})
    run = subprocess.run([*command, str(tmp_path)], env=environment, capture_output=True, text=True, check=True)
    assert [line[5] for line in run.stdout.splitlines() if line.startswith("test_")] == list(("aabb", "bbaa")[process])


def test_every_test_runs_once_and_the_counts_are_added(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = "pytest_make_collect_report, pytest_runtest_protocol"
    (tmp_path / "conftest.py").write_text(f"from tests.conftest import {names}\ndef pytest_addoption(parser): ...\n")
    for name in "abc":
        (tmp_path / f"test_{name}.py").write_text("def test_one(): pass\ndef test_two(): pass\n")
    (tmp_path / "test_d.py").write_text("def test_bad(): assert 0\n")
    code = main(["--rootdir", str(tmp_path), "-c", "/dev/null", "--confcutdir", str(tmp_path), str(tmp_path)])
    assert capsys.readouterr().out.splitlines()[-1] == "6 passed, 1 failed, 0 skipped"
    assert code == 1
