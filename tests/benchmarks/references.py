"""`make bench-references`: how well the veto against copied reference pictures distinguishes copy and continuation.

    python -m tests.benchmarks.references            print the table
    python -m tests.benchmarks.references --write    ... and write it into RESULTS.md and references.json
    python -m tests.benchmarks.references --quick    a few pictures, for a first look; never written

A copy is a tile whose generated half holds the reference picture, in one of the sizes and places in which a model
would put it (PLACEMENTS); the reference is another picture, or the beginning of the same one. A truth is a tile that
continues a picture, beside the beginning of that picture, which it resembles as much as the picture resembles itself.
Both are redrawn with the drift of a model, calibrated and enforced, as in a step. Measured are the share of the copies
that the veto finds, the share of the truths that it takes for copies, and its processor time: for each reference, once
a step, and for each reference and candidate.
"""

from __future__ import annotations

import argparse
import itertools
import json
import multiprocessing
import random
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image, ImageOps

from exquisite.api.mock.drift import random_drift, redraw
from exquisite.contract import PRESETS, Box, TileContract
from exquisite.geometry.calibration import calibrate_tile
from exquisite.geometry.enforcement import enforce_conditioning_half
from exquisite.geometry.reference_copies import CopySearch
from tests.benchmarks.known_pictures import NAMES, known_picture
from tests.support.documents import write_marked

__all__ = ["PLACEMENTS", "RESULT", "Trial", "examine", "main", "render", "summarise", "trials"]

RESULT = Path(__file__).with_name("references.json")

PROFILES = ("smooth", "latent")
"""Kinds of models that redraw the tiles, by turns."""

TRUTHS_A_PICTURE = 2
COPIES_A_PICTURE = 2  # of another picture; one more is of the picture's own beginning
FEW = 6  # of the larger contracts only every so many pictures

Size = tuple[int, int]
Placement = Callable[[Image.Image, Size, Size, random.Random], tuple[Image.Image, Size]]


