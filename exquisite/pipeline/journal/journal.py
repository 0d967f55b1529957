"""The CallLog on disk: the requests, answers and outcomes of the calls of a step.

    steps/000012/answers/000.intent.json     durable before the request leaves
                         000.body            the body as received, durable before it is parsed
                         000.partial         the received part of an incomplete body; never parsed as an answer
                         000.outcome.json    answered, refused, not_sent, unknown or resent

The draft of a body has a name with its hash, so that the next run finds it if the disk fails (`store.answer_drafts`).

After a crash, an intent without body and outcome counts as unknown, and a body without an outcome as answered. Free
generators log no intents; the session stores their tiles as bodies, so that all later code reads stored answers only.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from functools import cached_property

from ...api.answer import candidates_of
from ...api.generator import OwedPicture, RawCandidate
from ...errors import StorageError
from ..store.answer_drafts import answer_draft
from ..store.records import FORMAT_VERSION, seal, sha256
from ..store.step_folders import StepFolders
from .call_files import CallFile, call_file, call_numbers, call_of
from .calls import Call, read_call
from .ledger import Ledger, call_key, numbers_of
from .settlement import settlement_path

__all__ = ["Journal"]

_REASON_LIMIT = 4_000  # characters of a reason or an error body: a page, of which messages show less
_ROOM_BYTES = 1 << 27  # ten tiles that do not compress (3 MiB each), as base64 and as files, and a margin


class Journal:
    """The calls of one step; implements `CallLog`. It reads each file once and keeps the content in memory.

    Args:
        steps: the step folders of the session.
        number: the step; its folder must have a folder `answers` before anything is written.
        ledger: the money of the session.
        budget: USD that the session may cost in all; None for no limit.
        progress: callback for short messages, and whether each is urgent.

    Attributes:
        step: the number of the step.
    """

    def __init__(
        self,
        steps: StepFolders,
        number: int,
        ledger: Ledger,
        budget: Decimal | None = None,
        progress: Callable[[str, bool], None] | None = None,
    ) -> None:
        self._folder = steps.folder(number) / "answers"
        self.step = number
        self._disk = steps.disk
        self._ledger = ledger
        self._budget = budget
        self._progress = progress
        self._reserved = Decimal(0)

    # Methods for generators

    def reserve(self, usd: Decimal, what: str) -> None:
        """Reserve the worst case of the next call; see `CallLog`.

        Raises:
            StorageError: the disk has too little space for the answer; nothing is sent.
        """
        if usd > 0 and (free := self._disk.files.free_space(self._folder)) < _ROOM_BYTES:
            raise StorageError(
                f"only {free / 1e6:.0f} MB are free at {self._folder}, and {_ROOM_BYTES / 1e6:.0f} MB are needed to "
                f"keep an answer safely: nothing was sent; free some space and run the same command again"
            )
        self._ledger.reserve(self._key(self._next), usd, self._budget, what)
        self._reserved = usd

    def intend(self, summary: Mapping[str, object]) -> int:
        """Log a request before it is sent; see `CallLog`."""
        call, reserved, self._reserved = self._next, self._reserved, Decimal(0)
        self._calls[call] = Call(call, dict(summary), reserved)
        record = {"format": FORMAT_VERSION, "call": call, "reserved_usd": str(reserved), "request": dict(summary)}
        try:
            self._write(call, "intent.json", seal(record))
        except StorageError:
            self._forget(call)
            raise
        return call

    def answered(self, call: int, body: bytes, headers: Mapping[str, str], usd: Decimal | None = None) -> None:
        """Store the body as received; see `CallLog`."""
        self._keep_body(call, body, headers=dict(headers))
        if usd is not None:
            self.book(call, usd)

    def book(self, call: int, usd: Decimal, estimated: bool = False) -> None:
        """Book the cost of a call; see `CallLog`."""
        self._ledger.book(self._key(call), usd, estimated)

    def doubt(self, call: int) -> None:
        """Keep counting the reservation of a call; see `CallLog`."""
        self._ledger.doubt(self._key(call))

    def refused(self, call: int, reason: str, body: bytes = b"") -> None:
        """Log a refusal; see `CallLog`."""
        text = body[:_REASON_LIMIT].decode("utf-8", "replace")
        self._outcome(call, "refused", reason=reason[:_REASON_LIMIT], body=text)
        self._ledger.release(self._key(call))

    def not_sent(self, call: int, reason: str) -> None:
        """Log that the request was not sent; see `CallLog`."""
        try:
            self._outcome(call, "not_sent", reason=reason[:_REASON_LIMIT])
        except StorageError:
            self._forget(call)
            raise
        self._ledger.release(self._key(call))

    def unknown(self, call: int, reason: str, partial: bytes = b"") -> None:
        """Log an ambiguous outcome; see `CallLog`."""
        if self._calls[call].body is not None:
            return  # stored, and only its outcome was not: it counts as answered
        reason, fields = reason[:_REASON_LIMIT], {}
        if partial:
            name = self._write(call, "partial", partial)
            reason += f"; the {len(partial)} bytes that arrived are kept in answers/{name}"
            fields = {"partial_sha256": sha256(partial)}
        self._outcome(call, "unknown", reason=reason, **fields)
        self._ledger.doubt(self._key(call))

    def progress(self, message: str, urgent: bool = False) -> None:
        """Pass a message to the callback; see `CallLog`."""
        if self._progress is not None:
            self._progress(message, urgent)

    # Methods for sessions

    def keep(self, raw: RawCandidate) -> list[RawCandidate]:
        """Store a tile whose generator logged no call; return the candidates that a rerun reads from the bytes."""
        call = self._next
        self._calls[call] = Call(call, {}, intended=False)
        self._keep_body(call, raw.data, headers={}, meta=dict(raw.meta))
        return self._candidates_of(self._calls[call])

    @property
    def has_answers(self) -> bool:
        """Whether any call was answered."""
        return any(call.body is not None for call in self._calls.values())

    def candidates(self) -> list[RawCandidate]:
        """The tiles in the stored bodies, in the order of the calls, with the metadata of each."""
        return [raw for _, call in sorted(self._calls.items()) for raw in self._candidates_of(call)]

    def owed(self) -> list[OwedPicture]:
        """The pictures at URLs in answers that are not downloaded yet, in order."""
        downloads = {
            (call.request.get("answer"), call.request.get("image"))
            for call in self._calls.values()
            if call.is_download and call.status == "answered"
        }
        missing = []
        for number, call in sorted(self._calls.items()):
            if call.is_download:
                continue
            urls = call.answer.urls
            count = int(call.request.get("fields", {}).get("n", len(urls)))
            pictures = [OwedPicture(self.step, number, place, url) for place, url in urls[:count]]
            missing += [picture for picture in pictures if (picture.answer, picture.image) not in downloads]
        return missing

    def unknown_calls(self) -> dict[int, str]:
        """The calls without a picture that may have been billed, with the reason of each."""
        return {number: call.reason for number, call in sorted(self._calls.items()) if call.needs_permission}

    def allow_resending(self) -> None:
        """Log that a person allows repeating the unknown calls."""
        for number in self.unknown_calls():
            call = self._calls[number]
            details = {key: value for key, value in call.outcome.items() if key not in ("format", "outcome", "sha256")}
            self._outcome(number, "resent", **{"reason": call.reason, **details})
            self._ledger.doubt(self._key(number))

    def reconcile(self) -> None:
        """Update the ledger from the outcomes, after a crash between both."""
        for key in [key for key in self._ledger.reserved if numbers_of(key)[0] == self.step]:
            _, number = numbers_of(key)
            call = self._calls.get(number)
            if call is None or call.status in ("refused", "not_sent"):
                self._ledger.release(key)
            elif call.body is None or call.bill.usd is None:
                self._ledger.doubt(key)
            else:
                self._ledger.book(key, call.bill.usd, call.bill.estimated)

    @cached_property
    def _calls(self) -> dict[int, Call]:
        def is_settled(call: int) -> bool:
            return settlement_path(self._disk.root, self.step, call).is_file()

        return {call: read_call(self._folder, call, is_settled(call)) for call in call_numbers(self._folder)}

    def _candidates_of(self, call: Call) -> list[RawCandidate]:
        meta = call.outcome.get("meta", {})
        candidates = candidates_of(call.number, call.answer, call.headers)
        return [replace(raw, meta={**meta, **raw.meta}) for raw in candidates]

    @property
    def _next(self) -> int:
        return 1 + max(self._calls, default=-1)

    def _key(self, call: int) -> str:
        return call_key(self.step, call)

    def _keep_body(self, call: int, body: bytes, **fields: object) -> None:
        path = self._folder / call_file(call, "body")
        self._disk.write(path, body, answer_draft(self.step, call_of(call), body))
        self._calls[call] = replace(self._calls[call], body=body)
        self._outcome(call, "answered", **fields, body_sha256=sha256(body))

    def _outcome(self, call: int, outcome: str, **fields: object) -> None:
        record = {"format": FORMAT_VERSION, "outcome": outcome, **fields}
        self._write(call, "outcome.json", seal(record))
        self._calls[call] = replace(self._calls[call], outcome=record)

    def _forget(self, call: int) -> None:
        """Remove the files of an unsent call that cannot be logged as such, so that it does not look billed."""
        with contextlib.suppress(StorageError):
            self._disk.files.unlink(self._folder / call_file(call, "outcome.json"))
            self._disk.files.unlink(self._folder / call_file(call, "intent.json"))

    def _write(self, call: int, kind: CallFile, data: bytes) -> str:
        name = call_file(call, kind)
        self._disk.write(self._folder / name, data)
        return name
