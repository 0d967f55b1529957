"""Reading the documents: tables, code blocks and marked parts of a Markdown file."""

from __future__ import annotations

import re
from pathlib import Path

__all__ = ["RESULTS", "ROOT", "cell", "code_blocks", "marked", "read", "table", "write_marked"]

ROOT = Path(__file__).resolve().parents[2]

RESULTS = "tests/benchmarks/RESULTS.md"
"""The document with every measured table; the benchmarks write it."""


def read(name: str) -> str:
    """The text of a document at the top of the checkout."""
    return (ROOT / name).read_text("utf-8")


def table(text: str, *columns: str) -> list[dict[str, str]]:
    """The rows of the one table whose header begins with `columns`; cells without their backticks.

    Raises:
        AssertionError: there is no such table, or more than one.
    """
    tables = [rows for header, rows in _tables(text) if tuple(header[: len(columns)]) == columns]
    assert len(tables) == 1, f"{len(tables)} tables begin with the columns {columns}, there must be one"
    return tables[0]


def code_blocks(text: str, *languages: str) -> list[str]:
    """The contents of the fenced code blocks in one of `languages`."""
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
    return [body for language, body in blocks if language in languages]


def marked(text: str, name: str) -> str:
    """The text between <!-- name:begin --> and <!-- name:end -->."""
    begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
    assert text.count(begin) == 1, f"{begin} must occur once"
    assert text.count(end) == 1, f"{end} must occur once"
    return text[text.index(begin) + len(begin) : text.index(end)]


def write_marked(name: str, content: str, document: Path = ROOT / RESULTS) -> None:
    """Put `content`, on lines of its own, between <!-- name:begin --> and <!-- name:end --> of `document`."""
    text = document.read_text("utf-8")
    begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
    old = begin + marked(text, name) + end
    document.write_text(text.replace(old, f"{begin}\n{content}\n{end}"), "utf-8")


def cell(text: str) -> str:
    """A cell as plain text: backticks and escaped bars undone."""
    return text.strip().replace("\\|", "|").replace("`", "")


def _tables(text: str) -> list[tuple[list[str], list[dict[str, str]]]]:
    tables = []
    for block in re.findall(r"(?:^\|.*\|[ ]*\n)+", text + "\n", flags=re.MULTILINE):
        lines = [re.split(r"(?<!\\)\|", line.strip())[1:-1] for line in block.strip().splitlines()]
        header = [cell(name) for name in lines[0]]
        rows = [dict(zip(header, map(cell, line), strict=True)) for line in lines[2:]]
        tables.append((header, rows))
    return tables
