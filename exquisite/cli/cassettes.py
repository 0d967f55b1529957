"""The verb cassette: show, check or rewrite recordings."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..api.answer import read_body
from ..api.cassette.recording import Interaction, load_recording
from ..api.cassette.upkeep import check_recording, rewrite_recording
from ..api.multipart import Part
from ..errors import AnswerError, ReplayError
from .arguments import Verbs, add_common_options, add_verb
from .output import Output

__all__ = ["add_verbs"]

_TEXT_MAX = 60  # characters shown of a field


def add_verbs(verbs: Verbs) -> None:
    """Add this module's verb to the grammar."""
    verb = add_verb(
        verbs,
        "cassette",
        _cassette,
        "show|check|rewrite FILE...",
        "show, check or rewrite recordings",
        "show fixtures/cassettes/x_ltr.json",
        "check tests/cassettes/test_steps/test_grows.json",
        "rewrite old.json",
        session=False,
    )
    verb.add_argument(
        "action",
        choices=_ACTIONS,
        metavar="ACTION",
        help="show interactions; check that files are intact and hold no key; rewrite in this version's format",
    )
    verb.add_argument("files", nargs="+", type=Path, metavar="FILE", help="recordings, JSON")
    add_common_options(verb, branch=False)


def _cassette(args: argparse.Namespace, output: Output) -> int:
    action = _ACTIONS[args.action]
    return max(action(path, output) for path in args.files)


def _show(path: Path, output: Output) -> int:
    origin, interactions = load_recording(path)
    lines = [f"{path}: {_count(len(interactions), 'interaction')}, recorded from {origin or 'somewhere'}"]
    for number, interaction in enumerate(interactions, start=1):
        request = interaction.request
        lines.append(f"{number:4}  {request.method} {request.path}: {_outcome(interaction)}")
        lines += [f"        {part.name or 'body'}: {_content(part)}" for part in request.parts]
    data = {"path": str(path), "origin": origin, "interactions": [_data(one) for one in interactions]}
    output.result("\n".join(lines), data)
    return 0


def _check(path: Path, output: Output) -> int:
    problems = check_recording(path)
    text = "\n".join(problems) or f"{path}: intact, and without a key"
    output.result(text, {"path": str(path), "ok": not problems, "problems": problems})
    return ReplayError.exit_code if problems else 0


def _rewrite(path: Path, output: Output) -> int:
    removed = rewrite_recording(path)
    text = f"{path}: rewritten; {_count(removed, 'blob')} removed that no cassette uses"
    output.result(text, {"path": str(path), "blobs_removed": removed})
    return 0


_ACTIONS: dict[str, Callable[[Path, Output], int]] = {"show": _show, "check": _check, "rewrite": _rewrite}


def _outcome(interaction: Interaction) -> str:
    broken = ": ".join(interaction.error or ())
    if interaction.status is None:
        return broken
    status = f"status {interaction.status}, {len(interaction.body)} bytes"
    try:
        pictures = len(read_body(interaction.body).images)
    except AnswerError:
        pictures = 0
    return status + (f", {_count(pictures, 'picture')}" if pictures else "") + (f", then {broken}" if broken else "")


def _content(part: Part) -> str:
    if part.filename is not None or not part.content.isascii():
        return f"{part.filename or 'text'} ({len(part.content)} bytes)"
    text = " ".join(part.content.decode("ascii").split())
    return text if len(text) <= _TEXT_MAX else f"{text[: _TEXT_MAX - 3]}..."


def _data(interaction: Interaction) -> dict[str, Any]:
    return {
        "method": interaction.request.method,
        "path": interaction.request.path,
        "parts": [part.name for part in interaction.request.parts],
        "status": interaction.status,
        "bytes": len(interaction.body),
        "error": interaction.error,
    }


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
