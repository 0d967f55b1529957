"""The files derived from stored answers show what their names say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image, ImageFilter

from exquisite.contract import Mode, TileContract
from exquisite.geometry.calibration import calibrate_tile
from exquisite.geometry.overlap_score import score_tile
from exquisite.pipeline.session import Session
from exquisite.pixels import laplacian_energy
from tests.support.generators import Truth
from tests.support.pictures import draw

SMALL = TileContract(tile_px=64, band_px=32, overlap_px=16, advance_px=16)
MODE = Mode.X_LTR
FRAME = SMALL.tile_frame(MODE)


@pytest.mark.parametrize("feather_px", [0, 8])
def test_before_is_the_enforced_tile_and_after_the_feathered_one(tmp_path: Path, feather_px: int) -> None:
    """In the pictures, in the figures, and in what is committed: a redraw that is 9 levels too light."""
    picture = draw("clouds", (320, 320), 3)
    session = Session.create(tmp_path / "s", picture.crop((128, 128, 192, 192)), SMALL)
    band = session.frontier(MODE)
    lighter = Truth(picture, (128, 128), lambda tile, _: tile.point(lambda value: min(255, value + 9)))
    session.step(MODE, lighter, candidates=1, calibrate=False, feather_px=feather_px)
    result = session.accept(0)

    def picture_in(name: str) -> Image.Image:
        with Image.open(result.step_dir / name) as image:
            return image.convert("RGB")

    before, after = picture_in("seam_before_feather.png"), picture_in("seam_after_feather.png")
    enforced = picture_in("candidates/0/tile_out_enforced.png")
    assert before.tobytes() == enforced.crop(FRAME.patch).tobytes() != after.tobytes()
    record = session.store.steps.record(result.step_index)
    with Image.open(session.store.strip_path(record["strip"]["sha256"])) as strip:
        growth = (SMALL.overlap_px, 0, SMALL.overlap_px + SMALL.advance_px, 64)
        glued = (after if feather_px else before).crop(growth)
        assert strip.convert("RGB").tobytes() == glued.tobytes()

    feather = json.loads((result.step_dir / "score.json").read_text())["feather"]
    zone_px = feather_px or 2
    zone = (SMALL.overlap_px, 0, SMALL.overlap_px + zone_px, 64)
    assert (feather["applied"], feather["feather_px"]) == (bool(feather_px), zone_px)
    assert feather["before"]["sharpness"] == pytest.approx(laplacian_energy(before.crop(zone)))
    assert feather["after"]["sharpness"] == pytest.approx(laplacian_energy(after.crop(zone)))
    feathered = enforced.copy()
    feathered.paste(after, FRAME.patch.origin)
    assert feather["before"]["seam"] == pytest.approx(score_tile(band, enforced, MODE, SMALL).primary)
    assert feather["after"]["seam"] == pytest.approx(score_tile(band, feathered, MODE, SMALL).primary)
    assert feather["before"]["seam"] < feather["after"]["seam"]


def test_the_feather_is_scored_with_the_calibration_like_the_seam_without_it(tmp_path: Path) -> None:
    """What a redraw excuses at the seam (`expected_departures`) it excuses with a feather too."""
    picture = draw("clouds", (320, 320), 3)
    session = Session.create(tmp_path / "s", picture.crop((128, 128, 192, 192)), SMALL)
    band = session.frontier(MODE)
    session.step(MODE, Truth(picture, (128, 128), lambda tile, _: _softer_and_lighter(tile)), candidates=1)
    result = session.accept(0, feather_px=8)
    folder = result.step_dir
    with Image.open(folder / "candidates/0/tile_out_raw.png") as image:
        calibration = calibrate_tile(image.convert("RGB"), band, MODE, SMALL)
    with Image.open(folder / "candidates/0/tile_out_enforced.png") as image:
        enforced = image.convert("RGB")
    feathered = enforced.copy()
    with Image.open(folder / "seam_after_feather.png") as image:
        feathered.paste(image.convert("RGB"), FRAME.patch.origin)
    feather = json.loads((folder / "score.json").read_text())["feather"]
    for name, tile in (("before", enforced), ("after", feathered)):
        score = score_tile(band, tile, MODE, SMALL, calibration)
        assert feather[name]["seam"] == pytest.approx(score.metrics["seam"])
        assert score.metrics["seam"] != pytest.approx(score_tile(band, tile, MODE, SMALL).metrics["seam"])


def _softer_and_lighter(tile: Image.Image) -> Image.Image:
    return tile.filter(ImageFilter.GaussianBlur(1)).point(lambda value: min(255, value + 9))
