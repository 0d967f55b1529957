"""The photometric correction of a tile: everything that calibration does to it after its geometry."""

from __future__ import annotations

from dataclasses import dataclass

from PIL import Image

from .sharpness import Kernel, sharpened
from .tone import ToneCurves, with_tone

__all__ = ["PhotometricCorrection"]


@dataclass(frozen=True)
class PhotometricCorrection:
    """Tone curves, a kernel, and curves that equalize the levels afterwards; the default changes nothing."""

    tone: ToneCurves = ()
    kernel: Kernel = Kernel()  # noqa: RUF009 (frozen)
    levels: ToneCurves = ()

    def applied_to(self, image: Image.Image) -> Image.Image:
        """`image` (RGB, any size) corrected; the picture itself where nothing changes."""
        if self.tone:
            image = with_tone(image, self.tone)
        if self.kernel != Kernel():
            image = sharpened(image, self.kernel)
        return with_tone(image, self.levels) if self.levels else image
