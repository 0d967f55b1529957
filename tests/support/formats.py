"""Generates FORMAT.md from the record types, and checks that a record conforms to its type."""

from __future__ import annotations

import types
from collections.abc import Iterator
from typing import Annotated, Any, Literal, NotRequired, Required, Union, get_args, get_origin, get_type_hints

from exquisite.pipeline.formats import RECORDS

__all__ = ["document", "violations"]

_HEAD = """# The format of a session

A session is a folder of PNG and JSON files. Format version 1; a program refuses a record whose `format` is higher, and
reads every lower one. JSON is UTF-8, two spaces deep. The last key `sha256` of a sealed record is the hash of the same
text without that key: a flipped bit, a cut end or an edit by hand makes the two disagree. `verify` checks them all.

Sizes are [width, height] and points [x, y], in pixels; coordinates are signed, from the top left of the seed picture.
Amounts of money are decimal numbers in USD, as text. A field in italics may be missing.
"""


def document() -> str:
    """The text of FORMAT.md."""
    return "\n".join([_HEAD, *(section for record in RECORDS for section in _section(record))])


def _section(record: type) -> Iterator[str]:
    yield f"## {record.__name__}\n\n{(record.__doc__ or '').strip()}\n\n| field | type | meaning |\n|---|---|---|"
    for name, hint in get_type_hints(record, include_extras=True).items():
        kind, meaning = _described(hint)
        cell = f"*`{name}`*" if get_origin(hint) is NotRequired else f"`{name}`"
        yield f"| {cell} | {kind} | {meaning} |"
    yield ""


def _described(hint: Any) -> tuple[str, str]:
    """(type, meaning) of a field."""
    if get_origin(hint) in (NotRequired, Required):
        return _described(get_args(hint)[0])
    if get_origin(hint) is Annotated:
        inner, *notes = get_args(hint)
        return _name(inner), str(notes[-1])
    return _name(hint), ""


def _name(hint: Any) -> str:
    """A type as FORMAT.md writes it."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _name(arguments[0])
    if origin is Literal:
        return ", ".join(f'"{value}"' for value in arguments)
    if origin in (Union, types.UnionType):
        return " or ".join(map(_name, arguments))
    if origin is list:
        return f"list of {_name(arguments[0])}"
    if origin is dict:
        return "object" if arguments[1] is Any else f"object of {_name(arguments[1])}"
    if hint in RECORDS:
        return f"[{hint.__name__}](#{hint.__name__.lower()})"
    return {str: "text", int: "whole number", float: "number", bool: "true or false", type(None): "null"}[hint]


def violations(value: object, hint: Any, path: str = "") -> list[str]:
    """The violations of a type by a JSON value: missing, additional and mistyped fields, by path."""
    origin, arguments = get_origin(hint), get_args(hint)
    if hint is Any:
        return []
    if origin in (Annotated, NotRequired, Required):
        return violations(value, arguments[0], path)
    if origin is Literal:
        return [] if value in arguments else [f"{path}: {value!r} is none of {arguments}"]
    if origin in (Union, types.UnionType):
        results = [violations(value, each, path) for each in arguments]
        return [] if [] in results else min(results, key=len)
    if origin is list:
        if not isinstance(value, list):
            return [f"{path}: {value!r} is no list"]
        return [text for at, each in enumerate(value) for text in violations(each, arguments[0], f"{path}[{at}]")]
    if origin is dict:
        if not isinstance(value, dict):
            return [f"{path}: {value!r} is no object"]
        return [text for key, each in value.items() for text in violations(each, arguments[1], f"{path}.{key}")]
    if hint in RECORDS:
        return _violations_of_record(value, hint, path)
    if hint is float:
        return [] if isinstance(value, int | float) and not isinstance(value, bool) else [f"{path}: {value!r}"]
    return [] if type(value) is hint or (hint is type(None) and value is None) else [f"{path}: {value!r} is no {hint}"]


def _violations_of_record(value: object, record: Any, path: str) -> list[str]:
    if not isinstance(value, dict):
        return [f"{path}: {value!r} is no {record.__name__}"]
    hints = get_type_hints(record, include_extras=True)
    required = [name for name, hint in hints.items() if get_origin(hint) is not NotRequired]
    missing = [f"{path}.{name} is missing" for name in required if name not in value]
    surplus = [f"{path}.{name} is not in {record.__name__}" for name in value if name not in hints]
    inner = [text for name in value if name in hints for text in violations(value[name], hints[name], f"{path}.{name}")]
    return missing + surplus + inner
