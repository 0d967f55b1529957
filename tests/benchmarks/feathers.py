"""`make bench-feather`: the feather of the package beside other policies, on seams of known truth.

    python -m tests.benchmarks.feathers            print the table
    python -m tests.benchmarks.feathers --write    ... and write it into RESULTS.md and feathers.json

Every policy changes new pixels only, in the first columns behind the seam; a crossfade, which rewrites old ones, is
none. Each meets three redraws of every picture: one that is only off in tone and pasted as it came (what a feather is
for), one with all drifts as it came (what no feather can save), and one calibrated (which a feather must not spoil).
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import Any

from PIL import Image, ImageChops, ImageFilter, ImageStat

from exquisite.api.mock.drift import Drift, redraw
from exquisite.contract import CLASSIC
from exquisite.geometry.calibration import calibrate_tile
from exquisite.geometry.enforcement import enforce_conditioning_half
from exquisite.geometry.feather import feather_tile
from exquisite.geometry.measures.seam_residual import seam_residual
from exquisite.pixels import laplacian_energy
from tests.support.documents import write_marked
from tests.support.pictures import draw

__all__ = ["POLICIES", "main", "render", "run"]

RESULT = Path(__file__).with_name("feathers.json")

KINDS = ("ink", "facade", "foliage", "clouds", "painterly", "pencil", "cobbles", "gradients")
SEED = 41
WIDTH = 32
BORDER = 64
EDGE = 32
REDRAWS = ("tone alone, as it came", "every drift, as it came", "every drift, calibrated")

Policy = Callable[[Image.Image, Image.Image, Image.Image], Image.Image]
"""(enforced tile, its redraw, band) to the feathered tile, growth to the right."""


def membrane(width: int) -> Policy:
    """The feather of the package."""
    return lambda enforced, tile, band: feather_tile(enforced, tile, band, "x_ltr", width)


def straight(columns: int) -> Policy:
    """The mean difference of the last columns of the band, row by row, carried straight and faded out."""

    def feathered(enforced: Image.Image, tile: Image.Image, band: Image.Image) -> Image.Image:
        return _faded(enforced, tile, band, columns, lambda column: column)

    return feathered


def one_offset(enforced: Image.Image, tile: Image.Image, band: Image.Image) -> Image.Image:
    """One offset a channel for the whole seam, faded out."""
    return _faded(
        enforced, tile, band, 4, lambda column: column.resize((1, 1), Image.Resampling.BOX).resize(column.size)
    )


def softened(enforced: Image.Image, _tile: Image.Image, _band: Image.Image) -> Image.Image:
    """The first eight new columns blurred."""
    out = enforced.copy()
    zone = (CLASSIC.band_px, 0, CLASSIC.band_px + 8, CLASSIC.tile_px)
    out.paste(enforced.filter(ImageFilter.GaussianBlur(2)).crop(zone), zone[:2])
    return out


POLICIES: Mapping[str, Policy] = {
    "none": lambda enforced, _tile, _band: enforced,
    "membrane, 16 px": membrane(16),
    "membrane, 32 px": membrane(32),
    "membrane, 64 px": membrane(64),
    "last column carried straight, 32 px": straight(1),
    "mean of 4 columns carried straight, 32 px": straight(4),
    "one offset, 32 px": one_offset,
    "first 8 columns blurred": softened,
}


def _faded(
    enforced: Image.Image,
    tile: Image.Image,
    band: Image.Image,
    columns: int,
    shape: Callable[[Image.Image], Image.Image],
) -> Image.Image:
    """`enforced` and the `shape` of band - redraw next to the seam, under a raised cosine WIDTH wide."""
    near = (CLASSIC.band_px - columns, 0, CLASSIC.band_px, CLASSIC.tile_px)
    zone = (CLASSIC.band_px, 0, CLASSIC.band_px + WIDTH, CLASSIC.tile_px)
    old, new, patch = band.crop(near), tile.crop(near), enforced.crop(zone)
    for combine, difference in (
        (ImageChops.add, ImageChops.subtract(old, new)),
        (ImageChops.subtract, ImageChops.subtract(new, old)),
    ):
        column = shape(difference.resize((1, CLASSIC.tile_px), Image.Resampling.BOX))
        patch = combine(patch, ImageChops.multiply(column.resize(patch.size), _fade()))
    out = enforced.copy()
    out.paste(patch, zone[:2])
    return out


def _fade() -> Image.Image:
    """From 255 at the seam to 0, WIDTH columns wide, RGB."""
    levels = bytes(round(127.5 + 127.5 * math.cos(math.pi * (x + 0.5) / WIDTH)) for x in range(WIDTH))
    return Image.frombytes("L", (WIDTH, 1), levels).resize((WIDTH, CLASSIC.tile_px)).convert("RGB")


def run(kinds: tuple[str, ...] = KINDS) -> dict[str, dict[str, dict[str, float]]]:
    """For each redraw and policy: residual over natural, mean squared error, sharpness over the truth's."""
    rows: dict[str, dict[str, list[dict[str, float]]]] = {kind: {name: [] for name in POLICIES} for kind in REDRAWS}
    for kind in kinds:
        for name, truth, tile in _redraws(kind):
            band = truth.crop((0, 0, CLASSIC.band_px, CLASSIC.tile_px))
            enforced = enforce_conditioning_half(tile, band, "x_ltr")
            for policy, feathered in POLICIES.items():
                rows[name][policy].append(_measures(feathered(enforced, tile, band), truth))
    return {
        name: {
            policy: {value: round(fmean(one[value] for one in group), 4) for value in group[0]}
            for policy, group in policies.items()
        }
        for name, policies in rows.items()
    }


