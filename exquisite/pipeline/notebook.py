"""The display of sessions and steps in a notebook: a title, a text, a small picture, and a table.

A notebook calls `_repr_html_` where it can show HTML, and `_repr_png_` elsewhere.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from html import escape

from PIL import Image

__all__ = ["card", "small_png"]

_SIDE_PX = 480


def card(
    title: str, lines: Sequence[str], picture: tuple[str, bytes] | None, rows: Sequence[Sequence[str]] = ()
) -> str:
    """HTML with a bold title, lines of text, a picture, and a table.

    Args:
        title: plain text, as are all other texts.
        lines: the lines; the first follows the title.
        picture: the description and the PNG of the picture.
        rows: the rows of the table, the first its header; no table without rows.
    """
    text = "<br>".join(escape(line) for line in lines)
    image = ""
    if picture is not None:
        data = base64.b64encode(picture[1]).decode()
        image = f'<br><img alt="{escape(picture[0])}" src="data:image/png;base64,{data}">'
    return f"<div><b>{escape(title)}</b>, {text}{image}{_table(rows)}</div>"


def small_png(picture: Image.Image) -> bytes:
    """`picture` as PNG, at most _SIDE_PX on each side."""
    small = picture.copy()
    small.thumbnail((_SIDE_PX, _SIDE_PX))
    buffer = io.BytesIO()
    small.save(buffer, "PNG")
    return buffer.getvalue()


def _table(rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return ""
    lines = [
        "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in row)
        for tag, row in (("td" if index else "th", row) for index, row in enumerate(rows))
    ]
    return f"<table>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>"
