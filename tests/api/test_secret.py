"""The key: its sources, its formats, and that no output shows it."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from exquisite.api.secret import Secret, find_key
from exquisite.errors import UsageError

KEY = "sk-not-a-real-key-000000"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "key"


class TestPlaces:
    def test_the_argument_comes_before_the_file_before_the_environment(self, file: Path) -> None:
        file.write_text("from-file\n")
        environ = {"V": "from-environment"}
        assert find_key("from-argument", file, "V", environ).reveal() == "from-argument"
        assert find_key(None, file, "V", environ).reveal() == "from-file"
        assert find_key(None, None, "V", environ).reveal() == "from-environment"
        assert not find_key(None, None, "V", {})
        assert not find_key(None, None, "V", {"V": " "})
        assert not find_key(None, None, "", {"": "x"})

    def test_it_remembers_where_it_comes_from(self, file: Path) -> None:
        file.write_text(KEY)
        assert find_key(KEY, None, "V", {}).source == "the key that was passed"
        assert find_key(None, file, "V", {}).source == f"the key file {file}"
        assert find_key(None, None, "V", {"V": KEY}).source == "the variable V"
        assert "the variable V: it is not set" in find_key(None, None, "V", {}).source
        assert "key_variable" in find_key(None, None, "", {}).source

    def test_a_file_that_cannot_be_read_is_named(self, file: Path) -> None:
        with pytest.raises(UsageError, match="key cannot be read: No such file"):
            find_key(None, file, "V", {})
        for text, problem in ((b" \n", "key is empty"), (b"# nothing\n", "is empty"), (b"\xff\xfe", "it is no text")):
            file.write_bytes(text)
            with pytest.raises(UsageError, match=problem):
                find_key(None, file, "V", {})


class TestSpelling:
    @pytest.mark.parametrize(
        "text",
        [
            KEY,
            f"  {KEY}\r\n",
            f"\ufeff{KEY}\n",
            f'"{KEY}"',
            f"'{KEY}'\n",
            f"MY_KEY={KEY}",
            f'\ufeffMY_KEY="{KEY}"\r\n',
            f"export MY_KEY='{KEY}'",
            f"# from the console\n\nOTHER_KEY=x\nMY_KEY = {KEY}\n",
        ],
    )
    def test_a_file_may_hold_it_as_editors_and_shells_write_it(self, file: Path, text: str) -> None:
        file.write_text(text, encoding="utf-8", newline="")
        assert find_key(None, file, "MY_KEY", {}).reveal() == KEY

    def test_a_key_with_equals_signs_is_no_assignment(self, file: Path) -> None:
        for key in ("abc123==", "ABC==", "A=", "sk=abc"):
            file.write_text(key)
            assert find_key(None, file, "V", {}).reveal() == key

    def test_quotes_in_a_variable_do_not_matter(self) -> None:
        assert find_key(None, None, "V", {"V": f'"{KEY}"'}).reveal() == KEY

    @pytest.mark.parametrize("text", [f"OTHER_KEY={KEY}", f"OTHER_KEY={KEY}\nTHIRD_KEY={KEY}"])
    def test_a_file_with_the_key_of_another_server_is_refused(self, file: Path, text: str) -> None:
        file.write_text(text)
        with pytest.raises(UsageError, match=r"the key file .*key names OTHER_KEY.*, not MY_KEY: leave") as caught:
            find_key(None, file, "MY_KEY", {})
        assert KEY not in str(caught.value)

    def test_a_single_assignment_is_enough_where_the_server_names_no_variable(self, file: Path) -> None:
        file.write_text(f"ANY_KEY={KEY}")
        assert find_key(None, file, "", {}).reveal() == KEY
        file.write_text(f"ANY_KEY={KEY}\nSECOND_KEY={KEY}")
        with pytest.raises(UsageError, match="names ANY_KEY, SECOND_KEY, not one key"):
            find_key(None, file, "", {})

    @pytest.mark.parametrize(
        "text", ["two words", "two\nlines", "schlüssel", "tab\tinside", "nul\0inside", '"', "' open", 'in"side']
    )
    def test_an_invalid_key_is_refused_and_not_repeated(self, text: str) -> None:
        with pytest.raises(UsageError) as caught:
            find_key(f"{KEY}{text}", None, "V", {})
        assert KEY not in str(caught.value)


class TestHiding:
    @pytest.mark.invariant("SECRETS-KEPT")
    def test_no_text_shows_it_and_no_copy_is_made(self) -> None:
        secret = Secret(KEY, "somewhere")
        assert KEY not in repr(secret) + str(secret) + f"{secret!r:>50}{secret}"
        with pytest.raises(TypeError):
            pickle.dumps(secret)

    def test_it_is_hidden_in_the_answer_of_a_server(self) -> None:
        assert Secret(KEY).hidden_in(f"bad key {KEY}!".encode()) == b"bad key [hidden]!"
        assert Secret("none").hidden_in(b"none of it") == b"none of it"
        assert Secret("").hidden_in(b"x") == b"x"


@pytest.mark.parametrize("length", range(12, len(KEY) + 1))
def test_the_beginning_of_a_key_at_the_end_of_a_partial_answer_is_hidden(length: int) -> None:
    """An answer may break off in the middle of it."""
    assert Secret(KEY).hidden_in(b"the key is " + KEY[:length].encode()) == b"the key is [hidden]"


def test_text_that_only_begins_like_a_key_is_left() -> None:
    assert Secret(KEY).hidden_in(b"sk-not and more") == b"sk-not and more"
    assert Secret("short").hidden_in(b"short") == b"short"
