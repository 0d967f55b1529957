"""Two thin names for `Session.step` with a generator chosen."""

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
    """`Session.step` with the simulated model, drawing from the band alone; `options` as for `Session.step`."""
    return session.step(mode, MockTileGenerator(), prompt=prompt, candidates=num_candidates, **options)


def execute_step_real(
    session: Session, mode: Mode | str, *, prompt: str = "", num_candidates: int = 3, **options: Any
) -> StepResult:
    """`Session.step` with the images/edits client, configured by the environment; this costs money.

    `options` as for `Session.step`; pass `budget=` to bound what the session may cost.
    """
    return session.step(mode, OpenAITileGeneratorClient(), prompt=prompt, candidates=num_candidates, **options)
