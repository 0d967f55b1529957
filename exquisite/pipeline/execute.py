"""Shortcuts for `Session.step` with the simulated or the real model."""

from __future__ import annotations

from typing import Unpack

from ..api.generator import TileGenerator
from ..api.mock import MockTileGenerator
from ..api.openai_client import OpenAITileGeneratorClient
from ..contract import Mode
from .session import Session
from .step import StepArguments, StepResult

__all__ = ["execute_step_mock", "execute_step_real"]


def execute_step_mock(
    session: Session, mode: Mode | str, *, prompt: str = "", num_candidates: int = 3, **options: Unpack[StepArguments]
) -> StepResult:
    """Make a step with the simulated model, which continues the band by quilting; `options` as for `Session.step`."""
    return _step(session, mode, MockTileGenerator(), prompt, {**options, "candidates": num_candidates})


def execute_step_real(
    session: Session, mode: Mode | str, *, prompt: str = "", num_candidates: int = 3, **options: Unpack[StepArguments]
) -> StepResult:
    """Make a step with the images/edits client, configured by the environment; this costs money.

    `options` as for `Session.step`; `budget=` limits the cost of the session.
    """
    return _step(session, mode, OpenAITileGeneratorClient(), prompt, {**options, "candidates": num_candidates})


def _step(
    session: Session, mode: Mode | str, generator: TileGenerator, prompt: str, options: StepArguments
) -> StepResult:
    return session.step(mode, generator, prompt=prompt, **options)
