"""A client of the real model with an emulator in memory, a log, and no real waits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest
from PIL import Image

from exquisite.api.generator import RawCandidate, TileRequest
from exquisite.api.openai_client import OpenAITileGeneratorClient
from exquisite.contract import TileContract
from exquisite.errors import (
    ExquisiteError,
)
from tests.support.clocks import TestClock
from tests.support.emulator import EMULATOR_KEY, MemoryTransport, emulator
from tests.support.memory_log import MemoryCallLog
from tests.support.outcome_scripts import tiny_request

__all__ = ["HERE", "SMALL", "Bench", "mocked", "request_for"]

HERE = "http://127.0.0.1:8123/v1"
SMALL = TileContract(64, 32, 16, 16)


def request_for(contract: TileContract = SMALL, candidates: int = 3, mode: str = "x_ltr") -> TileRequest:
    """A request with a valid mask: alpha 255 and black where pixels stay, transparent white where they are edited."""
    frame = contract.tile_frame(mode)
    mask = Image.new("RGBA", contract.tile_size(mode), (0, 0, 0, 255))
    mask.paste((255, 255, 255, 0), frame.generated_half)
    return replace(
        tiny_request(candidates, mode),
        contract=contract,
        reference=Image.new("RGB", contract.tile_size(mode), (90, 120, 150)),
        mask=mask,
        band=Image.new("RGB", contract.band_size(mode), (90, 120, 150)),
        candidates=candidates,
    )


class Bench:
    """A client, an emulator in memory, a log, and the waits; `run` makes the tiles of one step."""

    def __init__(self, *script: str, flavour: str = "openai", candidates: int = 3, **options: Any) -> None:
        self.endpoint = emulator(script, flavour=flavour, flat=True, any_size=True)
        self.log = MemoryCallLog(options.pop("budget", None))
        clock = options.pop("clock", None) or TestClock()
        self.waits = clock.waits
        self.candidates = candidates
        self.client = OpenAITileGeneratorClient(
            options.pop("api_key", EMULATOR_KEY),
            base_url=options.pop("base_url", HERE),
            transport=MemoryTransport(self.endpoint),
            clock=clock,
            environ={},
            **options,
        )
        self.tiles: list[RawCandidate] = []

    def run(self) -> list[RawCandidate]:
        for tile in self.client.generate(request_for(candidates=self.candidates), self.log):
            self.tiles.append(tile)
        return self.tiles

    def fails_with(self, error: type[ExquisiteError], *words: str) -> None:
        with pytest.raises(error) as caught:
            self.run()
        for word in words:
            assert word in str(caught.value), str(caught.value)

    @property
    def call_sizes(self) -> list[int]:
        return [call.edit.n for call in self.endpoint.calls if call.edit is not None]


def mocked(handler: Callable[[httpx.Request], httpx.Response], **options: Any) -> OpenAITileGeneratorClient:
    options = {"base_url": HERE, "environ": {}, "clock": TestClock(), **options}
    return OpenAITileGeneratorClient(EMULATOR_KEY, transport=httpx.MockTransport(handler), **options)
