"""The metrics by their definitions, pixel by pixel, on flattened pixel tuples: slow and plain.

A picture is a `Picture`: rows of (r, g, b); everything grows to the right. The fast scorer must agree.
"""

import math
from collections.abc import Callable
from functools import cache

from PIL import Image

from exquisite.geometry.seam_cost import COMPONENTS
from exquisite.geometry.seam_curves import (
    BLOCKS,
    MOST_COLOUR_STEP,
    MOST_STEP,
    NEIGHBOURS,
    ROWS_OFF,
    TONE_COLUMNS,
    WINDOW,
)
from tests.support.reading import rgb_pixels

Field = Callable[[int, int], float]
"""A value for every pixel (x, y)."""

Profile = Callable[[int, int], float]
"""A value for every column x and block of rows b."""


class Picture:
    """An RGB picture as tuples; outside of it lies its mirror image."""

    def __init__(self, image: Image.Image) -> None:
        self.width, self.height = image.size
        pixels = rgb_pixels(image)
        self.rows = [pixels[y * self.width : (y + 1) * self.width] for y in range(self.height)]

    def rgb(self, x: int, y: int) -> tuple[int, int, int]:
        return self.rows[mirror(y, self.height)][mirror(x, self.width)]

    def level(self, x: int, y: int) -> int:
        """ITU-R 601 luminance, rounded, in the integer arithmetic of 8-bit software."""
        red, green, blue = self.rgb(x, y)
        return (19595 * red + 38470 * green + 7471 * blue + 32768) >> 16


def mirror(place: int, length: int) -> int:
    """… 2 1 0 | 0 1 2 … length-1 | length-1 …"""
    place %= 2 * length
    return place if place < length else 2 * length - 1 - place


# --- the Sobel metrics ---


def sobel(picture: Picture) -> Field:
    """Gradient magnitude; outside the picture its edge pixels are repeated."""

    def magnitude(x: int, y: int) -> float:
        v = picture.level
        gx = sum(w * (v(x + 1, y + d) - v(x - 1, y + d)) for d, w in ((-1, 1), (0, 2), (1, 1)))
        gy = sum(w * (v(x + d, y + 1) - v(x + d, y - 1)) for d, w in ((-1, 1), (0, 2), (1, 1)))
        return math.hypot(gx, gy)

    return magnitude


def sobel_metrics(past: Picture, future: Picture, fall: float, columns: int) -> tuple[float, float]:
    """(sobel_corr, sobel_nmse) of two strips that are exactly `columns` wide."""
    a, b = sobel(past), sobel(future)
    ab = aa = bb = dd = total = 0.0
    for d in range(columns):
        weight = math.exp(-d / fall)
        total += weight * past.height
        for y in range(past.height):
            old, new = a(columns - 1 - d, y), b(d, y)
            ab += weight * old * new
            aa += weight * old * old
            bb += weight * new * new
            dd += weight * (old - new) ** 2
    corr = ab / math.sqrt(aa * bb) if aa and bb else float(aa == bb)
    return corr, -dd / total


# --- the components of the seam's cost ---


