"""Reads the settings of a server from a TOML file or single assignments, and reports all problems at once.

    recipe = "openai"                                  # whose settings are changed; the default
    base_url = "https://api.deepinfra.com/v1/openai"
    key_variable = "DEEPINFRA_TOKEN"
    image_field = "image"
    mask = "omit"
    omit_fields = ["quality", "background"]
    prices = {per_picture = 0.025}
    timeouts = {read_s = 900}

The keys are the fields of `ServerSettings`; `headers` and `query` are its `extra_headers` and `extra_query`. A table
extends that of the recipe, every other value replaces it.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ..errors import UsageError
from ..files import read_settings
from ..json_types import JsonObject
from .models import FREE, MODELS
from .prices import Prices
from .servers import OPENAI, SERVERS, ServerSettings, Timeouts, is_openai

__all__ = ["as_settings", "changed_server", "find_recipe", "read_assignments", "read_server_file"]

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")  # RFC 9110, section 5.6.2: token
_SECONDS_MAX = 24 * 3600  # a day: far above the time for any picture
_HOST = re.compile(r"[A-Za-z0-9.-]+|(?:[0-9A-Fa-f]*:){2}[0-9A-Fa-f:.]*")  # a name or an address, without a port


class _WrongValueError(Exception):
    """An invalid value of a setting. The message describes valid values, without the value: it may be secret."""


def read_server_file(path: Path | str, base: ServerSettings | None = None) -> ServerSettings:
    """Read the settings in a TOML file; `base` replaces the recipe in the file.

    Raises:
        UsageError: the file is unreadable or no TOML, or settings are invalid; the message names all of them.
    """
    where = f"the server file {path}"
    try:
        values = tomllib.loads(read_settings(path).decode("utf-8-sig"))
    except OSError as error:
        raise UsageError(f"{where} cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        raise UsageError(f"{where} is not UTF-8 at byte {error.start}: save it as UTF-8") from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise UsageError(f"{where} is no TOML: {error}; write one NAME = VALUE a line, texts in quotes") from None
    recipe = values.pop("recipe", OPENAI.name)
    server = base or find_recipe(recipe if isinstance(recipe, str) else "", f"{where}: recipe")
    return changed_server(replace(server, name=Path(path).stem), values, where)


def find_recipe(name: str, where: str = "--server") -> ServerSettings:
    """Return a recipe by name.

    Raises:
        UsageError: there is no such recipe.
    """
    if name not in SERVERS:
        raise UsageError(f"{where}: unknown server {name!r}: use one of {', '.join(SERVERS)}")
    return SERVERS[name]


def read_assignments(words: Sequence[str]) -> JsonObject:
    """Parse words such as `mask=omit` or `timeouts.read_s=900` to settings as in a file.

    The value is TOML, or else a text without quotes.

    Raises:
        UsageError: a word without a name or an equals sign.
    """
    settings: dict[str, Any] = {}
    for word in words:
        name, equals, text = (part.strip() for part in word.partition("="))
        keys = name.split(".")
        if not equals or not all(keys):
            raise UsageError(f"--server-set {name!r}: write NAME=VALUE, such as extra_fields.moderation=low")
        try:
            value = tomllib.loads(f"value = {text}")["value"]
        except (tomllib.TOMLDecodeError, RecursionError):
            value = text
        table = settings
        for key in keys[:-1]:
            inner = table.setdefault(key, {})
            if not isinstance(inner, dict):
                raise UsageError(f"--server-set {name!r}: {key} is set to a value already")
            table = inner
        table[keys[-1]] = value
    return settings


def changed_server(server: ServerSettings, settings: Mapping[str, object], where: str) -> ServerSettings:
    """Apply `settings`, with the names of a server file, to `server`; `where` is their origin, for messages.

    Raises:
        UsageError: unknown names, values of a wrong type or range, or contradictory settings.
    """
    problems: list[str] = []
    changes: dict[str, Any] = {}
    if unknown := sorted(set(settings) - set(_READERS)):
        problems.append(f"unknown: {', '.join(unknown)} (use {', '.join(_READERS)})")
    for name in settings.keys() & _READERS.keys():
        field = _FIELDS.get(name, name)
        try:
            changes[field] = _READERS[name](settings[name])
        except (_WrongValueError, UsageError) as problem:
            problems.append(f"{name} {problem}")
    for field in ("extra_headers", "extra_query", "extra_fields"):
        if field in changes:
            changes[field] = MappingProxyType({**getattr(server, field), **changes[field]})
    if "timeouts" in changes:
        changes["timeouts"] = replace(server.timeouts, **changes["timeouts"])
    problems += _contradictions(server, changes)
    if problems:
        raise UsageError(f"{where}: {'; '.join(sorted(problems))}")
    return replace(server, **changes)


def as_settings(server: ServerSettings) -> JsonObject:
    """The settings of a server file that turn the recipe `openai` into `server`, without its name."""
    names = {field: name for name, field in _FIELDS.items()}
    settings: dict[str, Any] = {}
    for field in fields(server):
        value, default = getattr(server, field.name), getattr(OPENAI, field.name)
        if value == default or field.name == "name":
            continue
        if isinstance(value, Mapping):
            value = dict(value)
        elif isinstance(value, tuple):
            value = list(value)
        elif isinstance(value, Timeouts | Prices):
            changed = {f.name: getattr(value, f.name) for f in fields(value)}
            value = {name: float(number) for name, number in changed.items() if number}
        settings[names.get(field.name, field.name)] = value
    return settings


def _contradictions(server: ServerSettings, changes: Mapping[str, Any]) -> list[str]:
    """Problems of combinations of valid settings."""
    problems = []
    if len(changes.keys() & {"prices", "priced_as"}) + bool(changes.get("free")) > 1:
        problems.append("free, prices and priced_as exclude each other: keep one")
    elsewhere = "base_url" in changes and not is_openai(changes["base_url"])
    if elsewhere and "key_variable" not in changes and server.key_variable == OPENAI.key_variable:
        problems.append('base_url is not OpenAI\'s: name the variable of its key with key_variable ("" for no key)')
    key_header = changes.get("auth_header", server.auth_header).lower()
    if any(name.lower() == key_header for name in changes.get("extra_headers", ())):
        problems.append("headers holds the header of the key: put the key into its variable or into a key file")
    return problems


def _text(value: object) -> str:
    if not isinstance(value, str) or not value.isprintable():
        raise _WrongValueError("must be a text on one line")
    return value


def _name(value: object) -> str:
    if not _text(value).strip():
        raise _WrongValueError("must not be empty")
    return _text(value)


def _matching(pattern: re.Pattern[str], what: str) -> Callable[[object], str]:
    def read(value: object) -> str:
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise _WrongValueError(f"must be {what}")
        return value

    return read


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise _WrongValueError("must be true or false")
    return value


def _choice(*words: str) -> Callable[[object], str]:
    def read(value: object) -> str:
        if value not in words:
            raise _WrongValueError(f"must be one of {', '.join(words)}")
        return str(value)

    return read


def _mask(value: object) -> str:
    return _choice("send", "omit")({True: "send", False: "omit"}[value] if isinstance(value, bool) else value)


def _list(read_item: Callable[[object], str]) -> Callable[[object], tuple[str, ...]]:
    def read(value: object) -> tuple[str, ...]:
        if not isinstance(value, list):
            raise _WrongValueError("must be a list, such as [\"one\", \"two\"]")
        return tuple(read_item(item) for item in value)

    return read


def _table(read_key: Callable[[object], str]) -> Callable[[object], dict[str, str]]:
    """Make a reader of tables of texts, numbers and booleans; all become text."""

    def read(value: object) -> dict[str, str]:
        if not isinstance(value, dict):
            raise _WrongValueError("must be a table, such as {name = \"value\"}")
        texts = {}
        for key, item in value.items():
            if not isinstance(item, str | int | float):
                raise _WrongValueError(f"of {key!r} must be a text, a number, true or false")
            text = str(item).lower() if isinstance(item, bool) else str(item)
            if not text.isprintable():
                raise _WrongValueError(f"of {key!r} must be on one line")
            texts[read_key(key)] = text
        return texts

    return read


def _headers(value: object) -> dict[str, str]:
    headers = _table(_matching(_HEADER, "names of headers"))(value)
    if not all(text.isascii() for text in headers.values()):
        raise _WrongValueError("must hold ASCII only")
    return headers


def _timeouts(value: object) -> dict[str, float]:
    names = [field.name for field in fields(Timeouts)]
    if not isinstance(value, dict) or not value.keys() <= set(names):
        raise _WrongValueError(f"must be a table of {', '.join(names)}")
    for name, seconds in value.items():
        number = isinstance(seconds, int | float) and not isinstance(seconds, bool)
        if not number or not 0 < seconds <= _SECONDS_MAX:
            raise _WrongValueError(f"of {name} must be a number of seconds above 0, a day at most")
    return {name: float(seconds) for name, seconds in value.items()}


def _prices(value: object) -> Prices:
    if not isinstance(value, dict):
        raise _WrongValueError("must be a table, such as {per_picture = 0.04}")
    return Prices.parse(" ".join(f"{name}={usd}" for name, usd in value.items()))


# Keys in a file -> fields of `ServerSettings` with another name.
_FIELDS = {"headers": "extra_headers", "query": "extra_query"}

_READERS: Mapping[str, Callable[[object], Any]] = {
    "note": _text,
    "base_url": _name,
    "model": _text,
    "key_variable": lambda value: value if value == "" else _matching(_VARIABLE, "the name of a variable")(value),
    "auth_header": _matching(_HEADER, "the name of a header"),
    "image_field": _name,
    "mask_field": _name,
    "mask": _mask,
    "headers": _headers,
    "query": _table(_name),
    "extra_fields": _table(_name),
    "omit_fields": _list(_name),
    "priced_as": _choice(FREE, *MODELS),
    "prices": _prices,
    "free": _flag,
    "fetch_from": _list(_matching(_HOST, "hosts without a port, such as files.example.com")),
    "timeouts": _timeouts,
    "stream": _flag,
    "lossy": _choice("accept", "refuse"),
}
