"""The verbs view, report and labels: judging seams by eye."""

from __future__ import annotations

import argparse
import contextlib
import webbrowser
from collections.abc import Iterator
from pathlib import Path

from ..api.generator import TileGenerator
from ..errors import UsageError
from ..pipeline.labels import LabelSummary, Rate
from ..pipeline.session import Session
from .arguments import Verbs, add_common_options, add_verb, open_session, seed_record
from .consent import AdvanceConsent, GeneratorWithConsent
from .generators import add_generator_options, budget_of, make_generator
from .output import Output, table

__all__ = ["add_verbs"]

_PORT_MAX = 65_535


def add_verbs(verbs: Verbs) -> None:
    """Add this module's verbs to the grammar."""
    help_ = "show a session in the browser: compare, choose, undo, and take blind tests"
    view = add_verb(verbs, "view", _view, "SESSION", help_, "ink", "ink --no-open --port 8000")
    view.add_argument("--port", type=int, default=0, metavar="N", help="port on 127.0.0.1 (default: any free port)")
    view.add_argument("--no-open", action="store_true", help="print the address, and open no browser")
    view.add_argument("--allow-pay", action="store_true", help="let the page run steps that cost; needs a budget")
    add_generator_options(view)
    add_common_options(view, branch=False)

    help_ = "write a session as one HTML file, read only"
    report = add_verb(verbs, "report", _report, "SESSION FILE", help_, "ink ink.html")
    report.add_argument("path", metavar="FILE", help="file to write; its name ends in .html")
    report.add_argument("--force", action="store_true", help="replace an existing file")
    add_common_options(report)

    help_ = "print how visible people find the seams, and which metrics agree with them"
    labels = add_verb(verbs, "labels", _labels, "SESSION", help_, "ink", "ink --json")
    add_common_options(labels)


def _view(args: argparse.Namespace, output: Output) -> int:
    from ..page import serve  # here, so that no other verb loads the page

    if not 0 <= args.port <= _PORT_MAX:
        raise UsageError(f"--port must be 0 to {_PORT_MAX}, not {args.port}")
    budget = budget_of(args) if args.allow_pay else None
    if args.allow_pay and budget is None:
        raise UsageError("--allow-pay needs a --budget: the limit for the session")
    session = Session.open(args.session)

    def ready(url: str) -> None:
        output.result(url, {"url": url})
        output.note("this address works only on this machine, until Ctrl-C")
        if not args.no_open:
            webbrowser.open(url)

    with _page_generator(args, session, output) as generator:
        serve(session, generator=generator, budget=budget, port=args.port, ready=ready)
    return 0


@contextlib.contextmanager
def _page_generator(args: argparse.Namespace, session: Session, output: Output) -> Iterator[TileGenerator]:
    """The generator of steps started from the page, which asks for consent itself."""
    folder = Path(args.session)
    simulated = seed_record(session).get("simulated", {})
    with make_generator(args, simulated, folder, consent=AdvanceConsent(), note=output.note) as generator:
        yield generator.client if isinstance(generator, GeneratorWithConsent) else generator


def _report(args: argparse.Namespace, output: Output) -> int:
    from ..page import write_report

    path = Path(args.path)
    if path.exists() and not args.force:
        raise UsageError(f"{path} exists: choose another name, or replace it with --force")
    written = write_report(open_session(args), path)
    output.result(str(written), {"path": str(written)})
    return 0


def _labels(args: argparse.Namespace, output: Output) -> int:
    session = open_session(args)
    summary = session.labels().summary()
    accepted = {name: Rate(*counts) for name, counts in session.agreement().items()}
    data = summary.as_dict() | {"accepted": {name: rate.as_dict() for name, rate in accepted.items()}}
    output.result("\n\n".join([_seams(summary), _metrics(summary, accepted)]), data)
    if not session.labels().read():
        output.note("there are no answers yet: take a blind test with `view`")
    return 0


def _seams(summary: LabelSummary) -> str:
    value, low, high = summary.visibility
    lines = [
        f"seams found     {_rate(summary.find)}; by chance {summary.chance:.0%}",
        f"visibility      {value:.2f} [{low:.2f}, {high:.2f}]; 0 is chance, 1 is always",
        f"false alarms    {_rate(summary.false_alarms)}",
        f"no difference   {summary.ties} of the pairs",
    ]
    lines += [f"rejected        {count} for: {reason}" for reason, count in summary.rejections.items()]
    return "\n".join(lines)


def _metrics(summary: LabelSummary, accepted: dict[str, Rate]) -> str:
    rows: list[list[object]] = [["metric", "agreed in pairs", "agreed with accept"]]
    rows += [[name, _rate(rate), _rate(accepted[name])] for name, rate in summary.agreement.items()]
    return table(rows)


def _rate(rate: Rate) -> str:
    if not rate.asked:
        return "-"
    low, high = rate.interval
    return f"{rate.hits} of {rate.asked}, {rate.value:.0%} [{low:.0%}, {high:.0%}]"
