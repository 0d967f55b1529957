"""Collects the candidates of a step: the stored ones, and the missing ones from a generator."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence

from ...api.generator import FetchesPictures, JudgesFormats, OwedPicture, RawCandidate, TileGenerator
from ...api.lossy import lossy_format
from ...contract import TileContract
from ...errors import AnswerError, OutcomeUnknownError
from ..step.inputs import StepInputs, pixels_sha256
from ..store.records import FORMAT_VERSION, Record
from .journal import Journal

__all__ = ["gather", "request_digest", "request_record"]


def request_record(inputs: StepInputs, base: int, generator: Record) -> Record:
    """The values that determine the answers, as JSON types: runs with equal records share answers."""
    options = inputs.options
    return {
        "format": FORMAT_VERSION,
        "base": base,
        "mode": inputs.mode,
        "contract": inputs.contract.as_dict(),
        "band_sha256": inputs.band_sha256,
        "scaffold_fill": options.scaffold_fill,
        "continuation_cue": options.continuation_cue,
        "words": inputs.words,
        "prompt": inputs.prompt,
        "generator": generator,
        "candidates": options.candidates,
        **({"soft_px": inputs.zone_px} if options.soft_mask else {}),
        **_beginning(inputs),
        **({"scaffold_offset_px": options.scaffold_offset_px} if options.scaffold_offset_px else {}),
        **({"references": [one.as_record() for one in inputs.references]} if inputs.references else {}),
    }


def _beginning(inputs: StepInputs) -> Record:
    """The fields for the far end of a closing step; empty for other steps."""
    end = inputs.beginning
    if end is None:
        return {}
    soft_px = {"beginning_soft_px": end.zone_px} if inputs.options.soft_mask else {}
    return {"beginning_sha256": pixels_sha256(end.band), **soft_px}


def request_digest(request: Record) -> str:
    """The digest that identifies an unfinished step."""
    return hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()


def gather(
    journal: Journal,
    generator: TileGenerator,
    inputs: StepInputs,
    retry_ambiguous: bool,
    progress: Callable[[int, str], None],
) -> list[RawCandidate]:
    """Return the candidates of the step of `journal`; missing ones come from `generator` and are durable on return.

    Args:
        retry_ambiguous: True to repeat calls that may have been billed.
        progress: callback for the phase of each candidate.

    Raises:
        OutcomeUnknownError: a call without a picture may have been billed, and `retry_ambiguous` is False.
        AnswerError: the generator yielded no candidate.
        PaymentError, ServerError: from the generator.
    """
    number, total = journal.step, inputs.options.candidates
    candidates = journal.candidates()
    if len(candidates) < total and (owed := journal.owed()):
        _fetch(journal, generator, owed, inputs.contract, retry_ambiguous)
        candidates = journal.candidates()
        progress(len(candidates), "answered")
    if len(candidates) < total:
        if retry_ambiguous:
            journal.allow_resending()
        _require_no_unknown_call(journal, bool(candidates))
        request = inputs.request(total - len(candidates), number, len(candidates))
        progress(len(candidates) + 1, "asking")
        for raw in generator.generate(request, journal):
            candidates += journal.keep(raw) if raw.call is None else [raw]
            progress(len(candidates), "answered")
    if not candidates:
        _require_no_unknown_call(journal, False)
        raise AnswerError(f"the model gave no tile for step {number}: run the command again, or change the prompt")
    candidates = sorted(candidates, key=lambda raw: raw.call or 0)[:total]
    _judge_formats(journal, generator, candidates)
    return candidates


def _fetch(
    journal: Journal,
    generator: TileGenerator,
    owed: Sequence[OwedPicture],
    contract: TileContract,
    retry_ambiguous: bool,
) -> None:
    """Download paid pictures at URLs; after a failure, buy others only with `retry_ambiguous`."""
    try:
        if not isinstance(generator, FetchesPictures):
            raise OutcomeUnknownError(
                f"step {owed[0].step}: {len(owed)} picture(s) that were paid for cannot be fetched by this generator; "
                f"their URLs are in answers/{owed[0].answer:03d}.body of the step; --retry-ambiguous buys others"
            )
        generator.fetch(owed, contract, journal)
    except OutcomeUnknownError as error:
        if not retry_ambiguous:
            raise
        journal.progress(str(error))


def _judge_formats(journal: Journal, generator: TileGenerator, candidates: Sequence[RawCandidate]) -> None:
    """Warn about tiles in a lossy format, or refuse them when the generator's settings say so."""
    lossy = {index: kind for index, raw in enumerate(candidates) if (kind := lossy_format(raw.data))}
    if not lossy:
        return
    what = ", ".join(f"candidate {index} came as {kind}" for index, kind in lossy.items())
    if isinstance(generator, JudgesFormats) and generator.lossy == "refuse":
        raise OutcomeUnknownError(
            f"step {journal.step}: {what}, which loses detail and is refused by the setting lossy of the server; the "
            f"answers are paid and kept, and nothing is bought again: lossy=accept uses them"
        )
    journal.progress(f"{what}, although PNG was asked for: used, and marked as lossy")


def _require_no_unknown_call(journal: Journal, stored: bool) -> None:
    """Raise OutcomeUnknownError when a call without a picture may have been billed."""
    unknown = journal.unknown_calls()
    if not unknown:
        return
    number, (first, reason) = journal.step, next(iter(unknown.items()))
    way_on = f"`accept 0 --step {number}` uses what came, " if stored else ""
    raise OutcomeUnknownError(
        f"step {number} has {len(unknown)} call(s) of unknown outcome, perhaps billed ({reason}); nothing was sent: "
        f"{way_on}--retry-ambiguous asks again and may pay twice; `settle` {number} {first} says what the bill shows"
    )
