"""What an image model does to pixels that it should have kept: it redraws them, a little off.

Coordinates are continuous, in pixels, as Pillow's: pixel i covers [i, i + 1), its centre lies at i + 0.5.
A drift moves what is drawn inside a box about the centre of that box:

    drawn at p  =  what stands in the picture at  origin + centre + (p - centre - shift) / zoom + warp(p)

A positive shift moves the content right and down; a zoom above 1 enlarges it. Tone comes after geometry:
blur or sharpening, then per channel, for v in 0..1:  (v^gamma - 0.5) * contrast + 0.5 + cast / 255, then noise.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from statistics import NormalDist

from PIL import Image, ImageChops, ImageFilter

from ...contract import require_rgb
from ...pixels import LEVELS, crop_mirrored

__all__ = ["Drift", "redraw"]

_LANCZOS_SUPPORT = 3
_WARP_CELLS = 32
_WARP_SUPERSAMPLING = 3
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
    """How one redraw differs from what it redraws. The default changes nothing.

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
        seed: decides the warp and the noise.
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

    @classmethod
    def random(cls, seed: int | str, strength: float = 1.0, *, warp_px: float = 0.0) -> Drift:
        """A drift drawn by `seed`; at strength 1 in the ranges measured on real models, at 0 the identity.

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

    def position(self, x: float, y: float, box: tuple[int, int, int, int]) -> tuple[float, float]:
        """Where in the picture the point (x, y) of the redrawn `box` is sampled.

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
        """Where in the redrawn `box` the point (x, y) of the picture is drawn: the inverse of `position`."""
        at_x, at_y = x - box[0], y - box[1]
        for _ in range(30):
            found_x, found_y = self.position(at_x, at_y, box)
            step_x, step_y = (x - found_x) * self.zoom[0], (y - found_y) * self.zoom[1]
            at_x, at_y = at_x + step_x, at_y + step_y
            if abs(step_x) + abs(step_y) < 1e-9:
                break
        return at_x, at_y

    def _warp(self, x: float, y: float, size: tuple[int, int]) -> tuple[float, float]:
        if not self.warp_px:
            return (0.0, 0.0)
        field = _warp_field(self.seed, self.warp_px, size)
        column, across = _cell(x, field.xs)
        row, down = _cell(y, field.ys)
        nodes = [field.nodes[row + j][column + i] for j in (0, 1) for i in (0, 1)]
        weights = [(1 - across) * (1 - down), across * (1 - down), (1 - across) * down, across * down]
        return (
            sum(weight * node[0] for weight, node in zip(weights, nodes, strict=True)),
            sum(weight * node[1] for weight, node in zip(weights, nodes, strict=True)),
        )


def redraw(picture: Image.Image, box: tuple[int, int, int, int], drift: Drift) -> Image.Image:
    """What a model with this `drift` draws of picture[box]: RGB, the size of `box`.

    Samples the picture beyond the box where the drift asks for it, and mirrors it where it ends.
    The identity returns the crop itself, pixel for pixel.

    Raises:
        CanvasError: the picture is not RGB.
    """
    require_rgb(picture, "the picture to redraw")
    return _tone(_geometry(picture, box, drift), drift)


def _geometry(picture: Image.Image, box: tuple[int, int, int, int], drift: Drift) -> Image.Image:
    size = (box[2] - box[0], box[3] - box[1])
    left, top = Drift(drift.shift, drift.zoom).position(0, 0, box)
    right, bottom = Drift(drift.shift, drift.zoom).position(*size, box)
    reach = math.ceil(_LANCZOS_SUPPORT / min(1, *drift.zoom) + abs(drift.warp_px)) + 1
    region = (math.floor(left) - reach, math.floor(top) - reach, math.ceil(right) + reach, math.ceil(bottom) + reach)
    source = crop_mirrored(picture, region)
    if drift.warp_px:
        return _warped(source, region, box, drift)
    window = (left - region[0], top - region[1], right - region[0], bottom - region[1])
    return source.resize(size, Image.Resampling.LANCZOS, box=window)


