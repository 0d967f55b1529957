"""`make bench-textures`: whether the simulated model without a known picture passes the default gate.

    python -m tests.benchmarks.textures               every fixture in every mode
    python -m tests.benchmarks.textures --seed 2      other pictures of the drawn kinds
    python -m tests.benchmarks.textures --kinds ink   only these

Each line is a whole step in a session of its own: three candidates, calibrated, the default gate. "of the gate" is the
cost of the cheapest seam over what the gate allows: above 1 nothing is glued. The time is that of one synthesized half.
"""

from __future__ import annotations

import argparse
import multiprocessing
import statistics
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from PIL import Image

from exquisite import CLASSIC, MockTileGenerator, Mode, Session, TileContract
from exquisite.api.mock.quilting import continue_by_quilting
from exquisite.contract import to_canonical
from exquisite.geometry.overlap_score import interior_gate
from exquisite.geometry.tile_mode import extract_conditioning_band
from tests.support.pictures import KINDS, draw

__all__ = ["Row", "examine", "main", "names"]

FIXTURES = Path(__file__).parents[2] / "fixtures"
DEMO = "demo"
SEED = 1


@dataclass(frozen=True)
class Row:
    """One step: what became of it, its cheapest seam over what the gate allows, CPU seconds of one synthesized half."""

    name: str
    mode: str
    status: str
    of_the_gate: float
    seconds: float


def names() -> tuple[str, ...]:
    """Every kind of picture: drawn, photographs, and the demo."""
    return (*KINDS, *sorted(path.stem for path in (FIXTURES / "pictures").glob("*.jpg")), DEMO)


def _canvas(name: str, seed: int, contract: TileContract) -> Image.Image:
    """One tile of a picture, RGB."""
    if name in KINDS:
        return draw(name, contract.tile_size("x_ltr"), seed)
    path = FIXTURES / "demo" / "canvas.png" if name == DEMO else FIXTURES / "pictures" / f"{name}.jpg"
    with Image.open(path) as image:
        return image.convert("RGB").crop((0, 0, *contract.tile_size("x_ltr")))


def examine(
    name: str, seed: int, modes: Iterable[Mode] = tuple(Mode), contract: TileContract = CLASSIC
) -> list[Row]:
    """One step in each of `modes`, each from the picture itself."""
    canvas = _canvas(name, seed, contract)
    rows = []
    for mode in modes:
        band = extract_conditioning_band(canvas, mode, contract)
        started = time.process_time()
        continue_by_quilting(to_canonical(band, mode), contract.tile_px - contract.band_px)
        seconds = time.process_time() - started
        with tempfile.TemporaryDirectory() as folder:
            session = Session.create(Path(folder) / "s", canvas, contract)
            result = session.step(mode, MockTileGenerator(), artifacts="none")
        allowed = interior_gate(band, mode, contract).threshold
        seams = [score.metrics["seam"] for score in result.scores if score is not None]
        rows.append(Row(name, mode.value, result.status, max(seams) / allowed, seconds))
    return rows


def main(argv: list[str] | None = None) -> int:
    """Run and print; 1 when a step was refused."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.textures", description=__doc__)
    parser.add_argument("--seed", type=int, default=SEED, help="of the drawn kinds (%(default)s)")
    parser.add_argument("--kinds", nargs="+", choices=names(), default=names(), metavar="NAME", help="only these")
    parser.add_argument("--workers", type=int, default=2, help="processes (2)")
    options = parser.parse_args(argv)
    rows = []
    print(f"{'picture':14} {'mode':6} {'step':10} {'of the gate':>11} {'CPU s':>6}")
    with multiprocessing.Pool(options.workers) as pool:
        for part in pool.imap(partial(examine, seed=options.seed), options.kinds):
            rows += part
            for row in part:
                figures = f"{row.of_the_gate:11.2f} {row.seconds:6.2f}"
                print(f"{row.name:14} {row.mode:6} {row.status:10} {figures}", flush=True)
    refused = sum(row.status != "committed" for row in rows)
    times = [row.seconds for row in rows]
    print(f"{refused} of {len(rows)} refused; CPU median {statistics.median(times):.2f} s, largest {max(times):.2f} s")
    return int(refused > 0)


if __name__ == "__main__":
    sys.exit(main())
