"""The options of a step: every value checked by type and range, every problem said at once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_type_hints

import pytest

from exquisite.contract import TileContract
from exquisite.errors import UsageError
from exquisite.pipeline.step.options import StepOptions, StepOptionValues
from tests.support.tiny import TINY, grow, make_session


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("candidates", 0),
        ("candidates", 11),
        ("candidates", 2.0),
        ("candidates", "3"),
        ("candidates", True),
        ("feather_px", -1),
        ("feather_px", 2.5),
        ("feather_px", None),
        ("feather_px", "wide"),
        ("feather_px", "8"),
        ("calibrate", 1),
        ("calibrate", "no"),
        ("continuation_cue", None),
        ("gate", 0),
        ("gate", -2.75),
        ("gate", float("nan")),
        ("gate", float("inf")),
        ("gate", True),
        ("gate", "2"),
        ("metric", "beauty"),
        ("metric", None),
        ("scaffold_fill", "pink"),
        ("scaffold_fill", 1),
        ("prompt_strength", 4),
        ("prompt_strength", 1.0),
        ("prompt_strength", True),
        ("soften_px", -1),
        ("soften_px", 1.5),
        ("soften_seed", 1),
        ("soft_mask", "no"),
        ("anchor", 1.5),
        ("anchor", "0.5"),
        ("anchor", float("nan")),
        ("artifacts", "everything"),
        ("artifacts", []),
    ],
)
def test_an_invalid_value_is_refused_with_the_name_of_its_option(name: str, value: Any) -> None:
    with pytest.raises(UsageError) as caught:
        StepOptions.from_values({name: value})
    assert name in str(caught.value)
    assert repr(value) in str(caught.value)


@pytest.mark.parametrize(
    "values", [{}, {"gate": None}, {"gate": 3}, {"candidates": 10}, {"feather_px": "auto"}, {"prompt_strength": 0}]
)
def test_values_in_range_are_accepted(values: dict[str, Any]) -> None:
    options = StepOptions.from_values(values)
    assert StepOptions.from_values(options.as_dict()) == options


def test_every_problem_is_reported_at_once() -> None:
    with pytest.raises(UsageError) as caught:
        StepOptions.from_values({"candidates": 0, "metric": "beauty", "calibrate": 1, "colour": "red", "size": 3})
    problems = str(caught.value).split("; ")
    assert len(problems) == 5
    assert [any(name in line for line in problems) for name in ("candidates", "metric", "calibrate", "colour", "size")]


def test_a_feather_as_wide_as_the_strip_fits_and_a_wider_one_does_not() -> None:
    contract = TileContract(64, 32, 16, 8)
    StepOptions(feather_px=8).require_fits(contract)
    with pytest.raises(UsageError, match="feather_px 9 is wider than the strip of 8 px"):
        StepOptions(feather_px=9).require_fits(contract)


def test_accept_and_rescore_refuse_a_wide_feather_as_step_does(tmp_path: Path) -> None:
    session = make_session(tmp_path / "s", ("x_ltr",))
    before = sorted(path.name for path in (tmp_path / "s" / "steps").iterdir())
    wide = TINY.advance_px + 1
    with pytest.raises(UsageError, match="wider than the strip"):
        grow(session, "x_ltr", feather_px=wide)
    with pytest.raises(UsageError, match="wider than the strip"):
        session.accept(0, feather_px=wide)
    with pytest.raises(UsageError, match="wider than the strip"):
        session.rescore(feather_px=wide)
    assert sorted(path.name for path in (tmp_path / "s" / "steps").iterdir()) == before


def test_a_caller_may_set_every_option_by_its_name_and_no_other() -> None:
    lists_are_fine = {"references": Sequence[str]}
    assert get_type_hints(StepOptionValues) == get_type_hints(StepOptions) | lists_are_fine


def test_a_zone_inside_the_seed_picture_needs_a_width() -> None:
    with pytest.raises(UsageError, match="soften_seed needs soften_px"):
        StepOptions(soften_seed=True)
    assert StepOptions(soften_seed=True, soften_px=8).soften_seed
