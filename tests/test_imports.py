"""The imports of the package: which modules may import what, and the time that an import may take."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
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


def imports(tree: ast.AST) -> Iterator[tuple[ast.Import | ast.ImportFrom, bool]]:
    """Every import statement, with whether it stands where it does not run at import time."""

    def walk(node: ast.AST, deferred: bool) -> Iterator[tuple[ast.Import | ast.ImportFrom, bool]]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import | ast.ImportFrom):
                yield child, deferred
            inside = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            guarded = isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING"
            yield from walk(child, deferred or inside or guarded)

    return walk(tree, False)


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


@pytest.mark.invariant("IMPORTS")
@pytest.mark.parametrize("path", sources(), ids=by_name)
class TestEveryModule:
    def test_imports_only_the_standard_library_pil_and_httpx_where_allowed(self, path: Path) -> None:
        for node, _ in imports(tree_of(path)):
            if isinstance(node, ast.ImportFrom) and node.level:
                continue
            modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
            for top in (module.partition(".")[0] for module in modules):
                if top == "httpx":
                    assert parts_of(path) in HTTPX_USERS or names_types_only(node, path), f"line {node.lineno}: httpx"
                else:
                    assert top in sys.stdlib_module_names | OUTSIDE, f"line {node.lineno}: imports {top}"

    def test_imports_the_modules_that_need_httpx_only_when_it_works(self, path: Path) -> None:
        for node, deferred in imports(tree_of(path)):
            if isinstance(node, ast.ImportFrom) and node.level and not deferred and parts_of(path) not in HTTPX_USERS:
                assert not HTTPX_USERS & set(imported_parts(path, node)), f"line {node.lineno}: only inside functions"

    def test_does_not_name_its_own_package(self, path: Path) -> None:
        """A vendored copy lives under another name."""
        for node, _ in imports(tree_of(path)):
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level:
                modules = [node.module or ""]
            assert all(module.partition(".")[0] != PACKAGE.name for module in modules), f"line {node.lineno}"

    def test_imports_go_down_or_sideways(self, path: Path) -> None:
        here = parts_of(path)
        floor = FLOORS[here[0] if here else ""]
        for node, _ in imports(tree_of(path)):
            if not isinstance(node, ast.ImportFrom) or not node.level:
                continue
            for there in imported_parts(path, node):
                top = there[0] if there else ""
                where = f"line {node.lineno}: {'.'.join(here)} imports {'.'.join(there)}"
                assert FLOORS[top] <= floor, f"{where}, one floor up"
                if floor < 4 and top != here[0]:
                    assert FLOORS[top] < floor or floor == 1 or (here[0], top) == ("api", "geometry"), (
                        f"{where}, sideways"
                    )

    @pytest.mark.invariant("SIZES-ONE-PLACE")
    def test_holds_no_size_of_its_own(self, path: Path) -> None:
        if path.name == "contract.py":
            return
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.Constant) and not isinstance(node.value, str | bytes | bool):
                assert node.value not in SIZES, f"line {node.lineno}: {node.value}; ask the TileContract"

    def test_is_of_readable_length_and_says_what_it_exports(self, path: Path) -> None:
        text = path.read_text("utf-8")
        assert len(text.splitlines()) <= 400
        if path.name not in ("__init__.py", "__main__.py", "_version.py"):
            assert "\n__all__ = " in text


@pytest.mark.invariant("IMPORTS")
def test_the_tests_import_nothing_beyond_pytest_and_the_project() -> None:
    allowed = sys.stdlib_module_names | OUTSIDE | {"httpx", "pytest", "_pytest", "exquisite", "tests"}
    for path in sorted((ROOT / "tests").rglob("*.py")):
        if path == BROWSER_CHECK:
            continue
        for node, _ in imports(tree_of(path)):
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            for module in modules:
                relative = isinstance(node, ast.ImportFrom) and node.level
                assert relative or module.partition(".")[0] in allowed, (
                    f"{by_name(path)}:{node.lineno} imports {module}"
                )


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
    done = run_python(code)
    assert done.stdout.strip() == "[]", done.stderr


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
    done = run_python(code, cwd=tmp_path)
    assert (done.stdout.strip(), done.stderr) == ("False", "")
    assert list(tmp_path.iterdir()) == []


def test_type_checkers_see_the_names_that_the_package_exports() -> None:
    tree = ast.parse((PACKAGE / "__init__.py").read_text("utf-8"))
    seen = {
        alias.asname: node.module for node, deferred in imports(tree) if deferred and isinstance(node, ast.ImportFrom)
        for alias in node.names
    }  # fmt: skip
    assert seen == exquisite._HOMES
