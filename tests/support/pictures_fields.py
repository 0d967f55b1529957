"""Ground for the drawn pictures: seeded noise, smooth fields, contour lines and an antialiased sheet."""

import math
import random
from array import array
from collections.abc import Iterator, Sequence
from functools import wraps
from typing import Any, Protocol

from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageMath, ImageOps

Size = tuple[int, int]
Colour = tuple[int, int, int]
Point = tuple[float, float]

BLEED = 24
SHEET_SCALE = 2


class Maker(Protocol):
    """Draws one kind of picture in mode RGB; the same picture for the same size and seed."""

    def __call__(self, size: Size, seed: int = 0) -> Image.Image: ...


def generator(kind: str, seed: int) -> random.Random:
    """The random generator of one picture: the same for the same kind and seed on every machine."""
    return random.Random(f"{kind}:{seed}")


def bled(maker: Maker) -> Maker:
    """The maker, drawing BLEED pixels more on every side and cutting them off: edges look like the middle."""

    @wraps(maker)
    def cut(size: Size, seed: int = 0) -> Image.Image:
        whole = maker((size[0] + 2 * BLEED, size[1] + 2 * BLEED), seed)
        return whole.crop((BLEED, BLEED, BLEED + size[0], BLEED + size[1]))

    return cut


def lattice(rng: random.Random, size: Size, cell: float, stretch: float = 1.0) -> Image.Image:
    """Smooth noise in mode F, 0 to 255 before overshoot, one random value every `cell` pixels.

    `stretch` makes the cells that many times as wide as they are high. The lattice begins at a random place,
    so that the lattices of several octaves do not line up.
    """
    width, height = size
    columns, rows = width / (cell * stretch), height / cell
    left, top = 1 + rng.random(), 1 + rng.random()
    grid = math.ceil(columns) + 4, math.ceil(rows) + 4
    values = Image.frombytes("L", grid, rng.randbytes(grid[0] * grid[1])).convert("F")
    return values.resize(size, Image.Resampling.BICUBIC, box=(left, top, left + columns, top + rows))


def fractal(
    rng: random.Random,
    size: Size,
    cell: float,
    octaves: int,
    gain: float = 0.5,
    contrast: float = 1.6,
    stretch: float = 1.0,
) -> Image.Image:
    """Noise of several scales in mode L: each octave half as large and `gain` as strong as the one before."""
    total: Image.Image | None = None
    weight = amount = 1.0
    for octave in range(octaves):
        layer = lattice(rng, size, max(1.0, cell / 1.93**octave), stretch).convert("L")
        if total is None:
            total = layer
        else:
            weight *= gain
            amount += weight
            total = Image.blend(total, layer, weight / amount)
    assert total is not None
    return total.point([clamp(128 + (value - 128) * contrast) for value in range(256)])


def clamp(value: float) -> int:
    """The nearest 8-bit value."""
    return max(0, min(255, round(value)))


def tint(field: Image.Image, *colours: Colour) -> Image.Image:
    """The field in colour: its values run evenly through `colours`, dark to light."""
    steps = len(colours) - 1
    tables: list[int] = []
    for channel in range(3):
        for value in range(256):
            place = value / 255 * steps
            index = min(int(place), steps - 1)
            low, high = colours[index][channel], colours[index + 1][channel]
            tables.append(clamp(low + (high - low) * (place - index)))
    return Image.merge("RGB", (field, field, field)).point(tables)


def grain(rng: random.Random, picture: Image.Image, strength: float, cell: float = 1.0) -> Image.Image:
    """The picture with a fine grain, the same in all channels, of at most `strength` levels either way."""
    if cell <= 1:
        noise = Image.frombytes("L", picture.size, rng.randbytes(picture.width * picture.height))
    else:
        noise = lattice(rng, picture.size, cell).convert("L")
    noise = noise.point([round(value / 255 * 2 * strength) for value in range(256)])
    layer = Image.merge(picture.mode, [noise] * len(picture.getbands()))
    return ImageChops.add(picture, layer, 1.0, -round(strength))


def relief(field: Image.Image, strength: float) -> Image.Image:
    """The field (mode L) lit from the upper left: mid grey where it is level."""
    return ImageChops.subtract(field, ImageChops.offset(field, 1, 1), 1 / strength, 128)


def shade(picture: Image.Image, light: Image.Image) -> Image.Image:
    """The picture multiplied by a light (mode L), of which 128 leaves it as it is."""
    layer = Image.merge("RGB", (light, light, light))
    return ImageChops.overlay(picture, layer)


def soften(picture: Image.Image, radius: float) -> Image.Image:
    """The picture with its hard edges taken off."""
    return picture.filter(ImageFilter.GaussianBlur(radius))


