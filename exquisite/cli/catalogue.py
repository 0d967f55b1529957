"""The verb models: the registry of models, and the recipes of servers."""

from __future__ import annotations

import argparse
import json
from datetime import date
from typing import Any

from ..api.models import GPT_MODEL_AUTHORITY, MODELS, QUALITY_DEFAULT, Model, estimate_usd
from ..api.server_file import as_settings
from ..api.servers import SERVERS, ServerSettings
from .arguments import Verbs, add_common_options, add_verb
from .output import Output, table

__all__ = ["add_verbs"]

_TILES = 3  # number of tiles in the estimate: the default of a step


def add_verbs(verbs: Verbs) -> None:
    """Add this module's verb to the grammar."""
    models = add_verb(
        verbs, "models", _models, "", "list models and servers, with dates and prices", "", "--json", session=False
    )
    add_common_options(models, branch=False)


def _models(args: argparse.Namespace, output: Output) -> int:
    today = date.today()
    models: list[list[object]] = [["model", "status", "until", "qualities", f"{_TILES} tiles, {QUALITY_DEFAULT}", ""]]
    models += [_model_row(model, today) for model in MODELS.values()]
    sources = sorted({str(source) for m in MODELS.values() for source in (m.prices_source, m.tokens_source)})
    servers = "\n\n".join(_server_text(server) for server in SERVERS.values())
    text = f"{table(models)}\n\nprices and tokens: {'; '.join(sources)}\n\nservers, as in a server file:\n\n{servers}"
    data = {
        "models": [_model_data(model, today) for model in MODELS.values()],
        "servers": {name: server.base_url for name, server in SERVERS.items()},
        "recipes": {name: as_settings(server) for name, server in SERVERS.items()},
    }
    output.result(text, data)
    return 0


def _model_row(model: Model, today: date) -> list[object]:
    status = model.status(today)
    usd = estimate_usd(model.name, QUALITY_DEFAULT, _TILES)
    default = model.name == GPT_MODEL_AUTHORITY
    note = "default" if default else f"use {model.replacement}" if status != "active" else ""
    price = f"about ${usd:.2f}" + ("" if model.verified else " (assumed)")
    return [model.name, status, str(model.shutdown or "-"), " ".join(model.qualities), price, note]


def _model_data(model: Model, today: date) -> dict[str, Any]:
    return {
        "model": model.name,
        "status": model.status(today),
        "shutdown": None if model.shutdown is None else str(model.shutdown),
        "qualities": list(model.qualities),
        "complexities": list(model.complexities),
        "input_fidelities": list(model.input_fidelities),
        "estimate_usd": str(estimate_usd(model.name, QUALITY_DEFAULT, _TILES)),
        "prices": str(model.prices),
        "prices_source": str(model.prices_source),
        "output_tokens": dict(model.output_tokens),
        "tokens_source": str(model.tokens_source),
        "verified": model.verified,
        "default": model.name == GPT_MODEL_AUTHORITY,
    }


def _server_text(server: ServerSettings) -> str:
    """A server's note, and the lines of the server file that describe it."""
    lines = [f"{server.name}: {server.note or 'the default'}"]
    settings = {"base_url": server.base_url, "key_variable": server.key_variable, **as_settings(server)}
    lines += [f"    {name} = {_toml(value)}" for name, value in settings.items() if name != "note"]
    return "\n".join(lines)


def _toml(value: object) -> str:
    """A value of a setting as TOML writes it."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {_toml(item)}" for key, item in value.items()) + "}"
    return json.dumps(value)
