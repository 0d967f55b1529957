"""The real client against every server and every outcome of the emulator, and the same again from a recording."""

from __future__ import annotations

import os
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import httpx
import pytest
from PIL import Image, ImageChops, ImageStat

from exquisite.api.answer import decode_tile
from exquisite.api.cassette import use_cassette
from exquisite.api.generator import TileRequest
from exquisite.api.mock import MockTileGenerator
from exquisite.api.openai_client import OpenAITileGeneratorClient
from exquisite.api.retry import RetryPolicy
from exquisite.api.servers import SERVERS
from exquisite.contract import Mode, TileContract
from exquisite.errors import (
    ExquisiteError,
    OutcomeUnknownError,
    RejectedByServerError,
    ReplayError,
    ServerUnavailableError,
)
from exquisite.geometry.reference_tile import build_reference_tile_and_mask
from exquisite.geometry.tile_mode import split_tile
from tests.support.clocks import TestClock
from tests.support.emulator import EMULATOR_KEY, FLAVOURS, OUTCOMES, Emulator, EmulatorServer, MemoryTransport, emulator
from tests.support.emulator_drawing import kept_side, redrawing
from tests.support.memory_log import MemoryCallLog
from tests.support.pictures import noise

TINY = TileContract(64, 32, 16, 16)


