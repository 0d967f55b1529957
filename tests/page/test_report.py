"""The report is one self-contained file, shows what the page shows, and is written atomically."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from exquisite.errors import UsageError
from exquisite.page import write_report
from exquisite.pipeline.session import Session
from tests.support.tiny import grow, tree

VOID = {"meta", "img", "br", "link"}


class Balanced(HTMLParser):
    """Checks that every element is closed, and gathers links and sources."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.links: list[str] = []
        self.sources: list[str] = []
        self.ids: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.links += [str(values["href"])] if "href" in values else []
        self.sources += [str(values["src"])] if "src" in values else []
        self.ids.add(str(values.get("id")))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture
def report(session: Session, tmp_path: Path) -> tuple[str, Balanced]:
    session.labels().append({"kind": "find", "time": "t", "step": 1, "candidate": 0, "treatment": "enforced",
                             "window_px": 6, "seam_px": 3, "click_px": 3, "hit": True, "chance": 0.1})  # fmt: skip
    path = write_report(session, tmp_path / "report.html")
    text = path.read_text("utf-8")
    parser = Balanced()
    parser.feed(text)
    assert parser.open == []
    return text, parser


def test_the_report_loads_nothing_from_elsewhere(report: tuple[str, Balanced]) -> None:
    text, parser = report
    assert parser.sources
    assert all(source.startswith("data:image/jpeg;base64,") for source in parser.sources)
    assert "<script" not in text
    assert not re.search(r"url\(|@import|https?://(?!www\.w3\.org/2000/svg)", text)
    assert "prefers-color-scheme: dark" in text
    assert "@media print" in text


def test_links_lead_into_the_session_or_to_the_report_itself(report: tuple[str, Balanced], tmp_path: Path) -> None:
    _, parser = report
    inside = [link for link in parser.links if link.startswith("#")]
    assert {link[1:] for link in inside} - {"step-0"} <= parser.ids
    others = [link for link in parser.links if not link.startswith("#")]
    assert others
    assert all((tmp_path / link).is_file() for link in others)


def test_the_report_describes_the_session(report: tuple[str, Balanced]) -> None:
    text, _ = report
    for words in ("48 × 32 px", "Step 3: glued nothing", "candidate 2", "seams found", "1 of 1", "Steps and branches"):
        assert words in text


def test_the_report_leaves_the_session_unchanged(session: Session, tmp_path: Path) -> None:
    before = tree(session.root)
    write_report(session, tmp_path / "report.html")
    assert tree(session.root) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report.html", "s"]


@pytest.mark.parametrize("name", ["report.pdf", "report", "none/report.html"])
def test_an_invalid_target_is_refused(session: Session, tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError):
        write_report(session, tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == ["s"]


def test_the_report_escapes_names_and_prompts(session: Session, tmp_path: Path) -> None:
    grow(session, "x_ltr", prompt="<img src=x onerror=alert(1)>", artifacts="full")
    text = write_report(session, tmp_path / "report.html").read_text("utf-8")
    assert "<img src=x" not in text
    assert "&lt;img src=x" in text