def costs(picture: Picture, cut: int, reach: int) -> dict[str, float]:
    """b² / (b² + variance + floor²) of every component at the cut before column `cut` of the joined strips."""
    curves = {name: cache(curve) for name, curve in all_curves(picture, reach).items()}
    result = {}
    for component in COMPONENTS:
        curve = curves[component.curve or component.name]
        span = min(component.span, max(1, reach // 4) + 2)
        left, right = max(0, cut - reach), min(picture.width, cut + reach)
        interior = [curve(x) for x in range(left + span, right - span + 1) if abs(x - cut) >= span]
        if not interior:
            result[component.name] = 0.0
            continue
        mean = 0.0 if component.centred else sum(interior) / len(interior)
        variance = sum((value - mean) ** 2 for value in interior) / len(interior)
        beyond = max(0.0, component.sign * (curve(cut) - mean)) ** 2
        result[component.name] = beyond / (beyond + variance + component.floor**2)
    return result


def all_curves(picture: Picture, reach: int) -> dict[str, Callable[[int], float]]:
    """Every curve as a function of the column."""
    v = picture.level
    rows = -(-picture.height // BLOCKS)
    blocks = -(-picture.height // rows)
    neighbours = max(1, min(NEIGHBOURS, reach // 4))

    def profile(field: Field) -> Profile:
        def mean(x: int, b: int) -> float:
            ys = range(b * rows, min(picture.height, (b + 1) * rows))
            return sum(field(x, y) for y in ys) / len(ys)

        return cache(mean)

    def over_blocks(value: Profile) -> Callable[[int], float]:
        return lambda x: sum(value(x, b) for b in range(blocks)) / blocks

    def excess(activity: Profile, least: float, columns: int = neighbours) -> Profile:
        def value(x: int, b: int) -> float:
            near = [activity(x + side * d, b) for d in range(2, 2 + columns) for side in (1, -1)]
            q, r = activity(x, b), sum(near) / len(near)
            return (q + least) / (q + r + 2 * least)

        return value

    def windows(energy: Profile, columns: int, x: int, b: int) -> tuple[float, float]:
        columns = max(1, min(columns, reach // 4))
        before = sum(energy(x - 1 - d, b) for d in range(columns))
        behind = sum(energy(x + d, b) for d in range(columns))
        return before + columns / 2, behind + columns / 2

    def contrast(energy: Profile, columns: int) -> Profile:
        def value(x: int, b: int) -> float:
            before, behind = windows(energy, columns, x, b)
            return (behind - before) / (behind + before)

        return value

    def contrast_of_squares(energy: Profile, columns: int, least: float) -> Profile:
        columns = max(1, min(columns, reach // 4))

        def value(x: int, b: int) -> float:
            before = sum(energy(x - 1 - d, b) for d in range(columns)) / columns
            behind = sum(energy(x + d, b) for d in range(columns)) / columns
            return (behind**2 - before**2) / (behind**2 + before**2 + least**2) / 2

        return value

    def channel(number: int) -> Field:
        return lambda x, y: picture.rgb(x, y)[number]

    def colour(number: int) -> Field:
        return lambda x, y: picture.rgb(x, y)[number] - v(x, y)

    channels, colours = [channel(number) for number in range(3)], [colour(number) for number in (0, 2)]

    def steps(fields: list[Field], most: float) -> Profile:
        return profile(lambda x, y: min(sum(abs(f(x, y) - f(x - 1, y)) for f in fields), most))

    def across(rows: int) -> Profile:
        return profile(lambda x, y: abs(v(x, y + rows) - v(x - 1, y)))

    straight, up, down = across(0), across(-ROWS_OFF), across(ROWS_OFF)

    def slant(x: int, b: int) -> float:
        return (down(x, b) - up(x, b)) / (down(x, b) + up(x, b) + 1)

    def straightness(x: int, b: int) -> float:
        s = straight(x, b) + 0.5
        return s / (s + (up(x, b) + down(x, b)) / 2 + 0.5)

    def turn(x: int, y: int) -> float:
        return abs((v(x, y + 1) - v(x, y - 1)) - (v(x - 1, y + 1) - v(x - 1, y - 1)))

    turns = excess(profile(turn), 1)
    tone_columns = max(1, min(TONE_COLUMNS, reach // 16))
    levels = [profile(field) for field in channels]

    def rise(profile: Profile, x: int, b: int) -> float:
        return sum(profile(x + i, b) - profile(x - 1 - i, b) for i in range(tone_columns)) / tone_columns

    def jumps(x: int, b: int) -> float:
        return sum(
            (rise(profile, x, b) - (rise(profile, x - tone_columns, b) + rise(profile, x + tone_columns, b)) / 2) ** 2
            for profile in levels
        )

    def square(choose: Callable[..., float], field: Field) -> Field:
        return cache(lambda x, y: choose(field(x + i, y + j) for i in (-1, 0, 1) for j in (-1, 0, 1)))

    closing = square(min, square(max, v))

    mask = [(i, j, (1, -2, 1)[i + 1] * (1, -2, 1)[j + 1]) for i in (-1, 0, 1) for j in (-1, 0, 1)]

    def noise(channel: Field) -> Field:
        return cache(lambda x, y: sum(w * channel(x + i, y + j) for i, j, w in mask))

    noises, grey_noise = [noise(field) for field in channels], noise(v)
    grain = profile(lambda x, y: sum(abs(field(x, y)) for field in noises))
    colour_detail = profile(lambda x, y: sum(abs(noises[number](x, y) - grey_noise(x, y)) for number in (0, 2)))

    dark = profile(lambda x, y: closing(x, y) - v(x, y))
    return {
        "step": over_blocks(excess(steps(channels, MOST_STEP), 0.3)),
        "colour_step": over_blocks(excess(steps(colours, MOST_COLOUR_STEP), 0.3)),
        "tone": over_blocks(excess(jumps, 0.3, 2 * tone_columns)),
        "turn": over_blocks(lambda x, b: turns(x, b) ** 4),
        "slant": over_blocks(lambda x, b: abs(slant(x, b) - (slant(x - 1, b) + slant(x + 1, b)) / 2)),
        "straightness": over_blocks(straightness),
        "grain": over_blocks(contrast_of_squares(grain, WINDOW, 57.0)),
        "colour_detail": over_blocks(contrast(colour_detail, WINDOW)),
        "dark_lines": over_blocks(contrast(dark, WINDOW)),
    }
