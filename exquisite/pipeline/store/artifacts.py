"""The files of a step: their names and encodings.

    ref_tile.png  mask.png  prompt_full.txt        input of the model
    candidates/K/tile_out_raw.png (.jpeg, .webp)   the tile as received, byte for byte
    candidates/K/tile_out_calibrated.png           without the model's drift, corrected towards the anchor
    candidates/K/tile_out_enforced.png             with the band put back
    candidates/K/tile_strip.png                    the generated side of the scoring strips
    candidates/K/score.json                        score, vetoes and all measurements of calibration
    candidates/K/model_response_meta.json          metadata of the answer
    canvas_strip.png                               the old side of the scoring strips
    score.json  score_metric.json                  all candidates and the reason for the choice; the metric
    seam_before_feather.png  seam_after_feather.png
    bounds_overlay.png                             seam, patch, paste bounds, pending zones over the glued region
    cut_old.png  cut_new.png  cut_overlay.png      old and new pixels of a pending zone; the path over the result
    seam_before_cut.png  seam_after_cut.png        the zone and as much behind it: with a straight seam, with the cut
    far_NAME                                       the same at the other seam of a step that closes a loop
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Literal, get_args

from PIL import Image, ImageDraw, PngImagePlugin

from ...contract import Frame, Mode, from_canonical, to_canonical

__all__ = ["ARTIFACTS", "Artifacts", "bounds_overlay", "cut_overlay", "decode_png", "encode_png"]

Artifacts = Literal["full", "lean", "none"]
"""Which files of a step are stored: all; answers and the chosen candidate's files; only answers and the strip."""

ARTIFACTS: tuple[str, ...] = get_args(Artifacts)
"""The values of `Artifacts`."""

_COLOURS = {"seam": (230, 30, 60), "patch": (20, 120, 240), "growth": (20, 170, 90), "pending": (250, 160, 20)}


def encode_png(image: Image.Image) -> bytes:
    """Encode `image` as PNG at compression level 1: faster than the default 6, and little larger on photographs."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def decode_png(data: bytes) -> Image.Image:
    """Decode a PNG that the session wrote.

    The function bypasses `Image.open`, which would refuse a wide canvas as a decompression bomb.

    Raises:
        OSError, SyntaxError, ValueError: the data is not a readable PNG.
    """
    with PngImagePlugin.PngImageFile(io.BytesIO(data)) as image:
        image.load()
        return image.copy()


def bounds_overlay(glued: Image.Image, frame: Frame, zone_px: int = 0, soften_px: int = 0) -> Image.Image:
    """Draw the bounds as one-pixel lines on a copy of `glued` (band and growth, `frame.grown_size`, RGB).

    Red: the seam. Blue: the patch. Green: the growth. Orange: the pending zones before the step (zone_px) and after it
    (soften_px). The lines lie just inside each box.
    """
    overlay = glued.copy()
    draw = ImageDraw.Draw(overlay)
    boxes = [("patch", frame.patch_in_canvas), ("growth", frame.growth)]
    boxes += [("pending", frame.in_canvas(frame.zone_in_tile(zone_px)))] if zone_px else []
    boxes += [("pending", frame.in_canvas(frame.pending_in_tile(soften_px)))] if soften_px else []
    for name, box in boxes:
        draw.rectangle((box.left, box.top, box.right - 1, box.bottom - 1), outline=_COLOURS[name])
    ends = [frame.contract.oriented((frame.seam, at), frame.mode) for at in (0, frame.contract.across_px)]
    draw.line(ends, fill=_COLOURS["seam"])
    return overlay


def cut_overlay(joined: Image.Image, path: Sequence[int], mode: Mode) -> Image.Image:
    """Draw the path of the cut in red, one pixel a row, on a copy of a joined pending zone (RGB, own orientation).

    Args:
        path: for each row, growth being to the right, a column from 0 to the width of the zone.
    """
    overlay = to_canonical(joined, mode).copy()
    for row, at in enumerate(path):
        overlay.putpixel((min(at, overlay.width - 1), row), _COLOURS["seam"])
    return from_canonical(overlay, mode)
