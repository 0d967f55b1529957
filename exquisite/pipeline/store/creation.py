"""Makes the folder of a session, with its seed picture as step 0."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from ..._version import __version__
from ...contract import Mode, TileContract, require_rgb
from ...errors import CanvasError, SessionDamagedError, SessionExistsError
from ...files import Files
from ...foreign import own
from .artifacts import encode_png
from .heads import MAIN_HEAD, head_line
from .pieces import Piece
from .records import FORMAT_VERSION, Record, seal, sha256
from .step_folders import SEED, step_name

__all__ = ["FOLDERS", "NO_FOLDER_SYNC", "create_session"]

FOLDERS = ("strips", "steps", "heads", "pending", "tmp")
"""The folders that every session has."""

NO_FOLDER_SYNC = "this file system cannot sync folders"
"""What session.json says in `folder_sync` where a folder cannot be synced."""

_OWN_FILES = {"session.json", "HEAD", "ledger.json", "labels.jsonl", ".lock"}
_OWN_NAMES = {*FOLDERS, *_OWN_FILES, "experiments", "settled", "pictures"}


def create_session(root: Path, canvas: Image.Image, contract: TileContract, init: Record, files: Files) -> None:
    """Make the session of `Store.create`, which lists arguments and errors; HEAD is written last.

    An `init` that was cut short is continued: its folders stay, its files are written again.
    """
    _require_growable(canvas, contract)
    _require_free(root)
    new_folders = [folder for folder in (root.absolute(), *root.absolute().parents) if not folder.exists()]
    for folder in reversed(new_folders):
        files.make_folder(folder)
    lock = files.lock(root / ".lock")
    try:
        for name in FOLDERS:
            files.make_folder(root / name)
        strip = _write_strip(root, canvas, files)
        seed = _seed_record(strip, contract, init)
        sealed = _write_step(root, seed, files)
        _write_session(root, seed, files)
        for folder in new_folders:
            files.sync_folder(folder.parent)
        files.write_atomic(root / MAIN_HEAD, head_line(MAIN_HEAD, SEED, sealed), root / "tmp")
    finally:
        lock.release()


def _write_strip(root: Path, canvas: Image.Image, files: Files) -> Piece:
    """Write the seed picture, and remove what an interrupted `init` of another picture left."""
    data = encode_png(canvas)
    digest = sha256(data)
    path = root / "strips" / f"{digest}.png"
    leftovers = own([*(root / "tmp").iterdir(), *(root / "strips").iterdir()])
    for old in sorted(leftovers):
        if old.name != path.name:
            files.unlink(old)
    files.write_atomic(path, data, root / "tmp")
    return Piece(digest, (0, 0), canvas.size)


def _seed_record(strip: Piece, contract: TileContract, init: Record) -> Record:
    """The record of the seed picture; `init` is its source and changes."""
    entry = strip.as_record()
    return {
        "format": FORMAT_VERSION,
        "step": SEED,
        "kind": "seed",
        "status": "committed",
        "parent": None,
        "parent_sha256": None,
        "contract": contract.as_dict(),
        "strip": entry,
        "canvas": {"origin": strip.origin, "size": strip.size},
        "tips": {"low": [entry], "high": [entry]},
        "totals": {"steps": 0, "candidates": 0},
        "init": init,
        "files": {},
    }


def _write_step(root: Path, seed: Record, files: Files) -> bytes:
    """Write the record of the seed picture; returns it as written."""
    folder = root / "steps" / step_name(SEED)
    files.make_folder(folder)
    files.sync_folder(root / "steps")
    sealed = seal(seed)
    files.write_atomic(folder / "step.json", sealed, root / "tmp")
    return sealed


def _write_session(root: Path, seed: Record, files: Files) -> None:
    """Write session.json with a copy of the seed's record; each of the two can restore the other."""
    session: Record = {
        "format": FORMAT_VERSION,
        "package_version": __version__,
        "contract": seed["contract"],
        "axis": None,
        "branches": [],
        "seed": seed,
    }
    if files.cannot_sync_folders:
        session["folder_sync"] = NO_FOLDER_SYNC
    files.write_atomic(root / "session.json", seal(session), root / "tmp")
    files.sync_folder(root)


def _require_growable(canvas: Image.Image, contract: TileContract) -> None:
    """Refuse a canvas that fits no mode."""
    require_rgb(canvas, "the canvas")
    problems = []
    for mode in (Mode.X_LTR, Mode.Y_TTB):
        try:
            contract.require_canvas(canvas.size, mode)
        except CanvasError as error:
            problems.append(str(error))
    if len(problems) == 2:
        raise CanvasError("; ".join(problems))


def _require_free(root: Path) -> None:
    """Refuse a folder that holds anything but an `init` that was cut short."""
    if root.is_dir():
        names = {path.name for path in own(root.iterdir())}
        if "HEAD" in names:
            raise SessionExistsError(
                f"there is a session at {root} already: go on with `step`, or choose another path"
            )
        if any(own((root / "heads").glob("*"))) or (root / "steps" / step_name(SEED + 1)).exists():
            raise SessionDamagedError(f"{root} is a session without its HEAD: `verify --repair` restores it")
        if names <= _OWN_NAMES:
            return  # an `init` that was cut short
    elif not root.exists():
        return
    raise SessionExistsError(f"{root} exists and is no session: choose another path")
