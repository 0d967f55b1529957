"""The pictures of the emulator: from the simulated model, or from an instant one where only the cost matters."""

from __future__ import annotations

import io
from functools import lru_cache

from PIL import Image

from exquisite.api.generator import Beginning, NullCallLog, TileGenerator, TileRequest
from exquisite.api.mock import MockTileGenerator
from exquisite.api.reference_picture import ReferencePicture
from exquisite.contract import Mode, TileContract

from .emulator_core import Drawing
from .emulator_rules import Edit
from .tiny import png, tile_for

__all__ = ["draw_instant", "kept_side", "redrawing"]


def draw_instant(edit: Edit, count: int, before: int) -> list[bytes]:
    """Tiles in no time, another one each time: those of `InstantGenerator`, or of one colour where no side is kept."""
    request = _as_request(edit, count, before, None)
    numbers = range(before, before + count)
    if request is None or edit.size != edit.image.size:
        return [_flat(edit.size, number % 250) for number in numbers]
    return [png(tile_for(request, number)) for number in numbers]


@lru_cache(maxsize=512)
def _flat(size: tuple[int, int], level: int) -> bytes:
    return png(Image.new("RGB", size, (level, 255 - level, 128)))


def redrawing(model: TileGenerator | None = None, canvas_size: tuple[int, int] | None = None) -> Drawing:
    """Tiles that `model` (the simulated one) redraws from the reference and the mask alone, as a server gets them.

    A mask that keeps no whole side of the picture is answered with the reference as it came. With
    `canvas_size`, (width, height) in pixels, every edit is taken for the first step of such a canvas, so that
    a model with a known picture finds its place.
    """
    model = model or MockTileGenerator()

    def draw(edit: Edit, count: int, before: int) -> list[bytes]:
        request = _as_request(edit, count, before, canvas_size)
        if request is None:
            return [png(edit.image.resize(edit.size))] * count
        tiles = [candidate.data for candidate in model.generate(request, NullCallLog())]
        if edit.size == edit.image.size:
            return tiles
        return [png(Image.open(io.BytesIO(tile)).resize(edit.size)) for tile in tiles]

    return draw


def kept_side(mask: Image.Image | None) -> tuple[Mode, int] | None:
    """(direction of growth, width of the band in pixels) of a mask of mode L, 255 where it is edited.

    A mask that keeps a band of one width at both ends of an axis is that of a step that closes a loop, to the right or
    downwards.
    """
    box_edited = None if mask is None else mask.getbbox()
    if mask is None or box_edited is None or mask.crop(box_edited).getextrema() != (255, 255):
        return None
    left, top, right, bottom = box_edited
    width, height = mask.size
    sides = {
        Mode.X_LTR: ((left, 0, width, height), left),
        Mode.X_RTL: ((0, 0, right, height), width - right),
        Mode.Y_TTB: ((0, top, width, height), top),
        Mode.Y_BTT: ((0, 0, width, bottom), height - bottom),
    }
    for mode, (box, band_px) in sides.items():
        if box_edited == box and band_px:
            return mode, band_px
    for mode, between in ((Mode.X_LTR, (left, 0, width - left, height)), (Mode.Y_TTB, (0, top, width, height - top))):
        if box_edited == between and sides[mode][1]:
            return mode, sides[mode][1]
    return None


def _as_request(
    edit: Edit, count: int, before: int, canvas_size: tuple[int, int] | None
) -> TileRequest | None:
    side = kept_side(edit.mask) if edit.mask is not None else None
    if side is None:
        return None
    mode, band_px = side
    assert edit.mask is not None
    along, across = edit.image.size if mode.axis == "x" else reversed(edit.image.size)
    box = edit.mask.getbbox() or (0, 0, 0, 0)
    advance_px = box[2] - box[0] if mode.axis == "x" else box[3] - box[1]
    contract = TileContract(along, band_px, min(band_px, advance_px), advance_px, across)
    frame, beginning = contract.tile_frame(mode), None
    mask = Image.new("RGBA", contract.tile_size(mode), (255, 255, 255, 0))
    mask.paste((0, 0, 0, 255), frame.conditioning_half)
    if contract.margin_px:
        far = contract.tile_frame(mode.opposite).conditioning_half
        mask.paste((0, 0, 0, 255), far)
        beginning = Beginning(edit.image.crop(far), (0, 0))
    return TileRequest(
        mode=mode,
        contract=contract,
        band=edit.image.crop(frame.conditioning_half),
        reference=edit.image,
        mask=mask,
        prompt=edit.fields["prompt"],
        candidates=count,
        step_index=1,
        first_candidate=before,
        band_origin=contract.frame(mode, canvas_size).band.origin if canvas_size else (0, 0),
        beginning=beginning,
        references=tuple(ReferencePicture.from_image("file", picture) for picture in edit.references),
    )
