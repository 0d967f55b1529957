"""Sessions with pending zones: steps whose redraw is a few rows off, and what of the canvas is committed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PIL import Image, ImageChops

from exquisite import Session, StepResult, TileContract
from exquisite.contract import Box
from exquisite.pipeline.store.pieces import pending_at

from .faulty_files import QuickFiles
from .generators import Truth
from .pictures import draw

__all__ = [
    "ORIGIN",
    "PICTURE",
    "SEED",
    "SMALL",
    "SOFT",
    "canvas_at",
    "committed_at",
    "grow",
    "lower",
    "lower_by",
    "session_at",
]

SMALL = TileContract(tile_px=64, band_px=32, overlap_px=16, advance_px=16)
ORIGIN = (128, 128)
PICTURE = draw("foliage", (320, 320), 3)
SEED = PICTURE.crop((*ORIGIN, ORIGIN[0] + 64, ORIGIN[1] + 64))
SOFT = 8


def lower(tile: Image.Image, number: int) -> Image.Image:
    """A redraw that is a row too low, and another one for each candidate."""
    return ImageChops.offset(tile, number % 2, 1 + number)


def lower_by(rows: int) -> Truth:
    """A model whose redraw is this many rows too low."""
    return Truth(PICTURE, ORIGIN, lambda tile, _number: ImageChops.offset(tile, 0, rows))


def session_at(root: Path, seed: Image.Image = SEED) -> Session:
    """A session that begins in the middle of PICTURE."""
    return Session.create(root, seed, SMALL, files=QuickFiles())


def grow(session: Session, mode: str, generator: Truth | None = None, **options: Any) -> StepResult:
    """A step with a displaced redraw, committed without calibration."""
    defaults: dict[str, Any] = {
        "candidates": 1, "gate": None, "calibrate": False, "artifacts": "none", "soften_px": SOFT,
    }  # fmt: skip
    return session.step(mode, generator or Truth(PICTURE, ORIGIN, lower), **(defaults | options))


def canvas_at(session: Session, box: Box | None = None, step: int | None = None) -> Image.Image:
    """The canvas of a step, by default the newest, with everything that is pending; or `box` of it, signed."""
    number = session.head if step is None else step
    left, top, right, bottom = session.store.canvas_box(number) if box is None else box
    canvas = Image.new("RGB", (right - left, bottom - top))
    for _, piece in session.store.pieces(number):
        canvas.paste(session.store.read_strip(piece), (piece.origin[0] - left, piece.origin[1] - top))
    return canvas


def committed_at(session: Session, step: int | None = None) -> Box:
    """The box of the canvas of a step that no later step may change, in signed coordinates."""
    number = session.head if step is None else step
    record = session.store.steps.record(number)
    left, top, right, bottom = session.store.canvas_box(number)
    across = session.axis == "x"
    if low := pending_at(record, "low"):
        left, top = (low.box.right, top) if across else (left, low.box.bottom)
    if high := pending_at(record, "high"):
        right, bottom = (high.box.left, bottom) if across else (right, high.box.top)
    return Box(left, top, right, bottom)
