"""The simulated model: a generator without a network that has the faults of a real one.

Like a real image model it redraws the whole tile with a small drift, so that the conditioning half is not a copy of
the band. The new pixels come from a known picture as far as it reaches, which gives a ground truth. Beyond it, or
without one, image quilting continues the band.
"""

from __future__ import annotations

import hashlib
import io
import math
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path

from PIL import Image, ImageFilter, ImageOps

from ...contract import CLASSIC, Box, from_canonical, require_rgb, to_canonical
from ...errors import PictureError, UsageError
from ...geometry.closing import blended
from ...pixels import LEVELS, as_float, combined, crop_mirrored
from ..generator import CallLog, RawCandidate, TileRequest
from .drift import PROFILE_DEFAULT, PROFILES, Drift, random_drift, redraw
from .quilting import continue_by_quilting, minimum_error_cut

__all__ = ["DEFAULT_STRENGTH", "MISBEHAVIOURS", "MockTileGenerator"]

DEFAULT_STRENGTH = 0.5
"""Default strength of the drift (`Drift.random`): that of a good model."""

MISBEHAVIOURS = {
    "drift": "redrawn far off: three times the strongest that was measured",
    "blur": "much too soft",
    "cast": "a strong colour cast",
    "ignore_mask": "the conditioning half re-invented, in the same style",
    "mirror": "the generated half is the band, mirrored at the seam",
    "copy": "the generated half is the band once more",
    "copy_reference": "the generated half is the first reference picture, as large as it; without one as copy",
    "flat": "the generated half is one colour",
    "another": "another picture altogether, in both halves",
    "wrong_size": "a tile three quarters as large",
    "truncated": "the bytes end in the middle",
    "missing": "no answer: fewer candidates than asked for",
}
"""The values of `misbehave`, and their effects."""

_STRENGTHS = (0.7, 1.0, 1.6)
"""Factors on the strength for three candidates in a row, in an order that changes from step to step.

Only the strongest candidate of a smooth model that is not restless shifts and zooms; the others drift in tone and
softness alone.
"""
_UNRELATED = ("mirror", "copy", "copy_reference", "flat", "another")
_STRONG_DRIFT = 3.0  # for the misbehaviour "drift"
_TONE_SHARE = 8  # the tone of a joined region is its blur with a standard deviation of an eighth of its width
_MARGIN_SHARE = 8  # an eighth of the tile on each side, for shifts and zooms


