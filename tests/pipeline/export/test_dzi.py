"""Every tile of a Deep Zoom picture is a part of the canvas at its level; a broken export leaves nothing behind."""

from __future__ import annotations

import contextlib
import itertools
import json
import re
import shutil
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from PIL import Image, ImageChops, ImageStat
from PIL.JpegImagePlugin import JpegImageFile

from exquisite.errors import SessionDamagedError, SessionLockedError, StorageError, UsageError
from exquisite.files import Files
from exquisite.pipeline.export import dzi
from exquisite.pipeline.session import Session
from tests.support.faulty_files import Fault, FaultyFiles, PowerLossFiles, QuickFiles
from tests.support.tiny import TINY, make_session, pixels_of

MODES = {"x": ("x_ltr", "x_rtl", "x_ltr"), "y": ("y_btt", "y_ttb", "y_ttb"), "seed alone": ()}


@pytest.fixture(autouse=True)
def small_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tiles of 10 px, so that a canvas of 56 px has many."""
    monkeypatch.setattr(dzi, "_TILE_PX", 10)


class Pyramid:
    """A Deep Zoom picture, read by what its descriptor says and nothing else."""

    def __init__(self, path: Path) -> None:
        image = ElementTree.fromstring(path.read_bytes())
        (size,) = image
        self.size = (int(size.attrib["Width"]), int(size.attrib["Height"]))
        self.tile, self.overlap = int(image.attrib["TileSize"]), int(image.attrib["Overlap"])
        self.format = image.attrib["Format"]
        self.folder = path.with_name(f"{path.stem}_files")
        self.top = (max(self.size) - 1).bit_length()

    def size_of(self, level: int) -> tuple[int, int]:
        """(width, height) of a level."""
        shrink = 2 ** (self.top - level)
        return (-(-self.size[0] // shrink), -(-self.size[1] // shrink))

    def tiles(self, level: int) -> dict[tuple[int, int, int, int], Image.Image]:
        """Box in the level -> the tile that the descriptor promises there; no other file may be there."""
        width, height = self.size_of(level)
        tiles = {}
        names = set()
        for column in range(-(-width // self.tile)):
            for row in range(-(-height // self.tile)):
                left, top = max(0, column * self.tile - self.overlap), max(0, row * self.tile - self.overlap)
                right = min(width, (column + 1) * self.tile + self.overlap)
                bottom = min(height, (row + 1) * self.tile + self.overlap)
                names.add(f"{column}_{row}.{self.format}")
                with Image.open(self.folder / str(level) / f"{column}_{row}.{self.format}") as image:
                    tiles[left, top, right, bottom] = image.convert("RGB")
        assert {path.name for path in (self.folder / str(level)).iterdir()} == names
        return tiles


def canvas_of(root: Path) -> Image.Image:
    """The whole canvas, put together without the exporter."""
    size, pixels = pixels_of(root)
    return Image.frombytes("RGB", size, pixels)


@pytest.mark.parametrize("modes", MODES.values(), ids=MODES)
def test_the_tiles_of_the_highest_level_are_the_canvas_and_each_level_is_the_one_above_halved(
    tmp_path: Path, modes: tuple[str, ...]
) -> None:
    session = make_session(tmp_path / "s", modes, files=QuickFiles())
    assert session.export(tmp_path / "out.dzi", tiles="png") == tmp_path / "out.dzi"
    pyramid = Pyramid(tmp_path / "out.dzi")
    assert pyramid.size == session.canvas_size
    expected = canvas_of(tmp_path / "s")
    for level in range(pyramid.top, -1, -1):
        assert expected.size == pyramid.size_of(level)
        for box, tile in pyramid.tiles(level).items():
            assert tile.tobytes() == expected.crop(box).tobytes(), (level, box)
        expected = expected.reduce(2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.dzi", "out.html", "out_files", "s"]
    assert sorted(int(path.name) for path in pyramid.folder.iterdir()) == list(range(pyramid.top + 1))


def test_jpeg_tiles_are_close_to_the_canvas(tmp_path: Path) -> None:
    ramp = Image.linear_gradient("L").resize((40, 32))
    seed = Image.merge("RGB", (ramp, ramp.transpose(Image.Transpose.ROTATE_180), ramp))
    session = Session.create(tmp_path / "s", seed, TINY, files=QuickFiles())
    session.export(tmp_path / "out.dzi")
    pyramid = Pyramid(tmp_path / "out.dzi")
    assert pyramid.format == "jpeg"
    for box, tile in pyramid.tiles(pyramid.top).items():
        difference = ImageChops.difference(tile, canvas_of(tmp_path / "s").crop(box)).convert("L")
        assert ImageStat.Stat(difference).mean[0] < 10


def test_the_viewer_describes_the_picture_and_loads_nothing_else(tmp_path: Path) -> None:
    session = make_session(tmp_path / "s", ("x_ltr",), files=QuickFiles())
    session.export(tmp_path / "a <b>.dzi")
    html = (tmp_path / "a <b>.html").read_text("utf-8")
    (settings,) = re.findall(r"const picture = (\{.*\});", html)
    assert json.loads(settings) == {
        "name": "a <b>", "width": 40, "height": 32, "tileSize": 10, "overlap": 1, "format": "jpeg",
    }  # fmt: skip
    assert "<b>" not in html
    assert not re.search(r"https?://|//[a-z]+\.", html)


def test_an_older_picture_is_replaced_whole(tmp_path: Path) -> None:
    session = make_session(tmp_path / "s", ("x_ltr", "x_ltr"), files=QuickFiles())
    session.export(tmp_path / "out.dzi", tiles="png")
    session.undo()
    session.export(tmp_path / "out.dzi", tiles="png")
    pyramid = Pyramid(tmp_path / "out.dzi")
    assert pyramid.size == (40, 32)
    for level in range(pyramid.top + 1):
        pyramid.tiles(level)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.dzi", "out.html", "out_files", "s"]


@pytest.mark.parametrize(
    ("name", "message"), [("out_files/notes.txt", "other things than tiles"), ("out.html", "viewer")]
)
def test_a_file_that_is_no_export_is_not_replaced(tmp_path: Path, name: str, message: str) -> None:
    session = make_session(tmp_path / "s", files=QuickFiles())
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("mine")
    with pytest.raises(UsageError, match=message):
        session.export(tmp_path / "out.dzi")
    assert (tmp_path / name).read_text() == "mine"
    assert not (tmp_path / "out.dzi").exists()


@pytest.mark.invariant("NO-LITTER")
def test_an_interrupted_export_leaves_the_old_picture_or_the_new_one_and_no_draft(tmp_path: Path) -> None:
    """At every effect: what the descriptor says is there is there."""
    session = make_session(tmp_path / "s", ("x_ltr", "x_rtl"), files=QuickFiles())
    target = tmp_path / "out.dzi"
    session.export(target, tiles="png")
    interruptions = 0
    for at in range(1, 400, 9):
        try:
            Session.open(tmp_path / "s", files=FaultyFiles(Fault(at, "interrupt before"))).export(target, tiles="png")
        except KeyboardInterrupt:
            interruptions += 1
        pyramid = Pyramid(target)
        assert all(pyramid.tiles(level) for level in range(pyramid.top + 1))
    assert interruptions > 10
    Session.open(tmp_path / "s").export(target, tiles="png")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.dzi", "out.html", "out_files", "s"]


@pytest.mark.invariant("NO-LITTER")
def test_a_power_cut_leaves_the_old_picture_or_the_new_one_or_none_and_the_next_export_is_whole(
    tmp_path: Path,
) -> None:
    """A descriptor that is there has all tiles of one picture, after each effect once the drafts are written."""
    run, names = tmp_path / "run", ["out.dzi", "out.html", "out_files", "s"]
    run.mkdir()
    session = make_session(run / "s", ("x_ltr", "x_rtl"), files=QuickFiles())
    new, old = canvas_of(run / "s"), canvas_of(run / "s").crop((0, 0, 30, 32))
    session.export(run / "out.dzi", tiles="png", crop=(0, 0, 30, 32))
    left: list[Path] = []
    effects = itertools.count()

    def power_off(files: PowerLossFiles) -> None:
        replacing = (run / ".out.html.part").exists() or (run / ".out.dzi.old").exists()
        if next(effects) % 12 and not replacing:
            return
        place = tmp_path / "left" / str(len(left))
        place.mkdir(parents=True)
        files.survive(place, len(left) % 4)
        left.append(place)

    Session.open(run / "s", files=PowerLossFiles(run, power_off)).export(run / "out.dzi", tiles="png")
    whole = [bool((place / "out.dzi").exists()) for place in left]
    for place, there in zip(left, whole, strict=True):
        if there:
            pyramid = Pyramid(place / "out.dzi")
            expected = new if pyramid.size == new.size else old
            for box, tile in pyramid.tiles(pyramid.top).items():
                assert tile.tobytes() == expected.crop(box).tobytes(), place
            assert all(pyramid.tiles(level) for level in range(pyramid.top))
    for place in [place for place, there in zip(left, whole, strict=True) if not there] + left[:: len(left) // 5]:
        Session.open(place / "s", files=QuickFiles()).export(place / "out.dzi", tiles="png")
        assert Pyramid(place / "out.dzi").size == new.size
        assert sorted(path.name for path in place.iterdir()) == names
    assert 3 < whole.count(False) < len(whole) - 10


@pytest.mark.invariant("NO-LITTER")
def test_an_export_that_fails_brings_the_older_picture_back_after_a_kill_while_it_was_replaced(tmp_path: Path) -> None:
    session = make_session(tmp_path / "s", ("x_ltr",), files=QuickFiles())
    session.export(tmp_path / "out.dzi", tiles="png", crop=(0, 0, 30, 32))
    for name in ("out.dzi", "out_files"):
        (tmp_path / name).rename(tmp_path / f".{name}.old")
    shutil.copytree(tmp_path / ".out_files.old", tmp_path / "out_files")  # the new tiles
    strip = sorted((tmp_path / "s" / "strips").iterdir())[0]
    strip.write_bytes(strip.read_bytes()[:-20])
    with pytest.raises(SessionDamagedError):
        session.export(tmp_path / "out.dzi")
    assert Pyramid(tmp_path / "out.dzi").size == (30, 32)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.dzi", "out.html", "out_files", "s"]


@pytest.mark.invariant("NO-LITTER")
def test_an_interrupted_first_export_leaves_nothing(tmp_path: Path) -> None:
    make_session(tmp_path / "s", files=QuickFiles())
    counting = FaultyFiles()
    Session.open(tmp_path / "s", files=counting).export(tmp_path / "out.dzi", tiles="png")
    for path in tmp_path.glob("out*"):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    for at in [*range(1, counting.count - 16, 11), *range(counting.count - 16, counting.count)]:
        files = FaultyFiles(Fault(at, "interrupt after"))
        with contextlib.suppress(KeyboardInterrupt):
            Session.open(tmp_path / "s", files=files).export(tmp_path / "out.dzi", tiles="png")
        names = sorted(path.name for path in tmp_path.iterdir())
        assert names in (["s"], ["out.dzi", "out.html", "out_files", "s"]), at
        if len(names) > 1:
            break
    assert at > counting.count - 12  # the descriptor exists by then


def test_a_damaged_strip_stops_the_export_and_leaves_no_file(tmp_path: Path) -> None:
    session = make_session(tmp_path / "s", ("x_ltr",), files=QuickFiles())
    strip = sorted((tmp_path / "s" / "strips").iterdir())[0]
    strip.write_bytes(strip.read_bytes()[:-20])
    with pytest.raises(SessionDamagedError, match=strip.name):
        session.export(tmp_path / "out.dzi")
    assert [path.name for path in tmp_path.iterdir()] == ["s"]


def test_two_exports_to_one_target_do_not_mix(tmp_path: Path) -> None:
    session = make_session(tmp_path / "s", ("x_ltr",), files=QuickFiles())
    lock = Files().lock(tmp_path / ".out.dzi.part")
    with pytest.raises(SessionLockedError):
        session.export(tmp_path / "out.dzi")
    lock.release()
    session.export(tmp_path / "out.dzi")


def test_free_space_is_checked_before_anything_is_written(tmp_path: Path) -> None:
    class Full(QuickFiles):
        def free_space(self, folder: Path) -> int:
            return 100

    make_session(tmp_path / "s", ("x_ltr",), files=QuickFiles())
    with pytest.raises(StorageError, match=r"are needed.*free some space"):
        Session.open(tmp_path / "s", files=Full()).export(tmp_path / "out.dzi")
    assert [path.name for path in tmp_path.iterdir()] == ["s"]


def test_jpeg_tiles_hold_colour_at_half_the_resolution(tmp_path: Path) -> None:
    """The sampling factors of the three components (ITU-T T.81, A.1.1), as the default of libvips has them."""
    make_session(tmp_path / "s", ("x_ltr",), files=QuickFiles()).export(tmp_path / "out.dzi")
    pyramid = Pyramid(tmp_path / "out.dzi")
    with Image.open(next((pyramid.folder / str(pyramid.top)).iterdir())) as tile:
        assert isinstance(tile, JpegImageFile)
        assert [component[1:3] for component in tile.layer] == [(2, 2), (1, 1), (1, 1)]
