"""The parameters of one redraw, and its mapping of points.

Coordinates are continuous, in pixels, as Pillow's: pixel i covers [i, i + 1), its centre lies at i + 0.5.
A drift maps points inside a box relative to the centre of that box:

    redraw(p)  =  picture(origin + centre + (p - centre - shift) / zoom + warp(p))

A positive shift moves the content right and down; a zoom above 1 enlarges it.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, replace

from .warp import slow_warp

__all__ = ["Drift"]

# Ranges of one redraw by a real model, at strength 1; each half-width scales with the strength.
_SHIFT_PX = 8.0
_ZOOM = 0.02
_LOG_GAMMA = (math.log(0.85), math.log(1.18))
_CONTRAST = (-0.08, 0.04)
_CAST = 8.0
_BLUR = 0.7
_NOISE = 1.0


@dataclass(frozen=True)
class Drift:
    """The differences of one redraw from the picture. The default is the identity.

    Attributes:
        shift: (x, y) in pixels, positive to the right and down.
        zoom: (x, y) factors about the centre of the box; above 1 enlarges.
        warp_px: largest displacement of a smooth local warp, per axis, in pixels; its field follows `seed`.
        gamma: exponent on values 0..1; above 1 darkens.
        contrast: factor about mid-grey.
        cast: (red, green, blue) added, in levels of 0..255.
        blur: sigma of a Gaussian, in pixels.
        sharpen: strength of an unsharp mask of radius 1, as a factor; 0 is none.
        noise: standard deviation of Gaussian noise, in levels of 0..255.
        seed: seed of every random choice: warp, displacements, exchanged detail, unevenness, noise.
        fine_px: root mean square of the displacement, per axis, of parts that the model redraws separately, in pixels;
            `position` does not include it.
        fine_cell_px: size of these parts: 8 to 32 for strokes, 64 and more for whole objects.
        strokes: share of the strokes that become thicker or thinner, 0 to 1.
        coherence: correlation of the detail finer than 2 px with that of the picture; the rest is other detail of the
            same energy. 1 keeps it.
        autoencoder: relative spread, between cells of 8 px, of the strength with which an autoencoder restores detail;
            0 is none.
        grain: remaining share of the faint detail; strong edges are not affected.
        jpeg: quality, 1 to 95, of an earlier JPEG compression of the picture, whose blocks the redraw removes; 0 is
            none.
        uneven: root mean square of the slow variation of tone, in levels.
        recomposed: share of the picture that shows something else, 0 to 1.
    """

    shift: tuple[float, float] = (0.0, 0.0)
    zoom: tuple[float, float] = (1.0, 1.0)
    warp_px: float = 0.0
    gamma: float = 1.0
    contrast: float = 1.0
    cast: tuple[float, float, float] = (0.0, 0.0, 0.0)
    blur: float = 0.0
    sharpen: float = 0.0
    noise: float = 0.0
    seed: int | str = 0
    fine_px: float = 0.0
    fine_cell_px: float = 16.0
    strokes: float = 0.0
    coherence: float = 1.0
    autoencoder: float = 0.0
    grain: float = 1.0
    jpeg: int = 0
    uneven: float = 0.0
    recomposed: float = 0.0

    @classmethod
    def random(cls, seed: int | str, strength: float = 1.0, *, warp_px: float = 0.0) -> Drift:
        """A drift of the profile "smooth" drawn by `seed`: place, tone, blur and noise; at strength 0 the identity.

        Ranges at strength 1: shift ±8 px, zoom ±2 % (mostly common to both axes), gamma .85 to 1.18, contrast .92 to
        1.04, cast ±8, blur up to .7, noise up to 1.
        """
        draw = random.Random(f"drift:{seed}")
        zoom = draw.uniform(-_ZOOM, _ZOOM)
        shift = (draw.uniform(-_SHIFT_PX, _SHIFT_PX) * strength, draw.uniform(-_SHIFT_PX, _SHIFT_PX) * strength)
        zooms = tuple(max(-_ZOOM, min(_ZOOM, zoom + draw.gauss(0, _ZOOM / 8))) for _ in range(2))
        cast = tuple(draw.uniform(-_CAST, _CAST) * strength for _ in range(3))
        return cls(
            shift=shift,
            zoom=(1 + zooms[0] * strength, 1 + zooms[1] * strength),
            warp_px=warp_px,
            gamma=math.exp(draw.uniform(*_LOG_GAMMA) * strength),
            contrast=1 + draw.uniform(*_CONTRAST) * strength,
            cast=(cast[0], cast[1], cast[2]),
            blur=draw.uniform(0, _BLUR) * strength,
            noise=draw.uniform(0, _NOISE) * strength,
            seed=seed,
        )

    def scaled(self, factor: float) -> Drift:
        """This drift with all lengths multiplied by `factor`, for a tile that is larger by as much."""
        x, y = self.shift
        return replace(
            self,
            shift=(x * factor, y * factor),
            warp_px=self.warp_px * factor,
            fine_px=self.fine_px * factor,
            fine_cell_px=self.fine_cell_px * factor,
        )

    def position(self, x: float, y: float, box: tuple[int, int, int, int]) -> tuple[float, float]:
        """The point of the picture that the redrawn `box` shows at (x, y), without separate displacements.

        (x, y) is continuous, from the top left corner of the box: the centre of its first pixel is (0.5, 0.5).
        """
        left, top, right, bottom = box
        centre_x, centre_y = (right - left) / 2, (bottom - top) / 2
        warp_x, warp_y = self._warp(x, y, (right - left, bottom - top))
        return (
            left + centre_x + (x - centre_x - self.shift[0]) / self.zoom[0] + warp_x,
            top + centre_y + (y - centre_y - self.shift[1]) / self.zoom[1] + warp_y,
        )

    def landing(self, x: float, y: float, box: tuple[int, int, int, int]) -> tuple[float, float]:
        """The point of the redrawn `box` that shows the point (x, y) of the picture: the inverse of `position`."""
        at_x, at_y = x - box[0], y - box[1]
        for _ in range(30):  # each round multiplies the error by the slope of the warp, far below 1
            found_x, found_y = self.position(at_x, at_y, box)
            step_x, step_y = (x - found_x) * self.zoom[0], (y - found_y) * self.zoom[1]
            at_x, at_y = at_x + step_x, at_y + step_y
            if abs(step_x) + abs(step_y) < 1e-9:
                break
        return at_x, at_y

    def _warp(self, x: float, y: float, size: tuple[int, int]) -> tuple[float, float]:
        return slow_warp(self.seed, self.warp_px, size).at(x, y) if self.warp_px else (0.0, 0.0)
