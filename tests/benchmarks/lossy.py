"""`python -m tests.benchmarks.lossy`: tiles that come as JPEG, calibrated as they come and with their blocks smoothed.

Ten pictures, each redrawn twice: as the simulated model does, and soft only, so that the grid stays where it was. For
each quality of the file three ways beside each other, and the same redraw as PNG:

    as it came       every stage on the decoded tile
    no sharpness     every stage but sharpness
    smooth blocks    every stage on the tile with smoothed block boundaries: what a step does

PSNR of the first 32 new columns against the truth, in dB; bend across the seam over the usual bend; sharpness over that
of the truth; steps between columns on the grid of 8 px over those of the truth, 1 without a grid.
"""

from __future__ import annotations

import argparse
import io
import math
import statistics
from collections.abc import Iterator
from multiprocessing import Pool
from unittest import mock

from PIL import Image, ImageChops

from exquisite.api.lossy import jpeg_quantizer
from exquisite.api.mock.drift import Drift, redraw
from exquisite.contract import CLASSIC
from exquisite.geometry.calibration import calibrate_tile
from exquisite.geometry.calibration.deblocking import BLOCK_PX, deblocked
from exquisite.geometry.calibration.sharpness import Kernel
from exquisite.geometry.enforcement import enforce_conditioning_half
from exquisite.geometry.measures.seam_residual import seam_residual
from exquisite.pixels import laplacian_energy

from .panorama import EDGE_PX, FIRST_PX
from .panorama_runs import Run

KINDS = ("ink", "pencil", "painterly", "facade", "foliage", "cobbles", "blue-marble", "moon", "fruit", "milky-way")
REDRAWS = ("drifted", "soft")
SOFT_PX = 0.7  # sigma of a redraw that is soft only: the most that the simulated model blurs
QUALITIES = (75, 85, 90)
WAYS = ("as it came", "no sharpness", "smooth blocks")
AT = 32  # of the tile in the picture, so that a redraw finds something beyond its edges

Row = tuple[str, str, tuple[float, ...]]
"""(redraw, file and way, measures)."""


def grid(tile: Image.Image) -> float:
    """Of the mean steps between columns of the growth strip, that at the phase with the largest, over all phases."""
    new = tile.crop(CLASSIC.tile_frame("x_ltr").growth_in_tile).convert("L")
    steps = ImageChops.difference(new, ImageChops.offset(new, 1, 0)).crop((BLOCK_PX, 0, *new.size))
    totals = [0] * BLOCK_PX
    for at, step in enumerate(steps.tobytes()):
        totals[at % steps.width % BLOCK_PX] += step
    return max(totals) * BLOCK_PX / sum(totals)


def measures(enforced: Image.Image, band: Image.Image, truth: Image.Image) -> tuple[float, ...]:
    """PSNR, residual, sharpness and grid of an enforced tile."""
    strip, seam = CLASSIC.tile_frame("x_ltr").growth_in_tile, CLASSIC.band_px
    first = (seam, EDGE_PX, seam + FIRST_PX, CLASSIC.tile_px - EDGE_PX)
    counts = ImageChops.difference(enforced.crop(first), truth.crop(first)).histogram()
    square = sum((k % 256) ** 2 * n for k, n in enumerate(counts)) / sum(counts)
    return (
        10 * math.log10(255**2 / square),
        seam_residual(band, enforced.crop(strip), "x_ltr"),
        laplacian_energy(enforced.crop(strip)) / laplacian_energy(truth.crop(strip)),
        grid(enforced) / grid(truth),
    )


def examine(kind: str) -> list[Row]:
    """Every redraw of one picture, in every file and every way."""
    picture = Run(kind, "x_ltr", 0).load()
    box = (AT, 0, AT + CLASSIC.tile_px, CLASSIC.tile_px)
    truth = picture.crop(box)
    band = truth.crop(CLASSIC.tile_frame("x_ltr").conditioning_half)
    drifts = (Drift.random(kind), Drift(blur=SOFT_PX))
    rows: list[Row] = []
    for name, drift in zip(REDRAWS, drifts, strict=True):
        raw = redraw(picture, box, drift)
        rows.append((name, "PNG", measures(_after_calibration(raw, band), band, truth)))
        for quality in QUALITIES:
            for way, tile in _ways(raw, band, quality):
                rows.append((name, f"JPEG {quality}, {way}", measures(tile, band, truth)))
    return rows


def _ways(raw: Image.Image, band: Image.Image, quality: int) -> Iterator[tuple[str, Image.Image]]:
    """The enforced tile of each way."""
    buffer = io.BytesIO()
    raw.save(buffer, "JPEG", quality=quality)
    data = buffer.getvalue()
    with Image.open(buffer) as coded:
        tile = coded.convert("RGB")
    yield WAYS[0], _after_calibration(tile, band)
    with mock.patch("exquisite.geometry.calibration.calibrate.fit_kernel", return_value=Kernel()):
        yield WAYS[1], _after_calibration(tile, band)
    yield WAYS[2], _after_calibration(deblocked(tile, jpeg_quantizer(data)), band)


def _after_calibration(tile: Image.Image, band: Image.Image) -> Image.Image:
    return enforce_conditioning_half(calibrate_tile(tile, band, "x_ltr").tile, band, "x_ltr")


def main() -> None:
    """Measure on two cores, and print the means as a Markdown table."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.lossy", allow_abbrev=False)
    parser.add_argument("kinds", nargs="*", default=KINDS, help=f"pictures (default: {', '.join(KINDS)})")
    with Pool(2) as pool:
        rows = [row for rows in pool.imap(examine, parser.parse_args().kinds) for row in rows]
    print("| redraw | file | PSNR, dB | residual | sharpness | grid |\n|---|---|---:|---:|---:|---:|")
    for redrawn in REDRAWS:
        for file in dict.fromkeys(file for name, file, _ in rows if name == redrawn):
            values = [values for name, file_, values in rows if (name, file_) == (redrawn, file)]
            psnr, *others = map(statistics.mean, zip(*values, strict=True))
            print(f"| {redrawn} | {file} | {psnr:.2f} | {' | '.join(f'{value:.2f}' for value in others)} |")


if __name__ == "__main__":
    main()
