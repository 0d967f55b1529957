"""The inputs of a step: the ends of the canvas that its tile continues, the user prompt, and the options."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from itertools import zip_longest

from PIL import Image

from ...api.generator import Beginning, TileRequest
from ...api.prompt import build_prompt
from ...api.reference_picture import ReferencePicture
from ...contract import Frame, Mode, TileContract, from_canonical, to_canonical
from ...geometry.anchor import Anchor
from ...geometry.closing import closing_reference, scaffold_from_far_end
from ...geometry.enforcement import require_band
from ...geometry.reference_tile import SCAFFOLD_FILLS, ReferenceTile, build_reference_tile_and_mask
from ..store.pieces import Zones
from .options import StepOptions

__all__ = ["CanonicalInputs", "StepInputs", "TileEnd", "pixels_sha256"]


def pixels_sha256(image: Image.Image) -> str:
    """Hash of the pixels of an RGB picture, row by row."""
    return hashlib.sha256(image.tobytes()).hexdigest()


@dataclass(frozen=True, eq=False)
class TileEnd:
    """An end of the canvas that a tile continues.

    Attributes:
        mode: the direction of growth at that end.
        band: RGB, in the orientation of `mode`.
        zone_px: width of the pending zone at the end of the band, in which the step may cut.
        origin: (x, y) of the band's top left pixel, signed from the seed picture's origin.
    """

    mode: Mode
    band: Image.Image
    zone_px: int = 0
    origin: tuple[int, int] = (0, 0)


@dataclass(frozen=True, eq=False)
class CanonicalInputs:
    """The inputs of the stages of a step in canonical orientation: the frontier grows to the right.

    A step converts its band once, each answer once (`turned`), and each picture that it writes once (`own`). The stages
    in between convert nothing, but for the far end of a closing tile, which they mirror.

    Attributes:
        mode: the direction of the step, which defines the pictures' own orientation.
        contract: the sizes of this step.
        options: the options of the step.
        ends: the ends of the canvas that the tile continues: the frontier, which grows in X_LTR; then, for a step that
            closes a loop, the other end, which grows in X_RTL.
        anchor: the style towards which the new half is corrected; None for no correction.
        references: the reference pictures of the request, canonical.
    """

    mode: Mode
    contract: TileContract
    options: StepOptions
    ends: tuple[TileEnd, ...]
    anchor: Anchor | None = None
    references: tuple[Image.Image, ...] = ()

    @property
    def band(self) -> Image.Image:
        """The band at the frontier."""
        return self.ends[0].band

    @property
    def closes(self) -> bool:
        """Whether the step closes a loop."""
        return len(self.ends) > 1

    @property
    def frame(self) -> Frame:
        """The boxes in a tile."""
        return self.contract.tile_frame(Mode.X_LTR)

    def turned(self, image: Image.Image) -> Image.Image:
        """Convert a picture from its own orientation to the canonical one."""
        return to_canonical(image, self.mode)

    def own(self, image: Image.Image) -> Image.Image:
        """Convert a canonical picture to its own orientation."""
        return from_canonical(image, self.mode)


@dataclass(frozen=True, eq=False)
class StepInputs:
    """The inputs of a step.

    Attributes:
        mode, contract: direction, and sizes of this step (`StepOptions.step_contract`).
        band: RGB, in the picture's own orientation.
        words: the user prompt.
        options: the options of the step.
        zone_px: width of the pending zone at the end of the band, in which the step may cut.
        origin: (x, y) of the band's top left pixel, signed from the seed picture's origin.
        anchor: the style towards which the new half is corrected; None for no correction.
        beginning: the other end of the canvas, for a step that closes a loop; None otherwise.
        references: the reference pictures of the request.
        scaffold: RGB content of the generated half in the picture's own orientation; None for a fill by name.
    """

    mode: Mode
    contract: TileContract
    band: Image.Image
    words: str
    options: StepOptions
    zone_px: int = 0
    origin: tuple[int, int] = (0, 0)
    anchor: Anchor | None = None
    beginning: TileEnd | None = None
    references: tuple[ReferencePicture, ...] = ()
    scaffold: Image.Image | None = None

    @property
    def ends(self) -> tuple[TileEnd, ...]:
        """The ends of the canvas that the tile continues, the frontier first; each has a seam."""
        near = TileEnd(self.mode, self.band, self.zone_px, self.origin)
        return (near,) if self.beginning is None else (near, self.beginning)

    @property
    def zones(self) -> Zones:
        """The widths of the pending zones that the step commits and leaves."""
        return Zones(self.zone_px, self.options.soften_px, 0 if self.beginning is None else self.beginning.zone_px)

    @cached_property
    def canonical(self) -> CanonicalInputs:
        """The inputs of the stages in canonical orientation.

        Raises:
            CanvasError: a band is not RGB or of the wrong size.
        """
        bands = [to_canonical(require_band(end.band, end.mode, self.contract), self.mode) for end in self.ends]
        modes = (Mode.X_LTR, Mode.X_RTL)
        return CanonicalInputs(
            mode=self.mode,
            contract=self.contract,
            options=self.options,
            ends=tuple(
                TileEnd(mode, band, end.zone_px) for mode, band, end in zip(modes, bands, self.ends, strict=False)
            ),
            anchor=self.anchor,
            references=tuple(to_canonical(picture.image, self.mode) for picture in self.references),
        )

    @property
    def prompt(self) -> str:
        """The full prompt for the model."""
        closes, kinds = self.beginning is not None, [picture.kind for picture in self.references]
        return build_prompt(self.mode, self.words, self.contract, self.options.prompt_strength, closes, kinds)

    @property
    def band_sha256(self) -> str:
        """Hash of the band's pixels."""
        return pixels_sha256(self.band)

    def request(self, candidates: int, step_index: int, first_candidate: int = 0) -> TileRequest:
        """The request to a generator for `candidates` tiles; the other arguments as in `TileRequest`."""
        reference, end = self.reference_tile(), self.beginning
        return TileRequest(
            mode=self.mode,
            contract=self.contract,
            band=self.band,
            reference=reference.image,
            mask=reference.mask,
            prompt=self.prompt,
            candidates=candidates,
            step_index=step_index,
            first_candidate=first_candidate,
            band_origin=self.origin,
            beginning=None if end is None else Beginning(end.band, end.origin),
            references=self.references,
        )

    def reference_tile(self) -> ReferenceTile:
        """The reference tile that the model sees, and its mask."""
        scaffold, scaffolds = self.scaffold, [self.scaffold]
        if scaffold is not None and self.beginning is not None:
            scaffolds.append(scaffold_from_far_end(scaffold, self.mode, self.contract))
        first, *others = (
            build_reference_tile_and_mask(
                end.band,
                end.mode,
                self.contract,
                scaffold_fill=self.options.scaffold_fill if content is None else SCAFFOLD_FILLS[0],
                continuation_cue=self.options.continuation_cue,
                soft_px=end.zone_px if self.options.soft_mask else 0,
                scaffold=content,
            )
            for end, content in zip_longest(self.ends, scaffolds)
        )
        return closing_reference(first, others[0], self.mode, self.contract) if others else first
