"""`make bench-page`: the review page on a canvas of ten thousand strips: its response times and its memory.

    python -m tests.benchmarks.page                  print the table: 10,000 strips of the classic contract
    python -m tests.benchmarks.page --write          ... and write it into RESULTS.md and page.json
    python -m tests.benchmarks.page --strips 500     a shorter canvas
    python -m tests.benchmarks.page --session folder a session that is there

The server runs in a process of its own; each figure but the last is over HTTP. "Opening" is all that the page asks for
before it takes keys, from a server that has just started. A tile is asked for until it is whole; the time is that of
one answer. How soon the page takes keys is measured in Chromium, where selenium is installed.
"""

from __future__ import annotations

import argparse
import http.client
import importlib.util
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from exquisite.contract import CLASSIC
from tests.benchmarks.endless import long_session
from tests.support.children import clean_environment
from tests.support.documents import write_marked

__all__ = ["RESULT", "main", "measure", "render"]

RESULT = Path(__file__).with_name("page.json")

_SERVE = (
    "import sys, threading; from pathlib import Path; from exquisite.page.review import Review; "
    "from exquisite.page.server import PageServer; from tests.support.memory_peak import peak_bytes; "
    "server = PageServer(Review(Path(sys.argv[1]))); print(server.url, flush=True); "
    "threading.Thread(target=server.serve_forever, daemon=True).start(); sys.stdin.read(); print(peak_bytes())"
)
_LEVELS = (0, 1, 2, 3, 5, 8)  # of the pyramid: each halves the one before
_TILES = 30  # places along the canvas


class _Client:
    """One connection to a server, and how long its answers took, in milliseconds."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._connection = http.client.HTTPConnection(parts.netloc)
        self._path = parts.path
        self.times: list[float] = []

    def get(self, path: str) -> tuple[int, bytes]:
        """(status, content) of an answer."""
        start = time.perf_counter()
        self._connection.request("GET", self._path + path)
        answer = self._connection.getresponse()
        content = answer.read()
        self.times.append(1000 * (time.perf_counter() - start))
        return answer.status, content


def measure(root: Path) -> dict[str, Any]:
    """Serve the session at `root`, and send the requests of a page."""
    child = subprocess.Popen(
        [sys.executable, "-c", _SERVE, str(root)],
        env=clean_environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    client = _Client(child.stdout.readline().strip())
    state = _opening(client)
    opening = sum(client.times)
    tiles = _tile_times(client, state, _LEVELS)
    peak, _ = child.communicate("")
    return {
        "strips": state["steps"],
        "canvas_size": state["canvas_size"],
        "opening_ms": round(opening, 1),
        "tiles": tiles,
        "peak_bytes": int(peak),
        "keys_ms": _keys_ms(root),
    }


def _opening(client: _Client) -> dict[str, Any]:
    """The first requests of the page; returns the state."""
    client.get("")
    state: dict[str, Any] = json.loads(client.get("state.json")[1])
    origin, size = state["canvas_origin"], state["canvas_size"]
    right = origin[0] + size[0]
    for x in range((right - 2000) // state["tile_px"], right // state["tile_px"] + 1):
        for y in (0, 1):
            client.get(f"tile/{state['head']}/0/{x}/{y}.jpg")
    client.get(f"seams.json?head={state['head']}&low={right - 2000}&high={right}")
    return state


def _tile_times(client: _Client, state: dict[str, Any], levels: Iterable[int]) -> dict[str, Any]:
    """Milliseconds of tiles all over the canvas, and how many answers a tile of each level took until it was whole."""
    times = {}
    left, width = state["canvas_origin"][0], state["canvas_size"][0]
    for level in levels:
        edge = state["tile_px"] << level
        client.times.clear()
        requests = 0
        places = sorted({(left + place * width // _TILES) // edge for place in range(_TILES)})
        for x in places:
            while True:
                requests += 1
                status, _ = client.get(f"tile/{state['head']}/{level}/{x}/0.jpg")
                if status == 200 or requests > 20 * len(places):
                    break
                time.sleep(0.05)
        ordered = sorted(client.times)
        times[str(level)] = {
            "median_ms": round(statistics.median(ordered), 1),
            "p95_ms": round(ordered[int(0.95 * (len(ordered) - 1))], 1),
            "largest_ms": round(ordered[-1], 1),
            "answers_a_tile": round(requests / len(places), 1),
        }
    return times


def _keys_ms(root: Path) -> float | None:
    """Milliseconds until the page takes keys in Chromium, median of five visits; None without selenium."""
    if importlib.util.find_spec("selenium") is None:
        return None
    from tests.page import browser

    return round(browser.measure(root)["ready_ms"], 1)


def render(result: Mapping[str, Any]) -> str:
    """The table, in Markdown."""
    width, height = result["canvas_size"]
    lines = [
        f"A canvas of {width:,} × {height:,} px, {result['strips']:,} strips.",
        "",
        "| what | measured |",
        "|---|---:|",
    ]
    if result["keys_ms"] is not None:
        lines.append(f"| from opening the page in Chromium until it takes keys | {result['keys_ms']:.0f} ms |")
    lines.append(f"| all that the page asks for first, from a server just started | {result['opening_ms']:.0f} ms |")
    for level, times in result["tiles"].items():
        lines.append(
            f"| a tile at 1/{2 ** int(level)} of the size: median, 95 % of the answers, the slowest | "
            f"{times['median_ms']:.0f}, {times['p95_ms']:.0f}, {times['largest_ms']:.0f} ms |"
        )
    lines.append(f"| most memory of the server | {result['peak_bytes'] / 1e6:.0f} MB |")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and write where asked."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.page", allow_abbrev=False)
    parser.add_argument("--strips", type=int, default=10_000, help="length of the session (default: %(default)s)")
    parser.add_argument("--session", type=Path, metavar="FOLDER", help="a session that is there")
    parser.add_argument("--write", action="store_true", help="write the table into RESULTS.md and page.json")
    options = parser.parse_args(arguments)
    if options.session:
        result = measure(options.session)
    else:
        with tempfile.TemporaryDirectory(prefix="page-bench-") as place:
            long_session(Path(place) / "s", "x", options.strips * CLASSIC.advance_px)
            result = measure(Path(place) / "s")
    print(render(result))
    if options.write:
        RESULT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
        write_marked("bench-page", render(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
