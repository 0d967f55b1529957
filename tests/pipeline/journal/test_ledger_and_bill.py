"""The ledger beside the emulator's bill, over every outcome and every way to call: equal, or in doubt until settled."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from exquisite.api.openai_client import OpenAITileGeneratorClient
from exquisite.api.retry import RetryPolicy
from exquisite.api.servers import OPENAI
from exquisite.errors import ExquisiteError
from exquisite.files import Files
from exquisite.pipeline.journal import Journal
from exquisite.pipeline.journal.ledger import Ledger
from exquisite.pipeline.journal.settlement import Evidence, settle_call
from exquisite.pipeline.store.records import unseal
from exquisite.pipeline.store.session_files import SessionFiles
from exquisite.pipeline.store.step_folders import StepFolders
from exquisite.pipeline.verify.repair import rebuilt_ledger
from tests.support.client_bench import HERE, request_for
from tests.support.clocks import TestClock
from tests.support.emulator import EMULATOR_KEY, OUTCOMES, Emulator, MemoryTransport, emulator
from tests.support.faulty_files import QuickFiles

pytestmark = pytest.mark.invariant("NEVER-TWICE")

WAYS: dict[str, tuple[int, dict[str, Any]]] = {
    "a batch": (3, {}),
    "one after the other": (2, {"calls": "each", "concurrency": 1}),
    "at the same time": (2, {"calls": "each"}),
    "as streams": (2, {"server": replace(OPENAI, stream=True)}),
}
"""Tiles, and the settings of the client."""

ENTRIES = [
    *(set(OUTCOMES) - {"status", "huge", "flood", "drip", "cost_header"}),
    *("status:500", "status:500,unbilled", "huge:1", "flood:1", "drip:0.0001", "cost_header:0.0005"),
    *("cut_json:0", "cut_json:1"),
]
RETRIES = 2


class Books:
    """One step on disk, and the server that billed it."""

    def __init__(self, root: Path, files: Files, endpoint: Emulator) -> None:
        self.root = root
        self.files = files
        self.endpoint = endpoint
        self.steps = StepFolders(SessionFiles(root, files))
        for folder in ("tmp", "steps/000001/answers"):
            (root / folder).mkdir(parents=True, exist_ok=True)

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.steps.disk)

    def buy(self, tiles: int, **options: Any) -> OpenAITileGeneratorClient:
        """Ask for so many tiles; what the client raises is in the books."""
        client = OpenAITileGeneratorClient(
            EMULATOR_KEY,
            base_url=HERE,
            transport=MemoryTransport(self.endpoint),
            retry=RetryPolicy(retries=RETRIES),
            clock=TestClock(),
            environ={},
            **options,
        )
        with contextlib.suppress(ExquisiteError):
            list(client.generate(request_for(candidates=tiles), Journal(self.steps, 1, self.ledger)))
        return client

    def settle(self) -> None:
        """Say of every call in doubt what the bill of the server shows."""
        for key in self.ledger.doubts:
            call = int(key.partition("/")[2])
            usd = self.endpoint.calls[call].usd
            settle_call(self.root, self.files, self.ledger, (1, call), Evidence(usd > 0, "the usage page", usd or None))


@pytest.mark.parametrize("entry", sorted(ENTRIES))
def test_the_ledger_is_the_bill(tmp_path: Path, entry: str) -> None:
    for way, (tiles, options) in WAYS.items():
        if not (way == "as streams" and entry.startswith("cut_json")):  # events have no list to be cut
            check(tmp_path / way, entry, tiles, options)


def check(root: Path, entry: str, tiles: int, options: dict[str, Any]) -> None:
    """Ask for `tiles`, meet the outcome each time, and compare the books of both sides."""
    books = Books(root, QuickFiles(), emulator([entry] * tiles, flat=True, any_size=True))
    client = books.buy(tiles, **options)
    endpoint, ledger = books.endpoint, books.ledger
    # what is not in doubt is booked to the cent, what is in doubt is covered
    doubtful = [endpoint.calls[int(key.partition("/")[2])].usd for key in ledger.doubts]
    assert ledger.spent == endpoint.billed_usd - sum(doubtful)
    assert all(usd <= worst for usd, worst in zip(doubtful, ledger.doubts.values(), strict=True))
    assert ledger.reserved == {}
    if endpoint.billed_usd:
        rebuilt = unseal(rebuilt_ledger(root, [1])[0], root)
        assert rebuilt == unseal((root / "ledger.json").read_bytes(), root)
    # no more was spent, and no more requests could have been billed, than was agreed to
    preview = client.request_preview(request_for(candidates=tiles))
    assert ledger.counted <= Decimal(str(preview["worst_case_usd"]))
    assert sum(call.usd > 0 for call in endpoint.calls) <= tiles
    assert endpoint.arrivals <= tiles * (1 + RETRIES)
    # once a person has said what the bill shows, the ledger is the bill
    books.settle()
    assert (books.ledger.spent, books.ledger.counted) == (endpoint.billed_usd, endpoint.billed_usd)
