"""Steps of more than a thousand calls: a busy server refuses most of them, and each refusal has a record."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

from exquisite.api.retry import RetryPolicy
from exquisite.errors import OutcomeUnknownError, ServerUnavailableError
from exquisite.pipeline.session import Session
from exquisite.pipeline.verify import verify_path

from .faulty_files import QuickFiles
from .paid_sessions import PaidSession

__all__ = ["CALLS", "ENDINGS", "LongStep"]

CALLS = 1_001
"""Calls of such a step at least; from the thousandth on their numbers have four digits."""

ENDINGS = [
    (outcome, busy)
    for outcome in ("ok", "usage_zero", "jpeg", "url", "html_200", "timeout", "cut:body", "status:500")
    for busy in range(3)
]
"""(what a call meets that does more than wait, how many more are refused before it): at calls 999, 1000 and 1001."""

_TILES = 2
_REFUSED = CALLS - _TILES


class LongStep:
    """An unfinished step in `folder` whose first 999 calls, numbers 0 to 998, were refused."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        retry = RetryPolicy(retries=_REFUSED - 1)
        paid = PaidSession(folder / "start", after="rate_limit", retry=retry, calls="each", concurrency=1)
        with contextlib.suppress(ServerUnavailableError):
            paid.step(candidates=_TILES)
        assert paid.endpoint.arrivals == _REFUSED

    def problems(self, outcome: str, busy: int) -> list[str]:
        """Resume the step in a copy; returns a description of each lost, doubly paid or unbooked call."""
        root = self._folder / "run"
        shutil.copytree(self._folder / "start", root)
        try:
            problems = _problems(PaidSession(root, *["rate_limit"] * busy, outcome, calls="each", concurrency=1))
        finally:
            shutil.rmtree(root)
        return [f"{outcome} after {busy} more refusals: {problem}" for problem in problems]


def _problems(paid: PaidSession) -> list[str]:
    problems = []
    try:
        paid.step(candidates=_TILES)
    except OutcomeUnknownError:
        before = paid.endpoint.arrivals
        with contextlib.suppress(OutcomeUnknownError):
            paid.step(candidates=_TILES)
            problems.append("it went on without permission")
        if paid.endpoint.arrivals != before:
            problems.append(f"{paid.endpoint.arrivals - before} requests left without permission")
        paid.step(candidates=_TILES, retry_ambiguous=True)
    session = Session.open(paid.root, files=QuickFiles())
    if session.head != 1:
        problems.append("the step was not committed")
    billed = [call.usd for call in paid.endpoint.calls]
    doubts = paid.ledger.doubts
    if (bills := sum(usd > 0 for usd in billed)) != _TILES + len(doubts):
        problems.append(f"{bills} calls were billed for {_TILES} tiles and {len(doubts)} calls in doubt")
    for key in doubts:
        call = int(key.partition("/")[2])
        session.settle(1, call, True, "the usage page", billed[call - _REFUSED])
    if paid.ledger.counted != paid.billed:
        problems.append(f"the ledger has ${paid.ledger.counted}, the bill ${paid.billed}")
    return problems + [str(finding) for finding in verify_path(paid.root).findings]