class Field:
    """A smooth scalar field, 0 to 1, that can be looked up in a picture and up to MARGIN pixels around it."""

    MARGIN = 144

    def __init__(self, rng: random.Random, size: Size, cell: float, octaves: int = 1, step: int = 6) -> None:
        self.step = step
        self.border = self.MARGIN // step
        self.columns = size[0] // step + 2 * self.border + 2
        self.rows = size[1] // step + 2 * self.border + 2
        shape = self.columns, self.rows
        layers = [lattice(rng, shape, cell / step / 1.93**octave) for octave in range(octaves)]
        amount = 255 * (2 - 2 / 2**octaves)
        total = layers[0].point(lambda value: value * (1 / amount) + 0)
        for octave, layer in enumerate(layers[1:], 1):
            part = 1 / (amount * 2**octave)
            total = ImageMath.lambda_eval(_weighted, total=total, layer=layer, part=part)
        self.values = array("f", total.tobytes())

    def index(self, x: float, y: float) -> int:
        """The place in `values` that is nearest to (x, y)."""
        step, middle = self.step, self.border + 0.5
        return int(y / step + middle) * self.columns + int(x / step + middle)

    def at(self, x: float, y: float) -> float:
        """The value nearest to (x, y)."""
        return self.values[self.index(x, y)]

    def isolines(self, interval: float) -> Iterator[tuple[int, Point, Point]]:
        """Short pieces of the lines where the field crosses a multiple of `interval`, with its number."""
        values, columns, border, step = self.values, self.columns, self.border, self.step
        numbers = [math.floor(value / interval) for value in values]
        for row in range(border - 1, self.rows - border):
            for place in range(row * columns + border - 1, (row + 1) * columns - border):
                low = high = numbers[place]
                places = (place, place + 1, place + columns + 1, place + columns)
                for number in (numbers[places[1]], numbers[places[2]], numbers[places[3]]):
                    if number < low:
                        low = number
                    elif number > high:
                        high = number
                if low == high:
                    continue
                corners = [values[corner] for corner in places]
                left, top = place - row * columns - border, row - border
                for level in range(low + 1, high + 1):
                    ends = _crossings(corners, level * interval, left, top, step)
                    for index in range(0, len(ends) - 1, 2):
                        yield level, ends[index], ends[index + 1]


def _weighted(args: dict[str, Any]) -> Any:
    return args["total"] + args["layer"] * args["part"]


def _crossings(corners: Sequence[float], value: float, column: int, row: int, step: int) -> list[Point]:
    """Where the level `value` crosses the four sides of one cell, in pixels."""
    ends: list[Point] = []
    sides = ((0, 0, 1, 0), (1, 0, 0, 1), (1, 1, -1, 0), (0, 1, 0, -1))
    for index, (x, y, dx, dy) in enumerate(sides):
        first, second = corners[index], corners[(index + 1) % 4]
        if (first < value) != (second < value):
            part = (value - first) / (second - first)
            ends.append(((column + x + dx * part) * step, (row + y + dy * part) * step))
    return ends


class Sheet:
    """Paper to draw on in picture pixels; it is twice as fine, and reduced at the end, so lines are smooth."""

    def __init__(self, size: Size, paper: int | Colour = 255) -> None:
        self.size = size
        mode = "L" if isinstance(paper, int) else "RGB"
        self.image = Image.new(mode, (size[0] * SHEET_SCALE, size[1] * SHEET_SCALE), paper)
        self.pen = ImageDraw.Draw(self.image)

    def line(self, points: Sequence[float], ink: int | Colour = 0, width: float = 1.0) -> None:
        """A line through x0, y0, x1, y1, …"""
        self.pen.line([value * SHEET_SCALE for value in points], ink, max(1, round(width * SHEET_SCALE)))

    def area(self, points: Sequence[float], ink: int | Colour) -> None:
        """A filled polygon."""
        self.pen.polygon([value * SHEET_SCALE for value in points], fill=ink)

    def dot(self, x: float, y: float, radius: float, ink: int | Colour = 0) -> None:
        """A filled disc."""
        left, top, reach = x * SHEET_SCALE, y * SHEET_SCALE, radius * SHEET_SCALE
        self.pen.ellipse((left - reach, top - reach, left + reach, top + reach), fill=ink)

    def finish(self) -> Image.Image:
        """The drawing at its own size, in RGB."""
        return self.image.reduce(SHEET_SCALE).convert("RGB")


def on_paper(drawing: Image.Image, ink: Colour, paper: Image.Image) -> Image.Image:
    """A black-on-white drawing in coloured ink on a sheet of paper."""
    cover = ImageOps.invert(drawing.convert("L"))
    return Image.composite(Image.new("RGB", drawing.size, ink), paper, cover)


def scattered(rng: random.Random, size: Size, spacing: float, margin: float = 0.0) -> Iterator[Point]:
    """Places all over the picture and `margin` beyond, about `spacing` apart, row by row."""
    y = -margin
    while y < size[1] + margin:
        x = -margin
        while x < size[0] + margin:
            yield x + rng.random() * spacing, y + rng.random() * spacing
            x += spacing
        y += spacing
