"""Server settings from a file or from assignments: accepted, or refused with every problem at once."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from exquisite.api.prices import Prices
from exquisite.api.server_file import as_settings, changed_server, read_assignments, read_server_file
from exquisite.api.servers import OPENAI, SERVERS, ServerSettings, Timeouts
from exquisite.errors import UsageError

WHOLE = """\
base_url = "https://api.example.com/v1"
model = "artist-2"
key_variable = "EXAMPLE_TOKEN"
auth_header = "X-Key"
headers = {X-Team = "a", X-Retries = 0}
query = {v = 1}
image_field = "image"
mask_field = "hole"
mask = "omit"
omit_fields = ["quality", "background"]
extra_fields = {moderation = "low", strength = 0.5, fast = true}
prices = {text_in = 5, image_in = 8.5, image_out = 30}
fetch_from = ["files.example.com", "::1"]
timeouts = {read_s = 900, answer_s = 3600.5}
stream = true
lossy = "refuse"
note = "ours"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "example.toml"


class TestFile:
    def test_every_setting_is_read(self, file: Path) -> None:
        file.write_text(WHOLE)
        assert read_server_file(file) == ServerSettings(
            name="example",
            base_url="https://api.example.com/v1",
            note="ours",
            model="artist-2",
            key_variable="EXAMPLE_TOKEN",
            auth_header="X-Key",
            image_field="image",
            mask_field="hole",
            mask="omit",
            extra_headers={"X-Team": "a", "X-Retries": "0"},
            extra_query={"v": "1"},
            extra_fields={"moderation": "low", "strength": "0.5", "fast": "true"},
            omit_fields=("quality", "background"),
            prices=Prices(Decimal(5), Decimal("8.5"), Decimal(30)),
            fetch_from=("files.example.com", "::1"),
            timeouts=Timeouts(read_s=900.0, answer_s=3600.5),
            stream=True,
            lossy="refuse",
        )

    def test_every_field_of_the_settings_can_be_set_in_a_file(self, file: Path) -> None:
        file.write_text(WHOLE + 'priced_as = "gpt-image-2"\nfree = false\n')
        with pytest.raises(UsageError) as caught:
            read_server_file(file)
        assert "unknown" not in str(caught.value)

    def test_an_empty_file_is_the_recipe_of_openai_under_its_own_name(self, file: Path) -> None:
        file.write_text("")
        assert read_server_file(file) == replace(OPENAI, name="example")

    def test_a_file_changes_single_settings_of_a_recipe_and_adds_to_its_tables(self, file: Path) -> None:
        file.write_text('recipe = "xinference"\nextra_fields = {strength = "1"}\ntimeouts = {read_s = 5}\n')
        server = read_server_file(file)
        assert server.extra_fields == {"response_format": "b64_json", "strength": "1"}
        assert server.timeouts == Timeouts(read_s=5.0)
        assert server.base_url == SERVERS["xinference"].base_url
        assert read_server_file(file, SERVERS["sglang"]).base_url == SERVERS["sglang"].base_url

    def test_other_timeouts_keep_their_values(self) -> None:
        patient = replace(OPENAI, timeouts=Timeouts(read_s=900.0))
        assert changed_server(patient, {"timeouts": {"write_s": 5}}, "here").timeouts == Timeouts(
            read_s=900.0, write_s=5.0
        )

    def test_a_byte_order_mark_does_not_matter(self, file: Path) -> None:
        file.write_bytes(b"\xef\xbb\xbf" + WHOLE.encode())
        assert read_server_file(file).model == "artist-2"

    @pytest.mark.parametrize(("recipe", "server"), SERVERS.items())
    def test_a_recipe_is_restored_from_its_file(self, recipe: str, server: ServerSettings) -> None:
        settings = as_settings(server)
        settings.setdefault("key_variable", OPENAI.key_variable)
        assert changed_server(replace(OPENAI, name=recipe), settings, "here") == server


