"""The seam sheet: each picture is a row, each way a column, and the seam lies in the middle of each cell."""

import json
from itertools import groupby
from pathlib import Path

from PIL import Image

from tests.benchmarks import seam_sheet
from tests.benchmarks.seam_sheet import COLUMNS, Cell, Row, sheet
from tests.support.redraws import REDRAWS

CELL = Cell((16, 8), 2)


def test_the_seam_lies_in_the_middle_of_each_cell() -> None:
    tile = Image.new("RGB", (64, 32), (255, 0, 0))
    tile.paste((0, 0, 255), (40, 0, 64, 32))
    picture = sheet([Row("step", 40, (tile,) * len(COLUMNS))], CELL)
    middle = picture.crop((0, picture.height - 23, picture.width, picture.height - 22))
    runs = [(color, len(list(run))) for color, run in groupby(middle.get_flattened_data()) if color != (255, 255, 255)]
    assert runs == [((255, 0, 0), 16), ((0, 0, 255), 16)] * len(COLUMNS)


def test_each_row_has_a_cell_for_each_way() -> None:
    (row,) = seam_sheet.rows_of_fixtures(("ripples",))
    assert row.text.splitlines()[0] == "ripples"
    assert len(row.tiles) == len(COLUMNS)
    assert len({tile.tobytes() for tile in row.tiles}) == len(COLUMNS)


def test_real_pairs_are_rows_with_their_verdict_by_eye(tmp_path: Path) -> None:
    redraw = REDRAWS[0]
    box = (0, 0, 128, 128)
    redraw.original.crop(box).save(tmp_path / "one.input.webp", lossless=True)
    redraw.output.crop(box).save(tmp_path / "one.raw.webp", lossless=True)
    record = {"name": "one", "mode": redraw.mode, "eye": "invisible"}
    (tmp_path / "pairs.json").write_text(json.dumps([record]), "utf-8")
    out = tmp_path / "sheet.png"
    assert seam_sheet.main([str(out), "--real", str(tmp_path)]) == 0
    with Image.open(out) as picture:
        assert picture.width > len(COLUMNS) * seam_sheet.PAIRS.drawn_size[0]
        assert picture.height > seam_sheet.PAIRS.drawn_size[1]
    (row,) = seam_sheet.rows_of_pairs(tmp_path)
    assert row.text.splitlines()[:2] == ["one", "invisible"]
    assert row.band_px == 64
