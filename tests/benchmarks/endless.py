"""A session without end, and a canvas larger than memory.

    python -m tests.benchmarks.endless                   10,000 strips, and exports of 1024 x 1,000,000
    python -m tests.benchmarks.endless --strips 500 --length 50000

The session grows in mixed directions along one axis, with a pending zone at each end, a generator that takes no
time and a contract of 32 px, so that what is measured is what the session itself does.
"""

from __future__ import annotations

import argparse
import gc
import json
import multiprocessing
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import tracemalloc
import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from PIL import Image, ImageChops, ImageFilter

from exquisite.contract import CLASSIC, Box, Mode
from exquisite.pipeline.history.commit import commit
from exquisite.pipeline.session import Session
from exquisite.pipeline.store import Store
from exquisite.pipeline.store.pieces import Piece, Zones, extend_tips, grow_box
from exquisite.pipeline.store.records import sha256
from tests.support.children import clean_environment
from tests.support.faulty_files import QuickFiles
from tests.support.memory_peak import peak_bytes
from tests.support.tiny import TINY, InstantGenerator, png, seed_picture, step_or_accept

__all__ = ["endless_session", "long_exports", "long_session"]

_MODES = ("x_ltr", "x_ltr", "x_rtl", "x_ltr", "x_rtl")
_TURNS = 200
_NOISE = 61
"""Distinct strips of the long canvas; side by side they are wider than what zlib remembers."""


def endless_session(root: Path, strips: int, tell: Callable[[str], None] = lambda _line: None) -> dict[str, Any]:
    """Grow a session to `strips` strips, and compare it with one of 10: a step, its memory, and other verbs.

    The two take turns, so that whatever else the machine does hits both: seconds are medians of `_TURNS` turns, and
    bytes the peak that Python allocates in a step, the median of every tenth turn.
    """
    short, long = (Session.create(root / name, seed_picture(), TINY, files=QuickFiles()) for name in ("short", "long"))
    for session, count in ((short, 10), (long, strips)):
        for number in range(count):
            _step(session, number)
            if number % 1000 == 999:
                tell(f"{number + 1} strips")
    both = (short, long)
    step: list[list[float]] = [[], []]
    undo: list[list[float]] = [[], []]
    status: list[list[float]] = [[], []]
    frontier: list[list[float]] = [[], []]
    peaks: list[list[float]] = [[], []]
    for turn in range(_TURNS):
        for which, session in enumerate(both):
            step[which].append(_seconds(partial(_step, session, turn)))
            undo[which].append(_seconds(session.undo))
            status[which].append(_seconds(partial(_status, session.root)))
            frontier[which].append(_seconds(partial(_frontier, session.root)))
        if turn % 10 == 0:
            for which, session in enumerate(both):
                gc.collect()
                tracemalloc.start()
                _step(session, turn)
                peaks[which].append(tracemalloc.get_traced_memory()[1])
                tracemalloc.stop()
                session.undo()
    values = {"step_s": step, "undo_s": undo, "status_s": status, "frontier_s": frontier, "step_bytes": peaks}
    return {
        "strips": strips,
        "canvas_size": list(long.canvas_size),
        **{name: _beside(pair) for name, pair in values.items()},
        "process_peak_bytes": peak_bytes(),
    }


def _status(root: Path) -> None:
    Session.open(root).status()


def _frontier(root: Path) -> None:
    Session.open(root).frontier("x_rtl")


def _step(session: Session, number: int) -> None:
    options: dict[str, Any] = {"candidates": 1, "calibrate": False, "artifacts": "none"}
    step_or_accept(session, _MODES[number % len(_MODES)], InstantGenerator(drift_px=1), soften_px=3, **options)