def _redraws(kind: str) -> Iterator[tuple[str, Image.Image, Image.Image]]:
    """(name, truth, redraw) of one kind of picture."""
    size = CLASSIC.tile_px + 2 * BORDER
    scene = draw(kind, (size, size), SEED)
    box = (BORDER, BORDER, BORDER + CLASSIC.tile_px, BORDER + CLASSIC.tile_px)
    truth = scene.crop(box)
    every = Drift.random(f"feather:{kind}", 1.0)
    tone = replace(every, shift=(0.0, 0.0), zoom=(1.0, 1.0), blur=0.0, noise=0.0)
    tile = redraw(scene, box, every)
    yield REDRAWS[0], truth, redraw(scene, box, tone)
    yield REDRAWS[1], truth, tile
    yield REDRAWS[2], truth, calibrate_tile(tile, truth.crop((0, 0, CLASSIC.band_px, CLASSIC.tile_px)), "x_ltr").tile


def _measures(tile: Image.Image, truth: Image.Image) -> dict[str, float]:
    seam = CLASSIC.band_px
    zone = (seam, EDGE, seam + WIDTH, CLASSIC.tile_px - EDGE)
    old, new, true = (
        image.crop((left, EDGE, left + CLASSIC.advance_px, CLASSIC.tile_px - EDGE))
        for image, left in ((truth, seam - CLASSIC.advance_px), (tile, seam), (truth, seam))
    )
    squares = fmean(ImageStat.Stat(ImageChops.difference(tile.crop(zone), truth.crop(zone))).sum2)
    mean_square = squares / ((zone[2] - zone[0]) * (zone[3] - zone[1]))
    return {
        "residual": seam_residual(old, new, "x_ltr") / seam_residual(old, true, "x_ltr"),
        "mean square": mean_square,
        "sharpness": laplacian_energy(tile.crop(zone)) / laplacian_energy(truth.crop(zone)),
    }


def render(result: Mapping[str, Mapping[str, Mapping[str, float]]]) -> str:
    """The table, in Markdown: for each redraw residual over natural, root mean square error in levels, sharpness."""
    lines = [
        f"Of {len(KINDS)} kinds of pictures: residual over natural · root mean square error of the first {WIDTH} new "
        "columns, in levels · their sharpness over that of the truth.",
        "",
        f"| policy | {' | '.join(REDRAWS)} |",
        f"|---|{'---|' * len(REDRAWS)}",
    ]
    for policy in result[REDRAWS[0]]:
        cells = [
            f"{figures['residual']:.2f} · {figures['mean square'] ** 0.5:.1f} · {figures['sharpness']:.2f}"
            for figures in (result[name][policy] for name in REDRAWS)
        ]
        lines.append(f"| {policy} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main(argv: list[str] | None = None) -> int:
    """Run, print, and write where asked."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.feathers", allow_abbrev=False, description=__doc__
    )
    parser.add_argument("--write", action="store_true", help="write the table into RESULTS.md and feathers.json")
    options = parser.parse_args(argv)
    result: dict[str, Any] = run()
    print(render(result))
    if options.write:
        RESULT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
        write_marked("bench-feather", render(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
