"""From options of the command line to a generator: the simulated model, the real one, or a replay."""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import os
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..api.generator import TileGenerator
from ..api.models import QUALITY_DEFAULT
from ..errors import ExquisiteError, PaymentError, UsageError
from ..pipeline.fitting import open_picture
from .consent import Agreed, AskingFirst, Consent

if TYPE_CHECKING:
    from ..api.openai_client import OpenAITileGeneratorClient, Recording
    from ..api.servers import ServerSettings

__all__ = [
    "GENERATORS",
    "add_generator_options",
    "budget_of",
    "make_generator",
    "simulated_record",
    "usd_amount",
]

GENERATORS = ("mock", "openai", "replay")
"""Who can make the tiles of a step: the values of `--generator`."""


def add_generator_options(parser: argparse.ArgumentParser, spender: str = "session") -> None:
    """The options that say who makes the tiles, and what it, or another `spender`, may cost."""
    add = parser.add_argument_group("who makes the tiles").add_argument
    add("--generator", choices=GENERATORS, default="mock", help="simulated model (default), real one, or a replay")
    add("--seed", type=int, default=0, metavar="N", help="of the simulated model (default 0)")
    add("--mock-picture", metavar="FILE", help="wide picture that the simulated model redraws; none for texture")
    add("--mock-origin", type=_point, metavar="X,Y", help="where the seed picture lies in it (default 0,0)")
    add("--mock-drift", type=float, metavar="F", help="how far off the simulated model redraws; 0 is exact")
    add("--mock-drift-profile", metavar="NAME", help="kind of model it acts: smooth (default), latent, gemini ...")
    add("--mock-misbehave", metavar="NAME", help="a fault of the simulated model, such as blur, cast or mirror")

    add = parser.add_argument_group("the real model").add_argument
    add("--model", metavar="NAME", help="see the verb models")
    add("--quality", default=QUALITY_DEFAULT, metavar="WORD", help=f"as the model allows (default {QUALITY_DEFAULT})")
    add("--complexity", metavar="WORD", help="as the model allows")
    add("--input-fidelity", metavar="WORD", help="as the model allows")
    add("--calls", choices=("batch", "each"), default="batch", help="all tiles in one call (default), or one call each")
    add("--concurrency", type=int, metavar="N", help="calls of each under way at the same time (default all)")
    add("--stream", action="store_true", help="answers as event streams, which proxies do not cut; sets --calls each")
    add("--server", default="openai", metavar="NAME", help="recipe for a compatible server; see the verb models")
    add("--server-file", metavar="FILE", help="TOML file with the settings of a server; see REFERENCE.md")
    add("--server-set", action="append", metavar="NAME=VALUE", help="one setting of a server file; repeatable")
    add("--fetch-from", action="append", metavar="HOST", help="also fetch pictures by address from here; repeatable")
    add("--base-url", metavar="URL", help="of a compatible server")
    add("--key-file", metavar="FILE", help="file that holds the key (default: the variable OPENAI_API_KEY)")
    add("--allow-insecure-http", action="store_true", help="plain http to another machine")

    add = parser.add_argument_group("paying").add_argument
    add("--yes", action="store_true", help="pay without asking; required where there is no terminal")
    add("--budget", type=usd_amount, metavar="USD", help=f"most for the {spender} (default: EXQUISITE_BUDGET)")
    add("--dry-run", action="store_true", help="show the request and its estimate, send nothing")
    add("--retry-ambiguous", action="store_true", help="ask again where an outcome is unknown; may pay twice")

    add = parser.add_argument_group("recording").add_argument
    add("--cassette", metavar="FILE", help="recording to replay or write (default: EXQUISITE_CASSETTE)")
    add("--record-mode", metavar="MODE", help="none, once, new_episodes or all (default: EXQUISITE_RECORD_MODE, none)")
    add(
        "--block-network",
        action="store_true",
        default=None,
        help="send nothing, whatever the record mode (default: EXQUISITE_BLOCK_NETWORK)",
    )


def budget_of(args: argparse.Namespace) -> Decimal | None:
    """USD that the session may cost: --budget, else EXQUISITE_BUDGET, else no limit."""
    text = os.environ.get("EXQUISITE_BUDGET", "").strip()
    if args.budget is not None or not text:
        return args.budget  # type: ignore[no-any-return]
    try:
        return usd_amount(text)
    except argparse.ArgumentTypeError as error:
        raise UsageError(f"EXQUISITE_BUDGET: {error}") from None


@contextlib.contextmanager
def make_generator(
    args: argparse.Namespace,
    simulated: Mapping[str, Any],
    folder: Path,
    *,
    consent: Consent | None = None,
    tell: Callable[[str], None] = lambda _line: None,
) -> Iterator[TileGenerator]:
    """The generator that `args` ask for, as a context; leaving it checks that a replay was used up.

    Args:
        args: from `add_generator_options`.
        simulated: what the session remembers for the simulated model; see `simulated_record`.
        folder: the session's, from which remembered paths are relative.
        consent: what a person agrees to before money is spent; None where nobody can be asked.
        tell: hears one line about the generator, before it works.

    Raises:
        UsageError, PaymentError, ReplayError: before anything is sent.
    """
    if args.generator == "mock":
        yield _mock(args, simulated, folder, tell)
        return
    from ..api.cassette import ended

    server = _server(args)
    client, transport = _client(args, server)
    if args.generator == "replay":
        tell(f"replaying {transport.cassette.path}: nothing is sent")
    agreed = args.yes or args.dry_run or server.free or not _may_send(transport)
    if not agreed and consent is None:
        raise PaymentError("this may cost money, and there is no terminal to ask: add --yes (and a --budget)")
    with ended(transport) if transport is not None else contextlib.nullcontext():
        yield AskingFirst(client, Agreed() if agreed or consent is None else consent)


