"""The verbs init, step, accept, undo and branch, which change a session, and rescore, which only reads."""

from __future__ import annotations

import argparse
import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..api.generator import TileGenerator
from ..contract import CLASSIC, Mode, TileContract
from ..errors import SessionNotFoundError, UsageError
from ..geometry.measures.trend import drifting
from ..geometry.overlap_score import TileScore
from ..pipeline.fitting import AXES, FITS, FittedPicture, fit_file, open_picture, rgb_file
from ..pipeline.plan import read_plan
from ..pipeline.session import Session
from ..pipeline.step import StepOptions, StepResult
from ..pipeline.step.options import StepOptionValues
from .arguments import (
    Verbs,
    add_common_options,
    add_contract_option,
    add_step_options,
    add_verb,
    changed_options,
    open_session,
    seed_record,
    user_prompt,
)
from .consent import RunConsent
from .generators import add_generator_options, budget_of, make_generator, simulated_record
from .output import Output, ProgressLine, table
from .planning import PlanRun
from .preview import show_request

__all__ = ["add_verbs"]

_GATE_EXIT = 3
"""Exit code of a step whose gate glued nothing."""


def add_verbs(verbs: Verbs) -> None:
    """Add this module's verbs to the grammar."""
    _add_init(verbs)
    _add_step(verbs)
    _add_accept(verbs)
    _add_rescore(verbs)
    undo = add_verb(verbs, "undo", _undo, "SESSION", "remove the last step from the canvas; its files stay", "ink")
    add_common_options(undo)
    branch = add_verb(verbs, "branch", _branch, "SESSION NAME", "make a branch", "ink night", "ink night --at 3")
    branch.add_argument("name", metavar="NAME", help="name of the branch")
    branch.add_argument("--at", type=int, metavar="N", help="step at which it begins (default: the head)")
    add_common_options(branch)


def _add_init(verbs: Verbs) -> None:
    init = add_verb(
        verbs,
        "init",
        _init,
        "SESSION PICTURE",
        "make a session from a picture",
        "ink ink.png",
        "wall wall.jpg --axis y",
    )
    init.add_argument("picture", metavar="PICTURE", help="picture file: PNG, JPEG, WebP, TIFF, BMP, GIF and others")
    init.add_argument("--axis", choices=AXES, default="x", help="x to grow left and right (default), y up and down")
    init.add_argument("--fit", choices=FITS, default="scale", help="how to fit it to the contract (default scale)")
    add_contract_option(init)
    add_common_options(init, branch=False)


def _add_step(verbs: Verbs) -> None:
    step = add_verb(
        verbs,
        "step",
        _step,
        "SESSION MODE",
        "extend the canvas",
        "ink x_ltr",
        'ink x_ltr --steps 4 --prompt "rooftops, fine ink hatching"',
        "ink y_ttb --canvas ink.png",
        "ink x_ltr --plan scroll.toml --dry-run",
        "ink x_rtl --generator openai --dry-run",
    )
    step.add_argument("mode", metavar="MODE", help=f"direction: {', '.join(Mode)}")
    step.add_argument("--canvas", metavar="PICTURE", help="picture for a new session, if none exists")
    step.add_argument("--fit", choices=FITS, default="scale", help="how to fit that picture (default scale)")
    add_contract_option(step)
    step.add_argument(
        "--steps", type=int, default=1, metavar="N", help="number of steps; a rejected one ends the run (default 1)"
    )
    step.add_argument("--plan", metavar="FILE", help="TOML file with prompts and options for ranges of steps")
    step.add_argument("--prompt", type=user_prompt, default="", metavar="TEXT", help="user prompt for the model")
    step.add_argument(
        "--close",
        action="store_true",
        default=argparse.SUPPRESS,
        help="close the canvas to a loop: fill the gap between its two ends",
    )
    add_step_options(step)
    add_generator_options(step)
    add_common_options(step)


def _add_accept(verbs: Verbs) -> None:
    accept = add_verb(
        verbs,
        "accept",
        _accept,
        "SESSION K",
        "glue a candidate of your choice from the stored answers",
        "ink 1",
        "ink 0 --step 7",
    )
    accept.add_argument("candidate", type=int, metavar="K", help="number of the candidate, from 0")
    accept.add_argument("--step", type=int, metavar="N", help="step with the answers (default: the newest)")
    add_step_options(accept)
    add_common_options(accept)


def _add_rescore(verbs: Verbs) -> None:
    rescore = add_verb(
        verbs,
        "rescore",
        _rescore,
        "SESSION",
        "score and choose again without changing anything",
        "ink",
        "ink --metric sobel_corr",
    )
    rescore.add_argument("--step", type=int, metavar="N", help="step with the answers (default: the newest)")
    add_step_options(rescore)
    add_common_options(rescore)


