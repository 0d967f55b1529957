"""Artifacts: what the pictures of a step show."""

from __future__ import annotations

import pytest
from PIL import Image

from exquisite import CLASSIC, Mode
from exquisite.pipeline.store.artifacts import bounds_overlay, decode_png, encode_png
from tests.support.pictures import constant


def test_a_stored_picture_is_lossless() -> None:
    picture = Image.radial_gradient("L").convert("RGB")
    assert decode_png(encode_png(picture)).tobytes() == picture.tobytes()


def test_a_canvas_may_be_larger_than_the_limit_for_decompression_bombs() -> None:
    wide = Image.new("L", (Image.MAX_IMAGE_PIXELS // 4, 5))  # type: ignore[operator]
    assert decode_png(encode_png(wide)).size == wide.size


@pytest.mark.parametrize("mode", list(Mode))
def test_the_overlay_marks_seam_patch_and_growth_and_nothing_else(mode: Mode) -> None:
    frame = CLASSIC.frame(mode, CLASSIC.band_size(mode))
    glued = constant(frame.grown_size, (90, 90, 90))
    overlay = bounds_overlay(glued, frame)
    assert glued.getextrema() == ((90, 90),) * 3
    middle = CLASSIC.tile_px // 2
    seam = CLASSIC.oriented((frame.seam, middle), mode)
    red, green, blue = overlay.getpixel(seam)  # type: ignore[misc]
    assert red > max(green, blue)
    left, top = frame.paste_origin
    edge = (left, middle) if mode.axis == "x" else (middle, top)
    if mode.side == "high":
        red, green, blue = overlay.getpixel(edge)  # type: ignore[misc]
        assert blue > max(red, green)
    changed = sum(1 for pixel in overlay.get_flattened_data() if pixel != (90, 90, 90))
    assert changed < 10 * sum(glued.size)
