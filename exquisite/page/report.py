"""The report: a session as one HTML file that opens from disk without a server and can be printed.

The file holds small pictures and links to the large ones in the session's folder. It uses the drawings, the sentences
and the style sheet of the page.
"""

from __future__ import annotations

import base64
import io
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from PIL import Image

from .. import files as disk
from ..errors import ExquisiteError, UsageError
from ..pipeline.session import Session
from ..pipeline.store import SEED, Store
from ..pipeline.store.artifacts import decode_png
from ..pipeline.store.records import Record
from . import drawings
from .facts import from_one, step_facts
from .pictures import Selection
from .review import Review, margin_word
from .server import page_html

__all__ = ["write_report"]

_MAX_STEPS = 100  # steps shown with pictures; older ones are only in the table
_MAX_ROWS = 2000
_THUMB_PX = 220
_STRIP_PX = 120  # height of the canvas at the top
_QUALITY = 80
_DRIFT_S = 60.0

_STYLE = """
.report { max-width: 1080px; margin: 0 auto; padding: 24px 20px 60px; }
.report section { margin: 18px 0; }
.report .sheet { margin-bottom: 14px; break-inside: avoid; }
.report .canvas { display: flex; overflow-x: auto; border-radius: 8px; }
.report .canvas img { display: block; height: 120px; flex: none; }
.report .candidates { display: flex; gap: 12px; flex-wrap: wrap; }
.report figure { margin: 0; font-size: .85rem; color: var(--soft); max-width: 240px; }
.report figure img { display: block; max-width: 220px; height: auto; border-radius: 6px; }
.report figure.glued img { outline: 3px solid var(--accent); outline-offset: 2px; }
"""


def write_report(session: Session, path: Path | str) -> Path:
    """Write the report of `session` to `path`, which must end in .html, atomically; returns the path.

    Raises:
        UsageError: `path` does not end in .html, or its folder does not exist.
        StorageError: the disk cannot store the file.
        SessionDamagedError: the session cannot be read.
    """
    path = Path(path)
    if path.suffix.lower() not in (".html", ".htm"):
        raise UsageError(f"cannot write the report to {path}: use a name that ends in .html")
    if not path.parent.is_dir():
        raise UsageError(f"cannot write the report to {path}: the folder {path.parent} does not exist; make it first")
    review = Review(session.root)
    try:
        text = "".join(_Report(review, session, path).parts())
    finally:
        review.close()
    files = disk.Files()
    draft = path.with_name(f".{path.name}.part")
    try:
        files.write_file(draft, text.encode())
        files.replace(draft, path)
    finally:
        files.unlink(draft)
    return path


