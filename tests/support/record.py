"""Records the committed cassettes: one step in each mode, through the real client.

    python -m tests.support.record            from the emulator, or from the real endpoint when a key is present
    python -m tests.support.record --pins     only the pins: what the committed cassettes lead to, pixel by pixel
    python -m tests.support.record --check    replay all four and compare with the pins; writes nothing

With OPENAI_API_KEY the answers are bought: the estimate is shown, and nothing is sent without --yes.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import os
import random
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import PIL
from PIL import Image, ImageDraw

from exquisite import Session
from exquisite.api.cassette import use_cassette
from exquisite.api.cassette.blobs import prune, unnamed_blobs
from exquisite.api.generator import CallLog, RawCandidate, TileGenerator, TileRequest
from exquisite.api.mock import MockTileGenerator
from exquisite.api.mock.drift import Drift
from exquisite.api.models import CallContent, worst_case_usd
from exquisite.api.openai_client import OpenAITileGeneratorClient
from exquisite.contract import CLASSIC, Mode

from .cassettes import CASSETTES
from .emulator import EMULATOR_KEY, Emulator, MemoryTransport
from .emulator_drawing import redrawing

__all__ = ["CANVAS", "PINS", "Growth", "draw_waves", "main", "pinned_growth", "replayed_growth"]

CANVAS = CASSETTES / "canvas.png"
"""The picture that every cassette extends; drawn by `draw_waves`, because it must compress well."""

PINS = CASSETTES / "pins.json"
"""What each cassette makes the canvas grow by, and the Pillow for which the digests hold; see `Growth`."""

_SIZE = CLASSIC.tile_size("x_ltr")
_MARGIN = CLASSIC.tile_px // 2  # drawn around the canvas: the truth behind every frontier

HANDS: tuple[dict[str, Any], ...] = (
    {"drift": Drift(shift=(3.0, -2.0), gamma=1.08, cast=(4.0, -2.0, -3.0))},
    {"drift": Drift(gamma=1.08, cast=(4.0, -2.0, -3.0))},
    {"drift": Drift(shift=(1.0, 0.0)), "misbehave": "mirror"},
)
"""How the simulated model draws the three candidates: without zoom, blur and noise, because those make a PNG two
to four times as large. The second is the best; the third mirrors the band, and must be vetoed."""


def draw_waves(edge: int, spacing: int = 32, seed: int = 1) -> Image.Image:
    """Waving pen lines of three widths, across and down, on plain paper: RGB, `edge` pixels square."""
    rng = random.Random(seed)
    sheet = Image.new("L", (2 * edge, 2 * edge), 236)
    pen = ImageDraw.Draw(sheet)
    for down in (False, True):
        at = -2.0 * spacing
        while at < edge + 2 * spacing:
            swings = [rng.uniform(6, spacing / 2) for _ in "ab"]
            lengths = [rng.uniform(180, 420) for _ in "ab"]
            starts = [rng.uniform(0, 2 * math.pi) for _ in "ab"]
            terms = [(swings[n] / (n + 1), lengths[n] / (n + 1), starts[n]) for n in (0, 1)]
            line = []
            for x in range(-8, edge + 9, 8):
                y = at + sum(height * math.sin(2 * math.pi * x / length + start) for height, length, start in terms)
                line.append((2 * y, 2 * x) if down else (2 * x, 2 * y))
            pen.line(line, fill=rng.choice((24, 60, 90)), width=rng.choice((4, 7, 8)), joint="curve")
            at += spacing * rng.uniform(0.7, 1.3)
    return sheet.reduce(2).convert("RGB")


class _ThreeHands:
    """A simulated model whose candidates are drawn as HANDS says, one after the other."""

    def __init__(self, picture: Image.Image) -> None:
        self._hands = [MockTileGenerator(picture=picture, origin=(_MARGIN, _MARGIN), **hand) for hand in HANDS]

    def generate(self, request: TileRequest, calls: CallLog) -> Iterator[RawCandidate]:
        for number in range(request.first_candidate, request.first_candidate + request.candidates):
            hand = self._hands[number % len(self._hands)]
            yield from hand.generate(replace(request, candidates=1, first_candidate=number), calls)


class Growth(NamedTuple):
    """The pixels that one step commits.

    `pixels` is their digest, the same for the same Pillow; `coarse` their brightness in 8 x 8 fields, a byte
    each in hexadecimal, the same for every Pillow to within COARSE_TOLERANCE.
    """

    pixels: str
    coarse: str

    def agrees_with(self, other: Growth, pillow: str) -> bool:
        """Whether this growth, made here, is `other`, made with the Pillow of version `pillow`."""
        if PIL.__version__ == pillow:
            return self.pixels == other.pixels
        levels = zip(bytes.fromhex(self.coarse), bytes.fromhex(other.coarse), strict=True)
        return all(abs(a - b) <= COARSE_TOLERANCE for a, b in levels)


COARSE_TOLERANCE = 2
"""Levels of 255."""


def pinned_growth(mode: Mode | str) -> tuple[Growth, str]:
    """(growth, version of Pillow) as committed for `mode`."""
    pins = json.loads(PINS.read_text(encoding="utf-8"))
    return Growth(**pins["growth"][mode]), pins["pillow"]


def replayed_growth(mode: Mode | str, folder: Path = CASSETTES) -> Growth:
    """The growth by a step with the cassette of `mode`, through the real client; nothing is sent.

    Raises:
        ReplayError: the step asks for something else than what was recorded.
        ValueError: the step was not committed.
    """
    with use_cassette(folder / f"{mode}.json", "none", block_network=True) as transport:
        return _growth(mode, OpenAITileGeneratorClient(transport=transport, environ={}))


def _growth(mode: Mode | str, generator: TileGenerator) -> Growth:
    with Image.open(CANVAS) as image, tempfile.TemporaryDirectory() as folder:
        canvas = image.convert("RGB")
        session = Session.create(Path(folder) / "session", canvas)
        result = session.step(mode, generator, prompt="")
        if result.status != "committed":
            scores = [score and score.primary for score in result.scores]
            raise ValueError(f"{mode}: the step was {result.status}: {scores}")
        with Image.open(session.export(Path(folder) / "grown.png")) as picture:
            growth = picture.crop(CLASSIC.frame(mode, canvas.size).growth)
    coarse = growth.convert("L").resize((8, 8), Image.Resampling.BOX)
    digest = hashlib.sha256(growth.tobytes()).hexdigest()
    return Growth(f"{growth.mode} {growth.width}x{growth.height} {digest}", coarse.tobytes().hex())


def _record(mode: Mode, key: str) -> None:
    if key:
        with use_cassette(CASSETTES / f"{mode}.json", "all") as transport:
            _growth(mode, OpenAITileGeneratorClient(key, transport=transport))
        return
    picture = draw_waves(CLASSIC.tile_px + 2 * _MARGIN)
    server = Emulator(draw=redrawing(_ThreeHands(picture), canvas_size=_SIZE))
    inner = MemoryTransport(server)
    with use_cassette(CASSETTES / f"{mode}.json", "all", origin="emulator", inner=inner) as transport:
        client = OpenAITileGeneratorClient(EMULATOR_KEY, base_url=server.base_url, transport=transport, environ={})
        _growth(mode, client)


def _bytes_in(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _write_pins(modes: Iterable[Mode]) -> None:
    pins = json.loads(PINS.read_text(encoding="utf-8")) if PINS.exists() else {"growth": {}}
    pins["pillow"] = PIL.__version__
    pins["growth"] |= {mode.value: replayed_growth(mode)._asdict() for mode in modes}
    PINS.write_text(json.dumps(pins, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def _check(modes: Iterable[Mode]) -> int:
    different = [mode.value for mode in modes if not replayed_growth(mode).agrees_with(*pinned_growth(mode))]
    print(f"other pixels than pinned: {', '.join(different)}" if different else "all replays commit the pinned pixels")
    return 1 if different else 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Record or check the cassettes and their pins, and print their size."""
    parser = argparse.ArgumentParser(prog="python -m tests.support.record", description=__doc__, allow_abbrev=False)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("modes", nargs="*", type=Mode, help="modes to record (default: all four)")
    parser.add_argument("--pins", action="store_true", help="record nothing; replay, and write the digests anew")
    parser.add_argument("--emulator", action="store_true", help="record from the emulator although a key is present")
    parser.add_argument("--yes", action="store_true", help="pay for the answers of the real endpoint")
    parser.add_argument("--check", action="store_true", help="record nothing; replay, and compare with the pins")
    options = parser.parse_args(arguments)
    modes = options.modes or list(Mode)
    if options.check:
        return _check(modes)
    key = "" if options.emulator else os.environ.get("OPENAI_API_KEY", "")
    if not options.pins:
        if key and not _agreed(len(modes), options.yes):
            return 4
        CASSETTES.mkdir(parents=True, exist_ok=True)
        draw_waves(CLASSIC.tile_px + 2 * _MARGIN).crop(
            (_MARGIN, _MARGIN, _MARGIN + _SIZE[0], _MARGIN + _SIZE[1])
        ).save(CANVAS, optimize=True)
        for mode in modes:
            print(f"recording {mode} from {'the real endpoint' if key else 'the emulator'}", flush=True)
            _record(mode, key)
        prune(CASSETTES, unnamed_blobs(CASSETTES))
    _write_pins(modes)
    print(f"{CASSETTES}: {_bytes_in(CASSETTES) / 2**20:.2f} MiB")
    return 0


def _agreed(steps: int, yes: bool) -> bool:
    client = OpenAITileGeneratorClient()
    worst = steps * worst_case_usd(client.model, client.quality, len(HANDS), CallContent(CLASSIC, "x" * 1000))
    print(f"{steps} steps by {client.model}, quality {client.quality}: at most ${worst.quantize(Decimal('0.01'))}")
    if not yes:
        print("nothing was sent: add --yes to pay, or --emulator to record from the emulator", file=sys.stderr)
    return yes


if __name__ == "__main__":
    sys.exit(main())
