"""Pictures made of tones and colours: sky, clouds, gradients, brush strokes, leaves, water."""

import math

from PIL import Image, ImageChops, ImageDraw, ImageFilter

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
    scattered,
    shade,
    soften,
    tint,
)


@bled
def clouds(size: Size, seed: int = 0) -> Image.Image:
    """Heaped clouds on blue, from wide banks down to wisps."""
    rng = generator("clouds", seed)
    mass = fractal(rng, size, 230, 8, gain=0.6, contrast=2.2)
    light = soften(ImageChops.offset(mass, 9, 12), 7)
    shadow = ImageChops.subtract(mass, light, 0.8, 128)
    blue = tint(fractal(rng, size, 400, 2), (52, 98, 168), (128, 170, 214))
    blue = ImageChops.screen(blue, tint(fractal(rng, size, 60, 5, gain=0.7, stretch=3), (0, 0, 0), (90, 84, 76)))
    white = tint(shadow, (96, 106, 130), (214, 216, 222), (255, 253, 246))
    cover = mass.point([clamp((value - 88) * 3.1) for value in range(256)])
    return grain(rng, Image.composite(white, blue, cover), 3)


@bled
def gradients(size: Size, seed: int = 0) -> Image.Image:
    """Smooth colours that run into each other over long distances, with a faint grain."""
    rng = generator("gradients", seed)
    warm = tint(fractal(rng, size, 260, 4, gain=0.35), (86, 38, 66), (198, 92, 70), (240, 178, 104), (250, 232, 196))
    cool = tint(fractal(rng, size, 320, 4, gain=0.35), (18, 42, 74), (42, 108, 134), (136, 188, 178), (226, 238, 226))
    share = fractal(rng, size, 230, 3, gain=0.35, contrast=2.2)
    return grain(rng, Image.composite(warm, cool, share), 4)


@bled
def painterly(size: Size, seed: int = 0) -> Image.Image:
    """Thick brush strokes that follow a swirling field, over a ground of the same colours."""
    rng = generator("painterly", seed)
    palette = ((24, 42, 88), (38, 92, 140), (96, 158, 176), (222, 202, 120), (236, 158, 60), (150, 62, 44))
    hue, light = Field(rng, size, 260, 3), Field(rng, size, 60, 2)
    flow = Field(rng, size, 300, 2)
    sheet = Sheet(size, palette[1])
    for spacing, reach, brush in ((26.0, 30.0, 12.0), (15.0, 20.0, 6.0), (9.0, 13.0, 3.0)):
        for x, y in scattered(rng, size, spacing, reach):
            place = (hue.at(x, y) - 0.2) / 0.6 * len(palette) + rng.gauss(0, 0.55)
            colour = palette[max(0, min(len(palette) - 1, int(place)))]
            lift = 120 * (light.at(x, y) - 0.5) + rng.gauss(0, 16)
            shades: Colour = (clamp(colour[0] + lift), clamp(colour[1] + lift), clamp(colour[2] + lift))
            points: list[float] = []
            px, py = x, y
            for _ in range(4):
                points += [px, py]
                angle = 4 * math.pi * flow.at(px, py)
                px, py = px + reach / 2 * math.cos(angle), py + reach / 2 * math.sin(angle)
            sheet.line(points, shades, brush * rng.uniform(0.6, 1.2))
    picture = sheet.finish()
    return shade(picture, relief(picture.convert("L").filter(ImageFilter.SMOOTH), 0.5))


