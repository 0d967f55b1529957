"""The two shortcuts: a step with the simulated model, and one with the real client."""

from __future__ import annotations

from pathlib import Path

import pytest

from exquisite import Session, TileContract, execute_step_mock, execute_step_real
from exquisite.errors import UsageError
from tests.support.pictures import noise

SMALL = TileContract(tile_px=64, band_px=32, overlap_px=16, advance_px=16)


@pytest.fixture
def session(tmp_path: Path) -> Session:
    return Session.create(tmp_path / "s", noise((64, 64), 3, cell=8), SMALL)


def test_the_shortcut_with_the_simulated_model_commits_a_step(session: Session) -> None:
    result = execute_step_mock(session, "y_ttb", num_candidates=1, gate=None)
    assert (result.status, result.canvas_size, len(result.scores)) == ("committed", (64, 80), 1)


def test_the_shortcut_with_the_real_client_refuses_a_tiny_tile(session: Session) -> None:
    with pytest.raises(UsageError, match="a tile of 64x64 is not accepted"):
        execute_step_real(session, "y_ttb", num_candidates=1)
    assert session.canvas_size == (64, 64)
