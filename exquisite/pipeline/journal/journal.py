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

import contextlib
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from ...api.answer import candidates_in, read_body
from ...api.generator import OwedPicture, RawCandidate, StoredAnswer
from ...errors import AnswerError, StorageError
from ...files import Files
from ..store.records import FORMAT_VERSION, Record, read_file, read_record, seal, sha256
from .ledger import Ledger

__all__ = ["Journal"]

_REASON_LIMIT = 4_000
_ROOM_BYTES = 1 << 27  # ten tiles as base64, their files, and something for everybody else


class Journal:
    """The calls of one step; implements `CallLog`.

    Args:
        step_dir: the folder of the step; its `answers` folder must exist.
        ledger: the money of the session.
        scratch: the session's folder for files that are being written.
        budget: USD that the session may cost in all; None for no limit.
        progress: is told short lines for a person.
    """

    def __init__(
        self,
        step_dir: Path,
        ledger: Ledger,
        files: Files,
        scratch: Path,
        budget: Decimal | None = None,
        progress: Callable[[str], None] | None = None,
    ) -> None:
        self._folder = step_dir / "answers"
        self._step = step_dir.name
        self._ledger = ledger
        self._files = files
        self._scratch = scratch
        self._budget = budget
        self._progress = progress
        self._next = 1 + max(self._numbers(), default=-1)
        self._reserved = Decimal(0)

    # What a generator calls

    def reserve(self, usd: Decimal, what: str) -> None:
        """Set aside the worst case of the next call; see `CallLog`.

        Raises:
            StorageError: the disk could not take the answer, which would then be paid and lost; nothing is sent.
        """
        if usd > 0 and (free := self._files.free_space(self._folder)) < _ROOM_BYTES:
            raise StorageError(
                f"only {free / 1e6:.0f} MB are free at {self._folder}, too little to keep an answer safely: "
                f"nothing was sent; free some space and run the same command again"
            )
        self._ledger.reserve(self._key(self._next), usd, self._budget, what)
        self._reserved = usd

    def intend(self, summary: Mapping[str, object]) -> int:
        """Record that a request is about to leave; see `CallLog`."""
        call, self._next = self._next, self._next + 1
        record = {"format": FORMAT_VERSION, "call": call, "reserved_usd": str(self._reserved), "request": dict(summary)}
        self._reserved = Decimal(0)
        self._write(f"{call:03d}.intent.json", seal(record))
        return call

    def answered(self, call: int, body: bytes, headers: Mapping[str, str], usd: Decimal | None = None) -> None:
        """Keep the body as received; see `CallLog`."""
        self._write(f"{call:03d}.body", body)
        self._outcome(call, "answered", headers=dict(headers), body_sha256=sha256(body))
        if usd is not None:
            self.book(call, usd)

    def book(self, call: int, usd: Decimal) -> None:
        """Book the real cost of a call; see `CallLog`."""
        self._ledger.book(self._key(call), usd)

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
            name = f"{call:03d}.partial"
            self._write(name, partial)
            reason += f"; the {len(partial)} bytes that arrived are kept in answers/{name}"
            kept = {"partial_sha256": sha256(partial)}
        self._outcome(call, "unknown", reason=reason, **kept)
        self._ledger.doubt(self._key(call))

    def progress(self, message: str) -> None:
        """Pass a short line on; see `CallLog`."""
        if self._progress is not None:
            self._progress(message)

    # What the session calls

    def keep(self, candidate: RawCandidate) -> None:
        """Make a tile durable whose generator logged no call."""
        call, self._next = self._next, self._next + 1
        self._write(f"{call:03d}.body", candidate.data)
        self._outcome(call, "answered", headers={}, body_sha256=sha256(candidate.data), meta=dict(candidate.meta))

    def answers(self) -> list[StoredAnswer]:
        """Every stored body, in the order of the calls."""
        stored = []
        for call in self._numbers():
            body = self._folder / f"{call:03d}.body"
            if body.is_file():
                headers = self.outcome(call).get("headers", {})
                stored.append(StoredAnswer(call, read_file(body), headers))
        return stored

    def candidates(self) -> list[RawCandidate]:
        """The tiles in the stored bodies, in order, each with what is known of how it came.

        Raises:
            AnswerError: a body is no answer at all.
        """
        answers = self.answers()
        meta: dict[object, Mapping[str, Any]] = {
            answer.number: self.outcome(answer.number).get("meta", {}) for answer in answers
        }
        return [
            RawCandidate(raw.data, {**meta.get(raw.meta["answer"], {}), **raw.meta}) for raw in candidates_in(answers)
        ]

    def owed(self) -> list[OwedPicture]:
        """The pictures that answers name by address and that were not fetched, in order."""
        asked = {call: self._request(call) for call in self._numbers()}
        fetched = {
            (request.get("answer"), request.get("image"))
            for call, request in asked.items()
            if _is_download(request) and self.outcome(call)["outcome"] == "answered"
        }
        owed = []
        for answer in self.answers():
            request = asked[answer.number]
            if _is_download(request):
                continue
            with contextlib.suppress(AnswerError, ValueError):
                urls = read_body(answer.body).urls
                wanted = int(request.get("fields", {}).get("n", len(urls)))
                names = [OwedPicture(int(self._step), answer.number, place, url) for place, url in urls[:wanted]]
                owed += [picture for picture in names if (picture.answer, picture.image) not in fetched]
        return owed

    def outcome(self, call: int) -> Record:
        """What became of a call; `{"outcome": "unknown"}` when a crash came between."""
        path = self._folder / f"{call:03d}.outcome.json"
        if path.is_file():
            return read_record(path)
        if (self._folder / f"{call:03d}.body").is_file():
            return {"outcome": "answered"}
        return {"outcome": "unknown", "reason": "the run ended before the answer came"}

    def unknown_calls(self) -> dict[int, str]:
        """The calls that may have been billed without an answer, with the reason of each; a download costs nothing."""
        outcomes = {call: self.outcome(call) for call in self._numbers() if not _is_download(self._request(call))}
        return {
            call: str(outcome.get("reason", ""))
            for call, outcome in outcomes.items()
            if outcome["outcome"] == "unknown"
        }

    def allow_resending(self) -> None:
        """Record that a person decided to ask again for what the unknown calls may have lost."""
        for call in self.unknown_calls():
            told = self.outcome(call)
            kept = {key: told[key] for key in ("reason", "partial_sha256") if key in told}
            self._outcome(call, "resent", **kept)
            self._ledger.doubt(self._key(call))

    def settle(self, cost: Callable[[Mapping[str, Any], bytes], Decimal | None]) -> None:
        """Bring the ledger in line with the outcomes, after a crash between the two.

        `cost(request summary, body)` is the real cost of an answered call, None when the body does not say.
        """
        for key in [key for key in self._ledger.reserved if key.startswith(f"{self._step}/")]:
            call = int(key.partition("/")[2])
            intent = self._folder / f"{call:03d}.intent.json"
            if not intent.is_file():
                self._ledger.release(key)
                continue
            match self.outcome(call)["outcome"]:
                case "answered":
                    record = read_record(intent)
                    usd = cost(record["request"], read_file(self._folder / f"{call:03d}.body"))
                    self._ledger.book(key, Decimal(record["reserved_usd"]) if usd is None else usd)
                case "refused" | "not_sent":
                    self._ledger.release(key)
                case _:
                    self._ledger.doubt(key)

    def _request(self, call: int) -> Record:
        """The summary of a call's request; empty for what was kept without a call."""
        intent = self._folder / f"{call:03d}.intent.json"
        return dict(read_record(intent)["request"]) if intent.is_file() else {}

    def _numbers(self) -> list[int]:
        return sorted({int(path.name[:3]) for path in self._folder.glob("[0-9][0-9][0-9].*")})

    def _key(self, call: int) -> str:
        return f"{self._step}/{call:03d}"

    def _outcome(self, call: int, outcome: str, **fields: object) -> None:
        self._write(f"{call:03d}.outcome.json", seal({"format": FORMAT_VERSION, "outcome": outcome, **fields}))

    def _write(self, name: str, data: bytes) -> None:
        self._files.write_atomic(self._folder / name, data, self._scratch)


def _is_download(request: Mapping[str, Any]) -> bool:
    return request.get("method") == "GET"
