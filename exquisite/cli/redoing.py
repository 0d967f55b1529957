"""The verb redo: makes one step again on a branch, and the later ones from their stored answers."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..pipeline.history.redo import RedoResult, redo_inputs
from .arguments import (
    Verbs,
    add_common_options,
    add_step_options,
    add_verb,
    changed_options,
    open_session,
    seed_record,
)
from .consent import RunConsent
from .generators import add_generator_options, budget_of, make_generator
from .output import Output, ProgressLine
from .preview import show_request

__all__ = ["add_verbs"]

_GATE_EXIT = 3  # exit code of a step that glued nothing


def add_verbs(verbs: Verbs) -> None:
    """Add this module's verb to the grammar."""
    redo = add_verb(
        verbs,
        "redo",
        _redo,
        "SESSION --step K",
        "make one step again on a branch, and the later ones from their stored answers",
        "ink --step 4",
        'ink --step 4 --prompt "fewer windows" --as fewer-windows',
    )
    redo.add_argument("--step", type=int, required=True, metavar="K", help="number of the step")
    redo.add_argument("--as", dest="name", metavar="NAME", help="name of the branch (default: redo-K)")
    redo.add_argument("--prompt", metavar="TEXT", help="user prompt (default: the one of the step)")
    add_step_options(redo)
    add_generator_options(redo)
    add_common_options(redo)


def _redo(args: argparse.Namespace, output: Output) -> int:
    session = open_session(args)
    changes = {**changed_options(args), **({} if args.prompt is None else {"prompt": args.prompt})}
    init = seed_record(session).get("simulated", {})
    consent = RunConsent(output.ask) if output.can_ask else None
    with make_generator(args, init, Path(session.root), consent=consent, note=output.note) as generator:
        if args.dry_run:
            number = session.status().last_step + 1
            return show_request(redo_inputs(session, args.step, **changes), number, generator, output)
        with ProgressLine(output) as line:
            redone = session.redo(
                args.step,
                generator,
                branch=args.name,
                budget=budget_of(args),
                retry_ambiguous=args.retry_ambiguous,
                progress=line,
                **changes,
            )
    output.result("\n".join(_lines(args.step, redone)), _data(redone))
    if redone.result is not None and redone.result.status == "rejected":
        output.suggest("redo", session.root, "--step", args.step, "--as", "NAME")
        return _GATE_EXIT
    output.suggest("export", session.root, f"{redone.branch}.png", "--branch", redone.branch)
    return 0


def _lines(step: int, redone: RedoResult) -> list[str]:
    """The result in sentences."""
    lines = []
    if redone.result is None:
        lines.append(f"branch {redone.branch} already has a new step {step}; --as NAME makes another one")
    elif redone.result.status == "rejected":
        lines.append(f"branch {redone.branch}: step {step} was not glued: {redone.result.message}")
    else:
        lines.append(f"branch {redone.branch}: step {step} is step {redone.result.step_index} now")
    for one in redone.offered:
        what = "no longer fits" if one.made is None else f"is glued again as step {one.made}"
        lines.append(f"  step {one.step} {what}: {one.reason}")
    return lines


def _data(redone: RedoResult) -> dict[str, object]:
    return {
        "branch": redone.branch,
        "status": None if redone.result is None else redone.result.status,
        "step": None if redone.result is None else redone.result.step_index,
        "offered": [{"step": one.step, "made": one.made, "reason": one.reason} for one in redone.offered],
    }
