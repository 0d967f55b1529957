"""The option --plan of the verb step: the table of its steps with prices, one consent for all of them, and the run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from ..api.generator import TileGenerator
from ..pipeline.journal.ledger import Ledger
from ..pipeline.plan import PlannedStep, ScrollPlan, remaining_steps, run_plan, stop_reason
from ..pipeline.session import Session
from ..pipeline.step import Progress, StepResult
from .consent import GeneratorWithConsent, Price, at_its_largest
from .output import Output, ProgressLine, table

if TYPE_CHECKING:
    from ..api.openai_client import OpenAITileGeneratorClient

__all__ = ["PlanRun"]

_PROMPT_WIDTH = 32


@dataclass(frozen=True)
class _PricedStep:
    """A remaining step with its estimate and worst case in USD; 0 for a model without cost."""

    planned: PlannedStep
    about: Decimal = Decimal(0)
    most: Decimal = Decimal(0)
    url: str = ""


@dataclass(frozen=True)
class PlanRun:
    """One run of a plan on a session.

    Attributes:
        plan: the plan.
        open: opens the session, which may not exist yet.
        budget: budget of the session in USD; None for no limit.
        retry_ambiguous: resend calls of unknown outcome.
    """

    plan: ScrollPlan
    open: Callable[[], Session]
    budget: Decimal | None
    retry_ambiguous: bool

    def price(self, client: OpenAITileGeneratorClient) -> Price:
        """The price of the remaining steps, with every retry that the plan allows; sends nothing."""
        return _total(_priced(self.open(), self.plan, client))

    def show(self, session: Session, generator: TileGenerator, output: Output) -> int:
        """Print the table of the remaining steps; sends and writes nothing."""
        client = generator.client if isinstance(generator, GeneratorWithConsent) else None
        steps = _priced(session, self.plan, client)
        head = ["step", "line", "mode", "tiles", "references", "scaffold", "prompt", "USD", "at most"]
        rows: list[list[object]] = [[*head]]
        rows += [_row(one) for one in steps]
        lines = [f"plan {self.plan.name}: {self.plan.steps} steps, {len(steps)} remaining", table(rows)]
        price = _total(steps)
        lines.append(str(price) if price.most else "all steps are free of charge")
        lines += filter(None, [self._shortage(session, steps)])
        data: dict[str, Any] = {"dry_run": True, "plan": self.plan.name, "sha256": self.plan.sha256}
        data |= {"estimate_usd": str(price.about), "worst_case_usd": str(price.most)}
        output.result("\n".join(lines), {**data, "steps": [_data(one) for one in steps]})
        output.note("dry run: nothing was sent, nothing was written")
        return 0

    def steps(self, session: Session, generator: TileGenerator, output: Output) -> Iterator[StepResult]:
        """Make the remaining steps, and yield the result of each."""
        limits = [self.budget] if self.budget is not None else []
        if isinstance(generator, GeneratorWithConsent):  # one consent for all steps, limited by their total price
            steps = _priced(session, self.plan, generator.client)
            limits.append(Ledger(session.store.disk).counted + _total(steps).most)
            if shortage := self._shortage(session, steps):
                output.note(shortage)
        lines: list[ProgressLine] = []

        def show(progress: Progress) -> None:
            lines[-1](progress)

        run = run_plan(
            session,
            self.plan,
            generator,
            budget=min(limits, default=None),
            retry_ambiguous=self.retry_ambiguous,
            progress=show,
        )
        while True:
            with ProgressLine(output) as line:
                lines.append(line)
                planned, result = next(run, (None, None))
            if planned is None or result is None:
                return
            output.note(f"step {planned.step} of {self.plan.steps} of the plan, line {planned.line}")
            yield result

    def _shortage(self, session: Session, steps: Sequence[_PricedStep]) -> str:
        """A message when the budget does not cover the estimate of the remaining steps; "" when it does."""
        limits = [limit for limit in (self.budget, self.plan.stop.budget) if limit is not None]
        if not limits:
            return ""
        left = max(Decimal(0), min(limits) - Ledger(session.store.disk).counted)
        covered = sum(total <= left for total in accumulate(one.about for one in steps))
        if covered == len(steps):
            return ""
        return (
            f"the budget has ${left:.2f} left, which covers about {covered} of {len(steps)} steps; "
            "the plan stops there, and the same command continues it with a larger budget"
        )

    def ending(self, session: Session) -> str:
        """Why the run stopped before the end of the plan; "" at its end."""
        return stop_reason(session, self.plan)


def _priced(session: Session, plan: ScrollPlan, client: OpenAITileGeneratorClient | None) -> list[_PricedStep]:
    """The remaining steps with prices. All steps of one line cost the same; maps count with their largest size."""
    by_line: dict[int, tuple[Decimal, Decimal, str]] = {}
    steps = []
    for planned in remaining_steps(session, plan):
        if client is None:
            steps.append(_PricedStep(planned))
            continue
        if planned.line not in by_line:
            inputs = session.inputs(planned.mode, planned.prompt, **planned.options.values())
            request = inputs.request(planned.options.candidates, session.head + 1)
            references = tuple(at_its_largest(picture, request) for picture in request.references)
            preview = client.request_preview(replace(request, references=references))
            about, most = (Decimal(str(preview[name])) for name in ("estimate_usd", "worst_case_usd"))
            by_line[planned.line] = about, most * plan.stop.refusals, str(preview["url"])
        steps.append(_PricedStep(planned, *by_line[planned.line]))
    return steps


def _total(steps: list[_PricedStep]) -> Price:
    tiles = sum(one.planned.options.candidates for one in steps)
    about, most = (sum((getattr(one, name) for one in steps), Decimal(0)) for name in ("about", "most"))
    return Price(len(steps), tiles, about, most, steps[0].url if steps else "")


def _row(one: _PricedStep) -> list[object]:
    planned, options = one.planned, one.planned.options
    prompt = planned.prompt
    prompt = prompt if len(prompt) <= _PROMPT_WIDTH else f"{prompt[: _PROMPT_WIDTH - 3]}..."
    references = "+".join(options.references) or "-"
    scaffold = options.scaffold_fill
    if options.scaffold_offset_px:
        scaffold += f" from {options.scaffold_offset_px}"
    place = [planned.step, planned.line, planned.mode, options.candidates]
    return [*place, references, scaffold, prompt or "-", f"{one.about:.3f}", f"{one.most:.3f}"]


def _data(one: _PricedStep) -> dict[str, Any]:
    planned = one.planned
    return {
        "step": planned.step,
        "line": planned.line,
        "mode": planned.mode,
        "prompt": planned.prompt,
        "options": planned.options.as_dict(),
        "estimate_usd": str(one.about),
        "worst_case_usd": str(one.most),
    }
