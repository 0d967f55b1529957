"""Damages with known truth: what a model does to a continuation, one function a damage.

Every damage gets a `Scene`, a true picture turned so that it grows to the right, with a seam in it, and
returns the strip that a damaged candidate would show behind the seam.
"""

from __future__ import annotations

import io
import math
import random
from collections.abc import Callable
from dataclasses import dataclass

from PIL import Image, ImageChops, ImageFilter, ImageMath

from exquisite.pixels import crop_mirrored

__all__ = ["DAMAGES", "Damage", "Scene"]

LEVELS = range(256)


@dataclass(frozen=True, eq=False)
class Scene:
    """A true picture with a seam.

    Attributes:
        picture: RGB, growth to the right.
        seam: column where the new pixels begin.
        strip: width of the damaged strip in pixels.
        other: a strip of another picture, RGB, (strip, height).
        rng: where a damage draws signs and places from.
        apart_px: how far from the seam a copy of another place begins; 0 for the width of the strip.
    """

    picture: Image.Image
    seam: int
    strip: int
    other: Image.Image
    rng: random.Random
    apart_px: int = 0

    def behind(self, dx: int = 0, dy: int = 0, margin: int = 0) -> Image.Image:
        """The strip behind the seam moved by (dx, dy), with `margin` pixels more on every side."""
        left, top = self.seam + dx - margin, dy - margin
        return crop_mirrored(
            self.picture, (left, top, left + self.strip + 2 * margin, top + self.picture.height + 2 * margin)
        )

    def filtered(self, change: Callable[[Image.Image], Image.Image], margin: int = 16) -> Image.Image:
        """The true strip after `change`, which sees `margin` true pixels around it, as in a whole redrawn tile."""
        changed = change(self.behind(margin=margin))
        return changed.crop((margin, margin, margin + self.strip, margin + self.picture.height))

    def sign(self) -> int:
        """1 or -1."""
        return self.rng.choice((-1, 1))


@dataclass(frozen=True)
class Damage:
    """One kind of damage.

    Attributes:
        name: as in the table.
        strengths: in the unit of the damage, from weak to strong.
        visible: the strengths at which a person sees it.
        make: from a scene and a strength to the damaged strip.
    """

    name: str
    strengths: tuple[float, ...]
    visible: tuple[float, ...]
    make: Callable[[Scene, float], Image.Image]


def shift_along(scene: Scene, px: float) -> Image.Image:
    """Displaced along the seam."""
    return scene.behind(dy=scene.sign() * int(px))


def shift_across(scene: Scene, px: float) -> Image.Image:
    """Displaced across the seam: columns missing, or drawn twice."""
    return scene.behind(dx=scene.sign() * int(px))


def gap(scene: Scene, px: float) -> Image.Image:
    """Columns missing."""
    return scene.behind(dx=int(px))


def zoom(scene: Scene, percent: float) -> Image.Image:
    """Scaled about the middle of the seam, larger or smaller."""
    factor = 1 + scene.sign() * percent / 100
    width, height = scene.strip / factor, scene.picture.height / factor
    larger = width - scene.strip, (height - scene.picture.height) / 2
    margin = max(24, math.ceil(max(larger)))
    top = margin + (scene.picture.height - height) / 2
    around = scene.behind(margin=margin)
    return around.resize(
        (scene.strip, scene.picture.height), Image.Resampling.LANCZOS, (margin, top, margin + width, top + height)
    )


