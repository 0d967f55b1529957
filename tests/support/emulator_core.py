"""The emulated endpoint: it checks a request, plays the script, draws, bills, and records every call.

It knows nothing of sockets: `emulator_server` and `emulator_memory` carry its replies.
"""

from __future__ import annotations

import base64
import hashlib
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

from .emulator_flavours import FLAVOURS, Flavour
from .emulator_outcomes import play, valid_entry
from .emulator_replies import Reply, event_reply, json_reply
from .emulator_rules import MODELS, Edit, Refusal, check_edit, error_body

__all__ = ["EMULATOR_KEY", "Call", "Drawing", "Emulator", "usage_of", "usd_of"]

EMULATOR_KEY = "emulator-key-4f6b1c0d9e2a"
"""The only key that an emulator accepts."""

Drawing = Callable[[Edit, int, int], list[bytes]]
"""(edit, how many, how many of the same edit were drawn before) -> PNGs."""

_CREATED = 1_795_305_600  # 2026-11-22; no clock, so that recordings are reproducible
_PATCH_PX = 32
_CLASSIC_PIXELS = 1024 * 1024


@dataclass
class Call:
    """One request for an edit.

    Attributes:
        outcome: the script entry that was played, or "refused" for a request that breaks a rule.
        status: HTTP status of the reply; 0 where none was sent.
        usd: what it was billed.
        whole: whether a patient client got every byte of the reply.
        pictures: how many pictures were billed.
        edit: what was asked; None for a refused request.
        headers: the request's, names in lower case.
    """

    outcome: str
    status: int = 0
    usd: Decimal = Decimal(0)
    whole: bool = True
    pictures: int = 0
    edit: Edit | None = None
    headers: Mapping[str, str] | None = None

    @property
    def settled(self) -> bool:
        """Whether the reply tells its bill: a whole answer, or a whole refusal."""
        return self.whole and (self.status == 200 or not self.usd)


