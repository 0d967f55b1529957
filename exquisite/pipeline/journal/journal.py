"""The CallLog on disk: what was asked of a model, what came back, and what became of each call.

    steps/000012/answers/000.intent.json     durable before the request leaves
                         000.body            the body as received, durable before anything reads it
                         000.partial         what had arrived when a call broke off: for a person, no answer
                         000.outcome.json    answered, refused, not_sent, unknown or resent

An intent with neither body nor outcome is what a crash leaves: it counts as unknown. A body without an
outcome counts as answered. Generators that cost nothing log no intents; the session keeps their tiles here
as bodies, so that everything downstream reads stored answers only, whoever made them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from functools import cached_property

from ...api.answer import candidates_of
from ...api.generator import OwedPicture, RawCandidate
from ...errors import StorageError
from ..store.records import FORMAT_VERSION, seal, sha256
from ..store.step_folders import StepFolders, step_name
from .call_files import CallFile, call_file, call_numbers, call_of
from .calls import Call, read_call
from .ledger import Ledger
from .settlement import settlement_path

__all__ = ["Journal"]

_REASON_LIMIT = 4_000
_ROOM_BYTES = 1 << 27  # ten tiles as base64, their files, and something for everybody else


class Journal:
    """The calls of one step; implements `CallLog`. Files are read once, and what is written is remembered.

    Args:
        steps: the step folders of the session.
        number: the step; its folder must have a folder `answers` before anything is written.
        ledger: the money of the session.
        budget: USD that the session may cost in all; None for no limit.
        progress: is told short lines for a person.
    """

    def __init__(
        self,
        steps: StepFolders,
        number: int,
        ledger: Ledger,
        budget: Decimal | None = None,
        progress: Callable[[str], None] | None = None,
    ) -> None:
        self._folder = steps.step_dir(number) / "answers"
        self._step = number
        self._disk = steps.disk
        self._ledger = ledger
        self._budget = budget
        self._progress = progress
        self._reserved = Decimal(0)

    # What a generator calls

    def reserve(self, usd: Decimal, what: str) -> None:
        """Set aside the worst case of the next call; see `CallLog`.

        Raises:
            StorageError: the disk could not take the answer, which would then be paid and lost; nothing is sent.
        """
        if usd > 0 and (free := self._disk.files.free_space(self._folder)) < _ROOM_BYTES:
            raise StorageError(
                f"only {free / 1e6:.0f} MB are free at {self._folder}, too little to keep an answer safely: "
                f"nothing was sent; free some space and run the same command again"
            )
        self._ledger.reserve(self._key(self._next), usd, self._budget, what)
        self._reserved = usd

    def intend(self, summary: Mapping[str, object]) -> int:
        """Record that a request is about to leave; see `CallLog`."""
        call, reserved, self._reserved = self._next, self._reserved, Decimal(0)
        self._calls[call] = Call(call, dict(summary), reserved)
        record = {"format": FORMAT_VERSION, "call": call, "reserved_usd": str(reserved), "request": dict(summary)}
        self._write(call, "intent.json", seal(record))
        return call

    def answered(self, call: int, body: bytes, headers: Mapping[str, str], usd: Decimal | None = None) -> None:
        """Keep the body as received; see `CallLog`."""
        self._keep_body(call, body, headers=dict(headers))
        if usd is not None:
            self.book(call, usd)

    def book(self, call: int, usd: Decimal, estimated: bool = False) -> None:
        """Book the cost of a call; see `CallLog`."""
        self._ledger.book(self._key(call), usd, estimated)

    def doubt(self, call: int) -> None:
        """Keep the reservation of a call counted; see `CallLog`."""
        self._ledger.doubt(self._key(call))

    def refused(self, call: int, reason: str, body: bytes = b"") -> None:
        """The server said no; see `CallLog`."""
        text = body[:_REASON_LIMIT].decode("utf-8", "replace")
        self._outcome(call, "refused", reason=reason[:_REASON_LIMIT], body=text)
        self._ledger.release(self._key(call))

    def not_sent(self, call: int, reason: str) -> None:
        """The request did not leave; see `CallLog`."""
        self._outcome(call, "not_sent", reason=reason[:_REASON_LIMIT])
        self._ledger.release(self._key(call))

    def unknown(self, call: int, reason: str, partial: bytes = b"") -> None:
        """Sent, perhaps billed; see `CallLog`."""
        reason, kept = reason[:_REASON_LIMIT], {}
        if partial:
            name = self._write(call, "partial", partial)
            reason += f"; the {len(partial)} bytes that arrived are kept in answers/{name}"
            kept = {"partial_sha256": sha256(partial)}
        self._outcome(call, "unknown", reason=reason, **kept)
        self._ledger.doubt(self._key(call))

    def progress(self, message: str) -> None:
        """Pass a short line on; see `CallLog`."""
        if self._progress is not None:
            self._progress(message)

    # What the session calls

    def keep(self, raw: RawCandidate) -> list[RawCandidate]:
        """Make a tile durable whose generator logged no call; returns what a rerun finds: nothing, if it is none."""
        call = self._next
        self._calls[call] = Call(call, {}, intended=False)
        self._keep_body(call, raw.data, headers={}, meta=dict(raw.meta))
        return self._candidates_of(self._calls[call])

    @property
    def has_answers(self) -> bool:
        """Whether any call was answered."""
        return any(call.body is not None for call in self._calls.values())

    def candidates(self) -> list[RawCandidate]:
        """The tiles in the stored bodies, in the order of the calls, each with what is known of how it came."""
        return [raw for _, call in sorted(self._calls.items()) for raw in self._candidates_of(call)]

    def owed(self) -> list[OwedPicture]:
        """The pictures that answers name by address and that were not fetched, in order."""
        fetched = {
            (call.request.get("answer"), call.request.get("image"))
            for call in self._calls.values()
            if call.is_download and call.status == "answered"
        }
        owed = []
        for number, call in sorted(self._calls.items()):
            if call.is_download:
                continue
            urls = call.answer.urls
            asked = int(call.request.get("fields", {}).get("n", len(urls)))
            names = [OwedPicture(self._step, number, place, url) for place, url in urls[:asked]]
            owed += [picture for picture in names if (picture.answer, picture.image) not in fetched]
        return owed

    def unknown_calls(self) -> dict[int, str]:
        """The calls that may have been billed and brought no picture, with the reason of each."""
        return {number: call.reason for number, call in sorted(self._calls.items()) if call.needs_permission}

    def allow_resending(self) -> None:
        """Record that a person decided to ask again for what the unknown calls may have lost."""
        for number in self.unknown_calls():
            call = self._calls[number]
            told = {key: value for key, value in call.outcome.items() if key not in ("format", "outcome", "sha256")}
            self._outcome(number, "resent", **{"reason": call.reason, **told})
            self._ledger.doubt(self._key(number))

    def settle(self) -> None:
        """Bring the ledger in line with the outcomes, after a crash between the two."""
        for key in [key for key in self._ledger.reserved if key.startswith(f"{step_name(self._step)}/")]:
            call = self._calls.get(int(key.partition("/")[2]))
            if call is None or call.status in ("refused", "not_sent"):
                self._ledger.release(key)
            elif call.body is None or call.bill.usd is None:
                self._ledger.doubt(key)
            else:
                self._ledger.book(key, call.bill.usd, call.bill.estimated)

    @cached_property
    def _calls(self) -> dict[int, Call]:
        def is_settled(call: int) -> bool:
            return settlement_path(self._disk.root, self._step, call).is_file()

        return {call: read_call(self._folder, call, is_settled(call)) for call in call_numbers(self._folder)}

    def _candidates_of(self, call: Call) -> list[RawCandidate]:
        meta = call.outcome.get("meta", {})
        found = candidates_of(call.number, call.answer, call.headers)
        return [replace(raw, meta={**meta, **raw.meta}) for raw in found]

    @property
    def _next(self) -> int:
        return 1 + max(self._calls, default=-1)

    def _key(self, call: int) -> str:
        return f"{step_name(self._step)}/{call_of(call)}"

    def _keep_body(self, call: int, body: bytes, **fields: object) -> None:
        self._write(call, "body", body)
        self._calls[call] = replace(self._calls[call], body=body)
        self._outcome(call, "answered", **fields, body_sha256=sha256(body))

    def _outcome(self, call: int, outcome: str, **fields: object) -> None:
        record = {"format": FORMAT_VERSION, "outcome": outcome, **fields}
        self._write(call, "outcome.json", seal(record))
        self._calls[call] = replace(self._calls[call], outcome=record)

    def _write(self, call: int, kind: CallFile, data: bytes) -> str:
        name = call_file(call, kind)
        self._disk.write(self._folder / name, data)
        return name
