"""A process that makes steps with paid calls to a loopback server and is killed at random moments.

    python -m tests.support.kills SESSION BASE_URL KILLS SEED

Children are forked from one that has everything imported, so that they are at work at once. After each kill the
session must open, and must contain the canvas that was there before; what it found is printed as JSON.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
import zlib
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
from PIL import Image

from exquisite.api.openai_client import OpenAITileGeneratorClient
from exquisite.errors import OutcomeUnknownError
from exquisite.pipeline.session import Session
from exquisite.pipeline.store import Store
from exquisite.pipeline.verify import verify_path

from .children import clean_environment
from .emulator_core import EMULATOR_KEY, Emulator
from .emulator_rules import Edit
from .emulator_server import EmulatorServer
from .faulty_files import QuickFiles
from .tiny import grow, make_session, pixels_of, png

__all__ = ["killed_session", "steady_emulator"]

_CHECK_EVERY = 10


def steady_emulator() -> Emulator:
    """An endpoint for tiles of any size that always gives the same answer to the same request."""
    return Emulator(draw=lambda edit, count, _before: [_tile(edit, number) for number in range(count)], any_size=True)


def _tile(edit: Edit, number: int) -> bytes:
    """Grain, which no veto bars, from a seed that the request decides."""
    seed = zlib.crc32(edit.image.tobytes()) + number
    return png(Image.frombytes("RGB", edit.size, random.Random(seed).randbytes(3 * edit.size[0] * edit.size[1])))


def killed_session(root: Path, kills: int, seed: int) -> dict[str, Any]:
    """Make a session at `root` whose writer is killed `kills` times; problems and counts.

    "problems" says in words what was lost, damaged or paid twice; it is empty when all is well.
    """
    make_session(root, files=QuickFiles())
    emulator = steady_emulator()
    with EmulatorServer(emulator) as server:
        server.expect_resets()
        process = subprocess.run(
            [sys.executable, "-m", "tests.support.kills", str(root), server.emulator.base_url, str(kills), str(seed)],
            env=clean_environment(),
            capture_output=True,
            text=True,
            check=True,
        )
        report: dict[str, Any] = json.loads(process.stdout)
        store = Store(root)
        if store.steps.unfinished():
            _one_step(root, server.emulator.base_url)
        report["problems"] += [str(finding) for finding in verify_path(root).findings]
        outcomes = Counter(_outcomes(store))
        report |= {"steps": store.head, "billed": emulator.arrivals, "outcomes": dict(outcomes)}
        if emulator.arrivals > outcomes["answered"] + outcomes["resent"]:
            report["problems"].append(f"{emulator.arrivals} requests were billed, but the log has {dict(outcomes)}")
        if outcomes["answered"] != 2 * store.head:
            report["problems"].append(f"{store.head} steps of two tiles have {outcomes['answered']} answers")
        undisturbed = make_session(root.parent / "undisturbed", files=QuickFiles())
        while undisturbed.head < store.head:
            _one_step(undisturbed.root, server.emulator.base_url)
    if pixels_of(undisturbed.root) != pixels_of(root):
        report["problems"].append("the canvas is not that of an undisturbed run")
    return report


def _outcomes(store: Store) -> list[str]:
    """The outcome of each call of a session."""
    outcomes = []
    for intent in sorted(store.root.glob("steps/*/answers/*.intent.json")):
        outcome = intent.with_name(intent.name.replace("intent", "outcome"))
        has_answer = intent.with_name(intent.name.replace("intent.json", "body")).exists()
        unsaid = "answered" if has_answer else "unknown"
        outcomes.append(str(json.loads(outcome.read_bytes())["outcome"]) if outcome.exists() else unsaid)
    return outcomes


def _one_step(root: Path, base_url: str) -> None:
    """The next step; what is of unknown outcome is sent again, as a person would allow after a look at the bill."""
    session = Session.open(root, files=QuickFiles())
    mode, soften_px = ("x_ltr", "x_ltr", "x_rtl")[session.head % 3], (0, 3, 5)[session.head % 5 % 3]
    with httpx.HTTPTransport(verify=False) as plain:  # reading the certificates of the world takes half a step
        client = OpenAITileGeneratorClient(EMULATOR_KEY, base_url=base_url, calls="each", environ={}, transport=plain)
        try:
            grow(session, mode, client, candidates=2, soften_px=soften_px)
        except OutcomeUnknownError:
            grow(session, mode, client, candidates=2, soften_px=soften_px, retry_ambiguous=True)


def _step_until_killed(root: Path, base_url: str) -> None:
    while True:
        _one_step(root, base_url)


def _main(root: Path, base_url: str, kills: int, chance: random.Random) -> Mapping[str, Any]:
    start = time.monotonic()
    _one_step(root, base_url)
    step_s = time.monotonic() - start
    problems = []
    for number in range(kills):
        before = Store(root).head
        child = os.fork()
        if child == 0:
            _step_until_killed(root, base_url)
        time.sleep(chance.uniform(0, 1.2 * step_s))
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        if not os.WIFSIGNALED(status):
            problems.append(f"kill {number}: the child had ended by itself")
        store = Store(root)
        chain = [step for step, _ in store.pieces(store.head)]
        if before not in chain:
            problems.append(f"kill {number}: step {before} was part of the canvas and is not any more")
        if number % _CHECK_EVERY == 0:
            problems += [f"kill {number}: {finding}" for finding in verify_path(root).findings]
    return {"kills": kills, "problems": problems}


if __name__ == "__main__":
    print(json.dumps(_main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), random.Random(int(sys.argv[4])))))
