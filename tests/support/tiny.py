"""Small sessions that grow in milliseconds: a contract of 32 px, a generator without randomness, a tree as bytes."""

from __future__ import annotations

import base64
import io
import json
import random
from collections.abc import Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from PIL import Image, ImageChops

from exquisite.api.generator import CallLog, RawCandidate, TileGenerator, TileRequest
from exquisite.contract import Box, Mode, TileContract, from_canonical, to_canonical
from exquisite.errors import OutcomeUnknownError
from exquisite.files import Files
from exquisite.pipeline.session import Session
from exquisite.pipeline.step import StepResult
from exquisite.pipeline.store import Store

__all__ = [
    "PRICE",
    "TINY",
    "InstantGenerator",
    "PayingGenerator",
    "PricedGenerator",
    "grow",
    "make_session",
    "pixels_of",
    "png",
    "seed_picture",
    "step_or_accept",
    "tile_for",
    "tree",
]

TINY = TileContract(tile_px=32, band_px=16, overlap_px=8, advance_px=8)


def seed_picture(width: int = 32, height: int = 32) -> Image.Image:
    """An RGB picture of (width, height): two ramps, a checker, and grain."""
    x = Image.linear_gradient("L").rotate(90).resize((width, height))
    y = Image.linear_gradient("L").resize((width, height))
    columns, rows = Image.new("L", (width, 1)), Image.new("L", (1, height))
    columns.putdata([200 * (column // 3 % 2) for column in range(width)])
    rows.putdata([200 * (row // 5 % 2) for row in range(height)])
    checker = ImageChops.difference(
        *(each.resize((width, height), Image.Resampling.NEAREST) for each in (columns, rows))
    )
    grain = random.Random(width * height).randbytes(3 * width * height)
    return Image.blend(Image.merge("RGB", (x, y, checker)), Image.frombytes("RGB", (width, height), grain), 0.3)


def png(image: Image.Image) -> bytes:
    """`image` as PNG."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def tile_for(request: TileRequest, number: int, drift_px: int = 0) -> Image.Image:
    """The answer of `InstantGenerator`: the band, then the band turned by 180 degrees and moved along the seam.

    How far it is moved depends on step and candidate. No veto takes the new half for a copy, a cast or a smear.
    """
    contract, mode = request.contract, request.mode
    band = to_canonical(request.band, mode)
    tile = Image.new("RGB", (contract.tile_px, contract.across_px))
    tile.paste(ImageChops.offset(band, 0, drift_px))
    width = contract.tile_px - contract.band_px
    turned = band.transpose(Image.Transpose.ROTATE_180)
    turned = turned.crop((0, 0, width, band.height)) if width <= band.width else turned.resize((width, band.height))
    tile.paste(ImageChops.offset(turned, 0, 7 * request.step_index + 4 * number + 2), (contract.band_px, 0))
    return from_canonical(tile, mode)


class InstantGenerator:
    """Makes tiles in no time, the same ones for the same request and step.

    Without drift calibration has nothing to do, which takes most of the time of a small step.

    Args:
        drift_px: how many rows too low the band is drawn again.
    """

    def __init__(self, drift_px: int = 0) -> None:
        self.drift_px = drift_px
        self.candidates: list[tuple[int, int]] = []

    def generate(self, request: TileRequest, calls: CallLog) -> Iterable[RawCandidate]:
        """Yield the tiles; `candidates` lists (step, number) of each."""
        for number in range(request.first_candidate, request.first_candidate + request.candidates):
            self.candidates.append((request.step_index, number))
            tile = tile_for(request, number, self.drift_px)
            yield RawCandidate(png(tile), {"generator": "instant", "candidate": number})


PRICE = Decimal("0.04")
"""What a tile of `PayingGenerator` costs; a little more is set aside for it."""


class PayingGenerator:
    """Like `InstantGenerator`, but each tile is a paid call, logged as the client of a real model logs its own.

    Attributes:
        till: the server's books: (step, candidate) of each tile that was billed, in order.
        durable: (step, candidate) of each tile whose answer the log had made durable.
        breaks_off: numbers of the candidates whose next answer breaks off midway.
    """

    def __init__(
        self,
        till: list[tuple[int, int]],
        durable: list[tuple[int, int]] | None = None,
        breaks_off: Iterable[int] = (),
    ) -> None:
        self.till = till
        self.durable = [] if durable is None else durable
        self.breaks_off = set(breaks_off)

    def generate(self, request: TileRequest, calls: CallLog) -> Iterable[RawCandidate]:
        """Yield the tiles, each after its answer is durable."""
        for number in range(request.first_candidate, request.first_candidate + request.candidates):
            calls.reserve(PRICE * 2, "a tile")
            call = calls.intend({"model": "tiny", "candidate": number})
            self.till.append((request.step_index, number))
            data = png(tile_for(request, number))
            body = json.dumps({"data": [{"b64_json": base64.b64encode(data).decode()}]}).encode()
            if number in self.breaks_off:
                self.breaks_off.remove(number)
                calls.unknown(call, "the connection was reset", body[: len(body) // 2])
                raise OutcomeUnknownError("no whole answer came")
            calls.answered(call, body, {"x-request-id": f"tiny-{number}"}, PRICE)
            self.durable.append((request.step_index, number))
            yield RawCandidate(data, {"answer": call, "image": 0, "request_id": f"tiny-{number}"}, call)


class PricedGenerator(PayingGenerator):
    """A paid model that says what it would cost, and holds a key."""

    key = "sk-this-is-secret"

    def identity(self) -> Mapping[str, object]:
        """The identity of the model."""
        return {"generator": "priced", "model": "tiny"}

    def request_preview(self, request: TileRequest) -> dict[str, object]:
        """The worst-case price of a step, and half of it as the estimate."""
        worst = PRICE * 2 * request.candidates
        return {"estimate_usd": str(worst / 2), "worst_case_usd": str(worst), "url": "http://127.0.0.1/", "warning": ""}


def make_session(
    root: Path, steps: Iterable[str] = (), *, files: Files | None = None, contract: TileContract = TINY, **options: Any
) -> Session:
    """A session at `root` with one committed step for each mode in `steps`."""
    session = Session.create(root, seed_picture(contract.tile_px, contract.across_px), contract, files=files)
    for mode in steps:
        grow(session, mode, **options)
    return session


def grow(session: Session, mode: Mode | str, generator: TileGenerator | None = None, **options: Any) -> StepResult:
    """One committed step with this generator (default: the instant one), without a gate."""
    defaults: dict[str, Any] = {"candidates": 1, "gate": None, "calibrate": False, "artifacts": "none"}
    return session.step(mode, generator or InstantGenerator(), **(defaults | options))


def step_or_accept(session: Session, mode: Mode | str, generator: TileGenerator, **options: Any) -> StepResult:
    """A step without a gate that is always committed: a person accepts the best candidate where all are vetoed."""
    result = session.step(mode, generator, gate=None, **options)
    if result.status == "committed":
        return result
    scores = {number: score.primary for number, score in enumerate(result.scores) if score is not None}
    return session.accept(max(scores, key=scores.__getitem__))


def pixels_of(root: Path, branch: str | None = None) -> tuple[tuple[int, int], bytes]:
    """(size, RGB bytes) of the whole canvas, put together from its strips without any help of the exporter."""
    store = Store(root, branch)
    box: Box = store.canvas_box(store.head)
    canvas = Image.new("RGB", box.size)
    for _, piece in store.pieces(store.head):
        canvas.paste(store.read_strip(piece), (piece.origin[0] - box.left, piece.origin[1] - box.top))
    return canvas.size, canvas.tobytes()


def tree(root: Path) -> Mapping[str, bytes]:
    """Every file under `root` with its content, by relative path."""
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}
