"""The verbs that read a session: status, log, export, verify."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..errors import SessionDamagedError, UsageError
from ..geometry.measures.trend import drifting
from ..pipeline.export import EXPORT_FORMATS, SIDE_READ_PX, TILE_FORMATS, ExportOptions, exported_size, printed_cm
from ..pipeline.history.status import Status
from ..pipeline.verify import verify_path
from .arguments import Verbs, add_common_options, add_verb, open_session
from .generators import budget_of, usd_amount
from .output import Output, ProgressLine, table

__all__ = ["add_verbs"]

_PRINT_DPI = (150, 300)  # for a poster, and for a book
_LABEL_WIDTH = 12  # minimum in characters


def add_verbs(verbs: Verbs) -> None:
    """Add this module's verbs to the grammar."""
    status = add_verb(verbs, "status", _status, "SESSION", "print the state of a session", "ink", "ink --json")
    budget = "show how much of this budget is left (default: EXQUISITE_BUDGET)"
    status.add_argument("--budget", type=usd_amount, metavar="USD", help=budget)
    add_common_options(status)

    log = add_verb(
        verbs, "log", _log, "SESSION", "list the steps of the canvas, newest first", "ink --limit 5", "ink --agreement"
    )
    log.add_argument("--limit", type=int, metavar="N", help="number of steps to list")
    log.add_argument("--agreement", action="store_true", help="print how often each metric chose what you accepted")
    add_common_options(log)

    export = add_verb(
        verbs,
        "export",
        _export,
        "SESSION FILE",
        "write the canvas as one PNG, or as a Deep Zoom picture",
        "ink ink-wide.png",
        "ink ink-print.png --dpi 300",
        "ink ink.dzi",
        "ink part.png --crop 0,0,800,400 --scale 0.5",
    )
    export.add_argument("path", metavar="FILE", help="NAME.png, or NAME.dzi with tiles and a viewer beside it")
    export.add_argument("--format", choices=EXPORT_FORMATS, help="format (default: by the name of FILE)")
    export.add_argument("--tiles", choices=TILE_FORMATS, default="jpeg", help="Deep Zoom tile format (default jpeg)")
    export.add_argument("--dpi", type=float, metavar="N", help="print resolution in pixels an inch, written into a PNG")
    export.add_argument("--crop", type=_box, metavar="L,T,R,B", help="write this part, in pixels from the top left")
    export.add_argument("--roll", type=int, default=0, metavar="PX", help="shift a closed loop by PX along its axis")
    export.add_argument("--scale", type=float, default=1.0, metavar="F", help="factor of both sides (default 1)")
    export.add_argument("--force", action="store_true", help="replace an existing file")
    add_common_options(export)

    verify = add_verb(verbs, "verify", _verify, "SESSION", "check every file of a session", "ink", "ink --repair")
    verify.add_argument("--repair", action="store_true", help="derive damaged files again from stored answers")
    add_common_options(verify, branch=False)


def _status(args: argparse.Namespace, output: Output) -> int:
    session = open_session(args)
    status = session.status(budget_of(args))
    width, height = status.canvas_size
    left, top = status.canvas_origin
    lines = [
        ("canvas", f"{width}x{height}, its top left at {left},{top}"),
        ("steps", f"{status.steps} on the canvas, {status.last_step} in the session"),
        ("head", "the seed picture" if status.head == 0 else f"step {status.head}"),
        ("axis", status.axis or "open until the first step"),
        ("contract", ", ".join(f"{name} {value}" for name, value in status.contract.as_dict().items())),
        *((line.label, str(line)) for line in status.money.lines()),
    ]
    if status.closed:
        lines.append(("loop", "closed: its ends meet, and no step can follow; `export --roll` shows where"))
    if any(status.pending_px.values()):
        lines.append(("zone", f"{_pending_zones(status)}: the next step there cuts inside it"))
    lines += [("style", line) for line in _style_lines(status)]
    if status.branch or status.branches:
        lines.append(("branches", f"{', '.join(status.branches) or 'none'}; following {status.branch or 'HEAD'}"))
    unknown = session.unknown_calls() if status.unfinished else {}
    for number in status.unfinished:
        permission = ", with --retry-ambiguous or after `settle`" if number in unknown else ""
        lines.append(("unfinished", f"step {number}: the same command goes on with it{permission}"))
    room = max(_LABEL_WIDTH, *(len(label) + 2 for label, _ in lines))
    output.result("\n".join(f"{label:<{room}}{text}" for label, text in lines), status.as_dict())
    return 0


