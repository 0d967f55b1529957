"""The picture in README.md: the demo canvas after a few steps, and one of its seams at every stage.

    python -m tests.support.readme_picture        writes fixtures/demo/steps.jpg
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from PIL import Image, ImageDraw

from exquisite import MockTileGenerator, Session, StepResult
from exquisite.page.pictures import Selection, StepPictures

DEMO = Path(__file__).parents[2] / "fixtures" / "demo"
ORIGIN = (800, 800)
"""(x, y) of the demo canvas in its picture, as fixtures/README.md says."""

MODES = ("x_ltr", "x_rtl", "x_ltr", "x_rtl")
CLOSE_UP_STEP = 2
"""Index in MODES of the step that is shown close up: the first with a pending zone before it."""

STAGES = ("raw", "enforced", "cut")
SOFTEN_PX = 64
WIDTH, GAP = 1024, 8
CLOSE_UP, SEAM_AT = (128, 105), 80
"""(width, height) of what a close-up shows, in pixels of the canvas, and the seam in it, the pending zone before it."""


def main() -> None:
    """Grow the demo canvas, and draw it."""
    with tempfile.TemporaryDirectory() as folder:
        with Image.open(DEMO / "canvas.png") as image:
            canvas = image.convert("RGB")
        session = Session.create(Path(folder) / "demo", canvas)
        generator = MockTileGenerator(picture=DEMO / "picture.jpg", origin=ORIGIN)
        results = [session.step(mode, generator, soften_px=SOFTEN_PX) for mode in MODES]
        with Image.open(session.export(Path(folder) / "demo.png")) as image:
            picture = image.convert("RGB")
        close_ups = _close_ups(session, results[CLOSE_UP_STEP])
        _sheet(picture, session.canvas_origin[0], canvas.size, close_ups).save(
            DEMO / "steps.jpg", quality=88, optimize=True
        )


def _close_ups(session: Session, result: StepResult) -> list[Image.Image]:
    """The seam of a step to the right: before the step, raw, calibrated, and cut."""
    assert result.chosen is not None
    pictures, number = StepPictures(session.root), result.step_index
    stages = [pictures.in_place(Selection(number, result.chosen, stage)) for stage in STAGES]
    frame = pictures.frame(number)
    old = stages[1].crop((0, 0, frame.seam, stages[1].height))
    before = Image.new("RGB", stages[1].size, "white")
    for picture in (before, stages[0]):
        picture.paste(old)
    left, top = frame.seam - SEAM_AT, (before.height - CLOSE_UP[1]) // 2
    window = (left, top, left + CLOSE_UP[0], top + CLOSE_UP[1])
    return [picture.crop(window) for picture in (before, *stages)]


def _sheet(canvas: Image.Image, origin_x: int, seed: tuple[int, int], close_ups: list[Image.Image]) -> Image.Image:
    """The grown canvas with ticks where the seed begins and ends, and the close-ups below it with one at the seam."""
    scale = WIDTH / canvas.width
    strip = canvas.resize((WIDTH, round(canvas.height * scale)), Image.Resampling.LANCZOS)
    width = (WIDTH - GAP * (len(close_ups) - 1)) // len(close_ups)
    height = round(width * CLOSE_UP[1] / CLOSE_UP[0])
    sheet = Image.new("RGB", (WIDTH, strip.height + 3 * GAP + height), "white")
    sheet.paste(strip, (0, GAP))
    draw = ImageDraw.Draw(sheet)
    for x in (-origin_x, seed[0] - origin_x):
        draw.line((round(x * scale), 0, round(x * scale), GAP - 2), fill="black", width=2)
    seam = round(width * SEAM_AT / CLOSE_UP[0])
    for number, picture in enumerate(close_ups):
        left = number * (width + GAP)
        sheet.paste(picture.resize((width, height), Image.Resampling.LANCZOS), (left, strip.height + 2 * GAP))
        draw.line((left + seam, strip.height + GAP + 2, left + seam, strip.height + 2 * GAP - 2), fill="black", width=2)
    return sheet


if __name__ == "__main__":
    main()
