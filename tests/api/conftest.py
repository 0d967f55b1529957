"""Fixtures of the tests of recordings."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a cassette may be; it is not waited for, because what is synced matters after a power failure only."""
    monkeypatch.setattr(os, "fsync", lambda handle: None)
    return tmp_path / "tape" / "one.json"
