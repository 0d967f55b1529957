"""The parser of the command line, with a subparser for each verb."""

from __future__ import annotations

import argparse
from typing import NoReturn

from .._version import __version__
from ..errors import UsageError
from . import cassettes, catalogue, experimenting, growing, looking, paying, redoing, reviewing, vendoring
from .output import package_name, short_name

__all__ = ["EXIT_CODES", "Parser", "build_parser"]

EXIT_CODES = {
    0: "done",
    1: "error",
    2: "usage",
    3: "gate: nothing was glued",
    4: "refused to pay",
    5: "rejected by the server",
    6: "server unavailable",
    7: "session damaged or locked",
    8: "replay mismatch",
    9: "outcome unknown, perhaps billed, nothing resent",
    130: "interrupted",
}
"""Every exit code and its meaning."""

_EXAMPLES = """\
Outpainting: extend a picture step by step through an image-editing model.

examples:
  {command} init ink ink.png                 make the session "ink" from a picture
  {command} step ink x_ltr                   grow it to the right, with the simulated model
  {command} step ink x_ltr --steps 4 --prompt "rooftops, fine ink hatching"
  {command} step ink x_rtl --generator openai --budget 2.50
  {command} accept ink 1                     glue candidate 1 of the last step after all
  {command} export ink ink-wide.png          write the whole canvas

modes: x_ltr (right), x_rtl (left), y_ttb (down), y_btt (up)
"""


class Parser(argparse.ArgumentParser):
    """A parser that raises UsageError, so that one function prints every error."""

    def error(self, message: str) -> NoReturn:
        """Raise UsageError instead of printing the usage of every option."""
        raise UsageError(f"{message}\nsee: {self.prog} --help")


def build_parser() -> argparse.ArgumentParser:
    """Build the parser. Each verb sets `run`, a function of the parsed arguments and an `Output`."""
    command = short_name()
    codes = "\n".join(f"  {code:<4}{meaning}" for code, meaning in EXIT_CODES.items())
    parser = Parser(
        prog=command,
        usage=f"{command} VERB [arguments]; {command} VERB --help",
        description=_EXAMPLES.format(command=command),
        epilog=f"exit codes:\n{codes}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"{package_name()} {__version__}")
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True, prog=command, parser_class=Parser)
    for module in (growing, redoing, reviewing, looking, paying, catalogue, experimenting, cassettes, vendoring):
        module.add_verbs(verbs)
    return parser
