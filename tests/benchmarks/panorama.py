"""`make bench-panorama`: many steps in a row in each mode and with each contract, against a known truth.

    python -m tests.benchmarks.panorama                print the tables
    python -m tests.benchmarks.panorama --write        ... and write them into RESULTS.md, README.md and panorama.json
    python -m tests.benchmarks.panorama --contracts    only the table of contracts; the others stay as recorded
    python -m tests.benchmarks.panorama --trials       only the choices in trial steps; the others stay as recorded
    python -m tests.benchmarks.panorama --render       only write them again, from the panorama.json of the last run
    python -m tests.benchmarks.panorama --quick        two runs of two steps, for a first look; never written

The simulated model continues a canvas from a known picture, redrawing every tile a little off. Five canvases grow
from the same seed picture under the same drifts, each on its own frontier:

    as it came            the raw tile, the band put back
    as it came + feather
    calibrated            three candidates, the best by the primary metric
    calibrated + feather
    oracle                the true inverse of the drift's geometry and tone; not of its blur and noise

The candidate is the one that the scorer chose on the calibrated canvas, so that canvases differ in treatment alone.
Each candidate of each step has a drift of its own, which depends on nothing that was chosen before: a change of the
code changes the treatment of the same tiles.

Under a local warp there is no truth for a second step in a row: the far end of a strip lies where the warp had put it,
which no conditioning half shows, and the known picture goes on elsewhere. There each step starts from the true band.

Contracts are held beside each other on the same pictures, each grown by the same length from the same seam. Trial steps
count how often the primary metric chooses the best of three candidates, on pictures that nothing was chosen on.
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import random
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from PIL import Image, ImageChops, ImageStat

from exquisite.api.answer import decode_tile
from exquisite.api.generator import NullCallLog, TileRequest
from exquisite.api.mock import MockTileGenerator
from exquisite.api.mock.drift import Drift
from exquisite.contract import CLASSIC, Mode, from_canonical, to_canonical
from exquisite.geometry.calibration import Calibration, calibrate_tile
from exquisite.geometry.calibration.displacement import Field, resample
from exquisite.geometry.calibration.tone import with_tone
from exquisite.geometry.enforcement import enforce_conditioning_half
from exquisite.geometry.feather import feather_tile
from exquisite.geometry.measures.seam_residual import seam_residual
from exquisite.geometry.overlap_score import score_tile
from exquisite.geometry.tile_mode import extract_conditioning_band
from exquisite.pixels import laplacian_energy
from tests.benchmarks import panorama_table
from tests.benchmarks.panorama_runs import COMPARED, CONTRACTS, RUNS, TRIALS, Run
from tests.support.documents import ROOT, write_marked

__all__ = ["RESULT", "examine", "main"]

RESULT = Path(__file__).with_name("panorama.json")

FEATHER_PX = 32
FIRST_PX = 32
"""New columns next to the seam in which the pixels are held against the truth."""
HALF_PX = FIRST_PX // 2
"""Of these, the columns whose truth shows how well any metric could choose."""
EDGE_PX = 32
"""Rows at either outer edge that are not: a shifted tile has nothing to show there."""
STRENGTH = 1.0
"""Of the model's drift: as measured on real models."""

_FACTORS = (0.7, 1.0, 1.6)  # on the strength, for the three candidates of a step, as in the simulated model
_LEVELS = range(256)


