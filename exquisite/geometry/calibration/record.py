"""The result of the calibration of one tile, with its measurements, as recorded beside the tile."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from PIL import Image

__all__ = ["Calibration"]


@dataclass(frozen=True)
class Calibration:
    """One calibrated tile with its measurements.

    Lengths are in pixels of the tile, along the growing axis first, then across it, growth being to the right.

    Attributes:
        tile: RGB, same size as the raw tile; the raw tile itself if no stage was applied.
        applied: whether `tile` differs from the raw tile.
        reason: why stages were applied or not, as a sentence.
        stages: names of the applied stages, of "place", "bend", "tone" and "sharpness", in this order.
        rim_px: width of the widest rim of new pixels without a source in the raw tile.
        fidelity: 1 - residual_after / activity of the band; 1 for a fully explained band, 0 for one that is explained
            no better than by its own local means; may be negative.
        residual_before: difference of raw conditioning half and band: mean over held-out blocks of the RMS, in levels.
        residual_after: the same for `tile`.
        redraw_error: squared difference of the conditioning half of `tile` and the band, in levels², over `sound`, by
            the columns that were resampled as the first new ones were, or under a bend by those beside the seam, and
            raised where the new ones lack detail (`redraw_error.redraw_error`, `redraw_error.lost_detail`).
        redraw_residual: seam residual where the band meets the conditioning half of `tile`, in the last columns of
            `sound` (`seam_residual.redraw_residual`); about 1 if nobody can see such a seam.
        redraw_departures: how far each component of the seam's cost departs there (`seam_cost.redraw_departures`).
        sound: the valid box: the part of the conditioning half with a source in the raw tile, as (left, top, right,
            bottom), growth to the right.
        shift: displacement of the redraw at the middle of the seam.
        scale: size of the redraw relative to the band, a factor.
        local_px: largest local displacement at the seam beyond shift and scale.
        tone: for each channel the band's level at the redraw's levels 32, 128 and 224, as fitted in the first pass,
            also if the stage was dropped.
        softness: factor of the correction on the finest detail; 1 without a correction.
        grain: energy of the finest detail in flat areas of the calibrated conditioning half over that of the band;
            below `LEAST_GRAIN` the model lost the band's grain, which no correction restores.
        kept: share of the conditioning half whose coarse content the calibrated redraw explains, 0 to 1; the rest is
            recomposed.
    """

    tile: Image.Image
    applied: bool
    reason: str
    stages: tuple[str, ...] = ()
    rim_px: int = 0
    fidelity: float = 1.0
    residual_before: float = 0.0
    residual_after: float = 0.0
    redraw_error: float = 0.0
    redraw_residual: float = 1.0
    redraw_departures: Mapping[str, float] = field(default_factory=dict)
    sound: tuple[int, int, int, int] = (0, 0, 0, 0)
    shift: tuple[float, float] = (0.0, 0.0)
    scale: tuple[float, float] = (1.0, 1.0)
    local_px: tuple[float, float] = (0.0, 0.0)
    tone: tuple[tuple[float, ...], ...] = ()
    softness: float = 1.0
    grain: float = 1.0
    kept: float = 1.0

    def as_dict(self) -> dict[str, object]:
        """All measurements as JSON types, without the picture."""
        values = {name: value for name, value in vars(self).items() if name != "tile"}
        return {name: _json(value) for name, value in values.items()}


def _json(value: object) -> object:
    if isinstance(value, Mapping):
        return {name: _json(item) for name, item in value.items()}
    if isinstance(value, tuple):
        return [_json(item) for item in value]
    return round(value, 6) if isinstance(value, float) else value
