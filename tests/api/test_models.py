"""The registry of models: names, dates, rules and prices."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from itertools import product

import pytest

from exquisite.api.models import (
    COLLECTED,
    FREE,
    GPT_MODEL_AUTHORITY,
    MODEL_DEFAULT,
    MODELS,
    QUALITY_DEFAULT,
    CallContent,
    SizeRule,
    check_model,
    check_options,
    estimate_usd,
    usage_usd,
    worst_case_usd,
)
from exquisite.contract import CLASSIC, LONG, PRESETS, TALL, Mode, TileContract
from exquisite.errors import UsageError

DAY = timedelta(days=1)


class TestRegistry:
    @pytest.mark.invariant("MODEL-AUTHORITY")
    def test_the_documented_model_is_the_default(self) -> None:
        assert GPT_MODEL_AUTHORITY is MODEL_DEFAULT
        assert MODEL_DEFAULT == "gpt-image-2.6-sunburst"

    def test_the_default_takes_the_default_contracts_and_quality(self) -> None:
        for contract, mode in product(PRESETS.values(), Mode):
            check_options(MODEL_DEFAULT, contract.tile_size(mode), quality=QUALITY_DEFAULT, complexity="high")
        assert MODELS[MODEL_DEFAULT].status(COLLECTED) == "active"

    def test_every_entry_is_complete(self) -> None:
        for name, model in MODELS.items():
            assert model.name == name
            assert set(model.output_tokens) == set(model.qualities) - {"auto"}
            assert MODELS[model.replacement].status(COLLECTED) == "active"
            assert list(model.output_tokens.values()) == sorted(model.output_tokens.values())

    def test_prices_and_token_counts_name_their_source_and_its_date(self) -> None:
        for model in MODELS.values():
            for source in (model.prices_source, model.tokens_source):
                assert source.name
                assert date(2026, 1, 1) < source.as_of <= COLLECTED
            assert model.verified is not (model.prices_source.assumed or model.tokens_source.assumed)
        assert not MODELS[MODEL_DEFAULT].verified
        assert MODELS["gpt-image-2"].verified

    @pytest.mark.parametrize("name", [name for name, model in MODELS.items() if model.status(COLLECTED) != "retired"])
    def test_every_model_takes_the_quality_auto_and_is_counted_at_its_dearest(self, name: str) -> None:
        check_options(name, (1024, 1024), quality="auto")
        dearest = max(MODELS[name].output_tokens, key=MODELS[name].output_tokens.__getitem__)
        assert estimate_usd(name, "auto", 1) == estimate_usd(name, dearest, 1)

    @pytest.mark.parametrize(
        ("name", "last_day"),
        [
            ("gpt-image-1.5", date(2026, 11, 30)),
            ("gpt-image-1-mini", date(2026, 11, 30)),
            ("chatgpt-image-latest", date(2026, 11, 30)),
            ("gpt-image-1", date(2026, 10, 22)),
            ("dall-e-2", date(2026, 5, 11)),
        ],
    )
    def test_a_model_warns_thirty_days_before_and_ends_on_its_day(self, name: str, last_day: date) -> None:
        shutdown = last_day + DAY
        assert check_model(name, shutdown - 31 * DAY) == ""
        for day in (shutdown - 30 * DAY, last_day):
            assert f"shut down on {shutdown}" in check_model(name, day)
            assert MODEL_DEFAULT in check_model(name, day)
        for day in (shutdown, shutdown + 1000 * DAY):
            with pytest.raises(UsageError, match=f"{name} was shut down on {shutdown}: use {MODEL_DEFAULT}"):
                check_model(name, day)

    def test_active_models_have_no_warning(self) -> None:
        active = [name for name, model in MODELS.items() if model.shutdown is None]
        assert len(active) == 8
        assert {check_model(name, COLLECTED) for name in active} == {""}

    def test_an_unknown_model_is_an_error_with_a_suggestion(self) -> None:
        with pytest.raises(UsageError, match=r"did you mean gpt-image-2\.6-sunburst\?"):
            check_model("gpt-image-2.6-sunbrust", COLLECTED)
        with pytest.raises(UsageError, match=r"use one of gpt-image-2\.6-sunburst, "):
            check_model("", COLLECTED)

    def test_another_server_may_have_any_model(self) -> None:
        assert check_model("my-deployment", COLLECTED, custom_base_url=True) == ""
        assert check_model("dall-e-2", COLLECTED, custom_base_url=True) == ""
        check_options("my-deployment", (64, 64), quality="whatever")


class TestRules:
    @pytest.mark.parametrize(
        ("size", "problem"),
        [
            ((1024, 1024), ""),
            ((816, 816), ""),
            ((2880, 2880), ""),
            ((1536, 864), ""),
            ((3840, 2160), ""),
            ((1000, 1024), "multiples of 16"),
            ((800, 800), "between 655360 and 8294400 pixels"),
            ((2896, 2896), "between 655360 and 8294400 pixels"),
            ((3856, 1600), "no edge above 3840"),
            ((3072, 1008), "at most 3:1"),
            ((1008, 3072), "at most 3:1"),
        ],
    )
    def test_sizes_of_the_second_generation_follow_a_rule(self, size: tuple[int, int], problem: str) -> None:
        assert problem in SizeRule().broken_by(size)
        assert bool(problem) == bool(SizeRule().broken_by(size))

    def test_sizes_of_the_first_generation_are_a_list(self) -> None:
        rule = MODELS["gpt-image-1.5"].sizes
        assert rule.broken_by((1536, 1024)) == ""
        assert rule.broken_by((1040, 1040)).startswith("only 1024x1024")

    @pytest.mark.parametrize(
        ("size", "nearest"),
        [
            ((64, 64), (816, 816)),
            ((1000, 1024), (1008, 1024)),
            ((3072, 1008), (3072, 1024)),
            ((4096, 2048), (3840, 1920)),
            ((4096, 4096), (2880, 2880)),
            ((2048, 1024), (2048, 1024)),
        ],
    )
    def test_the_nearest_size_is_one_that_the_rule_allows(
        self, size: tuple[int, int], nearest: tuple[int, int]
    ) -> None:
        assert SizeRule().nearest(size) == nearest
        assert SizeRule().nearest(size[::-1]) == nearest[::-1]
        assert SizeRule().broken_by(nearest) == ""

    def test_a_refused_size_comes_with_the_nearest(self) -> None:
        with pytest.raises(UsageError, match=r"2048x2048 is not accepted \(only .*\); the nearest size is 1024x1024"):
            check_options("gpt-image-1.5", TALL.tile_size("x_ltr"))
        with pytest.raises(UsageError, match=r"1024x3072 is not accepted .* the nearest size is 1024x1536"):
            check_options("gpt-image-1.5", LONG.tile_size("y_ttb"))

    def test_every_broken_rule_is_named_at_once(self) -> None:
        with pytest.raises(UsageError) as caught:
            check_options(
                "gpt-image-2", (64, 64), quality="max", complexity="low", input_fidelity="high"
            )
        for words in (
            "a tile of 64x64",
            "quality='max' must be one of low, medium, high, auto",
            "complexity='low' must be left out",
            "input_fidelity='high' must be left out",
        ):
            assert words in str(caught.value)

    def test_input_fidelity_belongs_to_the_first_generation(self) -> None:
        check_options("gpt-image-1.5", (1024, 1024), input_fidelity="high")
        check_options("gpt-image-1-mini", (1024, 1024), input_fidelity="low")
        with pytest.raises(UsageError, match="must be one of low"):
            check_options("gpt-image-1-mini", (1024, 1024), input_fidelity="high")


class TestMoney:
    @pytest.mark.parametrize(("quality", "dollars"), [("low", "0.03"), ("medium", "0.05"), ("high", "0.17")])
    def test_three_classic_tiles_have_a_known_price(self, quality: str, dollars: str) -> None:
        usd = estimate_usd("gpt-image-2.5-sunburst", quality, 3)
        assert usd.quantize(Decimal("0.01")) == Decimal(dollars)

    def test_one_tile_costs_its_input_and_output(self) -> None:
        # 1024 input tokens at 8, 1756 output tokens at 30, 10 text tokens at 5, per million
        assert estimate_usd("gpt-image-2.5-sunburst", "high", 1, CallContent(prompt="x" * 40)) == Decimal("0.060922")

    def test_the_output_grows_with_the_area_and_the_number(self) -> None:
        small = estimate_usd("gpt-image-2", "high", 1, CallContent(TileContract(1024, 64, 32, 32)))
        large = estimate_usd("gpt-image-2", "high", 4, CallContent(TileContract(2048, 64, 32, 32)))
        output = 7024 * 30
        assert (small * 10**6, large * 10**6) == (Decimal(1024 * 8 + output), Decimal(4096 * 8 + 16 * output))

    def test_a_rectangle_costs_by_its_area(self) -> None:
        input_and_output = 3 * (1024 * 8 + 7024 * 30)
        assert estimate_usd("gpt-image-2", "high", 1, CallContent(LONG)) * 10**6 == input_and_output

    @pytest.mark.parametrize("quality", ["low", "medium", "high", "xhigh", "max"])
    def test_a_new_megapixel_of_the_long_contract_costs_half_of_a_classic_one_at_most(self, quality: str) -> None:
        def usd_per_new_pixel(contract: TileContract) -> Decimal:
            usd = estimate_usd(MODEL_DEFAULT, quality, 3, CallContent(contract))
            return usd / (contract.advance_px * contract.across_px)

        assert usd_per_new_pixel(LONG) <= usd_per_new_pixel(CLASSIC) / 2

    def test_the_worst_case_is_never_below_the_estimate(self) -> None:
        for name, model in MODELS.items():
            for quality in model.qualities:
                for n in (1, 3, 10):
                    prompt = "ein Wörtchen 写 " * 20
                    worst = worst_case_usd(name, quality, n, CallContent(prompt=prompt))
                    estimate = estimate_usd(name, quality, n, CallContent(prompt=prompt))
                    assert worst > estimate * (1 if model.verified else 2)

    def test_the_worst_case_counts_two_pictures_and_every_byte(self) -> None:
        # 2048 input tokens at 8, 1756 output tokens at 30, 4 bytes at 5, per million; twice where unverified
        assert worst_case_usd("gpt-image-2.5-sunburst", "high", 1, CallContent(prompt="äö")) == Decimal("0.069084")
        assert worst_case_usd("gpt-image-2.6-sunburst", "high", 1, CallContent(prompt="äö")) == 2 * Decimal("0.069084")

    def test_the_bill_follows_from_the_usage(self) -> None:
        usage = {
            "input_tokens": 1100,
            "input_tokens_details": {"text_tokens": 100, "image_tokens": 1000},
            "output_tokens": 2000,
        }
        assert usage_usd("gpt-image-2", usage) == Decimal("0.0685")  # 100*5 + 1000*8 + 2000*30 per million

    def test_input_without_details_is_counted_as_pictures(self) -> None:
        assert usage_usd("gpt-image-2", {"input_tokens": 1000, "output_tokens": 0}) == Decimal("0.008")

    @pytest.mark.parametrize(
        "usage", [{}, {"input_tokens": 5}, {"output_tokens": 5}, {"input_tokens": "5", "output_tokens": 5}]
    )
    def test_an_answer_without_usage_has_an_unknown_cost(self, usage: dict[str, object]) -> None:
        assert usage_usd(MODEL_DEFAULT, usage) is None

    def test_an_unknown_model_is_counted_as_the_default_and_a_free_one_costs_nothing(self) -> None:
        assert estimate_usd("my-deployment", "high", 1) == estimate_usd(MODEL_DEFAULT, "high", 1)
        assert estimate_usd(FREE, "high", 9) == worst_case_usd(FREE, "high", 9) == usage_usd(FREE, {}) == 0


class TestReferencePictures:
    def test_a_model_takes_sixteen_pictures_and_the_tile_is_one_of_them(self) -> None:
        check_options(MODEL_DEFAULT, (1024, 1024), pictures=16)
        with pytest.raises(UsageError, match=r"more than the 16 of a request; .* leave out 1 of the 16 references"):
            check_options(MODEL_DEFAULT, (1024, 1024), pictures=17)
        with pytest.raises(UsageError, match="leave out 2 of the 2 references"):
            check_options("dall-e-2", (1024, 1024), quality="high", pictures=3)

    @pytest.mark.parametrize("name", [name for name, model in MODELS.items() if model.pictures_max > 1])
    def test_each_counts_a_token_for_every_32_px_square_at_the_price_of_its_model(self, name: str) -> None:
        """Of a 1000x330 picture that is 32 times 11 squares, begun ones counted."""
        price = MODELS[name].prices.image_in
        contents = [CallContent(references=[(1000, 330)] * count) for count in range(3)]
        plain, one, two = (estimate_usd(name, "high", 2, content) for content in contents)
        assert one - plain == two - one == 32 * 11 * price / 1_000_000
        factor = 1 if MODELS[name].verified else 2
        worst = [worst_case_usd(name, "high", 2, CallContent(references=[(1000, 330)] * count)) for count in range(2)]
        assert worst[1] - worst[0] == factor * (one - plain)

    def test_references_cost_nothing_with_a_price_per_picture(self) -> None:
        assert estimate_usd("per_picture=0.04", "high", 3, CallContent(references=[(900, 900)])) == Decimal("0.12")
        assert estimate_usd(FREE, "high", 3, CallContent(references=[(900, 900)])) == 0
