"""Files and folders that are replaced together, so that one of them, the lead, always stands beside its own companions.

A target NAME is written as the draft .NAME.part. While it is replaced, the older one waits as .NAME.old.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from ...errors import StorageError
from ...files import Files

__all__ = ["Publication", "draft_of"]


def draft_of(target: Path) -> Path:
    """Where `target` is written before it is published."""
    return target.with_name(f".{target.name}.part")


def _old_of(target: Path) -> Path:
    return target.with_name(f".{target.name}.old")


class Publication:
    """The targets of one export.

    Args:
        files: the seam to the file system.
        lead: the file that names the others; where it is, they are whole.
        companions: files or folders beside it.
    """

    def __init__(self, files: Files, lead: Path, *companions: Path) -> None:
        self._files = files
        self._lead = lead
        self._companions = companions

    def publish(self) -> None:
        """Put the drafts, whose contents are on the disk, in the place of the targets.

        1. The older lead is set aside: from here on no lead is there.
        2. The older companions are set aside.
        3. The new companions take their places.
        4. The new lead takes its place.

        The folder is synced before, between and after these, so that a power cut never mixes two of them. Where one
        fails, the older targets come back.
        """
        self._files.sync_folder(self._lead.parent)
        try:
            for group in ([self._lead], self._companions):
                self._rename((target, _old_of(target)) for target in group if target.exists())
            for group in (self._companions, [self._lead]):
                self._rename((draft_of(target), target) for target in group)
        except BaseException:
            if not self._lead.exists():
                self._restore([target for target in self._companions if not draft_of(target).exists()])
            raise

    def recover(self) -> None:
        """Bring back the older targets when a run ended between setting them aside and publishing the new ones."""
        if _old_of(self._lead).exists() and not self._lead.exists():
            self._restore([target for target in self._companions if target.exists() and _old_of(target).exists()])
        self.clear()

    def clear(self) -> None:
        """Remove the drafts, and the older targets once the new lead is there; what cannot be removed stays."""
        names: list[Callable[[Path], Path]] = [draft_of]
        if self._lead.exists():
            names.append(_old_of)
        for name in names:
            for target in (self._lead, *self._companions):
                with contextlib.suppress(StorageError):
                    self._remove(name(target))

    def _restore(self, published: Sequence[Path]) -> None:
        """Make the companions that were `published` drafts again, and bring back what was set aside, the lead last."""
        self._rename((target, draft_of(target)) for target in published)
        for group in (self._companions, [self._lead]):
            self._rename((_old_of(target), target) for target in group if _old_of(target).exists())

    def _rename(self, pairs: Iterable[tuple[Path, Path]]) -> None:
        for source, target in pairs:
            self._files.replace(source, target)
        self._files.sync_folder(self._lead.parent)

    def _remove(self, path: Path) -> None:
        """Remove a file, or a folder with all that is in it."""
        if not path.is_dir():
            self._files.unlink(path)
            return
        for inside in sorted(path.rglob("*"), reverse=True):
            remove = self._files.remove_folder if inside.is_dir() else self._files.unlink
            remove(inside)
        self._files.remove_folder(path)
