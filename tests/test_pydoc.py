"""`python -m pydoc exquisite...` shows every module, and documents every public name."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import pydoc
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import exquisite

NAMES = sorted(
    module.name for module in pkgutil.walk_packages(exquisite.__path__, "exquisite.") if "._" not in module.name
)
MODULES = [exquisite, *map(importlib.import_module, NAMES)]


def public_members(value: type) -> Iterator[tuple[str, object]]:
    """The methods and properties that a class defines itself, without an underscore."""
    for name, member in vars(value).items():
        if not name.startswith("_") and (inspect.isroutine(member) or isinstance(member, property)):
            yield name, member


def undocumented(module: ModuleType) -> list[str]:
    """Public classes and functions of a module, and their public members, that say nothing of themselves."""
    missing = [] if module.__doc__ else [module.__name__]
    for name in getattr(module, "__all__", ()):
        value = getattr(module, name)
        if getattr(value, "__module__", None) != module.__name__:
            continue
        if (inspect.isclass(value) or inspect.isroutine(value)) and not inspect.getdoc(value):
            missing.append(name)
        if inspect.isclass(value):
            missing += [f"{name}.{member}" for member, what in public_members(value) if not inspect.getdoc(what)]
    return missing


def bare_constants(module: ModuleType) -> list[str]:
    """Public values of a module that no string follows."""
    assert module.__file__ is not None
    body = ast.parse(Path(module.__file__).read_text("utf-8")).body
    public = set(getattr(module, "__all__", ()))
    bare = []
    for statement, after in zip(body, [*body[1:], None], strict=True):
        targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
        names = {target.id for target in targets if isinstance(target, ast.Name)} & public
        documented = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
        bare += [] if documented else sorted(names)
    return bare


def test_pydoc_shows_every_module() -> None:
    for module in MODULES:
        assert module.__name__ in pydoc.render_doc(module, renderer=pydoc.plaintext)  # type: ignore[attr-defined]


def test_every_module_and_every_public_name_is_documented() -> None:
    missing = {module.__name__: undocumented(module) + bare_constants(module) for module in MODULES}
    assert {name: names for name, names in missing.items() if names} == {}
