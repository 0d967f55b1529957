"""The workflow for GitHub runs commands that exist here, on three systems, and says that it was not run."""

from __future__ import annotations

import importlib.util
import re

from tests.support.documents import ROOT, read

WORKFLOW = ".github/workflows/ci.yml"


def test_the_workflow_states_that_it_never_ran_and_names_three_systems() -> None:
    text = read(WORKFLOW)
    assert "has not been run where it was written" in text
    assert {"ubuntu-latest", "macos-latest", "windows-latest"} <= set(re.findall(r"\w+-latest", text))


def test_its_modules_and_files_are_there() -> None:
    text = read(WORKFLOW)
    modules = {name for name in re.findall(r"python -m ([\w.]+)", text) if name != "pip"}
    assert modules == {"exquisite", "tests.support.cores"}
    assert all(importlib.util.find_spec(name) for name in modules)
    assert all((ROOT / path).is_file() for path in re.findall(r"fixtures/\S+", text))


def test_its_oldest_versions_are_those_of_the_project() -> None:
    project = read("pyproject.toml")
    for package, version in re.findall(r'"(pillow|httpx)==([\d.]+)\.\*"', read(WORKFLOW)):
        assert f"{package}>={version}" in project
    assert re.search(r'requires-python = ">=3\.11"', project)
