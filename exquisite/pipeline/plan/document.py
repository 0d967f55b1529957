"""Reads a plan from a TOML file: prompts and options for ranges of steps or of new pixels.

    prompt = "a harbour town, fine ink hatching"      # for every line that does not set it

    [[line]]
    steps = [1, 10]                                   # the first ten steps
    clause = "at dawn"                                # text after the prompt

    [[line]]
    pixels = [2560, 4096]                             # the steps whose first new pixel lies in this range
    prompt = "the market"
    references = ["seed", "style.png"]
    scaffold = "market.png"                           # laid over the whole range

    [stop]
    refusals = 2                                      # stop when the gate has refused one step so often
    drift = true                                      # stop when the style drifts away from the seed picture
    budget = 12.5                                     # budget of the session in USD

An error lists all problems of a file at once. Paths of pictures are relative to the folder of the plan.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from ...api.prompt import check_words
from ...contract import Mode, TileContract
from ...errors import ContractError, ExquisiteError, UsageError
from ...files import read_settings
from ..fitting import rgb_file
from ..step.options import OPTION_ALIASES, StepOptions, is_picture_file
from ..step.reference_pictures import require_reaches

__all__ = ["PlanLine", "ScrollPlan", "StopRules", "read_plan"]

_WORDS = ("mode", "prompt", "clause")
_RANGES = ("steps", "pixels")
_SINGLE_STEP = {"close": "close belongs to a single step, after the plan"}
_OPTIONS = tuple(sorted(option.name for option in fields(StepOptions) if option.name not in _SINGLE_STEP))
_TOP = ("name", "contract", "line", "stop")
_Note = Callable[[object], None]  # adds a problem of a line
_MOST_STEPS = 100_000  # a longer plan is taken for a typing error


@dataclass(frozen=True)
class StopRules:
    """The conditions that stop a plan before its end.

    Attributes:
        refusals: number of refusals of one step by the gate that stops the plan, at least 1.
        drift: stop when the style drifts away from the seed picture.
        budget: budget of the session in USD; None for no limit.
    """

    refusals: int = 1
    drift: bool = False
    budget: Decimal | None = None


@dataclass(frozen=True)
class PlanLine:
    """One line of a plan.

    Attributes:
        number: position of its table in the file, from 1.
        first, last: its steps within the plan, from 1, inclusive.
        mode: direction of growth.
        prompt: the user prompt.
        options: the options of its first step.
    """

    number: int
    first: int
    last: int
    mode: Mode
    prompt: str
    options: StepOptions

    def options_of(self, step: int, contract: TileContract) -> StepOptions:
        """The options of a step of this line; a scaffold picture advances with the canvas."""
        if not is_picture_file(self.options.scaffold_fill):
            return self.options
        offset_px = self.options.scaffold_offset_px + (step - self.first) * contract.advance_px
        return replace(self.options, scaffold_offset_px=offset_px)


@dataclass(frozen=True)
class ScrollPlan:
    """A validated plan.

    Attributes:
        name: the name by which step records refer to it.
        sha256: hash of the file.
        lines: the lines in the order of their steps, without gaps.
        stop: the conditions that stop it early.
    """

    name: str
    sha256: str
    lines: tuple[PlanLine, ...]
    stop: StopRules = StopRules()

    @property
    def steps(self) -> int:
        """The number of steps."""
        return self.lines[-1].last

    def line_of(self, step: int) -> PlanLine:
        """The line that a step follows, from 1."""
        return next(line for line in self.lines if line.first <= step <= line.last)


def read_plan(path: Path | str, contract: TileContract, mode: Mode, options: Mapping[str, object]) -> ScrollPlan:
    """Read and validate the plan at `path`.

    Args:
        contract: the sizes of the session.
        mode: direction of lines that do not set it.
        options: fields of `StepOptions`, and the key "prompt", for lines that do not set them.

    Raises:
        UsageError: the file is unreadable, or not a valid plan; the message lists every problem with its line.
    """
    path, where = Path(path), f"the plan {path}"
    try:
        data = read_settings(path)
        document = tomllib.loads(data.decode("utf-8-sig"))
    except OSError as error:
        raise UsageError(f"{where} cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        raise UsageError(f"{where} is not UTF-8 at byte {error.start}: save it as UTF-8") from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise UsageError(f"{where} is no TOML: {error}") from None
    reader = _Reader(path.parent, contract, mode, options)
    plan = reader.plan(document, path.stem, hashlib.sha256(data).hexdigest())
    if reader.problems:
        raise UsageError("\n  ".join([f"{where} cannot be followed:", *reader.problems]))
    assert plan is not None
    return plan


class _Reader:
    """Reads one document and collects its problems."""

    def __init__(self, folder: Path, contract: TileContract, mode: Mode, options: Mapping[str, object]) -> None:
        self.problems: list[str] = []
        self._folder = folder
        self._contract = contract
        self._mode = mode
        self._options = dict(options)

    def plan(self, document: dict[str, Any], name: str, sha256: str) -> ScrollPlan | None:
        """The plan; None where there are problems."""
        tables = document.get("line")
        if not isinstance(tables, list) or not tables or not all(isinstance(table, dict) for table in tables):
            self.problems.append("it has no lines: add a table [[line]] for each range of steps")
            tables = []
        own_name = document.get("name", name)
        if not isinstance(own_name, str) or not own_name.strip():
            self.problems.append("name must be a text")
        self._check_contract(document.get("contract"))
        common = {key: value for key, value in document.items() if key not in _TOP}
        common = self._entries(common, (*_WORDS, *_OPTIONS), "above the lines")
        stop = self._stop(document.get("stop", {}))
        lines = [
            self._line(number, {**common, **self._entries(table, (*_WORDS, *_RANGES, *_OPTIONS), f"line {number}")})
            for number, table in enumerate(tables, start=1)
        ]
        self.problems += _range_problems([line for line in lines if line is not None])
        if self.problems:
            return None
        ordered = sorted((line for line in lines if line is not None), key=lambda line: line.first)
        return ScrollPlan(own_name, sha256, tuple(ordered), stop)

    def _entries(self, table: Mapping[str, Any], names: Sequence[str], where: str) -> dict[str, Any]:
        """The entries of `table` whose key is one of `names` or an alias of one; the others are problems."""
        keys = {key: OPTION_ALIASES.get(key, key) for key in table}
        for key in sorted(key for key in keys if keys[key] not in names):
            problem = f"unknown key {key!r}: use {', '.join(names)}"
            self.problems.append(f"{where}: {_SINGLE_STEP.get(key, problem)}")
        return {key: value for key, value in table.items() if keys[key] in names}

    def _check_contract(self, text: object) -> None:
        """Check that the contract in the plan, if any, is that of the session."""
        try:
            if text is not None and TileContract.parse(str(text)) != self._contract:
                self.problems.append(f"contract {text} is not that of the session, which is {self._contract}")
        except ContractError as error:
            self.problems.append(f"contract: {error}")

    def _stop(self, table: object) -> StopRules:
        if not isinstance(table, dict):
            self.problems.append("stop must be a table, [stop]")
            return StopRules()
        refusals, drift, budget = table.get("refusals", 1), table.get("drift", False), table.get("budget")
        if unknown := sorted(set(table) - {"refusals", "drift", "budget"}):
            self.problems.append(f"stop: unknown {', '.join(unknown)}: use refusals, drift or budget")
        if not isinstance(refusals, int) or isinstance(refusals, bool) or refusals < 1:
            self.problems.append(f"stop: refusals must be a whole number from 1, not {refusals!r}")
        if not isinstance(drift, bool):
            self.problems.append(f"stop: drift must be true or false, not {drift!r}")
        is_amount = isinstance(budget, int | float) and not isinstance(budget, bool) and 0 <= budget < float("inf")
        if budget is not None and not is_amount:
            self.problems.append(f"stop: budget must be an amount of USD, not {budget!r}")
        if self.problems:
            return StopRules()
        return StopRules(refusals, drift, None if budget is None else Decimal(str(budget)))

    def _line(self, number: int, table: dict[str, Any]) -> PlanLine | None:
        """Parse one line; None when its range is invalid. Adds every problem with the line's number."""

        def note(problem: object) -> None:
            self.problems.append(f"line {number}: {problem}")

        steps = _steps_of(table, self._contract.advance_px)
        if isinstance(steps, str):
            note(steps)
        mode = self._line_mode(table.get("mode", self._mode), note)
        prompt = self._line_prompt(table, note)
        values = {OPTION_ALIASES.get(key, key): value for key, value in table.items()}
        values = {key: value for key, value in values.items() if key not in (*_WORDS, *_RANGES)}
        values = self._in_folder(values)
        options = StepOptions()
        try:
            options = StepOptions.from_values({**self._own_options(), **values})
            options.require_fits(self._contract)
        except UsageError as error:
            for problem in str(error).split("; "):
                note(problem)
        sizes = _picture_sizes(values, note)
        if isinstance(steps, str):
            return None
        line = PlanLine(number, *steps, mode, prompt, options)
        if size := sizes.get(options.scaffold_fill):
            self._check_sketch(line, size, note)
        return line

    def _check_sketch(self, line: PlanLine, size: tuple[int, int], note: _Note) -> None:
        """Check that the scaffold picture of a line, of `size` (width, height), reaches its last step."""
        last = line.options_of(line.last, self._contract)
        try:
            require_reaches(last.scaffold_fill, size, line.mode, last.scaffold_offset_px, self._contract)
        except UsageError as error:
            note(f"at step {line.last} {error}")

    def _own_options(self) -> dict[str, Any]:
        return {key: value for key, value in self._options.items() if key != "prompt"}

    def _line_mode(self, value: object, note: _Note) -> Mode:
        try:
            mode = Mode(str(value))
        except UsageError as error:
            note(error)
            return self._mode
        if mode.axis != self._mode.axis:
            note(f"mode {mode} grows along {mode.axis}, the plan along {self._mode.axis}")
        return mode

    def _line_prompt(self, table: Mapping[str, Any], note: _Note) -> str:
        parts = [table.get("prompt", self._options.get("prompt", "")), table.get("clause", "")]
        if not all(isinstance(part, str) for part in parts):
            note("prompt and clause must be texts")
            return ""
        try:
            return check_words(" ".join(filter(None, parts)))
        except UsageError as error:
            note(error)
            return ""

    def _in_folder(self, values: dict[str, Any]) -> dict[str, Any]:
        """`values` with paths of pictures resolved from the plan's folder, and None for the gate "none"."""
        values = dict(values)
        if values.get("gate") == "none":
            values["gate"] = None
        if isinstance(values.get("references"), list):
            values["references"] = tuple(self._path(name) for name in values["references"])
        if "scaffold_fill" in values:
            values["scaffold_fill"] = self._path(values["scaffold_fill"])
        return values

    def _path(self, name: object) -> object:
        return str(self._folder / name) if isinstance(name, str) and is_picture_file(name) else name


