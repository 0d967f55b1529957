"""Making any picture a seed picture: opened safely, turned upright, in sRGB, opaque, of the contract's size.

Each change is stated in words and recorded, so that nothing happens to a picture unseen. A picture that fits
already passes through pixel for pixel.
"""

from __future__ import annotations

import hashlib
import io
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from ..contract import CLASSIC, Mode, TileContract
from ..errors import PictureError, UsageError

__all__ = ["AXES", "FITS", "Fit", "FittedPicture", "fit_picture", "open_picture"]

Fit = Literal["scale", "crop", "pad"]
"""How a picture comes to the contract's size across: all of it scaled, its middle cut out, or paper added."""

FITS: tuple[str, ...] = get_args(Fit)
AXES = ("x", "y")

_PAPER = (255, 255, 255)
_EXIF_ORIENTATION = 0x0112  # the tag of TIFF 6.0
_SIXTEEN_BIT_MAX = 65535
_SIXTEEN_TO_EIGHT = 257  # 65535 / 255


@dataclass(frozen=True, eq=False)
class FittedPicture:
    """A picture ready to be a canvas.

    Attributes:
        image: RGB, across_px across the axis and at least band_px along it.
        record: what was there and what was done, JSON types: size, mode, axis, fit, changes (a list of sentences).
    """

    image: Image.Image
    record: dict[str, Any] = field(default_factory=dict)

    @property
    def changes(self) -> list[str]:
        """What was done to the picture, one sentence each; empty when it fitted as it was."""
        return list(self.record["changes"])


def open_picture(path: Path | str) -> Image.Image:
    """The picture in a file, fully decoded, with its own mode, orientation and profile.

    `info["source"]` holds the file's name, format, and SHA-256. Of an animation the first frame is taken.

    Raises:
        PictureError: no file there, not a picture, damaged, or too large to be decoded safely.
    """
    path = Path(path)
    if path.is_dir():
        raise PictureError(f"{path} is a folder: name a picture file")
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise PictureError(f"there is no file {path}: check the path") from None
    except OSError as error:
        raise PictureError(f"{path} cannot be read: {error.strerror or error}") from error
    if not data:
        raise PictureError(f"{path} is empty (0 bytes): copy or download it again")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of size, up to the limit, and of odd metadata, which is not used
            image = Image.open(io.BytesIO(data))
            image.load()
    except UnidentifiedImageError:
        raise PictureError(f"{path} is no picture that Pillow can read (it begins with {data[:8]!r})") from None
    except Image.DecompressionBombError:
        limit = 2 * (Image.MAX_IMAGE_PIXELS or 0)
        raise PictureError(f"{path} holds more than {limit:,} pixels: scale it down or cut it first") from None
    except MemoryError:
        raise PictureError(f"{path} does not fit into memory: scale it down or cut it first") from None
    except Exception as error:  # decoders raise OSError, SyntaxError, ValueError, struct.error and more
        raise PictureError(f"{path} is damaged and cannot be decoded: {error}") from error
    source = {"name": path.name, "format": image.format, "sha256": hashlib.sha256(data).hexdigest()}
    image.info["source"] = source
    return image


def fit_picture(
    image: Image.Image, contract: TileContract = CLASSIC, axis: str = "x", fit: Fit | str = "scale"
) -> FittedPicture:
    """Make `image` (any Pillow mode and size) a canvas that can grow along `axis`.

    In this order: EXIF orientation applied, 16 bits reduced to 8, the ICC profile or CMYK converted to sRGB,
    alpha flattened on white; then, so that the picture is across_px across the axis,

    - "scale": all of it scaled to that size;
    - "crop": its middle cut out, pixels untouched;
    - "pad": scaled down only if larger, then set in the middle of white paper; along the axis, too,
      where it is shorter than band_px.

    Args:
        image: as `open_picture` gives it.
        contract: the sizes to fit.
        axis: "x" for a picture that will grow to the left or right, "y" for up or down.
        fit: one of FITS.

    Raises:
        UsageError: unknown axis or fit.
        PictureError: a mode whose range of values is unknown, or a size that `fit` cannot bring to the contract's.
    """
    if axis not in AXES:
        raise UsageError(f"unknown axis {axis!r}: use one of {', '.join(AXES)}")
    if fit not in FITS:
        raise UsageError(f"unknown fit {fit!r}: use one of {', '.join(FITS)}")
    changes: list[str] = []
    record = {**image.info.get("source", {}), "size": list(image.size), "mode": image.mode, "axis": axis, "fit": fit}
    upright = _upright(image, changes)
    colours = _srgb(_eight_bit(upright, changes), changes)
    opaque = _opaque(colours, changes)
    mode = Mode.X_LTR if axis == "x" else Mode.Y_TTB
    fitted = _FITTERS[fit](opaque, contract, mode, changes)
    along, _ = contract.oriented(fitted.size, mode)
    if along < contract.band_px:
        side, other = ("width", "y") if axis == "x" else ("height", "x")
        raise PictureError(
            f"the picture becomes {fitted.width}x{fitted.height}: its {side} must be at least {contract.band_px} px "
            f"to grow along {axis}; use --fit pad, or --axis {other}"
        )
    fitted.info = {}
    return FittedPicture(fitted, {**record, "changes": changes})


