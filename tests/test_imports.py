"""The imports of the package: which modules may import what, and the time that an import may take."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path

import pytest

import exquisite
from tests.support.children import ROOT, run_python
from tests.support.offline import FORBIDDEN_IMPORTS, ForbiddenImportError

PACKAGE = ROOT / "exquisite"

FLOORS = {
    "errors": 1,
    "contract": 1,
    "mode": 1,
    "pixels": 1,
    "png_chunks": 1,
    "files": 1,
    "foreign": 1,
    "json_types": 1,
    "_version": 1,
    "geometry": 2,
    "api": 2,
    "pipeline": 3,
    "cli": 4,
    "page": 4,
    "__main__": 4,
    "": 4,
}
"""First part of a module's name within the package -> floor; "" is the package itself, the door to all floors."""

HTTPX_USERS = {("api", "connection"), ("api", "cassette", "transport")}
"""The modules that import httpx, at their top; nothing imports them at import time."""

OUTSIDE = {"PIL"}
SIZES = {256, 512, 1024}
BROWSER_CHECK = ROOT / "tests" / "page" / "browser.py"
"""What `make test-page` runs; no test, and the one file that needs selenium."""


def sources() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def by_name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def parts_of(path: Path) -> tuple[str, ...]:
    """The module's name within the package, as parts; the package itself is ()."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return parts[:-1] if parts[-1] == "__init__" else parts


@cache
def imports(path: Path) -> Sequence[tuple[ast.Import | ast.ImportFrom, bool]]:
    """Every import statement of a module, with whether it stands where it does not run at import time."""

    def walk(node: ast.AST, deferred: bool) -> Iterator[tuple[ast.Import | ast.ImportFrom, bool]]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import | ast.ImportFrom):
                yield child, deferred
            elif isinstance(child, ast.stmt | ast.ExceptHandler | ast.match_case):
                inside = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef)
                guarded = isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING"
                yield from walk(child, deferred or inside or guarded)

    return tuple(walk(tree_of(path), False))


def outer_packages(node: ast.Import | ast.ImportFrom) -> list[str]:
    """The packages that an import statement reaches by their full name."""
    if isinstance(node, ast.ImportFrom):
        return [] if node.level else [(node.module or "").partition(".")[0]]
    return [alias.name.partition(".")[0] for alias in node.names]


def names_types_only(node: ast.Import | ast.ImportFrom, path: Path) -> bool:
    """Whether an import stands under `if TYPE_CHECKING`, so that it never runs."""
    guards = (
        guard
        for guard in ast.walk(tree_of(path))
        if isinstance(guard, ast.If) and ast.unparse(guard.test) == "TYPE_CHECKING"
    )
    return any(guard.lineno < node.lineno <= (guard.end_lineno or 0) for guard in guards)


def imported_parts(path: Path, node: ast.ImportFrom) -> Iterator[tuple[str, ...]]:
    """What a relative import reaches, as parts within the package; one for each name when they may be modules."""
    here = path.relative_to(PACKAGE).parts[:-1]
    base = here[: len(here) - (node.level - 1)]
    assert node.level - 1 <= len(here), f"{by_name(path)}:{node.lineno} leaves the package"
    base += tuple(node.module.split(".")) if node.module else ()
    for alias in node.names:
        is_module = (PACKAGE.joinpath(*base) / f"{alias.name}.py").exists() or (
            PACKAGE.joinpath(*base) / alias.name / "__init__.py"
        ).exists()
        yield (*base, alias.name) if is_module else base


Rule = Callable[[Path], Iterator[tuple[int, str]]]
"""Yields the line and the reason of each place where a module breaks it."""


def broken(rule: Rule) -> list[str]:
    """Every place in the package that breaks `rule`."""
    return [f"{by_name(path)}:{line}: {why}" for path in sources() for line, why in rule(path)]


@pytest.mark.invariant("IMPORTS")
class TestEveryModule:
    def test_imports_only_the_standard_library_pil_and_httpx_where_allowed(self) -> None:
        def rule(path: Path) -> Iterator[tuple[int, str]]:
            for node, _ in imports(path):
                for top in outer_packages(node):
                    if top == "httpx":
                        allowed = parts_of(path) in HTTPX_USERS or names_types_only(node, path)
                    else:
                        allowed = top in sys.stdlib_module_names | OUTSIDE
                    if not allowed:
                        yield node.lineno, f"imports {top}"

        assert broken(rule) == []

    def test_imports_the_modules_that_need_httpx_only_when_it_works(self) -> None:
        def rule(path: Path) -> Iterator[tuple[int, str]]:
            for node, deferred in imports(path):
                if not isinstance(node, ast.ImportFrom) or not node.level or deferred or parts_of(path) in HTTPX_USERS:
                    continue
                if HTTPX_USERS & set(imported_parts(path, node)):
                    yield node.lineno, "only inside functions"

        assert broken(rule) == []

    def test_does_not_name_its_own_package(self) -> None:
        """A vendored copy lives under another name."""

        def rule(path: Path) -> Iterator[tuple[int, str]]:
            for node, _ in imports(path):
                if PACKAGE.name in outer_packages(node):
                    yield node.lineno, f"imports {PACKAGE.name} by its name"

        assert broken(rule) == []

    def test_imports_go_down_or_sideways(self) -> None:
        def rule(path: Path) -> Iterator[tuple[int, str]]:
            here = parts_of(path)
            first = here[0] if here else ""
            floor = FLOORS[first]
            for node, _ in imports(path):
                if not isinstance(node, ast.ImportFrom) or not node.level:
                    continue
                for there in imported_parts(path, node):
                    top = there[0] if there else ""
                    inside = floor == 4 or top == first or floor == 1 or (first, top) == ("api", "geometry")
                    if FLOORS[top] > floor or (FLOORS[top] == floor and not inside):
                        yield node.lineno, f"imports {'.'.join(there)}, one floor up or across"

        assert broken(rule) == []

    @pytest.mark.invariant("SIZES-ONE-PLACE")
    def test_holds_no_size_of_its_own(self) -> None:
        def rule(path: Path) -> Iterator[tuple[int, str]]:
            for node in ast.walk(tree_of(path)):
                if isinstance(node, ast.Constant) and node.value in SIZES and path.name != "contract.py":
                    yield node.lineno, f"{node.value}; ask the TileContract"

        assert broken(rule) == []

    def test_is_of_readable_length_and_has_an_export_list(self) -> None:
        def rule(path: Path) -> Iterator[tuple[int, str]]:
            text = path.read_text("utf-8")
            lines = len(text.splitlines())
            if lines > 400:
                yield lines, "longer than 400 lines"
            if path.name not in ("__init__.py", "__main__.py", "_version.py") and "\n__all__ = " not in text:
                yield lines, "has no __all__"

        assert broken(rule) == []


@pytest.mark.invariant("IMPORTS")
def test_the_tests_import_nothing_beyond_pytest_and_the_project() -> None:
    allowed = sys.stdlib_module_names | OUTSIDE | {"httpx", "pytest", "_pytest", "exquisite", "tests"}
    for path in sorted((ROOT / "tests").rglob("*.py")):
        if path == BROWSER_CHECK:
            continue
        for node, _ in imports(path):
            assert set(outer_packages(node)) <= allowed, f"{by_name(path)}:{node.lineno}"


@pytest.mark.invariant("IMPORTS")
def test_numpy_is_blocked_in_this_suite() -> None:
    for name in FORBIDDEN_IMPORTS:
        with pytest.raises(ForbiddenImportError):
            __import__(name)


@pytest.mark.invariant("IMPORTS")
def test_importing_the_package_loads_neither_httpx_nor_the_network() -> None:
    code = (
        "import sys, exquisite; print([n for n in ('httpx', 'ssl', 'asyncio', 'numpy', 'pytest') if n in sys.modules])"
    )
    process = run_python(code)
    assert process.stdout.strip() == "[]", process.stderr


@pytest.mark.invariant("IMPORTS")
def test_importing_every_other_module_loads_no_httpx_and_writes_nothing(tmp_path: Path) -> None:
    others = (path for path in sources() if path.name != "__main__.py" and parts_of(path) not in HTTPX_USERS)
    names = [".".join(("exquisite", *parts_of(path))) for path in others]
    code = (
        "import importlib, logging, sys\n"
        f"for name in {names}: importlib.import_module(name)\n"
        "assert not logging.getLogger().handlers\n"
        "print('httpx' in sys.modules)"
    )
    process = run_python(code, cwd=tmp_path)
    assert (process.stdout.strip(), process.stderr) == ("False", "")
    assert list(tmp_path.iterdir()) == []


def test_type_checkers_see_the_names_that_the_package_exports() -> None:
    homes = {
        alias.asname: node.module
        for node, deferred in imports(PACKAGE / "__init__.py")
        if deferred and isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert homes == exquisite._HOMES