def local_warp(scene: Scene, px: float) -> Image.Image:
    """Bent smoothly: independent displacements of standard deviation `px` at the nodes of a 64 px mesh."""
    cell, margin = 64, 32
    around = scene.behind(margin=margin)
    columns, rows = -(-scene.strip // cell), -(-scene.picture.height // cell)
    limit = margin - 4
    nodes = [
        [tuple(max(-limit, min(limit, scene.rng.gauss(0, px))) for _ in "xy") for _ in range(columns + 1)]
        for _ in range(rows + 1)
    ]

    def source(i: int, j: int) -> tuple[float, float]:
        dx, dy = nodes[j][i]
        return margin + min(i * cell, scene.strip) + dx, margin + min(j * cell, scene.picture.height) + dy

    mesh = []
    for j in range(rows):
        for i in range(columns):
            box = (
                i * cell,
                j * cell,
                min((i + 1) * cell, scene.strip),
                min((j + 1) * cell, scene.picture.height),
            )
            quad = (*source(i, j), *source(i, j + 1), *source(i + 1, j + 1), *source(i + 1, j))
            mesh.append((box, quad))
    return around.transform(
        (scene.strip, scene.picture.height), Image.Transform.MESH, mesh, Image.Resampling.BICUBIC
    )


def gamma(scene: Scene, percent: float) -> Image.Image:
    """Exponent off by `percent`, brighter or darker."""
    exponent = (1 + percent / 100) ** scene.sign()
    return scene.behind().point([round(255 * (v / 255) ** exponent) for v in LEVELS] * 3)


def cast(scene: Scene, levels: float) -> Image.Image:
    """One or more channels lifted or lowered by `levels` of 255."""
    signs = [0, 0, 0]
    while not any(signs):
        signs = [scene.rng.choice((-1, 0, 1)) for _ in range(3)]
    return scene.behind().point([max(0, min(255, v + s * int(levels))) for s in signs for v in LEVELS])


def contrast(scene: Scene, percent: float) -> Image.Image:
    """Contrast lost around middle grey."""
    return scene.behind().point([round(128 + (v - 128) * (1 - percent / 100)) for v in LEVELS] * 3)


def blur(scene: Scene, sigma: float) -> Image.Image:
    """Gaussian blur."""
    return scene.filtered(lambda image: image.filter(ImageFilter.GaussianBlur(sigma)))


def sharpen(scene: Scene, percent: float) -> Image.Image:
    """Unsharp mask of radius 1.5."""
    return scene.filtered(lambda image: image.filter(ImageFilter.UnsharpMask(1.5, int(percent), 0)))


def thicken(scene: Scene, percent: float) -> Image.Image:
    """Dark strokes wider by `percent` of one pixel on each side."""
    return scene.filtered(lambda image: Image.blend(image, _neighbours(image, ImageChops.darker), percent / 100))


def thin(scene: Scene, percent: float) -> Image.Image:
    """Dark strokes narrower by `percent` of one pixel on each side."""
    return scene.filtered(lambda image: Image.blend(image, _neighbours(image, ImageChops.lighter), percent / 100))


def _neighbours(image: Image.Image, choose: Callable[[Image.Image, Image.Image], Image.Image]) -> Image.Image:
    """The darkest or lightest of 3x3 pixels, per channel."""
    for axis in (0, 1):
        neighbours = [ImageChops.offset(image, step * (1 - axis), step * axis) for step in (-1, 1)]
        image = choose(image, choose(*neighbours))
    return image


def noise(scene: Scene, sigma: float) -> Image.Image:
    """Noise in every channel, nearly Gaussian: the sum of four seeded uniform bytes (Irwin-Hall)."""
    strip = scene.behind()
    scale = sigma / (2 * 73.9)  # 73.9 is the standard deviation of one uniform byte

    def grain() -> Image.Image:
        return Image.frombytes("L", strip.size, scene.rng.randbytes(strip.width * strip.height)).convert("F")

    def noisy(channel: Image.Image) -> Image.Image:
        noise: Image.Image = ImageMath.lambda_eval(
            lambda a: a["v"] + (a["a"] + a["b"] + a["c"] + a["d"] - 510.0) * scale + 0.5,
            v=channel.convert("F"), a=grain(), b=grain(), c=grain(), d=grain(),
        )
        return noise.convert("L")

    return Image.merge("RGB", [noisy(channel) for channel in strip.split()])


def jpeg(scene: Scene, loss: float) -> Image.Image:
    """Stored as JPEG of quality 100 - loss, chroma halved, and read again."""

    def store(image: Image.Image) -> Image.Image:
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=int(100 - loss))
        return Image.open(buffer).convert("RGB")

    return scene.filtered(store)


