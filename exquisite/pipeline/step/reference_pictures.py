"""The pictures in the options of a step: stored by content in the session, and loaded from there.

An option names a picture by its file, or as "seed" or "map". Before a request is made, `with_stored_pictures` replaces
each of these by the name of a stored picture, such as "map:<sha256>". A step that is resumed, redone or scored again
therefore has the same pixels, even if the file or the canvas has changed since.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from PIL import Image, ImageDraw

from ...api.reference_picture import ReferencePicture
from ...contract import Box, Mode, TileContract, from_canonical, to_canonical
from ...errors import UsageError
from ...geometry.reference_tile import SCAFFOLD_FILLS
from ..export.view import CanvasView
from ..fitting import rgb_file
from ..store import SEED, Store
from ..store.pieces import Piece
from ..store.session_pictures import decoded
from .options import STORED_PICTURE, StepOptions

__all__ = [
    "MAP_SCALE",
    "MAP_TILES",
    "largest_map_size",
    "map_size",
    "references_of",
    "require_reaches",
    "scaffold_of",
    "store_pictures",
    "with_stored_pictures",
]

MAP_SCALE = 1 / 4
"""Largest scale of a map; a longer canvas is scaled further, so that its map is at most a tile long."""

MAP_TILES = 32
"""Length of canvas that a map shows at most, in tiles, so that a step costs the same at any length."""

_FRAME = (230, 30, 60)  # red
_UNKNOWN = (128, 128, 128)  # grey: the area of new pixels on a map, and the part of the tile beyond a sketch


def with_stored_pictures(store: Store, base: int, mode: Mode, options: StepOptions) -> StepOptions:
    """`options` of a step in `mode` on top of step `base`, with every picture replaced by the name of a stored one.

    Raises:
        PictureError: a file is not a picture.
        CanvasError: the canvas cannot grow in `mode`.
        UsageError: two references are the same picture, or a sketch ends before its offset.
    """
    references = tuple(_stored_reference(store, base, mode, name) for name in options.references)
    _require_different(options.references, references)
    scaffold = options.scaffold_fill
    if scaffold not in SCAFFOLD_FILLS and not STORED_PICTURE.fullmatch(scaffold):
        sketch = _sketch(scaffold, mode, store.contract)
        require_reaches(scaffold, sketch.size, mode, options.scaffold_offset_px, store.contract)
        scaffold = f"file:{store.pictures.take(sketch)}"
    return replace(options, references=references, scaffold_fill=scaffold)


def _require_different(names: Sequence[str], stored: Sequence[str]) -> None:
    """Refuse a picture that is named twice; a record of an older version may hold one twice."""
    first: dict[str, str] = {}
    for name, digest in zip(names, (one.partition(":")[2] for one in stored), strict=True):
        if first.setdefault(digest, name) != name and not STORED_PICTURE.fullmatch(name):
            raise UsageError(f"{name} is the same picture as {first[digest]}: name it once, since each costs tokens")


def require_reaches(name: str, size: tuple[int, int], mode: Mode, offset_px: int, contract: TileContract) -> None:
    """Check that a sketch of `size` (width, height), scaled to the tile's size across, does not end before an offset.

    Raises:
        UsageError: it does; the message names its length.
    """
    length = _scaled_length(size, mode, contract)
    if offset_px >= length:
        raise UsageError(
            f"{name} ends before pixel {offset_px}, where this step begins: scaled to {contract.across_px} px across, "
            f"it is {length} px long; use a longer picture or a smaller scaffold_offset_px"
        )


def references_of(store: Store, options: StepOptions) -> tuple[ReferencePicture, ...]:
    """The stored reference pictures in `options`.

    Raises:
        SessionDamagedError: the file of one is missing or altered.
    """
    return tuple(_loaded(store, name) for name in options.references)


def scaffold_of(store: Store, mode: Mode, options: StepOptions) -> Image.Image | None:
    """The content of the generated half by the picture in `options`, own orientation; None without a picture.

    The picture lies along the direction of growth with scaffold_offset_px of it before the seam; the rest is grey.

    Raises:
        SessionDamagedError: its file is missing or altered.
    """
    if options.scaffold_fill in SCAFFOLD_FILLS:
        return None
    contract = options.step_contract(store.contract)
    sketch = to_canonical(_loaded(store, options.scaffold_fill).image, mode)
    half = Image.new("RGB", (contract.tile_px - contract.band_px, contract.across_px), _UNKNOWN)
    half.paste(sketch, (-options.scaffold_offset_px, 0))
    return from_canonical(half, mode)


def store_pictures(store: Store, options: StepOptions) -> None:
    """Write the pictures in `options` to the session, before a request is sent; durable on return."""
    names = (*options.references, options.scaffold_fill)
    store.pictures.keep(match[2] for match in map(STORED_PICTURE.fullmatch, names) if match)


def map_size(contract: TileContract, canvas_px: int) -> tuple[int, int]:
    """(along, across) in pixels of the map of a canvas that is `canvas_px` long."""
    visible_px = min(canvas_px, MAP_TILES * contract.tile_px) + contract.tile_px - contract.band_px
    length = max(1, round(min(MAP_SCALE * visible_px, contract.tile_px)))
    return length, max(1, round(contract.across_px * length / visible_px))


def largest_map_size(contract: TileContract) -> tuple[int, int]:
    """(along, across) in pixels of the largest map."""
    return contract.tile_px, max(1, round(MAP_SCALE * contract.across_px))


def _loaded(store: Store, name: str) -> ReferencePicture:
    kind, _, digest = name.partition(":")
    data = store.pictures.png(digest)
    image = decoded(data, digest)
    assert image is not None
    return ReferencePicture(kind, data, image.size, digest)


def _stored_reference(store: Store, base: int, mode: Mode, name: str) -> str:
    if STORED_PICTURE.fullmatch(name):
        return name
    if name == "seed":
        return f"seed:{store.pictures.take(_middle_of_seed(store, mode))}"
    if name == "map":
        return f"map:{store.pictures.take(_map(store, base, mode))}"
    return f"file:{store.pictures.take(_no_longer(rgb_file(name), store.contract))}"


def _no_longer(picture: Image.Image, contract: TileContract) -> Image.Image:
    """`picture`, scaled down if it is longer than a tile: a larger one costs more, and the model scales it anyway."""
    longest = max(contract.tile_px, contract.across_px)
    scale = longest / max(picture.size)
    if scale >= 1:
        return picture
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    return picture.resize(size, Image.Resampling.LANCZOS)


def _sketch(path: str, mode: Mode, contract: TileContract) -> Image.Image:
    """The picture in a file, scaled to the tile's size across."""
    picture = rgb_file(path)
    size = contract.oriented((_scaled_length(picture.size, mode, contract), contract.across_px), mode)
    return picture if picture.size == size else picture.resize(size, Image.Resampling.LANCZOS)