class TestProblems:
    def test_a_missing_file_is_named(self, file: Path) -> None:
        with pytest.raises(UsageError, match=r"the server file .*example\.toml cannot be read: No such file"):
            read_server_file(file)

    def test_invalid_toml_is_reported_with_its_place(self, file: Path) -> None:
        file.write_text('model = "x"\nbase_url: https://host\n')
        with pytest.raises(UsageError, match=r"example\.toml is no TOML: .*line 2, column 9.*; write one NAME = VALUE"):
            read_server_file(file)

    @pytest.mark.parametrize("nesting", ["[", "{a="])
    def test_deeply_nested_toml_is_invalid(self, file: Path, nesting: str) -> None:
        file.write_text("headers = " + nesting * 5000)
        with pytest.raises(UsageError, match=r"example\.toml is no TOML"):
            read_server_file(file)

    def test_undecodable_text_is_reported_with_its_place(self, file: Path) -> None:
        file.write_bytes(b'model = "\xff"')
        with pytest.raises(UsageError, match=r"is not UTF-8 at byte 9"):
            read_server_file(file)

    @pytest.mark.parametrize("recipe", ['"nobody"', "3", '["openai"]'])
    def test_an_unknown_recipe_is_refused_with_the_known_ones(self, file: Path, recipe: str) -> None:
        file.write_text(f"recipe = {recipe}")
        with pytest.raises(UsageError, match=r"unknown server .*: use one of openai, azure"):
            read_server_file(file)

    def test_every_problem_is_named_at_once(self, file: Path) -> None:
        file.write_text('colour = 1\nmask = "maybe"\nstream = "yes"\ntimeouts = {read_s = -1}\nsize = 3\n')
        with pytest.raises(UsageError) as caught:
            read_server_file(file)
        message = str(caught.value)
        assert "\n" not in message
        for words in (
            "unknown: colour, size (use note, base_url, ",
            "mask must be one of send, omit",
            "stream must be true or false",
            "timeouts of read_s must be a number of seconds above 0",
        ):
            assert words in message

    @pytest.mark.parametrize(
        ("settings", "problem"),
        [
            ({"base_url": 3}, "base_url must be a text on one line"),
            ({"base_url": " "}, "base_url must not be empty"),
            ({"model": "two\nlines"}, "model must be a text on one line"),
            ({"auth_header": "X Key"}, "auth_header must be the name of a header"),
            ({"headers": {"X Key": "1"}}, "headers must be names of headers"),
            ({"headers": {"X-Name": "Zoë"}}, "headers must hold ASCII only"),
            ({"headers": {"X-Name": ["1"]}}, "headers of 'X-Name' must be a text, a number, true or false"),
            ({"headers": {"X-Name": "1\r\nX-Other: 2"}}, "headers of 'X-Name' must be on one line"),
            ({"headers": ["X-Name"]}, "headers must be a table"),
            ({"extra_fields": {"": "1"}}, "extra_fields must not be empty"),
            ({"omit_fields": "mask"}, "omit_fields must be a list"),
            ({"omit_fields": [1]}, "omit_fields must be a text"),
            ({"priced_as": "gpt-image-9"}, "priced_as must be one of free, gpt-image-2.6-sunburst"),
            ({"prices": {"per_picture": "cheap"}}, "prices per_picture=cheap is no price"),
            ({"prices": {"per_pixel": 1}}, "prices 'per_pixel=1' is no price"),
            ({"prices": {"per_picture": True}}, "prices per_picture=True is no price"),
            ({"prices": {}}, "prices there is no price"),
            ({"prices": 0.04}, "prices must be a table"),
            ({"free": 1}, "free must be true or false"),
            ({"fetch_from": ["https://host/"]}, "fetch_from must be hosts"),
            ({"fetch_from": ["cafe:8000"]}, "fetch_from must be hosts without a port"),
            ({"fetch_from": ["[::1]"]}, "fetch_from must be hosts without a port"),
            ({"fetch_from": "host"}, "fetch_from must be a list"),
            ({"timeouts": {"read": 5}}, "timeouts must be a table of connect_s, read_s, write_s, answer_s"),
            ({"timeouts": {"read_s": True}}, "timeouts of read_s must be a number of seconds above 0"),
            ({"timeouts": {"read_s": float("inf")}}, "timeouts of read_s must be"),
            ({"timeouts": {"read_s": 10**400}}, "timeouts of read_s must be a number of seconds above 0"),
            ({"timeouts": 900}, "timeouts must be a table"),
            ({"lossy": "maybe"}, "lossy must be one of accept, refuse"),
            ({"free": True, "prices": {"per_picture": 1}}, "free, prices and priced_as exclude each other"),
            ({"priced_as": "free", "prices": {"per_picture": 1}}, "free, prices and priced_as exclude"),
            ({"headers": {"AUTHORIZATION": "Bearer x"}}, "headers holds the header of the key"),
            ({"auth_header": "api-key", "headers": {"Api-Key": "x"}}, "headers holds the header of the key"),
        ],
    )
    def test_a_value_of_a_wrong_kind_is_refused(self, settings: dict[str, Any], problem: str) -> None:
        with pytest.raises(UsageError) as caught:
            changed_server(OPENAI, settings, "here")
        assert str(caught.value).startswith(f"here: {problem}")

    @pytest.mark.invariant("SECRETS-KEPT")
    def test_a_key_in_a_wrong_place_is_not_repeated(self) -> None:
        key = "sk-not-a-real-key-000000"
        for settings in ({"key_variable": key}, {"headers": {"Authorization": key}}, {"auth_header": f"X: {key}"}):
            with pytest.raises(UsageError) as caught:
                changed_server(OPENAI, settings, "here")
            assert key not in str(caught.value)

    @pytest.mark.invariant("SECRETS-KEPT")
    def test_the_key_of_openai_goes_to_no_other_server_unless_the_file_says_so(self) -> None:
        elsewhere = {"base_url": "https://host/v1"}
        with pytest.raises(UsageError, match="base_url is not OpenAI's: name the variable of its key"):
            changed_server(OPENAI, elsewhere, "here")
        for variable in ("OTHER_KEY", "OPENAI_API_KEY", ""):
            server = changed_server(OPENAI, {**elsewhere, "key_variable": variable}, "here")
            assert server.key_variable == variable
        assert changed_server(OPENAI, {"base_url": "https://eu.api.openai.com/v1"}, "here").key_variable
        assert changed_server(SERVERS["litellm"], elsewhere, "here").key_variable == "LITELLM_API_KEY"


