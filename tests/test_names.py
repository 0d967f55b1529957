"""The names in package and tests: nouns for values, and private names for constants that no other module uses."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
MODULES = sorted((ROOT / "exquisite").rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))

PARTICIPLES = {
    *("found", "known", "kept", "asked", "wanted", "given", "made", "done", "sent", "told", "held", "shown", "said"),
    *("heard", "bent", "sound", "calm", "seen", "taken", "grown", "drawn", "used", "lost"),
}
"""Forbidden names of variables, arguments and functions; a field of a record on disk keeps its name."""


def assigned(tree: ast.Module) -> Iterator[str]:
    """The names of variables, arguments and functions of a module, without the fields of its classes."""
    classes = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    fields = {id(node.target) for each in classes for node in each.body if isinstance(node, ast.AnnAssign)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and id(node) not in fields:
            yield node.id
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.FunctionDef):
            yield node.name
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr


def constants(tree: ast.Module) -> Iterator[str]:
    """The names in capitals that a module defines."""
    for node in tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        for target in targets:
            if isinstance(target, ast.Name) and target.id.isupper():
                yield target.id


def exported(tree: ast.Module) -> set[str]:
    """The strings in `__all__`."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == ["__all__"]:
            return {value.value for value in ast.walk(node.value) if isinstance(value, ast.Constant)}  # type: ignore[misc]
    return set()


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def violations(rule: Callable[[ast.Module], Iterable[str]], modules: Iterable[Path]) -> list[str]:
    """The names that `rule` yields for any of the modules, each behind the path of its module."""
    return [f"{path.relative_to(ROOT).as_posix()}: {name}" for path in modules for name in rule(tree_of(path))]


def test_nothing_is_named_by_a_participle() -> None:
    modules = [*MODULES, *TESTS]
    assert violations(lambda tree: {name.strip("_") for name in assigned(tree)} & PARTICIPLES, modules) == []


def test_a_constant_is_exported_or_begins_with_an_underscore() -> None:
    assert violations(lambda tree: {name for name in constants(tree) if name[0] != "_"} - exported(tree), MODULES) == []


def test_the_checks_find_examples_of_forbidden_names() -> None:
    tree = ast.parse("LIMIT = 1\n_SIZE = 2\nclass A:\n    kept: int\ndef f(found):\n    self.lost = asked = found\n")
    assert set(assigned(tree)) & PARTICIPLES == {"found", "lost", "asked"}
    assert [name for name in constants(tree) if not name.startswith("_")] == ["LIMIT"]
    assert exported(ast.parse('__all__ = ["A", "b"]')) == {"A", "b"}
