"""Fixtures for tests that replay: `from tests.support.cassettes import cassette  # noqa: F401` in a conftest."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from exquisite.api.cassette import CassetteTransport, use_cassette

__all__ = ["CASSETTES", "Load", "cassette"]

Load = Callable[..., CassetteTransport]
"""Begins to replay the recording with a name."""

CASSETTES = Path(__file__).parents[2] / "fixtures" / "cassettes"
"""Where the committed recordings are."""


@pytest.fixture
def cassette() -> Iterator[Load]:
    """`cassette("name")` is an httpx transport that replays fixtures/cassettes/name.json.

    EXQUISITE_RECORD_MODE and EXQUISITE_BLOCK_NETWORK apply. A test that passes but did not ask for every
    interaction of its cassettes fails when it ends.
    """
    with ExitStack() as stack:

        def load(name: str, **options: Any) -> CassetteTransport:
            transport: CassetteTransport = stack.enter_context(use_cassette(CASSETTES / f"{name}.json", **options))
            return transport

        yield load
