"""The pictures under fixtures/: all of them credited, large enough, small enough on disk."""

import re
from pathlib import Path

import pytest
from PIL import Image

from exquisite import Mode
from tests.support import gallery

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures"
README = (FIXTURES / "README.md").read_text(encoding="utf-8")
PICTURES = sorted((FIXTURES / "pictures").iterdir())
MEGABYTE = 1_000_000
DEMO_ORIGIN = (800, 800)
CANVAS_PX = 1024


def named_in_table() -> dict[str, tuple[int, int]]:
    """The files in the table of the README, with the sizes it gives."""
    rows = re.findall(r"^\| `([^`]+)` \|[^|]*\| (\d+)×(\d+) \|", README, re.MULTILINE)
    return {name: (int(width), int(height)) for name, width, height in rows}


def test_the_readme_names_every_file_with_its_size_and_no_other() -> None:
    sizes: dict[str, tuple[int, int]] = {}
    for path in (path for folder in ("pictures", "demo", "redraws") for path in sorted(FIXTURES.glob(f"{folder}/*"))):
        with Image.open(path) as picture:
            sizes[path.relative_to(FIXTURES).as_posix()] = picture.size
    assert sizes == named_in_table()


def test_there_are_at_least_four_pictures() -> None:
    assert len(PICTURES) >= 4


@pytest.mark.parametrize("path", PICTURES, ids=lambda path: path.name)
def test_each_picture_is_wide_and_not_heavy(path: Path) -> None:
    assert path.stat().st_size <= 1.5 * MEGABYTE
    with Image.open(path, formats=("JPEG", "WEBP")) as picture:
        assert picture.mode == "RGB"
        assert picture.width >= 3400
        assert picture.height >= 1024


def test_the_gallery_shows_every_picture_in_every_mode_and_is_small() -> None:
    assert tuple(PICTURES) == gallery.PICTURES
    assert gallery.SHEET.stat().st_size <= 0.3 * MEGABYTE
    cell = gallery.LONG_PX + gallery.GAP
    with Image.open(gallery.SHEET) as sheet:
        assert sheet.size == (len(Mode) * cell + gallery.GAP, len(PICTURES) * cell + gallery.GAP)
    assert f"]({gallery.SHEET.name})" in README


def test_the_demo_canvas_is_the_crop_described_in_the_readme() -> None:
    left, top = DEMO_ORIGIN
    assert f"at ({left}, {top})" in README.split("## The demo")[1]
    with (
        Image.open(FIXTURES / "demo" / "picture.jpg") as picture,
        Image.open(FIXTURES / "demo" / "canvas.png") as canvas,
    ):
        assert (canvas.size, canvas.mode) == ((CANVAS_PX, CANVAS_PX), "RGB")
        crop = picture.crop((left, top, left + CANVAS_PX, top + CANVAS_PX))
        assert crop.tobytes() == canvas.tobytes()
        assert min(left, top) >= 768
        assert min(picture.width - left, picture.height - top) >= CANVAS_PX + 768


def test_the_whole_folder_stays_small() -> None:
    assert sum(path.stat().st_size for path in FIXTURES.rglob("*") if path.is_file()) < 12 * MEGABYTE