class _Canvas:
    """One arm's canvas, and what it takes to grow it."""

    def __init__(self, run: Run, truth: Image.Image) -> None:
        self.mode = Mode(run.mode)
        self.contract = run.sizes
        self._run = run
        self._picture = from_canonical(truth, run.mode)
        self._truth = truth
        self.start_from_truth(1)
        low = self.mode.side == "low"
        along = truth.width - self.contract.band_px if low else 0
        self._origin = self.contract.oriented((along, 0), run.mode)
        self._sign = -1 if low else 1

    def start_from_truth(self, step: int) -> None:
        """Put the true band before `step`, 1 the first."""
        left = (step - 1) * self.contract.advance_px
        band = self._truth.crop((left, 0, left + self.contract.band_px, self.contract.across_px))
        self.image = from_canonical(band, self._run.mode)

    @property
    def band(self) -> Image.Image:
        """The band at the frontier, own orientation."""
        return extract_conditioning_band(self.image, self.mode, self.contract)

    def tile(self, step: int, drift: Drift) -> Image.Image:
        """The simulated model's answer, decoded."""
        model = MockTileGenerator(f"{self._run}", self._picture, self._origin, drift=drift)
        blank = Image.new("RGB", self.contract.tile_size(self.mode))
        request = TileRequest(
            mode=self.mode,
            contract=self.contract,
            band=self.band,
            reference=blank,
            mask=blank.convert("RGBA"),
            prompt="",
            candidates=1,
            step_index=step,
            band_origin=self.contract.oriented((self._sign * (step - 1) * self.contract.advance_px, 0), self.mode),
        )
        (raw,) = model.generate(request, NullCallLog())
        return decode_tile(raw.data, self.contract, self.mode)

    def grow(self, tile: Image.Image) -> None:
        """Keep the band of the enforced `tile`'s end: only the frontier is ever needed."""
        frame = self.contract.tile_frame(self.mode)
        along = to_canonical(self.image, self.mode)
        strip = to_canonical(tile.crop(frame.growth_in_tile), self.mode)
        longer = Image.new("RGB", (along.width + strip.width, along.height))
        longer.paste(along, (0, 0))
        longer.paste(strip, (along.width, 0))
        self.image = from_canonical(longer.crop((strip.width, 0, *longer.size)), self.mode)


def examine(run: Run, most: int | None = None) -> list[dict[str, Any]]:
    """One row a step; of the first `most` steps where that is given."""
    truth = run.load()
    canvases = {arm: _Canvas(run, truth) for arm in run.arms}
    return [_step(run, truth, canvases, step) for step in range(1, min(run.steps, most or run.steps) + 1)]


def candidate_drifts(run: Run, step: int) -> list[Drift]:
    """The drifts of a step's three candidates: alike with every contract, but for lengths in proportion to the tile."""
    share = min(run.sizes.tile_size(Mode(run.mode))) / min(CLASSIC.tile_size(Mode(run.mode)))
    key = f"{replace(run, contract=CONTRACTS[0])}:{step}"
    factors = random.Random(key).sample(_FACTORS, len(_FACTORS))
    return [
        Drift.random(f"{key}:{number}", STRENGTH * factor, warp_px=run.warp_px).scaled(share)
        for number, factor in enumerate(factors)
    ]


def _step(run: Run, truth: Image.Image, canvases: Mapping[str, _Canvas], step: int) -> dict[str, Any]:
    contract, mode = run.sizes, Mode(run.mode)
    start = (step - 1) * contract.advance_px
    tile = truth.crop((start, 0, start + contract.tile_px, contract.across_px))
    canvas = canvases["calibrated"]
    band = canvas.band
    drifts, tiles = candidate_drifts(run, step), []
    kinds: dict[str, list[dict[str, Any]]] = {"calibrated": [], "raw": []}
    for drift in drifts:
        raw = canvas.tile(step, drift)
        calibration = calibrate_tile(raw, band, mode, contract)
        tiles.append(enforce_conditioning_half(calibration.tile, band, mode, contract))
        kinds["calibrated"].append(_candidate(tiles[-1], calibration, tile, canvas))
        kinds["raw"].append(_candidate(enforce_conditioning_half(raw, band, mode, contract), None, tile, canvas))
    choice = max(range(len(drifts)), key=lambda k: kinds["calibrated"][k]["metrics"]["primary"])
    finished = {"calibrated": tiles[choice]}
    for arm in run.arms:
        if arm not in finished:
            finished[arm] = _treated(arm, canvases[arm], step, drifts[choice])
    natural = seam_residual(*_meeting(from_canonical(tile, mode), canvas), mode)
    measures = {arm: _measures(finished[arm], tile, canvases[arm]) for arm in run.arms}
    for arm, image in finished.items():
        if run.warp_px:
            canvases[arm].start_from_truth(step + 1)
        else:
            canvases[arm].grow(image)
    return {
        "run": run.name,
        "contract": run.contract,
        "warped": run.warp_px > 0,
        "step": step,
        "natural": natural,
        "chosen": choice,
        "arms": measures,
        "calibrated candidates": kinds["calibrated"],
        "raw candidates": kinds["raw"],
    }