def simulated_record(args: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """What a new session remembers for the simulated model: the picture it redraws, and where the seed lies in it."""
    if args.mock_picture in (None, "none"):
        return {}
    return {"picture": os.path.relpath(args.mock_picture, folder), "origin": list(args.mock_origin or (0, 0))}


def _mock(
    args: argparse.Namespace, simulated: Mapping[str, Any], folder: Path, tell: Callable[[str], None]
) -> TileGenerator:
    from ..api.mock import DEFAULT_STRENGTH, MockTileGenerator
    from ..api.mock.drift import PROFILE_DEFAULT

    drift = DEFAULT_STRENGTH if args.mock_drift is None else args.mock_drift
    profile = args.mock_drift_profile or PROFILE_DEFAULT
    path, origin = None, args.mock_origin or (0, 0)
    if args.mock_picture is not None:
        path = None if args.mock_picture == "none" else Path(args.mock_picture)
    elif simulated:
        path = Path(os.path.normpath(folder / simulated["picture"]))
        origin = args.mock_origin or tuple(simulated["origin"])
        if not path.exists():
            tell(f"{path}, which the simulated model redrew so far, is gone: it makes texture now")
            path = None
    if path is None:
        tell("the simulated model continues the band with texture of its own; no key, no network, no cost")
        return MockTileGenerator(seed=args.seed, drift=drift, profile=profile, misbehave=args.mock_misbehave)
    tell(f"the simulated model redraws {os.path.relpath(path)} with drift; no key, no network, no cost")
    picture = open_picture(path).convert("RGB")
    return MockTileGenerator(
        seed=args.seed, picture=picture, origin=origin, drift=drift, profile=profile, misbehave=args.mock_misbehave
    )


def _client(args: argparse.Namespace, server: ServerSettings) -> tuple[OpenAITileGeneratorClient, Any]:
    """The client of `server` and its transport; None for the network."""
    if importlib.util.find_spec("httpx") is None:
        raise ExquisiteError(f"the generator {args.generator!r} needs httpx: pip install httpx")
    from ..api.cassette import settings_from_environment, transport_from_settings
    from ..api.openai_client import OpenAITileGeneratorClient
    from ..api.secret import find_key
    from ..api.servers import is_openai

    settings = settings_from_environment(
        cassette=args.cassette, record_mode=args.record_mode, block_network=args.block_network
    )
    if args.generator == "replay" and settings.path is None:
        raise UsageError("a replay needs a recording: name it with --cassette, or in EXQUISITE_CASSETTE")
    transport = transport_from_settings(settings)
    client = OpenAITileGeneratorClient(
        key_file=args.key_file,
        model=args.model,
        base_url=args.base_url,
        server=server,
        quality=args.quality,
        complexity=args.complexity,
        input_fidelity=args.input_fidelity,
        calls=args.calls,
        concurrency=args.concurrency,
        allow_insecure_http=args.allow_insecure_http,
        transport=transport,
    )
    may_send = not args.dry_run and _may_send(transport)
    if may_send and is_openai(client.base_url) and not find_key(None, args.key_file, server.key_variable, os.environ):
        raise UsageError(f"there is no key: set {server.key_variable}, or name a file with --key-file")
    if may_send:
        client.check_connection()
    return client, transport


def _server(args: argparse.Namespace) -> ServerSettings:
    """The server that `args` describe: a recipe, changed by a file, changed by single settings."""
    from ..api.server_file import changed_server, find_recipe, read_assignments, read_server_file
    from ..api.servers import OPENAI

    server = find_recipe(args.server)
    if args.server_file:
        server = read_server_file(args.server_file, None if server is OPENAI else server)
    server = changed_server(server, read_assignments(args.server_set or ()), "--server-set")
    server = changed_server(server, {"stream": True} if args.stream else {}, "--stream")
    return changed_server(server, {"fetch_from": [*server.fetch_from, *(args.fetch_from or ())]}, "--fetch-from")


def _may_send(transport: Recording | None) -> bool:
    """Whether a request can leave and so can cost money; None is the network."""
    return transport is None or transport.may_send


def _point(text: str) -> tuple[int, int]:
    try:
        x, y = map(int, text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no place: write X,Y in pixels") from None
    return x, y


def usd_amount(text: str) -> Decimal:
    """An amount of dollars on the command line.

    Raises:
        ArgumentTypeError: it is none.
    """
    try:
        usd = Decimal(text)
    except InvalidOperation:
        usd = Decimal(-1)
    if not usd.is_finite() or usd < 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no amount: write dollars, such as 2.50")
    return usd
