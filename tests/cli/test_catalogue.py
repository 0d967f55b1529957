"""The verb models: every model, and every recipe as lines of a server file."""

from __future__ import annotations

from pathlib import Path

import pytest

from exquisite import StepOptions
from exquisite.api.models import GPT_MODEL_AUTHORITY, MODELS, QUALITY_DEFAULT, estimate_usd
from exquisite.api.server_file import read_server_file
from exquisite.api.servers import SERVERS
from tests.cli.conftest import Cli


def test_models_shows_every_model_and_server(cli: Cli) -> None:
    result = cli("models")
    for name in (*MODELS, *SERVERS):
        assert name in result.out
    data = cli("models", "--json").data[0]
    assert [model["model"] for model in data["models"] if model["default"]] == [GPT_MODEL_AUTHORITY]
    assert set(data["recipes"]) == set(data["servers"]) == set(SERVERS)


def test_prices_and_tokens_are_shown_with_their_source_and_date(cli: Cli) -> None:
    assert "prices and tokens: OpenAI's model pages, 2026-11-22; " in cli("models").out
    for model in cli("models", "--json").data[0]["models"]:
        model_data = MODELS[model["model"]]
        assert model["prices_source"] == str(model_data.prices_source)
        assert model["output_tokens"] == dict(model_data.output_tokens)


@pytest.mark.parametrize("name", SERVERS)
def test_the_lines_of_a_recipe_are_a_server_file(cli: Cli, tmp_path: Path, name: str) -> None:
    blocks = cli("models").out.split("\n\n")
    (block,) = (block for block in blocks if block.startswith(f"{name}: "))
    file = tmp_path / f"{name}.toml"
    file.write_text(f'note = "{SERVERS[name].note}"\n' + block.partition("\n")[2].replace("    ", ""))
    assert read_server_file(file) == SERVERS[name]


def test_an_estimate_is_that_of_a_step_with_the_default_of_candidates(cli: Cli) -> None:
    for model in cli("models", "--json").data[0]["models"]:
        usd = estimate_usd(model["model"], QUALITY_DEFAULT, StepOptions().candidates)
        assert model["estimate_usd"] == str(usd)