def ghost(scene: Scene, px: float) -> Image.Image:
    """A second, fainter picture `px` beside the first."""
    along = scene.rng.random() < 0.5
    move = scene.sign() * int(px)
    other = scene.behind(dy=move) if along else scene.behind(dx=move)
    return Image.blend(scene.behind(), other, 0.4)


def other_place(scene: Scene, _: float) -> Image.Image:
    """Another place of the same picture."""
    strip = scene.behind()
    width, height = scene.picture.size
    while True:
        left = scene.rng.randrange(0, width - scene.strip)
        dy = scene.rng.randrange(0, height)
        if abs(left - scene.seam) >= (scene.apart_px or scene.strip):
            return ImageChops.offset(scene.picture.crop((left, 0, left + strip.width, height)), 0, dy)


def other_picture(scene: Scene, _: float) -> Image.Image:
    """A strip of another picture, rolled along the seam by any number of rows."""
    return ImageChops.offset(scene.other, 0, scene.rng.randrange(scene.other.height))


def flat(scene: Scene, columns: float) -> Image.Image:
    """One colour: the mean of the last columns."""
    last = scene.picture.crop((scene.seam - int(columns), 0, scene.seam, scene.picture.height))
    return last.resize((1, 1), Image.Resampling.BOX).resize((scene.strip, scene.picture.height))


def smear(scene: Scene, columns: float) -> Image.Image:
    """The mean of the last columns, repeated."""
    last = scene.picture.crop((scene.seam - int(columns), 0, scene.seam, scene.picture.height))
    column = last.resize((1, scene.picture.height), Image.Resampling.BOX)
    return column.resize((scene.strip, scene.picture.height), Image.Resampling.NEAREST)


def copied_band(scene: Scene, strips: float) -> Image.Image:
    """The picture before the seam once more: the last strip, or the band from its beginning, two strips back."""
    return scene.behind(dx=-int(strips) * (scene.apart_px or scene.strip))


def mirrored_band(scene: Scene, skipped: float) -> Image.Image:
    """The picture before the seam, mirrored at it, or a few columns before it."""
    return scene.behind(dx=-scene.strip - int(skipped)).transpose(Image.Transpose.FLIP_LEFT_RIGHT)


DAMAGES = (
    Damage("shift along", (1, 2, 4, 8, 16), (2, 4, 8, 16), shift_along),
    Damage("shift across", (1, 2, 4, 8, 16), (2, 4, 8, 16), shift_across),
    Damage("gap", (3, 6, 12, 24), (3, 6, 12, 24), gap),
    Damage("zoom", (1, 2, 3), (1, 2, 3), zoom),
    Damage("local warp", (1, 2, 4), (2, 4), local_warp),
    Damage("gamma", (5, 10, 20, 35), (10, 20, 35), gamma),
    Damage("colour cast", (2, 4, 8, 16), (4, 8, 16), cast),
    Damage("contrast loss", (5, 10, 20, 30), (10, 20, 30), contrast),
    Damage("blur", (0.6, 1.0, 1.5, 2.5), (1.0, 1.5, 2.5), blur),
    Damage("sharpening", (50, 100, 200), (100, 200), sharpen),
    Damage("stroke thickening", (50, 100), (100,), thicken),
    Damage("stroke thinning", (50, 100), (100,), thin),
    Damage("noise", (2, 4, 8, 16), (4, 8, 16), noise),
    Damage("jpeg", (25, 50, 75, 90), (50, 75, 90), jpeg),
    Damage("ghosting", (2, 4, 8), (2, 4, 8), ghost),
    Damage("another place", (1,), (1,), other_place),
    Damage("another picture", (1,), (1,), other_picture),
    Damage("flat fill", (8, 256), (8, 256), flat),
    Damage("smear", (1, 4), (1, 4), smear),
    Damage("copied band", (1, 2), (1, 2), copied_band),
    Damage("mirrored band", (0, 7), (0, 7), mirrored_band),
)
"""Every damage of the benchmark, in the order of the table."""