def _scaled_length(size: tuple[int, int], mode: Mode, contract: TileContract) -> int:
    """Length along the growing axis, in pixels, of a picture of `size` scaled to the tile's size across."""
    along, across = contract.oriented(size, mode)
    return max(1, round(along * contract.across_px / across))


def _middle_of_seed(store: Store, mode: Mode) -> Image.Image:
    """The middle of the seed picture, at most as large as a tile."""
    seed = store.read_strip(Piece.from_record(store.steps.record(SEED)["strip"]))
    width, height = (min(own, tile) for own, tile in zip(seed.size, store.contract.tile_size(mode), strict=True))
    left, top = (seed.width - width) // 2, (seed.height - height) // 2
    return seed.crop((left, top, left + width, top + height))


def _map(store: Store, base: int, mode: Mode) -> Image.Image:
    """The scaled-down canvas of step `base`, with the area after its frontier in grey and the tile in a red frame."""
    contract, canvas = store.contract, store.canvas_box(base)
    contract.require_canvas(canvas.size, mode)
    along, across = contract.oriented(canvas.size, mode)
    visible_px = min(along, MAP_TILES * contract.tile_px)
    room = contract.tile_px - contract.band_px
    size = map_size(contract, along)
    scale = size[0] / (visible_px + room)
    start = along - visible_px if mode.side == "high" else 0
    part = (start, 0, start + visible_px, across)
    crop = Box(*part) if mode.axis == "x" else Box(part[1], part[0], part[3], part[2])
    view = CanvasView(store, base, crop, scale)
    small = Image.new("RGB", (view.length, view.breadth))
    at = 0
    for block in view.blocks():
        small.paste(block, (at, 0))
        at += block.width
    picture = Image.new("RGB", size, _UNKNOWN)
    picture.paste(to_canonical(view.own(small), mode), (0, 0))
    left = round((visible_px - contract.band_px) * scale)
    width = max(1, size[1] // 64)
    ImageDraw.Draw(picture).rectangle((left, 0, size[0] - 1, size[1] - 1), outline=_FRAME, width=width)
    return from_canonical(picture, mode)
