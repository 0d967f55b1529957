"""How the result of a step shows itself in a notebook: a line, a small picture of its seam, and the scores.

A notebook calls `_repr_html_` of what it shows where it can show HTML, else `_repr_png_`.
"""

from __future__ import annotations

import base64
import io
from html import escape
from typing import TYPE_CHECKING

from .artifacts import decode_png

if TYPE_CHECKING:
    from .step import StepResult

__all__ = ["result_html", "result_png"]

_SIDE_PX = 480
_SEAMS = ("seam_after_feather.png", "seam_before_feather.png")


def result_html(result: StepResult) -> str:
    """A step's outcome, its seam, and the score of each candidate, as HTML."""
    rows = "".join(
        f"<tr><td>{index}{' (glued)' if index == result.chosen else ''}</td>"
        f"<td>{'unreadable' if score is None else f'{score.primary:.3f}'}</td>"
        f"<td>{'' if score is None else escape(', '.join(score.vetoes))}</td></tr>"
        for index, score in enumerate(result.scores)
    )
    table = f"<table><tr><th>candidate</th><th>primary</th><th>vetoes</th></tr>{rows}</table>" if rows else ""
    png = result_png(result)
    image = ""
    if png is not None:
        data = base64.b64encode(png).decode()
        image = f'<br><img alt="the seam of step {result.step_index}" src="data:image/png;base64,{data}">'
    width, height = result.canvas_size
    return (
        f"<div><b>step {result.step_index}: {escape(result.status)}</b>, the canvas is {width} × {height} px"
        f"<br>{escape(result.message)}{image}{table}</div>"
    )


def result_png(result: StepResult) -> bytes | None:
    """The pixels on both sides of a step's seam, small; None where nothing was glued or no picture was kept."""
    path = next((result.step_dir / name for name in _SEAMS if (result.step_dir / name).is_file()), None)
    if path is None:
        return None
    picture = decode_png(path.read_bytes())
    picture.thumbnail((_SIDE_PX, _SIDE_PX))
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()
