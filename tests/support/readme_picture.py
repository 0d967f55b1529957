"""The picture in README.md: the demo canvas after a few steps, and its first seam before and after calibration.

    python -m tests.support.readme_picture        writes fixtures/demo/steps.jpg
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from PIL import Image, ImageDraw

from exquisite import MockTileGenerator, Session, StepResult

DEMO = Path(__file__).parents[2] / "fixtures" / "demo"
ORIGIN = (800, 800)
"""(x, y) of the demo canvas in its picture, as fixtures/README.md says."""

MODES = ("x_ltr", "x_rtl", "x_ltr", "x_rtl")
WIDTH, GAP = 1024, 8
CLOSE_UP = (150, 90)
"""(width, height) of what a close-up shows, in pixels of the canvas."""


def main() -> None:
    """Grow the demo canvas, and draw it."""
    with tempfile.TemporaryDirectory() as folder:
        with Image.open(DEMO / "canvas.png") as image:
            canvas = image.convert("RGB")
        session = Session.create(Path(folder) / "demo", canvas)
        generator = MockTileGenerator(picture=DEMO / "picture.jpg", origin=ORIGIN)
        results = [session.step(mode, generator) for mode in MODES]
        with Image.open(session.export(Path(folder) / "demo.png")) as image:
            grown = image.convert("RGB")
        _drawn(grown, session.canvas_origin[0], canvas.size, _close_ups(results[0])).save(
            DEMO / "steps.jpg", quality=88, optimize=True
        )


def _close_ups(result: StepResult) -> list[Image.Image]:
    """The seam of a step as it came, calibrated, and with the feather, from the step's own files."""
    chosen = result.step_dir / "candidates" / str(result.chosen)
    with Image.open(chosen / "tile_out_raw.png") as raw, Image.open(chosen / "tile_out_enforced.png") as enforced:
        as_it_came = raw.convert("RGB")
        half = enforced.width // 2
        as_it_came.paste(enforced.crop((0, 0, half, enforced.height)))
        box = (half - CLOSE_UP[0] // 2, half - CLOSE_UP[1] // 2)
        window = (*box, box[0] + CLOSE_UP[0], box[1] + CLOSE_UP[1])
        pictures = [as_it_came.crop(window), enforced.convert("RGB").crop(window)]
    with Image.open(result.step_dir / "seam_after_feather.png") as feathered:
        left = feathered.width // 2 - CLOSE_UP[0] // 2
        top = feathered.height // 2 - CLOSE_UP[1] // 2
        pictures.append(feathered.convert("RGB").crop((left, top, left + CLOSE_UP[0], top + CLOSE_UP[1])))
    return pictures


def _drawn(grown: Image.Image, origin_x: int, seed: tuple[int, int], close_ups: list[Image.Image]) -> Image.Image:
    """The grown canvas with ticks where the seed begins and ends, and the close-ups below it."""
    scale = WIDTH / grown.width
    strip = grown.resize((WIDTH, round(grown.height * scale)), Image.Resampling.LANCZOS)
    width = (WIDTH - GAP * (len(close_ups) - 1)) // len(close_ups)
    height = round(width * CLOSE_UP[1] / CLOSE_UP[0])
    sheet = Image.new("RGB", (WIDTH, strip.height + 3 * GAP + height), "white")
    sheet.paste(strip, (0, GAP))
    draw = ImageDraw.Draw(sheet)
    for x in (-origin_x, seed[0] - origin_x):
        draw.line((round(x * scale), 0, round(x * scale), GAP - 2), fill="black", width=2)
    for number, picture in enumerate(close_ups):
        large = picture.resize((width, height), Image.Resampling.LANCZOS)
        sheet.paste(large, (number * (width + GAP), strip.height + 2 * GAP))
        middle = number * (width + GAP) + width // 2
        draw.line((middle, strip.height + GAP + 2, middle, strip.height + 2 * GAP - 2), fill="black", width=2)
    return sheet


if __name__ == "__main__":
    main()
