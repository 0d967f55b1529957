"""Rectangular tiles pass through all stages: simulated, requested, recorded, verified and exported."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from PIL import Image

from exquisite import MockTileGenerator, Mode, OpenAITileGeneratorClient, Session, TileContract, glue
from exquisite.api.cassette import use_cassette
from exquisite.api.generator import TileGenerator
from exquisite.api.mock.drift import Drift, redraw
from exquisite.contract import LONG, from_canonical
from exquisite.geometry.calibration import calibrate_tile
from exquisite.geometry.overlap_score import score_tile
from exquisite.pipeline.fitting import fit_picture
from exquisite.pipeline.store.artifacts import decode_png
from tests.support.emulator import EMULATOR_KEY, MemoryTransport, emulator
from tests.support.pictures import draw
from tests.support.tiny import pixels_of

LENGTHY = TileContract(96, 32, 16, 56, across_px=48)
BROAD = TileContract(48, 20, 8, 24, across_px=64)
PICTURE = draw("clouds", (400, 400), 3)
ORIGIN = (150, 150)
HERE = "http://127.0.0.1:8123/v1"

every_case = pytest.mark.parametrize("mode", Mode)
every_contract = pytest.mark.parametrize("contract", [LENGTHY, BROAD], ids=str)


def session_in(root: Path, contract: TileContract, mode: Mode) -> Session:
    """A session whose seed picture lies at ORIGIN in PICTURE and grows in `mode`."""
    width, height = contract.oriented((40, contract.across_px), mode)
    return Session.create(root, PICTURE.crop((*ORIGIN, ORIGIN[0] + width, ORIGIN[1] + height)), contract)


def truth_of(session: Session) -> Image.Image:
    left, top = (at + start for at, start in zip(session.canvas_origin, ORIGIN, strict=True))
    return PICTURE.crop((left, top, left + session.canvas_size[0], top + session.canvas_size[1]))


@every_case
@every_contract
@pytest.mark.invariant("GROWTH-EXACT")
@pytest.mark.invariant("OLD-PIXELS")
def test_the_known_picture_comes_back_pixel_for_pixel(tmp_path: Path, contract: TileContract, mode: Mode) -> None:
    """Two steps in each direction of the axis; the second one's band lies across several strips."""
    session = session_in(tmp_path / "s", contract, mode)
    back = next(other for other in Mode if other.axis == mode.axis and other != mode)
    for way in (mode, mode, back):
        result = session.step(way, MockTileGenerator(0, PICTURE, ORIGIN, drift=None), candidates=1, gate=None)
        assert result.status == "committed"
    assert contract.oriented(session.canvas_size, mode) == (40 + 3 * contract.advance_px, contract.across_px)
    assert pixels_of(session.root)[1] == truth_of(session).tobytes()
    assert Session.open(session.root).verify().ok
    exported = decode_png(session.export(tmp_path / "whole.png").read_bytes())
    assert exported.tobytes() == truth_of(session).tobytes()
    session.undo()
    assert session.canvas_size == contract.oriented((40 + 2 * contract.advance_px, contract.across_px), mode)


@every_case
@every_contract
@pytest.mark.invariant("GLUE-AGREES")
def test_a_drifting_texture_is_calibrated_and_glued_as_glue_does(
    tmp_path: Path, contract: TileContract, mode: Mode
) -> None:
    session = session_in(tmp_path / "s", contract, mode)
    canvas = truth_of(session)
    result = session.step(mode, MockTileGenerator(drift=0.5), candidates=1, gate=None, feather_px=0)
    enforced = Image.open(result.step_dir / f"candidates/{result.chosen}/tile_out_enforced.png")
    assert enforced.size == contract.tile_size(mode)
    assert pixels_of(session.root)[1] == glue(canvas, enforced, mode, contract).tobytes()
    assert session.status().contract.as_dict() == {**contract.as_dict(), "across_px": contract.across_px}
    assert session.verify().ok


