"""The command line in a process of its own, with a clean environment and no network."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

__all__ = ["ROOT", "clean_environment", "run_cli", "run_python"]

ROOT = Path(__file__).resolve().parents[2]

_PRELUDE = "from tests.support.offline import block_imports, block_network; block_imports(); block_network(); "


def clean_environment(**extra: str) -> dict[str, str]:
    """The environment of a child process without settings of the package, with the checkout on the path and `extra`."""
    variables = {name: value for name, value in os.environ.items() if not is_setting(name)}
    return variables | {"PYTHONPATH": str(ROOT), "PYTHONUTF8": "1", "COLUMNS": "100"} | extra


def is_setting(name: str) -> bool:
    """Whether an environment variable could change what the package does."""
    name = name.upper()
    ours = name.startswith(("EXQUISITE_", "OPENAI_", "SSL_CERT_", "MAKE"))
    return ours or name.endswith("_PROXY") or name in _DISPLAY


_DISPLAY = frozenset({"NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES", "PYTHON_COLORS", "MFLAGS"})


def run_python(
    code: str, *arguments: str, cwd: Path | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run `code` in a new interpreter, warnings as errors; streams are captured as text."""
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code, *arguments],
        cwd=cwd,
        env=clean_environment(**environment),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def run_cli(*arguments: str, cwd: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command line with `arguments` in a new interpreter, offline."""
    code = _PRELUDE + "import sys; from exquisite.__main__ import main; sys.exit(main())"
    return run_python(code, *arguments, cwd=cwd, **environment)