class Emulator:
    """An images/edits server. Thread-safe.

    Attributes:
        calls: every request for an edit, in order; those that never left are among them, with status 0.
        downloads: paths of the pictures that were fetched from addresses in answers.
        strays: (method, host, whether a key came along) of each request to the other host. A client that
            sends any unasked has followed an address that it must not follow.
        stray_headers: the headers of each of those.
    """

    def __init__(
        self,
        script: Iterable[str] = (),
        *,
        flavour: Flavour | str = "openai",
        draw: Drawing,
        api_key: str = EMULATOR_KEY,
        any_size: bool = False,
        after: str = "ok",
    ) -> None:
        """`script` has one entry a request, see `emulator_outcomes`; `after` is played when it has ended.

        `any_size` lifts the rules for sizes, for tests with small contracts.
        """
        self.flavour = flavour if isinstance(flavour, Flavour) else FLAVOURS[flavour]
        self.api_key = api_key
        self.here = "http://127.0.0.1:8123"
        self.elsewhere = "http://elsewhere.example:8123"
        self._after = valid_entry(after)
        self._draw = draw
        self._any_size = any_size
        self._lock = threading.RLock()
        self.restart(script)

    def restart(self, script: Iterable[str] = ()) -> None:
        """Forget everything that happened, and play `script` next.

        Raises:
            ValueError: an entry that is no outcome.
        """
        with self._lock:
            self._script = [valid_entry(entry) for entry in script]
            self.calls: list[Call] = []
            self.downloads: list[str] = []
            self.strays: list[tuple[str, str, bool]] = []
            self.stray_headers: list[Mapping[str, str]] = []
            self._draw_counts: dict[bytes, int] = {}
            self._files: dict[str, bytes] = {}

    @property
    def base_url(self) -> str:
        """The base URL for clients."""
        path = self.flavour.path.replace("(?P<model>[^/]+)", "emulated")
        return self.here + path.removesuffix("/images/edits")

    @property
    def billed_usd(self) -> Decimal:
        """The sum of all bills in USD, whether the client knows of them or not."""
        return sum((call.usd for call in self.calls), Decimal(0))

    @property
    def settled_usd(self) -> Decimal:
        """The sum of the bills in answers that arrived, in USD."""
        return sum((call.usd for call in self.calls if call.settled), Decimal(0))

    @property
    def arrivals(self) -> int:
        """The number of requests for an edit that arrived."""
        return sum(call.outcome not in ("connect_error", "connect_timeout", "pool_timeout") for call in self.calls)

    @property
    def script_left(self) -> Sequence[str]:
        """The entries of the script that are still to be played."""
        return tuple(self._script)

    def reply(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """Answer one request. `target` is path and query; `headers` in any case."""
        headers = {name.lower(): value for name, value in headers.items()}
        with self._lock:
            host = headers.get("host", "")
            stray = not self.here.endswith(f"//{host.replace('localhost', '127.0.0.1')}")
            if stray:
                self.strays.append((method, host, any(name in headers for name in ("authorization", "api-key"))))
                self.stray_headers.append(headers)
            if method == "GET" and target in self._files:
                self.downloads.append(target)
                return Reply(200, {"content-type": "image/png"}, self._files[target])
            if stray:
                return json_reply(200, {"stray": True})
            return self._edit(method, target, headers, body)

    def _edit(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Reply:
        number = {self.flavour.request_id: f"req_{len(self.calls):08d}"}
        call = Call("refused", headers=headers)
        self.calls.append(call)
        try:
            call.edit = _checked(
                self.flavour,
                method,
                target,
                headers.get(self.flavour.auth or "", ""),
                headers.get("content-type", ""),
                body,
                self.api_key,
                self._any_size,
            )
        except Refusal as refusal:
            reply = json_reply(refusal.status, error_body(refusal, self.flavour), number)
            call.status = reply.status
            return reply
        call.outcome = self._script.pop(0) if self._script else self._after
        reply = play(call.outcome, _Scene(self, call, call.edit, number))
        call.whole = reply.whole
        call.status = 0 if reply.silent or reply.never_sent else reply.status
        return reply


@lru_cache(maxsize=32)
def _checked(
    flavour: Flavour, method: str, target: str, key: str, kind: str, body: bytes, api_key: str, any_size: bool
) -> Edit:
    """`check_edit`, cached: it dominates the time of thousands of equal requests."""
    headers = {"content-type": kind, flavour.auth or "": key}
    return check_edit(flavour, method, target, headers, body, api_key=api_key, any_size=any_size)


class _Scene:
    """What an outcome of one request may use; see `emulator_outcomes.Scene`."""

    def __init__(self, emulator: Emulator, call: Call, edit: Edit, number: Mapping[str, str]) -> None:
        self.edit = edit
        self.here = emulator.here
        self.elsewhere = emulator.elsewhere
        self._emulator, self._call, self._number = emulator, call, number

    def pictures(self, count: int) -> list[bytes]:
        emulator = self._emulator
        digest = hashlib.sha256(self.edit.image.tobytes() + self.edit.fields["prompt"].encode()).digest()
        before = emulator._draw_counts.get(digest, 0)
        emulator._draw_counts[digest] = before + count
        return emulator._draw(self.edit, count, before)

    def bill(self, count: int) -> dict[str, object]:
        flavour = self._emulator.flavour
        if not flavour.usage:
            self._call.usd, self._call.pictures = count * Decimal(flavour.usd_per_picture or 0), count
            return {}
        usage = usage_of(self.edit, count)
        self._call.usd, self._call.pictures = usd_of(self.edit.model, usage), count
        return usage

    def charge(self, usd: Decimal) -> None:
        self._call.usd = usd

    def publish(self, data: bytes) -> str:
        path = f"/files/{hashlib.sha256(data).hexdigest()[:16]}.png"
        self._emulator._files[path] = data
        return path

    def entry(self, data: bytes) -> dict[str, str]:
        answer_format = self.edit.fields.get("response_format", self._emulator.flavour.answers)
        if answer_format == "url":
            return {"url": self.here + self.publish(data)}
        return {"b64_json": base64.b64encode(data).decode("ascii")}

    def envelope(self, entries: list[dict[str, str]], usage: dict[str, object]) -> Reply:
        if self.edit.fields.get("stream") == "true":
            return event_reply([{**entry, "usage": usage} for entry in entries])
        content: dict[str, object] = {"created": _CREATED + len(self._emulator.calls), "data": entries}
        if usage:
            content["usage"] = usage
        if self._emulator.flavour.strict:
            fields = self.edit.fields
            names = ("size", "quality", "background", "output_format")
            content |= {name: fields[name] for name in names if name in fields}
        return json_reply(200, content, self._number)


def usage_of(edit: Edit, count: int) -> dict[str, object]:
    """The tokens of one answer with `count` pictures: four characters a token, one a 32 px square of input."""
    text = -(-len(edit.fields["prompt"]) // 4)
    picture = sum(-(-one.width // _PATCH_PX) * -(-one.height // _PATCH_PX) for one in (edit.image, *edit.references))
    tokens = MODELS[edit.model].output_tokens[edit.fields.get("quality", "auto")]
    output = count * -(-tokens * edit.size[0] * edit.size[1] // _CLASSIC_PIXELS)
    return {
        "input_tokens": text + picture,
        "input_tokens_details": {"text_tokens": text, "image_tokens": picture},
        "output_tokens": output,
        "total_tokens": text + picture + output,
    }


def usd_of(model: str, usage: Mapping[str, object]) -> Decimal:
    """What `usage` costs, in USD."""
    details = usage["input_tokens_details"]
    assert isinstance(details, dict)
    counts = (details["text_tokens"], details["image_tokens"], usage["output_tokens"])
    return Decimal(sum(count * usd for count, usd in zip(counts, MODELS[model].usd, strict=True))) / 1_000_000
