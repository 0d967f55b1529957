"""One call of a step, read from its files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any

from ...api.answer import EditAnswer, read_body
from ...api.bill import Bill, bill_of
from ...api.models import FREE
from ...api.outcome import server_message
from ...errors import AnswerError
from ..store.records import Record, read_file, read_record
from .call_files import call_file

__all__ = ["Call", "read_call"]


@dataclass(frozen=True)
class Call:
    """One call.

    Attributes:
        number: its number within the step.
        request: summary of the request; empty for a tile without a call.
        reserved: the worst case that was reserved for it, in USD.
        outcome: the record of its outcome; empty when there is none.
        body: the answer as received; None without an answer.
        settled: True when a person has settled whether it was billed.
        intended: True when the log has its request, False for a tile without a call.
    """

    number: int
    request: Mapping[str, Any]
    reserved: Decimal = Decimal(0)
    outcome: Mapping[str, Any] = field(default_factory=dict)
    body: bytes | None = None
    settled: bool = False
    intended: bool = True

    @cached_property
    def answer(self) -> EditAnswer:
        """The parsed body; empty without a body, and for an unreadable one."""
        try:
            return read_body(self.body or b"")
        except AnswerError:
            return EditAnswer()

    @property
    def headers(self) -> Mapping[str, str]:
        """The stored headers of the answer."""
        return dict(self.outcome.get("headers", {}))

    @property
    def is_download(self) -> bool:
        """Whether it downloaded a picture from a URL in another answer, which costs nothing."""
        return self.request.get("method") == "GET"

    @property
    def is_free(self) -> bool:
        """Whether it costs nothing: there was no call, or the server is free."""
        return not self.intended or self.request.get("priced_as") == FREE

    @property
    def status(self) -> str:
        """The outcome in one word; "unknown" after a crash before the answer."""
        return str(self.outcome.get("outcome", "unknown" if self.body is None else "answered"))

    @property
    def has_no_picture(self) -> bool:
        """Whether its answer has neither a picture nor the URL of one."""
        return self.status == "answered" and not self.is_download and not self.answer.names_pictures

    @property
    def needs_permission(self) -> bool:
        """Whether a repetition may cost money twice."""
        may_be_billed = self.status == "unknown" or self.has_no_picture
        return may_be_billed and not (self.is_download or self.is_free or self.settled)

    @property
    def bill(self) -> Bill:
        """The cost of the answer. When the log has no estimate, the reservation replaces it."""
        estimate = Decimal(self.request.get("estimate_usd", self.reserved))
        return bill_of(str(self.request.get("priced_as")), estimate, self.answer, self.headers)

    @property
    def reason(self) -> str:
        """Why it has no picture, and what it cost, for a message."""
        if self.body is None:
            unknown = "no answer was stored: the run ended before it came, or the disk refused it"
            return str(self.outcome.get("reason", unknown))
        text = server_message(self.body).text
        message = f" ({text})" if text else ""
        name = call_file(self.number, "body")
        return f"answers/{name} holds no picture{message}; it cost {self.bill.in_words(self.reserved)}"


def read_call(folder: Path, number: int, settled: bool = False) -> Call:
    """Read a call from its files in `folder`.

    Raises:
        SessionDamagedError: a file is unreadable.
    """
    intent, outcome, body = (
        folder / call_file(number, "intent.json"),
        folder / call_file(number, "outcome.json"),
        folder / call_file(number, "body"),
    )
    intended = intent.is_file()
    record: Record = read_record(intent) if intended else {}
    return Call(
        number,
        record.get("request", {}),
        Decimal(record.get("reserved_usd", 0)),
        read_record(outcome) if outcome.is_file() else {},
        read_file(body) if body.is_file() else None,
        settled,
        intended,
    )
