"""The interface between a step and a tile generator: the request, the raw candidates, and the log of paid calls."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from types import MappingProxyType
from typing import NamedTuple, Protocol, runtime_checkable

from PIL import Image

from ..contract import Mode, TileContract
from .reference_picture import ReferencePicture

__all__ = [
    "Beginning",
    "CallLog",
    "FetchesPictures",
    "Identified",
    "JudgesFormats",
    "NullCallLog",
    "OwedPicture",
    "PricesRequests",
    "RawCandidate",
    "StoredAnswer",
    "TileGenerator",
    "TileRequest",
    "describe",
]


class Beginning(NamedTuple):
    """The band at the other end of a canvas that a step closes to a loop.

    Attributes:
        band: RGB, own orientation; it lies at the far end of the tile.
        origin: (x, y) of its top left pixel, in pixels, signed from the seed picture's origin.
    """

    band: Image.Image
    origin: tuple[int, int]


@dataclass(frozen=True, eq=False)
class TileRequest:
    """The input of a generator for one step.

    Attributes:
        mode: direction of growth.
        contract: sizes in pixels.
        band: the original band, RGB, own orientation, without cue or scaffold.
        reference: the reference tile as the model sees it, RGB, of a tile's size, own orientation.
        mask: RGBA, same size; alpha 0 marks the pixels to generate.
        prompt: the full prompt.
        candidates: number of tiles to generate, at least 1.
        step_index: number of the step, from 1.
        first_candidate: number of tiles of this step that are on disk already. The answers to this request are
            numbered from here, so that a resumed step requests only the missing ones.
        band_origin: (x, y) of the band's top left pixel, in pixels, signed from the seed picture's origin. The
            simulated model locates the band in its known picture by it; real models never receive it.
        beginning: the band at the far end of the tile, for a step that closes a loop; None otherwise.
        references: the reference pictures, in the order in which they are sent.
    """

    mode: Mode
    contract: TileContract
    band: Image.Image
    reference: Image.Image
    mask: Image.Image
    prompt: str
    candidates: int
    step_index: int
    first_candidate: int = 0
    band_origin: tuple[int, int] = (0, 0)
    beginning: Beginning | None = None
    references: tuple[ReferencePicture, ...] = ()

    @property
    def tile_size(self) -> tuple[int, int]:
        """(width, height) of a tile in pixels, own orientation."""
        return self.contract.tile_size(self.mode)

    @property
    def size_text(self) -> str:
        """`tile_size` as "WIDTHxHEIGHT"."""
        return "x".join(map(str, self.tile_size))


@dataclass(frozen=True)
class RawCandidate:
    """One tile as received.

    Attributes:
        data: the bytes as received (after base64), before any decoding.
        meta: metadata of the answer, without secrets, JSON types only.
        call: the number of the call in the log whose answer holds the bytes; None when the generator logged
            no call, so that the caller has to store the bytes.
    """

    data: bytes
    meta: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))
    call: int | None = None


@dataclass(frozen=True)
class StoredAnswer:
    """The body of one answer on disk, and those of its headers that contain no secrets.

    A body is an image file, or the JSON of the images/edits endpoint.
    """

    number: int
    body: bytes
    headers: Mapping[str, str]


@dataclass(frozen=True)
class OwedPicture:
    """A picture that a stored answer names by URL: paid for, but not downloaded yet.

    Attributes:
        step: number of the step.
        answer: number of the answer in the call log.
        image: index in the answer's `data`.
        url: the URL in the answer.
    """

    step: int
    answer: int
    image: int
    url: str = field(repr=False)  # it may carry a token


class CallLog(Protocol):
    """The log in which a generator that costs money records each request before and after sending it.

    Each method is durable when it returns. The order of one call is
    `reserve` → `intend` → (the request leaves) → exactly one of `answered`, `refused`, `not_sent`, `unknown`.
    After a crash, an intent without an outcome counts as unknown.
    """

    def reserve(self, usd: Decimal, what: str) -> None:
        """Set aside the worst case of the next call, in USD, described by `what` for messages.

        Raises:
            PaymentError: the budget does not allow it; the request must not be sent.
        """

    def intend(self, summary: Mapping[str, object]) -> int:
        """Record a request before it is sent; return the number of the call. `summary` holds no secrets."""

    def answered(self, call: int, body: bytes, headers: Mapping[str, str], usd: Decimal | None = None) -> None:
        """Store the body as received, before any parsing. `usd` is the cost, or None while it is unknown."""

    def book(self, call: int, usd: Decimal, estimated: bool = False) -> None:
        """Replace the reservation of an answered call by its cost, after parsing its usage.

        `estimated` is True when the server stated no cost, so that `usd` is the earlier estimate.
        """

    def doubt(self, call: int) -> None:
        """Keep counting the reservation of an answered call that has no picture and states no cost."""

    def refused(self, call: int, reason: str, body: bytes = b"") -> None:
        """Record that the server refused: nothing was billed, and the reservation is released."""

    def not_sent(self, call: int, reason: str) -> None:
        """Record that the request certainly did not reach the server; the reservation is released."""

    def unknown(self, call: int, reason: str, partial: bytes = b"") -> None:
        """Record that no complete answer arrived: the call may have been billed, and its reservation stays counted.

        `partial` is the received part, stored for inspection and never parsed as an answer.
        """

    def progress(self, message: str, urgent: bool = False) -> None:
        """Report one short line, such as "waiting 2.0 s" or "answer 2 of 3"; `urgent` when a person must act on it."""


class NullCallLog:
    """A CallLog that stores nothing, for generators outside a session."""

    def __init__(self) -> None:
        self._calls = 0

    def reserve(self, usd: Decimal, what: str) -> None:
        """Accept any amount."""

    def intend(self, summary: Mapping[str, object]) -> int:
        """Number the call."""
        self._calls += 1
        return self._calls - 1

    def answered(self, call: int, body: bytes, headers: Mapping[str, str], usd: Decimal | None = None) -> None:
        """Store nothing."""

    def book(self, call: int, usd: Decimal, estimated: bool = False) -> None:
        """Store nothing."""

    def doubt(self, call: int) -> None:
        """Store nothing."""

    def refused(self, call: int, reason: str, body: bytes = b"") -> None:
        """Store nothing."""

    def not_sent(self, call: int, reason: str) -> None:
        """Store nothing."""

    def unknown(self, call: int, reason: str, partial: bytes = b"") -> None:
        """Store nothing."""

    def progress(self, message: str, urgent: bool = False) -> None:
        """Report nothing."""


@runtime_checkable
class TileGenerator(Protocol):
    """Generates tiles: the simulated model, the client of a real model, or a replay of recorded answers.

    A generator may also be `Identified`, `PricesRequests`, `FetchesPictures` or `JudgesFormats`.
    """

    def generate(self, request: TileRequest, calls: CallLog) -> Iterable[RawCandidate]:
        """Yield up to `request.candidates` tiles, each as soon as it arrives."""


@runtime_checkable
class Identified(Protocol):
    """A generator that describes what determines its answers besides the request."""

    def identity(self) -> Mapping[str, object]:
        """Model, quality, seed and the like, as JSON types without secrets.

        The digest of a request includes it, and by that digest an unfinished step finds its stored answers.
        """


@runtime_checkable
class PricesRequests(Protocol):
    """A generator whose requests cost money, and that can price a request before sending it."""

    def request_preview(self, request: TileRequest) -> Mapping[str, object]:
        """Describe the calls for `request`, with `estimate_usd` and `worst_case_usd` in USD as text."""


@runtime_checkable
class FetchesPictures(Protocol):
    """A generator whose answers may name pictures by URL, and that can download them in a later run."""

    def fetch(self, owed: Sequence[OwedPicture], contract: TileContract, calls: CallLog) -> None:
        """Download the pictures and store each in `calls` as a separate answer; a failure does not stop the others.

        Raises:
            OutcomeUnknownError: at least one download failed.
        """


@runtime_checkable
class JudgesFormats(Protocol):
    """A generator whose settings decide whether tiles in a lossy format are used."""

    @property
    def lossy(self) -> str:
        """"accept" to use them with a warning, "refuse" to store them and stop."""


def describe(generator: TileGenerator) -> dict[str, object]:
    """The identity of `generator` for a step's record: its `identity()`, or else the name of its type."""
    if isinstance(generator, Identified):
        return dict(generator.identity())
    return {"generator": type(generator).__name__}