def _own_size(reference: Image.Image, half: Size, _: Size, rng: random.Random) -> tuple[Image.Image, Size]:
    """A random place in the half, with at least half of the picture inside it in each direction."""
    x, y = (rng.randint(-own // 2, max(0, room - own // 2)) for own, room in zip(reference.size, half, strict=True))
    return reference, (x, y)


def _fitted(reference: Image.Image, half: Size, _: Size, rng: random.Random) -> tuple[Image.Image, Size]:
    """As large as fits into the half, in its middle."""
    fitted = ImageOps.contain(reference, half, Image.Resampling.LANCZOS)
    return fitted, ((half[0] - fitted.width) // 2, (half[1] - fitted.height) // 2)


def _covering_half(reference: Image.Image, half: Size, _: Size, rng: random.Random) -> tuple[Image.Image, Size]:
    return ImageOps.fit(reference, half, Image.Resampling.LANCZOS), (0, 0)


def _filling_half(reference: Image.Image, half: Size, _: Size, rng: random.Random) -> tuple[Image.Image, Size]:
    return reference.resize(half, Image.Resampling.LANCZOS), (0, 0)


def _covering_tile(reference: Image.Image, half: Size, tile: Size, rng: random.Random) -> tuple[Image.Image, Size]:
    return ImageOps.fit(reference, tile, Image.Resampling.LANCZOS), (half[0] - tile[0], 0)


PLACEMENTS: Mapping[str, Placement] = {
    "its own size": _own_size,
    "fitted into the half": _fitted,
    "covering the half": _covering_half,
    "filling the half": _filling_half,
    "covering the tile": _covering_tile,
}
"""What a model may do with a reference: from the reference and the sizes of half and tile to (pasted, place)."""


@dataclass(frozen=True)
class Trial:
    """One tile and its reference.

    Attributes:
        contract: name of the contract.
        picture: what the canvas shows.
        reference: name of the reference picture; the beginning of `picture` where it is the same.
        placement: one of PLACEMENTS, or "" for a true continuation.
        number: of trials that are alike.
    """

    contract: str
    picture: str
    reference: str
    placement: str
    number: int = 0


def trials(quick: bool = False) -> list[Trial]:
    """Every trial: all pictures with the contract classic, every FEW-th with the larger ones; placements by turns."""
    rows = []
    turns = itertools.cycle(PLACEMENTS)
    for contract, every in (("classic", 1), ("long", FEW), ("tall", FEW)):
        names = NAMES[:: 2 * every if quick else every]
        for place, name in enumerate(names):
            other = names[(place + 1) % len(names)]
            rows += [Trial(contract, name, name, "", number) for number in range(TRUTHS_A_PICTURE)]
            rows += [Trial(contract, name, other, next(turns)) for _ in range(COPIES_A_PICTURE)]
            rows.append(Trial(contract, name, name, next(turns)))
    return rows


def examine(trial: Trial) -> dict[str, Any]:
    """Whether the veto took the tile of a trial for a copy, and its processor time in seconds."""
    rng = random.Random(str(trial))
    contract = PRESETS[trial.contract]
    tile, band, reference = _scene(trial, contract, rng)
    drift = random_drift(PROFILES[rng.randrange(len(PROFILES))], str(trial))
    model_tile = redraw(tile, (0, 0, *tile.size), drift)
    tile_without_drift = calibrate_tile(model_tile, band, "x_ltr", contract).tile
    enforced = enforce_conditioning_half(tile_without_drift, band, "x_ltr", contract)
    started = time.thread_time()
    search = CopySearch([reference], contract.tile_frame("x_ltr").generated_half, contract)
    prepared = time.thread_time()
    copied = search.copied_in(enforced)
    return {
        "contract": trial.contract,
        "placement": trial.placement,
        "own": trial.reference == trial.picture,
        "copied": bool(copied),
        "once": prepared - started,
        "each": time.thread_time() - prepared,
    }


def _scene(trial: Trial, contract: TileContract, rng: random.Random) -> tuple[Image.Image, Image.Image, Image.Image]:
    """(tile before the redraw, band, reference)."""
    width, height = contract.tile_size("x_ltr")
    picture = known_picture(trial.picture, (2 * width + contract.band_px, height), 31 + trial.number)
    left = rng.randrange(picture.width - width - contract.band_px, picture.width - width)
    tile = picture.crop((left, 0, left + width, height))
    frame = contract.tile_frame("x_ltr")
    band = tile.crop(frame.conditioning_half)
    edge = min(width, height)
    beginning = Box(0, 0, min(left, edge), edge)
    if trial.reference == trial.picture:
        reference = picture.crop(beginning)
    else:
        reference = known_picture(trial.reference, (edge, edge * 3 // 4), 41)
    if trial.placement:
        half = tile.crop(frame.generated_half)
        pasted, at = PLACEMENTS[trial.placement](reference, half.size, tile.size, rng)
        half.paste(pasted, at)
        tile.paste(half, frame.generated_half)
    return tile, band, reference


def summarise(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Counts and mean times: contract -> kind of trial -> [found to be copies, all], and the seconds."""
    result: dict[str, Any] = {}
    for contract in dict.fromkeys(row["contract"] for row in rows):
        own = [row for row in rows if row["contract"] == contract]
        counts = {
            name: [sum(row["copied"] for row in group), len(group)]
            for name, group in {
                "truths": [row for row in own if not row["placement"]],
                **{name: [row for row in own if row["placement"] == name] for name in PLACEMENTS},
            }.items()
        }
        result[contract] = {
            "counts": counts,
            "once": _mean([row["once"] for row in own]),
            "truth": _mean([row["each"] for row in own if not row["placement"]]),
            "copy": _mean([row["each"] for row in own if row["placement"]]),
        }
    return result


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def render(result: Mapping[str, Any]) -> str:
    """The table, in Markdown."""
    names = list(PLACEMENTS)
    lines = [
        "Of the true continuations and of the copies, how many are taken for copies; processor time of a reference, "
        "once a step, and of each true continuation and each copy beside it, in ms.",
        "",
        "| contract | true continuations | copies | " + " | ".join(names) + " | once | a continuation | a copy |",
        "|---|" + "---|" * (len(names) + 5),
    ]
    for contract, record in result.items():
        counts = record["counts"]
        copies = [sum(counts[name][place] for name in names) for place in (0, 1)]
        cells = [counts["truths"], copies, *(counts[name] for name in names)]
        row = " | ".join(f"{caught} of {total}" for caught, total in cells)
        times = " | ".join(f"{1000 * record[name]:.0f}" for name in ("once", "truth", "copy"))
        lines.append(f"| `{contract}` | {row} | {times} |")
    return "\n".join(lines)


def main(argv: list[str] | None = None) -> int:
    """Run, print, and write where asked."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.references", allow_abbrev=False, description=__doc__
    )
    parser.add_argument("--write", action="store_true", help="write the table into RESULTS.md and references.json")
    parser.add_argument("--quick", action="store_true", help="a few pictures; never written")
    parser.add_argument("--workers", type=int, default=2, help="processes (2)")
    options = parser.parse_args(argv)
    work = trials(options.quick)
    rows = []
    with multiprocessing.Pool(options.workers) as pool:
        for trial, row in zip(work, pool.imap(examine, work), strict=True):
            rows.append(row)
            if row["copied"] != bool(trial.placement):
                print(f"{'taken for a copy' if row['copied'] else 'missed'}: {trial}", file=sys.stderr)
    result = summarise(rows)
    print(render(result))
    if options.write and not options.quick:
        RESULT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
        write_marked("bench-references", render(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
