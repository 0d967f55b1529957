"""The orientation of a picture by its EXIF or XMP data."""

from __future__ import annotations

from PIL import Image

__all__ = ["orientation_of", "upright", "upright_size"]

_EXIF_ORIENTATION = 0x0112  # the tag of TIFF 6.0
_METADATA = ("exif", "Raw profile type exif", "xmp", "XML:com.adobe.xmp")  # keys in Pillow's `info`
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_FIRST_THAT_SWAPS = 5  # orientations from this one on swap width and height


def orientation_of(image: Image.Image) -> tuple[int, str]:
    """The orientation, 1 to 8, and the problem with the EXIF data or ""."""
    carrier = image
    if any(key in image.info for key in _METADATA):  # parse it again: some plugins hide its errors
        carrier = Image.Image()
        carrier.info = image.info
    try:
        orientation = carrier.getexif().get(_EXIF_ORIENTATION, 1)
    except Exception as error:  # the parser raises SyntaxError, struct.error, ValueError, KeyError and more
        return 1, str(error) or type(error).__name__
    return (orientation, "") if isinstance(orientation, int) and orientation in _TURNS else (1, "")


def upright_size(metadata: Image.Image, size: tuple[int, int]) -> tuple[int, int]:
    """(width, height) of a picture with the stored `size` after turning it upright."""
    orientation, _ = orientation_of(metadata)
    return (size[1], size[0]) if orientation >= _FIRST_THAT_SWAPS else size


def upright(image: Image.Image, changes: list[str]) -> Image.Image:
    """`image` turned upright; adds that, and unreadable EXIF data, to `changes`."""
    orientation, problem = orientation_of(image)
    if problem:
        changes.append(f"ignored its EXIF data, which cannot be read ({problem})")
    if orientation not in _TURNS:
        return image
    changes.append(f"turned upright (EXIF orientation {orientation})")
    turned = image.transpose(_TURNS[orientation])
    turned.info = image.info
    return turned
