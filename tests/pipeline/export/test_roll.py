"""A closed canvas, rolled: its ends meet inside the picture, in every format and along either axis."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image, ImageChops

from exquisite import Mode, Session
from exquisite.cli import main
from exquisite.errors import UsageError
from exquisite.pipeline.export import view
from tests.support.loops import PERIOD, canvas_at, canvas_image, displace, grow

every_axis = pytest.mark.parametrize("mode", [Mode.X_LTR, Mode.Y_BTT])


def loop_at(root: Path, mode: Mode = Mode.X_LTR) -> Session:
    """A closed canvas whose two ends differ from what was drawn beside them by a pixel each way."""
    session = canvas_at(root, mode, soften_px=8)
    grow(session, mode, displace, close=True)
    return session


def roll_canvas(session: Session, px: int) -> Image.Image:
    """The canvas rolled in memory."""
    x, y = (px, 0) if session.axis == "x" else (0, px)
    return ImageChops.offset(canvas_image(session), x, y)


def load(path: Path) -> Image.Image:
    with Image.open(path) as image:
        image.load()
        return image.copy()


@every_axis
@pytest.mark.parametrize("px", [0, 1, 50, PERIOD // 2, PERIOD - 1, PERIOD, -7, 3 * PERIOD + 9])
def test_a_roll_turns_the_canvas_by_so_many_pixels(tmp_path: Path, mode: Mode, px: int) -> None:
    session = loop_at(tmp_path / "s", mode)
    picture = load(session.export(tmp_path / "out.png", roll=px))
    assert picture.size == session.canvas_size
    assert picture.tobytes() == roll_canvas(session, px).tobytes()


@every_axis
def test_a_crop_counts_in_the_rolled_canvas(tmp_path: Path, mode: Mode) -> None:
    session = loop_at(tmp_path / "s", mode)
    along = slice(30, 70)
    crop = (along.start, 5, along.stop, 40) if mode.axis == "x" else (5, along.start, 40, along.stop)
    picture = load(session.export(tmp_path / "out.png", roll=50, crop=crop))
    assert picture.tobytes() == roll_canvas(session, 50).crop(crop).tobytes()


@every_axis
def test_a_scaled_roll_is_the_rolled_canvas_resized(
    tmp_path: Path, mode: Mode, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To a level or two of 255, as without a roll; the filter reaches across the junction."""
    monkeypatch.setattr(view, "_BLOCK_PX", 7)
    session = loop_at(tmp_path / "s", mode)
    picture = load(session.export(tmp_path / "out.png", roll=50, scale=0.5))
    whole = roll_canvas(session, 50).resize(picture.size, Image.Resampling.LANCZOS)
    assert max(high for _, high in ImageChops.difference(picture, whole).getextrema()) <= 2  # type: ignore[misc]


@every_axis
def test_the_tiles_of_a_deep_zoom_picture_are_rolled_too(tmp_path: Path, mode: Mode) -> None:
    session = loop_at(tmp_path / "s", mode)
    session.export(tmp_path / "out.dzi", roll=50, tiles="png")
    level = max(int(folder.name) for folder in (tmp_path / "out_files").iterdir())
    assert load(tmp_path / f"out_files/{level}/0_0.png").tobytes() == roll_canvas(session, 50).tobytes()


def test_an_open_canvas_is_not_rolled(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    session = canvas_at(tmp_path / "s")
    with pytest.raises(UsageError, match="only a closed loop can be rolled"):
        session.export(tmp_path / "out.png", roll=5)
    with pytest.raises(UsageError, match=r"roll must be a whole number of pixels, not 1\.5"):
        session.export(tmp_path / "out.png", roll=1.5)  # type: ignore[arg-type]
    assert list(tmp_path.glob("*out*")) == []
    grow(session, Mode.X_LTR, close=True)
    assert main(["export", str(session.root), str(tmp_path / "out.png"), "--roll", "72"]) == 0
    assert load(tmp_path / "out.png").tobytes() == roll_canvas(session, 72).tobytes()
