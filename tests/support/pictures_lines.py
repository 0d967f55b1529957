"""Pictures made of lines: pen and ink, hatching, engraving, diagonals, writing, pencil."""

import math
import random
from dataclasses import dataclass

from PIL import Image, ImageChops, ImageOps

from .pictures_fields import (
    Field,
    Sheet,
    Size,
    bled,
    clamp,
    fractal,
    generator,
    on_paper,
    scattered,
    soften,
    tint,
)


@dataclass(frozen=True)
class _Texture:
    """How one patch of the ink picture is filled."""

    manner: str
    angles: tuple[float, ...]
    spacing: float
    darkness: float


_MANNERS = (
    "hatch",
    "hatch",
    "hatch",
    "cross",
    "cross",
    "cross",
    "weave",
    "tufts",
    "stipple",
    "leaves",
    "waves",
)


def _texture(rng: random.Random) -> _Texture:
    manner = rng.choice(_MANNERS)
    angle = rng.uniform(0, math.pi)
    crossings = {"cross": (0.0, rng.uniform(0.6, 1.3)), "weave": (0.0, 0.7, 1.5)}.get(manner, (0.0,))
    spacing = rng.choice((3.2, 4.0, 4.0, 5.0, 6.5))
    return _Texture(manner, tuple(angle + turn for turn in crossings), spacing, rng.uniform(0.55, 1.0))


@bled
def ink(size: Size, seed: int = 0) -> Image.Image:
    """Dense pen and ink, edge to edge: outlined patches of hatching, cross-hatching, grass, leaves and dots."""
    rng = generator("ink", seed)
    sheet = Sheet(size)
    first, second = Field(rng, size, 190, 3), Field(rng, size, 250, 3)
    tone = Field(rng, size, 90, 2)
    bend = Field(rng, size, 120, 1, step=12)
    pairs = zip(first.values, second.values, strict=True)
    patches = [int(one / 0.13) + 100 * int(two / 0.17) for one, two in pairs]
    textures: dict[int, _Texture] = {}
    for x, y in scattered(rng, size, 9.0, 9.0):
        here = patches[first.index(x, y)]
        texture = textures.get(here)
        if texture is None:
            texture = textures[here] = _texture(rng)
        depth = texture.darkness * (0.35 + 1.1 * tone.at(x, y))
        turn = 0.9 * (bend.at(x, y) - 0.5)
        if texture.manner == "tufts":
            _tuft(sheet, rng, x, y, depth)
        elif texture.manner == "stipple":
            _stipple(sheet, rng, x, y, depth)
        elif texture.manner == "leaves":
            _leaf(sheet, rng, x, y, texture.angles[0] + turn, depth)
        elif texture.manner == "waves":
            _wave(sheet, rng, x, y, texture.angles[0] + turn)
        else:
            for layer, angle in enumerate(texture.angles):
                count = 7.5 / texture.spacing * (depth * 1.5 - 0.28 * layer)
                for _ in range(int(count + rng.random())):
                    ends = _hatch_stroke(rng, x, y, angle + turn, texture.spacing)
                    if patches[first.index(ends[0], ends[1])] != here:
                        ends[0], ends[1] = (ends[0] + 3 * x) / 4, (ends[1] + 3 * y) / 4
                    if patches[first.index(ends[2], ends[3])] != here:
                        ends[2], ends[3] = (ends[2] + 3 * x) / 4, (ends[3] + 3 * y) / 4
                    sheet.line(ends, width=1.5 if rng.random() < 0.2 * depth else 1.0)
    for field, interval in ((first, 0.13), (second, 0.17)):
        for level, start, end in field.isolines(interval):
            sheet.line((*start, *end), width=2.0 + level % 2)
    return sheet.finish()


def _hatch_stroke(rng: random.Random, x: float, y: float, angle: float, spacing: float) -> list[float]:
    """A stroke through about (x, y), drawn to the nearest of the patch's parallel lines."""
    along, across = math.cos(angle), math.sin(angle)
    offset = x * across - y * along
    snap = round(offset / spacing + rng.uniform(-1.2, 1.2)) * spacing - offset + rng.gauss(0, 0.25)
    x, y = x + snap * across, y - snap * along
    reach = rng.uniform(7, 17)
    lean = rng.gauss(0, 0.03)
    along, across = math.cos(angle + lean), math.sin(angle + lean)
    return [x - reach * along, y - reach * across, x + reach * along, y + reach * across]