@every_case
def test_a_server_is_asked_for_the_rectangle_and_a_recording_answers_the_same(tmp_path: Path, mode: Mode) -> None:
    recorded = []
    for name, record_mode in (("asked", "once"), ("replayed", "none")):
        endpoint = emulator(any_size=True)
        with use_cassette(tmp_path / "tape.json", record_mode, inner=MemoryTransport(endpoint)) as transport:
            client = OpenAITileGeneratorClient(EMULATOR_KEY, base_url=HERE, transport=transport, environ={})
            recorded.append(_canvas_after_step(session_in(tmp_path / name, LENGTHY, mode), mode, client))
        width, height = LENGTHY.tile_size(mode)
        sizes = [call.edit.fields["size"] for call in endpoint.calls if call.edit is not None]
        assert sizes == [f"{width}x{height}"] * (record_mode == "once")
    assert recorded[0] == recorded[1]


def _canvas_after_step(session: Session, mode: Mode, generator: TileGenerator) -> tuple[tuple[int, int], bytes]:
    session.step(mode, generator, candidates=2, gate=None)
    return pixels_of(session.root)


@every_case
def test_the_drift_of_a_rectangle_is_undone_in_all_of_it(mode: Mode) -> None:
    contract = TileContract(384, 128, 64, 240, across_px=128)
    picture, drift = draw("cobbles", (480, 224), 5), Drift(shift=(2.25, -1.5), gamma=1.1, cast=(6, -4, 2))
    box = (48, 48, 48 + contract.tile_px, 48 + contract.across_px)
    raw, truth = redraw(picture, box, drift), picture.crop(box)
    band = truth.crop((0, 0, contract.band_px, contract.across_px))
    calibration = calibrate_tile(from_canonical(raw, mode), from_canonical(band, mode), mode, contract)
    assert calibration.applied
    assert calibration.tile.size == contract.tile_size(mode)
    assert calibration.shift == pytest.approx((2.25, -1.5), abs=0.1)
    assert calibration.rim_px <= 3


def test_a_picture_is_fitted_to_the_size_across() -> None:
    fitted = fit_picture(PICTURE.crop((0, 0, 300, 100)), LENGTHY)
    assert fitted.image.size == (144, 48)


def test_the_long_contract_continues_a_classic_canvas() -> None:
    assert LONG.frame("x_ltr", (1280, 1024)).grown_size == (1280 + 1984, 1024)


def test_the_cost_of_calibration_and_score_follows_the_band_alone() -> None:
    """Of a tile six times as long only the resampling takes longer: measured, it costs 1.35 times, the score 1.0."""
    picture = draw("ink", (1600, 320), 3)
    contracts = [TileContract(tile_px, 128, 64, 64, across_px=256) for tile_px in (256, 1536)]
    short = redraw(picture, (32, 32, 288, 288), Drift.random(3))
    long = picture.crop((32, 32, 1568, 288))
    long.paste(short, (0, 0))  # the same redrawn band: the same stages
    tiles, band = (short, long), picture.crop((32, 32, 160, 288))
    rounds = [[_seconds(tile, band, each) for tile, each in zip(tiles, contracts, strict=True)] for _ in range(3)]
    for stage, most in ((0, 2.5), (1, 1.5)):
        shorter, longer = (min(one[place][stage] for one in rounds) for place in (0, 1))
        assert longer <= most * shorter


def _seconds(tile: Image.Image, band: Image.Image, contract: TileContract) -> tuple[float, float]:
    """Processor time of this thread for the calibration of a tile, and for its score."""
    start = time.thread_time()
    calibration = calibrate_tile(tile, band, "x_ltr", contract)
    middle = time.thread_time()
    score_tile(band, calibration.tile, "x_ltr", contract, calibration)
    assert calibration.applied
    return middle - start, time.thread_time() - middle
