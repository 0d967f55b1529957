"""`make bench-strides`: one step of each contract on the same kinds of pictures, under the same drifts.

    python -m tests.benchmarks.strides            print the tables
    python -m tests.benchmarks.strides --write    ... and write them into RESULTS.md and strides.json

The seam lies at the same column of the same picture, and each candidate is displaced there as far, whatever the
contract. Three candidates of one step are redrawn (`Drift.random`, strength 1) and calibrated. Measured are the seam
residual over that of the true continuation, as it came and calibrated; the PSNR of the first 32 new columns and of 32
columns at the far end of the strip; and the processor time of the whole step, for each million new pixels.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from PIL import Image, ImageChops, ImageStat

from exquisite.api.generator import CallLog, RawCandidate, TileRequest
from exquisite.api.mock.drift import redraw
from exquisite.contract import PRESETS, TileContract
from exquisite.geometry.calibration import calibrate_tile
from exquisite.geometry.enforcement import enforce_conditioning_half
from exquisite.geometry.measures.seam_residual import seam_residual
from exquisite.geometry.overlap_score import interior_gate, score_tile
from exquisite.pipeline.session import Session
from tests.benchmarks.strides_in_a_row import LENGTH_PX, drift_at_seam, in_a_row
from tests.support.documents import write_marked
from tests.support.generators import png
from tests.support.pictures import draw

__all__ = ["CONTRACTS", "KINDS", "RESULT", "main", "render", "run"]

RESULT = Path(__file__).with_name("strides.json")
KINDS = ("ink", "foliage", "cobbles", "painterly")
ROW_KINDS = ("ink", "foliage")
CONTRACTS = ("classic", "long", "tall")
SEEDS = (1, 2, 3)
BORDER_PX = 64  # drawn around the largest tile, for what a drift brings in
SEAM_PX = BORDER_PX + max(PRESETS[name].band_px for name in CONTRACTS)
EDGE_PX = 32  # columns that are held against the truth, and rows at both outer edges that are not


class _Known:
    """Gives the same tiles to every request."""

    def __init__(self, tiles: list[bytes]) -> None:
        self._tiles = tiles

    def generate(self, request: TileRequest, calls: CallLog) -> Iterator[RawCandidate]:
        """As many tiles as the request has candidates."""
        for data in self._tiles[: request.candidates]:
            yield RawCandidate(data)


def run() -> dict[str, dict[str, dict[str, float]]]:
    """Table -> contract -> measure -> mean over kinds and candidates."""
    return {"one step": one_step(), "in a row": many_steps()}


def one_step() -> dict[str, dict[str, float]]:
    """The measures of one step of each contract."""
    sizes = [PRESETS[name].tile_size("x_ltr") for name in CONTRACTS]
    width, height = (max(sides) + 2 * BORDER_PX for sides in zip(*sizes, strict=True))
    rows: dict[str, list[dict[str, float]]] = {name: [] for name in CONTRACTS}
    for kind in KINDS:
        picture = draw(kind, (width, height), 21)
        for name in CONTRACTS:
            rows[name] += _measures(picture, PRESETS[name])
            print(f"one step: {kind} {name}", file=sys.stderr)
    return _means(rows)


def many_steps() -> dict[str, dict[str, float]]:
    """The measures of the same length grown with each contract."""
    contracts = [PRESETS[name] for name in CONTRACTS]
    width = SEAM_PX + LENGTH_PX + max(contract.margin_px for contract in contracts) + BORDER_PX
    height = max(contract.across_px for contract in contracts) + 2 * BORDER_PX
    rows: dict[str, list[dict[str, float]]] = {name: [] for name in CONTRACTS}
    for kind in ROW_KINDS:
        picture = draw(kind, (width, height), 21)
        for name, contract in zip(CONTRACTS, contracts, strict=True):
            rows[name].append(asdict(in_a_row(picture, SEAM_PX, BORDER_PX, contract)))
            print(f"in a row: {kind} {name}", file=sys.stderr)
    return _means(rows)


def _means(rows: Mapping[str, list[dict[str, float]]]) -> dict[str, dict[str, float]]:
    return {name: {key: _mean([row[key] for row in group]) for key in group[0]} for name, group in rows.items()}


def _measures(picture: Image.Image, contract: TileContract) -> list[dict[str, float]]:
    """The measures of each candidate of one step whose seam lies at the column of `picture` where all have it."""
    width, height = contract.tile_size("x_ltr")
    left = SEAM_PX - contract.band_px
    box = (left, BORDER_PX, left + width, BORDER_PX + height)
    truth, frame = picture.crop(box), contract.tile_frame("x_ltr")
    band, growth = truth.crop(frame.conditioning_half), truth.crop(frame.growth_in_tile)
    natural, gate = seam_residual(band, growth, "x_ltr"), interior_gate(band, "x_ltr", contract)
    tiles = [redraw(picture, box, drift_at_seam(seed, contract)) for seed in SEEDS]
    seconds = _step_seconds(band, tiles, contract)
    rows = []
    for tile in tiles:
        calibration = calibrate_tile(tile, band, "x_ltr", contract)
        enforced = enforce_conditioning_half(calibration.tile, band, "x_ltr", contract)
        new = enforced.crop(frame.growth_in_tile)
        rows.append(
            {
                "raw": seam_residual(band, tile.crop(frame.growth_in_tile), "x_ltr") / natural,
                "calibrated": seam_residual(band, new, "x_ltr") / natural,
                "first": _psnr(new, growth, 0),
                "last": _psnr(new, growth, contract.advance_px - EDGE_PX),
                "passed": float(gate.passes(score_tile(band, enforced, "x_ltr", contract, calibration))),
                "seconds": seconds * 1e6 / (contract.advance_px * contract.across_px),
            }
        )
    return rows


def _step_seconds(band: Image.Image, tiles: list[Image.Image], contract: TileContract) -> float:
    """Processor time of one step with three candidates and all artifacts."""
    generator = _Known([png(tile) for tile in tiles])
    with tempfile.TemporaryDirectory() as folder:
        session = Session.create(Path(folder) / "s", band, contract)
        start = time.process_time()
        session.step("x_ltr", generator, gate=None)
        return time.process_time() - start


def _mean(values: list[float]) -> float:
    return math.fsum(values) / len(values)


def _psnr(new: Image.Image, truth: Image.Image, left: int) -> float:
    """In dB, of EDGE_PX columns from `left` on, without EDGE_PX rows above and below."""
    box = (left, EDGE_PX, left + EDGE_PX, truth.height - EDGE_PX)
    rms = ImageStat.Stat(ImageChops.difference(new.crop(box), truth.crop(box))).rms
    return 10 * math.log10(255 * 255 / max(1e-3, sum(value * value for value in rms) / 3))


def render(result: Mapping[str, Mapping[str, Mapping[str, float]]]) -> str:
    """The tables, in Markdown."""
    classic = result["one step"]["classic"]
    lines = [
        f"One step, mean over {len(KINDS)} kinds of pictures and {len(SEEDS)} drifts: seam residual over that of the "
        "truth, as it came and calibrated; what the columns differ from the truth; processor time a million new "
        "pixels, and as a share of that of `classic`.",
        "",
        "| contract | as it came | calibrated | first columns, dB | far end, dB | passed | s a megapixel | share |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, row in result["one step"].items():
        lines.append(
            f"| `{name}` | {row['raw']:.2f} | {row['calibrated']:.3f} | {row['first']:.1f} | {row['last']:.1f} | "
            f"{row['passed']:.0%} | {row['seconds']:.2f} | {row['seconds'] / classic['seconds']:.2f} |"
        )
    lines += [
        "",
        f"{LENGTH_PX:,} px of {len(ROW_KINDS)} kinds in a row, each step on the one before: mean residual of the seams "
        "over that of the truth, first columns, and contrast and sharpness at the end over those of the truth.",
        "",
        "| contract | steps | residual | first columns, dB | contrast | sharpness |",
        "|---|---|---|---|---|---|",
    ]
    for name, row in result["in a row"].items():
        lines.append(
            f"| `{name}` | {row['steps']:.0f} | {row['residual']:.3f} | {row['first']:.1f} | {row['contrast']:.3f} | "
            f"{row['sharpness']:.3f} |"
        )
    return "\n".join(lines)


def main(argv: list[str] | None = None) -> int:
    """Run, print, and write where asked."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.strides", allow_abbrev=False, description=__doc__)
    parser.add_argument("--write", action="store_true", help="write the tables into RESULTS.md and strides.json")
    options = parser.parse_args(argv)
    result: dict[str, Any] = run()
    print(render(result))
    if options.write:
        RESULT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
        write_marked("bench-strides", render(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
