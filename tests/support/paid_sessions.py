"""A session whose tiles come from the real client and an emulator in memory: what is sent, billed and counted."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

from exquisite.api.models import MODEL_DEFAULT, CallContent, worst_case_usd
from exquisite.api.openai_client import OpenAITileGeneratorClient
from exquisite.files import Files
from exquisite.pipeline.journal.ledger import Ledger
from exquisite.pipeline.session import Session
from exquisite.pipeline.step import Progress, StepResult
from exquisite.pipeline.store.session_files import SessionFiles

from .clocks import TestClock
from .emulator import EMULATOR_KEY, MemoryTransport, emulator
from .faulty_files import QuickFiles
from .tiny import TINY, grow, make_session

__all__ = ["PaidSession"]


class PaidSession:
    """One session at `root`, made unless it is there, and a server that plays `script`, then `after`.

    Further options are the client's.

    Attributes:
        lines: what the last step told a person.
        urgent: those of the lines on which a person must act.
        files: the file system of the steps.
    """

    def __init__(self, root: Path, *script: str, after: str = "ok", **options: Any) -> None:
        if not root.exists():
            make_session(root, files=QuickFiles())
        self.root = root
        self.endpoint = emulator(script, flat=True, any_size=True, after=after)
        self.options = {"base_url": self.endpoint.base_url, "clock": TestClock(), "environ": {}, **options}
        self.lines: list[str] = []
        self.urgent: list[str] = []
        self.files: Files = QuickFiles()

    def step(self, candidates: int = 3, **options: Any) -> StepResult:
        """One step by a newly opened session, as in another run."""
        transport = MemoryTransport(self.endpoint)
        client = OpenAITileGeneratorClient(EMULATOR_KEY, transport=transport, **self.options)
        self.lines, self.urgent = [], []
        session = Session.open(self.root, files=self.files)
        return grow(session, "x_ltr", client, candidates=candidates, progress=self._note, **options)

    def _note(self, progress: Progress) -> None:
        self.lines.append(progress.phase)
        if progress.urgent:
            self.urgent.append(progress.phase)

    def agreed(self, candidates: int, quality: str = "high") -> Decimal:
        """The worst-case price of this many candidates in one call, to which a person agrees."""
        edit = self.endpoint.calls[0].edit
        assert edit is not None
        return worst_case_usd(MODEL_DEFAULT, quality, candidates, CallContent(TINY, edit.fields["prompt"]))

    @property
    def ledger(self) -> Ledger:
        """The ledger of the session."""
        return Ledger(SessionFiles(self.root, QuickFiles()))

    @property
    def billed(self) -> Decimal:
        """The bill of the server in USD."""
        return self.endpoint.billed_usd
