"""Shortcuts for `Session.step` with the simulated or the real model."""

from __future__ import annotations

from typing import Any

from ..api.mock import MockTileGenerator
from ..api.openai_client import OpenAITileGeneratorClient
from ..contract import Mode
from .session import Session
from .step import StepResult

__all__ = ["execute_step_mock", "execute_step_real"]


def execute_step_mock(
    session: Session, mode: Mode | str, *, prompt: str = "", num_candidates: int = 3, **options: Any
) -> StepResult:
    """Make a step with the simulated model, which extends the band by quilting; `options` as for `Session.step`."""
    return session.step(mode, MockTileGenerator(), prompt=prompt, candidates=num_candidates, **options)


def execute_step_real(
    session: Session, mode: Mode | str, *, prompt: str = "", num_candidates: int = 3, **options: Any
) -> StepResult:
    """Make a step with the images/edits client, configured by the environment; this costs money.

    `options` as for `Session.step`; `budget=` limits the cost of the session.
    """
    return session.step(mode, OpenAITileGeneratorClient(), prompt=prompt, candidates=num_candidates, **options)