@bled
def foliage(size: Size, seed: int = 0) -> Image.Image:
    """Leaves upon leaves, each with its vein, from the shade at the back to the light in front."""
    rng = generator("foliage", seed)
    sheet = Sheet(size, (14, 26, 14))
    tone = Field(rng, size, 170, 3)
    lean = Field(rng, size, 220, 2)
    for layer, (spacing, length) in enumerate(((26.0, 58.0), (22.0, 44.0), (18.0, 32.0), (17.0, 22.0))):
        for x, y in scattered(rng, size, spacing, length):
            depth = tone.at(x, y)
            if rng.random() > 1.35 - 0.16 * layer - 0.6 * abs(depth - 0.5):
                continue
            angle = 2 * math.pi * lean.at(x, y) + rng.gauss(0, 0.8)
            lift = 0.3 + 0.22 * layer + 1.5 * (depth - 0.5) + rng.gauss(0, 0.1)
            warm = rng.random() * 60 * depth
            colour: Colour = (clamp(84 * lift + warm), clamp(126 * lift + 12), clamp(62 * lift))
            dark: Colour = (colour[0] * 3 // 5, colour[1] * 3 // 5, colour[2] * 3 // 5)
            reach, belly = length * rng.uniform(0.6, 1.1), length * rng.uniform(0.16, 0.26)
            _leaf(sheet, x, y, angle, reach, belly, colour, dark)
    return grain(rng, sheet.finish(), 5)


def _leaf(
    sheet: Sheet, x: float, y: float, angle: float, reach: float, belly: float, colour: Colour, dark: Colour
) -> None:
    along, across = math.cos(angle), math.sin(angle)
    outline: list[tuple[float, float]] = [(0.0, 0.0), (0.25, 0.8), (0.5, 1.0), (0.78, 0.6), (1.0, 0.0)]
    left: list[float] = []
    right: list[float] = []
    for part, wide in outline:
        px, py = x + along * reach * part, y + across * reach * part
        left += [px - across * belly * wide, py + along * belly * wide]
        right += [px + across * belly * wide, py - along * belly * wide]
    sheet.area(left, colour)
    lighter: Colour = (clamp(colour[0] * 1.2 + 6), clamp(colour[1] * 1.2 + 6), clamp(colour[2] * 1.2 + 6))
    sheet.area(right, lighter)
    sheet.line((x, y, x + along * reach, y + across * reach), dark)


@bled
def ripples(size: Size, seed: int = 0) -> Image.Image:
    """Water under a bright sky: long ripples that cross each other, and glints."""
    rng = generator("ripples", seed)
    swell = fractal(rng, size, 46, 3, gain=0.55, stretch=3.4, contrast=1.5)
    chop = fractal(rng, size, 13, 3, gain=0.6, stretch=2.6, contrast=1.4)
    surface = Image.blend(swell, chop, 0.42)
    slope = relief(soften(surface, 0.8), 5.0)
    water = tint(ImageChops.add(surface, slope, 2.0), (10, 34, 58), (28, 84, 112), (96, 156, 168), (206, 226, 220))
    depth = tint(fractal(rng, size, 360, 2), (96, 108, 132), (160, 150, 128))
    water = ImageChops.overlay(water, depth)
    glint = ImageChops.multiply(slope, chop).point([clamp((value - 96) * 5) for value in range(256)])
    return Image.composite(Image.new("RGB", size, (255, 252, 236)), water, glint)


@bled
def night(size: Size, seed: int = 0) -> Image.Image:
    """A night sky: faint coloured clouds, dust lanes and stars from specks to glowing discs."""
    rng = generator("night", seed)
    glow = fractal(rng, size, 280, 7, gain=0.6, contrast=1.9)
    dust = fractal(rng, size, 170, 6, gain=0.62, contrast=2.4)
    colour = tint(fractal(rng, size, 330, 3, contrast=2.0), (60, 66, 140), (140, 84, 120), (196, 128, 84))
    sky = ImageChops.multiply(colour, tint(glow, (40, 42, 60), (150, 150, 164), (255, 250, 240)))
    sky = ImageChops.multiply(sky, tint(dust, (60, 54, 60), (200, 198, 200), (255, 255, 255)))
    stars = Image.new("RGB", size)
    pixels = ImageDraw.Draw(stars)
    hues = ((255, 255, 255), (255, 236, 206), (206, 222, 255), (255, 206, 170))
    width, height = size
    for _ in range(max(20, width * height // 150)):
        x, y = rng.randrange(width), rng.randrange(height)
        power = 0.22 / (0.03 + rng.random())
        hue = rng.choice(hues)
        shine = min(1.0, 0.25 + power / 4)
        pixels.point((x, y), (clamp(hue[0] * shine), clamp(hue[1] * shine), clamp(hue[2] * shine)))
        if power > 1.6:
            radius = min(3.2, power / 2.2)
            pixels.ellipse((x - radius, y - radius, x + radius, y + radius), hue)
    halo = ImageChops.add(soften(stars, 1.2), soften(stars, 4.0))
    return grain(rng, ImageChops.screen(ImageChops.screen(sky, halo), stars), 4)
