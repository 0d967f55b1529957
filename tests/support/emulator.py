"""An images/edits server that misbehaves on request: behind a socket, in memory, or from the command line.

    with EmulatorServer(emulator(["rate_limit:retry-after=1", "ok"])) as server: …
    httpx.Client(transport=MemoryTransport(emulator()))
    python -m tests.support.emulator --port 8123 --script "timeout, ok" --flavour azure
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections.abc import Iterable, Sequence
from typing import Any

from .emulator_core import EMULATOR_KEY, Call, Emulator
from .emulator_drawing import draw_instant, redrawing
from .emulator_flavours import FLAVOURS, Flavour
from .emulator_memory import MemoryTransport
from .emulator_outcomes import OUTCOMES
from .emulator_server import EmulatorServer

__all__ = ["EMULATOR_KEY", "FLAVOURS", "OUTCOMES", "Call", "Emulator", "EmulatorServer", "MemoryTransport", "emulator"]


def emulator(
    script: Iterable[str] = (), *, flavour: Flavour | str = "openai", flat: bool = False, **options: Any
) -> Emulator:
    """An `Emulator` that draws with the simulated model, or flat tiles (much faster). See `Emulator` for the rest."""
    return Emulator(script, flavour=flavour, draw=draw_instant if flat else redrawing(), **options)


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until interrupted; print each request as it is answered."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.support.emulator",
        description="A local images/edits server for trying things out. Nothing is billed by anyone.",
        epilog=f"Outcomes for --script and --after: {', '.join(OUTCOMES)}; see tests/support/emulator_outcomes.py.",
        allow_abbrev=False,
    )
    parser.add_argument("--port", type=int, default=8123, help="port of 127.0.0.1 (default: %(default)s)")
    parser.add_argument("--script", default="", help="outcomes of the first requests, with commas or spaces between")
    parser.add_argument("--after", default="ok", help="outcome of all later requests (default: %(default)s)")
    parser.add_argument("--flavour", choices=FLAVOURS, default="openai", help="server to imitate (default: openai)")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds before each answer")
    parser.add_argument("--flat", action="store_true", help="tiles of one colour instead of redrawn ones")
    parser.add_argument("--any-size", action="store_true", help="accept tiles of every size")
    options = parser.parse_args(arguments)
    script = _entries(options.script)
    if unknown := [entry for entry in (*script, options.after) if entry.partition(":")[0] not in OUTCOMES]:
        parser.error(f"unknown outcomes: {', '.join(unknown)}")
    kind = {"flavour": options.flavour, "flat": options.flat, "any_size": options.any_size}
    endpoint = emulator(script, after=options.after, **kind)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job would ignore it
    with EmulatorServer(endpoint, options.port, options.latency):
        print(f"serving {options.flavour} at {endpoint.base_url}\nkey: {EMULATOR_KEY}\nstop with Ctrl-C", flush=True)
        _report(endpoint)
    return 0


def _entries(text: str) -> list[str]:
    """Script entries of the command line; the comma of `status:500,unbilled` belongs to its entry."""
    words = text.replace(",unbilled", ";unbilled").replace(",", " ").split()
    return [word.replace(";unbilled", ",unbilled") for word in words]


def _report(endpoint: Emulator) -> None:
    count = 0
    try:
        while True:
            time.sleep(0.2)
            for call in endpoint.calls[count:]:
                count += 1
                print(f"{count}: {call.outcome} -> {call.status}, billed ${call.usd:.4f}", flush=True)
    except KeyboardInterrupt:
        print(f"{endpoint.arrivals} requests, billed ${endpoint.billed_usd:.4f}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
