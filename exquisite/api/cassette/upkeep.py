"""Maintenance of recordings: check and rewrite."""

from __future__ import annotations

from pathlib import Path

from ...errors import ReplayError
from .blobs import BLOBS, blobs_named_in, prune, unnamed_blobs
from .recording import load_recording, save_recording
from .redaction import find_secret

__all__ = ["check_recording", "rewrite_recording"]


def check_recording(path: Path) -> list[str]:
    """List the problems of a recording and its blobs, one line each."""
    try:
        _, interactions = load_recording(path)
    except ReplayError as error:
        return [str(error)]
    files = [path, *(path.parent / BLOBS / name for name in sorted(blobs_named_in([path])))]
    problems = [f"{file} holds {what}: take it out" for file in files if (what := find_secret(file.read_bytes()))]
    problems += [
        f"interaction {number} of {path} holds a signed address: rewrite the cassette"
        for number, interaction in enumerate(interactions, start=1)
        if interaction.redacted() != interaction
    ]
    if unnamed := unnamed_blobs(path.parent):
        count = f"{len(unnamed)} file{'s' * (len(unnamed) > 1)}"
        problems.append(f"{path.parent / BLOBS} holds {count} that no cassette names: rewrite the cassette")
    return problems


def rewrite_recording(path: Path) -> int:
    """Rewrite a recording in the format of this version with redacted signatures, and remove unreferenced blobs.

    Returns the number of removed blobs.

    Raises:
        ReplayError: the recording is unreadable, or contains a key.
        StorageError: a write failed; the old recording is unchanged.
    """
    origin, interactions = load_recording(path)
    save_recording(path, origin, [interaction.redacted() for interaction in interactions])
    unnamed = unnamed_blobs(path.parent)
    prune(path.parent, unnamed)
    return len(unnamed)