def _init(args: argparse.Namespace, output: Output) -> int:
    contract = args.contract or CLASSIC
    fitted = fit_file(args.picture, contract, args.axis, args.fit)
    session = _create(Path(args.session), fitted, contract, {}, output)
    width, height = session.canvas_size
    status = session.status().as_dict()
    output.result(f"{session.root}: a canvas of {width}x{height}", status | {"changes": fitted.changes})
    output.suggest("step", session.root, Mode.X_LTR if args.axis == "x" else Mode.Y_TTB)
    return 0


def _step(args: argparse.Namespace, output: Output) -> int:
    mode, options = Mode(args.mode), changed_options(args)
    budget_of(args)  # refuse a bad budget before a session is made
    if args.steps < 1:
        raise UsageError(f"--steps must be at least 1, not {args.steps}")
    if options.get("close") and args.steps > 1:
        raise UsageError("one step closes the loop and no step can follow it: omit --steps")
    root = Path(args.session)
    session, fitted = _session_or_picture(args, mode)
    for name in StepOptions.from_values(options).picture_files:
        rgb_file(name)  # refuse an unreadable picture before a session is made
    init = simulated_record(args, root) if session is None else seed_record(session).get("simulated", {})
    run = _plan_run(args, session.contract if session else args.contract or CLASSIC, mode, options)
    price = None if run is None else run.price
    consent = RunConsent(output.ask, args.steps, price) if output.can_ask else None
    with make_generator(args, init, root, consent=consent, note=output.note) as generator:
        if args.dry_run:
            with _session_for_preview(session, fitted, args.contract or CLASSIC) as preview:
                return _show(preview, generator, args, output) if run is None else run.show(preview, generator, output)
        if session is None:
            assert fitted is not None
            session = _create(root, fitted, args.contract or CLASSIC, init, output)
        if run is not None:
            return _follow(run, session, generator, output)
        return _grow(session, generator, args, output)


def _show(session: Session, generator: TileGenerator, args: argparse.Namespace, output: Output) -> int:
    """Print the first request of the steps that `args` ask for; nothing is sent."""
    inputs = session.inputs(Mode(args.mode), args.prompt, **changed_options(args))
    return show_request(inputs, session.status().last_step + 1, generator, output, args.steps)


def _grow(session: Session, generator: TileGenerator, args: argparse.Namespace, output: Output) -> int:
    """Make the steps that `args` ask for, until the gate refuses one."""
    mode, options, budget = Mode(args.mode), changed_options(args), budget_of(args)
    for _ in range(args.steps):
        with ProgressLine(output) as line:
            result = session.step(
                mode,
                generator,
                prompt=args.prompt,
                budget=budget,
                retry_ambiguous=args.retry_ambiguous,
                progress=line,
                **options,
            )
        _report(result, output)
        _warn_of_drift(session, mode, output)
        if result.status == "rejected":
            break
    return _finish(session, result, output)


def _plan_run(
    args: argparse.Namespace, contract: TileContract, mode: Mode, options: StepOptionValues
) -> PlanRun | None:
    """The run of the plan that `args` name; None without one."""
    if args.plan is None:
        return None
    if args.steps != 1:
        raise UsageError("the plan sets the number of steps: omit --steps")
    if options.get("close"):
        raise UsageError("a plan closes no loop: run the closing step after it, without --plan")
    plan = read_plan(args.plan, contract, mode, {**options, "prompt": args.prompt})
    return PlanRun(plan, lambda: open_session(args), budget_of(args), args.retry_ambiguous)


def _follow(run: PlanRun, session: Session, generator: TileGenerator, output: Output) -> int:
    """Make the remaining steps of a plan; returns the exit code."""
    last: StepResult | None = None
    for result in run.steps(session, generator, output):
        _report(result, output)
        last = result
    if ending := run.ending(session):
        output.note(ending)
        return _GATE_EXIT if last is None or last.status == "committed" else _finish(session, last, output)
    if last is None:
        width, height = session.canvas_size
        output.result(f"the plan has no step left; the canvas is {width}x{height}", session.status().as_dict())
        return 0
    return _finish(session, last, output)


def _warn_of_drift(session: Session, mode: Mode, output: Output) -> None:
    if drift := drifting(session.trends().get(mode, [])):
        output.note(f"the style drifts away from the seed picture: {drift}; --anchor 0.25 counteracts it")


def _session_or_picture(args: argparse.Namespace, mode: Mode) -> tuple[Session | None, FittedPicture | None]:
    """The session, or the fitted picture for a new one."""
    try:
        session = open_session(args)
    except SessionNotFoundError as error:
        if args.canvas is None or args.branch:
            raise SessionNotFoundError(f"{error}; --canvas PICTURE makes one, and so does the verb init") from None
        contract = args.contract or CLASSIC
        return None, fit_file(args.canvas, contract, mode.axis, args.fit)
    if args.contract not in (None, session.contract):
        raise UsageError(f"{session.root} has the contract {session.contract}; another contract needs another session")
    seed = seed_record(session)
    if args.canvas is not None and Path(args.canvas).exists() and "sha256" in seed:
        source = open_picture(args.canvas).info["source"]
        if source["sha256"] != seed["sha256"]:
            raise UsageError(
                f"{session.root} was made from another picture ({seed['name']}): name another SESSION for {args.canvas}"
            )
    return session, None


