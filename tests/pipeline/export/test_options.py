"""Exports of a part, another size or a printed size; invalid options are refused before anything is written."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageChops

from exquisite.contract import Box
from exquisite.errors import UsageError
from exquisite.pipeline.export import ExportOptions, exported_size, printed_cm, view
from exquisite.pipeline.session import Session
from tests.support.faulty_files import QuickFiles
from tests.support.tiny import TINY, grow, make_session, pixels_of, seed_picture

MODES = {"x": ("x_ltr", "x_rtl", "x_ltr"), "y": ("y_btt", "y_ttb", "y_ttb"), "seed alone": ()}
CROPS = {"inside one strip": (3, 4, 7, 9), "across strips": (2, 1, 31, 30), "one pixel": (31, 31, 32, 32)}


def canvas_of(root: Path) -> Image.Image:
    """The whole canvas, put together without the exporter."""
    size, pixels = pixels_of(root)
    return Image.frombytes("RGB", size, pixels)


def soft_session(root: Path, modes: tuple[str, ...]) -> Session:
    """A session whose levels stay far from black and white, where a filter that overshoots would be cut off."""
    seed = seed_picture(TINY.tile_px, TINY.tile_px).point(lambda level: 80 + level // 3)
    session = Session.create(root, seed, TINY, files=QuickFiles())
    for mode in modes:
        grow(session, mode)
    return session


def load(path: Path) -> Image.Image:
    """A written PNG, loaded."""
    with Image.open(path, formats=("PNG",)) as image:
        image.load()
        return image.copy()


@pytest.mark.parametrize("modes", MODES.values(), ids=MODES)
@pytest.mark.parametrize("crop", CROPS.values(), ids=CROPS)
def test_a_crop_is_that_part_of_the_canvas(
    tmp_path: Path, modes: tuple[str, ...], crop: tuple[int, int, int, int]
) -> None:
    session = make_session(tmp_path / "s", modes, files=QuickFiles())
    session.export(tmp_path / "out.png", crop=crop)
    assert load(tmp_path / "out.png").tobytes() == canvas_of(tmp_path / "s").crop(crop).tobytes()


@pytest.mark.parametrize("modes", MODES.values(), ids=MODES)
@pytest.mark.parametrize("scale", [0.37, 0.5, 1.6])
def test_a_scaled_canvas_is_the_whole_one_resized_at_once(
    tmp_path: Path, modes: tuple[str, ...], scale: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To a level or two of 255: Pillow rounds between rows and columns, and takes first what is cheaper for a block."""
    monkeypatch.setattr(view, "_BLOCK_PX", 7)
    session = soft_session(tmp_path / "s", modes)
    session.export(tmp_path / "out.png", scale=scale)
    whole = canvas_of(tmp_path / "s")
    size = exported_size((0, 0, *whole.size), scale)
    expected = whole.resize(size, Image.Resampling.LANCZOS)
    picture = load(tmp_path / "out.png")
    assert picture.size == size
    assert max(high for _, high in ImageChops.difference(picture, expected).getextrema()) <= 2  # type: ignore[misc]


def test_crop_and_scale_go_together(tmp_path: Path) -> None:
    """First the part, then its size: nothing outside the part reaches the edge."""
    session = soft_session(tmp_path / "s", ("x_ltr",))
    session.export(tmp_path / "out.png", crop=(4, 4, 36, 28), scale=0.5)
    expected = canvas_of(tmp_path / "s").crop((4, 4, 36, 28)).resize((16, 12), Image.Resampling.LANCZOS)
    picture = load(tmp_path / "out.png")
    assert picture.size == (16, 12)
    assert max(high for _, high in ImageChops.difference(picture, expected).getextrema()) <= 2  # type: ignore[misc]


@pytest.mark.parametrize("crop", [(0, 0, 0, 5), (5, 5, 4, 9), (-1, 0, 5, 5), (0, 0, 33, 5), (0, 30, 5, 33)])
def test_an_invalid_crop_is_refused(tmp_path: Path, crop: tuple[int, int, int, int]) -> None:
    session = make_session(tmp_path / "s", files=QuickFiles())
    with pytest.raises(UsageError, match="LEFT,TOP,RIGHT,BOTTOM"):
        session.export(tmp_path / "out.png", crop=crop)
    assert [path.name for path in tmp_path.iterdir()] == ["s"]


def test_dpi_is_written_as_pixels_a_metre(tmp_path: Path) -> None:
    session = make_session(tmp_path / "s", files=QuickFiles())
    session.export(tmp_path / "out.png", dpi=72)
    data = (tmp_path / "out.png").read_bytes()
    at = data.index(b"pHYs") + 4
    assert struct.unpack(">IIB", data[at : at + 9]) == (2835, 2835, 1)
    assert load(tmp_path / "out.png").info["dpi"] == pytest.approx((72, 72), abs=0.01)
    session.export(tmp_path / "plain.png")
    assert b"pHYs" not in (tmp_path / "plain.png").read_bytes()


def test_a_printed_size_is_pixels_over_dots_an_inch() -> None:
    assert printed_cm((300, 600), 300) == pytest.approx((2.54, 5.08))


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("out.jpg", {}, r"ends in \.png or \.dzi"),
        ("out.png", {"format": "dzi"}, r"ends in \.dzi"),
        ("out.dzi", {"format": "png"}, r"ends in \.png"),
        ("out.dzi", {"dpi": 300}, "cannot store a resolution"),
        ("out.png", {"dpi": 0}, "pixels an inch"),
        ("out.png", {"dpi": 1e12}, "pixels an inch"),
        ("out.png", {"dpi": float("inf")}, "pixels an inch"),
        ("out.png", {"dpi": "300"}, "pixels an inch"),
        ("out.png", {"scale": 0}, "factor above 0"),
        ("out.png", {"scale": float("inf")}, "factor above 0"),
        ("out.png", {"scale": "2"}, "factor above 0"),
        ("out.png", {"crop": (0, 0, 8.5, 8)}, "LEFT,TOP,RIGHT,BOTTOM"),
        ("out.png", {"crop": (0, 0, 8)}, "LEFT,TOP,RIGHT,BOTTOM"),
        ("out.dzi", {"tiles": "gif"}, "jpeg, png"),
        ("out.png", {"format": "tiff"}, "png, dzi"),
        ("out.png", {"colour": "red"}, "unknown export option 'colour'"),
    ],
)
def test_invalid_options_are_refused(tmp_path: Path, name: str, options: dict[str, Any], message: str) -> None:
    session = make_session(tmp_path / "s", files=QuickFiles())
    with pytest.raises(UsageError, match=message):
        session.export(tmp_path / name, **options)
    assert [path.name for path in tmp_path.iterdir()] == ["s"]


def test_the_format_follows_the_name() -> None:
    assert ExportOptions().format_of(Path("a.PNG")) == "png"
    assert ExportOptions().format_of(Path("a.dzi")) == "dzi"


def test_a_picture_of_a_part_is_expected_to_take_half_more_than_its_share_of_the_strips(tmp_path: Path) -> None:
    session = make_session(tmp_path / "s", ("x_ltr",), files=QuickFiles())
    stored = sum(path.stat().st_size for path in (tmp_path / "s" / "strips").iterdir())
    canvas = view.CanvasView(session.store, session.head)
    assert canvas.likely_bytes == round(1.5 * stored)
    half = view.CanvasView(session.store, session.head, Box(0, 0, 20, 32))
    assert half.likely_bytes == round(1.5 * stored / 2)
