"""Parses the options --arm and --vary into the arms of an experiment.

    --arm base --arm "soft,feather_px=32,prompt=rooftops, fine ink"      named arms; prompt takes the rest of the text
    --vary feather_px=0,16,32 --vary calibrate=true,false                every arm with every combination of values
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

from ..api.prompt import check_words
from ..errors import UsageError
from ..pipeline.experiment.plan import Arm
from ..pipeline.step.options import AUTO, OPTION_ALIASES, StepOptions
from .arguments import changed_options
from .generators import GENERATORS

__all__ = ["GENERATOR_SETTINGS", "arms_from"]

Settings = dict[str, str]

_SIMULATED = ("seed", "mock_picture", "mock_origin", "mock_drift", "mock_drift_profile", "mock_misbehave")
_REAL = ("model", "quality", "complexity", "input_fidelity", "calls", "server", "server_file", "base_url")

GENERATOR_SETTINGS = {"mock": _SIMULATED, "openai": _REAL, "replay": (*_REAL, "cassette")}
"""The options that each generator uses, by their names on the command line."""

_ALL_GENERATOR_SETTINGS = {key for keys in GENERATOR_SETTINGS.values() for key in keys} - {"mock_origin"}

_WORDS = ("prompt", "clause")
"""Settings whose value is the rest of the text with its commas: another user prompt, or a clause added to it."""

_OPTIONS = StepOptions()
_TRUTH = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def arms_from(args: argparse.Namespace) -> list[Arm]:
    """The arms that --arm and --vary describe, on top of the shared options; empty without either.

    Raises:
        UsageError: a setting is unknown, its value is invalid, or the arm's generator does not use it.
    """
    named = [_parsed(text) for text in args.arm]
    varied = [_varied(text) for text in args.vary]
    if not named and not varied:
        return []
    if twice := {key for key, _ in varied} & {key for _, settings in named for key in settings}:
        raise UsageError(f"{min(twice)} is set by --vary and by an arm: set it in one of them")
    if len({key for key, _ in varied}) < len(varied):
        raise UsageError("two --vary name the same setting: put all its values into one")
    combinations = list(product(*([(key, value) for value in values] for key, values in varied)))
    arms: list[Arm] = []
    for base, settings in named or [("", {})]:
        for number, combination in enumerate(combinations, start=1):
            numbered = f"{base}-{number}" if base and varied else base
            arms.append(_arm(numbered or str(len(arms) + 1), {**settings, **dict(combination)}, args))
    return arms


def _parsed(text: str) -> tuple[str, Settings]:
    """The name and the settings of one --arm: an optional name, then KEY=VALUE,KEY=VALUE."""
    name, settings, rest = "", Settings(), text
    while rest:
        part, _, after = rest.partition(",")
        key, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals and (name or settings or not key):
            raise UsageError(f"--arm {text!r}: {part!r} is not a setting: write NAME,KEY=VALUE,KEY=VALUE")
        if key in settings:
            raise UsageError(f"--arm {text!r}: {key} is set twice")
        if not equals:
            name = key
        elif key in _WORDS:
            settings[key], after = rest.partition("=")[2].strip(), ""
        else:
            settings[key] = value
        rest = after
    return name, settings


def _varied(text: str) -> tuple[str, Sequence[str]]:
    """The key and the values of one --vary: KEY=VALUE,VALUE; prompts are separated by | instead."""
    key, equals, values = text.partition("=")
    mark = "|" if key.strip() in _WORDS else ","
    if not equals or not key.strip():
        raise UsageError(f"--vary {text!r} is not a setting: write KEY=VALUE,VALUE, such as feather_px=0,16")
    return key.strip(), [value.strip() for value in values.split(mark)]


def _arm(name: str, settings: Mapping[str, str], args: argparse.Namespace) -> Arm:
    options: dict[str, Any] = {"gate": None, **changed_options(args)}
    generator: dict[str, Any] = {"generator": settings.get("generator", args.generator)}
    if generator["generator"] not in GENERATORS:
        raise UsageError(f"unknown generator {generator['generator']!r}: use one of {', '.join(GENERATORS)}")
    usable = GENERATOR_SETTINGS[generator["generator"]]
    generator |= {key: getattr(args, key) for key in usable if getattr(args, key) is not None}
    words = [settings.get("prompt", args.prompt), settings.get("clause", "")]
    for setting, text in settings.items():
        key = OPTION_ALIASES.get(setting, setting)
        if key in _OPTIONS.values():
            options[key] = _option(key, text)
        elif key in _ALL_GENERATOR_SETTINGS and key in usable:
            generator[key] = _generator_value(key, text)
        elif key in _ALL_GENERATOR_SETTINGS:
            raise UsageError(f"{key} has no effect on the generator {generator['generator']}: set generator= as well")
        elif key not in (*_WORDS, "generator"):
            names = sorted({*_OPTIONS.values(), *_ALL_GENERATOR_SETTINGS, *_WORDS, "generator"})
            raise UsageError(f"unknown setting {key!r} of an arm: use one of {', '.join(names)}")
    return Arm(name, StepOptions.from_values(options), check_words(" ".join(filter(None, words))), generator)


def _option(key: str, text: str) -> Any:
    """Parse the value of a step option."""
    if key == "gate":
        return None if text == "none" else _number(key, text, float)
    if key == "feather_px" and text == AUTO:
        return text
    default = getattr(_OPTIONS, key)
    if isinstance(default, bool):
        if text not in _TRUTH:
            raise UsageError(f"{key}={text} is neither true nor false")
        return _TRUTH[text]
    if isinstance(default, tuple):
        return () if text == "none" else tuple(text.split("+"))
    return _number(key, text, type(default)) if isinstance(default, int | float) else text


def _generator_value(key: str, text: str) -> Any:
    if key == "calls" and text not in ("batch", "each"):
        raise UsageError(f"calls={text}: use batch or each")
    kind = {"seed": int, "mock_drift": float}.get(key)
    return text if kind is None else _number(key, text, kind)


def _number(key: str, text: str, kind: type[int] | type[float]) -> float:
    try:
        return kind(text)
    except ValueError:
        raise UsageError(f"{key}={text} is not a {'whole number' if kind is int else 'number'}") from None
