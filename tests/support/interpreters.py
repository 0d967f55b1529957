"""The suite with every CPython from 3.11 on that this machine has, each with Pillow 12.3 and with the newest.

Run by `make test-all`; needs the standard library only. Environments stay in .venvs/ for the next time.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

__all__ = ["find_interpreters", "main"]

ROOT = Path(__file__).resolve().parents[2]
PILLOWS = ("pillow==12.3.*", "pillow")
_TELL = "import platform, sys; print(platform.python_implementation(), '.'.join(map(str, sys.version_info[:3])))"


def find_interpreters() -> dict[str, str]:
    """Version -> path of one CPython of that version, oldest first."""
    paths: dict[tuple[int, ...], str] = {}
    for path in _candidates():
        words = subprocess.run([path, "-c", _TELL], capture_output=True, text=True, check=False).stdout.split()
        if len(words) == 2 and words[0] == "CPython":
            version = tuple(map(int, words[1].split(".")))
            if version >= (3, 11):
                paths.setdefault(version[:2], path)
    return {".".join(map(str, version)): paths[version] for version in sorted(paths)}


def _candidates() -> Iterator[str]:
    """Paths that may be an interpreter: this one, python3.N on PATH, and those under a folder of versions."""
    yield sys.executable
    for minor in range(11, 30):
        path = shutil.which(f"python3.{minor}")
        if path:
            yield path
    home = Path.home()
    folders = (
        Path(os.environ.get("PYENV_ROOT") or home / ".pyenv") / "versions",
        home / ".local/share/uv/python",
        home / ".asdf/installs/python",
    )
    for folder in folders:
        yield from map(str, sorted(folder.glob("*/bin/python3.[1-9][0-9]")))


def prepare(python: str, folder: Path, pillow: str) -> Path:
    """An environment in `folder` that can run the suite with `pillow`; the stamp is made last."""
    inside, stamp = folder / "bin" / "python", folder / "ready"
    if stamp.exists():
        return inside
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    requirements = [*project["project"]["dependencies"], *project["dependency-groups"]["test"], pillow]
    wheelhouse = os.environ.get("WHEELHOUSE")
    source = ["--no-index", "--find-links", wheelhouse] if wheelhouse else []
    subprocess.run([python, "-m", "venv", "--clear", str(folder)], check=True)
    pip = [str(inside), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, *source, *requirements], check=True)
    stamp.touch()
    return inside


def main() -> int:
    """Run every combination, print one line for each, and return 1 when any failed."""
    results = []
    for version, python in find_interpreters().items():
        for pillow in PILLOWS:
            name = f"{version}-{'oldest' if '==' in pillow else 'newest'}"
            try:
                inside = prepare(python, ROOT / ".venvs" / name, pillow)
            except subprocess.CalledProcessError as error:
                results.append((name, f"FAILED: no environment ({error})"))
                continue
            command = [str(inside), "-c", "import PIL; print(PIL.__version__)"]
            pillow_version = subprocess.run(command, capture_output=True, text=True).stdout.strip()
            print(f"== Python {version}, Pillow {pillow_version}", flush=True)
            suite = [str(inside), "-m", "tests.support.cores", *sys.argv[1:]]
            code = subprocess.run(suite, cwd=ROOT, check=False).returncode
            results.append((f"Python {version}, Pillow {pillow_version}", "passed" if code == 0 else "FAILED"))
    print("\n" + "\n".join(f"{name}: {result}" for name, result in results))
    return int(not results or any(result != "passed" for _, result in results))


if __name__ == "__main__":
    sys.exit(main())
