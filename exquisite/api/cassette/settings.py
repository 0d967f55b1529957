"""Record and replay: which cassette, in which record mode, and the transport that follows from them.

| record mode    | no cassette there   | cassette there                                             |
|----------------|---------------------|------------------------------------------------------------|
| `none`         | ReplayError         | replay; an unexpected request is a ReplayError             |
| `once`         | record              | the same as `none`                                         |
| `new_episodes` | record              | replay what is there, send and record the rest             |
| `all`          | record              | send and record everything anew                            |

The modes have the names that vcrpy gives them. Mode `all` replaces a recorded answer by a new answer, never by a
refusal, and drops what nothing asks for when the run has ended well. A run that fails leaves no new recording
behind: the next `once` begins anew; answers that it recorded stay beside it, as NAME.failed.json.

Each interaction answers once, equal requests in the order in which they were recorded: retries replay as they
happened, broken connections included. Replay is strict both ways: `assert_all_used` fails where the code asks
less than what was recorded. A recording is saved after each interaction.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from ...errors import UsageError
from .interactions import Cassette, RecordMode

__all__ = [
    "CassetteSettings",
    "CassetteTransport",
    "cassette_path",
    "cassette_transport",
    "ended",
    "settings_from_environment",
    "transport_from_settings",
    "use_cassette",
]

_NAME_MAX = 100  # characters of a test's name in the name of its file; file systems allow 255 bytes in all
_TRUE, _FALSE = ("1", "true", "yes", "on"), ("", "0", "false", "no", "off")


class CassetteTransport(Protocol):
    """What `cassette_transport` returns, besides being an `httpx.BaseTransport`."""

    cassette: Cassette
    may_send: bool
    """Whether any request can leave through it, and so can cost money."""

    def handle_request(self, request: Any) -> Any:
        """Answer an `httpx.Request` with an `httpx.Response`."""

    def assert_all_used(self) -> None:
        """See `Cassette.assert_all_used`."""

    def finish(self) -> None:
        """See `Cassette.finish`."""

    def abandon(self) -> None:
        """See `Cassette.abandon`."""

    def close(self) -> None:
        """Close the transport that requests were sent through; raise what kept a recording from being saved."""


def cassette_transport(  # noqa: PLR0913 (independent settings, by keyword only)
    path: Path | str,
    record_mode: RecordMode | str = RecordMode.NONE,
    *,
    origin: str = "",
    inner: Any = None,
    block_network: bool = False,
    secrets: Iterable[str] = (),
) -> CassetteTransport:
    """An `httpx.BaseTransport` for `httpx.Client(transport=…)` that replays and records the cassette at `path`.

    Args:
        path: the JSON file; its pictures stand in `blobs/` beside it.
        record_mode: see the table of the module.
        origin: where the answers come from, kept in a new file; by default the first request's host.
        inner: the transport through which requests are sent; by default the network.
        block_network: send nothing, whatever the record mode says.
        secrets: keys that must not be saved, besides those in the headers of each request.

    Raises:
        ReplayError: nothing may be recorded and there is no readable cassette.
    """
    from .transport import Transport

    return Transport(Cassette(path, record_mode, origin=origin), inner, block_network, tuple(secrets))


@contextmanager
def use_cassette(
    path: Path | str, record_mode: RecordMode | str | None = None, *, block_network: bool | None = None, **options: Any
) -> Iterator[Any]:
    """`cassette_transport` as a context: leaving it without an error asserts that every interaction was used.

    Args:
        path: the JSON file; see `cassette_path` for one of each test.
        record_mode: None for EXQUISITE_RECORD_MODE, else `none`.
        block_network: None for EXQUISITE_BLOCK_NETWORK.
        options: further ones of `cassette_transport`.
    """
    settings = settings_from_environment(cassette=path, record_mode=record_mode, block_network=block_network)
    transport = cassette_transport(path, settings.record_mode, block_network=settings.block_network, **options)
    with ended(transport):
        yield transport


@contextmanager
def ended(transport: Any) -> Iterator[None]:
    """A context that ends a run through a cassette's `transport`: well, or by abandoning what it began."""
    try:
        yield
        transport.finish()
    except BaseException:
        transport.abandon()
        raise
    finally:
        transport.close()


def cassette_path(folder: Path | str, test: str) -> Path:
    """The file for a test in `folder`: `test` is pytest's `request.node.nodeid`, or any other name.

    The tests of one file have a folder of its name. A name that no file can have is changed, and told apart from
    others by a digest.
    """
    file, separator, name = test.partition("::")
    if not separator:
        file, name = "", test
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.")[:_NAME_MAX]
    if plain != name:
        plain += "-" + hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()[:8]
    return Path(folder, Path(file).stem, f"{plain}.json")


@dataclass(frozen=True)
class CassetteSettings:
    """Which cassette to use, if any.

    Attributes:
        path: the JSON file; None for none.
        record_mode: see the table of the module.
        block_network: a request that no recording answers is a ReplayError instead of being sent.
    """

    path: Path | None = None
    record_mode: RecordMode = RecordMode.NONE
    block_network: bool = False


def settings_from_environment(
    env: Mapping[str, str] | None = None,
    *,
    cassette: Path | str | None = None,
    record_mode: RecordMode | str | None = None,
    block_network: bool | None = None,
) -> CassetteSettings:
    """Settings from EXQUISITE_CASSETTE, EXQUISITE_RECORD_MODE and EXQUISITE_BLOCK_NETWORK in `env`.

    `env` is the process's environment by default. An argument that is not None goes before its variable.

    Raises:
        UsageError: an unknown record mode, or a switch that is neither on nor off.
    """
    env = os.environ if env is None else env
    path = cassette or env.get("EXQUISITE_CASSETTE")
    mode = record_mode or env.get("EXQUISITE_RECORD_MODE") or RecordMode.NONE
    switch = env.get("EXQUISITE_BLOCK_NETWORK", "").strip().lower()
    if block_network is None and switch not in (*_TRUE, *_FALSE):
        raise UsageError(f"EXQUISITE_BLOCK_NETWORK is {switch!r}: use 1 or 0")
    blocked = switch in _TRUE if block_network is None else block_network
    return CassetteSettings(Path(path) if path else None, RecordMode(mode), blocked)


def transport_from_settings(settings: CassetteSettings, *, inner: Any = None, secrets: Iterable[str] = ()) -> Any:
    """The transport that `settings` ask for: a cassette's, one that refuses everything, or `inner`.

    `inner` is None by default, which `httpx.Client` takes for the network.
    """
    if settings.path is None and settings.block_network:
        from .transport import BlockedTransport

        return BlockedTransport()
    if settings.path is None:
        return inner
    return cassette_transport(
        settings.path, settings.record_mode, inner=inner, block_network=settings.block_network, secrets=secrets
    )
