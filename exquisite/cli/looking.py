"""The verbs that read: status, log, export, verify, models."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from ..api.models import GPT_MODEL_AUTHORITY, MODELS, QUALITY_DEFAULT, estimate_usd
from ..api.servers import SERVERS
from ..errors import SessionDamagedError, UsageError
from ..pipeline.verify import verify_path
from .arguments import Verbs, add_common_options, add_verb, open_session
from .output import Output, ProgressLine, table

__all__ = ["add_verbs"]

_TILES = 3  # of the estimate that `models` shows, a step's default


def add_verbs(verbs: Verbs) -> None:
    """Add this module's verbs to the grammar."""
    status = add_verb(verbs, "status", _status, "SESSION", "say where a session stands", "ink", "ink --json")
    add_common_options(status)

    log = add_verb(
        verbs, "log", _log, "SESSION", "list the steps of the canvas, newest first", "ink --limit 5", "ink --agreement"
    )
    log.add_argument("--limit", type=int, metavar="N", help="at most so many steps")
    log.add_argument("--agreement", action="store_true", help="how often each metric chose what you accepted")
    add_common_options(log)

    export = add_verb(verbs, "export", _export, "SESSION FILE", "write the whole canvas as one PNG", "ink ink-wide.png")
    export.add_argument("path", metavar="FILE", help="PNG to write")
    export.add_argument("--force", action="store_true", help="replace the file if it is there")
    add_common_options(export)

    verify = add_verb(verbs, "verify", _verify, "SESSION", "check every file of a session", "ink", "ink --repair")
    verify.add_argument("--repair", action="store_true", help="make again what follows from stored answers")
    add_common_options(verify, branch=False)

    models = add_verb(verbs, "models", _models, "", "list models and servers, with dates and prices", "", session=False)
    add_common_options(models, branch=False)


def _status(args: argparse.Namespace, output: Output) -> int:
    status = open_session(args).status()
    width, height = status["canvas_size"]
    lines = [
        f"canvas      {width}x{height}, its top left at {status['canvas_origin'][0]},{status['canvas_origin'][1]}",
        f"steps       {status['steps']} on the canvas, {status['last_step']} made",
        f"head        {'the seed picture' if status['head'] == 0 else 'step ' + str(status['head'])}",
        f"axis        {status['axis'] or 'open until the first step'}",
        "contract    " + ", ".join(f"{name} {value}" for name, value in status["contract"].items()),
        f"spent       ${Decimal(status['spent_usd']):.2f}",
    ]
    if status["branch"] or status["branches"]:
        lines.append(f"branches    {', '.join(status['branches']) or 'none'}; following {status['branch'] or 'HEAD'}")
    if Decimal(status["perhaps_billed_usd"]):
        lines.append(f"perhaps     ${Decimal(status['perhaps_billed_usd']):.2f} more, of calls with unknown outcome")
    if status["unfinished"]:
        lines.append(f"unfinished  step {', '.join(map(str, status['unfinished']))}: the same command goes on with it")
    output.result("\n".join(lines), status)
    return 0


def _log(args: argparse.Namespace, output: Output) -> int:
    session = open_session(args)
    if args.agreement:
        return _agreement(session.agreement(), output)
    if args.limit is not None and args.limit < 1:
        raise UsageError(f"--limit must be at least 1, not {args.limit}")
    for record in session.log(args.limit):
        output.result(_log_line(record), record)
    return 0


def _log_line(record: dict[str, Any]) -> str:
    width, height = record["canvas"]["size"]
    if record["parent"] is None:
        return f"{0:6}  seed   {width}x{height}"
    accepted = record.get("accepted")
    how = f"accepted from step {accepted['step']}" if accepted else record["reason"]
    return (
        f"{record['step']:6}  {record['mode']}  {width}x{height}  "
        f"candidate {record['chosen']} of {record['candidates']}: {how}"
    )


def _agreement(agreement: dict[str, tuple[int, int]], output: Output) -> int:
    rows: list[list[object]] = [["metric", "agreed", "of"]]
    rows += [[name, agreed, asked] for name, (agreed, asked) in agreement.items()]
    data = {name: {"agreed": agreed, "asked": asked} for name, (agreed, asked) in agreement.items()}
    output.result(table(rows), data)
    if not any(asked for _, asked in agreement.values()):
        output.note("nothing was accepted by hand yet, so there is nothing to compare")
    return 0


def _export(args: argparse.Namespace, output: Output) -> int:
    session, path = open_session(args), Path(args.path)
    if path.suffix.lower() != ".png":
        raise UsageError(f"{path} must end in .png: the canvas is written as PNG")
    if path.is_dir():
        raise UsageError(f"{path} is a folder: name a file in it")
    if path.exists() and not args.force:
        raise UsageError(f"{path} is there already: choose another name, or replace it with --force")
    with ProgressLine(output, "export") as line:
        written = session.export(path, progress=line.fraction)
    width, height = session.canvas_size
    output.result(f"{written}: {width}x{height}", {"path": str(written), "canvas_size": [width, height]})
    return 0


def _verify(args: argparse.Namespace, output: Output) -> int:
    report = verify_path(Path(args.session), repair=args.repair)
    data = {"ok": report.ok, "checked": report.checked, "findings": list(map(asdict, report.findings))}
    ending = "every file is as it was written" if not report.findings else "the session is whole again"
    lines = [*map(str, report.findings), ending if report.ok else "the session is damaged"]
    output.result("\n".join(lines), data | {"notes": list(report.notes)})
    output.note("\n".join([*report.notes, f"{report.checked} files checked"]))
    if not report.ok and not args.repair:
        output.suggest("verify", args.session, "--repair")
    return 0 if report.ok else SessionDamagedError.exit_code


def _models(args: argparse.Namespace, output: Output) -> int:
    today = date.today()
    rows: list[list[object]] = [["model", "status", "until", "qualities", f"{_TILES} tiles, {QUALITY_DEFAULT}", ""]]
    data = []
    for model in MODELS.values():
        status = model.status(today)
        usd = estimate_usd(model.name, QUALITY_DEFAULT, _TILES)
        default = model.name == GPT_MODEL_AUTHORITY
        note = "default" if default else f"use {model.replacement}" if status != "active" else ""
        until = str(model.shutdown or "-")
        price = f"about ${usd:.2f}" + ("" if model.verified else " (assumed)")
        rows.append([model.name, status, until, " ".join(model.qualities), price, note])
        data.append(
            {
                "model": model.name,
                "status": status,
                "shutdown": None if model.shutdown is None else str(model.shutdown),
                "qualities": list(model.qualities),
                "complexities": list(model.complexities),
                "input_fidelities": list(model.input_fidelities),
                "estimate_usd": str(usd),
                "verified": model.verified,
                "default": default,
            }
        )
    servers: list[list[object]] = [["server", "base URL", ""]]
    servers += [[server.name, server.base_url, server.note] for server in SERVERS.values()]
    text = f"{table(rows)}\n\n{table(servers)}"
    output.result(text, {"models": data, "servers": {name: server.base_url for name, server in SERVERS.items()}})
    return 0
