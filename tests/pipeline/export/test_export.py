"""The exported PNG is the canvas, whatever way it grew; a broken export leaves nothing behind."""

from __future__ import annotations

import random
import zlib
from pathlib import Path

import pytest
from PIL import Image

from exquisite.errors import SessionDamagedError, SessionLockedError, StorageError, UsageError
from exquisite.files import Files
from exquisite.pipeline.export import png as export
from exquisite.pipeline.session import Session
from tests.support.faulty_files import Fault, FaultyFiles, QuickFiles
from tests.support.tiny import make_session, pixels_of


def decode(path: Path) -> tuple[tuple[int, int], bytes]:
    """(size, RGB bytes) of a PNG; it must be RGB itself."""
    with Image.open(path, formats=("PNG",)) as image:
        assert image.mode == "RGB"
        return image.size, image.tobytes()


@pytest.mark.parametrize("section_bytes", [1, 2_500, 1 << 24])
@pytest.mark.parametrize(
    "modes", [(), ("x_ltr", "x_rtl", "x_ltr"), ("y_btt", "y_ttb", "y_ttb")], ids=["seed alone", "across", "down"]
)
def test_the_picture_is_the_canvas(
    tmp_path: Path, modes: tuple[str, ...], section_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pixel for pixel, whether a section holds less than a strip, a few, or all."""
    monkeypatch.setattr(export, "SECTION_BYTES", section_bytes)
    session = make_session(tmp_path / "s", modes, files=QuickFiles())
    assert session.export(tmp_path / "out.png") == tmp_path / "out.png"
    assert decode(tmp_path / "out.png") == pixels_of(tmp_path / "s")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.png", "s"]


def test_grain_and_repeated_lines_each_have_their_best_compression_strategy() -> None:
    """Neither comes out larger than by the usual strategy, and grain comes out clearly smaller."""
    chance = random.Random(1)
    grain = bytes(round(chance.gauss(0, 9)) % 256 for _ in range(200_000))
    lines = chance.randbytes(3000) * 60
    usual = {data: len(export._blocks(data, zlib.Z_DEFAULT_STRATEGY)) for data in (grain, lines)}
    assert len(export._deflate(grain)) < 0.95 * usual[grain]
    assert len(export._deflate(lines)) == usual[lines]
    for data in (grain, lines):
        assert zlib.decompressobj(-zlib.MAX_WBITS).decompress(export._deflate(data)) == data


def test_progress_announces_the_scratch_file_and_ends_at_one(tmp_path: Path) -> None:
    """Fractions never fall; the scratch file is named with its size before anything else happens."""
    session = make_session(tmp_path / "s", ("x_ltr", "x_rtl"), files=QuickFiles())
    reports: list[tuple[str, float]] = []
    session.export(tmp_path / "out.png", progress=lambda message, fraction: reports.append((message, fraction)))
    assert reports[0][0].startswith(f"scratch file {tmp_path / '.out.png.rows'} of")
    assert [fraction for _, fraction in reports] == sorted(fraction for _, fraction in reports)
    assert reports[-1] == (f"wrote {tmp_path / 'out.png'}", 1.0)


def test_free_space_is_checked_before_anything_is_written(tmp_path: Path) -> None:
    """Too little: the message says how much is needed, and nothing was opened."""

    class Full(QuickFiles):
        def free_space(self, folder: Path) -> int:
            return 1000

        def open(self, path: Path) -> None:  # type: ignore[override]
            raise AssertionError(f"{path} was opened")

    make_session(tmp_path / "s", ("x_ltr",), files=QuickFiles())
    with pytest.raises(StorageError, match=r"scratch file beside the target.*free some space"):
        Session.open(tmp_path / "s", files=Full()).export(tmp_path / "out.png")


@pytest.mark.parametrize("name", ["out.jpg", "out", "out.tiff"])
def test_only_png_is_written(tmp_path: Path, name: str) -> None:
    """Another suffix is refused before anything happens."""
    session = make_session(tmp_path / "s", files=QuickFiles())
    with pytest.raises(UsageError, match=r"ends in \.png"):
        session.export(tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == ["s"]


def test_an_invalid_target_is_named(tmp_path: Path) -> None:
    """A folder, or a name in a folder that is not there."""
    session = make_session(tmp_path / "s", files=QuickFiles())
    (tmp_path / "a.png").mkdir()
    with pytest.raises(UsageError, match="it is a folder"):
        session.export(tmp_path / "a.png")
    with pytest.raises(UsageError, match="does not exist"):
        session.export(tmp_path / "none" / "out.png")


@pytest.mark.invariant("NO-LITTER")
def test_an_interrupted_export_leaves_the_old_target_and_nothing_else(tmp_path: Path) -> None:
    """At every effect: the file that was there stays, until the new one replaces it whole."""
    make_session(tmp_path / "s", ("x_ltr", "x_rtl"), files=QuickFiles())
    target = tmp_path / "out.png"
    for at in range(1, 30):
        target.write_bytes(b"an older export")
        try:
            Session.open(tmp_path / "s", files=FaultyFiles(Fault(at, "interrupt before"))).export(target)
        except KeyboardInterrupt:
            pass
        else:
            break
        whole = target.read_bytes() == b"an older export" or decode(target) == pixels_of(tmp_path / "s")
        left = {path.name for path in tmp_path.iterdir()} - {"s", "out.png"}
        leftovers = {".out.png.part", ".out.png.rows"} if at >= 11 else set()
        assert whole
        assert left <= leftovers
        for name in left:
            (tmp_path / name).unlink()
    assert at > 10
    assert decode(target) == pixels_of(tmp_path / "s")


def test_two_exports_to_one_target_do_not_mix(tmp_path: Path) -> None:
    """The second is refused while the first is writing."""
    session = make_session(tmp_path / "s", ("x_ltr",), files=QuickFiles())
    lock = Files().lock(tmp_path / ".out.png.part")
    with pytest.raises(SessionLockedError):
        session.export(tmp_path / "out.png")
    lock.release()
    session.export(tmp_path / "out.png")


def test_a_damaged_strip_stops_the_export_and_leaves_no_file(tmp_path: Path) -> None:
    """The strip is named; there is no half picture."""
    session = make_session(tmp_path / "s", ("x_ltr",), files=QuickFiles())
    strip = sorted((tmp_path / "s" / "strips").iterdir())[0]
    strip.write_bytes(strip.read_bytes()[:-20])
    with pytest.raises(SessionDamagedError, match=strip.name):
        session.export(tmp_path / "out.png")
    assert [path.name for path in tmp_path.iterdir()] == ["s"]
