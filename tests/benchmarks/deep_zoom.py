"""A canvas of a million pixels as a Deep Zoom picture, beside the same canvas as PNG.

    python -m tests.benchmarks.deep_zoom                  1,000,192 x 1024, PNG against JPEG and PNG tiles
    python -m tests.benchmarks.deep_zoom --length 50000

Every tile of the highest level of the PNG pyramid is compared with the strips of the canvas.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from exquisite.contract import CLASSIC
from exquisite.pipeline.store import Store
from tests.benchmarks.endless import long_session
from tests.support.children import clean_environment

__all__ = ["main"]

_EXPORT = (
    "import sys, time; from exquisite.pipeline.session import Session; "
    "from tests.support.memory_peak import peak_bytes; start = time.monotonic(); "
    "Session.open(sys.argv[1]).export(sys.argv[2], tiles=sys.argv[3]); print(time.monotonic() - start, peak_bytes())"
)


def _timed(root: Path, target: Path, tiles: str) -> dict[str, Any]:
    """Export in a process of its own: seconds, and the peak of its memory."""
    command = [sys.executable, "-c", _EXPORT, str(root), str(target), tiles]
    done = subprocess.run(command, env=clean_environment(), capture_output=True, text=True, check=True)
    seconds, peak = done.stdout.split()
    left = sorted(path.name for path in target.parent.iterdir() if path.name.startswith("."))
    return {"target": target.name, "tiles": tiles, "seconds": float(seconds), "peak_bytes": int(peak), "left": left}


def check_tiles(root: Path, target: Path) -> int:
    """Compare each tile of the highest level with the strips it covers, along x; returns the number of tiles."""
    store = Store(root)
    canvas = store.canvas_box(store.head)
    pieces = sorted((piece for _, piece in store.pieces(store.head)), key=lambda piece: piece.origin)
    width, height = canvas.size
    level = target.with_name(f"{target.stem}_files") / str((max(canvas.size) - 1).bit_length())
    size, overlap = CLASSIC.tile_px // 2, 1
    checked = 0
    for column in range(-(-width // size)):
        left, right = max(0, column * size - overlap), min(width, (column + 1) * size + overlap)
        while pieces[0].box.right - canvas.left <= left:
            del pieces[0]
        expected = Image.new("RGB", (right - left, height))
        for piece in pieces:
            if piece.box.left - canvas.left >= right:
                break
            expected.paste(store.read_strip(piece), (piece.box.left - canvas.left - left, 0))
        for row in range(-(-height // size)):
            top, bottom = max(0, row * size - overlap), min(height, (row + 1) * size + overlap)
            with Image.open(level / f"{column}_{row}.png") as tile:
                if tile.tobytes() != expected.crop((0, top, right - left, bottom)).tobytes():
                    raise AssertionError(f"tile {column}_{row} differs from the strips")
            checked += 1
    return checked


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and print JSON."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.deep_zoom", allow_abbrev=False)
    parser.add_argument("--length", type=int, default=1_000_000, help="pixels of the canvas (default: %(default)s)")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="deep-zoom-") as place:
        root, folder = Path(place) / "session", Path(place) / "out"
        folder.mkdir()
        long_session(root, "x", options.length)
        exports = [(folder / "a.png", "jpeg"), (folder / "b.dzi", "jpeg"), (folder / "c.dzi", "png")]
        found = [_timed(root, target, tiles) for target, tiles in exports]
        checked = check_tiles(root, folder / "c.dzi")
        print(json.dumps({"exports": found, "tiles_equal_to_the_canvas": checked}, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