class _Report:
    """Writes the sections of one report."""

    def __init__(self, review: Review, session: Session, path: Path) -> None:
        self._review = review
        self._store = Store(review.root)
        self._branch = session.status().branch
        self._status = review.state(self._branch)
        self._session = session
        self._to_session = Path(os.path.relpath(review.root.resolve(), path.resolve().parent)).as_posix()

    def parts(self) -> Iterator[str]:
        """The text of the file, section by section."""
        name = escape(self._status["name"])
        page = page_html()[0].decode()
        (style,) = re.findall(r"<style>(.*?)</style>", page, flags=re.DOTALL)
        yield (
            '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            '<meta name="color-scheme" content="light dark">'
            f"<title>{name}</title><style>{style}{_STYLE}</style></head>\n"
            f'<body><main class="report"><h1>{name}</h1>'
        )
        records = list(self._session.log(_MAX_ROWS))
        yield self._summary()
        yield self._canvas(records)
        yield f'<section><h2>Steps and branches</h2><div class="drawn">{self._tree()}</div></section>'
        yield self._drift()
        yield self._labels()
        yield "<section><h2>Steps</h2>"
        for number in self._illustrated(records):
            yield self._step(number)
        yield "</section>"
        yield self._table(records)
        yield "</main></body></html>\n"

    def _summary(self) -> str:
        status = self._status
        width, height = status["canvas_size"]
        rows = [
            ("canvas", f"{width} × {height} px"),
            ("steps", f"{status['steps']} on the canvas, {status['last_step']} in the session"),
            ("branch", self._branch or "main"),
            ("contract", ", ".join(f"{name} {value}" for name, value in status["contract"].items())),
        ]
        rows += [(line["label"], f"{line['amount']} {line['meaning']}") for line in status["money"]["lines"]]
        return f'<section class="sheet">{_list(rows)}</section>'

    def _canvas(self, records: Sequence[Record]) -> str:
        """The newest strips of the canvas as small pictures, in the order of the canvas."""
        strips = []
        for record in records[: _MAX_STEPS * 2]:
            strips.append((tuple(record["strip"]["origin"]), record))
        images = []
        for _, record in sorted(strips, key=lambda entry: entry[0]):
            path = self._store.strip_path(record["strip"]["sha256"])
            image = decode_png(path.read_bytes())
            across = image.height if (self._status["axis"] or "x") == "x" else image.width
            image.thumbnail((image.width * _STRIP_PX // across + 1, _STRIP_PX) if across else image.size)
            link = f"{self._to_session}/strips/{record['strip']['sha256']}.png"
            what = "the seed picture" if record["parent"] is None else f"the strip of step {record['step']}"
            images.append(f'<a href="{escape(link)}">{_image(image, what)}</a>')
        more = "" if len(records) <= _MAX_STEPS * 2 else '<p class="note">The newest strips are shown.</p>'
        return f'<section><div class="canvas">{"".join(images)}</div>{more}</section>'

    def _tree(self) -> str:
        return drawings.tree(self._review.nodes(self._branch)).replace('href="#/step/', 'href="#step-')

    def _drift(self) -> str:
        drift = self._review.drift(self._status["head"], _DRIFT_S)
        return f"<section><h2>Style of every step against the seed picture</h2>{drift['svg']}</section>"

    def _labels(self) -> str:
        summary = self._review.labels.summary()
        if not summary.find.asked and not any(rate.asked for rate in summary.agreement.values()):
            return ""
        value, low, high = summary.visibility
        rows = [
            ("seams found", f"{summary.find.hits} of {summary.find.asked}; by chance {summary.chance:.0%}"),
            ("visibility", f"{value:.2f} [{low:.2f}, {high:.2f}]; 0 is chance, 1 is always"),
        ]
        for name, rate in summary.agreement.items():
            if rate.asked:
                least, most = rate.interval
                rows.append((f"{name} agreed", f"{rate.hits} of {rate.asked} [{least:.0%}, {most:.0%}]"))
        return f'<section class="sheet"><h2>What people see</h2>{_list(rows)}</section>'

    def _illustrated(self, records: Sequence[Record]) -> list[int]:
        """The steps shown with pictures, newest first: the steps of the canvas and the rejected ones."""
        numbers = {record["step"] for record in records[:_MAX_STEPS] if record["parent"] is not None}
        rejected = {node.step for node in self._review.nodes(self._branch) if node.status == "rejected"}
        return sorted(numbers | rejected, reverse=True)[:_MAX_STEPS]

    def _step(self, number: int) -> str:
        facts = step_facts(self._store, number)
        title = f"Step {number}: {'glued nothing' if facts['status'] == 'rejected' else facts['status']}"
        parts = [
            f'<article class="sheet" id="step-{number}"><h2>{escape(title)}</h2>',
            f'<p class="note">{escape(facts["reason"])}</p>',
            '<div class="candidates">',
        ]
        parts += [self._candidate(facts, one) for one in facts["candidates"] if not one.get("error")]
        parts.append("</div>")
        chosen = facts["chosen"] if facts["chosen"] is not None else facts["best"]
        one = next((each for each in facts["candidates"] if each["candidate"] == chosen), None)
        if one and one.get("calibration", {}).get("tone"):
            parts.append(f"<h3>Calibration of candidate {chosen + 1}</h3>")
            parts.append("<ul class='plain'>" + "".join(f"<li>{escape(text)}</li>" for text in one["words"]) + "</ul>")
            calibration = one["calibration"]
            moved = drawings.displacement(calibration["shift"], calibration["scale"], calibration.get("local_px") or ())
            parts.append(f'<div class="drawings">{drawings.tone_curve(calibration["tone"])}{moved}</div>')
        rows = [("direction", facts["mode"]), ("user prompt", facts["words"]), ("gate", margin_word(facts["margin"]))]
        rows += [(name.replace("_", " "), value) for name, value in facts["generator"].items()]
        for call in facts["calls"]:
            request = call["request_id"] or "no request id"
            description = ", ".join(filter(None, (call["outcome"], call["price"], request)))
            rows.append((f"call {call['call']}", description))
        parts.append(_list([(name, str(value)) for name, value in rows if value not in (None, "")]))
        if facts["prompt"]:
            parts.append(f"<details><summary>full prompt</summary><pre>{escape(facts['prompt'])}</pre></details>")
        return "".join(parts) + "</article>"

    def _candidate(self, facts: Mapping[str, Any], one: Mapping[str, Any]) -> str:
        index = one["candidate"]
        try:
            image = self._review.pictures.in_place(Selection(facts["step"], index, "enforced"))
        except (ExquisiteError, OSError) as error:
            return f"<figure>candidate {index + 1}: {escape(str(error))}</figure>"
        image.thumbnail((_THUMB_PX, 2 * _THUMB_PX))
        score = "" if "primary" not in one else f" · {one['primary']:.3f}"
        vetoes = "".join(f" · {escape(veto)}" for veto in one.get("vetoes", ()))
        glued = index == facts["chosen"]
        folder = f"steps/{facts['step']:06d}/candidates/{index}/tile_out_enforced.png"
        link = f"{self._to_session}/{folder}" if (self._review.root / folder).is_file() else ""
        picture = _image(image, f"candidate {index + 1} in place")
        figure = f'<a href="{escape(link)}">{picture}</a>' if link else picture
        caption = f"candidate {index + 1}{' · glued' if glued else ''}{score}{vetoes}"
        return f'<figure class="{"glued" if glued else ""}">{figure}<figcaption>{caption}</figcaption></figure>'

    def _table(self, records: Sequence[Record]) -> str:
        rows = "".join(
            f"<tr><td>{record['step']}</td><td>{record['mode']}</td><td>{record['canvas']['size'][0]} × "
            f"{record['canvas']['size'][1]}</td><td>{escape(from_one(str(record['reason'])))}</td></tr>"
            for record in records
            if record["step"] != SEED
        )
        head = "<tr><th>step</th><th>direction</th><th>canvas</th><th>reason</th></tr>"
        return f"<section><h2>Every step of the canvas, newest first</h2><table>{head}{rows}</table></section>"


def _image(image: Image.Image, words: str) -> str:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=_QUALITY)
    data = base64.b64encode(buffer.getvalue()).decode()
    size = f'width="{image.width}" height="{image.height}"'
    return f'<img alt="{escape(words)}" src="data:image/jpeg;base64,{data}" {size}>'


def _list(rows: Sequence[tuple[str, str]]) -> str:
    return "<dl>" + "".join(f"<dt>{escape(name)}</dt><dd>{escape(str(value))}</dd>" for name, value in rows) + "</dl>"
