"""Derives a finished step again from its stored answers: the same inputs give the same bytes."""

from __future__ import annotations

from collections.abc import Iterator

from ...api.generator import RawCandidate
from ...contract import Mode
from ...errors import UsageError
from ..journal import Journal
from ..journal.ledger import Ledger
from ..step import StepInputs, StepOptions, TileEnd
from ..step.derived import DerivedStep, derive
from ..step.reference_pictures import references_of, scaffold_of, with_stored_pictures
from ..store import SEED, Store
from ..store.pieces import pending_width, require_open
from ..store.records import Record, read_record, seal, sha256
from .commit import OpenStep, accept_facts, step_facts, step_record
from .styles import anchor_for

__all__ = ["inputs_on", "rebuild_record", "rederive", "stored_answers", "stored_inputs"]

_CHOICES = 3
"""Number of earlier steps whose answers a lost record of a person's choice may have used."""


def rederive(store: Store, number: int) -> DerivedStep:
    """Derive step `number` again as its record describes it.

    Raises:
        SessionDamagedError: the band, the request or the answers are damaged.
        AnswerError: its answers are unreadable.
    """
    record = store.steps.record(number)
    accepted = record.get("accepted")
    source = number if accepted is None else int(accepted["step"])
    options = StepOptions.from_values(record["options"])
    inputs = inputs_on(store, record["parent"], Mode(record["mode"]), record["words"], options)
    chosen = None if accepted is None else accepted["candidate"]
    return derive(inputs, stored_answers(store, source), accepted=chosen)


def rebuild_record(store: Store, number: int, expected: str) -> bytes | None:
    """step.json of a step, derived from stored requests and answers; None unless its hash is `expected`.

    Raises:
        SessionDamagedError, AnswerError: as for `rederive`.
    """
    return next((data for data in _records(store, number) if sha256(data) == expected), None)


def _records(store: Store, number: int) -> Iterator[bytes]:
    """The possible records of the step: of its own request, or of a person's choice from earlier answers."""
    if (store.steps.folder(number) / "request.json").is_file():
        request = read_record(store.steps.folder(number) / "request.json")
        inputs, base = stored_inputs(store, number, request["options"])
        derived = derive(inputs, stored_answers(store, number))
        record = step_record(OpenStep(store, number, base, inputs), derived, step_facts(request))
        yield from _sealed(record)
        return
    for source in range(number - 1, max(SEED, number - 1 - _CHOICES), -1):
        if not (store.steps.folder(source) / "request.json").is_file():
            continue
        inputs, base = stored_inputs(store, source, store.steps.record(source)["options"])
        raws = stored_answers(store, source)
        for candidate in range(len(raws)):
            derived = derive(inputs, raws, accepted=candidate)
            opened = OpenStep(store, number, base, inputs)
            record = step_record(opened, derived, accept_facts(store, source, derived, candidate))
            yield from _sealed(record)


def _sealed(record: Record) -> Iterator[bytes]:
    """The bytes of `record` as this version writes it, and as version 0.1.0 did, without style."""
    yield seal(record)
    yield seal({name: value for name, value in record.items() if name != "style"})


def stored_inputs(store: Store, number: int, options: Record) -> tuple[StepInputs, int]:
    """The inputs of a started step with the options of a record, and the number of its parent step.

    Raises:
        UsageError: the options do not fit the sizes of the session.
    """
    request = read_record(store.steps.folder(number) / "request.json")
    mode, base = Mode(request["mode"]), int(request["base"])
    chosen = StepOptions.from_values(options)
    chosen.require_fits(store.contract)
    if chosen.close != ("beginning_sha256" in request):
        raise UsageError(f"the request of step {number} fixes whether it closes a loop: no later choice changes it")
    return inputs_on(store, base, mode, request["words"], chosen), base


def inputs_on(store: Store, base: int, mode: Mode, words: str, options: StepOptions) -> StepInputs:
    """The inputs of a step in `mode` on top of step `base`; reads the pictures in the options.

    Raises:
        CanvasError: the canvas cannot grow in `mode`, or is a loop.
        PictureError: a file is not a picture.
        SessionDamagedError: a stored picture is missing or altered.
        UsageError: the seed picture is too short for a cut inside it, or the contract has no room to close a loop.
    """
    require_open(store.steps.record(base))
    options = with_stored_pictures(store, base, mode, options)
    contract = options.step_contract(store.contract)
    zone_px = store.zone_px(base, mode, options.soften_px if options.soften_seed else 0)
    anchor = anchor_for(store, base, mode, options.anchor)
    beginning = _beginning(store, base, mode.opposite) if options.close else None
    return StepInputs(
        mode=mode,
        contract=contract,
        band=store.frontier(base, mode),
        words=words,
        options=options,
        zone_px=zone_px,
        origin=store.band_origin(base, mode),
        anchor=anchor,
        beginning=beginning,
        references=references_of(store, options),
        scaffold=scaffold_of(store, mode, options),
    )


def _beginning(store: Store, base: int, mode: Mode) -> TileEnd:
    """The end of the canvas of step `base` that grows in `mode`, as the far end of a closing step."""
    zone_px = pending_width(store.steps.record(base), mode.side)
    return TileEnd(mode, store.frontier(base, mode), zone_px, store.band_origin(base, mode))


def stored_answers(store: Store, number: int) -> list[RawCandidate]:
    """The candidates in the stored answers of step `number`, in order."""
    return Journal(store.steps, number, Ledger(store.disk)).candidates()
