"""The result of a step shows itself in a notebook."""

from __future__ import annotations

import base64
import io
import re
from dataclasses import replace
from pathlib import Path

from PIL import Image

from exquisite.pipeline.notebook import small_png
from tests.support.faulty_files import QuickFiles
from tests.support.tiny import grow, make_session


def test_a_committed_step_shows_its_seam_and_its_scores(tmp_path: Path) -> None:
    session = make_session(tmp_path / "s", files=QuickFiles())
    result = grow(session, "x_ltr", candidates=2, artifacts="full")
    html = result._repr_html_()
    assert f"step 1: committed</b>, the canvas is {session.canvas_size[0]} × 32 px" in html
    assert html.count("<tr>") == 3
    assert f"{result.chosen} (glued)" in html
    assert "data:image/png;base64," in html
    png = result._repr_png_()
    assert png is not None
    with Image.open(io.BytesIO(png)) as picture, Image.open(result.step_dir / "seam_after_feather.png") as expected:
        assert picture.tobytes() == expected.tobytes()  # small already


def test_missing_pictures_are_left_out(tmp_path: Path) -> None:
    session = make_session(tmp_path / "s", files=QuickFiles())
    result = grow(session, "x_ltr")
    assert result._repr_png_() is None
    assert "<img" not in result._repr_html_()


def test_a_refused_step_shows_the_reason(tmp_path: Path) -> None:
    session = make_session(tmp_path / "s", files=QuickFiles())
    result = grow(session, "x_ltr", gate=1e-6, artifacts="full")
    assert "step 1: rejected" in result._repr_html_()
    assert "the gate refused" in result._repr_html_()


def test_a_session_shows_its_status_and_the_end_of_its_canvas(tmp_path: Path) -> None:
    session = make_session(tmp_path / "ink <b>", files=QuickFiles())
    width, height = session.canvas_size
    html = session._repr_html_()
    assert f"session ink &lt;b&gt;</b>, a canvas of {width} × {height} px, steps: 0<br>spent $0.00" in html
    assert 'alt="the seed picture"' in html
    assert picture_in(html).size == (width, height)
    grow(session, "x_ltr")
    html = session._repr_html_()
    assert "steps: 1" in html
    assert picture_in(html).tobytes() == session.frontier("x_ltr").tobytes()  # small already


def test_a_large_picture_is_shown_small() -> None:
    with Image.open(io.BytesIO(small_png(Image.new("RGB", (960, 300))))) as picture:
        assert picture.size == (480, 150)


def picture_in(html: str) -> Image.Image:
    """The one picture that `html` holds."""
    (data,) = re.findall(r'src="data:image/png;base64,([^"]+)"', html)
    return Image.open(io.BytesIO(base64.b64decode(data)))


def test_messages_are_escaped(tmp_path: Path) -> None:
    session = make_session(tmp_path / "s", files=QuickFiles())
    result = replace(grow(session, "x_ltr"), message="<script>", scores=(None,))
    assert "<script>" not in result._repr_html_()
    assert "unreadable" in result._repr_html_()
