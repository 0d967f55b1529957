"""The terms of a step: what it may cost, and the callback that gets its progress."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import TypedDict

from .options import StepOptionValues

__all__ = ["Progress", "StepArguments", "StepTerms"]


@dataclass(frozen=True)
class Progress:
    """The progress of a step.

    Attributes:
        step: number of the step.
        candidate: number of the candidate, from 1; 0 for none.
        candidates: number of candidates.
        phase: what happens, in a few words.
        elapsed: seconds since the start of the step.
        urgent: True when `phase` is a message on which a person must act, such as a full disk.
    """

    step: int
    candidate: int
    candidates: int
    phase: str
    elapsed: float
    urgent: bool = False


class StepTerms(TypedDict, total=False):
    """What a step may cost, and who is told of it: arguments of `Session.step` by name."""

    budget: Decimal | None
    retry_ambiguous: bool
    progress: Callable[[Progress], None] | None


class StepArguments(StepOptionValues, StepTerms, total=False):
    """Options and terms of a step: arguments of `Session.step` by name."""
