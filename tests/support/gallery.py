"""The gallery in fixtures/README.md: every fixture picture after steps in every mode, small, on one sheet.

    python -m tests.support.gallery        writes fixtures/gallery.jpg

A row is a picture and a column a mode. Each canvas begins as the middle of its picture, which lies on its side for the
two modes that grow along y, and grows by STEPS steps of the simulated model; the ticks mark where it began.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from PIL import Image, ImageDraw

from exquisite import CLASSIC, MockTileGenerator, Mode, Session

__all__ = ["GAP", "LONG_PX", "MODES", "PICTURES", "SHEET", "main"]

FIXTURES = Path(__file__).parents[2] / "fixtures"
SHEET = FIXTURES / "gallery.jpg"
PICTURES = tuple(sorted((FIXTURES / "pictures").iterdir()))
MODES = tuple(Mode)
STEPS = 2
LONG_PX, SHORT_PX, GAP = 186, 124, 8
"""Sides of a canvas on the sheet, in pixels, three to two as after two steps of `CLASSIC`; and the space around it."""


def main() -> None:
    """Grow every picture in every mode, and draw them."""
    cell = LONG_PX + GAP
    sheet = Image.new("RGB", (len(MODES) * cell + GAP, len(PICTURES) * cell + GAP), "white")
    for row, path in enumerate(PICTURES):
        with Image.open(path) as image:
            picture = image.convert("RGB")
        for column, mode in enumerate(MODES):
            small = _canvas(picture, mode)
            left = GAP + column * cell + (LONG_PX - small.width) // 2
            sheet.paste(small, (left, GAP + row * cell + (LONG_PX - small.height) // 2))
    sheet.save(SHEET, quality=85, optimize=True)


def _canvas(picture: Image.Image, mode: Mode) -> Image.Image:
    """The canvas after STEPS steps in `mode`, small, with ticks where the seed picture ends."""
    if mode.axis == "y":
        picture = picture.transpose(Image.Transpose.ROTATE_90)
    side = CLASSIC.tile_px
    left, top = (picture.width - side) // 2, (picture.height - side) // 2
    with tempfile.TemporaryDirectory() as folder:
        session = Session.create(Path(folder) / "s", picture.crop((left, top, left + side, top + side)))
        generator = MockTileGenerator(picture=picture, origin=(left, top))
        for _ in range(STEPS):
            session.step(mode, generator, candidates=1, gate=None, artifacts="none")
        with Image.open(session.export(Path(folder) / "s.png")) as image:
            size = (LONG_PX, SHORT_PX) if mode.axis == "x" else (SHORT_PX, LONG_PX)
            small = image.convert("RGB").resize(size, Image.Resampling.LANCZOS)
        grown_before = 0 if mode.side == "high" else STEPS * CLASSIC.advance_px
    along = LONG_PX / (side + STEPS * CLASSIC.advance_px)
    seam = round((grown_before if grown_before else side) * along)
    draw = ImageDraw.Draw(small)
    for near, far in ((0, 6), (SHORT_PX - 6, SHORT_PX)):
        line = (seam, near, seam, far) if mode.axis == "x" else (near, seam, far, seam)
        draw.line(line, fill="white", width=2)
    return small


if __name__ == "__main__":
    main()
