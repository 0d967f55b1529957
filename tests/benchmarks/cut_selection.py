"""How often each metric chooses the candidate with the least error in a step that cuts a pending zone.

    python -m tests.benchmarks.cut_selection smooth 301     22 pictures, drifts of one profile, one seed; half a minute

Three redraws of a place drift 0.7, 1 and 1.6 times as far. Each is calibrated, cut through 64 px and scored; its
error is that of its first 32 new columns beside the truth, which the scorer never sees.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from math import log1p
from statistics import fmean

from exquisite.api.mock.drift import PROFILES, Drift, random_drift, redraw
from exquisite.geometry.calibration import calibrate_tile
from exquisite.geometry.cut import find_cut, join_tile, straightened
from exquisite.geometry.overlap_score import score_tile
from tests.support.pictures import KINDS

from .cuts import CONTRACT, PICTURES, scene_of
from .panorama import EDGE_PX, FIRST_PX, psnr

__all__ = ["main"]

_STRENGTHS = (0.7, 1.0, 1.6)
_SOFTEN_PX = 64
_WEIGHTS = (0, 10, 20, 40, 80)
_CLOSE_DB = 0.5

Found = dict[str, float]
"""What is known of a candidate: psnr, and what may choose by its name."""


def candidates(kind: str, seed: int, profile: str) -> list[Found]:
    """Three redraws of a place of a picture."""
    scene, box = scene_of(kind, seed)
    old = scene.crop(box)
    band = old.crop(CONTRACT.tile_frame("x_ltr").conditioning_half)
    first = (CONTRACT.band_px, EDGE_PX, CONTRACT.band_px + FIRST_PX, CONTRACT.across_px - EDGE_PX)
    results = []
    for number, strength in enumerate(_STRENGTHS):
        drift = _drift(f"{kind}{seed}{profile}{number}", profile, strength)
        calibration = calibrate_tile(redraw(scene, box, drift), band, "x_ltr", CONTRACT)
        cut = find_cut(calibration.tile, band, "x_ltr", _SOFTEN_PX, CONTRACT)
        tile = straightened(join_tile(calibration.tile, band, "x_ltr", cut, CONTRACT), "x_ltr", cut)
        score = score_tile(tile.crop((0, 0, *band.size)), tile, "x_ltr", CONTRACT, calibration)
        weighed = {f"primary, a cut weighs {w}": score.primary - w * log1p(cut.mismatch) for w in _WEIGHTS}
        error = psnr(calibration.tile.crop(first), old.crop(first))
        seam = {"seam": score.metrics["seam"], "cut_mismatch": -cut.mismatch, "cut_breaks": -cut.breaks}
        results.append({"psnr": error, **weighed, **seam})
    return results


def _drift(seed: str, profile: str, strength: float) -> Drift:
    return Drift.random(seed, strength, warp_px=2) if profile == "smooth" else random_drift(profile, seed, strength)


def rows(steps: Sequence[Sequence[Found]]) -> list[tuple[str, float, float, float]]:
    """(metric, share of best choices, share within half a decibel of the best, mean PSNR of the choices)."""
    best = [max(one["psnr"] for one in step) for step in steps]
    table = []
    for name in steps[0][0]:
        choices = [max(step, key=lambda one: one[name])["psnr"] for step in steps]
        wins = fmean(value >= top for value, top in zip(choices, best, strict=True))
        close = fmean(value >= top - _CLOSE_DB for value, top in zip(choices, best, strict=True))
        table.append((name, wins, close, fmean(choices)))
    return table


def main(argv: list[str] | None = None) -> int:
    """Print the table of one profile and seed."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.cut_selection",
        allow_abbrev=False,
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("profile", choices=PROFILES)
    parser.add_argument("seed", type=int)
    options = parser.parse_args(argv)
    steps = [candidates(kind, options.seed, options.profile) for kind in (*KINDS, *PICTURES)]
    for name, wins, close, mean_psnr in rows(steps):
        print(f"{name:28} {wins:6.1%} {close:6.1%} {mean_psnr:6.2f} dB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
