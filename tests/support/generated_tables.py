"""The tables of the documents that are generated from the code; a test fails when one is out of date.

python -m tests.support.generated_tables     writes them anew
"""

from __future__ import annotations

import argparse
import importlib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal

from exquisite.api.models import MODEL_DEFAULT, QUALITY_DEFAULT, CallContent, estimate_usd
from exquisite.api.servers import SERVERS
from exquisite.cli.parser import EXIT_CODES, build_parser
from exquisite.contract import PRESETS, TileContract
from exquisite.pipeline.step.options import StepOptions
from tests.support import formats
from tests.support.documents import ROOT, marked, read

__all__ = ["GENERATED", "MAKE_VARIABLES", "make_variables", "module_names", "public_constants", "verbs", "write_all"]

MAKE_VARIABLES = {
    "session": "SESSION",
    "scaffold_fill": "SCAFFOLD",
    "continuation_cue": "CUE",
    "prompt_strength": "STRENGTH",
    "soften_px": "SOFTEN",
    "references": "REFERENCE",
}
"""Where `make step` has another name for an argument than its upper case."""


def verbs() -> dict[str, argparse.ArgumentParser]:
    """Verb -> its parser."""
    (action,) = (a for a in build_parser()._actions if isinstance(a, argparse._SubParsersAction))
    return dict(action.choices)


def make_variables() -> set[str]:
    """The variables that `make step` takes, from the Makefile."""
    (names,) = re.findall(r"^STEP := ((?:.*\\\n)*.*)$", read("Makefile"), flags=re.MULTILINE)
    return set(names.replace("\\\n", " ").split())


def module_names() -> Iterator[str]:
    """Every module of the package that can be imported."""
    for path in sorted((ROOT / "exquisite").rglob("*.py")):
        if path.name != "__main__.py":
            parts = path.relative_to(ROOT).with_suffix("").parts
            yield ".".join(part for part in parts if part != "__init__")


def public_constants() -> dict[str, str]:
    """Upper-case names in `__all__` whose value is plain: module and name within the package -> the value's text.

    A name that a package exports is listed once, under the package.
    """
    constants = {}
    for name in module_names():
        module = importlib.import_module(name)
        package = importlib.import_module(name.rpartition(".")[0] or name)
        for constant in getattr(module, "__all__", []):
            text = _plain(getattr(module, constant)) if constant.isupper() else None
            is_exported = package is not module and constant in getattr(package, "__all__", ())
            if text is not None and name.partition(".")[2] and not is_exported:
                constants[f"{name.partition('.')[2]}.{constant}"] = text
    return constants


def _plain(value: object) -> str | None:
    """The text of a plain value in the table, or None for a value with a table of its own."""
    if isinstance(value, int | float | Decimal):
        return str(value)
    if isinstance(value, str):
        return value
    if isinstance(value, tuple | frozenset) and all(isinstance(item, str | int | float) for item in value):
        return ", ".join(map(str, value if isinstance(value, tuple) else sorted(value)))
    return None


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(header)} |", f"|{'---|' * len(header)}"]
    lines += [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in rows]
    return "\n" + "\n".join(lines) + "\n"


def _verbs() -> str:
    (action,) = (a for a in build_parser()._actions if isinstance(a, argparse._SubParsersAction))
    takes = {name: parser.format_usage().split(f" {name} ")[1].strip() for name, parser in verbs().items()}
    return _table(("verb", "does"), ((f"`{a.dest} {takes[a.dest]}`", a.help or "") for a in action._choices_actions))


def _options() -> str:
    variables = make_variables()
    rows = []
    for action in verbs()["step"]._actions:
        if action.dest == "help" or not action.option_strings:
            continue
        flag = action.option_strings[0]
        if action.nargs != 0:
            flag += " " + str(action.metavar or "|".join(map(str, action.choices or ())))
        variable = MAKE_VARIABLES.get(action.dest, action.dest.upper())
        rows.append((f"`{flag}`", f"`{variable}`" if variable in variables else "", action.help or ""))
    return _table(("option", "make", "meaning"), rows)


def _exit_codes() -> str:
    return _table(("exit code", "meaning"), ((str(code), meaning) for code, meaning in EXIT_CODES.items()))


def _servers() -> str:
    return _table(
        ("server", "base URL", "to know"), ((f"`{s.name}`", f"`{s.base_url}`", s.note) for s in SERVERS.values())
    )


def _contracts() -> str:
    header = ("contract", "tile along × across", "band", "new a step", "seams on 10,000 px", "USD a new megapixel")
    rows = []
    for name, c in PRESETS.items():
        counts = map(str, (c.band_px, c.advance_px, _seams(c)))
        rows.append((f"`{name}`", f"{c.tile_px} × {c.across_px}", *counts, f"{_usd(c):.2f}"))
    return _table(header, rows)


def _seams(contract: TileContract, length_px: int = 10_000) -> int:
    """The seams on `length_px` new pixels along the growing axis."""
    return length_px // contract.advance_px


def _usd(contract: TileContract) -> Decimal:
    """The estimate in USD for a million new pixels: three candidates by the default model at its default quality."""
    candidates = StepOptions().candidates
    new = contract.advance_px * contract.across_px
    return estimate_usd(MODEL_DEFAULT, QUALITY_DEFAULT, candidates, CallContent(contract)) * 1_000_000 / new


def _constants() -> str:
    return _table(("constant", "value"), ((f"`{name}`", f"`{text}`") for name, text in public_constants().items()))


GENERATED: dict[tuple[str, str], Callable[[], str]] = {
    ("REFERENCE.md", "verbs"): _verbs,
    ("REFERENCE.md", "options"): _options,
    ("REFERENCE.md", "exit-codes"): _exit_codes,
    ("REFERENCE.md", "contracts"): _contracts,
    ("REFERENCE.md", "servers"): _servers,
    ("CONTRACT.md", "constants"): _constants,
}
"""(document, marker) -> the text between its markers."""


def write_all() -> None:
    """Write every generated table between its markers, and FORMAT.md."""
    (ROOT / "exquisite" / "pipeline" / "FORMAT.md").write_text(formats.document(), "utf-8")
    for (document, name), make in GENERATED.items():
        text = read(document)
        old = f"<!-- {name}:begin -->{marked(text, name)}<!-- {name}:end -->"
        (ROOT / document).write_text(text.replace(old, f"<!-- {name}:begin -->{make()}<!-- {name}:end -->"), "utf-8")


if __name__ == "__main__":
    write_all()