class TestAssignments:
    @pytest.mark.parametrize(
        ("words", "settings"),
        [
            ([], {}),
            (["mask=omit"], {"mask": "omit"}),
            (['mask="omit"'], {"mask": "omit"}),
            (["free=true", "model = artist-2"], {"free": True, "model": "artist-2"}),
            (["timeouts.read_s=900", "timeouts.write_s=5"], {"timeouts": {"read_s": 900, "write_s": 5}}),
            (["headers.x-note=a=b"], {"headers": {"x-note": "a=b"}}),
            (['omit_fields=["quality"]'], {"omit_fields": ["quality"]}),
            (["note="], {"note": ""}),
        ],
    )
    def test_an_assignment_equals_a_line_of_a_file(self, words: list[str], settings: dict[str, Any]) -> None:
        assert read_assignments(words) == settings

    @pytest.mark.parametrize("word", ["mask", "=omit", "timeouts.=3", ".read_s=3"])
    def test_a_word_without_an_assignment_is_refused(self, word: str) -> None:
        with pytest.raises(UsageError, match="write NAME=VALUE"):
            read_assignments([word])

    def test_a_value_that_is_nested_too_deeply_is_a_text(self) -> None:
        assert read_assignments(["note=" + "[" * 5000]) == {"note": "[" * 5000}

    def test_a_value_is_no_table(self) -> None:
        with pytest.raises(UsageError, match="mask is set to a value already"):
            read_assignments(["mask=omit", "mask.field=3"])
