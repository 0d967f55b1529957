"""The full prompt for the model."""

from __future__ import annotations

from itertools import pairwise

import pytest

from exquisite.api.prompt import PROMPT_STRENGTHS, build_prompt, check_words
from exquisite.contract import CLASSIC, WIDE, Mode, TileContract
from exquisite.errors import UsageError

HOW = "Do not rescale; same framing and stroke thickness; continue every line that meets the edge."


@pytest.mark.parametrize(
    ("mode", "way", "old", "new"),
    [
        ("x_ltr", "to the right", "left", "right"),
        ("x_rtl", "to the left", "right", "left"),
        ("y_ttb", "downwards", "top", "bottom"),
        ("y_btt", "upwards", "bottom", "top"),
    ],
)
def test_the_default_prompt_names_direction_old_part_and_manner(mode: str, way: str, old: str, new: str) -> None:
    assert build_prompt(mode) == (
        f"Extend this picture {way}. Keep the {old} half exactly as it is; fill only the {new} half. {HOW}"
    )


def test_the_words_of_the_person_come_last() -> None:
    assert build_prompt(Mode.X_LTR, "  a harbour at dusk\n").endswith(f"{HOW} a harbour at dusk")


def test_a_band_that_is_no_half_is_given_in_pixels() -> None:
    text = build_prompt("x_rtl", contract=TileContract(64, 40, 16, 16))
    assert "Keep the right 40 of 64 pixels exactly as it is; fill only the left 24 of 64 pixels." in text


def test_the_wide_contract_has_the_prompt_of_the_classic_one() -> None:
    assert build_prompt("y_ttb", "x", WIDE) == build_prompt("y_ttb", "x", CLASSIC)


def test_more_strength_only_adds_sentences() -> None:
    texts = [build_prompt("x_ltr", "", strength=strength) for strength in PROMPT_STRENGTHS]
    assert texts[0] == "Extend this picture to the right."
    for weaker, stronger in pairwise(texts):
        assert stronger.startswith(weaker)
        assert len(stronger) > len(weaker)
    assert len(build_prompt("x_ltr")) < 250  # short by default
    assert len(texts[-1]) < 600


def test_strength_0_adds_little_to_the_words_of_the_person() -> None:
    assert build_prompt("y_btt", "more sky", strength=0) == "Extend this picture upwards. more sky"


@pytest.mark.parametrize("strength", [-1, 4, 1.5, "1", True])
def test_an_unknown_strength_is_refused(strength: object) -> None:
    with pytest.raises(UsageError, match="use one of 0, 1, 2, 3"):
        build_prompt("x_ltr", strength=strength)  # type: ignore[arg-type]


def test_an_unknown_mode_is_refused() -> None:
    with pytest.raises(UsageError, match="x_ltr, x_rtl"):
        build_prompt("x_up")


def test_undecodable_words_are_refused_with_their_place() -> None:
    with pytest.raises(UsageError, match="no UTF-8 text from character 5 on"):
        build_prompt("x_ltr", "fog \udcff")
    assert check_words("Nebel über dem Fluß 霧") == "Nebel über dem Fluß 霧"
