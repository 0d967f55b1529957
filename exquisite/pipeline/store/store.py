"""The canvas on disk: the seed picture, a strip and a record for each step, and the heads.

    SESSION/
      session.json            contract, axis once fixed, format and package version
      HEAD  heads/NAME        the last step of the canvas (see `heads`); replacing it atomically commits a step
      strips/<sha256>.png     the seed picture and the growth strips, named by the hash of the file
      steps/000012/step.json  written once; a folder without it is an unfinished step
      pending/<digest>        the number of the unfinished step that answers a request with this digest; no pixels
      tmp/                    files while they are being written; at the next lock, complete answers move to their step
                              (`answer_drafts`), and the rest is deleted

Coordinates are signed, in pixels from the top left of the seed picture. A step record carries `tips`, the
strips that cover the band at each end, so that a step reads only a few strips of a canvas of any length.

The end of the write order (CONTRACT.md): strip → step.json → HEAD. Every file is synced before the record that names
it, and every folder before the file that relies on it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from ...contract import Box, Mode, TileContract
from ...errors import (
    CanvasError,
    ContractError,
    SessionDamagedError,
    SessionNotFoundError,
    UsageError,
)
from ...files import Files
from ...foreign import is_foreign, own
from .answer_drafts import recover_draft
from .artifacts import decode_png
from .creation import FOLDERS, NO_FOLDER_SYNC, create_session
from .heads import BRANCH_NAME, branch_names, head_line, head_path, parse_head
from .pieces import Piece, beyond, box_of, pending_at, zone_width
from .records import Record, read_file, seal, sha256
from .session_files import SessionFiles, WriterLock
from .session_pictures import SessionPictures
from .step_folders import StepFolders

__all__ = ["Store"]


class Store:
    """Reads and writes the files of one session, without regard to models, scores or seams.

    Args:
        root: the session's folder.
        branch: branch whose head to use; None for HEAD.
        files: access to the file system.

    Attributes:
        contract: the sizes of every step.
        disk: the files of the session.
        steps: the folders of its steps.
        pictures: the pictures that its requests carry.
    """

    def __init__(self, root: Path, branch: str | None = None, files: Files | None = None) -> None:
        self.root = root
        self.branch = branch
        self.files = files or Files()
        self.disk = SessionFiles(root, self.files)
        self.steps = StepFolders(self.disk)
        record = self._open()
        self.contract = _contract(record, root)
        self.pictures = SessionPictures(self.disk)
        self._decoded: dict[str, Image.Image] = {}

    # Making and opening

    @classmethod
    def create(
        cls, root: Path, canvas: Image.Image, contract: TileContract, init: Record, files: Files | None = None
    ) -> Store:
        """Make a session with the seed picture `canvas` (RGB, own orientation); HEAD is written last.

        Raises:
            SessionExistsError: `root` exists and is not an interrupted `init`.
            CanvasError: the canvas cannot grow in any mode.
        """
        files = files or Files()
        create_session(root, canvas, contract, init, files)
        return cls(root, files=files)

    def _open(self) -> Record:
        """Read session.json, and check that the head exists."""
        if not (self.root / "HEAD").is_file():
            if self.root.is_dir() and ((self.root / "session.json").exists() or (self.root / "steps").is_dir()):
                raise SessionDamagedError(
                    f"{self.root} is a session without its HEAD: an `init` that was cut short "
                    f"(run it again), or a damaged session"
                )
            raise SessionNotFoundError(f"no session at {self.root}: make one with `init`")
        record = self.disk.read_record(self.root / "session.json")
        if self.branch is not None and not self._head_path(self.branch).is_file():
            raise UsageError(f"no branch {self.branch!r} in {self.root}: make it with `branch`")
        if self.branch is not None and (there := self._in_another_case(self.branch)):
            raise UsageError(f"no branch {self.branch!r} in {self.root}: {there}")
        return record

    def lock(self) -> WriterLock:
        """Become the only writer, and clean up after an interrupted one.

        Raises:
            SessionLockedError: another writer holds the lock.
        """
        lock = self.disk.lock()
        try:
            for name in FOLDERS:  # some copying programs skip empty folders
                self.files.make_folder(self.root / name)
            for draft in sorted(own(self.disk.tmp.iterdir())):
                recover_draft(draft, self.disk)
            self._amend(axis=self.axis, branches=self.branches())
            for digest in self.steps.requests():
                if self._needs_no_resume(self.steps.for_request(digest)):
                    self.steps.forget_request(digest)
        except BaseException:
            lock.release()
            raise
        return lock

    def _needs_no_resume(self, number: int | None) -> bool:
        """Whether a step in pending/ needs no resuming: it has its outcome, or no head can continue with it."""
        if number is None or not self.steps.is_finished(number):
            return number is None
        record = self.steps.record(number)
        heads = {self.read_head(branch) for branch in (None, *self.branches())}
        return record["status"] == "refused" or number in heads or record["parent"] not in heads

    # Heads

    @property
    def axis(self) -> str | None:
        """The axis along which this session grows; None before its first commit."""
        axis = self.disk.read_record(self.root / "session.json")["axis"]
        if axis is None:
            mode = self.steps.record(self.head).get("mode")
            axis = None if mode is None else Mode(mode).axis
        return None if axis is None else str(axis)

    def require_axis(self, mode: Mode) -> None:
        """Check that the canvas may grow in `mode`.

        Raises:
            CanvasError: it grows along the other axis.
        """
        axis = self.axis
        if axis is not None and axis != mode.axis:
            others = " or ".join(other for other in Mode if other.axis == axis)
            raise CanvasError(
                f"{self.root} grows along {axis} since its first step; {mode} grows along {mode.axis}: "
                f"use {others}, or make another session"
            )

    def fix_axis(self, axis: str) -> None:
        """Record the axis of the first commit; later calls change nothing."""
        self._amend(axis=self.axis or axis)

    def _amend(self, **changes: object) -> None:
        """Update session.json where it differs from `changes`."""
        path = self.root / "session.json"
        session = self.disk.read_record(path)
        if self.files.cannot_sync_folders:
            changes["folder_sync"] = NO_FOLDER_SYNC
        if session != session | changes:
            self.disk.write(path, seal(session | changes))

    @property
    def head(self) -> int:
        """The step of the current head."""
        return self.read_head(self.branch)

    def read_head(self, branch: str | None) -> int:
        """The step of HEAD (None) or heads/`branch`, checked against that step's record.

        Raises:
            SessionDamagedError: the head is unreadable, or disagrees with the record.
        """
        path = self._head_path(branch)
        head = parse_head(self.disk.read(path))
        if head is None:
            raise SessionDamagedError(f"{path} is not a head; `verify` describes the damage")
        if not head.belongs_to(head_path(branch)):
            raise SessionDamagedError(f"{path} holds the line of {head.path}; `verify --repair` may put it back")
        if self.disk.hash_of(self.steps.folder(head.step) / "step.json") != head.record_sha256:
            raise SessionDamagedError(f"{path} and step {head.step} disagree; `verify` describes the damage")
        return head.step

    def move_head(self, number: int) -> None:
        """Point the current head at a step; this write alone commits a step or undoes a commit."""
        sealed = self.disk.read(self.steps.folder(number) / "step.json")
        self._write_head(self.branch, number, sealed)

    def make_branch(self, name: str, number: int) -> None:
        """Make heads/`name`, pointing at a committed step.

        Raises:
            UsageError: an invalid name, an existing branch, or a step that is not committed.
        """
        if not BRANCH_NAME.fullmatch(name) or is_foreign(name):
            raise UsageError(f"bad branch name {name!r}: use letters, digits, dot, dash and underscore, up to 64")
        if self._head_path(name).exists():
            there = self._in_another_case(name) or f"branch {name!r} exists already in {self.root}"
            raise UsageError(f"{there}: choose another name")
        sealed = self.disk.read(self.require_committed(number) / "step.json")
        self._write_head(name, number, sealed)
        self._amend(branches=self.branches())

    def branches(self) -> list[str]:
        """The names under heads/, sorted."""
        return branch_names(self.root)

    def _in_another_case(self, name: str) -> str:
        """What a disk that takes upper and lower case for the same calls the branch `name`; "" for its own name."""
        same = [branch for branch in self.branches() if branch.casefold() == name.casefold()]
        if not same or name in same:
            return ""
        return f"this disk takes upper and lower case for the same, and the branch is {same[0]!r}"

    def _head_path(self, branch: str | None) -> Path:
        return self.root / head_path(branch)

    def _write_head(self, branch: str | None, number: int, sealed: bytes) -> None:
        line = head_line(head_path(branch), number, sealed)
        self.disk.write(self._head_path(branch), line)

    def require_committed(self, number: int) -> Path:
        """The folder of step `number`.

        Raises:
            UsageError: the step does not exist or is not committed.
        """
        if not self.steps.is_finished(number) or self.steps.record(number)["status"] != "committed":
            raise UsageError(f"step {number} of {self.root} glued nothing or does not exist: see `log`")
        return self.steps.folder(number)

    # Pixels

    def add_strip(self, data: bytes) -> None:
        """Store a PNG as a strip, unless an intact copy exists; durable on return."""
        digest = sha256(data)
        path = self.strip_path(digest)
        if not path.is_file() or path.stat().st_size != len(data) or sha256(read_file(path)) != digest:
            self.disk.write(path, data)

    def strip_path(self, digest: str) -> Path:
        """The file of the strip with this hash."""
        return self.root / "strips" / f"{digest}.png"

    def read_strip(self, piece: Piece) -> Image.Image:
        """Read the pixels of a piece, RGB, and check its hash.

        Raises:
            SessionDamagedError: the file is missing, altered, or differs from its record.
        """
        path = self.strip_path(piece.sha256)
        data = read_file(path)
        if sha256(data) != piece.sha256:
            raise SessionDamagedError(f"{path} was altered; `verify --repair` may restore it")
        try:
            image = decode_png(data)
        except (OSError, SyntaxError, ValueError) as error:
            raise SessionDamagedError(f"{path} is no picture ({error})") from error
        if piece.within is not None:
            image = image.crop(piece.within)
        if image.mode != "RGB" or image.size != piece.size:
            raise SessionDamagedError(f"{path} is {image.mode} {image.size}, the record says RGB {piece.size}")
        return image

    def canvas_box(self, number: int) -> Box:
        """The box of step `number`'s canvas, in signed coordinates."""
        return box_of(self.steps.record(number)["canvas"])

    def band_origin(self, number: int, mode: Mode) -> tuple[int, int]:
        """(x, y) of the top left pixel of the band that `frontier` gives, in signed coordinates."""
        canvas = self.canvas_box(number)
        band = self.contract.frame(mode, canvas.size).band
        return canvas.left + band.left, canvas.top + band.top

    def frontier(self, number: int, mode: Mode) -> Image.Image:
        """The band of step `number`'s canvas for growth in `mode`, RGB, own orientation."""
        x, y = self.band_origin(number, mode)
        band = Image.new("RGB", self.contract.band_size(mode))
        images = {}
        record = self.steps.record(number)
        pending = pending_at(record, mode.side)
        tips = [Piece.from_record(entry) for entry in reversed(record["tips"][mode.side])]
        for piece in [*tips, *([pending] if pending else [])]:  # a strip may lie over the seed picture
            image = self._decoded.get(piece.sha256) or self.read_strip(piece)
            band.paste(image, (piece.origin[0] - x, piece.origin[1] - y))
            images[piece.sha256] = image
        self._decoded = images
        return band

    def zone_px(self, number: int, mode: Mode, seed_px: int) -> int:
        """The width in pixels of the zone in which a step after `number` in `mode` may cut; see `zone_width`."""
        return zone_width(self.steps.record(number), mode, self.contract, seed_px)

    def pieces(self, number: int) -> Iterator[tuple[int, Piece]]:
        """Yield (step, piece) for all pieces of step `number`'s canvas, newest first, seed last; they do not overlap.

        The pending piece at an end belongs to the newest step at that end.
        """
        step, record = number, self.steps.record(number)
        pending_sides = {side for side in ("low", "high") if pending_at(record, side)}
        visible_seed = box_of(record["canvas"])  # the part of the seed picture that no strip covers
        while True:
            record = self.steps.record(step)
            piece = Piece.from_record(record["strip"])
            if record["parent"] is None:
                yield step, piece.shown_in(visible_seed)
                return
            mode = Mode(record["mode"])
            pending = pending_at(record, mode.side) if mode.side in pending_sides else None
            if pending is not None:
                pending_sides.remove(mode.side)
                yield step, pending
            yield step, piece
            visible_seed = beyond(visible_seed, piece.box, mode)
            step = record["parent"]


def _contract(session: Record, root: Path) -> TileContract:
    try:
        return TileContract(**session["contract"])
    except (TypeError, KeyError, ContractError) as error:
        raise SessionDamagedError(f"{root / 'session.json'} holds no valid contract: {error}") from error
