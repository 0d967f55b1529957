"""SIGKILL at random moments of a session that sends paid requests to a loopback server."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.kills import killed_session

KILLS = 50


@pytest.mark.invariant("HEAD-ATOMIC")
@pytest.mark.invariant("STEPS-WHOLE")
@pytest.mark.invariant("NEVER-TWICE")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="children are forked")
def test_no_kill_loses_a_pixel_or_pays_twice(tmp_path: Path) -> None:
    """Fifty kills: the canvas is that of an undisturbed run, and every billed request has its answer in the log."""
    report = killed_session(tmp_path / "s", KILLS, seed=2)
    assert report["problems"] == []
    assert report["kills"] == KILLS
    assert report["steps"] >= 10
