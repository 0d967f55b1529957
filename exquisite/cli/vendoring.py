"""The verb vendor: copies the package into another program, or checks a copy."""

from __future__ import annotations

import argparse
from pathlib import Path

from .arguments import Verbs, add_common_options, add_verb
from .output import Output
from .vendor import check_copy, make_copy

__all__ = ["add_verbs"]


def add_verbs(verbs: Verbs) -> None:
    """Add this module's verb to the grammar."""
    help_text = "copy the package into another program, or check a copy"
    vendor = add_verb(verbs, "vendor", _vendor, "DEST", help_text, "../host/lib", "--check ../host/lib", session=False)
    vendor.add_argument("place", metavar="DEST", help="folder that holds the copy, or the copy itself")
    vendor.add_argument("--check", action="store_true", help="tell whether the copy is current, stale or edited")
    vendor.add_argument("--force", action="store_true", help="replace a copy that was edited")
    add_common_options(vendor, branch=False)


def _vendor(args: argparse.Namespace, output: Output) -> int:
    place = Path(args.place)
    state = check_copy(place) if args.check else make_copy(place, force=args.force)
    data = {
        "path": str(state.path),
        "status": state.status,
        "version": state.version,
        "edited": list(state.edited),
        "source_version": state.source_version,
    }
    output.result(state.sentence, data)
    if state.status == "stale":
        output.suggest("vendor", place)
    return 0 if state.status == "current" else 1
