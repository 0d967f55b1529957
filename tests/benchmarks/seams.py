"""`make bench-seams`: does the scorer know the truth? A table with known truth, and the gate's table.

    python -m tests.benchmarks.seams            print the tables (pictures for reporting only)
    python -m tests.benchmarks.seams --write    ... and write them into RESULTS.md, README.md and seams.json
    python -m tests.benchmarks.seams --render   only write the tables again, from the seams.json of the last run
    python -m tests.benchmarks.seams --contracts    only the table of contracts; the others stay as recorded
    python -m tests.benchmarks.seams --quick    a few pictures, for a first look
    python -m tests.benchmarks.seams --half tuning   the pictures that weights and factors were fitted on

A true picture is cut at a seam, the continuation is damaged, and the scorer sees both. A metric is right when
it gives the truth the higher value (a tie counts half). The pictures are split: what is tuned sees the tuning
half only, what is printed by default comes from the reporting half: other seeds of the drawn kinds, five kinds
that the tuning half has not at all, and other photographs.

Contracts are held beside each other on the same pictures, cut at the same seams.
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import random
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from PIL import Image, ImageChops

from exquisite.contract import PRESETS, Mode, TileContract
from exquisite.geometry.overlap_score import METRICS, interior_gate, score_tile
from tests.benchmarks import seams_table
from tests.benchmarks.damages import DAMAGES, Damage, Scene
from tests.benchmarks.known_pictures import PHOTOGRAPHS, known_picture
from tests.support.documents import ROOT, write_marked
from tests.support.pictures import KINDS, draw

__all__ = ["COMPARED", "CONTRACTS", "REPORTING", "TUNING", "Row", "Source", "examine", "main", "probe", "run"]

RESULT = Path(__file__).with_name("seams.json")

HELD_OUT_KINDS = {"engraving", "ripples", "cobbles", "mosaic", "roof"}
TUNING_PHOTOGRAPHS = {"blue-marble", "fruit"}
TUNING_SEEDS, REPORTING_SEEDS = (0, 1), (10, 11)

DRAWN_WIDTH = 2200
LARGE_WIDTH = 3584
"""Of photographs, and of what is drawn for several contracts."""
CUTS_A_PICTURE = 6
CUTS_A_PHOTOGRAPH = 12
TRUTHS_A_PICTURE = 15
"""Cuts at which the truth alone is scored and held against the gate, besides the cuts with damages."""

CONTRACTS = ("classic", "long", "tall")
"""The contracts that are held beside each other."""
COMPARED_CUTS, COMPARED_TRUTHS = 1, 12

LEAST_CHANGE = 0.3
"""A damage that changes the first 64 columns by less than this (root mean square of 255) is no damage there."""

LOOKED_AT_PX = 64


@dataclass(frozen=True)
class Source:
    """One picture of the benchmark.

    Attributes:
        name: a drawn kind or a photograph.
        seed: of a drawn kind; None for a photograph.
        contract: name of the contract.
        among: the contracts that are held beside each other: the picture has room for each at every seam.
    """

    name: str
    seed: int | None = None
    contract: str = field(default="classic", repr=False)  # repr: it seeds the samples of seam_samples
    among: tuple[str, ...] = field(default=("classic",), repr=False)

    @property
    def sizes(self) -> TileContract:
        """The contract."""
        return PRESETS[self.contract]

    @property
    def added_px(self) -> int:
        """Width of what is scored behind a seam: the scoring strip, or all that a step adds."""
        return max(self.sizes.overlap_px, self.sizes.advance_px)

    def seam(self, width: int, rng: random.Random) -> int:
        """A column of a picture of that width before which and behind which every contract has room."""
        among = [replace(self, contract=name) for name in self.among]
        first = max(one.sizes.band_px for one in among)
        return rng.randrange(first, width - max(one.added_px for one in among) - 32)

    def load(self) -> Image.Image:
        """The picture, RGB, as high as a tile is across: its middle rows where another contract is higher."""
        across = max(PRESETS[name].across_px for name in self.among)
        width = DRAWN_WIDTH if self.seed is not None and len(self.among) == 1 else LARGE_WIDTH
        picture = known_picture(self.name, (width, across), self.seed or 0)
        top = (across - self.sizes.across_px) // 2
        return picture.crop((0, top, width, top + self.sizes.across_px))

    def strip_of_another(self, rng: random.Random) -> Image.Image:
        """A strip of another kind of picture."""
        kind = rng.choice([kind for kind in KINDS if kind != self.name])
        return draw(kind, (self.added_px, self.sizes.across_px), rng.randrange(1 << 16))


def TUNING() -> list[Source]:  # noqa: N802
    """The pictures that weights, floors and factors were fitted on."""
    sources = [Source(kind, seed) for kind in KINDS if kind not in HELD_OUT_KINDS for seed in TUNING_SEEDS]
    return sources + [Source(name) for name in PHOTOGRAPHS if name in TUNING_PHOTOGRAPHS]


def REPORTING() -> list[Source]:  # noqa: N802
    """The pictures of the printed table."""
    sources = [Source(kind, seed) for kind in KINDS for seed in REPORTING_SEEDS]
    return sources + [Source(name) for name in PHOTOGRAPHS if name not in TUNING_PHOTOGRAPHS]


def COMPARED() -> list[Source]:  # noqa: N802
    """The pictures of the table of contracts, each with every contract that has room in it."""
    sources = [(kind, REPORTING_SEEDS[0], CONTRACTS) for kind in KINDS]
    photographs = [(name, None, ("classic", "long")) for name in PHOTOGRAPHS if name not in TUNING_PHOTOGRAPHS]
    pictures: list[tuple[str, int | None, tuple[str, ...]]] = [*sources, *photographs]
    return [Source(name, seed, contract, among) for name, seed, among in pictures for contract in among]


@dataclass(frozen=True)
class Row:
    """One scored strip: the truth (damage "") or a damage, and whether the gate let it pass."""

    contract: str
    source: str
    seed: int | None
    seam: int
    damage: str
    strength: float
    visible: bool
    metrics: tuple[float, ...]
    passed: bool
    vetoed: bool
    seconds: float


def examine(source: Source, cuts: int, truths: int, damages: Iterable[Damage] = DAMAGES) -> list[Row]:
    """Score the truth and its damages at `cuts` seams of one picture, and the truth alone at `truths` more.

    Every damage meets every cut at two of its strengths, or with two different draws where it has only one.
    """
    picture = source.load()
    rng = random.Random(f"{source.name} {source.seed}")
    rows = []
    for place in range(cuts + truths):
        seam = source.seam(picture.width, rng)
        judge = _Judge(source, picture, seam)
        truth = picture.crop((seam, 0, seam + source.added_px, picture.height))
        rows.append(judge.row(truth))
        if place >= cuts:
            continue
        other = source.strip_of_another(rng)
        for damage in damages:
            for draw_number in range(2):
                strength = damage.strengths[(2 * place + draw_number) % len(damage.strengths)]
                seed = f"{source.name} {source.seed} {seam} {damage.name} {strength} {draw_number}"
                overlap_px = source.sizes.overlap_px
                scene = Scene(picture, seam, source.added_px, other, random.Random(seed), overlap_px)
                damaged = damage.make(scene, strength)
                if _change(damaged, truth) >= LEAST_CHANGE:
                    rows.append(judge.row(damaged, damage.name, strength, strength in damage.visible))
    return rows


class _Judge:
    """Scores strips behind one seam, as a step would: the band, a tile, the gate."""

    def __init__(self, source: Source, picture: Image.Image, seam: int) -> None:
        self.source, self.seam, self.contract = source, seam, source.sizes
        self.band = picture.crop((seam - self.contract.band_px, 0, seam, picture.height))
        self.tile = Image.new("RGB", self.contract.tile_size("x_ltr"))
        self.tile.paste(self.band, (0, 0))
        self.gate = interior_gate(self.band, Mode.X_LTR, self.contract)

    def row(self, strip: Image.Image, damage: str = "", strength: float = 0, visible: bool = False) -> Row:
        self.tile.paste(strip, (self.contract.band_px, 0))
        started = time.process_time()
        score = score_tile(self.band, self.tile, Mode.X_LTR, self.contract)
        seconds = time.process_time() - started
        metrics = tuple(score.metrics[name] for name in METRICS)
        passed = self.gate.passes(score)
        place = (self.source.contract, self.source.name, self.source.seed, self.seam)
        return Row(*place, damage, strength, visible, metrics, passed, bool(score.vetoes), seconds)


def _change(damaged: Image.Image, truth: Image.Image) -> float:
    """Root mean square difference of the luminance of the first columns, 0 to 255."""
    near = (0, 0, min(LOOKED_AT_PX, truth.width), truth.height)
    histogram = ImageChops.difference(damaged.crop(near), truth.crop(near)).convert("L").histogram()
    return math.sqrt(sum(level * level * count for level, count in enumerate(histogram)) / sum(histogram))


def probe() -> dict[str, float]:
    """A small part of the benchmark, to be compared with what seams.json recorded: the primary metric by damage."""
    damages = [damage for damage in DAMAGES if damage.name in {"shift along", "colour cast", "smear", "mirrored band"}]
    rows = examine(Source("diagonals", REPORTING_SEEDS[0]), 1, 0, damages)
    return {f"{row.damage or 'truth'} {row.strength:g} #{number}": row.metrics[0] for number, row in enumerate(rows)}


def _examine_one(work: tuple[Source, int, int]) -> list[Row]:
    return examine(*work)


def run(sources: Iterable[Source], workers: int, *, quick: bool = False) -> list[Row]:
    """Every strip of the `sources`, or of some of them, in so many processes."""
    work = [
        (source, CUTS_A_PICTURE, TRUTHS_A_PICTURE) if source.seed is not None
        else (source, CUTS_A_PHOTOGRAPH, 2 * TRUTHS_A_PICTURE)
        for source in sources
    ]
    return _rows([(source, 1, 3) for source, _, _ in work[::2]] if quick else work, workers)


def _rows(work: list[tuple[Source, int, int]], workers: int) -> list[Row]:
    with multiprocessing.Pool(workers) as pool:
        return list(_progress(pool.imap(_examine_one, work), len(work)))


def _progress(parts: Iterator[list[Row]], total: int) -> Iterator[Row]:
    for number, rows in enumerate(parts, start=1):
        print(f"\r{number} of {total} pictures", end="", file=sys.stderr, flush=True)
        yield from rows
    print(file=sys.stderr)


def main(argv: list[str] | None = None) -> int:
    """Run, print, and write where asked."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.seams", allow_abbrev=False, description=__doc__)
    parser.add_argument("--write", action="store_true", help="write the tables into RESULTS.md, README.md, seams.json")
    parser.add_argument("--render", action="store_true", help="run nothing: write what seams.json recorded")
    parser.add_argument("--contracts", action="store_true", help="run the table of contracts alone")
    parser.add_argument("--quick", action="store_true", help="few pictures and cuts; never written")
    parser.add_argument("--half", choices=("reporting", "tuning"), default="reporting")
    parser.add_argument("--workers", type=int, default=2, help="processes (2)")
    options = parser.parse_args(argv)
    result: dict[str, Any] = json.loads(RESULT.read_text(encoding="utf-8"))
    if options.render:
        _write_documents(result)
        return 0
    started = time.monotonic()
    if not options.contracts:
        sources = REPORTING() if options.half == "reporting" else TUNING()
        rows = run(sources, options.workers, quick=options.quick)
        result = seams_table.summarise(rows, [source.name for source in sources])
        result["half"] = options.half
        result["probe"] = probe()
    is_whole = not options.quick and options.half == "reporting"
    if is_whole:
        work = [(source, COMPARED_CUTS, COMPARED_TRUTHS) for source in COMPARED()]
        result["contracts"] = seams_table.compared(_rows(work, options.workers))
    print(seams_table.render(result))
    print(f"{time.monotonic() - started:.0f} s", file=sys.stderr)
    if options.write and is_whole:
        RESULT.write_text(json.dumps(result, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        _write_documents(result)
    return 0


def _write_documents(result: dict[str, Any]) -> None:
    write_marked("bench-seams", seams_table.render(result))
    write_marked("bench-seams", seams_table.render_headline(result), ROOT / "README.md")


if __name__ == "__main__":
    sys.exit(main())
