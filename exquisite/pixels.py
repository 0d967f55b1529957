"""Arithmetic on Pillow images. This module hides Pillow's pitfalls from the rest of the package.

Pitfalls (measured on Pillow 13.0):

- `ImageFilter.Kernel` copies the outermost ring of pixels unfiltered, is flipped vertically, and clips
  below 0; on mode I an offset keeps the sign exactly.
- `ImageStat` bins I and F into 256 levels; sums here go through Python integers or BOX reduction on F.
- `Image.getdata` warns; `get_flattened_data` is its successor.
- `transform` fills pixels without a source with black, and its BICUBIC is the a = -1 kernel.
- Mode F has 24 significant bits, so comparisons of mode F must be relative.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any

from PIL import Image, ImageChops, ImageMath

__all__ = [
    "LEVELS",
    "Formula",
    "Operand",
    "absolute",
    "add",
    "as_float",
    "block_means",
    "column_means",
    "combined",
    "crop_mirrored",
    "difference",
    "divide",
    "flattened",
    "laplacian",
    "laplacian_energy",
    "mean",
    "moved",
    "multiply",
    "second_difference",
    "sobel_magnitude",
    "spread_3x3",
    "square",
    "squared_distance",
    "subtract",
]

LEVELS = 1 << 8
"""Values of one 8-bit sample."""

Operand = Image.Image | float
"""An image of mode F, or a number that stands for one of its size."""

Formula = Callable[[Mapping[str, Any]], Any]
"""From operands by name to their combination; Pillow has no public type for the operands of `ImageMath`."""


def flattened(image: Image.Image) -> tuple[float, ...] | tuple[tuple[int, ...], ...]:
    """Every pixel of `image`, row by row: numbers for one band, tuples for several."""
    return image.get_flattened_data()


def crop_mirrored(image: Image.Image, box: tuple[int, int, int, int]) -> Image.Image:
    """Like `image.crop(box)`, but pixels outside of the image mirror it (… 1 0 | 0 1 2 …) instead of being black."""
    left, top, right, bottom = box
    if left >= 0 and top >= 0 and right <= image.width and bottom <= image.height:
        return image.crop(box)
    out = Image.new(image.mode, (right - left, bottom - top))
    for start_y, stop_y, from_y, to_y, flip_y in _mirrored_runs(top, bottom, image.height):
        for start_x, stop_x, from_x, to_x, flip_x in _mirrored_runs(left, right, image.width):
            piece = image.crop((from_x, from_y, to_x, to_y))
            piece = piece.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if flip_x else piece
            piece = piece.transpose(Image.Transpose.FLIP_TOP_BOTTOM) if flip_y else piece
            out.paste(piece, (start_x, start_y, stop_x, stop_y))
    return out


def _mirrored_runs(start: int, stop: int, length: int) -> list[tuple[int, int, int, int, bool]]:
    """Split [start, stop) at multiples of `length`: (from, to) in the output, (from, to) in the image, flipped."""
    runs = []
    for period in range(start // length, (stop - 1) // length + 1):
        low, high = max(start, period * length), min(stop, (period + 1) * length)
        flipped = period % 2 == 1
        at = (period + 1) * length - high if flipped else low - period * length
        runs.append((low - start, high - start, at, at + high - low, flipped))
    return runs


def as_float(image: Image.Image) -> Image.Image:
    """Convert one 8-bit band to mode F with the same values."""
    return image.convert("F")


def add(first: Operand, second: Operand) -> Image.Image:
    """first + second, pixel by pixel; one of them may be a number."""
    return combined(lambda each: each["first"] + each["second"], first=first, second=second)


def subtract(first: Operand, second: Operand) -> Image.Image:
    """first - second, pixel by pixel; one of them may be a number."""
    return combined(lambda each: each["first"] - each["second"], first=first, second=second)


def multiply(first: Operand, second: Operand) -> Image.Image:
    """first * second, pixel by pixel; one of them may be a number."""
    return combined(lambda each: each["first"] * each["second"], first=first, second=second)


def divide(first: Operand, second: Operand) -> Image.Image:
    """first / second, pixel by pixel; one of them may be a number, and no pixel of `second` is 0."""
    return combined(lambda each: each["first"] / each["second"], first=first, second=second)


def absolute(image: Image.Image) -> Image.Image:
    """|image|, pixel by pixel."""
    return combined(lambda each: abs(each["image"]), image=image)


def square(image: Image.Image) -> Image.Image:
    """image * image, pixel by pixel."""
    return multiply(image, image)


def combined(formula: Formula, **images: Operand) -> Image.Image:
    """Apply `formula` pixel by pixel to named `images` of mode F and equal size; mode F.

    Prefer the arithmetic functions above. This function makes one pass for a formula with many terms.
    """
    result: Image.Image = ImageMath.lambda_eval(formula, **images)
    return result


def moved(image: Image.Image, dx: int, dy: int = 0) -> Image.Image:
    """Shift `image` by (-dx, -dy): pixel (x, y) comes from (x + dx, y + dy), and is 0 outside of the image."""
    width, height = image.size
    return image.crop((dx, dy, width + dx, height + dy))


def difference(image: Image.Image, other: Image.Image) -> Image.Image:
    """image - other, both of mode F and equal size."""
    return subtract(image, other)


def squared_distance(image: Image.Image, other: Image.Image) -> Image.Image:
    """Sum over the 8-bit bands of the squared difference, mode F; both pictures have equal mode and size."""
    return reduce(add, (square(as_float(band)) for band in ImageChops.difference(image, other).split()))


def mean(image: Image.Image) -> float:
    """The mean of all pixels of an image of mode F."""
    return float(image.reduce(image.size).getpixel((0, 0)))  # type: ignore[arg-type]


def block_means(image: Image.Image, blocks: int) -> Image.Image:
    """Means of an image of mode F over runs of ceil(height / blocks) rows (the last run may be shorter), same width."""
    rows = -(-image.height // blocks)
    return image.reduce((1, rows)) if rows > 1 else image


def column_means(image: Image.Image) -> list[float]:
    """The mean of each column of an image of mode F, left to right."""
    means: tuple[float, ...] = image.reduce((1, image.height)).get_flattened_data()  # type: ignore[assignment]
    return list(means)


def sobel_magnitude(image: Image.Image) -> Image.Image:
    """Sobel gradient magnitude of one 8-bit band, mode F, same size; edge pixels are repeated outside.

        gx = [-1 0 1]      gy = [-1 -2 -1]
             [-2 0 2]           [ 0  0  0]
             [-1 0 1]           [ 1  2  1]

    The sums of shifted pictures are exact in mode F; `ImageFilter.Kernel` is not (see above).
    """
    width, height = image.size
    padded = as_float(crop_mirrored(image, (-1, -1, width + 1, height + 1)))
    neighbours = {
        f"{row}_{column}": padded.crop((1 + dx, 1 + dy, 1 + dx + width, 1 + dy + height))
        for row, dy in (("top", -1), ("middle", 0), ("bottom", 1))
        for column, dx in (("left", -1), ("centre", 0), ("right", 1))
    }

    def magnitude(at: Mapping[str, Any]) -> Any:
        gx = (
            (at["top_right"] - at["top_left"])
            + 2.0 * (at["middle_right"] - at["middle_left"])
            + (at["bottom_right"] - at["bottom_left"])
        )
        gy = (
            (at["bottom_left"] - at["top_left"])
            + 2.0 * (at["bottom_centre"] - at["top_centre"])
            + (at["bottom_right"] - at["top_right"])
        )
        return (gx * gx + gy * gy) ** 0.5

    return combined(magnitude, **neighbours)


def spread_3x3(image: Image.Image, choose: Callable[[Image.Image, Image.Image], Image.Image]) -> Image.Image:
    """Dilate (`choose` is `ImageChops.lighter`) or erode (`darker`) mode L by a 3x3 square; edges wrap around."""
    for dx, dy in ((1, 0), (0, 1)):
        neighbours = choose(ImageChops.offset(image, dx, dy), ImageChops.offset(image, -dx, -dy))
        image = choose(image, neighbours)
    return image


def laplacian(image: Image.Image, apart: int = 1) -> Image.Image:
    """Laplacian over neighbours at a distance of `apart` pixels, mode F, same size; neighbours outside count as 0.

        [ 0 -1  0]
        [-1  4 -1]
        [ 0 -1  0]
    """
    return combined(
        lambda at: 4.0 * at["centre"] - at["left"] - at["right"] - at["top"] - at["bottom"],
        centre=image,
        left=moved(image, -apart),
        right=moved(image, apart),
        top=moved(image, 0, -apart),
        bottom=moved(image, 0, apart),
    )


def second_difference(image: Image.Image) -> Image.Image:
    """[1 -2 1] along the rows of an image of mode F; two columns narrower, because the outermost lack a neighbour."""
    bend = combined(
        lambda at: at["left"] - 2.0 * at["centre"] + at["right"],
        left=image,
        centre=moved(image, 1),
        right=moved(image, 2),
    )
    return bend.crop((0, 0, image.width - 2, image.height))


def laplacian_energy(image: Image.Image) -> float:
    """Mean absolute `laplacian` of the luminance, 0 to 1020, without the outermost pixels; 0 below 3 by 3 pixels.

    It rises with sharpness, contrast and density of detail.
    """
    width, height = image.size
    if width < 3 or height < 3:
        return 0.0
    inner = laplacian(as_float(image.convert("L"))).crop((1, 1, width - 1, height - 1))
    energy = absolute(inner)
    return sum(column_means(energy)) / energy.width