def _picture_sizes(values: Mapping[str, Any], note: _Note) -> dict[str, tuple[int, int]]:
    """The size of each readable picture file in the options of a line, valid or not; the others are noted."""
    references = values.get("references", ())
    names = [*(references if isinstance(references, tuple) else ()), values.get("scaffold_fill", "")]
    sizes = {}
    for name in names:
        if isinstance(name, str) and is_picture_file(name):
            try:
                sizes[name] = rgb_file(name).size
            except ExquisiteError as error:
                note(error)
    return sizes


def _steps_of(table: Mapping[str, Any], advance_px: int) -> tuple[int, int] | str:
    """The first and the last step of a line, or the problem with its range as a text."""
    ranges = [name for name in _RANGES if name in table]
    if len(ranges) != 1:
        return "set its range by steps = [FIRST, LAST] or by pixels = [START, STOP]"
    pair = table[ranges[0]]
    whole = isinstance(pair, list) and len(pair) == 2 and all(type(value) is int for value in pair)
    if not whole or not 0 <= pair[0] <= pair[1]:
        return f"{ranges[0]} must be two whole numbers in order, not {pair!r}"
    first, last = pair
    if ranges[0] == "pixels":
        first, last = -(-first // advance_px) + 1, -(-last // advance_px)
    if first < 1 or last < first:
        return f"{ranges[0]} = {pair} holds no step: steps count from 1, and each adds {advance_px} px"
    if last > _MOST_STEPS:
        return f"{ranges[0]} = {pair} ends after step {_MOST_STEPS}"
    return first, last


def _range_problems(lines: list[PlanLine]) -> Iterator[str]:
    """A message for each overlap and gap between the ranges of lines."""
    end, before = 0, None
    for line in sorted(lines, key=lambda line: line.first):
        if before is not None and line.first <= end:
            yield f"line {before.number} and line {line.number} both hold step {line.first}"
        elif line.first > end + 1:
            yield f"no line holds step {end + 1}" + (f" to {line.first - 1}" if line.first > end + 2 else "")
        end, before = max(end, line.last), line
