"""Files that systems, file managers and editors leave in any folder: no part of a session, and no damage to it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

__all__ = ["is_foreign", "own"]

_FOREIGN = re.compile(
    r"\.DS_Store|\._.*|\.AppleDouble|\.Spotlight-V100|\.Trashes|\.fseventsd|\.localized|Icon\r|__MACOSX"  # macOS
    r"|Thumbs\.db(:.*)?|ehthumbs\.db|desktop\.ini|\$RECYCLE\.BIN|System Volume Information"  # Windows
    r"|\.directory|\.Trash-\d+|\.nfs[0-9a-f]+|\.fuse_hidden[0-9a-f]+|lost\+found|@eaDir"  # Linux, network disks
    r"|.*~|\..*\.sw[a-p]|\.?#.*|~\$.*|\.~lock\..*#|.*\.(bak|orig)",  # editors
    re.IGNORECASE | re.DOTALL,
)


def is_foreign(name: str) -> bool:
    """Whether a file or folder of this name is none that this package makes."""
    return _FOREIGN.fullmatch(name) is not None


def own(paths: Iterable[Path], root: Path | None = None) -> Iterator[Path]:
    """`paths` without those that are foreign, or lie in a foreign folder below `root`."""
    for path in paths:
        parts = (path.name,) if root is None else path.relative_to(root).parts
        if not any(map(is_foreign, parts)):
            yield path
