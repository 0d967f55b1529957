"""Replaces several files and folders together, so that the lead file never stands beside companions of another export.

A target NAME is first written as the draft .NAME.part. During the replacement the older one is kept as .NAME.old.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from ...errors import StorageError
from ...files import Files

__all__ = ["Publication", "draft_of"]


def draft_of(target: Path) -> Path:
    """The path of the draft of `target`."""
    return target.with_name(f".{target.name}.part")


def _old_of(target: Path) -> Path:
    return target.with_name(f".{target.name}.old")


class Publication:
    """The targets of one export.

    Args:
        files: the file system.
        lead: the file that refers to the others; while it exists, they are complete.
        companions: files or folders beside it.
    """

    def __init__(self, files: Files, lead: Path, *companions: Path) -> None:
        self._files = files
        self._lead = lead
        self._companions = companions

    def publish(self) -> None:
        """Replace the targets by their drafts, which must be durable.

        1. Set the older lead aside; from here on there is no lead.
        2. Set the older companions aside.
        3. Move the new companions into place.
        4. Move the new lead into place.

        The folder is synced before, between and after these steps, so that a power cut never mixes two exports. When a
        step fails, the older targets are restored.
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
        """Restore the older targets after a run that ended between setting them aside and publishing the new ones."""
        if _old_of(self._lead).exists() and not self._lead.exists():
            self._restore([target for target in self._companions if target.exists() and _old_of(target).exists()])
        self.clear()

    def clear(self) -> None:
        """Remove the drafts, and the older targets once the new lead exists; ignore what cannot be removed."""
        names: list[Callable[[Path], Path]] = [draft_of]
        if self._lead.exists():
            names.append(_old_of)
        for name in names:
            for target in (self._lead, *self._companions):
                with contextlib.suppress(StorageError):
                    self._remove(name(target))

    def _restore(self, published: Sequence[Path]) -> None:
        """Turn the `published` companions back into drafts, and restore the older targets, the lead last."""
        self._rename((target, draft_of(target)) for target in published)
        for group in (self._companions, [self._lead]):
            self._rename((_old_of(target), target) for target in group if _old_of(target).exists())

    def _rename(self, pairs: Iterable[tuple[Path, Path]]) -> None:
        for source, target in pairs:
            self._files.replace(source, target)
        self._files.sync_folder(self._lead.parent)

    def _remove(self, path: Path) -> None:
        """Remove a file, or a folder with its content."""
        if not path.is_dir():
            self._files.unlink(path)
            return
        for inside in sorted(path.rglob("*"), reverse=True):
            remove = self._files.remove_folder if inside.is_dir() else self._files.unlink
            remove(inside)
        self._files.remove_folder(path)
