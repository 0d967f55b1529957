"""Only files of known formats are opened, and every problem with one ends in a clear line."""

from __future__ import annotations

import io
import os
import struct
import sys
import warnings
import zlib
from pathlib import Path

import pytest
from PIL import Image

from exquisite.contract import TileContract
from exquisite.errors import PictureError
from exquisite.pipeline.fitting import fit_picture, open_picture
from exquisite.pipeline.fitting.pillow_file import FORMATS
from tests.support.children import run_python
from tests.support.png_reference import chunk
from tests.support.tiny import seed_picture

SMALL = TileContract(64, 32, 16, 16)


def save(tmp_path: Path, name: str) -> Path:
    """A picture of 100x64 in a file."""
    seed_picture(100, 64).save(tmp_path / name)
    return tmp_path / name


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(PictureError, match=r"there is no file .*nothing\.png"):
        open_picture(tmp_path / "nothing.png")


def test_a_folder(tmp_path: Path) -> None:
    with pytest.raises(PictureError, match="is a folder"):
        open_picture(tmp_path)


def test_an_empty_file(tmp_path: Path) -> None:
    (tmp_path / "empty.png").touch()
    with pytest.raises(PictureError, match=r"empty\.png is empty \(0 bytes\)"):
        open_picture(tmp_path / "empty.png")


def test_text_under_a_picture_name(tmp_path: Path) -> None:
    (tmp_path / "notes.png").write_text("buy milk")
    with pytest.raises(PictureError, match=r"not a supported picture \(it begins with b'buy milk'\)"):
        open_picture(tmp_path / "notes.png")


def test_an_unreadable_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    (tmp_path / "locked.png").write_text("shut")
    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(PictureError, match="cannot be read: Permission denied"):
        open_picture(tmp_path / "locked.png")


def test_a_file_cut_short(tmp_path: Path) -> None:
    whole = save(tmp_path, "whole.png").read_bytes()
    path = tmp_path / "cut.png"
    for length in range(1, whole.index(b"IDAT") + 8, 3):
        path.write_bytes(whole[:length])
        with pytest.raises(PictureError, match=r"cut\.png"):
            open_picture(path)


def test_a_bomb_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    header = struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0)
    chunks = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 999)) + chunk(b"IEND", b"")
    (tmp_path / "bomb.png").write_bytes(b"\x89PNG\r\n\x1a\n" + chunks)
    with pytest.raises(PictureError, match=r"holds more than 99,999,\d+ pixels \(60000x60000\)"):
        open_picture(tmp_path / "bomb.png")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes in folders")
def test_a_pipe_or_a_device_is_never_read(tmp_path: Path) -> None:
    """Reading either would never end."""
    os.mkfifo(tmp_path / "pipe.png")
    for path in (tmp_path / "pipe.png", Path("/dev/zero")):
        with pytest.raises(PictureError, match="is a device or a pipe"):
            open_picture(path)


def test_a_path_that_no_file_can_have() -> None:
    with pytest.raises(PictureError, match="cannot be read: embedded null"):
        open_picture("a\0b.png")


def test_a_file_longer_than_the_memory_that_a_picture_may_take_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "long.png"
    with path.open("wb") as file:
        file.truncate(1_000_000_001)  # it takes no space where files may have holes
    with pytest.raises(PictureError, match=r"long\.png has 1,000,000,001 bytes: scale it down or cut it first"):
        open_picture(path)


@pytest.mark.skipif(os.name == "nt" or sys.platform == "darwin", reason="names are text here")
def test_an_undecodable_name_is_recorded_with_escapes(tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.png"))
    seed_picture(100, 64).save(path)
    assert open_picture(path).info["source"]["name"] == "caf\\udce9.png"


def test_no_format_that_runs_a_program_or_never_ends() -> None:
    """PostScript is one; others decode without any bound in plain Python."""
    assert {"PNG", "JPEG", "WEBP", "TIFF", "BMP", "GIF"} <= {"PNG", *FORMATS}
    assert not {"EPS", "WMF", "FITS", "QOI", "BUFR", "GRIB", "HDF5", "MPEG"} & set(FORMATS)


def test_warnings_of_pillow_are_not_shown(tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    """A palette whose transparency is bytes, and EXIF that breaks off: Pillow warns of both."""
    warnings.simplefilter("always")
    picture = seed_picture(100, 64).quantize(8)
    picture.info["transparency"] = bytes(range(8))
    fit_picture(picture, SMALL)
    exif = Image.Exif()
    exif[0x010E] = "a description of some length"
    seed_picture(100, 64).save(tmp_path / "cut.jpg", exif=exif.tobytes()[:-9])
    fit_picture(open_picture(tmp_path / "cut.jpg"), SMALL)
    assert list(recwarn) == []


def test_nothing_of_libtiff_or_of_a_logger_reaches_standard_error(tmp_path: Path) -> None:
    """libtiff writes to the process's own stream, past Python, and Pillow logs; what comes afterwards still arrives."""
    torn, many = tmp_path / "torn.tif", tmp_path / "many.tif"
    Image.linear_gradient("L").resize((100, 64)).save(torn, compression="tiff_lzw")
    data = torn.read_bytes()
    torn.write_bytes(data[:20] + bytes(180) + data[200:])
    seed_picture().save(many)
    samples = struct.pack("<HHI", 277, 3, 1)  # SamplesPerPixel, one value of type SHORT
    assert samples + b"\3\0" in many.read_bytes()
    many.write_bytes(many.read_bytes().replace(samples + b"\3\0", samples + b"\xff\xff"))
    code = (
        "import logging, sys\n"
        "from exquisite.errors import PictureError\n"
        "from exquisite.pipeline.fitting import open_picture\n"
        "for path in sys.argv[1:]:\n"
        "    try: open_picture(path)\n"
        "    except PictureError as error: print(error)\n"
        "logging.getLogger('PIL').error('logged')\n"
        "print('said', file=sys.stderr)"
    )
    process = run_python(code, str(torn), str(many))
    assert [name for name in ("torn.tif", "many.tif") if name not in process.stdout] == []
    assert (process.returncode, process.stderr) == (0, "logged\nsaid\n")


def test_a_wide_canvas_is_no_bomb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pillow warns of a picture above MAX_IMAGE_PIXELS, and warnings are errors here; the limit is left alone."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 64 * 60)
    assert open_picture(save(tmp_path, "wide.png")).size == (100, 64)
    assert Image.MAX_IMAGE_PIXELS == 64 * 60


def test_an_animation_gives_its_first_frame(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    frames = [Image.new("RGB", (64, 64), colour) for colour in ("red", "blue")]
    frames[0].save(buffer, "PNG", save_all=True, append_images=frames[1:])
    (tmp_path / "moving.png").write_bytes(buffer.getvalue())
    assert fit_picture(open_picture(tmp_path / "moving.png"), SMALL).image.getpixel((0, 0)) == (255, 0, 0)