@pytest.fixture(autouse=True)
def _no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is synced matters after a power failure only."""
    monkeypatch.setattr(os, "fsync", lambda handle: None)


def request(candidates: int = 2, mode: Mode = Mode.X_LTR, prompt: str = "Extend this picture.") -> TileRequest:
    """A request with a band of two colours."""
    band = Image.new("RGB", TINY.band_size(mode), (200, 40, 40))
    band.paste((20, 20, 160), (0, 0, 16, 16))
    reference, mask = build_reference_tile_and_mask(band, mode, TINY)
    return TileRequest(mode, TINY, band, reference, mask, prompt, candidates, step_index=1)


def mask_of(server: Emulator) -> Image.Image | None:
    """The mask of the first request that arrived."""
    edit = server.calls[0].edit
    assert edit is not None
    return edit.mask


def client(
    base_url: str, transport: httpx.BaseTransport | None = None, flavour: str = "openai"
) -> OpenAITileGeneratorClient:
    """A client that waits for nothing, set up by the recipe of `flavour`."""
    return OpenAITileGeneratorClient(
        EMULATOR_KEY,
        base_url=base_url,
        server=replace(SERVERS[flavour], base_url=base_url),
        retry=RetryPolicy(retries=2),
        transport=transport,
        clock=TestClock(),
        environ={},
    )


class Outcome:
    """What came of one use of the client: tiles or an error, and the log of calls."""

    def __init__(self, generator: OpenAITileGeneratorClient, tile_request: TileRequest | None = None) -> None:
        self.log = MemoryCallLog()
        self.tiles: list[bytes] = []
        self.error: type[ExquisiteError] | None = None
        self.message = ""
        try:
            for tile in generator.generate(tile_request or request(), self.log):
                self.tiles.append(tile.data)
        except ExquisiteError as error:
            self.error, self.message = type(error), str(error)

    def summary(self) -> tuple[object, ...]:
        """The values that a replay must reproduce."""
        return self.tiles, self.error, self.message, self.log.outcomes, self.log.counted, self.log.lines


UNKNOWN = ("timeout", "cut", "cut:head", "cut:body", "overloaded_html", "status:408", "status:409", "status:500",
           "status:502", "status:504", "status:520", "status:524")  # fmt: skip
REJECTED = ("insufficient_quota", "credit_balance_exhausted", "spend_limit", "billing_hard_limit", "moderation_blocked",
            "error_string", "detail", "redirect_here", "redirect_elsewhere", "status:401,unbilled")  # fmt: skip
ASKED_AGAIN = ("rate_limit", "rate_limit:retry-after=1", "rate_limit:message=12s", "slow_down", "overloaded",
               "connect_error", "connect_timeout", "pool_timeout")  # fmt: skip
UNUSABLE = ("no_images", "no_data", "html_200", "empty_200", "accepted_202", "error_200", "cut_json:0", "url_elsewhere",
            "huge", "flood")  # fmt: skip
PARTIAL = ("too_few", "stingy", "cut_json")
SILENT = ("usage_missing", "usage_zero", "cost_header")
USABLE = tuple(
    name
    for name in OUTCOMES
    if name not in (*UNKNOWN, *REJECTED, *ASKED_AGAIN, *UNUSABLE, *PARTIAL, *SILENT, "status")
)


def in_memory(*script: str, flavour: str = "openai") -> tuple[Emulator, MemoryTransport]:
    """An emulator in memory that draws flat tiles."""
    server = emulator(script, flavour=flavour, flat=True, any_size=True)
    return server, MemoryTransport(server)


@pytest.mark.parametrize("entry", UNKNOWN)
def test_an_ambiguous_outcome_is_never_followed_by_a_second_request(entry: str) -> None:
    server, transport = in_memory(entry)
    outcome = Outcome(client(server.base_url, transport))
    assert outcome.error is OutcomeUnknownError
    assert server.arrivals == 1
    assert outcome.log.outcomes == ["unknown"]
    assert outcome.log.counted >= server.billed_usd > server.settled_usd == 0


@pytest.mark.parametrize("entry", REJECTED)
def test_a_permanent_refusal_ends_the_request(entry: str) -> None:
    server, transport = in_memory(entry)
    outcome = Outcome(client(server.base_url, transport))
    assert outcome.error is RejectedByServerError
    assert server.arrivals == 1
    assert server.strays == []
    assert outcome.log.counted == server.billed_usd == 0


@pytest.mark.parametrize("entry", ASKED_AGAIN)
def test_a_call_that_was_certainly_not_executed_is_repeated(entry: str) -> None:
    server, transport = in_memory(entry)
    outcome = Outcome(client(server.base_url, transport))
    assert len(outcome.tiles) == 2
    assert len(server.calls) == 2
    assert outcome.log.counted == server.billed_usd > 0
    server, transport = in_memory(entry, entry, entry)
    assert Outcome(client(server.base_url, transport)).error is ServerUnavailableError
    assert len(server.calls) == 3


@pytest.mark.parametrize("entry", UNUSABLE)
def test_an_answer_without_a_picture_is_paid_once(entry: str) -> None:
    server, transport = in_memory(entry)
    outcome = Outcome(client(server.base_url, transport))
    assert outcome.error is OutcomeUnknownError
    assert server.arrivals == 1
    assert server.strays == []
    assert outcome.log.counted >= server.billed_usd > 0


@pytest.mark.parametrize("entry", USABLE)
def test_an_answer_with_pictures_is_yielded_and_booked_exactly(entry: str) -> None:
    server, transport = in_memory(entry)
    outcome = Outcome(client(server.base_url, transport))
    assert outcome.error is None
    assert len(outcome.tiles) == 2
    assert server.arrivals == 1
    assert outcome.log.counted == server.billed_usd


@pytest.mark.parametrize("entry", SILENT)
def test_an_answer_without_usage_is_booked(entry: str) -> None:
    server, transport = in_memory(entry)
    outcome = Outcome(client(server.base_url, transport))
    assert (outcome.error, len(outcome.tiles), server.arrivals) == (None, 2, 1)
    (call,) = outcome.log.entries
    assert call.booked is not None
    assert call.estimated is (entry != "cost_header")


@pytest.mark.parametrize("entry", PARTIAL)
def test_the_pictures_of_a_short_answer_are_used(entry: str) -> None:
    """The client buys the missing ones below the ceiling."""
    server, transport = in_memory(entry)
    outcome = Outcome(client(server.base_url, transport))
    assert outcome.error is None
    assert len(outcome.tiles) == server.arrivals >= 1
    assert outcome.log.counted >= server.billed_usd > 0


@pytest.mark.parametrize("entry", [*UNKNOWN, *REJECTED, *ASKED_AGAIN, *UNUSABLE, *PARTIAL, *SILENT, *USABLE])
def test_every_outcome_is_replayed_as_it_happened(tmp_path: Path, entry: str) -> None:
    server, transport = in_memory(entry)
    with use_cassette(tmp_path / "tape.json", "once", origin="emulator", inner=transport) as recorder:
        live = Outcome(client(server.base_url, recorder))
    with use_cassette(tmp_path / "tape.json") as tape:
        replayed = Outcome(client(server.base_url, tape))
    assert replayed.summary() == live.summary()
    for file in tmp_path.rglob("*.*"):
        assert EMULATOR_KEY.encode() not in file.read_bytes()


def test_a_mismatch_costs_nothing_and_the_client_remains_usable(tmp_path: Path) -> None:
    server, transport = in_memory()
    with use_cassette(tmp_path / "tape.json", "once", inner=transport) as recorder:
        Outcome(client(server.base_url, recorder))
    with use_cassette(tmp_path / "tape.json") as tape:
        outcome = Outcome(client(server.base_url, tape), request(prompt="Extend this picture!"))
        assert outcome.error is ReplayError
        assert "part 'prompt' differs from byte 19" in outcome.message
        assert outcome.log.counted == Decimal(0)
        assert Outcome(client(server.base_url, tape)).error is None


def test_a_recording_over_a_socket_replays_without_one(tmp_path: Path) -> None:
    server = emulator(["rate_limit"], flat=True, any_size=True)
    with EmulatorServer(server), use_cassette(tmp_path / "tape.json", "once") as recorder:
        assert recorder.may_send
        live = Outcome(client(server.base_url, recorder))
    assert recorder.cassette.origin == server.here
    assert len(live.tiles) == server.arrivals == 2
    with use_cassette(tmp_path / "tape.json", block_network=True) as tape:
        assert Outcome(client(server.base_url, tape)).summary() == live.summary()


# --- the servers of the table of recipes


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_one_client_serves_every_server(flavour: str) -> None:
    server, transport = in_memory(flavour=flavour)
    base_url = server.base_url.replace("emulated", "gpt-image-2")
    outcome = Outcome(client(base_url, transport, flavour))
    assert (outcome.error, outcome.message) == (None, "")
    assert len(outcome.tiles) == 2
    assert outcome.log.counted == server.billed_usd
    assert (server.billed_usd == 0) is (SERVERS[flavour].free)
    edit = server.calls[0].edit
    assert edit is not None
    if FLAVOURS[flavour].mask_reads != "nothing":
        assert kept_side(edit.mask) == (Mode.X_LTR, TINY.band_px)
    assert ("model" in edit.fields) is (flavour != "azure-deployment")


def test_addresses_are_followed_where_a_server_insists_on_them() -> None:
    server, transport = in_memory(flavour="xinference")
    recipe = replace(SERVERS["xinference"], extra_fields={})
    generator = OpenAITileGeneratorClient(
        base_url=server.base_url, server=recipe, transport=transport, environ={}, model="sdxl"
    )
    assert len(Outcome(generator).tiles) == 2
    assert len(server.downloads) == 2


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("flavour", ["openai", "sd-server"])
def test_the_mask_means_the_same_to_servers_that_read_alpha_and_luminance(mode: Mode, flavour: str) -> None:
    server, transport = in_memory(flavour=flavour)
    Outcome(client(server.base_url, transport, flavour), request(1, mode))
    assert kept_side(mask_of(server)) == (mode, TINY.band_px)


def test_a_mask_of_alpha_alone_is_misread_by_a_server_that_reads_luminance() -> None:
    """A mask needs colour and alpha: to such a server black everywhere means "keep all"."""
    server, transport = in_memory(flavour="sd-server")
    tile_request = request(1)
    black = Image.new("RGBA", TINY.tile_size("x_ltr"))
    black.putalpha(tile_request.mask.getchannel("A"))
    Outcome(client(server.base_url, transport, "sd-server"), replace(tile_request, mask=black))
    assert kept_side(mask_of(server)) is None


def redrawn(flavour: str, mode: Mode) -> list[bytes]:
    """The tiles of a server that redraws with the simulated model."""
    server = emulator(flavour=flavour, any_size=True)
    outcome = Outcome(client(server.base_url, MemoryTransport(server), flavour), request(1, mode))
    assert outcome.error is None, outcome.message
    return outcome.tiles


@pytest.mark.parametrize("mode", ["x_ltr", "y_btt"])
def test_servers_that_read_alpha_and_luminance_draw_the_same_tiles(mode: str) -> None:
    assert redrawn("openai", Mode(mode)) == redrawn("sd-server", Mode(mode))


def test_a_server_redraws_the_old_half_with_drift_and_fills_the_new_one() -> None:
    tile_request = request(1)
    tile = decode_tile(redrawn("openai", Mode.X_LTR)[0], TINY)
    old, new = split_tile(tile, Mode.X_LTR, TINY)
    off = ImageStat.Stat(ImageChops.difference(old, tile_request.band)).mean
    assert 0 < max(off) < 30
    scaffold = split_tile(tile_request.reference, Mode.X_LTR, TINY)[1]
    assert max(ImageStat.Stat(ImageChops.difference(new, scaffold)).mean) > 30


def test_without_a_band_a_server_sends_the_reference_back() -> None:
    server = emulator(any_size=True)
    tile_request = replace(request(1), mask=Image.new("RGBA", TINY.tile_size("x_ltr")))
    outcome = Outcome(client(server.base_url, MemoryTransport(server)), tile_request)
    assert decode_tile(outcome.tiles[0], TINY).tobytes() == tile_request.reference.tobytes()


def test_the_first_step_of_a_known_picture_gets_its_true_continuation() -> None:
    """Given the size of the canvas, a model without drift draws the truth in every mode."""
    picture = noise((192, 192), seed=4, cell=6)
    canvas = picture.crop((64, 64, 128, 128))
    model = MockTileGenerator(picture=picture, origin=(64, 64), drift=None)
    for mode in Mode:
        server = Emulator(draw=redrawing(model, canvas_size=canvas.size), any_size=True)
        frame = TINY.frame(mode, canvas.size)
        band = canvas.crop(frame.band)
        reference = build_reference_tile_and_mask(band, mode, TINY).image
        tile_request = replace(request(1, mode), band=band, reference=reference)
        tile = decode_tile(Outcome(client(server.base_url, MemoryTransport(server)), tile_request).tiles[0], TINY)
        origins = zip(frame.band.origin, frame.conditioning_half.origin, strict=True)
        left, top = (64 + at - start for at, start in origins)
        assert tile.tobytes() == picture.crop((left, top, left + 64, top + 64)).tobytes()