def _treated(arm: str, canvas: _Canvas, step: int, drift: Drift) -> Image.Image:
    """The enforced tile of one of the other arms."""
    mode, contract = canvas.mode, canvas.contract
    raw = canvas.tile(step, drift)
    if arm == "oracle":
        return enforce_conditioning_half(_undone(raw, drift), canvas.band, mode, contract)
    redraw = calibrate_tile(raw, canvas.band, mode, contract).tile if arm.startswith("calibrated") else raw
    enforced = enforce_conditioning_half(redraw, canvas.band, mode, contract)
    feather_px = FEATHER_PX if arm.endswith("feather") else 0
    return feather_tile(enforced, redraw, canvas.band, mode, feather_px, contract)


def _undone(raw: Image.Image, drift: Drift) -> Image.Image:
    """`raw` with the true inverse of the drift's geometry and tone."""
    box = (0, 0, *raw.size)
    xs, ys = (tuple(float(v) for v in range(0, edge + 1, CLASSIC.tile_px // 32)) for edge in raw.size)

    def at(x: float, y: float) -> tuple[float, float]:
        landed = drift.landing(x, y, box)
        return landed[0] - x, landed[1] - y

    tile = resample(raw, Field.sampled(xs, ys, at), box)
    return with_tone(tile, tuple(tuple(_inverse(drift, cast)) for cast in drift.cast))


def _inverse(drift: Drift, cast: float) -> Iterator[float]:
    for level in _LEVELS:
        value = ((level - cast) / 255 - 0.5) / drift.contrast + 0.5
        yield 255 * min(1.0, max(0.0, value)) ** (1 / drift.gamma)


def _meeting(tile: Image.Image, canvas: _Canvas) -> tuple[Image.Image, Image.Image]:
    """(conditioning half, new strip) of an own-orientation tile."""
    frame = canvas.contract.tile_frame(canvas.mode)
    return tile.crop(frame.conditioning_half), tile.crop(frame.growth_in_tile)


def _candidate(
    enforced: Image.Image, calibration: Calibration | None, truth: Image.Image, canvas: _Canvas
) -> dict[str, Any]:
    """What became of one candidate, and what the scorer says of it."""
    values = _measures(enforced, truth, canvas)
    score = score_tile(canvas.band, enforced, canvas.mode, canvas.contract, calibration)
    return {
        "psnr": values["psnr"],
        "half psnr": values["half psnr"],
        "residual": values["residual"],
        "applied": calibration is not None and calibration.applied,
        "metrics": dict(score.metrics),
    }


def _measures(enforced: Image.Image, truth: Image.Image, canvas: _Canvas) -> dict[str, float]:
    """Seam residual, PSNR of the first new columns in dB, and what became of the strip's colour and sharpness."""
    tile, contract = to_canonical(enforced, canvas.mode), canvas.contract
    seam, end = contract.band_px, contract.band_px + contract.advance_px
    first, half = ((seam, EDGE_PX, seam + depth, contract.across_px - EDGE_PX) for depth in (FIRST_PX, HALF_PX))
    strip = (seam, EDGE_PX, end, contract.across_px - EDGE_PX)
    _, new = _meeting(enforced, canvas)
    ours, true = tile.crop(strip), truth.crop(strip)
    return {
        "residual": seam_residual(canvas.band, new, canvas.mode),
        "psnr": psnr(tile.crop(first), truth.crop(first)),
        "half psnr": psnr(tile.crop(half), truth.crop(half)),
        "strip psnr": psnr(ours, true),
        "colour": max(abs(a - b) for a, b in zip(_means(ours), _means(true), strict=True)),
        "contrast": _deviation(ours) / max(1e-9, _deviation(true)),
        "sharpness": laplacian_energy(ours) / max(1e-9, laplacian_energy(true)),
    }


def _means(image: Image.Image) -> list[float]:
    counts = image.histogram()
    return [
        sum(level * counts[256 * channel + level] for level in _LEVELS) / (image.width * image.height)
        for channel in range(3)
    ]


def _deviation(image: Image.Image) -> float:
    """Standard deviation within the channels, in levels."""
    return math.sqrt(math.fsum(ImageStat.Stat(image).var) / 3)


def psnr(image: Image.Image, truth: Image.Image) -> float:
    """In dB; at most 60, which is less than half a level."""
    counts = ImageChops.difference(image, truth).histogram()
    square = sum((k % 256) ** 2 * n for k, n in enumerate(counts)) / sum(counts)
    return min(60.0, 10 * math.log10(255**2 / square)) if square else 60.0


def main(argv: list[str] | None = None) -> int:
    """Run, print, and write where asked."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.panorama", allow_abbrev=False, description=__doc__
    )
    parser.add_argument("--write", action="store_true", help="write the tables into the documents and panorama.json")
    parser.add_argument("--contracts", action="store_true", help="run the table of contracts alone")
    parser.add_argument("--trials", action="store_true", help="run the trial steps alone")
    parser.add_argument("--render", action="store_true", help="run nothing: write what panorama.json recorded")
    parser.add_argument("--quick", action="store_true", help="two runs of two steps; never written")
    parser.add_argument("--workers", type=int, default=2, help="processes (2)")
    options = parser.parse_args(argv)
    recorded: dict[str, Any] = json.loads(RESULT.read_text(encoding="utf-8"))
    if options.render:
        _write_documents(recorded)
        return 0
    if options.quick:
        print(panorama_table.render(panorama_table.summarise(_rows([(run, 2) for run in RUNS[:2]], options.workers))))
        return 0
    result, is_part = recorded, options.contracts or options.trials
    if not is_part:
        result = panorama_table.summarise(_rows([(run, None) for run in RUNS], options.workers))
    if options.contracts or not is_part:
        result["contracts"] = panorama_table.compared(_rows([(run, None) for run in COMPARED()], options.workers))
    if options.trials or not is_part:
        result["trials"] = panorama_table.trial_figures(_rows([(run, None) for run in TRIALS()], options.workers))
    print(panorama_table.render(result))
    if options.write:
        RESULT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
        _write_documents(result)
    return 0


def _rows(work: Sequence[tuple[Run, int | None]], workers: int) -> list[dict[str, Any]]:
    """The rows of these runs, each of all or of the first so many steps."""
    started = time.monotonic()
    rows = []
    with multiprocessing.Pool(workers) as pool:
        for count, part in enumerate(pool.imap(_examine_one, work), 1):
            rows += part
            print(f"{count} of {len(work)} runs, {time.monotonic() - started:.0f} s", file=sys.stderr)
    return rows


def _write_documents(result: dict[str, Any]) -> None:
    write_marked("bench-panorama", panorama_table.render(result))
    write_marked("bench-panorama", panorama_table.render_headline(result), ROOT / "README.md")


def _examine_one(work: tuple[Run, int | None]) -> list[dict[str, Any]]:
    return examine(*work)


if __name__ == "__main__":
    sys.exit(main())
