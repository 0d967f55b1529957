"""Converts any Pillow mode to opaque RGB in sRGB and describes each change in a sentence."""

from __future__ import annotations

from PIL import Image, ImageCms

from ...errors import PictureError
from .icc import convert_to_srgb
from .sizes import PAPER

__all__ = ["opaque", "srgb", "with_8_bits"]

_SIXTEEN_BIT_MAX = 65535
_SIXTEEN_TO_EIGHT = 257  # 65535 / 255


def with_8_bits(image: Image.Image, changes: list[str]) -> Image.Image:
    """`image` in a mode of 8 bits a sample: no 16-bit or 32-bit grey, no palette, no 1-bit mode.

    Raises:
        PictureError: the range of the mode's values is unknown.
    """
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        wide = image if image.mode in ("I", "F") else image.convert("I")
        low, high = wide.getextrema()
        if image.mode == "F" or not (isinstance(low, int) and low >= 0 and high <= _SIXTEEN_BIT_MAX):
            raise PictureError(
                f"a picture of mode {image.mode} with values from {low} to {high}: its range is unknown; "
                f"save it as 8 or 16 bit first"
            )
        changes.append("reduced from 16 to 8 bits")
        return _like(image, wide.point(lambda value: value * (1 / _SIXTEEN_TO_EIGHT) + 0.5).convert("L"))
    if image.mode in ("P", "PA"):
        with_alpha = "RGBA" if image.mode == "PA" or "transparency" in image.info else "RGB"
        changes.append(f"converted from a palette to {with_alpha}")
        return _like(image, image.convert(with_alpha))
    if image.mode == "1":
        changes.append("converted from 1 bit to RGB")
        return _like(image, image.convert("RGB"))
    if image.mode in ("La", "RGBa"):
        return _like(image, image.convert(image.mode.upper()))
    if image.mode in ("RGB", "L") and "transparency" in image.info:
        return _like(image, image.convert("RGBA"))
    return image


def srgb(image: Image.Image, changes: list[str]) -> Image.Image:
    """`image` in sRGB, converted by its ICC profile if it has one: RGBA with alpha, RGB without."""
    alpha = image.getchannel("A") if image.mode in ("LA", "RGBA") else None
    colours = image if alpha is None else image.convert(image.mode[:-1])
    converted = _by_profile(colours, image.info.get("icc_profile"), changes)
    if converted is None:
        if colours.mode != "RGB":
            changes.append(f"converted from {colours.mode} to RGB")
        converted = colours if colours.mode == "RGB" else colours.convert("RGB")
    if alpha is not None:
        converted.putalpha(alpha)
    return converted


def _by_profile(image: Image.Image, profile: bytes | None, changes: list[str]) -> Image.Image | None:
    """`image` converted to sRGB by its ICC profile; None without a profile, for sRGB, or for an unusable profile."""
    if not profile:
        return None
    try:
        converted = convert_to_srgb(image, profile)
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError, ImportError) as error:
        reason = str(error).strip() or type(error).__name__
        changes.append(f"ignored its colour profile, which cannot be used ({reason})")
        return None
    if converted is None:
        return None
    changes.append(f"converted to sRGB from the profile {converted[1]!r}")
    return converted[0]


def opaque(image: Image.Image, changes: list[str]) -> Image.Image:
    """`image`, RGB or RGBA, flattened on white: RGB.

    Raises:
        PictureError: every pixel is transparent.
    """
    if image.mode != "RGBA":
        return image
    extrema = image.getchannel("A").getextrema()
    if extrema == (0, 0):
        raise PictureError("it is transparent everywhere: remove its alpha channel to use its colours")
    if extrema == (255, 255):
        changes.append("dropped an alpha channel that hides nothing")
        return image.convert("RGB")
    changes.append("flattened its transparency on white")
    paper = Image.new("RGB", image.size, PAPER)
    paper.paste(image, mask=image.getchannel("A"))
    return paper


def _like(image: Image.Image, converted: Image.Image) -> Image.Image:
    """`converted` with the ICC profile of `image` and without a transparency key."""
    converted.info = {key: value for key, value in image.info.items() if key != "transparency"}
    return converted
