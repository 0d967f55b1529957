"""A placement of the band moves the tile only where the band next to the seam shows it too."""

from __future__ import annotations

from dataclasses import replace

from PIL import Image

from exquisite.contract import TileContract
from exquisite.geometry.calibration import calibrate_tile
from exquisite.geometry.calibration.colour_registration import registered
from exquisite.geometry.calibration.displacement import Placement
from exquisite.geometry.calibration.placement_trial import PlacementTrial
from tests.support import pictures

CONTRACT = TileContract(256, 128, 64, 64)
FAR, SEAM, EDGE = 64, CONTRACT.band_px, CONTRACT.tile_px
BORDER = 32


def tile_of(kind: str, by: tuple[int, int] = (0, 0)) -> Image.Image:
    """A tile of a picture that the model drew `by` (x, y) pixels to the right and down."""
    picture = pictures.draw(kind, (EDGE + 2 * BORDER, EDGE + 2 * BORDER), 5)
    left, top = BORDER - by[0], BORDER - by[1]
    return picture.crop((left, top, left + EDGE, top + EDGE))


def join(*parts: tuple[int, Image.Image]) -> Image.Image:
    """One tile of the columns up to each number, taken from the tile beside it."""
    tile, start = Image.new("RGB", (EDGE, EDGE)), 0
    for end, part in parts:
        tile.paste(part.crop((start, 0, end, EDGE)), (start, 0))
        start = end
    return tile


def objection(raw: Image.Image, truth: Image.Image, by: tuple[float, float]) -> str:
    """The objection of the trial to a shift `by` (x, y)."""
    band = truth.crop((0, 0, SEAM, EDGE))
    shift = replace(registered(raw, band).straightened(), placement=Placement(by, (1.0, 1.0), (SEAM, EDGE / 2)))
    return PlacementTrial(raw, band, shift).objection(bend=False)


def objection_to_bend(raw: Image.Image, truth: Image.Image, far: float, near: float) -> str:
    """The objection of the trial to a shift by 6 px with a bend from `far` px at the far end to `near` at the seam."""
    band = truth.crop((0, 0, SEAM, EDGE))
    straight = replace(
        registered(raw, band).straightened(), placement=Placement((6.0, 0.0), (1.0, 1.0), (SEAM, EDGE / 2))
    )
    columns, rows = len(straight.local.nodes[0]), len(straight.local.nodes)
    row = tuple((far + (near - far) * k / (columns - 1), 0.0) for k in range(columns))
    with_bend = replace(straight, local=replace(straight.local, nodes=(row,) * rows))
    return PlacementTrial(raw, band, with_bend).objection(bend=True)


def test_a_bend_that_explains_hardly_more_than_shift_and_zoom_is_refused() -> None:
    raw, truth = tile_of("cobbles", (6, 0)), tile_of("cobbles")
    assert objection_to_bend(raw, truth, 0.1, 0.1) == "it explains hardly more than shift and zoom"


def test_a_bend_that_raises_the_residual_next_to_the_seam_is_refused() -> None:
    """The far columns are displaced by 9 px, and those next to the seam by 6."""
    raw, truth = join((88, tile_of("cobbles", (9, 0))), (EDGE, tile_of("cobbles", (6, 0)))), tile_of("cobbles")
    assert objection_to_bend(raw, truth, 3, 1) == "what bent the band is not seen next to the seam"


def test_the_shift_of_the_whole_band_has_no_objection() -> None:
    assert objection(tile_of("cobbles", (6, -4)), tile_of("cobbles"), (6, -4)) == ""


def test_a_shift_that_explains_nothing_is_refused() -> None:
    assert "of the residual" in objection(tile_of("cobbles"), tile_of("cobbles"), (6, -4))


def test_parts_that_moved_apart_contradict_each_other() -> None:
    raw = join((FAR, tile_of("cobbles", (6, 0))), (EDGE, tile_of("cobbles", (-3, 0))))
    assert "does not hold near the seam" in objection(raw, tile_of("cobbles"), (-3, 0))


def test_an_empty_far_half_does_not_contradict() -> None:
    flat = Image.new("RGB", (EDGE, EDGE), (90, 90, 90))
    raw, truth = (join((FAR, flat), (EDGE, tile_of("cobbles", by))) for by in ((6, -4), (0, 0)))
    assert objection(raw, truth, (6, -4)) == ""


def test_a_displacement_far_from_the_seam_is_not_corrected_beyond_it() -> None:
    """Between the part that moved and the generated half the model drew something else."""
    truth = tile_of("cobbles")
    raw = join((88, tile_of("cobbles", (5, 3))), (SEAM, truth.transpose(Image.Transpose.ROTATE_180)), (EDGE, truth))
    calibration = calibrate_tile(raw, truth.crop((0, 0, SEAM, EDGE)), "x_ltr", CONTRACT)
    assert calibration.tile.tobytes() == raw.tobytes()


def test_a_displacement_up_to_the_seam_is_corrected_beyond_it() -> None:
    truth = tile_of("cobbles")
    calibration = calibrate_tile(tile_of("cobbles", (5, 3)), truth.crop((0, 0, SEAM, EDGE)), "x_ltr", CONTRACT)
    assert "place" in calibration.stages


def test_an_empty_sky_next_to_the_seam_objects_to_nothing() -> None:
    """Even columns next to the seam show no displacement, but they do not contradict one."""
    sky = Image.new("RGB", (EDGE, EDGE), (120, 150, 200))
    truth = join((88, tile_of("cobbles")), (EDGE, sky))
    raw = join((93, tile_of("cobbles", (5, 3))), (EDGE, sky))
    calibration = calibrate_tile(raw, truth.crop((0, 0, SEAM, EDGE)), "x_ltr", CONTRACT)
    assert "place" in calibration.stages
