"""`python -m` with the name of this package runs its command line."""

from __future__ import annotations

import sys


def main() -> int:
    """The command line; an exit code."""
    try:
        from PIL import __version__ as pillow
    except ImportError:
        pillow = "0.0"
    if tuple(map(int, pillow.split(".")[:2])) < (12, 3):
        print(f"this needs Pillow 12.3 or newer, and finds {pillow}: pip install 'pillow>=12.3'", file=sys.stderr)
        return 1
    from .cli import main as run

    return run()


if __name__ == "__main__":
    sys.exit(main())
