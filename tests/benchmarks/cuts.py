"""`make bench-cut`: joins beside each other, on redraws of known pictures, in a row, and on redraws by real models.

    python -m tests.benchmarks.cuts                 print the tables, on two cores
    python -m tests.benchmarks.cuts --quick         of two pictures
    python -m tests.benchmarks.cuts --write         ... and write them into RESULTS.md and cuts.json
    python -m tests.benchmarks.cuts --real FOLDER   pairs.json, and NAME.input.webp and NAME.raw.webp of each pair

Every picture is redrawn in three ways and calibrated: smoothly (place, zoom, tone, blur and a warp of 2 px), finely
(every stroke drawn anew, 2 px off), and with other detail of the same energy. A join sees the band and the redraw.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from statistics import fmean
from typing import Any

from PIL import Image

from exquisite.api.mock.drift import Drift, random_drift, redraw
from exquisite.contract import Box, Mode, TileContract, to_canonical
from exquisite.geometry.calibration import calibrate_tile
from exquisite.geometry.enforcement import enforce_conditioning_half
from tests.support.documents import ROOT, write_marked
from tests.support.pictures import KINDS, draw

from . import cuts_table
from .cut_choices import CHOICES
from .cuts_in_a_row import cut_seconds, in_a_row, step_cost
from .joins import JOINS, Redrawn, last_known, measure

__all__ = ["CONTRACT", "DRIFTS", "PICTURES", "WIDTHS", "main", "redrawn", "run", "scene_of"]

RESULT = Path(__file__).with_name("cuts.json")
PICTURES = ("blue-marble", "fruit", "infrared-sky", "milky-way", "moon")
SEEDS = (101, 102, 103)
WIDTHS = (16, 64, 256)
REAL_PX = 64
LEAST_EXPLAINED = 0.5
_BORDER = 96
CONTRACT = TileContract(832, 512, 256, 320, across_px=512)  # half a classic tile: its strip is wider than any zone

DRIFTS = ("smooth", "fine re-invention", "exchanged detail")
CHOICES_DRIFT = DRIFTS[1]
"""Under the others hardly a row breaks, whatever the constants."""

Record = dict[str, Any]


def scene_of(kind: str, seed: int) -> tuple[Image.Image, Box]:
    """A drawn kind or a picture of fixtures/, and the box of a tile in it."""
    across, along = CONTRACT.across_px, CONTRACT.tile_px
    size = (along + 2 * _BORDER, across + 2 * _BORDER)
    scene = _photograph(kind, size, seed) if kind in PICTURES else draw(kind, size, seed)
    return scene, Box(_BORDER, _BORDER, _BORDER + along, _BORDER + across)


def redrawn(kind: str, seed: int, drift: str) -> Redrawn:
    """A place of a drawn kind or of a picture of fixtures/, and its calibrated redraw."""
    scene, box = scene_of(kind, seed)
    old = scene.crop(box)
    raw = redraw(scene, box, _drift(drift, f"cut:{kind}:{seed}"))
    band = old.crop(CONTRACT.tile_frame("x_ltr").conditioning_half)
    return Redrawn(old, calibrate_tile(raw, band, "x_ltr", CONTRACT).tile, CONTRACT)


def _drift(name: str, seed: str) -> Drift:
    if name == "smooth":
        return Drift.random(seed, warp_px=2)
    if name == "fine re-invention":
        return random_drift("fine", seed)
    return replace(Drift.random(seed, 0.5), blur=0.0, coherence=0.6)


def _photograph(name: str, size: tuple[int, int], seed: int) -> Image.Image:
    """A part of a picture of fixtures/, enlarged where that is too small."""
    with Image.open(ROOT / "fixtures" / "pictures" / f"{name}.jpg") as image:
        picture = image.convert("RGB")
    scale = max(1.0, *(length / there for length, there in zip(size, picture.size, strict=True)))
    picture = picture.resize((round(picture.width * scale), round(picture.height * scale)), Image.Resampling.LANCZOS)
    room = (picture.width - size[0], picture.height - size[1])
    part = (seed - SEEDS[0]) % len(SEEDS) / (len(SEEDS) - 1)
    left, top = (round(free * part) for free in room)
    return picture.crop((left, top, left + size[0], top + size[1]))


def examine(work: tuple[str, int, str]) -> list[Record]:
    """Every join in every zone of one place, and where all strokes are drawn anew every choice of constants."""
    place = redrawn(*work)
    trials = [
        (name, join, width)
        for name, join in JOINS.items()
        for width in (WIDTHS if name in cuts_table.IN_THE_ZONE else (REAL_PX,))
    ]
    if work[2] == CHOICES_DRIFT:
        trials += [(name, join, REAL_PX) for name, join in CHOICES.items()]
    return [
        {"kind": work[0], "drift": work[2], "join": name, "zone_px": width, **asdict(measure(join, place, width))}
        for name, join, width in trials
    ]


def run(kinds: tuple[str, ...], seeds: tuple[int, ...], workers: int = 2) -> dict[str, list[Record]]:
    """The measures of each join and choice under each drift: means over places, and the most broken rows of a kind."""
    work = [(kind, seed, drift) for kind in kinds for seed in seeds for drift in DRIFTS]
    rows: list[Record] = []
    start = time.monotonic()
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        for count, part in enumerate(pool.imap_unordered(examine, work), 1):
            rows += part
            if count % 20 == 0:
                print(f"{count} of {len(work)} places, {time.monotonic() - start:.0f} s", file=sys.stderr)
    return {"joins": list(_summaries(rows, list(JOINS))), "choices": list(_summaries(rows, list(CHOICES)))}


_MEANS = ("between_rows", "mismatch", "sharpness", "residual")


def _summaries(rows: list[Record], joins: list[str]) -> Iterator[Record]:
    keys = dict.fromkeys((row["drift"], row["join"], row["zone_px"]) for row in rows if row["join"] in joins)
    for drift, join, zone_px in sorted(keys, key=lambda key: (DRIFTS.index(key[0]), joins.index(key[1]), key[2])):
        group = [row for row in rows if (row["drift"], row["join"], row["zone_px"]) == (drift, join, zone_px)]
        kinds = {row["kind"] for row in group}
        worst = max(fmean(row["broken"] for row in group if row["kind"] == kind) for kind in kinds)
        yield {
            "drift": drift,
            "join": join,
            "zone_px": zone_px,
            "places": len(group),
            "broken": fmean(row["broken"] for row in group),
            "worst_kind": worst,
            "longest": max(row["longest"] for row in group),
            **{name: fmean(row[name] for row in group) for name in _MEANS},
        }


def run_real(folder: Path) -> list[Record]:
    """Straight join and cut on pairs of a picture and its redraw by a real model."""
    return [_examine_pair(folder, pair) for pair in json.loads((folder / "pairs.json").read_text("utf-8"))]


def _examine_pair(folder: Path, pair: Mapping[str, Any]) -> Record:
    """Joins of one pair; behind the seam, where nothing old is known, both of its pictures are the redraw."""
    size = pair["tile_px"]
    contract, mode = TileContract(size, size // 2, size // 4, size // 4), Mode(pair["mode"])
    old, raw = (_opened(folder / f"{pair['name']}.{which}.webp") for which in ("input", "raw"))
    band = old.crop(contract.tile_frame(mode).conditioning_half)
    calibration = calibrate_tile(raw, band, mode, contract)
    enforced, new = enforce_conditioning_half(calibration.tile, band, mode, contract), calibration.tile
    place = Redrawn(to_canonical(enforced, mode), to_canonical(new, mode), contract)
    return {
        "name": pair["name"],
        "model": pair["model"],
        "kept": calibration.kept,
        "straight": asdict(measure(last_known, place, REAL_PX)),
        "cut": asdict(measure(JOINS["cut and ramp"], place, REAL_PX)),
    }


def _opened(path: Path) -> Image.Image:
    with Image.open(path) as image:
        return image.convert("RGB")


def main(argv: list[str] | None = None) -> int:
    """Run, print, and write where asked."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.cuts",
        allow_abbrev=False,
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true", help="two pictures, one seed, two steps in a row")
    parser.add_argument("--real", type=Path, metavar="FOLDER", help="also redraws by real models")
    parser.add_argument("--write", action="store_true", help="write the tables into RESULTS.md and cuts.json")
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args(argv)
    kinds, seeds, steps = (KINDS[:2], SEEDS[:1], 2) if options.quick else ((*KINDS, *PICTURES), SEEDS, 8)
    result: Record = json.loads(RESULT.read_text("utf-8")) if RESULT.exists() else {}
    result |= {**run(kinds, seeds, options.workers), "in_a_row": in_a_row(steps), "step": step_cost()}
    result["seconds"] = cut_seconds(WIDTHS)
    if options.real is not None:
        result["real"] = run_real(options.real)
    print(cuts_table.render(result))
    if options.write and not options.quick:
        RESULT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
        write_marked("bench-cut", cuts_table.render(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