def _seconds(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def _beside(values: Sequence[Sequence[float]]) -> dict[str, float]:
    short, long = (statistics.median(each) for each in values)
    return {"at 10": short, "at the end": long, "ratio": long / short}


def long_exports(folder: Path, length: int) -> list[dict[str, Any]]:
    """Export canvases of 1024 px times `length` px along x and along y, and check the rows of both PNGs.

    The sessions are made side by side, and so are the checks; each export has the machine to itself.
    """
    axes = ("x", "y")
    with ProcessPoolExecutor(max_workers=2, mp_context=multiprocessing.get_context("spawn")) as pool:
        roots, targets = [folder / axis for axis in axes], [folder / f"{axis}.png" for axis in axes]
        pictures = list(pool.map(long_session, roots, axes, [length] * len(axes)))
        results = [_timed_export(root, target) for root, target in zip(roots, targets, strict=True)]
        rows = pool.map(_check_rows, targets, roots, pictures)
        for result, axis, checked in zip(results, axes, rows, strict=True):
            result |= {"axis": axis, "rows_checked": checked}
    for root, target in zip(roots, targets, strict=True):
        shutil.rmtree(root)
        target.unlink()
    return results


def _timed_export(root: Path, target: Path) -> dict[str, Any]:
    """Export the session at `root` in a process of its own."""
    code = (
        "import sys, time; from exquisite.pipeline.session import Session; "
        "from tests.support.memory_peak import peak_bytes; start = time.monotonic(); "
        "Session.open(sys.argv[1]).export(sys.argv[2]); print(time.monotonic() - start, peak_bytes())"
    )
    process = subprocess.run(
        [sys.executable, "-c", code, str(root), str(target)],
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    seconds, peak = process.stdout.split()
    return {
        "size": list(Session.open(root).canvas_size),
        "seconds": float(seconds),
        "peak_bytes": int(peak),
        "png_bytes": target.stat().st_size,
        "left_behind": sorted(path.name for path in target.parent.iterdir() if path.name.startswith(".")),
    }


def long_session(root: Path, axis: str, length: int) -> dict[str, Image.Image]:
    """A session of the classic contract with `length` pixels along `axis`, committed without a model."""
    modes = (Mode.X_LTR, Mode.X_RTL) if axis == "x" else (Mode.Y_TTB, Mode.Y_BTT)
    side = 2 * CLASSIC.tile_px
    texture = Image.effect_noise((side, side), 90).filter(ImageFilter.GaussianBlur(2)).filter(ImageFilter.SHARPEN)
    tones = Image.merge("RGB", [texture.rotate(turn) for turn in (0, 90, 180)])
    strips = []
    for number in range(_NOISE):
        box = Box(11 * number, 13 * number, 0, 0)
        width, height = CLASSIC.strip_size(modes[0])
        strips.append(tones.crop((*box.origin, box.left + width, box.top + height)))
    pictures = {sha256(png(strip)): strip for strip in strips}
    store = Session.create(root, tones.crop((0, 0, *CLASSIC.tile_size("x_ltr"))), CLASSIC, files=QuickFiles()).store
    files = [png(strip) for strip in strips]
    number = 0
    while store.canvas_box(number).size[0 if axis == "x" else 1] < length:
        mode = modes[number % 3 == 2]
        parent, base = store.steps.record(number), number
        boxes = grow_box(store.canvas_box(base), mode, CLASSIC, Zones())
        data = files[number % _NOISE]
        store.add_strip(data)
        piece = Piece(sha256(data), boxes.strip.origin, boxes.strip.size).as_record()
        number = store.steps.new()
        record = {
            "format": 1, "step": number, "kind": "step", "status": "committed", "parent": base,
            "parent_sha256": sha256((store.steps.folder(base) / "step.json").read_bytes()),
            "mode": mode, "side": mode.side, "axis": mode.axis, "strip": piece,
            "canvas": {"origin": boxes.canvas.origin, "size": boxes.canvas.size},
            "tips": extend_tips(parent["tips"], piece, mode, CLASSIC),
            "totals": {"steps": parent["totals"]["steps"] + 1, "candidates": number}, "files": {},
        }  # fmt: skip
        store.steps.finish(record)
        commit(store, record, None)
    return pictures


def _check_rows(target: Path, root: Path, pictures: dict[str, Image.Image]) -> int:
    """Decode the PNG row by row and compare each row with the strips that it crosses; returns the number of rows."""
    store = Store(root)
    canvas = store.canvas_box(store.head)
    pieces = sorted((piece for _, piece in store.pieces(store.head)), key=lambda piece: piece.origin)
    seed = next(piece for piece in pieces if piece.sha256 not in pictures)
    pixels = {digest: picture.tobytes() for digest, picture in pictures.items()}
    pixels[seed.sha256] = store.read_strip(seed).tobytes()
    width, height = canvas.size
    previous = Image.new("L", (3 * width, 1))
    rows = 0
    for raw in _png_rows(target, 3 * width + 1):
        if raw[0] != 2:
            raise AssertionError(f"row {rows} has filter {raw[0]}")
        row = ImageChops.add_modulo(Image.frombytes("L", (3 * width, 1), raw[1:]), previous)
        while pieces[0].box.bottom <= rows + canvas.top:
            del pieces[0]
        expected = []
        for piece in pieces:
            top = rows + canvas.top - piece.origin[1]
            if 0 <= top < piece.size[1]:
                stride = 3 * piece.size[0]
                expected.append(pixels[piece.sha256][top * stride : (top + 1) * stride])
                if piece.size[0] == width:
                    break
        if row.tobytes() != b"".join(expected):
            raise AssertionError(f"row {rows} differs from the strips")
        previous = row
        rows += 1
    if rows != height:
        raise AssertionError(f"{rows} rows of {height}")
    return rows


def _png_rows(path: Path, stride: int) -> Iterator[bytes]:
    """The filtered rows of a PNG, its chunks checked."""
    inflate = zlib.decompressobj()
    buffer = bytearray()
    with path.open("rb") as file:
        file.read(8)
        while True:
            length, kind = int.from_bytes(file.read(4)), file.read(4)
            content = file.read(length)
            if zlib.crc32(kind + content) != int.from_bytes(file.read(4)):
                raise AssertionError(f"wrong CRC in {kind!r}")
            if kind == b"IEND":
                return
            if kind == b"IDAT":
                while content:
                    buffer += inflate.decompress(content, 1 << 22)
                    content = inflate.unconsumed_tail
                    whole = len(buffer) // stride * stride
                    for at in range(0, whole, stride):
                        yield bytes(buffer[at : at + stride])
                    del buffer[:whole]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and print JSON."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.endless", allow_abbrev=False)
    parser.add_argument("--strips", type=int, default=10_000, help="length of the session (default: %(default)s)")
    parser.add_argument("--length", type=int, default=1_000_000, help="pixels of the export (default: %(default)s)")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="endless-") as place:
        folder = Path(place)

        def tell(line: str) -> None:
            print(line, file=sys.stderr, flush=True)

        results: dict[str, Any] = {"exports": []}
        if options.length:
            results["exports"] = long_exports(folder, options.length)
            tell(json.dumps(results["exports"]))
        if options.strips:
            results["session"] = endless_session(folder / "endless", options.strips, tell)
        print(json.dumps(results, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