class MockTileGenerator:
    """A TileGenerator that simulates a model; the same request and seed give the same bytes.

    Args:
        seed: seeds all randomness, together with the step, the number of the candidate, the mode and the band.
        picture: a known wide picture (an image, or the path of one) at the scale of the canvas, the source of new
            content as far as it extends.
        origin: (x, y) in `picture` of the top left pixel of the session's seed picture; default (0, 0).
        drift: strength of the random drift of each candidate (`random_drift`), which differs between candidates; or a
            Drift for all of them; or None for no drift, so that a tile from the known picture is the exact truth.
        profile: drift profile, one of `drift.PROFILES`.
        restless: True to let every candidate of the profile "smooth" shift and zoom; otherwise only the worst of three
            does, as with a good model.
        warp_px: largest displacement of an extra smooth warp in random drifts, in pixels of a classic tile.
        misbehave: a name from MISBEHAVIOURS for every candidate, or a sequence with one entry for each candidate (None
            for no misbehaviour), repeated for further candidates.

    Raises:
        PictureError: `picture` cannot be read.
        UsageError: the misbehaviour or the profile is unknown, or the strength of the drift is below 0 or infinite.
    """

    def __init__(  # noqa: PLR0913 (independent settings, by keyword only)
        self,
        seed: int | str = 0,
        picture: Image.Image | str | Path | None = None,
        origin: tuple[int, int] | None = None,
        *,
        drift: float | Drift | None = DEFAULT_STRENGTH,
        profile: str = PROFILE_DEFAULT,
        restless: bool = False,
        warp_px: float = 0.0,
        misbehave: str | Sequence[str | None] | None = None,
    ) -> None:
        self._seed = seed
        self._picture = _open_picture(picture)
        self._origin = origin or (0, 0)
        self._drift = drift
        self._profile = profile
        self._restless = restless
        self._warp_px = warp_px
        self._misbehave: tuple[str | None, ...] = (
            (misbehave,) if misbehave is None or isinstance(misbehave, str) else tuple(misbehave) or (None,)
        )
        if profile not in PROFILES:
            raise UsageError(f"unknown drift profile {profile!r}: use one of {', '.join(PROFILES)}")
        if isinstance(drift, int | float) and not 0 <= drift < math.inf:
            raise UsageError(f"the strength of the drift must be 0 or more, not {drift!r}")
        unknown = sorted({str(name) for name in self._misbehave if name is not None and name not in MISBEHAVIOURS})
        if unknown:
            raise UsageError(f"unknown misbehaviour {', '.join(unknown)}: use {', '.join(MISBEHAVIOURS)}")

    @cached_property
    def _picture_digest(self) -> str | None:
        return None if self._picture is None else _digest(self._picture)

    def identity(self) -> Mapping[str, object]:
        """Everything besides the request that determines the answer."""
        drift = asdict(self._drift) if isinstance(self._drift, Drift) else self._drift
        return {
            "generator": "mock",
            "seed": self._seed,
            "picture": self._picture_digest,
            "origin": list(self._origin),
            "drift": drift,
            "profile": self._profile,
            "restless": self._restless,
            "warp_px": self._warp_px,
            "misbehave": list(self._misbehave),
        }

    def generate(self, request: TileRequest, calls: CallLog) -> Iterator[RawCandidate]:
        """Yield `request.candidates` tiles as PNG, fewer when `misbehave` says "missing"; nothing is logged or paid."""
        band_hash = _digest(request.band)
        for number in range(request.first_candidate, request.first_candidate + request.candidates):
            misbehaviour = self._misbehave[number % len(self._misbehave)]
            if misbehaviour == "missing":
                continue
            calls.progress(f"simulated model: drawing candidate {number}")
            key = f"{self._seed}:{request.step_index}:{number}:{request.mode}:{band_hash}"
            yield self._candidate(request, number, key, misbehaviour)

    def _candidate(self, request: TileRequest, number: int, key: str, misbehaviour: str | None) -> RawCandidate:
        """Draw one candidate: its scene, redrawn with the drift of each end."""
        scene = self._scene(request, key, misbehaviour)
        drift = self._candidate_drift(request, number, key, misbehaviour)
        tile = redraw(scene.image, scene.tile, drift)
        if request.beginning is not None:
            other = _placed_as(drift, self._candidate_drift(request, number, f"{key}:beginning", misbehaviour))
            tile = blended(tile, redraw(scene.image, scene.tile, other), request.mode, request.contract)
        if misbehaviour == "wrong_size":
            tile = tile.resize((tile.width * 3 // 4, tile.height * 3 // 4))
        data = _png(tile)
        if misbehaviour == "truncated":
            data = data[: len(data) * 2 // 3]
        meta = {
            "generator": "mock",
            "candidate": number,
            "seed": self._seed,
            "source": scene.source,
            "drift": asdict(drift),
            "misbehaviour": misbehaviour,
            **({"references": [picture.as_record() for picture in request.references]} if request.references else {}),
        }
        return RawCandidate(data, meta)

    def _candidate_drift(self, request: TileRequest, number: int, key: str, misbehaviour: str | None) -> Drift:
        """The drift of one candidate; random ones differ in strength within a request."""
        if misbehaviour == "drift":
            drift = self._random_drift(request, key, _STRONG_DRIFT)
        elif isinstance(self._drift, Drift) or self._drift is None:
            drift = self._drift or Drift()
        else:
            order = random.Random(f"strengths:{self._seed}:{request.step_index}").sample(_STRENGTHS, len(_STRENGTHS))
            factor = order[number % len(order)]
            drift = self._random_drift(request, key, self._drift * factor)
            if self._profile == PROFILE_DEFAULT and not self._restless and factor < max(_STRENGTHS):
                drift = replace(drift, shift=(0.0, 0.0), zoom=(1.0, 1.0))
        if misbehaviour == "blur":
            return replace(drift, blur=3.0)
        if misbehaviour == "cast":
            return replace(drift, cast=(40.0, -10.0, -35.0))
        return drift

    def _random_drift(self, request: TileRequest, key: str, strength: float) -> Drift:
        """A random drift with all lengths scaled by the tile's shorter edge, as a real model's are."""
        drift = random_drift(self._profile, key, strength, warp_px=self._warp_px)
        return drift.scaled(min(request.tile_size) / min(CLASSIC.tile_size(request.mode)))

    def _scene(self, request: TileRequest, key: str, misbehaviour: str | None) -> _Scene:
        """The tile before its drift, with a margin that the drift may bring into view."""
        contract = request.contract
        scene = to_canonical(request.band, request.mode)
        if misbehaviour in _UNRELATED:
            source = misbehaviour or ""
            if source == "copy_reference" and request.references:
                scene = _beside(scene, _reference_in(request))
            else:
                scene = _unrelated_tile(source, scene, (contract.tile_px, contract.across_px), key)
        else:
            scene, source = self._continued(request, key, contract.tile_px if request.beginning is None else None)
            if misbehaviour == "ignore_mask":
                other = continue_by_quilting(_last_columns(scene, contract.band_px), contract.band_px, f"{key}:other")
                scene.paste(other, (0, 0))
            if request.beginning is not None:
                scene, source = self._closed(request, scene, key), f"{source}, closed"
        tile = from_canonical(scene, request.mode)
        if source != "picture" or self._picture is None:
            return _Scene(tile, Box(0, 0, *tile.size), source)
        left, top, right, bottom = self._tile_in_picture(request)
        margin = min(tile.size) // _MARGIN_SHARE
        around = crop_mirrored(self._picture, (left - margin, top - margin, right + margin, bottom + margin))
        around.paste(tile, (margin, margin))
        return _Scene(around, Box(margin, margin, margin + tile.width, margin + tile.height), source)

    def _continued(self, request: TileRequest, key: str, length: int | None = None) -> tuple[Image.Image, str]:
        """The band and its continuation, canonical, `length` px long or to the end of the growth; and the source."""
        contract = request.contract
        scene, truth = to_canonical(request.band, request.mode), self._truth(request)
        length = length or contract.band_px + contract.advance_px
        if truth is not None:
            scene = _beside(scene, truth).crop((0, 0, min(scene.width + truth.width, length), scene.height))
        missing = length - scene.width
        if not missing:
            return scene, "picture"
        scene = _beside(scene, continue_by_quilting(_last_columns(scene, contract.band_px), missing, key))
        return scene, "quilting" if truth is None else "picture, then quilting"

    def _closed(self, request: TileRequest, scene: Image.Image, key: str) -> Image.Image:
        """The tile of a closing step: `scene` up to a cut, after it pixels that lead to the beginning of the canvas.

        All pictures are canonical; the cut lies in the middle half.
        """
        assert request.beginning is not None
        contract, end = request.contract, request.beginning
        back = replace(request, mode=request.mode.opposite, band=end.band, band_origin=end.origin, beginning=None)
        behind = ImageOps.mirror(self._continued(back, f"{key}:beginning")[0])
        tile = Image.new("RGB", (contract.tile_px, contract.across_px))
        tile.paste(behind, (contract.band_px, 0))
        quarter = contract.advance_px // 4
        left, right = contract.band_px + quarter, contract.band_px + contract.advance_px - quarter
        old, new = (picture.crop((left, 0, right, tile.height)) for picture in (scene, tile))
        tile.paste(scene.crop((0, 0, left, tile.height)), (0, 0))
        tile.paste(_joined(old, new), (left, 0))
        return tile

    def _tile_in_picture(self, request: TileRequest) -> Box:
        """The box of the tile in the known picture, own orientation; it may extend beyond the picture."""
        frame = request.contract.tile_frame(request.mode)
        left = self._origin[0] + request.band_origin[0] - frame.conditioning_half.left
        top = self._origin[1] + request.band_origin[1] - frame.conditioning_half.top
        width, height = request.tile_size
        return Box(left, top, left + width, top + height)

    def _truth(self, request: TileRequest) -> Image.Image | None:
        """The known picture's pixels after the seam, canonical; None when it does not cover the whole seam."""
        if self._picture is None:
            return None
        tile = self._tile_in_picture(request)
        in_tile = request.contract.tile_frame(request.mode).generated_half
        left, top = tile.left + in_tile.left, tile.top + in_tile.top
        half = Box(left, top, left + in_tile.size[0], top + in_tile.size[1])
        visible_box = Box(
            max(0, left), max(0, top), min(self._picture.width, half.right), min(self._picture.height, half.bottom)
        )
        if visible_box.right <= visible_box.left or visible_box.bottom <= visible_box.top:
            return None
        _, across = request.contract.oriented(visible_box.size, request.mode)
        seam_side = {"right": "left", "left": "right", "bottom": "top", "top": "bottom"}[request.mode.direction]
        if across != request.contract.across_px or getattr(visible_box, seam_side) != getattr(half, seam_side):
            return None
        return to_canonical(self._picture.crop(visible_box), request.mode)


def _joined(old: Image.Image, new: Image.Image) -> Image.Image:
    """Join `old` at the left and `new` at the right, of equal size: detail along a cut, tone by a ramp over the width.

    This is a multiresolution spline with two bands (Burt and Adelson, ACM Transactions on Graphics 2(4), 1983).
    """
    cut = minimum_error_cut(old, new)
    ramp = Image.linear_gradient("L").rotate(90).resize(old.size)
    blur = ImageFilter.GaussianBlur(old.width / _TONE_SHARE)
    pictures = Image.composite(new, old, cut), old.filter(blur), new.filter(blur)
    channels = zip(*(picture.split() for picture in pictures), strict=True)
    levels = [
        combined(
            lambda a: a["v"] + (a["old"] - a["new"]) * (a["cut"] - a["ramp"]) * (1.0 / (LEVELS - 1)) + 0.5,
            v=as_float(channel), old=as_float(before), new=as_float(behind), cut=as_float(cut), ramp=as_float(ramp),
        ).convert("L")
        for channel, before, behind in channels
    ]  # fmt: skip
    return Image.merge("RGB", levels)


def _placed_as(drift: Drift, other: Drift) -> Drift:
    """`drift` with the tone and softness of another: a tile has one geometry, and its tone changes along it."""
    return replace(drift, gamma=other.gamma, contrast=other.contrast, cast=other.cast, blur=other.blur)


@dataclass(frozen=True, eq=False)
class _Scene:
    """A picture, the box of the tile in it, and the source of the pixels after the seam."""

    image: Image.Image
    tile: Box
    source: str


def _unrelated_tile(misbehaviour: str, band: Image.Image, size: tuple[int, int], key: str) -> Image.Image:
    """A canonical tile of `size` (width, height) that does not continue the `band`."""
    if misbehaviour == "another":
        return _clouds(size, key)
    if misbehaviour == "mirror":
        return crop_mirrored(band, (0, 0, *size))
    tile = Image.new("RGB", size, band.resize((1, 1), Image.Resampling.BOX).getpixel((0, 0)))
    for left in range(0, size[0] if misbehaviour.startswith("copy") else band.width, band.width):
        tile.paste(band, (left, 0))
    return tile


def _reference_in(request: TileRequest) -> Image.Image:
    """The first reference picture, scaled and cropped to cover the generated half; canonical."""
    picture = request.references[0].image
    size = request.contract.tile_frame(request.mode).generated_half.size
    return to_canonical(ImageOps.fit(picture, size), request.mode)


def _clouds(size: tuple[int, int], key: str) -> Image.Image:
    """Coloured clouds: five octaves of noise; the n-th is blended in with weight 0.6 / n."""
    draw = random.Random(f"clouds:{key}")
    out = Image.new("RGB", size, (128, 128, 128))
    for number in range(5):
        cells = 3 * 2**number
        noise = Image.frombytes("RGB", (cells, cells), draw.randbytes(3 * cells * cells))
        out = Image.blend(out, noise.resize(size, Image.Resampling.BICUBIC), 0.6 / (number + 1))
    return out


def _beside(left: Image.Image, right: Image.Image) -> Image.Image:
    out = Image.new("RGB", (left.width + right.width, left.height))
    out.paste(left, (0, 0))
    out.paste(right, (left.width, 0))
    return out


def _last_columns(image: Image.Image, width: int) -> Image.Image:
    return image.crop((image.width - width, 0, image.width, image.height))


def _digest(image: Image.Image) -> str:
    """Hexadecimal SHA-256 of mode, size and pixels."""
    return hashlib.sha256(f"{image.mode} {image.width}x{image.height} ".encode() + image.tobytes()).hexdigest()


def _png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def _open_picture(picture: Image.Image | str | Path | None) -> Image.Image | None:
    if picture is None or isinstance(picture, Image.Image):
        return None if picture is None else require_rgb(picture, "the known picture")
    try:
        with Image.open(picture) as opened:
            return opened.convert("RGB")
    except (OSError, Image.DecompressionBombError) as error:
        raise PictureError(f"cannot read the known picture {str(picture)!r}: {error}") from error
