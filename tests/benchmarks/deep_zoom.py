"""`make bench-deep-zoom`: a canvas of a million pixels as a Deep Zoom picture, beside the same canvas as PNG.

    python -m tests.benchmarks.deep_zoom                  print the table: 1,000,192 x 1024
    python -m tests.benchmarks.deep_zoom --write          ... and write it into RESULTS.md and deep_zoom.json
    python -m tests.benchmarks.deep_zoom --length 50000   a shorter canvas

Each export runs in a process of its own. Every tile of the highest level of the PNG pyramid is compared with the strips
of the canvas. The strips are smoothed noise in three independent channels.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from exquisite.contract import CLASSIC
from exquisite.pipeline.store import Store
from tests.benchmarks.endless import long_session
from tests.support.children import clean_environment
from tests.support.documents import write_marked

__all__ = ["RESULT", "check_tiles", "main", "render", "run"]

RESULT = Path(__file__).with_name("deep_zoom.json")

_EXPORT = (
    "import sys, time; from exquisite.pipeline.session import Session; "
    "from tests.support.memory_peak import peak_bytes; start = time.monotonic(); "
    "Session.open(sys.argv[1]).export(sys.argv[2], tiles=sys.argv[3]); print(time.monotonic() - start, peak_bytes())"
)
_EXPORTS = {
    "PNG": ("a.png", "jpeg"),
    "Deep Zoom, JPEG tiles": ("b.dzi", "jpeg"),
    "Deep Zoom, PNG tiles": ("c.dzi", "png"),
}


def run(length: int) -> dict[str, Any]:
    """Export a canvas of `length` pixels in each way, and compare the PNG tiles with its strips."""
    with tempfile.TemporaryDirectory(prefix="deep-zoom-") as place:
        root, folder = Path(place) / "session", Path(place) / "out"
        folder.mkdir()
        long_session(root, "x", length)
        exports = {name: _timed(root, folder / target, tiles) for name, (target, tiles) in _EXPORTS.items()}
        return {
            "canvas_size": list(Store(root).canvas_box(Store(root).head).size),
            "exports": exports,
            "tiles_equal": check_tiles(root, folder / _EXPORTS["Deep Zoom, PNG tiles"][0]),
            "drafts_left": sorted(path.name for path in folder.iterdir() if path.name.startswith(".")),
        }


def _timed(root: Path, target: Path, tiles: str) -> dict[str, float]:
    """Export in a process of its own: seconds, peak memory, and bytes written."""
    command = [sys.executable, "-c", _EXPORT, str(root), str(target), tiles]
    process = subprocess.run(command, env=clean_environment(), capture_output=True, text=True, check=True)
    seconds, peak = process.stdout.split()
    files = [target, *target.parent.glob(f"{target.stem}_files/*/*")]
    return {
        "seconds": float(seconds),
        "peak_bytes": int(peak),
        "bytes": sum(path.stat().st_size for path in files),
        "files": len(files),
    }


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


def render(result: Mapping[str, Any]) -> str:
    """The table, in Markdown."""
    width, height = result["canvas_size"]
    png = result["exports"]["PNG"]
    lines = [
        f"A canvas of {width:,} × {height:,} px. Each of the {result['tiles_equal']:,} tiles of the highest level",
        "of the PNG pyramid has the pixels of the strips.",
        "",
        "| export | files | size | time, beside the PNG | peak memory |",
        "|---|---:|---:|---:|---:|",
    ]
    for name, export in result["exports"].items():
        lines.append(
            f"| {name} | {export['files']:,} | {export['bytes'] / 1e6:,.0f} MB | "
            f"{export['seconds'] / png['seconds']:.2f} | {export['peak_bytes'] / 1e6:.0f} MB |"
        )
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and write where asked."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.deep_zoom", allow_abbrev=False)
    parser.add_argument("--length", type=int, default=1_000_000, help="pixels of the canvas (default: %(default)s)")
    parser.add_argument("--write", action="store_true", help="write the table into RESULTS.md and deep_zoom.json")
    options = parser.parse_args(arguments)
    result = run(options.length)
    print(render(result))
    if options.write:
        RESULT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
        write_marked("bench-deep-zoom", render(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
