"""`make bench-loop`: a canvas that grows at both ends and is closed to a loop, of every kind of drawn picture.

    python -m tests.benchmarks.loops            print the table
    python -m tests.benchmarks.loops --write    ... and write it into RESULTS.md and loops.json

The simulated model redraws a picture that comes round (strength 1, restless; tone and softness change along the
closing tile). One step to the right, one to the left, and the closing one have four seams: two ordinary ones, that of
the closing tile at the frontier, and that where the ends of the canvas meet. Measured are the seam residual at each
over that of the picture itself, and how many pixels outside the new middle the closing step changed.
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image, ImageChops

from exquisite.api.mock import MockTileGenerator
from exquisite.contract import LONG, Mode
from exquisite.geometry.measures.seam_residual import seam_residual
from exquisite.pipeline.session import Session
from tests.support.documents import write_marked
from tests.support.pictures import draw
from tests.support.tiny import pixels_of

__all__ = ["KINDS", "RESULT", "SEEDS", "main", "measure", "render", "summarise"]

RESULT = Path(__file__).with_name("loops.json")
KINDS = ("ink", "foliage", "cobbles", "painterly")
SEEDS = (1, 2, 3)
STRENGTH = 1.0
SEED_PX = 2 * LONG.band_px
PERIOD = SEED_PX + 2 * LONG.advance_px + LONG.closing.advance_px
START = LONG.band_px // 2
"""Where the seed picture begins in the drawn picture; the edge where that comes round lies far from every seam."""


@dataclass(frozen=True)
class _Seam:
    """A seam of the closed canvas: its coordinate along it, and on which side of it the new pixels lie."""

    name: str
    at: int
    mode: Mode


_SEAMS = (
    _Seam("ordinary", LONG.advance_px + SEED_PX, Mode.X_LTR),
    _Seam("ordinary", LONG.advance_px, Mode.X_RTL),
    _Seam("frontier", LONG.advance_px + SEED_PX + LONG.advance_px, Mode.X_LTR),
    _Seam("junction", 0, Mode.X_RTL),
)
"""In coordinates of the canvas, whose left end is its beginning."""


def measure(kind: str, seed: int) -> dict[str, Any]:
    """Residual of each seam over the picture's own, the pixels changed elsewhere, and whether the gate passed it."""
    base = draw(kind, (PERIOD, LONG.across_px), 100 * seed + 21)
    endless = Image.new("RGB", (3 * PERIOD, LONG.across_px))
    for left in range(0, endless.width, PERIOD):
        endless.paste(base, (left, 0))
    origin = (PERIOD + START, 0)
    model = MockTileGenerator(seed, endless, origin, drift=STRENGTH, restless=True)
    with tempfile.TemporaryDirectory() as folder:
        first = endless.crop((origin[0], 0, origin[0] + SEED_PX, LONG.across_px))
        session = Session.create(Path(folder) / "s", first, LONG)
        for mode in (Mode.X_LTR, Mode.X_RTL):
            _step(session, mode, model, close=False)
        before = _canvas(session)
        passed = _step(session, Mode.X_LTR, model, close=True)
        after = _canvas(session)
    truth = endless.crop((origin[0] - LONG.advance_px, 0, origin[0] - LONG.advance_px + PERIOD, LONG.across_px))
    residuals: dict[str, list[float]] = {}
    for seam in _SEAMS:
        ratio = seam_residual(*_sides(after, seam), seam.mode) / seam_residual(*_sides(truth, seam), seam.mode)
        residuals.setdefault(seam.name, []).append(ratio)
    difference = ImageChops.difference(before, after.crop((0, 0, *before.size)))
    return {
        "kind": kind,
        "seed": seed,
        **{name: _mean(values) for name, values in residuals.items()},
        "changed": _pixels_not_black(difference),
        "passed": passed,
    }


def _pixels_not_black(image: Image.Image) -> int:
    red, green, blue = image.split()
    lightest = ImageChops.lighter(ImageChops.lighter(red, green), blue)
    return image.width * image.height - lightest.histogram()[0]


def _step(session: Session, mode: Mode, model: MockTileGenerator, close: bool) -> bool:
    """Grow by a step, accepted even if the gate refuses it. Returns whether the gate passed it."""
    result = session.step(mode, model, artifacts="none", close=close)
    if result.status == "committed":
        return True
    scores = [-math.inf if score is None else score.primary for score in result.scores]
    session.accept(max(range(len(scores)), key=scores.__getitem__))
    return False


def _canvas(session: Session) -> Image.Image:
    size, data = pixels_of(session.root)
    return Image.frombytes("RGB", size, data)


def _sides(canvas: Image.Image, seam: _Seam) -> tuple[Image.Image, Image.Image]:
    """(old, new) strips at a seam of a closed canvas, as wide as the band."""
    width = LONG.band_px
    around = ImageChops.offset(canvas, width - seam.at, 0)
    left, right = (around.crop((x, 0, x + width, canvas.height)) for x in (0, width))
    return (left, right) if seam.mode.side == "high" else (right, left)


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def summarise(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The rows, and their means over all kinds and seeds."""
    names = ("ordinary", "frontier", "junction")
    means = {name: _mean([row[name] for row in rows]) for name in names}
    others = (2 * means["ordinary"] + means["frontier"]) / 3
    return {"rows": list(rows), **means, "ratio": means["junction"] / others}


def render(result: Mapping[str, Any]) -> str:
    """The table, in Markdown."""
    lines = [
        f"Mean over {len(SEEDS)} pictures of each kind: seam residual over the picture's own, 1 is no seam.",
        "",
        "| kind | ordinary seams | frontier of the closing tile | where the ends meet | passed | changed elsewhere |",
        "|---|---|---|---|---|---|",
    ]
    for kind in KINDS:
        rows = [row for row in result["rows"] if row["kind"] == kind]
        values = [_mean([row[name] for row in rows]) for name in ("ordinary", "frontier", "junction", "passed")]
        changed = sum(row["changed"] for row in rows)
        lines.append(
            f"| {kind} | {values[0]:.3f} | {values[1]:.3f} | {values[2]:.3f} | {values[3]:.0%} | {changed} px |"
        )
    lines += [
        "",
        f"Where the ends meet the residual is {result['ratio']:.3f} times that of the other seams.",
    ]
    return "\n".join(lines)


def _measure_one(work: tuple[str, int]) -> dict[str, Any]:
    return measure(*work)


def main(argv: list[str] | None = None) -> int:
    """Run, print, and write where asked."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.loops", allow_abbrev=False, description=__doc__)
    parser.add_argument("--write", action="store_true", help="write the table into RESULTS.md and loops.json")
    parser.add_argument("--workers", type=int, default=1, help="processes (1)")
    options = parser.parse_args(argv)
    work = [(kind, seed) for kind in KINDS for seed in SEEDS]
    rows = []
    with multiprocessing.Pool(options.workers) as pool:
        for row in pool.imap(_measure_one, work):
            print(row, file=sys.stderr)
            rows.append(row)
    result = summarise(rows)
    print(render(result))
    if options.write:
        RESULT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
        write_marked("bench-loop", render(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
