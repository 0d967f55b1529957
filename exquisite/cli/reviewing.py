"""The verbs for people's eyes: labels."""

from __future__ import annotations

import argparse

from ..pipeline.labels import LabelSummary, Rate
from .arguments import Verbs, add_common_options, add_verb, open_session
from .output import Output, table

__all__ = ["add_verbs"]


def add_verbs(verbs: Verbs) -> None:
    """Add this module's verbs to the grammar."""
    says = "say how visible the seams are to people, and which metrics agree with them"
    labels = add_verb(verbs, "labels", _labels, "SESSION", says, "ink", "ink --json")
    add_common_options(labels)


def _labels(args: argparse.Namespace, output: Output) -> int:
    session = open_session(args)
    summary = session.labels().summary()
    accepted = {name: Rate(*counts) for name, counts in session.agreement().items()}
    data = summary.as_dict() | {"accepted": {name: rate.as_dict() for name, rate in accepted.items()}}
    output.result("\n\n".join([_seams(summary), _metrics(summary, accepted)]), data)
    if not session.labels().read():
        output.note("nothing was answered yet: the blind tests of `view` ask")
    return 0


def _seams(summary: LabelSummary) -> str:
    value, low, high = summary.visibility
    lines = [
        f"seams found     {_rate(summary.find)}; by chance {summary.chance:.0%}",
        f"visibility      {value:.2f} [{low:.2f}, {high:.2f}]; 0 is luck, 1 is always",
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
