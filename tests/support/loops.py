"""Canvases that one step can close: a periodic picture, and sessions that lack the last part of a period."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image, ImageChops

from exquisite import Mode, Session, StepResult, TileContract
from tests.support.faulty_files import QuickFiles
from tests.support.generators import Truth
from tests.support.pictures import draw
from tests.support.tiny import pixels_of

__all__ = [
    "CONTRACT",
    "MIDDLE",
    "OTHER",
    "PERIOD",
    "SEED_PX",
    "SOFT",
    "canvas_at",
    "canvas_image",
    "displace",
    "endless",
    "grow",
    "origin_of",
    "truth",
]

CONTRACT = TileContract(96, 32, 16, 24, across_px=48)
MIDDLE = 32
SEED_PX, STEPS = 64, 2
PERIOD = SEED_PX + STEPS * CONTRACT.advance_px + MIDDLE
SOFT = 8
BASE = draw("foliage", (PERIOD, CONTRACT.across_px), 3)
OTHER = draw("pencil", (MIDDLE // 2, CONTRACT.across_px), 1)


def endless(mode: Mode, base: Image.Image = BASE) -> Image.Image:
    """A picture with five periods along the axis of `mode`."""
    row = Image.new("RGB", (5 * base.width, base.height))
    for left in range(0, row.width, base.width):
        row.paste(base, (left, 0))
    return row if mode.axis == "x" else row.transpose(Image.Transpose.TRANSPOSE)


def origin_of(mode: Mode) -> tuple[int, int]:
    x, y = CONTRACT.oriented((2 * PERIOD + 10, 0), mode)
    return x, y


def displace(tile: Image.Image, number: int) -> Image.Image:
    """A redraw that is displaced by a pixel along both axes."""
    return ImageChops.offset(tile, 1, 1 + number)


Damage = Callable[[Image.Image, int], Image.Image]


def truth(mode: Mode, damage: Damage = lambda tile, _number: tile) -> Truth:
    return Truth(endless(mode), origin_of(mode), damage)


def canvas_at(root: Path, mode: Mode = Mode.X_LTR, modes: tuple[Mode, ...] = (), **options: Any) -> Session:
    """A session that lacks MIDDLE pixels of a whole period of the endless picture."""
    x, y = origin_of(mode)
    width, height = CONTRACT.oriented((SEED_PX, CONTRACT.across_px), mode)
    session = Session.create(root, endless(mode).crop((x, y, x + width, y + height)), CONTRACT, files=QuickFiles())
    for way in modes or (mode, mode.opposite):
        grow(session, way, **options)
    return session


def grow(session: Session, mode: Mode, damage: Damage = lambda tile, _n: tile, **options: Any) -> StepResult:
    defaults: dict[str, Any] = {"candidates": 1, "gate": None, "calibrate": False}
    return session.step(mode, truth(mode, damage), **(defaults | options))


def canvas_image(session: Session) -> Image.Image:
    size, data = pixels_of(session.root, session.store.branch)
    return Image.frombytes("RGB", size, data)
