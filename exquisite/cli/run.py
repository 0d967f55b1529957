"""Runs the command line: turns every error into one or two lines and an exit code, without a traceback."""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Sequence
from functools import cache

from ..errors import ExquisiteError
from .output import Output, package_name, short_name
from .parser import build_parser
from .paying import after_interruption

__all__ = ["INTERRUPTED", "main"]

INTERRUPTED = 130
"""Exit code after Ctrl-C: 128 plus the number of SIGINT, the convention of shells."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line with `arguments` (default: those of the process); return the exit code."""
    name = package_name()
    args = argparse.Namespace()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a path may hold characters that the terminal's encoding lacks
            stream.reconfigure(errors="backslashreplace")
    try:
        args = _parser_for(short_name()).parse_args(arguments)
        return int(args.run(args, Output(args.json, args.quiet)))
    except ExquisiteError as error:
        return _fail(name, str(error), error.exit_code)
    except KeyboardInterrupt:
        return _fail(name, after_interruption(getattr(args, "session", None)), INTERRUPTED)
    except BrokenPipeError:
        # the reader closed the pipe; without this Python reports an error when it flushes stdout at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        return _fail(name, f"{where}{error.strerror or error}", 1)
    except MemoryError:
        return _fail(name, "out of memory: use a smaller picture, or fewer candidates", 1)
    except Exception as error:
        if os.environ.get("EXQUISITE_TRACEBACK"):
            raise
        text = f"a fault of this program ({type(error).__name__}: {error}); EXQUISITE_TRACEBACK=1 shows where"
        return _fail(name, text, 1)


@cache
def _parser_for(command: str) -> argparse.ArgumentParser:
    """The parser whose help names `command`, built once for all commands of a process."""
    return build_parser()


def _fail(name: str, text: str, code: int) -> int:
    print(f"{name}: {text}", file=sys.stderr)
    return code
