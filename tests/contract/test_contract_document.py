"""CONTRACT.md and the code agree, in both directions."""

from __future__ import annotations

import ast
import importlib
import inspect
from collections.abc import Iterator
from dataclasses import fields
from itertools import product
from typing import Any

import pytest

from exquisite import errors
from exquisite.contract import PRESETS, Frame, Mode, TileContract
from exquisite.errors import ContractError, ExquisiteError
from tests.support.documents import ROOT, read, table
from tests.support.generated_tables import module_names, public_constants

DOCUMENT = read("CONTRACT.md")


class TestSizes:
    def test_the_presets_are_those_of_the_table(self) -> None:
        rows = table(DOCUMENT, "preset", "tile_px")
        documented = {row.pop("preset"): TileContract(**{k: int(v) for k, v in row.items()}) for row in rows}
        assert documented == PRESETS

    def test_the_rules_of_the_table_agree_with_the_code(self) -> None:
        rules = [row["rule"] for row in table(DOCUMENT, "rule")]
        names = [field.name for field in fields(TileContract)]
        for values in product(range(5), repeat=len(names)):
            sizes = dict(zip(names, values, strict=True))
            is_valid = True
            try:
                TileContract(**sizes)
            except ContractError:
                is_valid = False
            assert is_valid == all(eval(rule, {}, dict(sizes)) for rule in rules), sizes

    def test_a_refusal_names_the_broken_rule(self) -> None:
        with pytest.raises(
            ContractError, match=r"overlap_px=3 must be at most band_px=2; advance_px=9 must be at most"
        ):
            TileContract(tile_px=8, band_px=2, overlap_px=3, advance_px=9)


def test_the_modes_are_those_of_the_table() -> None:
    documented = [tuple(row.values()) for row in table(DOCUMENT, "mode", "axis")]
    assert documented == [(mode.value, mode.axis, mode.side, mode.direction) for mode in Mode]


ZONES: dict[str, tuple[Any, ...]] = {
    "feather_zone(32)": ("feather_zone", 32),
    "zone_in_tile(64)": ("zone_in_tile", 64),
    "strip_in_tile(64, 48)": ("strip_in_tile", 64, 48),
    "pending_in_tile(48)": ("pending_in_tile", 48),
}
"""Rows whose boxes depend on a width."""


@pytest.mark.parametrize("preset", PRESETS)
def test_every_box_of_every_mode_is_the_one_in_the_table(preset: str) -> None:
    rows = {row.pop(preset): row for row in table(DOCUMENT, preset)}
    boxes = {name for name, value in vars(Frame).items() if isinstance(value, property)}
    assert set(rows) == boxes | {"canvas_size"} | set(ZONES)
    for mode in Mode:
        width, height = _numbers(rows["canvas_size"][mode])
        frame = PRESETS[preset].frame(mode, (width, height))
        for zone, (name, *widths) in ZONES.items():
            assert _numbers(rows[zone][mode]) == getattr(frame, name)(*widths), (mode, zone)
        for name in boxes:
            value = getattr(frame, name)
            assert _numbers(rows[name][mode]) == (value if isinstance(value, tuple) else (value,)), (mode, name)


def _numbers(text: str) -> tuple[int, ...]:
    """`1,2 3,4` as numbers."""
    return tuple(int(number) for number in text.replace(",", " ").split())


class TestInvariants:
    def test_every_id_has_a_test_and_every_marked_test_has_an_id(self) -> None:
        documented = [row["id"] for row in table(DOCUMENT, "id")]
        assert len(documented) == len(set(documented))
        in_tests = set(_marked_ids())
        assert sorted(set(documented) - in_tests) == [], "ids of CONTRACT.md without a test"
        assert sorted(in_tests - set(documented)) == [], "ids in tests that CONTRACT.md does not have"

    def test_every_id_names_the_module_that_keeps_it(self) -> None:
        keepers = [row["kept by"] for row in table(DOCUMENT, "id")]
        assert [name for name in keepers if not (ROOT / "exquisite" / name).is_file()] == []


def _marked_ids() -> Iterator[str]:
    """The ids in @pytest.mark.invariant(...) of every test file, read from the source."""
    for path in (ROOT / "tests").rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.invariant":
                for argument in node.args:
                    assert isinstance(argument, ast.Constant), f"{path}: an id must be written out"
                    assert isinstance(argument.value, str)
                    yield argument.value


class TestErrors:
    def test_every_error_has_the_exit_code_of_the_table(self) -> None:
        documented = {row["error"]: int(row["exit code"]) for row in table(DOCUMENT, "error")}
        in_code = {name: getattr(errors, name).exit_code for name in errors.__all__}
        assert documented == in_code

    def test_every_exit_code_has_a_meaning(self) -> None:
        meanings = {int(row["exit code"]) for row in table(DOCUMENT, "exit code", "meaning")}
        in_code = {getattr(errors, name).exit_code for name in errors.__all__}
        assert meanings == in_code | {0, 2, 3, 130}

    def test_every_error_of_the_package_is_in_the_tree(self) -> None:
        for name in module_names():
            for value in vars(importlib.import_module(name)).values():
                if inspect.isclass(value) and issubclass(value, ExquisiteError) and value.__module__ == name:
                    assert value.__name__ in errors.__all__, f"{name}.{value.__name__} has no row"


@pytest.mark.invariant("MODEL-AUTHORITY")
def test_the_model_of_the_documents_is_the_model_of_the_code() -> None:
    from exquisite.api.models import GPT_MODEL_AUTHORITY, MODEL_DEFAULT

    documented = {row["name"]: row["value"] for row in table(DOCUMENT, "name", "value")}
    assert documented == {"GPT_MODEL_AUTHORITY": GPT_MODEL_AUTHORITY}
    assert GPT_MODEL_AUTHORITY is MODEL_DEFAULT
    assert f"`{MODEL_DEFAULT}`" in read("README.md")


def test_the_step_options_have_the_defaults_of_the_table() -> None:
    from exquisite.geometry import overlap_score
    from exquisite.pipeline.step import StepOptions

    documented = {row["option"]: row["default"] for row in table(DOCUMENT, "option", "default")}
    options = StepOptions()
    assert list(documented) == [field.name for field in fields(StepOptions)]
    for name, text in documented.items():
        expected = overlap_score.DEFAULT_GATE if text == "DEFAULT_GATE" else ast.literal_eval(text)
        assert getattr(options, name) == expected, name


def test_the_constants_are_those_of_the_table() -> None:
    documented = {row["constant"]: row["value"] for row in table(DOCUMENT, "constant", "value")}
    assert documented == public_constants()
