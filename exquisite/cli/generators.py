"""Makes the generator that the command line names: the simulated model, the real one, or a replay."""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import os
from collections.abc import Callable, Iterator
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING

from ..api.generator import TileGenerator
from ..api.models import QUALITY_DEFAULT
from ..errors import ExquisiteError, PaymentError, UsageError
from ..json_types import JsonMapping, JsonObject
from ..pipeline.fitting import open_picture
from .consent import AdvanceConsent, Consent, GeneratorWithConsent

if TYPE_CHECKING:
    from ..api.cassette.transport import BlockedTransport, Transport
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
"""The values of `--generator`."""


def add_generator_options(parser: argparse.ArgumentParser, spender: str = "session") -> None:
    """Add the options of generators, payment and recordings; the budget is the one of `spender`."""
    add = parser.add_argument_group("generator").add_argument
    add("--generator", choices=GENERATORS, default="mock", help="simulated model (default), real model, or a replay")
    add("--seed", type=int, default=0, metavar="N", help="random seed of the simulated model (default 0)")
    add("--mock-picture", metavar="FILE", help="wide picture that the simulated model redraws; none for texture")
    add("--mock-origin", type=_point, metavar="X,Y", help="position of the seed picture in it (default 0,0)")
    add("--mock-drift", type=float, metavar="F", help="strength of the simulated model's drift; 0 for none")
    add("--mock-drift-profile", metavar="NAME", help="kind of simulated drift: smooth (default), latent, gemini ...")
    add("--mock-misbehave", metavar="NAME", help="a fault of the simulated model, such as blur, cast or mirror")

    add = parser.add_argument_group("real model").add_argument
    add("--model", metavar="NAME", help="name of the model; the verb models lists them")
    add("--quality", default=QUALITY_DEFAULT, metavar="WORD", help=f"a value of the model (default {QUALITY_DEFAULT})")
    add("--complexity", metavar="WORD", help="a value of the model")
    add("--input-fidelity", metavar="WORD", help="a value of the model")
    add("--calls", choices=("batch", "each"), default="batch", help="one call for all tiles (default), or one for each")
    add("--concurrency", type=int, metavar="N", help="number of concurrent calls with --calls each (default all)")
    add("--stream", action="store_true", help="receive answers as event streams; implies --calls each")
    add("--server", default="openai", metavar="NAME", help="recipe of a compatible server; the verb models lists them")
    add("--server-file", metavar="FILE", help="TOML file with the settings of a server; see REFERENCE.md")
    add("--server-set", action="append", metavar="NAME=VALUE", help="one setting of a server file; repeatable")
    add("--fetch-from", action="append", metavar="HOST", help="host from which pictures may be downloaded; repeatable")
    add("--base-url", metavar="URL", help="address of a compatible server")
    add("--key-file", metavar="FILE", help="file that holds the key (default: the variable OPENAI_API_KEY)")
    add("--allow-insecure-http", action="store_true", help="allow plain http to another machine")

    add = parser.add_argument_group("payment").add_argument
    add("--yes", action="store_true", help="pay without asking; required without a terminal")
    add("--budget", type=usd_amount, metavar="USD", help=f"limit for the {spender} (default: EXQUISITE_BUDGET)")
    add("--dry-run", action="store_true", help="show the request and its estimate, send nothing")
    add("--retry-ambiguous", action="store_true", help="resend calls of unknown outcome; may pay twice")

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
    """The budget of the session in USD: --budget, else EXQUISITE_BUDGET, else None for no limit."""
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
    simulated: JsonMapping,
    folder: Path,
    *,
    consent: Consent | None = None,
    note: Callable[[str], None] = lambda _line: None,
) -> Iterator[TileGenerator]:
    """The generator that `args` name, as a context manager; its exit checks that a replay was used completely.

    Args:
        args: the options of `add_generator_options`.
        simulated: the session's record for the simulated model; see `simulated_record`.
        folder: the folder of the session; paths in `simulated` are relative to it.
        consent: asks before money is spent; None without a terminal.
        note: called with one line about the generator before it works.

    Raises:
        UsageError, PaymentError: before anything is sent.
        ReplayError: on exit, when the recording holds unused interactions.
    """
    if args.generator == "mock":
        yield _mock(args, simulated, folder, note)
        return
    from ..api.cassette import ended

    server = _server(args)
    client, transport = _client(args, server, note)
    agreed = args.yes or args.dry_run or server.free or not _may_send(transport)
    if not agreed and consent is None:
        raise PaymentError("this may cost money, and there is no terminal to ask: add --yes (and a --budget)")
    with ended(transport) if transport is not None else contextlib.nullcontext():
        yield GeneratorWithConsent(client, AdvanceConsent() if agreed or consent is None else consent)


def simulated_record(args: argparse.Namespace, folder: Path) -> JsonObject:
    """A new session's record for the simulated model: the picture that it redraws, and the seed's position in it."""
    if args.mock_picture in (None, "none"):
        return {}
    return {"picture": os.path.relpath(args.mock_picture, folder), "origin": list(args.mock_origin or (0, 0))}


def _mock(
    args: argparse.Namespace, simulated: JsonMapping, folder: Path, note: Callable[[str], None]
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
            note(f"{path}, which the simulated model redrew so far, is missing: it draws texture now")
            path = None
    if path is None:
        note("the simulated model continues the band with texture; no key, no network, no cost")
        return MockTileGenerator(seed=args.seed, drift=drift, profile=profile, misbehave=args.mock_misbehave)
    note(f"the simulated model redraws {os.path.relpath(path)} with drift; no key, no network, no cost")
    picture = open_picture(path).convert("RGB")
    return MockTileGenerator(
        seed=args.seed, picture=picture, origin=origin, drift=drift, profile=profile, misbehave=args.mock_misbehave
    )


def _client(
    args: argparse.Namespace, server: ServerSettings, note: Callable[[str], None]
) -> tuple[OpenAITileGeneratorClient, Transport | BlockedTransport | None]:
    """The client of `server`, and its recording transport; None for the network."""
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
    if args.generator == "replay":
        note(f"replaying {settings.path}: nothing is sent")
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
    """The server that `args` describe: a recipe, overridden by a file, overridden by single settings."""
    from ..api.server_file import changed_server, find_recipe, read_assignments, read_server_file
    from ..api.servers import OPENAI

    server = find_recipe(args.server)
    if args.server_file:
        server = read_server_file(args.server_file, None if server is OPENAI else server)
    server = changed_server(server, read_assignments(args.server_set or ()), "--server-set")
    server = changed_server(server, {"stream": True} if args.stream else {}, "--stream")
    return changed_server(server, {"fetch_from": [*server.fetch_from, *(args.fetch_from or ())]}, "--fetch-from")


def _may_send(transport: Recording | None) -> bool:
    """Whether a request can be sent, and so cost money; None is the network."""
    return transport is None or transport.may_send


def _point(text: str) -> tuple[int, int]:
    try:
        x, y = map(int, text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a position: give X,Y in pixels") from None
    return x, y


def usd_amount(text: str) -> Decimal:
    """The argparse type of an amount of dollars.

    Raises:
        ArgumentTypeError: `text` is not an amount of 0 or more.
    """
    try:
        usd = Decimal(text)
    except InvalidOperation:
        usd = Decimal(-1)
    if not usd.is_finite() or usd < 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not an amount: give dollars, such as 2.50")
    return usd
