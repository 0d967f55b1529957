"""The suite on every core runs each test file once, whichever process comes first."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.cores import CLAIMS, Claims, main


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


def test_every_test_runs_once_and_the_counts_are_added(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = "pytest_collection_modifyitems, pytest_runtest_protocol"
    (tmp_path / "conftest.py").write_text(f"from tests.conftest import {names}\ndef pytest_addoption(parser): ...\n")
    for name in "abc":
        (tmp_path / f"test_{name}.py").write_text("def test_one(): pass\ndef test_two(): pass\n")
    (tmp_path / "test_d.py").write_text("def test_bad(): assert 0\n")
    code = main(["--rootdir", str(tmp_path), "-c", "/dev/null", "--confcutdir", str(tmp_path), str(tmp_path)])
    assert capsys.readouterr().out.splitlines()[-1] == "6 passed, 1 failed, 0 skipped"
    assert code == 1
