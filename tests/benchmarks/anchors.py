"""`make bench-anchor`: a fading model with an anchor and without.

    python -m tests.benchmarks.anchors            print the table
    python -m tests.benchmarks.anchors --write    ... and write it into RESULTS.md and anchors.json

The new half of every tile loses 0.7 % of contrast and 1 % of sharpness against the band, and the redrawn band shows
nothing of it (`tests.support.fading`). 32 steps to the right, without an anchor and with one.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image

from exquisite.contract import Mode, TileContract
from exquisite.geometry.measures.seam_residual import seam_residual
from exquisite.geometry.measures.style import style_of
from exquisite.geometry.measures.trend import drifting
from exquisite.pipeline.session import Session
from tests.support.documents import write_marked
from tests.support.fading import Fading
from tests.support.pictures import draw
from tests.support.tiny import step_or_accept

__all__ = ["KINDS", "RESULT", "SHARES", "main", "render", "run"]

RESULT = Path(__file__).with_name("anchors.json")
KINDS = ("ink", "foliage")
CONTRACT = TileContract(1024, 512, 256, 256, across_px=512)
SHARES = (0.0, 0.25)
STEPS = 32
SEED_PX = 2048
LAST = 8  # strips whose mean is the end of a run


def run() -> dict[str, dict[str, dict[str, float | None]]]:
    """Kind -> share -> measures."""
    return {kind: {f"{share:g}": _measures(kind, share) for share in SHARES} for kind in KINDS}


def _measures(kind: str, share: float) -> dict[str, float | None]:
    """Contrast and sharpness of the last strips over those of the truth, seams, and the step of the first warning."""
    height = CONTRACT.across_px
    truth = draw(kind, (SEED_PX + (STEPS + 2) * CONTRACT.advance_px, height), 5)
    rows: list[dict[str, float]] = []
    warned: int | None = None
    with tempfile.TemporaryDirectory() as folder:
        session = Session.create(Path(folder) / "s", truth.crop((0, 0, SEED_PX, height)), CONTRACT)
        for number in range(1, STEPS + 1):
            seam = session.canvas_size[0]
            band = session.frontier("x_ltr")
            fading = Fading(truth, (0, 0))
            step_or_accept(session, "x_ltr", fading, candidates=1, anchor=share, artifacts="none")
            new = session.frontier("x_ltr").crop((CONTRACT.band_px - CONTRACT.advance_px, 0, CONTRACT.band_px, height))
            rows.append(_held_against(new, truth.crop((seam, 0, seam + CONTRACT.advance_px, height))))
            true_band = truth.crop((seam - CONTRACT.band_px, 0, seam, height))
            rows[-1]["seam"] = seam_residual(band, new, "x_ltr") / seam_residual(
                true_band, truth.crop((seam, 0, seam + CONTRACT.advance_px, height)), "x_ltr"
            )
            if warned is None and drifting(session.trends()[Mode.X_LTR]):
                warned = number
        print(f"{kind} {share:g}", file=sys.stderr)
    ends: dict[str, float | None] = {name: _mean(rows[-LAST:], name) for name in ("contrast", "sharpness")}
    return {**ends, "seam": _mean(rows, "seam"), "warned": warned}


def _held_against(new: Image.Image, truth: Image.Image) -> dict[str, float]:
    ours, theirs = style_of(new), style_of(truth)
    return {"contrast": ours.contrast / theirs.contrast, "sharpness": ours.sharpness / theirs.sharpness}


def _mean(rows: list[dict[str, float]], name: str) -> float:
    return math.fsum(row[name] for row in rows) / len(rows)


def render(result: Mapping[str, Mapping[str, Mapping[str, float | None]]]) -> str:
    """The table, in Markdown."""
    lines = [
        f"After {STEPS} steps: contrast and sharpness of the last {LAST} strips over those of the true ones; mean seam "
        "residual over that of the truth; and the step at which the first warning came.",
        "",
        "| picture | anchor | contrast | sharpness | residual | warned at step |",
        "|---|---|---|---|---|---|",
    ]
    for kind, shares in result.items():
        for share, figures in shares.items():
            numbers = " | ".join(f"{figures[name]:.3f}" for name in ("contrast", "sharpness", "seam"))
            lines.append(f"| {kind} | {share} | {numbers} | {figures['warned'] or 'never'} |")
    return "\n".join(lines)


def main(argv: list[str] | None = None) -> int:
    """Run, print, and write where asked."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.anchors", allow_abbrev=False, description=__doc__)
    parser.add_argument("--write", action="store_true", help="write the table into RESULTS.md and anchors.json")
    options = parser.parse_args(argv)
    result: dict[str, Any] = run()
    print(render(result))
    if options.write:
        RESULT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
        write_marked("bench-anchor", render(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