def _tuft(sheet: Sheet, rng: random.Random, x: float, y: float, depth: float) -> None:
    for _ in range(2 + round(3 * depth)):
        lean, height = rng.gauss(0, 0.45), rng.uniform(7, 16)
        sheet.line((x, y, x + 0.3 * lean * height, y - 0.6 * height, x + lean * height, y - height))
        x += rng.uniform(-2, 3)


def _stipple(sheet: Sheet, rng: random.Random, x: float, y: float, depth: float) -> None:
    for _ in range(1 + round(5 * depth)):
        sheet.dot(x + rng.uniform(-5, 5), y + rng.uniform(-5, 5), rng.uniform(0.4, 1.1))


def _leaf(sheet: Sheet, rng: random.Random, x: float, y: float, angle: float, depth: float) -> None:
    angle += rng.gauss(0, 0.5)
    length, belly = rng.uniform(8, 15), rng.uniform(2.5, 4.5)
    along, across = math.cos(angle), math.sin(angle)
    middle = x + along * length / 2, y + across * length / 2
    tip = x + along * length, y + across * length
    left = middle[0] - across * belly, middle[1] + along * belly
    right = middle[0] + across * belly, middle[1] - along * belly
    sheet.area((x, y, *left, *tip, *right), 255)
    sheet.line((x, y, *left, *tip, *right, x, y))
    sheet.line((x, y, *tip))
    if rng.random() < depth:
        sheet.line((*middle, *left))
        sheet.area((*middle, *tip, *right), 0)


def _wave(sheet: Sheet, rng: random.Random, x: float, y: float, angle: float) -> None:
    along, across = math.cos(angle), math.sin(angle)
    points: list[float] = []
    for step in range(-3, 4):
        rise = 2.2 * math.sin(step * 1.1 + (x + y) / 30)
        points += [x + 4 * step * along - rise * across, y + 4 * step * across + rise * along]
    sheet.line(points, width=rng.choice((1.0, 1.0, 1.5)))


@bled
def hatching(size: Size, seed: int = 0) -> Image.Image:
    """Regular hatching: three families of evenly spaced lines, broken off where the tone is light."""
    rng = generator("hatching", seed)
    sheet = Sheet(size)
    tone = Field(rng, size, 130, 3)
    width, height = size
    reach = math.hypot(width, height) / 2
    start = rng.uniform(0.3, 0.9)
    for angle, spacing, threshold in ((start, 7, -1.0), (start + 1.45, 8, 0.44), (start + 0.75, 7, 0.56)):
        along, across = math.cos(angle), math.sin(angle)
        offset = -reach
        while offset < reach:
            x = width / 2 - offset * across - reach * along
            y = height / 2 + offset * along - reach * across
            for _ in range(int(2 * reach / 9)):
                step = 9 + rng.random()
                if -12 < x < width + 12 and -12 < y < height + 12:
                    value = tone.at(x, y) + rng.gauss(0, 0.012)
                    if value > threshold:
                        thick = 1.0 if value < 0.5 else 1.5
                        sheet.line((x, y, x + step * along, y + step * across), width=thick)
                x, y = x + 9 * along, y + 9 * across
            offset += spacing
    return sheet.finish()


@bled
def engraving(size: Size, seed: int = 0) -> Image.Image:
    """Engraved contour lines of a hilly field, every fifth one heavier, in brown on cream."""
    rng = generator("engraving", seed)
    sheet = Sheet(size)
    hills = Field(rng, size, 210, 4, step=5)
    for level, start, end in hills.isolines(0.013):
        sheet.line((*start, *end), width=2.5 if level % 5 == 0 else 1.0)
    paper = tint(fractal(rng, size, 90, 4), (228, 214, 182), (248, 240, 218))
    return on_paper(sheet.finish(), (58, 36, 22), paper)


@bled
def diagonals(size: Size, seed: int = 0) -> Image.Image:
    """Diagonal bands of many widths and colours, cut by thin lines and a few that lean the other way."""
    rng = generator("diagonals", seed)
    sheet = Sheet(size, (236, 229, 214))
    width, height = size
    colours = ((196, 66, 48), (32, 58, 96), (232, 176, 60), (24, 24, 28), (92, 134, 128), (214, 204, 186))
    slope = rng.uniform(0.8, 1.25)
    x = -height * slope
    while x < width:
        band = rng.choice((2.0, 3.0, 4.0, 6.0, 9.0, 14.0, 26.0))
        colour = rng.choice(colours)
        sheet.area((x, height, x + band, height, x + band + height * slope, 0, x + height * slope, 0), colour)
        x += band + rng.choice((1.5, 3.0, 5.0, 8.0, 16.0))
    for x, y in scattered(rng, size, 46, 46):
        length, colour = rng.uniform(14, 70), rng.choice(colours)
        sheet.line((x, y, x + length, y + length / slope), colour, rng.choice((1.0, 1.5, 2.5, 4.0)))
    return sheet.finish()


