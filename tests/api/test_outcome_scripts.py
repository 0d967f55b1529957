"""Scripts of outcomes: no superfluous request, none after an ambiguous outcome, and a ledger that equals the bill."""

from __future__ import annotations

import random
from collections.abc import Sequence
from decimal import Decimal

import pytest

from exquisite.api.models import MODEL_DEFAULT, CallContent, worst_case_usd
from exquisite.api.purchase import shares_of
from exquisite.errors import PaymentError
from tests.support.memory_log import MemoryCallLog
from tests.support.outcome_scripts import (
    AMBIGUOUS,
    IMMEDIATE,
    OUTCOMES,
    RETRIED,
    RETRIES,
    SILENT,
    TINY,
    Driver,
    Run,
    ScriptedServer,
    all_scripts,
    distinct_runs,
    expect,
    listed_usd,
    tiny_request,
)

OPENLY = ("all", "one", "lossy", "foreign", "none")  # the answer says what it cost
OPEN = (*AMBIGUOUS, "page")  # perhaps billed: the reservation stays counted
LOGGED = {
    **dict.fromkeys(("all", "one", "zero", "scant", "lossy", "foreign", "none", "page"), "answered"),
    **dict.fromkeys(("limited", "busy", "rejected", "penniless"), "refused"),
    **dict.fromkeys(AMBIGUOUS, "unknown"),
    "unreached": "not_sent",
}


def test_sixteen_outcomes_make_tens_of_thousands_of_scripts() -> None:
    assert (len(OUTCOMES), len(LOGGED)) == (16, 16)
    assert sum(1 for _ in all_scripts(3)) == 16 + 16**2 + 16**3 == 4_368
    assert 4_368 + 16**4 == 69_904


@pytest.mark.parametrize(
    ("candidates", "calls", "together", "longest", "count"),
    [(1, "batch", 1, 4, 69_904), (3, "batch", 1, 4, 69_904), (2, "each", 1, 3, 4_368), (2, "each", 2, 3, 4_368)],
)
@pytest.mark.invariant("NEVER-TWICE")
def test_every_script_keeps_every_promise(
    candidates: int, calls: str, together: int, longest: int, count: int
) -> None:
    driver = Driver(calls, together)
    driver.threading = IMMEDIATE  # test_parallel_calls.py tries the interleavings of two calls
    scripts = 0
    for run, log, standing_for in distinct_runs(driver, candidates, MemoryCallLog, longest):
        check(driver, run, log, candidates)
        scripts += standing_for
    assert scripts == count


@pytest.mark.parametrize(("calls", "together", "count"), [("batch", 1, 300), ("each", 1, 300), ("each", 12, 100)])
def test_random_long_scripts_keep_every_promise(calls: str, together: int, count: int) -> None:
    driver = Driver(calls, together)
    chance = random.Random(4)
    for _ in range(count):
        candidates, log = chance.randrange(1, 11), MemoryCallLog()
        run = driver.run(chance.choices(OUTCOMES, k=chance.randrange(1, 12)), candidates, log)
        check(driver, run, log, candidates)


def check(driver: Driver, run: Run, log: MemoryCallLog, candidates: int) -> None:
    """Compare a run with the policy, the log and the bill."""
    server, script = driver.server, driver.server.script
    expected = expect(script, candidates, driver.most, driver.together)
    # what happened is what the policy demands, request by request
    assert (run.happened, run.call_sizes) == (expected.happened, expected.call_sizes), script
    assert (run.tiles, run.error) == (expected.tiles, expected.error), script
    # never a second request after an ambiguous one, never more tiles than asked
    assert driver.together > 1 or not any(outcome in AMBIGUOUS for outcome in run.happened[:-1]), script
    assert run.tiles <= candidates
    # never more than `candidates` answers, each with at most RETRIES further attempts
    billable = [outcome for outcome in run.happened if outcome not in (*RETRIED, "rejected", "penniless")]
    assert len(billable) <= candidates, script
    assert len(run.happened) <= candidates * (1 + RETRIES), script
    assert len(run.waits) <= sum(outcome in RETRIED for outcome in run.happened), script
    # one request for each call that was agreed to, and one more for each answer with less than it was asked for
    short = sum(outcome in ("one", "scant") and n > 1 for outcome, n in zip(run.happened, run.call_sizes, strict=True))
    assert len(billable) <= len(shares_of(candidates, driver.most)) + short, script
    # at no moment more is spent, set aside or in doubt than was agreed to
    assert log.peak <= agreed(candidates, driver.most), script
    assert server.billed() <= log.peak, script
    # the log tells the same story
    assert sorted(log.outcomes) == sorted(LOGGED[outcome] for outcome in run.happened), script
    check_ledger(run, log, server, script)


def check_ledger(run: Run, log: MemoryCallLog, server: ScriptedServer, script: Sequence[str]) -> None:
    """The booked cost equals the bill, or is marked as an estimate or in doubt."""
    booked = [entry for entry in log.entries if entry.booked is not None]
    estimated = [entry for entry in booked if entry.estimated]
    in_doubt = [entry for entry in log.entries if entry.counted and entry.booked is None]
    silent = [n for outcome, n in zip(run.happened, run.call_sizes, strict=True) if outcome in SILENT]
    # what a server says is booked to the cent, and what it does not say by its price list for all that was asked for
    assert sum(entry.counted for entry in booked if not entry.estimated) == server.billed(*OPENLY), script
    assert sum(entry.counted for entry in estimated) == sum(map(listed_usd, silent)), script
    assert len(estimated) == len(silent), script
    # so the ledger is the bill, unless fewer tiles came and the server did not say whether it billed them all
    fewer = any(outcome == "scant" and n > 1 for outcome, n in zip(run.happened, run.call_sizes, strict=True))
    bill = server.billed(*OPENLY, *SILENT)
    assert sum(entry.counted for entry in booked) == bill or (fewer and sum(e.counted for e in booked) > bill), script
    # all that may have been billed besides is in doubt, at its worst case
    assert len(in_doubt) == sum(outcome in OPEN for outcome in run.happened), script
    assert server.billed(*OPEN) <= sum(entry.counted for entry in in_doubt), script


def agreed(candidates: int, most: int) -> Decimal:
    """The worst case of calls that bring everything at once."""
    prompt = tiny_request(candidates).prompt
    shares = shares_of(candidates, most)
    return sum((worst_case_usd(MODEL_DEFAULT, "high", n, CallContent(TINY, prompt)) for n in shares), Decimal(0))


def test_the_budget_is_never_exceeded_by_any_script() -> None:
    driver = Driver()
    once = worst_case_usd(MODEL_DEFAULT, "high", 3, CallContent(TINY, tiny_request(3).prompt))
    for script in all_scripts(2):
        log = MemoryCallLog(budget=once)
        run = driver.run(script, 3, log)
        assert driver.server.billed() <= log.counted <= log.peak <= once, script
        if script[0] == "page":
            assert len(run.happened) == 1, script


@pytest.mark.parametrize("share", ["0", "0.5", "0.999"])
def test_nothing_is_sent_over_the_budget(share: str) -> None:
    driver = Driver()
    once = worst_case_usd(MODEL_DEFAULT, "high", 3, CallContent(TINY, tiny_request(3).prompt))
    log = MemoryCallLog(budget=once * Decimal(share))
    run = driver.run((), 3, log)
    assert run.error is PaymentError
    assert run.call_sizes == ()
    assert log.entries == []
