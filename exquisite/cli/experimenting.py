"""The verb experiment: makes the same step in several ways and prints one table of results."""

from __future__ import annotations

import argparse
import contextlib
import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from ..api.generator import TileGenerator, TileRequest
from ..contract import Mode
from ..errors import PaymentError
from ..pipeline.experiment import Experiment
from ..pipeline.experiment.bootstrap import FEW, LEVEL, Interval
from ..pipeline.experiment.measures import MEASURES
from ..pipeline.experiment.plan import Arm
from ..pipeline.experiment.report import ArmReport, Report, report
from .arguments import Verbs, add_common_options, add_step_options, add_verb, open_session, seed_record, user_prompt
from .arms import GENERATOR_SETTINGS, arms_from
from .consent import GeneratorWithConsent
from .generators import add_generator_options, budget_of, make_generator
from .output import Output, ProgressLine, table

if TYPE_CHECKING:
    from ..api.openai_client import OpenAITileGeneratorClient

__all__ = ["add_verbs"]

_HEADINGS = {"seam_raw": "seam raw", "line_density": "lines"}
_RELATIVE = ("sharpness", "contrast", "lightness", "colour", "line_density")
_SETTINGS_WIDTH = 40
_LEGEND = """\
seam: 1 is no seam (raw: before calibration) · primary, edges: higher is better · others: new strip against the band
gate: number of steps that it would pass · with few pairs an interval is little more than their range"""


def add_verbs(verbs: Verbs) -> None:
    """Add this module's verb to the grammar."""
    verb = add_verb(
        verbs,
        "experiment",
        _experiment,
        "SESSION MODE --name NAME",
        "compare settings of a step, each on branches of its own; no gate unless one is set",
        "ink x_ltr --name feather --vary feather_px=0,16,32 --vary calibrate=true,false",
        'ink x_ltr --name words --arm base --arm "hatch,clause=fine hatching" --repeat 3',
        "ink x_ltr --name quality --vary quality=low,high --generator openai --budget 4",
        "ink x_ltr --name feather",
    )
    verb.add_argument("mode", metavar="MODE", help=f"direction: {', '.join(Mode)}")
    add = verb.add_argument_group("what is compared").add_argument
    add("--name", required=True, metavar="NAME", help="name of the experiment; the same name continues it")
    add(
        "--arm",
        action="append",
        default=[],
        metavar="TEXT",
        help="one arm: NAME,KEY=VALUE,... (keys: options of steps and generators, prompt, clause); repeatable",
    )
    add(
        "--vary",
        action="append",
        default=[],
        metavar="KEY=V,V",
        help="repeat every arm with each of these values (prompts: prompt=A|B); repeatable, for a matrix",
    )
    add("--repeat", type=int, metavar="N", help="branches of each arm, each with its own answers (default 1)")
    add("--steps", type=int, metavar="N", help="steps in a row on each branch (default 1)")
    add("--at", type=int, metavar="N", help="step at which every branch begins (default: the head)")
    add("--prompt", type=user_prompt, default="", metavar="TEXT", help="user prompt of every arm")
    add_step_options(verb)
    add_generator_options(verb, spender="experiment")
    add_common_options(verb)


def _experiment(args: argparse.Namespace, output: Output) -> int:
    session, root = open_session(args), Path(args.session)
    at = session.head if args.at is None and args.branch else args.at
    experiment = Experiment.begin(
        root, args.name, args.mode, arms_from(args), at=at, repeat=args.repeat, steps=args.steps
    )
    budget, session_budget = args.budget, budget_of(argparse.Namespace(budget=None))
    with _Generators(args, seed_record(session).get("simulated", {}), output) as make:
        make.requests = experiment.asking(make)
        output.note(_forecast(experiment, len(make.requests)))
        if args.dry_run:
            return _dry_run(experiment, make, output)
        try:
            with ProgressLine(output) as line:
                for _ in experiment.run(
                    make,
                    budget=budget,
                    session_budget=session_budget,
                    retry_ambiguous=args.retry_ambiguous,
                    progress=line,
                ):
                    pass
        finally:
            summary = report(experiment.plan, experiment.cells)
            if summary.done:
                output.result(_text(summary), summary.as_dict())
    output.note(f"results: {experiment.path}")
    if best := _best(summary):
        output.suggest("export", root, f"{best}.png", "--branch", best)
    return 0