def _upright(image: Image.Image, changes: list[str]) -> Image.Image:
    """Apply the EXIF orientation."""
    orientation = image.getexif().get(_EXIF_ORIENTATION, 1)
    if orientation == 1 or not isinstance(orientation, int) or not 1 < orientation <= 8:
        return image
    changes.append(f"turned upright (EXIF orientation {orientation})")
    turned = ImageOps.exif_transpose(image)
    turned.info = {**image.info, **turned.info}
    return turned


def _eight_bit(image: Image.Image, changes: list[str]) -> Image.Image:
    """Bring modes that Pillow does not convert faithfully to 8 bits a channel: 16 and 32 bit grey, palettes, bits."""
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
        kept = "RGBA" if image.mode == "PA" or "transparency" in image.info else "RGB"
        changes.append(f"converted from a palette to {kept}")
        return _like(image, image.convert(kept))
    if image.mode == "1":
        changes.append("converted from 1 bit to RGB")
        return _like(image, image.convert("RGB"))
    if image.mode in ("La", "RGBa"):
        return _like(image, image.convert(image.mode.upper()))
    if image.mode in ("RGB", "L") and "transparency" in image.info:
        return _like(image, image.convert("RGBA"))
    return image


def _srgb(image: Image.Image, changes: list[str]) -> Image.Image:
    """Convert to sRGB, by the ICC profile where there is one; RGBA where there was alpha, else RGB."""
    alpha = image.getchannel("A") if image.mode in ("LA", "RGBA") else None
    colours = image if alpha is None else image.convert(image.mode[:-1])
    converted = _by_profile(colours, image.info.get("icc_profile"), changes)
    if converted is None:
        if colours.mode != "RGB":
            changes.append(f"converted from {colours.mode} to RGB")
        converted = colours.convert("RGB")
    if alpha is not None:
        converted.putalpha(alpha)
    return converted


def _by_profile(image: Image.Image, profile: bytes | None, changes: list[str]) -> Image.Image | None:
    """`image` in sRGB by its ICC profile; None when it has none, is in sRGB, or the profile cannot be used."""
    if not profile:
        return None
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        name = ImageCms.getProfileDescription(source).strip() or "without a name"
        if name.lower().startswith("srgb") and image.mode == "RGB":
            return None
        converted = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError, ImportError) as error:
        reason = str(error).strip() or type(error).__name__
        changes.append(f"ignored its colour profile, which cannot be used ({reason})")
        return None
    changes.append(f"converted to sRGB from the profile {name!r}")
    return converted


def _opaque(image: Image.Image, changes: list[str]) -> Image.Image:
    """Flatten alpha on white."""
    if image.mode != "RGBA":
        return image
    if image.getchannel("A").getextrema() == (255, 255):
        changes.append("dropped an alpha channel that hides nothing")
        return image.convert("RGB")
    changes.append("flattened its transparency on white")
    paper = Image.new("RGB", image.size, _PAPER)
    paper.paste(image, mask=image.getchannel("A"))
    return paper


def _scale(image: Image.Image, contract: TileContract, mode: Mode, changes: list[str]) -> Image.Image:
    along, across = contract.oriented(image.size, mode)
    if across == contract.across_px:
        return image
    size = contract.oriented((max(1, round(along * contract.across_px / across)), contract.across_px), mode)
    changes.append(f"scaled from {image.width}x{image.height} to {size[0]}x{size[1]}")
    return image.resize(size, Image.Resampling.LANCZOS)


def _crop(image: Image.Image, contract: TileContract, mode: Mode, changes: list[str]) -> Image.Image:
    along, across = contract.oriented(image.size, mode)
    if across < contract.across_px:
        raise PictureError(
            f"a picture of {image.width}x{image.height} is too small to be cropped to {contract.across_px} px "
            f"across: use --fit scale or --fit pad"
        )
    if across == contract.across_px:
        return image
    start = (across - contract.across_px) // 2
    left, top = contract.oriented((0, start), mode)
    width, height = contract.oriented((along, contract.across_px), mode)
    changes.append(f"cropped from {image.width}x{image.height} to {width}x{height} at {left},{top}")
    return image.crop((left, top, left + width, top + height))


def _pad(image: Image.Image, contract: TileContract, mode: Mode, changes: list[str]) -> Image.Image:
    if contract.oriented(image.size, mode)[1] > contract.across_px:
        image = _scale(image, contract, mode, changes)
    along, across = contract.oriented(image.size, mode)
    wanted = (max(along, contract.band_px), contract.across_px)
    if wanted == (along, across):
        return image
    size = contract.oriented(wanted, mode)
    origin = contract.oriented(((wanted[0] - along) // 2, (wanted[1] - across) // 2), mode)
    changes.append(f"set on white paper of {size[0]}x{size[1]} at {origin[0]},{origin[1]}")
    paper = Image.new("RGB", size, _PAPER)
    paper.paste(image, origin)
    return paper


def _like(image: Image.Image, converted: Image.Image) -> Image.Image:
    """`converted` with the profile of `image`, and no transparency key left over."""
    converted.info = {key: value for key, value in image.info.items() if key != "transparency"}
    return converted


_FITTERS: dict[str, Callable[[Image.Image, TileContract, Mode, list[str]], Image.Image]] = {
    "scale": _scale,
    "crop": _crop,
    "pad": _pad,
}
