"""The documents say what the code does: commands run, tables are up to date, links lead somewhere."""

from __future__ import annotations

import ast
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import exquisite
from exquisite import CLASSIC, MockTileGenerator, Mode, Session, TileContract
from exquisite.api.server_file import read_server_file
from exquisite.api.servers import SERVERS
from exquisite.cli import build_parser, main
from exquisite.pipeline.plan import read_plan
from tests.support.children import run_python
from tests.support.documents import RESULTS, ROOT, code_blocks, marked, read, table
from tests.support.emulator import EMULATOR_KEY, EmulatorServer, emulator
from tests.support.generated_tables import GENERATED, MAKE_VARIABLES, make_variables, verbs
from tests.support.tiny import InstantGenerator, seed_picture

README = read("README.md")
REFERENCE = read("REFERENCE.md")
GUIDES = ("README.md", "CONTRIBUTING.md")
"""Documents whose commands are checked."""
MAKEFILE = read("Makefile")
SMALL = ["--contract", "64/32/16/16"]
SHOWN_ELSEWHERE = {"settle", "cassette", "vendor", "experiment", "view", "report", "labels"}
"""Verbs with a section of their own."""


def commands(*blocks: str) -> list[list[str]]:
    """The commands of shell blocks, without comments."""
    lines = (line for block in blocks for line in block.splitlines())
    return [words for words in (shlex.split(line, comments=True) for line in lines) if words]


def tour() -> list[list[str]]:
    """The commands of the README's tour, which are really run."""
    (block,) = code_blocks(README.partition("<!-- tour -->")[2].partition("```\n\n")[0] + "```\n", "sh")
    return commands(block)


