"""Ten fixed seams, and what the scorer and the gate say of each: a changed constant changes at least one of them.

    python -m tests.support.seam_pins     write the values anew, after a change that is meant
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from PIL import Image, ImageFilter, ImageOps

from exquisite.contract import Mode, TileContract
from exquisite.geometry.overlap_score import interior_gate, score_tile
from tests.support.pictures import draw, noise

__all__ = ["SEAMS", "SEAM_PINS", "pinned", "score_record"]

SEAM_PINS = Path(__file__).with_name("seam_pins.json")
"""The values of every seam, by its name."""

_CONTRACT = TileContract(256, 128, 64, 64)

_AFFINE = Image.Transform.AFFINE

Change = Callable[[Image.Image], Image.Image]

SEAMS: Mapping[str, tuple[str, Change]] = {
    "ink": ("ink", lambda new: new),
    "ink, blurred": ("ink", lambda new: new.filter(ImageFilter.GaussianBlur(1.5))),
    "hatching": ("hatching", lambda new: new),
    "hatching, two rows lower": ("hatching", lambda new: new.transform(new.size, _AFFINE, (1, 0, 0, 0, 1, -2))),
    "gradients": ("gradients", lambda new: new),
    "gradients, eight levels lighter": ("gradients", lambda new: new.point(lambda level: level + 8)),
    "facade": ("facade", lambda new: new),
    "facade, its contrast halved": ("facade", lambda new: new.point(lambda level: 64 + level / 2)),
    "grain": ("grain", lambda new: new),
    "grain, upside down": ("grain", ImageOps.flip),
}
"""Name of a seam -> (what is drawn, how the new half is changed)."""


def score_record(name: str) -> dict[str, object]:
    """What scorer and gate say of a seam: every metric, the vetoes, the threshold."""
    kind, change = SEAMS[name]
    size = (_CONTRACT.tile_px, _CONTRACT.across_px)
    tile = noise(size, seed=3, cell=4) if kind == "grain" else draw(kind, size, seed=5)
    band, new = tile.crop((0, 0, _CONTRACT.band_px, size[1])), tile.crop((_CONTRACT.band_px, 0, *size))
    tile.paste(change(new), (_CONTRACT.band_px, 0))
    score = score_tile(band, tile, Mode.X_LTR, _CONTRACT)
    return {
        "metrics": dict(score.metrics),
        "vetoes": list(score.vetoes),
        "threshold": interior_gate(band, Mode.X_LTR, _CONTRACT).threshold,
    }


def pinned() -> dict[str, dict[str, object]]:
    """The committed values of every seam."""
    values: dict[str, dict[str, object]] = json.loads(SEAM_PINS.read_text(encoding="utf-8"))
    return values


def main() -> int:
    """Write the values of every seam."""
    values = {name: score_record(name) for name in SEAMS}
    SEAM_PINS.write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