@bled
def writing(size: Size, seed: int = 0) -> Image.Image:
    """A page of handwriting-like strokes: lines, words and letters, none of which can be read."""
    rng = generator("writing", seed)
    sheet = Sheet(size)
    width, height = size
    y = rng.uniform(2, 14)
    while y < height + 30:
        body = rng.choice((7.0, 8.0, 8.0, 9.0, 12.0))
        x = rng.uniform(-60, 0)
        while x < width:
            lean, thick = rng.uniform(0.15, 0.3), rng.choice((1.0, 1.0, 1.5))
            for _ in range(rng.randint(2, 9)):
                letter = rng.choice(_LETTERS)
                scale = body * rng.uniform(0.9, 1.1)
                points: list[float] = []
                for across, rise in letter:
                    points += [
                        x + scale * (0.62 * across + lean * rise),
                        y - scale * rise + rng.gauss(0, 0.15),
                    ]
                sheet.line(points, width=thick)
                x += 0.62 * scale * letter[-1][0]
            x += body * rng.uniform(0.6, 1.1)
        y += body * 2.5
    paper = tint(fractal(rng, size, 150, 6, gain=0.6), (214, 200, 168), (246, 238, 216))
    return on_paper(sheet.finish(), (34, 30, 52), paper)


# Letter-like marks: an arch, a bowl, a stem with a loop, a tail, a wave, a hook, a double arch.
_LETTERS = (
    ((0, 0), (0, 1), (0.1, 0.7), (0.5, 1), (0.8, 0.9), (0.8, 0.1), (1.1, 0)),
    ((0.8, 0.9), (0.4, 1), (0, 0.6), (0.1, 0.1), (0.5, 0), (0.8, 0.4), (0.8, 1), (0.85, 0.1), (1.2, 0)),
    ((0, 0), (0.5, 1.1), (0.6, 1.8), (0.35, 2), (0.2, 1.6), (0.2, 0.2), (0.4, 0), (0.8, 0.1)),
    ((0.8, 0.9), (0.3, 1), (0, 0.5), (0.3, 0.1), (0.8, 0.6), (0.8, -0.7), (0.4, -1), (0.2, -0.6), (1.2, 0)),
    ((0, 0), (0.3, 0.9), (0.4, 0.1), (0.7, 0.8), (0.8, 0), (1.1, 0.9), (1.3, 0.7)),
    ((0, 0.5), (0.7, 0.6), (0.6, 1), (0.2, 1), (0, 0.5), (0.3, 0), (0.8, 0.1), (1, 0.3)),
    (
        (0, 0),
        (0.05, 1),
        (0.2, 0.8),
        (0.45, 1),
        (0.6, 0),
        (0.65, 0.8),
        (0.9, 1),
        (1.1, 0.8),
        (1.1, 0),
        (1.3, 0),
    ),
)


@bled
def pencil(size: Size, seed: int = 0) -> Image.Image:
    """Soft pencil on rough paper: broad shading strokes, darker outlines, the tooth of the paper through all."""
    rng = generator("pencil", seed)
    sheet = Sheet(size)
    tone, shape = Field(rng, size, 150, 3), Field(rng, size, 230, 3)
    for x, y in scattered(rng, size, 11, 14):
        depth = tone.at(x, y)
        angle = 0.9 + 1.2 * int(shape.at(x, y) / 0.11) + rng.gauss(0, 0.08)
        for _ in range(round(2 + 3 * depth)):
            along, across = 20 * math.cos(angle) * rng.random(), 20 * math.sin(angle) * rng.random()
            x, y = x + rng.uniform(-3, 3), y + rng.uniform(-3, 3)
            grey = round(215 - 200 * depth + rng.gauss(0, 14))
            sheet.line((x - along, y - across, x + along, y + across), grey, rng.choice((1.5, 2.0, 3.0)))
    for level, start, end in shape.isolines(0.11):
        sheet.line((*start, *end), 55, 1.5 + level % 2)
    tooth = fractal(rng, size, 3.0, 2, contrast=1.5)
    tooth = tooth.point([clamp((value - 135) * 0.9) for value in range(256)])
    drawing = ImageChops.screen(soften(sheet.finish().convert("L"), 0.6), tooth)
    return ImageOps.colorize(drawing, (38, 36, 42), (244, 240, 230))