class TestCommands:
    def test_the_first_block_makes_a_step_and_runs_the_tests(self) -> None:
        assert commands(code_blocks(README, "sh")[0]) == [["make", "step", "MODE=x_ltr"], ["make", "test"]]

    @pytest.mark.parametrize(
        "words", commands(*(block for name in GUIDES for block in code_blocks(read(name), "sh"))), ids=shlex.join
    )
    def test_every_command_is_one_that_exists(self, words: list[str]) -> None:
        if words[0] == "make":
            targets = re.findall(r"^([a-z-]+):", MAKEFILE, flags=re.MULTILINE)
            named = [word for word in words[1:] if "=" not in word]
            assert set(named) <= set(targets)
            for word in words[1:]:
                if "=" in word:
                    name = word.partition("=")[0]
                    variables = make_variables() if named == ["step"] else {"DEST", "ARGS"}
                    assert name in variables | {"PYTHON", "WHEELHOUSE"}
        elif words[0] == "exquisite":
            build_parser().parse_args(words[1:])
        else:
            assert words[0] == "export"

    def test_the_tour_runs_from_its_first_to_its_last_command(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """With a small picture and contract, and an instant model, so that it takes a second."""
        monkeypatch.setattr("exquisite.api.mock.MockTileGenerator", lambda **_: InstantGenerator())
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", ["exquisite"])
        seed_picture(64, 64).save("ink.png")
        assert len(tour()) > 10
        for words in tour():
            assert words[0] == "exquisite"
            extra = SMALL if words[1] == "init" else []
            assert main([*words[1:], *extra]) == 0, f"{shlex.join(words)}: {capsys.readouterr().err}"
        assert (tmp_path / "ink-wide.png").exists()
        assert {words[1] for words in tour()} >= set(verbs()) - SHOWN_ELSEWHERE

    def test_the_library_example_runs(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        code = code_blocks(README, "python")[0]
        monkeypatch.chdir(tmp_path)
        seed_picture(64, 64).save("ink.png")
        create = Session.create
        monkeypatch.setattr(Session, "create", lambda root, canvas: create(root, canvas, TileContract(64, 32, 16, 16)))
        scope: dict[str, object] = {}
        exec(compile(code, "README.md", "exec"), scope)
        assert isinstance(scope["session"], Session)
        assert scope["session"].canvas_size == (80, 64)
        assert scope["MockTileGenerator"] is MockTileGenerator


def test_the_cassette_fixture_records_and_replays(tmp_path: Path) -> None:
    """The fixture in another suite: the first run records from the emulator, the second replays without it."""
    (recipe,) = code_blocks(README.partition("<!-- cassette -->")[2].partition("```\n\n")[0] + "```\n", "python")
    (tmp_path / "conftest.py").write_text(recipe, "utf-8")
    (tmp_path / "test_steps.py").write_text(
        "import pytest\n"
        "from exquisite.api.generator import NullCallLog\n"
        "from exquisite.api.openai_client import OpenAITileGeneratorClient\n"
        "from tests.support.client_bench import request_for\n"
        "@pytest.mark.parametrize('mode', ['x_ltr', 'y_ttb'])\n"
        "def test_tiles(cassette, mode):\n"
        "    client = OpenAITileGeneratorClient(base_url='HERE', transport=cassette)\n"
        "    assert len(list(client.generate(request_for(mode=mode), NullCallLog()))) == 3\n",
        "utf-8",
    )
    with EmulatorServer(emulator(flat=True, any_size=True)) as server:
        test = tmp_path / "test_steps.py"
        test.write_text(test.read_text("utf-8").replace("HERE", server.emulator.base_url), "utf-8")
        recorded = run_python(PYTEST, cwd=tmp_path, EXQUISITE_RECORD_MODE="once", OPENAI_API_KEY=EMULATOR_KEY)
        assert recorded.returncode == 0, recorded.stdout
        assert server.emulator.arrivals == 2
    names = {path.relative_to(tmp_path / "cassettes" / "test_steps").as_posix()[:10] for path in cassettes_in(tmp_path)}
    assert names == {"test_tiles"}
    assert len(cassettes_in(tmp_path)) == 2
    replayed = run_python(PYTEST, cwd=tmp_path)
    assert replayed.returncode == 0, replayed.stdout


PYTEST = "import sys, pytest; sys.exit(pytest.main(['-q', '-p', 'no:cacheprovider', '--rootdir=.']))"


def cassettes_in(folder: Path) -> list[Path]:
    return sorted((folder / "cassettes").rglob("*.json"))


def test_the_server_file_of_the_reference_is_understood(tmp_path: Path) -> None:
    _, text = code_blocks(REFERENCE, "toml")
    file = tmp_path / "deepinfra.toml"
    file.write_text(text, "utf-8")
    server = read_server_file(file)
    assert (server.mask, server.key_variable, server.extra_fields["moderation"]) == ("omit", "DEEPINFRA_TOKEN", "low")


def test_the_plan_of_the_reference_is_understood(tmp_path: Path) -> None:
    text, _ = code_blocks(REFERENCE, "toml")
    file = tmp_path / "scroll.toml"
    file.write_text(text, "utf-8")
    plan = read_plan(file, CLASSIC, Mode.X_LTR, {})
    assert (plan.steps, plan.stop.refusals, plan.lines[1].options.gate) == (16, 2, 3.0)


def test_the_readme_is_short() -> None:
    assert len(README.split()) <= 1200


class TestHelp:
    @pytest.mark.parametrize(("document", "name"), GENERATED)
    def test_the_tables_of_the_documents_are_up_to_date(self, document: str, name: str) -> None:
        hint = "run: python -m tests.support.generated_tables"
        assert marked(read(document), name) == GENERATED[document, name](), hint

    @pytest.mark.parametrize("verb", ["", *verbs()])
    def test_help_leads_with_examples_that_parse(self, verb: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "argv", ["exquisite"])
        text = (verbs()[verb] if verb else build_parser()).format_help()
        usage, description, examples, *_ = text.split("\n\n")
        assert usage.startswith("usage: exquisite")
        assert len(usage.splitlines()) == 1
        assert examples.startswith("examples:\n")
        for line in examples.splitlines()[1:]:
            command = line.strip().partition("    ")[0]
            build_parser().parse_args(shlex.split(command)[1:])
        assert description

    def test_every_option_is_explained(self) -> None:
        for verb, parser in verbs().items():
            for action in parser._actions:
                assert action.help, f"{verb}: {action.dest}"

    def test_no_option_may_be_shortened(self) -> None:
        assert not any(parser.allow_abbrev for parser in (build_parser(), *verbs().values()))


class TestMakefile:
    def test_every_variable_of_a_step_stands_for_an_argument(self) -> None:
        arguments = {MAKE_VARIABLES.get(a.dest, a.dest.upper()) for a in verbs()["step"]._actions}
        assert make_variables() - arguments == set()

    def test_bare_make_names_every_target_and_variable(self) -> None:
        text = MAKEFILE.partition("\nhelp:\n")[2].partition("\n\n")[0]
        (phony,) = re.findall(r"^\.PHONY: ((?:.*\\\n)*.*)$", MAKEFILE, flags=re.MULTILINE)
        for target in set(phony.replace("\\\n", " ").split()) - {"help"}:
            assert f"make {target}" in text, target
        for name in make_variables() | {"DEST", "ARGS", "PYTHON", "WHEELHOUSE"}:
            assert f"{name}=" in text, name


class TestEnvironment:
    def test_every_variable_is_documented_and_every_documented_one_exists(self) -> None:
        keys = "|".join(server.key_variable for server in SERVERS.values() if server.key_variable)
        pattern = rf"\b(?:(?:[A-Z]+_)?(?:EXQUISITE|OPENAI)_[A-Z_]+|{keys})\b"
        documented = set(re.findall(pattern, " ".join(row[_VARIABLE] for row in table(REFERENCE, _VARIABLE))))
        in_code = {
            name
            for path in (ROOT / "exquisite").rglob("*.py")
            for text in _strings(path)
            for name in re.findall(pattern, text)
        }
        assert documented == in_code


_VARIABLE = "variable of the environment"


def _strings(path: Path) -> Iterator[str]:
    """The strings of a module that are no docstrings."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


class TestVersions:
    def test_the_changelog_has_the_version_of_the_package_on_top(self) -> None:
        newest = re.findall(r"^## \[(\d[^\]]*)\] - \d{4}-\d\d-\d\d$", read("CHANGELOG.md"), flags=re.MULTILINE)[0]
        assert newest == exquisite.__version__

    def test_the_project_reads_its_version_from_the_package(self) -> None:
        project = tomllib.loads(read("pyproject.toml"))
        assert project["project"]["dynamic"] == ["version"]
        assert project["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "exquisite._version.__version__"}

    def test_every_folder_of_the_package_is_packaged(self) -> None:
        packages = tomllib.loads(read("pyproject.toml"))["tool"]["setuptools"]["packages"]
        folders = {path.parent.relative_to(ROOT) for path in (ROOT / "exquisite").rglob("__init__.py")}
        assert set(packages) == {".".join(folder.parts) for folder in folders}

    def test_run_time_and_test_requirements_are_the_promised_ones(self) -> None:
        project = tomllib.loads(read("pyproject.toml"))
        names = [re.split(r"[<>=]", text)[0] for text in project["project"]["dependencies"]]
        assert names == ["pillow", "httpx"]
        assert project["dependency-groups"]["test"] == ["pytest>=8"]

    def test_both_licences_are_one(self) -> None:
        assert read("LICENSE") == read("exquisite/LICENSE")


DOCUMENTS = (*GUIDES, "REFERENCE.md", "CONTRACT.md", "CHANGELOG.md", "fixtures/README.md", RESULTS)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_and_named_files_exist(document: str) -> None:
    text = read(document)
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        if "://" not in target:
            assert ((ROOT / document).parent / target).exists(), target


def test_the_map_of_the_package_names_modules_and_definitions_in_them() -> None:
    rows = table(read("CONTRIBUTING.md"), "subject", "module")
    assert len(rows) > 15
    for row in rows:
        code = "".join(read(f"exquisite/{module}") for module in row["module"].split(", "))
        for name in row["start at"].split(", "):
            assert re.search(rf"^(    )?(def|class) {name}\b|^{name}\b", code, re.MULTILINE), name


def test_the_results_count_the_tests_of_payment() -> None:
    counts = dict(re.findall(r"^\| [^|]+ \| `(tests/[^`]+)` \| (\d+) \|$", read(RESULTS), re.MULTILINE))
    assert len(counts) >= 5
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-q", *counts]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert dict(re.findall(r"^(tests/\S+): (\d+)$", listed, re.MULTILINE)) == counts
