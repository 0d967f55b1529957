"""`make bench-real DIR=folder`: redraws by real models, before and after calibration, and whether the gate passes them.

    python -m tests.benchmarks.real folder               the table, the totals and the fuzz
    python -m tests.benchmarks.real folder --fuzz 200    fewer crops
    python -m tests.benchmarks.real folder --only nano   pairs whose name holds "nano"
    python -m tests.benchmarks.real folder --write       also the summary in RESULTS.md

The folder holds `pairs.json` (name, mode, tile_px, eye) and for each pair NAME.input.webp, what the model was shown,
and NAME.raw.webp, what it drew. These are edits, so that the truth is known in the new half too, where the edit left
the content alone: in the blocks whose coarse content the raw or the calibrated redraw explains. PSNR is measured there
at the scale at which models keep detail, blurred by a sigma of 2 px.

"fine" is the energy of the finest octave of the calibrated new half over what the coherent part explains: that of the
raw one, taken to the truth's by the share of it that is the same detail.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from PIL import Image, ImageChops, ImageFilter

from exquisite.contract import Mode, TileContract, from_canonical, to_canonical
from exquisite.geometry.calibration import Calibration, calibrate_tile
from exquisite.geometry.calibration.octaves import FINE, blurs, coherence, detail, energy, moments, product
from exquisite.geometry.enforcement import enforce_conditioning_half
from exquisite.geometry.feather import feather_tile
from exquisite.geometry.overlap_score import interior_gate, score_tile
from exquisite.pipeline.step.choice import AUTO_WIDTHS
from exquisite.pixels import as_float, squared_distance
from tests.support.documents import write_marked

__all__ = ["Pair", "Row", "crop", "examine", "fuzz", "load", "main", "summary"]

FUZZ = 2_000
SIGMA_PX = 2.0
_BLOCK_PARTS = 32  # of a tile
_MAY_LOSE_DB = 0.3
_FINE = (0.85, 1.2)
_LEAST_SIDE_PX, _EVEN = 64, 4


@dataclass(frozen=True)
class Pair:
    """The input and the output of a model, both RGB squares of `tile_px`, own orientation."""

    name: str
    mode: Mode
    eye: str
    original: Image.Image
    output: Image.Image

    @property
    def contract(self) -> TileContract:
        """Half of the tile is the band, a quarter the overlap and a quarter the advance."""
        size = self.original.width
        return TileContract(size, size // 2, size // 4, size // 4)

    @property
    def band(self) -> Image.Image:
        """The conditioning half of the original, own orientation."""
        return self.original.crop(self.contract.tile_frame(self.mode).conditioning_half)


@dataclass(frozen=True)
class Row:
    """What became of one pair; PSNR in dB, `share` of the new half was left alone by the edit."""

    name: str
    eye: str
    stages: tuple[str, ...]
    reason: str
    share: float
    raw_db: float
    calibrated_db: float
    fine: float
    falling: bool
    rim: float
    passes: bool
    feather: int | None
    seconds: float


def load(folder: Path, only: str = "") -> list[Pair]:
    """The pairs of a folder whose name holds `only`."""
    records = json.loads((folder / "pairs.json").read_text("utf-8"))
    pairs = []
    for record in records:
        if only in record["name"]:
            original, output = (
                Image.open(folder / f"{record['name']}.{kind}.webp").convert("RGB") for kind in ("input", "raw")
            )
            pairs.append(Pair(record["name"], Mode(record["mode"]), record["eye"], original, output))
    return pairs


def examine(pair: Pair) -> Row:
    """Calibrate and score one pair."""
    contract, mode, band = pair.contract, pair.mode, pair.band
    start = time.process_time()
    calibration = calibrate_tile(pair.output, band, mode, contract)
    seconds = time.process_time() - start
    halves = [to_canonical(image, mode) for image in (pair.original, pair.output, calibration.tile)]
    truth, raw, calibrated = (half.crop((contract.band_px, 0, *half.size)) for half in halves)
    alone = _left_alone(truth, raw, calibrated)
    feather = _feather(pair, calibration)
    return Row(
        pair.name,
        pair.eye,
        calibration.stages,
        calibration.reason,
        _share(alone),
        _psnr(raw, truth, alone),
        _psnr(calibrated, truth, alone),
        _fine(raw, calibrated, truth, alone),
        any(low > high for curve in calibration.tone for low, high in pairwise(curve)),
        calibration.rim_px / contract.across_px,
        feather == 0,
        feather,
        seconds,
    )


def _left_alone(truth: Image.Image, *redraws: Image.Image) -> Image.Image:
    """Mode L: 255 in the blocks that one of the redraws explains."""
    edge = max(4, min(truth.size) // (_BLOCK_PARTS // 2))
    smooth = truth.reduce(edge).resize(truth.size, Image.Resampling.BILINEAR)
    blocks = [_block_errors(image, truth, edge) for image in (smooth, *redraws)]
    size = (truth.width // edge, truth.height // edge)
    levels = bytes(255 if min(errors) < activity / 2 + 9 else 0 for activity, *errors in zip(*blocks, strict=True))
    mask = Image.new("L", truth.size)
    mask.paste(Image.frombytes("L", size, levels).resize((size[0] * edge, size[1] * edge), Image.Resampling.NEAREST))
    return mask


def _block_errors(image: Image.Image, truth: Image.Image, edge: int) -> Sequence[float]:
    """Mean squared difference of each block, blurred."""
    whole = squared_distance(_blurred(image), _blurred(truth))
    columns, rows = truth.width // edge, truth.height // edge
    return whole.crop((0, 0, columns * edge, rows * edge)).reduce(edge).get_flattened_data()  # type: ignore[return-value]


def _blurred(image: Image.Image) -> Image.Image:
    return image.filter(ImageFilter.GaussianBlur(SIGMA_PX))


def _share(mask: Image.Image) -> float:
    return mask.histogram()[-1] / (mask.width * mask.height)


def _psnr(image: Image.Image, truth: Image.Image, mask: Image.Image) -> float:
    """Peak signal to noise ratio in dB over the mask, blurred; infinite where nothing differs."""
    counts = [0] * 256
    for channel in ImageChops.difference(_blurred(image), _blurred(truth)).split():
        counts = [a + b for a, b in zip(counts, channel.histogram(mask), strict=True)]
    squares = sum(count * level**2 for level, count in enumerate(counts))
    return 10 * math.log10(255**2 * sum(counts) / squares) if squares else math.inf


def _fine(raw: Image.Image, calibrated: Image.Image, truth: Image.Image, alone: Image.Image) -> float:
    """Energy of the finest octave over what the coherent part explains."""
    inner = (1, 1, alone.width - 1, alone.height - 1)  # beside its rim a blur is wrong
    mask = as_float(alone.point([0] * 255 + [1]).crop(inner))
    rows = [
        [blur.crop(inner) for blur in blurs(detail(as_float(image.convert("L"))), 1)]
        for image in (raw, calibrated, truth)
    ]
    squared = product(FINE, FINE)
    before, after, target = (moments(row, row, mask) for row in rows)
    alike = coherence(FINE, after, target, moments(rows[1], rows[2], mask))
    explained = energy(squared, before) + alike * (energy(squared, target) - energy(squared, before))
    return energy(squared, after) / explained if explained > 0 else 1.0


def _feather(pair: Pair, calibration: Calibration) -> int | None:
    """The narrowest feather with which the gate passes; None where none does."""
    contract, mode, band = pair.contract, pair.mode, pair.band
    enforced = enforce_conditioning_half(calibration.tile, band, mode, contract)
    gate = interior_gate(band, mode, contract)
    for width in AUTO_WIDTHS:
        tile = feather_tile(enforced, calibration.tile, band, mode, width, contract)
        if gate.passes(score_tile(band, tile, mode, contract, calibration)):
            return width
    return None


def crop(pair: Pair, draw: random.Random) -> Pair:
    """A random square of a pair, in a random mode."""
    side = min(pair.original.size)
    size = draw.randrange(min(_LEAST_SIDE_PX, side), side + 1) // _EVEN * _EVEN
    left, top = draw.randrange(pair.original.width - size + 1), draw.randrange(pair.original.height - size + 1)
    box = (left, top, left + size, top + size)
    mode = draw.choice(list(Mode))
    original, output = (from_canonical(image.crop(box), mode) for image in (pair.original, pair.output))
    return Pair(f"{pair.name} {box} {mode}", mode, pair.eye, original, output)


def fuzz(pairs: Sequence[Pair], count: int, seed: int = 0) -> list[str]:
    """The failures on `count` random crops, modes and contracts: an exception, or a picture of another size."""
    draw = random.Random(f"fuzz:{count}:{seed}")
    wrong = []
    for _ in range(count):
        part = crop(draw.choice(pairs), draw)
        along, across = part.original.size
        band = draw.randrange(1, along)
        room = along - band
        contract = TileContract(along, band, min(band, room), draw.randrange(1, room + 1), across)
        try:
            calibration = calibrate_tile(
                part.output, part.original.crop(contract.tile_frame(part.mode).conditioning_half), part.mode, contract
            )
            if calibration.tile.size != part.output.size or not math.isfinite(calibration.redraw_error):
                wrong.append(f"{part.name} {contract}: {calibration.reason}")
        except Exception as error:
            wrong.append(f"{part.name} {contract}: {error!r}")
    return wrong


def _fine_enough(energy: float) -> bool:
    return _FINE[0] <= energy <= _FINE[1]


def _totals(rows: Sequence[Row]) -> list[str]:
    """The lines below the table."""
    comparable = [row for row in rows if row.share > 0]

    def passing(eye: str, of: Callable[[Row], bool]) -> str:
        alike = [row for row in rows if row.eye == eye]
        return f"{sum(map(of, alike))} of {len(alike)} {eye}"

    return [
        f"gate without a feather: {', '.join(passing(eye, lambda row: row.passes) for eye in _EYES)}",
        f"with the feather auto:  {', '.join(passing(eye, lambda row: row.feather is not None) for eye in _EYES)}",
        f"worse than raw by more than {_MAY_LOSE_DB} dB: "
        f"{', '.join(r.name for r in comparable if r.calibrated_db < r.raw_db - _MAY_LOSE_DB) or 'none'}",
        f"fine energy outside {_FINE[0]} to {_FINE[1]} after calibration: "
        f"{', '.join(f'{r.name} {r.fine:.2f}' for r in comparable if r.stages and not _fine_enough(r.fine)) or 'none'}",
        f"falling tone curves: {', '.join(row.name for row in rows if row.falling) or 'none'}",
        f"calibration: median {statistics.median(row.seconds for row in rows):.2f} s of CPU, "
        f"at most {max(row.seconds for row in rows):.2f} s",
    ]


_EYES = ("invisible", "visible", "damaged")


def summary(rows: Sequence[Row], crops: int, wrong: int) -> str:
    """What the table comes to, in Markdown, after `crops` random crops of which calibration failed on `wrong`."""
    lines = [
        '| seam, by eye | pairs | gate passes | with `feather_px="auto"` | raw, dB | calibrated, dB |',
        "|---|---|---|---|---|---|",
    ]
    for eye in _EYES:
        alike = [row for row in rows if row.eye == eye]
        raw = statistics.median(row.raw_db for row in alike)
        calibrated = statistics.median(row.calibrated_db for row in alike)
        passing, feathered = sum(row.passes for row in alike), sum(row.feather is not None for row in alike)
        lines.append(f"| {eye} | {len(alike)} | {passing} | {feathered} | {raw:.1f} | {calibrated:.1f} |")
    calibrated_rows = [row for row in rows if row.share > 0 and row.stages]
    energies = [row.fine for row in calibrated_rows]
    worse = sum(row.calibrated_db < row.raw_db - _MAY_LOSE_DB for row in calibrated_rows)
    return "\n".join(
        [
            *lines,
            "",
            f"PSNR of the new half, blurred by {SIGMA_PX:g} px, medians. Of {len(calibrated_rows)} calibrated pairs, "
            f"{worse} are worse than raw by more than {_MAY_LOSE_DB} dB, and {sum(row.falling for row in rows)} have a "
            "falling tone curve. Fine energy over what the coherent part explains: "
            f"{min(energies):.2f} to {max(energies):.2f}. "
            f"Calibration failed on {wrong} of {crops:,} random crops.",
        ]
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; 1 where the fuzz found anything, else 0."""
    parser = argparse.ArgumentParser(prog="make bench-real", description="Calibration on redraws by real models.")
    parser.add_argument("folder", type=Path, help="holds pairs.json and the pictures that it names")
    parser.add_argument("--fuzz", type=int, default=FUZZ, metavar="N", help=f"random crops to try (default {FUZZ})")
    parser.add_argument("--only", default="", metavar="TEXT", help="pairs whose name holds TEXT")
    parser.add_argument("--write", action="store_true", help="put the summary into RESULTS.md; not of a part")
    options = parser.parse_args(arguments)
    pairs = load(options.folder, options.only)
    rows = [examine(pair) for pair in pairs]
    print("| pair | eye | stages | left alone | raw dB | calibrated dB | fine | rim | gate | feather auto |")
    print("|---|---|---|---:|---:|---:|---:|---:|---|---|")
    for row in rows:
        feather = "refused" if row.feather is None else f"{row.feather} px"
        print(
            f"| {row.name} | {row.eye} | {', '.join(row.stages) or row.reason} | {row.share:.0%} | {row.raw_db:.1f} "
            f"| {row.calibrated_db:.1f} | {row.fine:.2f} | {row.rim:.1%} | {'passes' if row.passes else 'refuses'} "
            f"| {feather} |"
        )
    print(*_totals(rows), sep="\n")
    wrong = fuzz(pairs, options.fuzz)
    print(f"fuzz: {len(wrong)} of {options.fuzz} crops failed", *wrong, sep="\n")
    if options.write and not options.only:
        write_marked("bench-real", summary(rows, options.fuzz, len(wrong)))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
