"""`make bench-constants`: the figures beside constants of `exquisite/geometry` that no table in RESULTS.md shows.

    python -m tests.benchmarks.constants               of simulated redraws: slow tone, and seams that nobody can see
    python -m tests.benchmarks.constants --real DIR    of redraws by real models in DIR (see `make bench-real`)

Slow tone: how far the first columns behind the seam are from the tone of the truth, by the number of columns averaged.
Seams: `redraw_residual` of the redraws whose seam nobody can see, and how many of them the gate refuses. Real redraws:
the residual and the share of the band that is kept, for each label; the share that unrelated pictures keep of each
other; and the parts whose fine energy is more or less than the coherent part explains, by constants of `sharpness`.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

from PIL import Image

from exquisite.api.mock.drift import random_drift, redraw
from exquisite.contract import CLASSIC
from exquisite.geometry.calibration import calibrate_tile, sharpness, slow_tone
from exquisite.geometry.calibration.blocks import BLOCK_PX
from exquisite.geometry.calibration.calibrate import measure_drift
from exquisite.geometry.calibration.holdout import HoldoutResidual
from exquisite.geometry.calibration.tone import fit_tone, with_tone
from exquisite.geometry.measures.seam_residual import seam_residual
from exquisite.geometry.overlap_score import interior_gate, score_tile
from exquisite.pixels import absolute, as_float, difference, mean
from tests.benchmarks.real import Pair, examine, load
from tests.benchmarks.seam_samples import NATURAL, PROFILES
from tests.support.pictures import KINDS, draw

__all__ = ["Redraw", "kept_of_others", "main", "parts", "redraws", "render", "tone_errors"]

SEEDS = (1001, 1002, 1003)
"""Of the drawn pictures; no other benchmark has these."""

AVERAGED = (8, 16, 32)
"""Numbers of columns tried as `slow_tone.COLUMNS`."""

SHARPNESS: tuple[Mapping[str, float], ...] = (
    {},
    {"_HOLDS": 1.0},
    {"_HOLDS": 0.7},
    {"_OTHER": 0.5, "_DISPLACED": 0.65},
    {"_OTHER": 0.5, "_DISPLACED": 0.75},
    {"_INCOHERENT": 0.6, "_COHERENT": 0.85},
)
"""Values tried in place of constants of `sharpness`."""

_LEAST, _MOST = 0.85, 1.2  # fine energy over what the coherent part explains
_LEAST_SHARE = 0.1  # of a part that the edit left alone
_NEW_PX, _ROWS = 8, 32  # columns behind the seam, and rows, over which tone is averaged
_MIDDLE_PX = 480  # of pictures that are no redraws of each other
_BORDER_PX = 128  # around the tile: more than any drift reaches


@dataclass(frozen=True)
class Redraw:
    """A calibrated redraw of a drawn picture.

    Attributes:
        kind: the kind of picture.
        tone: mean error of tone behind the seam in levels, by the number of averaged columns; 0 for no correction.
        seam: the seam residual over that of the truth.
        residual: the `redraw_residual`.
        refused: whether the gate refuses it.
    """

    kind: str
    tone: Mapping[int, float]
    seam: float
    residual: float
    refused: bool


def redraws(kinds: Sequence[str] = KINDS, seeds: Sequence[int] = SEEDS) -> Iterator[Redraw]:
    """One redraw of each kind, seed and profile."""
    size = (CLASSIC.tile_px + 2 * _BORDER_PX, CLASSIC.across_px + 2 * _BORDER_PX)
    box = (_BORDER_PX, _BORDER_PX, size[0] - _BORDER_PX, size[1] - _BORDER_PX)
    for kind in kinds:
        for seed in seeds:
            picture = draw(kind, size, seed)
            for profile in PROFILES:
                raw = redraw(picture, box, random_drift(profile, f"constants {kind} {seed}"))
                yield _calibrated(kind, raw, picture.crop(box))


def _calibrated(kind: str, raw: Image.Image, truth: Image.Image) -> Redraw:
    band = truth.crop((0, 0, CLASSIC.band_px, truth.height))
    drift = measure_drift(raw, band, CLASSIC)
    uneven = drift.calibration.tile
    drift, tile = drift.evened(uneven, band)
    calibration = drift.rated(tile, band, CLASSIC)
    natural, seam = (seam_residual(band, one.crop((band.width, 0, *one.size)), "x_ltr") for one in (truth, tile))
    passes = interior_gate(band, "x_ltr").passes(score_tile(band, tile, "x_ltr", CLASSIC, calibration))
    return Redraw(kind, tone_errors(uneven, truth), seam / natural, calibration.redraw_residual, not passes)


def tone_errors(tile: Image.Image, truth: Image.Image) -> dict[int, float]:
    """The error of tone behind the seam of a calibrated tile, by the number of averaged columns; in levels."""
    band = truth.crop((0, 0, CLASSIC.band_px, truth.height))
    errors = {0: _tone_error(tile, truth)}
    for columns in AVERAGED:
        with patch.object(slow_tone, "COLUMNS", columns):
            errors[columns] = _tone_error(slow_tone.with_even_tone(tile, band), truth)
    return errors


def _tone_error(tile: Image.Image, truth: Image.Image) -> float:
    """Mean over places and channels of the difference in tone."""
    box = (CLASSIC.band_px, 0, CLASSIC.band_px + _NEW_PX, truth.height)
    return statistics.fmean(
        mean(absolute(difference(*(as_float(one.crop(box)).reduce((_NEW_PX, _ROWS)) for one in pair))))
        for pair in zip(tile.split(), truth.split(), strict=True)
    )


def parts(pairs: Sequence[Pair]) -> list[Pair]:
    """The quarters of each pair, and its middle, unless the edit changed nearly all of the new half."""
    out = []
    for pair in pairs:
        edge = pair.original.width // 2
        for left, top in ((0, 0), (edge, 0), (0, edge), (edge, edge), (edge // 2, edge // 2)):
            box = (left, top, left + edge, top + edge)
            part = Pair(f"{pair.name} {box}", pair.mode, pair.eye, pair.original.crop(box), pair.output.crop(box))
            if examine(part).share >= _LEAST_SHARE:
                out.append(part)
    return out


def kept_of_others(images: Sequence[Image.Image]) -> list[float]:
    """The share of the middle of each picture that the middle of each later one keeps, as if it were its redraw."""
    middles = [_middle(image) for image in images]
    blocks = (_MIDDLE_PX // BLOCK_PX) ** 2
    shares = []
    for k, band in enumerate(middles):
        holdout = HoldoutResidual(band, BLOCK_PX, [1.0] * blocks)
        shares += [holdout.kept_share(with_tone(other, fit_tone(other, band))) for other in middles[k + 1 :]]
    return shares


def _middle(image: Image.Image) -> Image.Image:
    left, top = ((length - _MIDDLE_PX) // 2 for length in image.size)
    return image.crop((left, top, left + _MIDDLE_PX, top + _MIDDLE_PX))


def render(rows: Sequence[Redraw]) -> str:
    """The figures of simulated redraws."""
    lines = ["error of tone behind the seam in levels, by the number of columns averaged, 0 for no correction:"]
    for name, alike in (("all", rows), ("gradients", [row for row in rows if row.kind == "gradients"])):
        errors = [f"{n}: {statistics.fmean(row.tone[n] for row in alike):.2f}" for n in (0, *AVERAGED)]
        lines.append(f"  {name}, {len(alike)} redraws: {', '.join(errors)}")
    natural = [row for row in rows if row.seam <= NATURAL]
    residuals = sorted(row.residual for row in natural)
    shares = [f"{share:.0%} below {residuals[int(share * len(residuals))]:.2f}" for share in (0.5, 0.9, 0.95, 0.99)]
    lines.append(f"redraw_residual of the {len(natural)} whose seam nobody can see: {', '.join(shares)}")
    lines.append(f"of these the gate refuses {sum(row.refused for row in natural)}")
    return "\n".join(lines)


def of_real_redraws(pairs: Sequence[Pair]) -> str:
    """The figures of redraws by real models."""
    lines = ["redraw_residual, and kept share of the band, of the pairs of each label:"]
    for eye in ("invisible", "visible", "damaged"):
        alike = [
            calibrate_tile(pair.output, pair.band, pair.mode, pair.contract) for pair in pairs if pair.eye == eye
        ]
        residuals = ", ".join(f"{residual:.2f}" for residual in sorted(one.redraw_residual for one in alike))
        shares_kept = ", ".join(f"{share:.2f}" for share in sorted(one.kept for one in alike))
        lines.append(f"  {eye}: {residuals}; {shares_kept}")
    shares = kept_of_others([pair.original for pair in pairs])
    lines.append(f"largest kept share of {len(shares)} pairs of unrelated pictures: {max(shares):.2f}")
    whole = parts(pairs)
    lines.append(f"of {len(whole)} parts, by the constants of `sharpness`:")
    for values in SHARPNESS:
        with ExitStack() as patches:
            for name, value in values.items():
                patches.enter_context(patch.object(sharpness, name, value))
            energies = [row.fine for row in map(examine, whole) if row.stages]
        low, high = sum(value < _LEAST for value in energies), sum(value > _MOST for value in energies)
        lines.append(f"  {dict(values) or 'as they are'}: fine energy below {_LEAST} in {low}, above {_MOST} in {high}")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.constants", description=__doc__)
    parser.add_argument("--real", type=Path, metavar="DIR", help="redraws by real models, instead of simulated ones")
    options = parser.parse_args(arguments)
    print(render(list(redraws())) if options.real is None else of_real_redraws(load(options.real)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
