"""Finds the step whose stored answers a later choice uses, and its inputs."""

from __future__ import annotations

from collections.abc import Mapping

from ...errors import UsageError
from ...foreign import own
from ..step import StepInputs
from ..store import SEED, Store
from ..store.records import Record, read_record
from .rederive import stored_inputs

__all__ = ["answered_step", "inputs_of", "request_of"]

_SENT_PICTURES = ("references", "scaffold_fill", "scaffold_offset_px")
"""Options that determine the pictures of a request."""


def answered_step(store: Store, step: int | None) -> int:
    """Number of the step whose stored answers are used: `step`, or by default the newest at the end of the canvas.

    Raises:
        UsageError: there is no such step, or it has no stored answers.
    """
    if step is not None:
        source = _source_of(store, step)
        if source is None:
            raise UsageError(f"step {step} of {store.root} has no stored answers: see `log`")
        return source
    head = store.head
    bases = {head, store.steps.record(head)["parent"]}
    for number in range(store.steps.last(head), SEED, -1):
        source = _source_of(store, number)
        if source is not None and request_of(store, source)["base"] in bases:
            return source
    raise UsageError(f"no step of {store.root} that ends at its frontier has stored answers: see `log`")


def inputs_of(store: Store, number: int, changes: Mapping[str, object]) -> tuple[StepInputs, int]:
    """The inputs of a started step with some options changed, and the number of its parent step.

    The request was sent already: changes to its pictures are ignored.
    """
    record = store.steps.record(number) if store.steps.is_finished(number) else request_of(store, number)
    options = {name: value for name, value in changes.items() if name not in _SENT_PICTURES}
    return stored_inputs(store, number, {**record["options"], **options})


def request_of(store: Store, number: int) -> Record:
    """The request record of a started step."""
    return read_record(store.steps.folder(number) / "request.json")


def _source_of(store: Store, number: int) -> int | None:
    """The step whose answers step `number` uses: itself, or the one from which a person accepted a candidate."""
    if store.steps.is_finished(number):
        number = int(store.steps.record(number).get("accepted", {}).get("step", number))
    return number if any(own((store.steps.folder(number) / "answers").glob("*.body"))) else None