def _warped(
    source: Image.Image, region: tuple[int, int, int, int], box: tuple[int, int, int, int], drift: Drift
) -> Image.Image:
    """The mesh on a supersampled source: bilinear there is sharp, and the mesh's own bicubic is off by .1 px."""
    fine = source.resize(
        (source.width * _WARP_SUPERSAMPLING, source.height * _WARP_SUPERSAMPLING), Image.Resampling.LANCZOS
    )
    size = (box[2] - box[0], box[3] - box[1])
    field = _warp_field(drift.seed, drift.warp_px, size)

    def corner(x: int, y: int) -> tuple[float, float]:
        at_x, at_y = drift.position(x, y, box)
        return (at_x - region[0]) * _WARP_SUPERSAMPLING, (at_y - region[1]) * _WARP_SUPERSAMPLING

    mesh = [
        (
            (left, top, right, bottom),
            (*corner(left, top), *corner(left, bottom), *corner(right, bottom), *corner(right, top)),
        )
        for top, bottom in pairwise(field.ys)
        for left, right in pairwise(field.xs)
    ]
    return fine.transform(size, Image.Transform.MESH, mesh, Image.Resampling.BILINEAR)


def _tone(image: Image.Image, drift: Drift) -> Image.Image:
    if drift.blur:
        image = image.filter(ImageFilter.GaussianBlur(drift.blur))
    if drift.sharpen:
        image = image.filter(ImageFilter.UnsharpMask(1, round(100 * drift.sharpen), 0))
    if (drift.gamma, drift.contrast, drift.cast) != (1, 1, (0, 0, 0)):
        image = image.point([level for cast in drift.cast for level in _tone_curve(drift.gamma, drift.contrast, cast)])
    if drift.noise:
        image = ImageChops.add(image, _noise(image.size, drift.noise, drift.seed), 1, -128)
    return image


def _tone_curve(gamma: float, contrast: float, cast: float) -> list[int]:
    values = (((level / 255) ** gamma - 0.5) * contrast + 0.5 + cast / 255 for level in range(LEVELS))
    return [max(0, min(255, round(255 * value))) for value in values]


def _noise(size: tuple[int, int], sigma: float, seed: int | str) -> Image.Image:
    """Gaussian noise about 128: uniform bytes through the quantiles of the normal distribution."""
    uniform = random.Random(f"noise:{seed}").randbytes(size[0] * size[1] * 3)
    quantiles = NormalDist(128, sigma)
    levels = [max(0, min(255, round(quantiles.inv_cdf((i + 0.5) / LEVELS)))) for i in range(LEVELS)]
    return Image.frombytes("RGB", size, uniform).point(levels * 3)


@dataclass(frozen=True)
class _WarpField:
    """Displacements (x, y) in pixels at the nodes of a grid, bilinear between them."""

    xs: tuple[int, ...]
    ys: tuple[int, ...]
    nodes: tuple[tuple[tuple[float, float], ...], ...]


@lru_cache(maxsize=8)
def _warp_field(seed: int | str, warp_px: float, size: tuple[int, int]) -> _WarpField:
    """Three slow waves an axis, scaled so that the largest displacement of each axis is `warp_px`."""
    draw = random.Random(f"warp:{seed}")
    xs, ys = (_nodes(length) for length in size)
    axes = []
    for _ in range(2):
        waves = [(draw.uniform(-2, 2), draw.uniform(-2, 2), draw.uniform(0, 1)) for _ in range(3)]
        heights = [
            [sum(math.sin(math.tau * (u * x / size[0] + v * y / size[1] + p)) for u, v, p in waves) for x in xs]
            for y in ys
        ]
        scale = warp_px / max(abs(height) for row in heights for height in row)
        axes.append([[height * scale for height in row] for row in heights])
    nodes = tuple(tuple(zip(row_x, row_y, strict=True)) for row_x, row_y in zip(*axes, strict=True))
    return _WarpField(xs, ys, nodes)


def _nodes(length: int) -> tuple[int, ...]:
    cells = max(1, min(_WARP_CELLS, length // 4))
    return tuple(round(length * i / cells) for i in range(cells + 1))


def _cell(at: float, nodes: tuple[int, ...]) -> tuple[int, float]:
    """Number of the cell that holds `at`, and how far into it (0 to 1, held at the ends of the grid)."""
    index = next((i for i, end in enumerate(nodes[1:-1]) if at < end), len(nodes) - 2)
    return index, min(1.0, max(0.0, (at - nodes[index]) / (nodes[index + 1] - nodes[index])))
