"""A plan is validated as a whole: ranges become lines, and every problem is listed at once."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from exquisite.contract import Mode
from exquisite.errors import UsageError
from exquisite.pipeline.plan import ScrollPlan, StopRules, read_plan
from tests.support.tiny import TINY, seed_picture

SCROLL = """\
prompt = "a harbour town"
candidates = 2

[[line]]
steps = [1, 3]
clause = "at dawn"

[[line]]
pixels = [24, 40]
prompt = "the market"
references = ["seed", "style.png"]
scaffold = "style.png"
mode = "x_rtl"

[stop]
refusals = 2
drift = true
budget = 12.5
"""


def plan_of(folder: Path, text: str, **options: Any) -> ScrollPlan:
    """The plan with this text, in a folder with the picture style.png."""
    seed_picture(40, 32).save(folder / "style.png")
    (folder / "scroll.toml").write_text(text, "utf-8")
    return read_plan(folder / "scroll.toml", TINY, Mode.X_LTR, options)


def test_ranges_of_steps_and_of_pixels_become_lines(tmp_path: Path) -> None:
    """A step of TINY adds 8 px, so that the pixels 24 to 40 are those of steps 4 and 5."""
    plan = plan_of(tmp_path, SCROLL, gate=None, prompt="never used")
    first, second = plan.lines
    assert (plan.name, plan.steps, len(plan.sha256)) == ("scroll", 5, 64)
    assert (first.first, first.last, first.prompt, first.mode) == (1, 3, "a harbour town at dawn", "x_ltr")
    assert (second.first, second.last, second.prompt, second.mode) == (4, 5, "the market", "x_rtl")
    assert [line.options.candidates for line in plan.lines] == [2, 2]
    assert [line.options.gate for line in plan.lines] == [None, None]
    assert second.options.references == ("seed", str(tmp_path / "style.png"))
    assert plan.stop == StopRules(2, True, Decimal("12.5"))
    assert [plan.line_of(step).number for step in range(1, 6)] == [1, 1, 1, 2, 2]


def test_a_sketch_lies_over_the_whole_range(tmp_path: Path) -> None:
    line = plan_of(tmp_path, SCROLL).lines[1]
    assert [line.options_of(step, TINY).scaffold_offset_px for step in (4, 5)] == [0, 8]
    assert plan_of(tmp_path, SCROLL).lines[0].options_of(3, TINY).scaffold_offset_px == 0


def test_a_sketch_that_ends_before_its_range_is_named(tmp_path: Path) -> None:
    """It is 40 px long, and step 6 of its line begins 40 px after step 1."""
    plan_of(tmp_path, '[[line]]\nsteps = [1, 5]\nscaffold = "style.png"\n')
    with pytest.raises(UsageError, match=r"line 1: at step 6 .*style\.png ends before pixel 40, .* is 40 px long"):
        plan_of(tmp_path, '[[line]]\nsteps = [1, 6]\nscaffold = "style.png"\n')


def test_every_problem_is_named_at_once_with_its_line(tmp_path: Path) -> None:
    text = """\
contract = "classic"
promt = "a slip of the pen"
[[line]]
steps = [1, 4]
candidates = 99
colour = "red"
references = ["missing.png"]
[[line]]
steps = [4, 6]
mode = "y_ttb"
gate = -1
[[line]]
steps = [9, 9]
pixels = [0, 8]
[[line]]
pixels = [88, 80]
prompt = 7
[[line]]
steps = [9, 12]
scaffold = "sky"
[stop]
refusals = 0
when = "tired"
"""
    with pytest.raises(UsageError) as caught:
        plan_of(tmp_path, text)
    message = str(caught.value)
    for problem in (
        "contract classic is not that of the session",
        "line 1: candidates must be 1 to 10, not 99",
        "line 1: there is no file",
        "line 1: unknown key 'colour': use mode, prompt, clause, steps, pixels, anchor",
        "above the lines: unknown key 'promt'",
        "line 2: mode y_ttb grows along y, the plan along x",
        "line 2: gate must be a factor above 0",
        "line 3: set its range by steps = [FIRST, LAST] or by pixels",
        "line 4: pixels must be two whole numbers in order, not [88, 80]",
        "line 4: prompt and clause must be texts",
        "line 5: unknown scaffold_fill 'sky'",
        "line 1 and line 2 both hold step 4",
        "no line holds step 7 to 8",
        "stop: refusals must be a whole number from 1, not 0",
        "stop: unknown when",
    ):
        assert message.count(problem) == 1


def test_a_picture_that_is_missing_is_named_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"line 1: .*missing\.png"):
        plan_of(tmp_path, '[[line]]\nsteps = [1, 1]\nreferences = ["missing.png"]\n')


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "it has no lines"),
        ("line = 3", "it has no lines"),
        ("[[line]\n", "is no TOML"),
        ("[[line]]\nsteps = [0, 3]", "holds no step"),
        ("[[line]]\nsteps = [1, 1000000]", "ends after step 100000"),
        ("[[line]]\nsteps = [2, 3]", "no line holds step 1"),
        ("[[line]]\nsteps = [1, 1]\nclose = true", "close belongs to a single step"),
        ("[[line]]\nsteps = [1, true]", "two whole numbers"),
        ("name = 3\n[[line]]\nsteps = [1, 1]", "name must be a text"),
        ("stop = 3\n[[line]]\nsteps = [1, 1]", "stop must be a table"),
        ("[[line]]\nsteps = [1, 1]\nsoften = 99", "soften_px"),
        ("steps = [1, 1]\n[[line]]\n", "above the lines: unknown key 'steps'"),
        ('[[line]]\nsteps = [1, 1]\nreferences = ["seed", "sky"]', "line 1: a reference must be .*, not 'sky'"),
        ('[[line]]\nsteps = [1, 1]\nreferences = "seed"', "line 1: references must be a list"),
        ('[[line]]\nsteps = [1, 1]\nreferences = ["seed", "map", "seed"]', "line 1: reference seed is named twice"),
    ],
)
def test_an_empty_plan_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        plan_of(tmp_path, text)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        read_plan(tmp_path / "none.toml", TINY, Mode.X_LTR, {})
    (tmp_path / "latin.toml").write_bytes(b'prompt = "\xe9"')
    with pytest.raises(UsageError, match="is not UTF-8 at byte 10"):
        read_plan(tmp_path / "latin.toml", TINY, Mode.X_LTR, {})


def test_pixels_hold_the_steps_that_begin_among_them(tmp_path: Path) -> None:
    """A step of TINY adds 8 px: of the steps that begin at 16, 24, 32 and 40, only two begin at 20 to 39."""
    plan = plan_of(tmp_path, "[[line]]\nsteps = [1, 3]\n[[line]]\npixels = [20, 40]\n")
    assert (plan.lines[1].first, plan.lines[1].last) == (4, 5)


def test_a_plan_has_at_most_100000_steps(tmp_path: Path) -> None:
    assert plan_of(tmp_path, "[[line]]\nsteps = [1, 100000]\n").steps == 100_000
    with pytest.raises(UsageError, match="ends after step 100000"):
        plan_of(tmp_path, "[[line]]\nsteps = [1, 100001]\n")
