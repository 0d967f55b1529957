"""Pictures of built things: a facade, brickwork, cobblestones, mosaic, roof tiles."""

import math
import random

from PIL import Image, ImageChops

from .pictures_fields import (
    Colour,
    Field,
    Sheet,
    Size,
    bled,
    clamp,
    fractal,
    generator,
    grain,
    relief,
    shade,
    soften,
    tint,
)


def _varied(colour: Colour, lift: float) -> Colour:
    """The colour, lighter or darker by `lift` parts of itself."""
    return clamp(colour[0] * (1 + lift)), clamp(colour[1] * (1 + lift)), clamp(colour[2] * (1 + lift))


@bled
def facade(size: Size, seed: int = 0) -> Image.Image:
    """A front of windows without end: storeys, sills, panes, some lit and some with their blinds down."""
    rng = generator("facade", seed)
    wall: Colour = rng.choice(((176, 158, 132), (158, 150, 146), (182, 132, 108)))
    sheet = Sheet(size, wall)
    bay, storey = rng.choice((58.0, 64.0, 72.0)), rng.choice((84.0, 92.0, 100.0))
    width, height = size
    top = -rng.uniform(0, storey)
    while top < height:
        sheet.area(_box(0, top, width, top + 7), _varied(wall, 0.16))
        sheet.line((0, top + 7.5, width, top + 7.5), _varied(wall, -0.45), 1.5)
        sheet.line((0, top + storey - 6, width, top + storey - 6), _varied(wall, -0.15))
        left = -bay * ((seed * 0.37) % 1)
        while left < width:
            _window(sheet, rng, left + 0.19 * bay, top + 0.22 * storey, 0.62 * bay, 0.58 * storey, wall)
            sheet.line((left, top + 8, left, top + storey), _varied(wall, -0.2))
            left += bay
        top += storey
    weather = fractal(rng, size, 190, 6, gain=0.6, contrast=0.8)
    return grain(rng, shade(sheet.finish(), weather), 6)


def _box(left: float, top: float, right: float, bottom: float) -> tuple[float, ...]:
    return left, top, right, top, right, bottom, left, bottom


def _window(sheet: Sheet, rng: random.Random, x: float, y: float, width: float, height: float, wall: Colour) -> None:
    glass = rng.choice(((46, 60, 76), (40, 50, 62), (70, 92, 112), (28, 34, 42), (226, 188, 112)))
    sheet.area(_box(x - 3, y - 3, x + width + 3, y + height + 3), _varied(wall, -0.38))
    sheet.area(_box(x, y, x + width, y + height), glass)
    shine = rng.uniform(0.15, 0.6) * width
    foot = x + max(0.0, shine - 16)
    sheet.area((x + shine, y, x + shine + 8, y, foot + 8, y + height, foot, y + height), _varied(glass, 0.25))
    if rng.random() < 0.45:
        drop = height * rng.uniform(0.15, 0.9)
        sheet.area(_box(x, y, x + width, y + drop), (206, 200, 186))
        slat = y + 3
        while slat < y + drop:
            sheet.line((x, slat, x + width, slat), (150, 144, 132))
            slat += 4
    elif rng.random() < 0.5:
        sheet.area((x, y, x + 0.3 * width, y, x + 0.12 * width, y + height, x, y + height), (220, 212, 204))
        sheet.area(
            (x + width, y, x + 0.7 * width, y, x + 0.88 * width, y + height, x + width, y + height),
            (220, 212, 204),
        )
    frame = (236, 230, 220)
    for part in (0.0, 0.5, 1.0):
        sheet.line((x + part * width, y, x + part * width, y + height), frame, 2)
    for part in (0.0, 0.34, 1.0):
        sheet.line((x, y + part * height, x + width, y + part * height), frame, 2)
    sheet.area(_box(x - 6, y + height + 2, x + width + 6, y + height + 7), _varied(wall, 0.22))
    sheet.line((x - 6, y + height + 8, x + width + 6, y + height + 8), _varied(wall, -0.45), 1.5)


@bled
def bricks(size: Size, seed: int = 0) -> Image.Image:
    """Old brickwork in running bond: uneven bricks, chipped edges, mortar, stains."""
    rng = generator("bricks", seed)
    sheet = Sheet(size, (170, 160, 146))
    colours: tuple[Colour, ...] = ((150, 72, 54), (164, 84, 60), (132, 62, 50), (176, 104, 76), (112, 58, 52))
    width, height = size
    row, top = 0, -rng.uniform(0, 20)
    while top < height:
        left = -rng.uniform(0, 12) - (27 if row % 2 else 0)
        while left < width:
            wide = 50 + rng.gauss(0, 1.5)
            colour = _varied(rng.choice(colours), rng.gauss(0, 0.1))
            corners = [value + rng.gauss(0, 0.7) for value in _box(left, top, left + wide, top + 18)]
            sheet.area(corners, colour)
            for _ in range(rng.randint(1, 5)):
                x, y = left + rng.uniform(2, wide - 2), top + rng.uniform(2, 16)
                sheet.dot(x, y, rng.uniform(0.5, 2.2), _varied(colour, rng.choice((-0.3, -0.2, 0.2))))
            left += wide + 4
        top += 22
        row += 1
    picture = sheet.finish()
    picture = shade(picture, relief(soften(picture.convert("L"), 0.8), 1.4))
    return grain(rng, shade(picture, fractal(rng, size, 260, 8, gain=0.66, contrast=1.1)), 8)


