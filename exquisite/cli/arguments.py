"""Arguments shared by several verbs, and opening the session that they name."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Protocol, cast

from ..api.prompt import check_words
from ..contract import PRESETS, TileContract
from ..errors import ContractError, UsageError
from ..geometry.overlap_score import DEFAULT_GATE, METRICS
from ..geometry.reference_tile import SCAFFOLD_FILLS
from ..pipeline.session import Session
from ..pipeline.step import StepOptions
from ..pipeline.step.options import AUTO, StepOptionValues
from ..pipeline.store.artifacts import ARTIFACTS
from ..pipeline.store.records import Record, read_record
from .output import Output, short_name

__all__ = [
    "Run",
    "Verbs",
    "add_common_options",
    "add_contract_option",
    "add_step_options",
    "add_verb",
    "changed_options",
    "open_session",
    "seed_record",
    "user_prompt",
]

Run = Callable[[argparse.Namespace, Output], int]
"""A verb's function: takes the parsed arguments and the output, returns the exit code."""

_DEFAULTS = StepOptions()


class Verbs(Protocol):
    """The part of argparse's subparsers that verbs use."""

    def add_parser(  # noqa: PLR0913 (arguments of argparse)
        self,
        name: str,
        *,
        usage: str,
        help: str,
        description: str,
        formatter_class: type[argparse.HelpFormatter],
        allow_abbrev: bool,
    ) -> argparse.ArgumentParser:
        """Add a verb; see `argparse.ArgumentParser`."""


def add_verb(  # noqa: PLR0913 (a verb in one statement: its name, action, usage, help and examples)
    verbs: Verbs, name: str, run: Run, takes: str, help_: str, *examples: str, session: bool = True
) -> argparse.ArgumentParser:
    """Add a verb whose help begins with examples; returns its parser.

    Args:
        verbs: the subparsers of the command line.
        name: the verb.
        run: its function.
        takes: its arguments, for the usage line.
        help_: one line of help.
        examples: the arguments of each example.
        session: whether its first argument is SESSION.
    """
    command = f"{short_name()} {name}"
    lines = "\n".join(f"  {command} {example}".rstrip() for example in examples)
    parser = verbs.add_parser(
        name,
        usage=f"{command} {takes} [options]".replace("  ", " "),
        help=help_,
        description=f"{help_[0].upper()}{help_[1:]}.\n\nexamples:\n{lines}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(run=run)
    if session:
        parser.add_argument("session", metavar="SESSION", help="folder of the session")
    return parser


def add_common_options(parser: argparse.ArgumentParser, *, branch: bool = True) -> None:
    """--branch (for verbs on a session), --json and --quiet."""
    if branch:
        parser.add_argument("--branch", metavar="NAME", help="follow this branch instead of the main head")
    parser.add_argument("--json", action="store_true", help="print results as JSON, one object a line")
    parser.add_argument("--quiet", action="store_true", help="print results and errors only")


def add_contract_option(parser: argparse.ArgumentParser) -> None:
    """--contract, for a new session."""
    parser.add_argument(
        "--contract",
        type=_contract,
        metavar="NAME",
        help=f"sizes of a new session: {', '.join(PRESETS)} (default classic), or TILE/BAND/OVERLAP/ADVANCE in "
        "pixels; TILExACROSS/... for a rectangular tile",
    )


def add_step_options(parser: argparse.ArgumentParser) -> None:
    """Add an option for each field of StepOptions; the namespace holds only those that are given."""
    add = parser.add_argument_group("step options").add_argument
    none = argparse.SUPPRESS
    d = _DEFAULTS
    add("--candidates", type=int, default=none, metavar="N", help=f"number of candidates (default {d.candidates})")
    add(
        "--feather-px",
        type=_feather,
        default=none,
        metavar="N",
        help=f"width of the feather in pixels, or auto: the least that passes the gate (default {d.feather_px})",
    )
    add("--soften", dest="soften_px", type=int, default=none, metavar="N", help="leave the last N pixels pending")
    add("--soften-seed", action="store_true", default=none, help="let a first step cut inside the seed picture")
    add("--soft-mask", action="store_true", default=none, help="ramp the mask over the pending zone")
    add("--no-calibrate", dest="calibrate", action="store_false", default=none, help="do not correct the model's drift")
    add("--gate", type=_gate, default=none, metavar="F", help=f"factor of the gate, or none (default {DEFAULT_GATE:g})")
    add(
        "--metric",
        choices=METRICS,
        default=none,
        metavar="NAME",
        help="metric that chooses: primary (default), sobel_corr ...",
    )
    add(
        "--scaffold",
        dest="scaffold_fill",
        default=none,
        metavar="|".join([*SCAFFOLD_FILLS, "FILE"]),
        help=f"fill of the generated half in the reference: a name or a picture file (default {d.scaffold_fill})",
    )
    add("--scaffold-offset-px", type=int, default=none, metavar="N", help="columns of that picture before the seam")
    add(
        "--reference",
        dest="references",
        action="append",
        default=none,
        metavar="FILE",
        help="reference picture for the model: a file, seed or map; repeatable",
    )
    add("--continuation-cue", action="store_true", default=none, help="draw marks that invite continuation")
    add(
        "--prompt-strength",
        type=int,
        default=none,
        metavar="N",
        help=f"how much text surrounds the user prompt, 0 to 3 (default {d.prompt_strength})",
    )
    add(
        "--anchor",
        type=float,
        default=none,
        metavar="F",
        help=f"share of the style drift since the seed picture that a step corrects, 0 to 1 (default {d.anchor:g})",
    )
    add("--artifacts", choices=ARTIFACTS, default=none, help=f"files stored for each step (default {d.artifacts})")


def changed_options(args: argparse.Namespace) -> StepOptionValues:
    """The step options given on the command line, validated.

    Raises:
        UsageError: a value is outside its range.
    """
    names = StepOptions.__dataclass_fields__
    changes = {name: value for name, value in vars(args).items() if name in names}
    StepOptions.from_values(changes)
    return cast(StepOptionValues, changes)


def open_session(args: argparse.Namespace) -> Session:
    """The session that `args` name."""
    return Session.open(args.session, branch=args.branch)


def seed_record(session: Session) -> Record:
    """The record of the session's creation: the source of the seed picture, and how it was fitted."""
    record = read_record(Path(session.root) / "steps" / "000000" / "step.json")
    return dict(record["init"])


def user_prompt(text: str) -> str:
    """The argparse type of the user prompt."""
    try:
        return check_words(text)
    except UsageError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _contract(text: str) -> TileContract:
    try:
        return TileContract.parse(text)
    except ContractError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _feather(text: str) -> int | str:
    try:
        return text if text == AUTO else int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a width: give pixels, or {AUTO}") from None


def _gate(text: str) -> float | None:
    if text == "none":
        return None
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a factor: give a number, or none") from None
