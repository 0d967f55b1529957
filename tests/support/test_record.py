"""The committed cassettes are small, name their origin, and replay one step in each mode."""

from __future__ import annotations

from pathlib import Path

import PIL
import pytest
from PIL import Image

from exquisite.api.answer import decode_tile
from exquisite.api.cassette import use_cassette
from exquisite.api.cassette.recording import load_recording
from exquisite.api.cassette.redaction import find_secret
from exquisite.api.generator import NullCallLog, TileRequest
from exquisite.api.openai_client import OpenAITileGeneratorClient
from exquisite.api.prompt import build_prompt
from exquisite.contract import CLASSIC, Mode
from exquisite.errors import ReplayError
from exquisite.geometry.reference_tile import build_reference_tile_and_mask
from exquisite.geometry.tile_mode import extract_conditioning_band
from tests.support.cassettes import CASSETTES, Load, cassette  # noqa: F401
from tests.support.record import CANVAS, PINS, draw_waves, main, pinned_growth, replayed_growth
from tests.support.taping import edit

ALL = [CASSETTES / f"{mode}.json" for mode in Mode]


def test_all_recordings_together_are_small() -> None:
    assert sum(file.stat().st_size for file in CASSETTES.rglob("*") if file.is_file()) <= 4_000_000


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.stem)
def test_a_recording_names_its_origin_and_holds_one_good_answer(path: Path) -> None:
    origin, interactions = load_recording(path)
    assert origin in ("emulator", "https://api.openai.com")
    assert [interaction.status for interaction in interactions] == [200]


def test_no_file_holds_a_key_and_every_blob_has_a_recording() -> None:
    texts = "".join(path.read_text(encoding="utf-8") for path in ALL)
    for file in (file for file in CASSETTES.rglob("*") if file.is_file()):
        assert find_secret(file.read_bytes()) == ""
        assert file in (*ALL, CANVAS, PINS) or file.name in texts


@pytest.mark.parametrize("mode", Mode)
def test_the_client_gets_three_tiles_from_each(mode: Mode) -> None:
    """The request of a step alone, without the other stages."""
    with Image.open(CANVAS) as image:
        band = extract_conditioning_band(image.convert("RGB"), mode)
    reference, mask = build_reference_tile_and_mask(band, mode)
    request = TileRequest(mode, CLASSIC, band, reference, mask, build_prompt(mode), candidates=3, step_index=1)
    with use_cassette(CASSETTES / f"{mode}.json") as transport:
        client = OpenAITileGeneratorClient(transport=transport, environ={})
        tiles = [decode_tile(tile.data) for tile in client.generate(request, NullCallLog())]
    assert len({tile.tobytes() for tile in tiles}) == 3


def test_a_replayed_step_commits_the_pinned_pixels() -> None:
    """One whole step; `python -m tests.support.record --check` replays all four, `--pins` writes the pins anew."""
    growth, pillow = pinned_growth("y_btt")
    assert replayed_growth("y_btt").agrees_with(growth, pillow)


def test_pins_of_another_pillow_are_compared_coarsely() -> None:
    growth, _ = pinned_growth("y_btt")
    brighter = growth._replace(coarse=bytes(min(255, b + 9) for b in bytes.fromhex(growth.coarse)).hex())
    assert growth._replace(pixels="other").agrees_with(growth, "1.0")
    assert not growth._replace(pixels="other").agrees_with(growth, PIL.__version__)
    assert not brighter.agrees_with(growth, "1.0")


def test_the_fixture_replays_a_committed_cassette(cassette: Load) -> None:  # noqa: F811
    transport = cassette("x_ltr")
    with pytest.raises(ReplayError, match="nearest of 1 is interaction 1"):
        edit(transport)
    assert transport.cassette.find(transport.cassette.interactions[0].request) is not None


def test_waves_are_deterministic() -> None:
    assert draw_waves(64).tobytes() == draw_waves(64).tobytes()
    assert draw_waves(64, seed=2).tobytes() != draw_waves(64).tobytes()


def test_the_real_endpoint_is_called_only_with_consent(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "not-a-key-of-anyone")
    assert main([]) == 4
    output = capsys.readouterr()
    assert "4 steps by gpt-image-2.6-sunburst, quality high: at most $" in output.out
    assert "nothing was sent" in output.err
