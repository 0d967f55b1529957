"""Settings of record and replay: the cassette, the record mode, and their transport.

| record mode    | no cassette there   | cassette there                                             |
|----------------|---------------------|------------------------------------------------------------|
| `none`         | ReplayError         | replay; an unexpected request is a ReplayError             |
| `once`         | record              | the same as `none`                                         |
| `new_episodes` | record              | replay what is there, send and record the rest             |
| `all`          | record              | send and record everything again                           |

The names of the modes are those of vcrpy. Mode `all` replaces a recorded answer only by a new answer, never by a
refusal, and removes unused interactions after a successful run. A failed run leaves no new recording, so that the
next `once` begins anew; its answers are kept in NAME.failed.json.

Each interaction answers one request, equal requests in the order of recording, so that retries and broken connections
replay as they happened. Unused interactions are an error too (`assert_all_used`). The file is saved after each
interaction.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypedDict, Unpack, overload

from ...errors import UsageError
from .interactions import Cassette, RecordMode

if TYPE_CHECKING:
    import httpx

    from .transport import BlockedTransport, Transport

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

_NAME_MAX = 100  # characters of a test's name in the file name; file systems allow 255 bytes
_TRUE, _FALSE = ("1", "true", "yes", "on"), ("", "0", "false", "no", "off")


class CassetteTransport(Protocol):
    """The interface of `cassette_transport` besides that of `httpx.BaseTransport`."""

    cassette: Cassette
    may_send: bool
    """Whether a request can reach the network, and so cost money."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer a request."""

    def assert_all_used(self) -> None:
        """See `Cassette.assert_all_used`."""

    def finish(self) -> None:
        """See `Cassette.finish`."""

    def abandon(self) -> None:
        """See `Cassette.abandon`."""

    def close(self) -> None:
        """Close the inner transport; raise the error of an earlier save."""


def cassette_transport(  # noqa: PLR0913 (independent settings, by keyword only)
    path: Path | str,
    record_mode: RecordMode | str = RecordMode.NONE,
    *,
    origin: str = "",
    inner: httpx.BaseTransport | None = None,
    block_network: bool = False,
    secrets: Iterable[str] = (),
) -> Transport:
    """Make an `httpx.BaseTransport` for `httpx.Client(transport=…)` that replays and records the cassette at `path`.

    Args:
        path: the JSON file; its pictures are in `blobs/` beside it.
        record_mode: see the table of the module.
        origin: source of the answers, for a new file; by default the host of the first request.
        inner: the transport for requests; by default the network.
        block_network: True to send nothing in any record mode.
        secrets: keys that must not be saved, besides those in the headers of requests.

    Raises:
        ReplayError: the mode does not record, and there is no readable file.
    """
    from .transport import Transport

    return Transport(Cassette(path, record_mode, origin=origin), inner, block_network, tuple(secrets))


class _CassetteOptions(TypedDict, total=False):
    origin: str
    inner: httpx.BaseTransport | None
    secrets: Iterable[str]


@contextmanager
def use_cassette(
    path: Path | str,
    record_mode: RecordMode | str | None = None,
    *,
    block_network: bool | None = None,
    **options: Unpack[_CassetteOptions],
) -> Iterator[Transport]:
    """`cassette_transport` as a context; its end without an error asserts that every interaction is used.

    Args:
        path: the JSON file; `cassette_path` gives one per test.
        record_mode: None for EXQUISITE_RECORD_MODE, else `none`.
        block_network: None for EXQUISITE_BLOCK_NETWORK.
        options: other arguments of `cassette_transport`.
    """
    settings = settings_from_environment(cassette=path, record_mode=record_mode, block_network=block_network)
    transport = cassette_transport(path, settings.record_mode, block_network=settings.block_network, **options)
    with ended(transport):
        yield transport


@contextmanager
def ended(transport: Transport | BlockedTransport) -> Iterator[None]:
    """A context that finishes the run of a cassette's `transport`, or abandons it after an error."""
    try:
        yield
        transport.finish()
    except BaseException:
        transport.abandon()
        raise
    finally:
        transport.close()


def cassette_path(folder: Path | str, test: str) -> Path:
    """The cassette of a test in `folder`; `test` is pytest's `request.node.nodeid`, or any other name.

    The tests of one file share a folder. A name with characters that files cannot have is changed and gets a digest.
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
    """The cassette to use.

    Attributes:
        path: the JSON file; None for no cassette.
        record_mode: see the table of the module.
        block_network: True to raise ReplayError for requests without an interaction, instead of sending them.
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
    """Read EXQUISITE_CASSETTE, EXQUISITE_RECORD_MODE and EXQUISITE_BLOCK_NETWORK from `env`.

    `env` is the environment of the process by default. An argument other than None overrides its variable.

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


@overload
def transport_from_settings(
    settings: CassetteSettings, *, inner: None = None, secrets: Iterable[str] = ()
) -> Transport | BlockedTransport | None: ...


@overload
def transport_from_settings(
    settings: CassetteSettings, *, inner: httpx.BaseTransport, secrets: Iterable[str] = ()
) -> httpx.BaseTransport: ...


def transport_from_settings(
    settings: CassetteSettings, *, inner: httpx.BaseTransport | None = None, secrets: Iterable[str] = ()
) -> httpx.BaseTransport | None:
    """Make the transport for `settings`: that of a cassette, one that refuses all requests, or `inner`.

    The default `inner` is None, the network of `httpx.Client`.
    """
    if settings.path is None and settings.block_network:
        from .transport import BlockedTransport

        return BlockedTransport()
    if settings.path is None:
        return inner
    return cassette_transport(
        settings.path, settings.record_mode, inner=inner, block_network=settings.block_network, secrets=secrets
    )