class _Generators:
    """Makes each generator once, closes all at the end, and asks once for consent to the total cost.

    The seed of the simulated model is the arm's seed plus the number of earlier repetitions.
    """

    def __init__(self, args: argparse.Namespace, simulated: Mapping[str, Any], output: Output) -> None:
        self.requests: Sequence[tuple[Arm, TileRequest]] = ()
        self._args = args
        self._simulated = simulated
        self._output = output
        self._generators: dict[str, TileGenerator] = {}
        self._stack = contextlib.ExitStack()
        self._agreed: bool | None = None
        self._notes: set[str] = set()

    def __enter__(self) -> _Generators:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        return self._stack.__exit__(kind, error, trace)

    def __call__(self, arm: Arm, repetition: int) -> TileGenerator:
        """The generator of `arm` for a repetition, from 1."""
        settings = dict(arm.generator)
        if settings["generator"] == "mock":
            settings["seed"] += repetition - 1
        key = json.dumps(settings, sort_keys=True)
        if key not in self._generators:
            unset = dict.fromkeys(GENERATOR_SETTINGS[settings["generator"]])
            args = argparse.Namespace(**{**vars(self._args), **unset, **settings})
            consent = self if self._output.can_ask else None
            folder = Path(self._args.session)
            generator = make_generator(args, self._simulated, folder, consent=consent, note=self._note_once)
            self._generators[key] = self._stack.enter_context(generator)
        return self._generators[key]

    def cost(self) -> tuple[Decimal, Decimal]:
        """(estimate, worst case) in USD of the requests to real models."""
        about, most = Decimal(0), Decimal(0)
        for arm, request in self.requests:
            generator = self(arm, 1)
            if arm.generator["generator"] == "openai" and isinstance(generator, GeneratorWithConsent):
                preview = generator.request_preview(request)
                about += Decimal(str(preview["estimate_usd"]))
                most += Decimal(str(preview["worst_case_usd"]))
        return about, most

    def require(self, client: OpenAITileGeneratorClient, request: TileRequest) -> None:
        """Ask once for consent to all requests; see `Consent`.

        Raises:
            PaymentError: the answer is no.
        """
        if self._agreed is None:
            about, most = self.cost()
            question = f"{len(self.requests)} requests for about ${about:.2f}, at most ${most:.2f}; pay?"
            self._agreed = most == 0 or self._output.ask(question)
        if not self._agreed:
            raise PaymentError("not confirmed: nothing was sent; answer y, or add --yes")

    def _note_once(self, line: str) -> None:
        if line not in self._notes:
            self._notes.add(line)
            self._output.note(line)


def _forecast(experiment: Experiment, requests: int) -> str:
    plan, missing = experiment.plan, len(experiment.missing())
    if not missing:
        return f"experiment {plan.name}: no step is missing"
    steps, asks = _count(missing, "step"), _count(requests, "request")
    return f"experiment {plan.name}: {steps} to make, {asks} to send at most; the other steps share stored answers"


def _dry_run(experiment: Experiment, make: _Generators, output: Output) -> int:
    about, most = make.cost()
    rows: list[list[object]] = [["arm", "settings"]]
    rows += [[arm.name, _settings(arm.settings)] for arm in report(experiment.plan, ()).arms]
    lines = [table(rows), f"{_count(len(make.requests), 'request')} for about ${about:.2f}, at most ${most:.2f}"]
    data = {
        **experiment.plan.as_dict(),
        "dry_run": True,
        "missing": len(experiment.missing()),
        "requests": len(make.requests),
        "estimate_usd": str(about),
        "worst_case_usd": str(most),
    }
    output.result("\n".join(lines), data)
    output.note("dry run: nothing was sent, nothing was written")
    return 0


def _text(summary: Report) -> str:
    plan, first = summary.plan, summary.arms[0]
    start = "the seed picture" if plan.at == 0 else f"step {plan.at}"
    head = (
        f"experiment {plan.name}: {plan.mode} from {start}, {_count(len(plan.arms), 'arm')}, "
        f"{_count(plan.repeat, 'repetition')} of {_count(plan.steps, 'step')}; {summary.done} of {summary.of} done"
    )
    headings = [_HEADINGS.get(name, name) for name in MEASURES]
    rows: list[list[object]] = [["arm", "settings", "n", *headings, "gate", "USD"], *map(_arm_row, summary.arms)]
    lines = [head, "", table(rows)]
    lines += [
        f"arm {arm.name}: {_count(arm.rejected, 'step')} glued nothing; the measures are of the best candidate"
        for arm in summary.arms
        if arm.rejected
    ]
    visible = [each for each in summary.differences if _is_visible(each.interval)]
    differences: list[list[object]] = [["arm", "measure", "difference", f"{LEVEL:.0%} interval", "pairs", ""]]
    for each in visible:
        low, high = each.interval.low, each.interval.high
        span = "-" if low is None or high is None else f"{_value(each.measure, low)} to {_value(each.measure, high)}"
        sure = "*" if each.interval.is_clear else ""
        mean = _value(each.measure, each.interval.mean, signed=True)
        differences.append([each.arm, _HEADINGS.get(each.measure, each.measure), mean, span, each.interval.n, sure])
    if visible:
        mark = f"* the interval excludes 0, with {FEW} pairs or more"
        lines += ["", f"paired differences to arm {first.name} ({mark}):", table(differences)]
    elif summary.differences:
        lines += ["", f"no measure differs from arm {first.name}"]
    lines += ["", _LEGEND]
    return "\n".join(lines)


def _is_visible(interval: Interval) -> bool:
    """Whether one of its numbers differs from 0 when printed with three decimals."""
    return any(abs(value) >= 0.0005 for value in (interval.mean, interval.low or 0, interval.high or 0))


def _arm_row(arm: ArmReport) -> list[object]:
    means = [_value(name, arm.means[name].mean) if arm.means else "-" for name in MEASURES]
    return [arm.name, _settings(arm.settings), arm.n, *means, f"{arm.passed}/{arm.steps}", f"{arm.usd:.2f}"]


def _value(measure: str, value: float, signed: bool = False) -> str:
    if measure in _RELATIVE:
        return f"{100 * value:+.1f} %"
    return f"{value:+.3f}" if signed else f"{value:.3f}"


def _settings(settings: Mapping[str, Any]) -> str:
    text = " ".join(f"{name}={value}" for name, value in settings.items())
    return text if len(text) <= _SETTINGS_WIDTH else f"{text[: _SETTINGS_WIDTH - 3]}..."


def _best(summary: Report) -> str | None:
    """A branch of the arm with the best primary metric."""

    def primary(arm: ArmReport) -> float:
        interval: Interval = arm.means["primary"]
        return interval.mean

    measured = [arm for arm in summary.arms if arm.means and not arm.rejected]
    return max(measured, key=primary).branches[0] if measured else None


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
