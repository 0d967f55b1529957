"""What a reply means for the purse: answered, refused for good, refused for now, or nobody knows.

    2xx                                              answered   (billed, whatever it holds)
    429, 503 with a JSON error                       busy       (certainly refused: wait, ask again)
    429 whose code says that the money is gone       refused
    408, 409, 499, every other 5xx                   unknown    (perhaps billed: never sent again on its own)
    3xx, every other 4xx                             refused
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from .retry import wait_asked

__all__ = ["Kind", "Reply", "Said", "Verdict", "judge", "request_id", "said_by"]

MAX_WORDS = 600
"""Characters of a server's message that are shown."""

_AMBIGUOUS = {408, 409, 499}
_OUT_OF_MONEY = re.compile(
    r"\b(?:billing_hard_limit_reached|insufficient_quota|credit_balance_exhausted|\w+_spend_limit_exceeded"
    r"|budget_exceeded)\b"
)
"""Codes that say that there is no money left; a proxy repeats them in its own words, under a code of its own."""
_CHECK_BILLING = "exceeded your current quota"  # of insufficient_quota; with a wait it is the quota of a minute
_ADVICE = {
    "moderation_blocked": "change the words of the prompt; the same request will be refused again",
    "invalid_mask_image_format": "the server cannot read the mask; check the mask field of its settings",
    "invalid_image_file": "the server cannot read the reference; check the image field of its settings",
    "unknown_parameter": "leave the field out with omit_fields in its settings",
    "invalid_value": "choose a value that the model accepts; `models` lists them",
    "invalid_input_fidelity_model": "leave input_fidelity out for this model",
    "model_not_found": "choose another model; `models` lists them",
    400: "change what the message names",
    401: "check the key; it comes from {key}",
    403: "the key may not do this; check its project, its permissions and the verification of the organization",
    404: "check the base URL and the model; `models` lists the models",
    413: "the request is too large for this server",
}
_NO_MONEY = "add credit or raise the spending limit of the account, then run the same command again"
_REDIRECT = "redirects are not followed, because the key would go along: set the base URL to the server itself"


@dataclass(frozen=True)
class Reply:
    """What came over the wire.

    Attributes:
        status: HTTP status.
        headers: names in lower case.
        body: the bytes, as far as they were read.
        whole: False where the body was cut at a limit.
        key_source: where the key of the request came from, in words.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    whole: bool = True
    key_source: str = ""


class Kind(Enum):
    """What became of a call."""

    ANSWERED = "answered"
    REFUSED = "refused"
    BUSY = "busy"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Verdict:
    """A judged reply.

    Attributes:
        kind: what became of the call.
        reason: the status and the server's own words.
        advice: what to do next; "" where waiting is all.
        wait_s: seconds that the server asks to wait; None when it does not say.
        retry: False where the server says that asking again is no use.
    """

    kind: Kind
    reason: str
    advice: str = ""
    wait_s: float | None = None
    retry: bool = True


@dataclass(frozen=True)
class Said:
    """The error in a body: the server's words, its code, its type, and whether it came as a JSON error."""

    words: str
    code: str = ""
    type: str = ""
    is_json_error: bool = False


def judge(reply: Reply, now: float) -> Verdict:
    """What `reply` means; `now` is in seconds since 1970, for a Retry-After date."""
    status = reply.status
    if 200 <= status < 300:
        return Verdict(Kind.ANSWERED, f"status {status}")
    said = said_by(reply.body)
    reason = _reason(reply, said)
    wait_s = wait_asked(reply.headers, said.words, now)
    if status in (400, 402, 403, 429) and _is_out_of_money(said, wait_s):
        return Verdict(Kind.REFUSED, reason, _NO_MONEY)
    if status == 429 or (status == 503 and said.is_json_error):
        retry = reply.headers.get("x-should-retry", "").strip().lower() != "false"
        return Verdict(Kind.BUSY, reason, "", wait_s, retry)
    if status in _AMBIGUOUS or status >= 500 or status < 200:
        return Verdict(Kind.UNKNOWN, reason)
    if status < 400:
        return Verdict(Kind.REFUSED, reason, _REDIRECT)
    advice = str(_ADVICE.get(said.code) or _ADVICE.get(status) or _ADVICE[400])
    return Verdict(Kind.REFUSED, reason, advice.format(key=reply.key_source or "the environment or a key file"))


def _is_out_of_money(said: Said, wait_s: float | None) -> bool:
    """Whether waiting is no use, because the account has no credit or has reached its limit."""
    if _OUT_OF_MONEY.search(f"{said.code} {said.type} {said.words}"):
        return True
    return _CHECK_BILLING in said.words.lower() and wait_s is None


def said_by(body: bytes) -> Said:
    """The error that a body speaks of: OpenAI's object, a string, `detail`, an HTML page or nothing."""
    try:
        document = json.loads(body[: 1 << 20])
    except (ValueError, RecursionError):
        title = re.search(rb"<title[^>]*>(.*?)</title>", body[:20_000], re.IGNORECASE | re.DOTALL)
        return Said(_plain((title[1] if title else body[:200]).decode("utf-8", "replace")))
    error = document.get("error") if isinstance(document, dict) else None
    if isinstance(error, dict):
        code = error.get("code") or error.get("type")
        words = _plain(error.get("message"))
        parameter = _plain(error.get("param"))
        words += f" (parameter {parameter})" if parameter else ""
        return Said(words, _plain(code), _plain(error.get("type")), is_json_error=True)
    if isinstance(error, str) and error:
        return Said(_plain(error), is_json_error=True)
    detail = document.get("detail") if isinstance(document, dict) else document
    return Said(_plain(detail if isinstance(detail, str) else json.dumps(detail) if detail else ""))


def request_id(headers: Mapping[str, str]) -> str:
    """The number that the server gave a request; proxies and other servers put words before its header's name."""
    numbers = {name.lower(): value for name, value in headers.items() if name.lower().endswith("request-id")}
    return _plain(numbers.get("x-request-id") or next(iter(numbers.values()), ""))


def _reason(reply: Reply, said: Said) -> str:
    code = f" {said.code}" if said.code else ""
    words = f": {said.words}" if said.words else ""
    number = request_id(reply.headers)
    return f"status {reply.status}{code}{words}" + (f" [request {number}]" if number else "")


def _plain(value: object) -> str:
    """One line of printable characters, of bounded length: nothing that a terminal would obey."""
    text = value if isinstance(value, str) else "" if value is None else str(value)
    text = "".join(c if c.isprintable() else " " for c in text[: 2 * MAX_WORDS])
    return " ".join(text.split())[:MAX_WORDS]