def _pending_zones(status: Status) -> str:
    """Where pixels are pending, and how many columns or rows of them."""
    names = {"low": "top", "high": "bottom"} if status.axis == "y" else {"low": "left", "high": "right"}
    return ", ".join(f"{width} px pending at the {names[side]}" for side, width in status.pending_px.items() if width)


def _style_lines(status: Status) -> Iterator[str]:
    """The change of style on each side of the canvas, with a warning when it drifts."""
    for mode, trends in status.trends.items():
        yield f"{mode.direction} since the seed: {', '.join(map(str, trends))}"
        if drift := drifting(trends):
            yield f"{mode.direction} drifts: {drift}; --anchor 0.25 counteracts it"


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
        f"candidate {record['chosen']} of {record['candidates']}: {how}{_style_since_seed(record)}"
    )


def _style_since_seed(record: dict[str, Any]) -> str:
    """The style of a strip for its line of the log; "" when the record has none."""
    if "style" not in record:
        return ""
    drift = record["style"]["since_seed"]
    return "; since the seed " + ", ".join(f"{name} {drift[name] * 100:+.0f} %" for name in ("contrast", "sharpness"))


def _agreement(agreement: dict[str, tuple[int, int]], output: Output) -> int:
    rows: list[list[object]] = [["metric", "agreed", "of"]]
    rows += [[name, agreed, total] for name, (agreed, total) in agreement.items()]
    data = {name: {"agreed": agreed, "asked": total} for name, (agreed, total) in agreement.items()}
    output.result(table(rows), data)
    if not any(total for _, total in agreement.values()):
        output.note("no candidate was accepted by hand yet, so there is nothing to compare")
    return 0


def _export(args: argparse.Namespace, output: Output) -> int:
    session, path = open_session(args), Path(args.path)
    values = {name: getattr(args, name) for name in ("format", "tiles", "dpi", "crop", "scale", "roll")}
    options = ExportOptions.from_values(values)
    options.format_of(path)
    for target in (path, *((path.with_suffix(".html"),) if path.suffix.lower() == ".dzi" else ())):
        if target.is_dir():
            raise UsageError(f"{target} is a folder: name a file in it")
        if target.exists() and not args.force:
            raise UsageError(f"{target} exists: choose another name, or replace it with --force")
    with ProgressLine(output, "export") as line:
        written = session.export(path, progress=line.fraction, **values)
    size = exported_size(args.crop or (0, 0, *session.canvas_size), args.scale)
    printed = {dpi: printed_cm(size, dpi) for dpi in sorted({*_PRINT_DPI, *([args.dpi] if args.dpi else [])})}
    sizes = ", ".join(f"{width:.1f} x {height:.1f} cm at {dpi:g} dpi" for dpi, (width, height) in printed.items())
    data = {
        "path": str(written),
        "canvas_size": list(session.canvas_size),
        "size": list(size),
        "printed_cm": {f"{dpi:g}": [round(side, 2) for side in cm] for dpi, cm in printed.items()},
    }
    output.result(f"{written}: {size[0]}x{size[1]}, in print {sizes}", data)
    if path.suffix.lower() == ".dzi":
        output.note(f"look: {written.with_suffix('.html')}")
    elif max(size) > SIDE_READ_PX:
        output.note(
            f"a side is longer than {SIDE_READ_PX:,} px: many programs refuse such a PNG; "
            f"a Deep Zoom picture (a name that ends in .dzi) opens in any browser"
        )
    return 0


def _box(text: str) -> tuple[int, int, int, int]:
    try:
        left, top, right, bottom = map(int, text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a box: give LEFT,TOP,RIGHT,BOTTOM in pixels") from None
    return left, top, right, bottom


def _verify(args: argparse.Namespace, output: Output) -> int:
    report = verify_path(Path(args.session), repair=args.repair)
    data = {"ok": report.ok, "checked": report.checked, "findings": list(map(asdict, report.findings))}
    ending = "every file is as it was written" if not report.findings else "the session is intact again"
    lines = [*map(str, report.findings), ending if report.ok else "the session is damaged"]
    output.result("\n".join(lines), data | {"notes": list(report.notes)})
    output.note("\n".join([*report.notes, f"{report.checked} files checked"]))
    if not report.ok and not args.repair:
        output.suggest("verify", args.session, "--repair")
    return 0 if report.ok else SessionDamagedError.exit_code
