"""Calls of unknown outcome: the verb settle, and the message after Ctrl-C."""

from __future__ import annotations

import argparse
from decimal import Decimal
from pathlib import Path

from ..errors import ExquisiteError
from ..pipeline.journal.money import Money
from ..pipeline.session import Session
from .arguments import Verbs, add_common_options, add_verb
from .generators import usd_amount
from .output import Output

__all__ = ["add_verbs", "after_interruption"]

_AMOUNTS = ("spent_usd", "perhaps_billed_usd", "in_doubt")  # printed by `settle` as JSON


def add_verbs(verbs: Verbs) -> None:
    """Add this module's verb to the grammar."""
    settle = add_verb(
        verbs,
        "settle",
        _settle,
        "SESSION STEP CALL",
        "record whether a call in doubt was billed",
        'ink 3 0 --not-billed --reason "not on the usage page of 27 November"',
        'ink 3 1 --billed --usd 0.07 --reason "invoice 12"',
    )
    settle.add_argument("step", type=int, metavar="STEP", help="number of the step; `status` lists calls in doubt")
    settle.add_argument("call", type=int, metavar="CALL", help="number of the call within the step")
    outcome = settle.add_mutually_exclusive_group(required=True)
    outcome.add_argument("--billed", action="store_true", help="the server billed it")
    outcome.add_argument("--not-billed", dest="billed", action="store_false", help="the server did not bill it")
    settle.add_argument("--usd", type=usd_amount, metavar="USD", help="its cost (default: the amount set aside)")
    settle.add_argument("--reason", required=True, metavar="TEXT", help="how you know; stored in the session")
    add_common_options(settle, branch=False)


def _settle(args: argparse.Namespace, output: Output) -> int:
    session = Session.open(args.session)
    settled = session.settle(args.step, args.call, args.billed, args.reason, args.usd)
    money = session.status().money
    became = f"cost ${Decimal(settled.usd):.4f}" if settled.billed else "was not billed"
    left = f"${money.perhaps_billed:.2f} perhaps billed"
    output.result(
        f"call {settled.call} of step {settled.step} {became}; spent ${money.spent:.2f}, {left}",
        {"step": settled.step, "call": settled.call, "billed": settled.billed, "usd": settled.usd, **_amounts(money)},
    )
    return 0


def _amounts(money: Money) -> dict[str, object]:
    return {name: value for name, value in money.as_dict().items() if name in _AMOUNTS}


def after_interruption(session: str | None) -> str:
    """The message of an interrupted run: what it keeps, and how to continue."""
    says = "interrupted: what was stored is kept"
    try:
        unknown = Session.open(Path(session)).unknown_calls() if session else {}
    except (ExquisiteError, OSError):
        return says
    if not unknown:
        return "interrupted: the same command continues from the stored answers"
    calls = "; ".join(f"step {step}, call {', '.join(map(str, calls))}" for step, calls in unknown.items())
    return (
        f"{says}; calls without a stored answer may have been billed ({calls}): look at the usage page of the account, "
        f"then record what it shows with `settle`, or run the same command with --retry-ambiguous, which may pay twice"
    )
