"""The verbs that read."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from exquisite.geometry.measures.trend import TRENDS
from tests.cli.conftest import SIZES, Cli
from tests.support.fading import Fading
from tests.support.pictures import noise


@pytest.fixture
def two_steps(session: Cli) -> Cli:
    """A session of two steps, one to each side."""
    for mode in ("x_ltr", "x_rtl"):
        assert session("step", "ink", mode, "--gate", "none", "--candidates", "1").code == 0
    return session


def test_status_shows_the_place_of_the_canvas(two_steps: Cli) -> None:
    result = two_steps("status", "ink")
    assert "canvas      96x64, its top left at -16,0" in result.out
    assert "head        step 2" in result.out
    data = two_steps("status", "ink", "--json").data[0]
    assert (data["canvas_size"], data["canvas_origin"], data["axis"]) == ([96, 64], [-16, 0], "x")


def test_log_lists_steps_newest_first(two_steps: Cli) -> None:
    assert [data["step"] for data in two_steps("log", "ink", "--json").data] == [2, 1, 0]
    lines = two_steps("log", "ink", "--limit", "1").out.splitlines()
    assert len(lines) == 1
    assert lines[0].split()[:2] == ["2", "x_rtl"]


def test_log_refuses_a_limit_below_one(two_steps: Cli) -> None:
    result = two_steps("log", "ink", "--limit", "0")
    assert (result.code, result.out) == (2, "")


def test_status_log_and_a_step_report_the_drift_of_style(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    picture = noise((64 + 8 * 16 + 32, 64), 5)
    monkeypatch.setattr("exquisite.api.mock.MockTileGenerator", lambda **_: Fading(picture, (0, 0), 0.9, 1.0))
    picture.crop((0, 0, 64, 64)).save("noise.png")
    words = ("--canvas", "noise.png", "--contract", SIZES, "--gate", "none", "--candidates", "1", "--steps", "8")
    result = cli("step", "ink", "x_ltr", *words)
    assert "the style drifts away from the seed picture: contrast -" in result.err
    status = cli("status", "ink")
    assert "right drifts: contrast -" in status.out
    assert "--anchor 0.25 counteracts it" in status.out
    (data,) = cli("status", "ink", "--json").data
    assert {one["name"] for one in data["style"]["x_ltr"]} == set(TRENDS)
    assert "; since the seed contrast -" in cli("log", "ink", "--limit", "1").out


class TestExport:
    def test_writes_the_whole_canvas(self, two_steps: Cli, folder: Path) -> None:
        result = two_steps("export", "ink", "wide.png")
        printed = "in print 1.6 x 1.1 cm at 150 dpi, 0.8 x 0.5 cm at 300 dpi"
        assert (result.code, result.out) == (0, f"wide.png: 96x64, {printed}\n")
        with Image.open(folder / "wide.png") as wide, Image.open(folder / "ink.png") as seed:
            assert wide.crop((16, 0, 80, 64)).tobytes() == seed.convert("RGB").tobytes()

    def test_replaces_nothing_without_the_flag(self, two_steps: Cli, folder: Path) -> None:
        before = (folder / "ink.png").read_bytes()
        result = two_steps("export", "ink", "ink.png")
        assert (result.code, "--force" in result.err) == (2, True)
        assert (folder / "ink.png").read_bytes() == before
        assert two_steps("export", "ink", "ink.png", "--force").code == 0
        with Image.open(folder / "ink.png") as wide:
            assert wide.size == (96, 64)

    def test_writes_a_deep_zoom_picture_with_a_viewer(self, two_steps: Cli, folder: Path) -> None:
        result = two_steps("export", "ink", "wide.dzi", "--tiles", "png", "--json")
        assert result.code == 0
        assert result.data[0]["size"] == [96, 64]
        assert {"wide.dzi", "wide.html", "wide_files"} <= {path.name for path in folder.iterdir()}
        assert "look: wide.html" in result.err
        assert two_steps("export", "ink", "wide.dzi").code == 2
        assert two_steps("export", "ink", "wide.dzi", "--force").code == 0

    def test_says_the_printed_size_of_a_part(self, two_steps: Cli) -> None:
        result = two_steps("export", "ink", "part.png", "--crop", "0,0,60,30", "--scale", "2", "--dpi", "60")
        assert result.out.startswith("part.png: 120x60, in print 5.1 x 2.5 cm at 60 dpi, 2.0 x 1.0 cm at 150 dpi,")

    def test_warns_of_a_png_too_long_for_many_programs(self, two_steps: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("exquisite.cli.looking.SIDE_READ_PX", 90)
        assert ".dzi" in two_steps("export", "ink", "wide.png").err
        assert ".dzi" not in two_steps("export", "ink", "small.png", "--scale", "0.5").err

    @pytest.mark.parametrize("crop", ["1,2,3", "a,b,c,d", "0,0,97,64"])
    def test_refuses_an_invalid_crop(self, two_steps: Cli, folder: Path, crop: str) -> None:
        assert two_steps("export", "ink", "part.png", "--crop", crop).code == 2
        assert not (folder / "part.png").exists()

    @pytest.mark.parametrize("name", ["wide.jpg", "wide", "."])
    def test_writes_png_and_dzi_only(self, two_steps: Cli, name: str) -> None:
        assert two_steps("export", "ink", name).code == 2


class TestVerify:
    def test_finds_nothing_in_a_sound_session(self, two_steps: Cli) -> None:
        result = two_steps("verify", "ink")
        assert (result.code, result.out) == (0, "every file is as it was written\n")
        assert "files checked" in result.err

    def test_names_a_damaged_file_and_its_consequence(self, two_steps: Cli, folder: Path) -> None:
        path = next((folder / "ink" / "steps" / "000001").rglob("tile_out_raw.png"))
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
        result = two_steps("verify", "ink")
        assert result.code == 7
        assert "tile_out_raw.png" in result.out
        assert "next: exquisite verify ink --repair" in result.err
        repair = two_steps("verify", "ink", "--repair", "--json")
        assert (repair.code, [finding["repaired"] for finding in repair.data[0]["findings"]]) == (0, [True])
        assert two_steps("verify", "ink").out == "every file is as it was written\n"

    def test_works_where_a_session_cannot_be_opened(self, two_steps: Cli, folder: Path) -> None:
        (folder / "ink" / "HEAD").write_text("somewhere")
        assert two_steps("status", "ink").code == 7
        assert "HEAD" in two_steps("verify", "ink").out
