"""Recordings looked after by hand: checked, and written anew."""

from __future__ import annotations

from pathlib import Path

from ...errors import ReplayError
from .blobs import BLOBS, blobs_named_in, prune, unnamed_blobs
from .recording import load_recording, save_recording
from .redaction import find_secret

__all__ = ["check_recording", "rewrite_recording"]


def check_recording(path: Path) -> list[str]:
    """What is wrong with the recording at `path` and its blobs, one line each; [] when nothing is."""
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
    """Write the recording at `path` in the form of this version, and remove blobs that no recording names.

    Signatures of addresses are redacted. Returns the number of blobs removed.

    Raises:
        ReplayError: it cannot be read, or holds a key.
        StorageError: the disk refused; the old one is still there.
    """
    origin, interactions = load_recording(path)
    save_recording(path, origin, [interaction.redacted() for interaction in interactions])
    unnamed = unnamed_blobs(path.parent)
    prune(path.parent, unnamed)
    return len(unnamed)
