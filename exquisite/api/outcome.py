"""Classifies replies by their consequence for billing.

    2xx                                              answered   billed, with or without images
    429, 503 with a JSON error                       busy       not billed: retryable
    429 with the code of an exhausted account        refused    not billed: a retry is useless
    408, 409, 499, every other 5xx                   unknown    perhaps billed: ambiguous
    3xx, every other 4xx                             refused    not billed
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from .retry import wait_asked

__all__ = ["MAX_WORDS", "Kind", "Reply", "ServerMessage", "Verdict", "judge", "request_id", "server_message"]

MAX_WORDS = 600
"""Largest length of a server's message in an error, in characters."""

_AMBIGUOUS = {408, 409, 499}  # request time-out, conflict, client closed the request: it may have been served
_JSON_BYTES = 1 << 20  # parsed part of a body: at least all of an answer with an error status
_HTML_BYTES = 20_000  # searched for a title: pages of proxies are smaller
_EXCERPT_BYTES = 200  # excerpt of a body that is neither JSON nor HTML: two lines of a message
_TITLE = re.compile(rb"<title[^>]*>(.*?)</title>", re.IGNORECASE | re.DOTALL)
_OUT_OF_MONEY = re.compile(
    r"\b(?:billing_hard_limit_reached|insufficient_quota|credit_balance_exhausted|\w+_spend_limit_exceeded"
    r"|budget_exceeded)\b"
)
# Error codes of an exhausted account. A proxy repeats them in its own message, under its own code.
_CHECK_BILLING = "exceeded your current quota"  # message of insufficient_quota; with a retry-after it is a rate limit
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
    """An HTTP response.

    Attributes:
        status: HTTP status.
        headers: names in lower case.
        body: the bytes, up to a limit.
        whole: False when the limit truncated the body.
        key_source: source of the key of the request, for messages.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    whole: bool = True
    key_source: str = ""


class Kind(Enum):
    """Outcome of a call."""

    ANSWERED = "answered"
    REFUSED = "refused"
    BUSY = "busy"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Verdict:
    """A classified reply.

    Attributes:
        kind: outcome of the call.
        reason: the status and the message of the server.
        advice: what to do next; "" when waiting suffices.
        wait_s: delay that the server requests, in seconds; None when it requests none.
        retry: False when the server states that a retry is useless.
    """

    kind: Kind
    reason: str
    advice: str = ""
    wait_s: float | None = None
    retry: bool = True


@dataclass(frozen=True)
class ServerMessage:
    """The error in a body: its message, code and type, and whether it is a JSON error."""

    text: str
    code: str = ""
    type: str = ""
    is_json_error: bool = False


def judge(reply: Reply, now: float) -> Verdict:
    """Classify `reply`; `now` is in seconds since 1970, for a Retry-After date."""
    status = reply.status
    if 200 <= status < 300:
        return Verdict(Kind.ANSWERED, f"status {status}")
    message = server_message(reply.body)
    reason = _reason(reply, message)
    wait_s = wait_asked(reply.headers, message.text, now)
    if status in (400, 402, 403, 429) and _is_out_of_money(message, wait_s):
        return Verdict(Kind.REFUSED, reason, _NO_MONEY)
    if status == 429 or (status == 503 and message.is_json_error):
        retry = reply.headers.get("x-should-retry", "").strip().lower() != "false"
        return Verdict(Kind.BUSY, reason, "", wait_s, retry)
    if status in _AMBIGUOUS or status >= 500 or status < 200:
        return Verdict(Kind.UNKNOWN, reason)
    if status < 400:
        return Verdict(Kind.REFUSED, reason, _REDIRECT)
    advice = str(_ADVICE.get(message.code) or _ADVICE.get(status) or _ADVICE[400])
    return Verdict(Kind.REFUSED, reason, advice.format(key=reply.key_source or "the environment or a key file"))


def _is_out_of_money(message: ServerMessage, wait_s: float | None) -> bool:
    """Whether a retry is useless because the account has no credit or has reached its limit."""
    if _OUT_OF_MONEY.search(f"{message.code} {message.type} {message.text}"):
        return True
    return _CHECK_BILLING in message.text.lower() and wait_s is None


def server_message(body: bytes) -> ServerMessage:
    """Extract the error from a body: OpenAI's error object, a string, `detail`, the title of an HTML page, or text."""
    try:
        document = json.loads(body[:_JSON_BYTES])
    except (ValueError, RecursionError):
        title = _TITLE.search(body[:_HTML_BYTES])
        return ServerMessage(_plain((title[1] if title else body[:_EXCERPT_BYTES]).decode("utf-8", "replace")))
    error = document.get("error") if isinstance(document, dict) else None
    if isinstance(error, dict):
        code = error.get("code") or error.get("type")
        text = _plain(error.get("message"))
        parameter = _plain(error.get("param"))
        text += f" (parameter {parameter})" if parameter else ""
        return ServerMessage(text, _plain(code), _plain(error.get("type")), is_json_error=True)
    if isinstance(error, str) and error:
        return ServerMessage(_plain(error), is_json_error=True)
    detail = document.get("detail") if isinstance(document, dict) else document
    return ServerMessage(_plain(detail if isinstance(detail, str) else json.dumps(detail) if detail else ""))


def request_id(headers: Mapping[str, str]) -> str:
    """The server's id of a request. Proxies and other servers add a prefix to the name of its header."""
    ids = {name.lower(): value for name, value in headers.items() if name.lower().endswith("request-id")}
    return _plain(ids.get("x-request-id") or next(iter(ids.values()), ""))


def _reason(reply: Reply, message: ServerMessage) -> str:
    code = f" {message.code}" if message.code else ""
    text = f": {message.text}" if message.text else ""
    number = request_id(reply.headers)
    return f"status {reply.status}{code}{text}" + (f" [request {number}]" if number else "")


def _plain(value: object) -> str:
    """Convert to one line of printable characters of bounded length, without control codes of a terminal."""
    text = value if isinstance(value, str) else "" if value is None else str(value)
    text = "".join(c if c.isprintable() else " " for c in text[: 2 * MAX_WORDS])
    return " ".join(text.split())[:MAX_WORDS]
