"""The sessions that `make bench` measures."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from exquisite import Session
from tests.benchmarks.bench import SHORT, child_step, grown_session


def test_a_step_is_measured_on_a_session_of_so_many_strips(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = tmp_path / "session"
    grown_session(root, 5)
    child_step(str(root), rounds=1)
    figures = json.loads(capsys.readouterr().out)
    assert figures["seconds"] > 0
    assert figures["peak_bytes"] > 0
    assert Session.open(root).canvas_size == (SHORT.tile_px + 5 * SHORT.advance_px, SHORT.across_px)