def _create(
    root: Path, fitted: FittedPicture, contract: TileContract, simulated: dict[str, Any], output: Output
) -> Session:
    record = {**fitted.record, **({"simulated": simulated} if simulated else {})}
    session = Session.create(root, fitted.image, contract, record=record)
    width, height = fitted.image.size
    output.note(f"new session {root} from {record.get('name', 'a picture')}, {width}x{height}")
    for change in fitted.changes:
        output.note(f"  {change}")
    return session


@contextlib.contextmanager
def _session_for_preview(
    session: Session | None, fitted: FittedPicture | None, contract: TileContract
) -> Iterator[Session]:
    """The session, or a temporary one made from the picture, so that a dry run makes none."""
    if session is not None:
        yield session
        return
    assert fitted is not None
    with tempfile.TemporaryDirectory() as folder:
        yield Session.create(Path(folder) / "preview", fitted.image, contract)


def _accept(args: argparse.Namespace, output: Output) -> int:
    session = open_session(args)
    result = session.accept(args.candidate, step=args.step, **changed_options(args))
    _report(result, output)
    return _finish(session, result, output)


def _rescore(args: argparse.Namespace, output: Output) -> int:
    session = open_session(args)
    again = session.rescore(step=args.step, **changed_options(args))
    scores = [one.score for one in again.examined]
    rows: list[list[object]] = [["candidate", "primary", "sobel_corr", "sobel_nmse", "vetoes"]]
    for one in again.examined:
        score = one.score
        if score is None:
            rows.append([one.index, "-", "-", "-", one.error])
        else:
            metrics = [f"{score.metrics[name]:.4f}" for name in ("sobel_corr", "sobel_nmse")]
            rows.append([one.index, f"{score.primary:.4f}", *metrics, ", ".join(score.vetoes) or "none"])
    choice = again.choice
    output.result(
        f"{table(rows)}\n{choice.reason}; nothing was changed",
        {
            "chosen": choice.chosen,
            "best": choice.best,
            "best_by_metric": dict(choice.best_by),
            "reason": choice.reason,
            "scores": [_score_data(score) for score in scores],
        },
    )
    if choice.best is not None:
        output.suggest("accept", session.root, choice.best)
    return 0


def _undo(args: argparse.Namespace, output: Output) -> int:
    session = open_session(args)
    head = session.undo()
    width, height = session.canvas_size
    where = "the seed picture" if head == 0 else f"step {head}"
    output.result(f"the canvas ends with {where} again: {width}x{height}", session.status().as_dict())
    return 0


def _branch(args: argparse.Namespace, output: Output) -> int:
    session = open_session(args)
    number = session.branch(args.name, at=args.at)
    output.result(f"branch {args.name} begins at step {number}", {"branch": args.name, "step": number})
    output.suggest("step", session.root, "MODE", "--branch", args.name)
    return 0


def _report(result: StepResult, output: Output) -> None:
    width, height = result.canvas_size
    if result.chosen is None:
        head = f"step {result.step_index} rejected: nothing was glued, the canvas stays {width}x{height}"
    else:
        head = (
            f"step {result.step_index} committed: candidate {result.chosen} of {len(result.scores)}, "
            f"the canvas is {width}x{height} now"
        )
    scores = ", ".join("unreadable" if score is None else f"{score.primary:.3f}" for score in result.scores)
    lines = [head, *([f"  {result.message}"] if result.message else []), *([f"  scores: {scores}"] if scores else [])]
    output.result("\n".join(lines), _result_data(result))


def _finish(session: Session, result: StepResult, output: Output) -> int:
    """Print where to look and what to do next; returns the exit code."""
    for name in ("seam_after_feather.png", "bounds_overlay.png"):
        if (result.step_dir / name).exists():
            output.note(f"look: {result.step_dir / name}")
    if result.status == "rejected":
        output.note(f"look: {result.step_dir / 'candidates'}, {result.step_dir / 'score.json'}")
        readable = {index: score.primary for index, score in enumerate(result.scores) if score is not None}
        if result.would_pass is not None:
            candidate, feather_px = result.would_pass
            output.suggest("accept", session.root, candidate, "--feather-px", feather_px)
        elif readable:
            output.suggest("accept", session.root, max(readable, key=readable.__getitem__))
        return _GATE_EXIT
    output.suggest("export", session.root, f"{session.root.name}.png")
    return 0


def _result_data(result: StepResult) -> dict[str, Any]:
    return {
        "status": result.status,
        "step": result.step_index,
        "chosen": result.chosen,
        "scores": [_score_data(score) for score in result.scores],
        "step_dir": str(result.step_dir),
        "canvas_size": list(result.canvas_size),
        "message": result.message,
    }


def _score_data(score: TileScore | None) -> dict[str, Any] | None:
    if score is None:
        return None
    return {"primary": score.primary, "metrics": dict(score.metrics), "vetoes": list(score.vetoes)}
