"""Rules for every test: offline, a clean environment, nothing imported that the project may not use, any order."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Generator

import pytest

from tests.support.children import is_setting
from tests.support.cores import Claims
from tests.support.offline import block_imports, block_network

block_imports()
block_network()

# A shell starts background jobs with interrupts ignored, which every child inherits; the tests that interrupt a
# program would wait for ever.
signal.signal(signal.SIGINT, signal.default_int_handler)

_claims = Claims.from_environment()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--shuffle", type=int, metavar="SEED", help="run the tests in the random order of SEED")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    seed = config.getoption("--shuffle", None)
    if seed is not None:
        random.Random(seed).shuffle(items)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Collect the last file first in every second process: each compiles half of the files and reads the other half."""
    report = yield
    if _claims is not None and _claims.backwards and isinstance(collector, pytest.Directory):
        report.result.reverse()
    return report


def pytest_runtest_protocol(item: pytest.Item) -> bool | None:
    """A test of a file that another process of `make test` has claimed counts as done."""
    return None if _claims is None or _claims.is_mine(item.path) else True


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of the person who runs the tests reaches them; a test sets what it needs itself."""
    for name in list(os.environ):
        if is_setting(name):
            monkeypatch.delenv(name)
    monkeypatch.setenv("COLUMNS", "100")
