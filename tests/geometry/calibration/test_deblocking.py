"""Block boundaries of a JPEG: small steps along the grid go, edges of the picture stay, sharpening raises no grid."""

from __future__ import annotations

import io

import pytest
from PIL import Image, ImageChops, ImageFilter

from exquisite.api.lossy import jpeg_quantizer
from exquisite.contract import TileContract
from exquisite.geometry.calibration import calibrate_tile
from exquisite.geometry.calibration.deblocking import BLOCK_PX, deblocked
from exquisite.pixels import laplacian_energy
from tests.support.pictures import draw
from tests.support.tiny import png

CONTRACT = TileContract(256, 128, 64, 64)


def stairs(step: int, edge_px: int = BLOCK_PX) -> Image.Image:
    """Levels that rise by `step` every `edge_px` columns, RGB, 64 x 32."""
    row = bytes(60 + x // edge_px * step for x in range(64))
    return Image.merge("RGB", [Image.frombytes("L", (64, 1), row).resize((64, 32))] * 3)


def levels(image: Image.Image) -> list[int]:
    """A row, first channel; not the outermost one, which the filter leaves as it is."""
    return list(image.crop((0, 5, image.width, 6)).getchannel(0).tobytes())


def as_jpeg(image: Image.Image, quality: int) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def decode(data: bytes) -> Image.Image:
    with Image.open(io.BytesIO(data)) as image:
        return image.convert("RGB")


def grid(tile: Image.Image) -> float:
    """Of the mean steps between columns of the new half, that at the phase with the largest, over all phases."""
    new = tile.crop((CONTRACT.band_px, 0, *tile.size)).convert("L")
    steps = ImageChops.difference(new, ImageChops.offset(new, 1, 0)).crop((BLOCK_PX, 0, *new.size))
    sums = [0] * BLOCK_PX
    for at, step in enumerate(steps.tobytes()):
        sums[at % steps.width % BLOCK_PX] += step
    return max(sums) * BLOCK_PX / sum(sums)


def test_a_small_step_between_blocks_becomes_a_slope() -> None:
    upright = deblocked(stairs(4).transpose(Image.Transpose.TRANSPOSE), 8).transpose(Image.Transpose.TRANSPOSE)
    for smooth in (deblocked(stairs(4), 8), upright):
        assert levels(smooth)[5:11] == [60, 60, 61, 63, 64, 64]


@pytest.mark.parametrize(
    ("picture", "quantizer"),
    [
        (stairs(4), 0),  # no JPEG
        (stairs(20), 8),  # an edge: more than twice the quantizer
        (stairs(11), 4),
        (stairs(20), 99),  # whatever the quantizer
        (stairs(1, 1), 8),  # a slope has no second difference
        (stairs(4, 64), 8),  # flat
    ],
)
def test_other_pixels_do_not_change(picture: Image.Image, quantizer: int) -> None:
    assert deblocked(picture, quantizer).tobytes() == picture.tobytes()


def test_steps_inside_blocks_stay() -> None:
    shifted = ImageChops.offset(stairs(4), 3, 0).crop((8, 0, 64, 32))
    assert deblocked(shifted, 8).tobytes() == shifted.tobytes()


@pytest.mark.parametrize(("quality", "quantizer"), [(75, 8), (85, 5), (90, 3)])
def test_the_quantizer_is_read_from_the_file(quality: int, quantizer: int) -> None:
    assert jpeg_quantizer(as_jpeg(stairs(4), quality)) == quantizer
    assert jpeg_quantizer(png(stairs(4))) == 0


@pytest.mark.parametrize("quality", [75, 90])
def test_sharpening_restores_detail_and_raises_no_grid(quality: int) -> None:
    """The redraw is soft and otherwise exact, so that sharpness is what calibration corrects."""
    box = (64, 64, 320, 320)
    picture = draw("foliage", (384, 384), 3)
    truth = picture.crop(box)
    data = as_jpeg(picture.filter(ImageFilter.GaussianBlur(1)).crop(box), quality)
    band = truth.crop((0, 0, CONTRACT.band_px, CONTRACT.tile_px))
    raw = decode(data)
    as_it_came, smooth = (
        calibrate_tile(tile, band, "x_ltr", CONTRACT) for tile in (raw, deblocked(raw, jpeg_quantizer(data)))
    )
    assert "sharpness" in as_it_came.stages
    assert "sharpness" in smooth.stages
    new = (CONTRACT.band_px, 0, CONTRACT.tile_px, CONTRACT.tile_px)
    before, after, best = (laplacian_energy(tile.crop(new)) for tile in (raw, smooth.tile, truth))
    assert 1.3 * before < after < best
    assert grid(smooth.tile) < 1.09 * grid(truth) < grid(as_it_came.tile)