@bled
def cobbles(size: Size, seed: int = 0) -> Image.Image:
    """Cobblestones: rounded stones of many greys, lit from one side, sand in the joints."""
    rng = generator("cobbles", seed)
    joints = Sheet(size, (62, 56, 48))
    tone = Field(rng, size, 200, 3)
    width, height = size
    y = -20.0
    while y < height + 20:
        x = -30.0 - rng.uniform(0, 28)
        while x < width + 30:
            wide, high = rng.uniform(36, 58), rng.uniform(33, 38)
            cx, cy = x + wide / 2, y + rng.gauss(0, 1.5)
            base = 96 + 90 * tone.at(cx, cy) + rng.gauss(0, 16)
            stone: Colour = (clamp(base + rng.gauss(4, 5)), clamp(base), clamp(base + rng.gauss(-3, 7)))
            tilt = rng.uniform(0, math.pi)
            for size_part, lift, shift in (
                (1.0, -0.42, 0.0),
                (0.88, -0.08, 0.6),
                (0.66, 0.1, 1.4),
                (0.4, 0.24, 2.2),
            ):
                points: list[float] = []
                for corner in range(9):
                    angle = tilt + corner * 2 * math.pi / 9
                    squared = 1 / (abs(math.cos(angle)) ** 2.6 + abs(math.sin(angle)) ** 2.6) ** (1 / 2.6)
                    points.append(cx - shift + 0.49 * wide * size_part * squared * math.cos(angle))
                    points.append(cy - shift + 0.52 * high * size_part * squared * math.sin(angle))
                joints.area(points, _varied(stone, lift))
            x += wide + 1.5
        y += 37
    picture = soften(joints.finish(), 1.0)
    rough = fractal(rng, size, 18, 4, gain=0.85, contrast=0.9)
    picture = shade(shade(picture, fractal(rng, size, 200, 5, contrast=0.8)), relief(rough, 1.1))
    return grain(rng, picture, 7)


@bled
def mosaic(size: Size, seed: int = 0) -> Image.Image:
    """A mosaic of small stones, laid along winding bands of colour."""
    rng = generator("mosaic", seed)
    sheet = Sheet(size, (88, 80, 70))
    bands, turn = Field(rng, size, 240, 3), Field(rng, size, 160, 2)
    colours: tuple[Colour, ...] = (
        (222, 208, 178),
        (38, 66, 110),
        (196, 148, 62),
        (148, 52, 44),
        (232, 226, 212),
        (52, 104, 96),
        (30, 34, 44),
    )
    for x, y in _joints(size, 11.0):
        place = bands.at(x, y)
        colour = _varied(colours[int(place / 0.045) % len(colours)], rng.gauss(0, 0.13))
        angle = 2.6 * turn.at(x, y) + rng.gauss(0, 0.06)
        reach = 6.4 * rng.uniform(0.82, 0.98)
        points: list[float] = []
        for corner in range(4):
            at = angle + math.pi / 4 + corner * math.pi / 2 + rng.gauss(0, 0.07)
            points += [x + reach * math.cos(at), y + reach * math.sin(at)]
        sheet.area(points, colour)
    picture = sheet.finish()
    picture = shade(picture, relief(soften(picture.convert("L"), 0.7), 0.9))
    return grain(
        rng,
        ImageChops.multiply(picture, tint(fractal(rng, size, 300, 5), (200, 196, 190), (255, 255, 255))),
        5,
    )


def _joints(size: Size, pitch: float) -> list[tuple[float, float]]:
    """The places of the stones: a plain grid that reaches over the edges."""
    rows, columns = int(size[1] / pitch) + 2, int(size[0] / pitch) + 2
    return [(column * pitch, row * pitch) for row in range(rows) for column in range(columns)]


@bled
def roof(size: Size, seed: int = 0) -> Image.Image:
    """Roof tiles in overlapping rows, mossy in places."""
    rng = generator("roof", seed)
    sheet = Sheet(size, (70, 44, 36))
    moss = Field(rng, size, 180, 4)
    width, height = size
    row, y = 0, height + 10.0
    while y > -40:
        x = -34.0 - (14 if row % 2 else 0)
        while x < width:
            dirt = moss.at(x, y) + rng.gauss(0, 0.03)
            base: Colour = (168, 92, 64) if dirt < 0.54 else (118, 112, 66)
            colour = _varied(base, rng.gauss(0.2 - 0.4 * dirt, 0.11))
            arc: list[float] = [x, y - 4, x + 27, y - 4]
            for step in range(9):
                angle = math.pi * step / 8
                arc += [x + 13.5 + 13.5 * math.cos(angle), y + 24 + 12 * math.sin(angle)]
            sheet.area([value + (2 if index % 2 else 0) for index, value in enumerate(arc)], (40, 26, 24))
            sheet.area(arc, colour)
            sheet.line((x + 5, y + 2, x + 5, y + 25), _varied(colour, 0.18), 2)
            sheet.line((x + 21, y + 2, x + 21, y + 25), _varied(colour, -0.2), 2)
            x += 28
        y -= 21
        row += 1
    rough = fractal(rng, size, 120, 7, gain=0.72, contrast=1.0)
    return grain(rng, shade(sheet.finish(), rough), 7)
