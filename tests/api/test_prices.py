"""Prices as values and as texts."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from exquisite.api.models import MODEL_DEFAULT, MODELS, CallContent, estimate_usd, usage_usd, worst_case_usd
from exquisite.api.prices import Prices, Source
from exquisite.contract import TileContract
from exquisite.errors import UsageError

TOKENS = Prices(Decimal(5), Decimal("8.5"), Decimal(30))
PICTURES = Prices(per_picture=Decimal("0.04"))


@pytest.mark.parametrize(
    ("prices", "text"),
    [(TOKENS, "text_in=5 image_in=8.5 image_out=30"), (PICTURES, "per_picture=0.04"), (Prices(), "")],
)
def test_a_text_lists_the_prices_above_zero(prices: Prices, text: str) -> None:
    assert str(prices) == text
    if text:
        assert Prices.parse(text) == prices


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "there is no price"),
        ("gpt-image-2", "is no price: write NAME=USD"),
        ("colour=3", "is no price"),
        ("text_in=3 text_in=4", "is no price"),
        ("text_in=cheap", "must be a number of dollars above 0"),
        ("text_in=-1", "above 0"),
        ("text_in=0", "above 0"),
        ("text_in=NaN", "above 0"),
        ("text_in=1e99", "above 0 and below a million"),
        ("per_picture=1 text_in=3", "not both"),
    ],
)
def test_any_other_text_is_refused(text: str, problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        Prices.parse(text)


def test_a_source_names_a_page_and_a_date() -> None:
    assert str(Source("the price list", date(2026, 11, 22))) == "the price list, 2026-11-22"
    assert str(Source("those of another", date(2026, 11, 22), assumed=True)).endswith(", assumed")


def test_prices_of_the_caller_replace_those_of_the_registry() -> None:
    # 2000 picture tokens and 100 text tokens in, 50 out
    usage = {"input_tokens": 2100, "input_tokens_details": {"text_tokens": 100}, "output_tokens": 50}
    assert usage_usd(str(TOKENS), usage) == Decimal(100 * 5 + 50 * 30 + 17000) / 10**6
    default = MODELS[MODEL_DEFAULT].prices
    assert estimate_usd(str(default), "high", 2) == estimate_usd(MODEL_DEFAULT, "high", 2)
    assert worst_case_usd(str(default), "high", 2) == worst_case_usd(MODEL_DEFAULT, "high", 2)


def test_a_price_of_a_picture_counts_pictures_and_no_tokens() -> None:
    large = TileContract(2048, 64, 32, 32)
    for count in (estimate_usd, worst_case_usd):
        assert count(str(PICTURES), "high", 3, CallContent(large, "a long prompt " * 99)) == Decimal("0.12")
    assert usage_usd(str(PICTURES), {"input_tokens": 5, "output_tokens": 7}) is None


def test_a_model_whose_name_looks_like_prices_is_counted_as_the_default() -> None:
    assert estimate_usd("lora=mine", "high", 1) == estimate_usd(MODEL_DEFAULT, "high", 1)
